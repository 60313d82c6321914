"""How values are written for people in a report: money, percentages, times; a dash for what is undefined."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from bt.output.panel import money, percent, ratio
from bt.output.tables import printable

if TYPE_CHECKING:
    import polars as pl

    from bt.report.definitions import Section

NONE: Final = "–"  # noqa: RUF001 - what is undefined
_HUGE, _TINY = 1e15, 1e-4


def written(value: Any, form: str = "") -> str:
    """Write one value; `form` is one of FORMATS, a number of decimals, or empty: by its type."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (datetime, date)):
        return _time(value, form)
    if isinstance(value, int | float):
        return _number(value, form)
    return text(value)


def text(value: object) -> str:
    """Give foreign text without characters that nobody sees but that act: they become �."""
    plain = str(value)
    if plain.isprintable():
        return plain
    return "".join(letter if letter in "\n\t" else printable(letter) for letter in plain)


def columns(section: Section, frame: pl.DataFrame, names: list[str]) -> dict[str, list[str]]:
    """Write the cells of some columns as the section's header says."""
    made = {}
    for name in names:
        form = section.formats.get(name, "")
        values = frame[name].to_list()
        if form.startswith("by "):
            forms = [str(each or "") for each in frame[form.removeprefix("by ")].to_list()]
            made[name] = [written(value, each) for value, each in zip(values, forms, strict=True)]
        else:
            made[name] = [written(value, form) for value in values]
    return made


def _time(value: date, form: str) -> str:
    if form == "date" or not isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    return f"{value:%Y-%m-%d %H:%M:%S}" if value.second and form != "minute" else f"{value:%Y-%m-%d %H:%M}"


def _number(value: float, form: str) -> str:  # noqa: PLR0911 - one line a format
    if form in {"money", "signed"}:
        return money(round(value, 2) + 0.0, signed=form == "signed")
    if form in {"percent", "gain"}:
        return percent(round(value, 4) + 0.0, signed=form == "gain")
    if form == "points":
        return f"{round(10_000 * value, 1) + 0.0:,.1f} bp"
    if form == "count":
        return f"{round(value):,}"
    if form.isdecimal():
        return ratio(value, int(form))
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.8g}" if _TINY <= abs(value) < _HUGE or value == 0 else f"{value:.6g}"
