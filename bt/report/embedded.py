"""How a section's rows travel to the page's script: as JSON that no text can break out of."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

_MILLISECONDS: Final = 60_000
_ESCAPED: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def safe_json(value: Any) -> str:
    """Give JSON for a <script> element: no character in it can end the element or a line; NaN is null."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    return plain.translate({ord(letter): code for letter, code in _ESCAPED.items()})


def column(series: pl.Series) -> Any:
    """Give a column shortly: times as differences of minutes (or milliseconds), repeated texts as places in a list."""
    if series.dtype.is_temporal():
        return _times(series)
    if series.dtype.is_float():
        return [_rounded(value) for value in series.to_list()]
    values = series.to_list()
    if series.dtype.is_numeric():
        return values
    kinds = list(dict.fromkeys(values))
    if len(values) > 2 * len(kinds):
        place = {kind: number for number, kind in enumerate(kinds)}
        return {"kinds": kinds, "places": [place[value] for value in values]}
    return values


def _times(series: pl.Series) -> Any:
    import polars as pl

    stamps = series.cast(pl.Datetime("ms")).to_physical()
    known = stamps.drop_nulls()
    unit = _MILLISECONDS if (known % _MILLISECONDS == 0).all() else 1
    previous, steps = 0, []
    for stamp in stamps.to_list():
        steps.append(None if stamp is None else stamp // unit - previous)
        previous = previous if stamp is None else stamp // unit
    return {"unit": unit, "steps": steps}


def _rounded(value: float | None) -> float | int | None:
    """Give eight digits, more than a chart can show."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.8g}")
    return int(short) if short.is_integer() and abs(short) < 1e9 else short  # noqa: PLR2004
