"""What differs between rows computed with the future at hand and the same rows computed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

KEY: Final = ("symbol", "ts")
ROWS: Final = "(rows)"  # the name under which vanished and additional rows are counted
RELATIVE: Final = 1e-9  # numbers nearer to each other than this are equal,
ABSOLUTE: Final = 1e-12  # or than this share of their column's median size: sums may be added up in another order


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One row that differs; `known` is its value with the future at hand, `seen` without."""

    column: str
    symbol: str
    ts: datetime
    known: Any
    seen: Any
    size: float | None  # the largest difference of the column's numbers, in its unit
    first: datetime  # the earliest row that differs, of any symbol
    last: datetime
    rows: int


def differences(known: pl.DataFrame, seen: pl.DataFrame) -> Iterator[Difference]:
    """Compare two frames; give a difference for each column that has one, and one for rows that only one of them has.

    Numbers are equal within RELATIVE and ABSOLUTE, null equals null, NaN equals NaN; all else must be the same.
    """
    if known.equals(seen):
        return
    if not known.select(KEY).equals(seen.select(KEY)):
        yield from _about_rows(known, seen)
        known, seen = _on_common_rows(known, seen)
    for name in [name for name in known.columns if name in seen.columns and name not in KEY]:
        if known[name].equals(seen[name]):
            continue
        differs = _differs(known[name], seen[name])
        if differs.any():
            yield _described(name, known, seen, differs)
    for name in sorted(set(known.columns) ^ set(seen.columns)):
        if known.height:
            here, there = ("a column", "none") if name in known.columns else ("none", "a column")
            symbol, ts = known.select(KEY).row(-1)
            yield Difference(
                column=name, symbol=symbol, ts=ts, known=here, seen=there, size=None,
                first=known["ts"].min(), last=ts, rows=known.height,  # type: ignore[arg-type]
            )  # fmt: skip


def _about_rows(known: pl.DataFrame, seen: pl.DataFrame) -> Iterator[Difference]:
    sides = (known.select(KEY), seen.select(KEY))
    gone = sides[0].join(sides[1], on=KEY, how="anti").with_columns(known=pl.lit("a row"), seen=pl.lit("no row"))
    new = sides[1].join(sides[0], on=KEY, how="anti").with_columns(known=pl.lit("no row"), seen=pl.lit("a row"))
    odd = pl.concat([gone, new]).sort("ts", "symbol")
    if odd.is_empty():  # the same rows, repeated: bt run refuses those
        return
    symbol, ts, here, there = odd.row(0)
    last: Any = odd["ts"].max()
    yield Difference(
        column=ROWS, symbol=symbol, ts=ts, known=here, seen=there, size=None, first=ts, last=last, rows=odd.height
    )


def _on_common_rows(known: pl.DataFrame, seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    own = known.unique(KEY, keep="first").sort(KEY)
    other = seen.unique(KEY, keep="first").sort(KEY)
    return (
        own.join(other.select(KEY), on=KEY, how="semi", maintain_order="left"),
        other.join(own.select(KEY), on=KEY, how="semi", maintain_order="left"),
    )


def _differs(known: pl.Series, seen: pl.Series) -> pl.Series:
    kinds = (known.dtype, seen.dtype)
    if all(kind.is_numeric() for kind in kinds):
        return _numbers_differ(known.cast(pl.Float64), seen.cast(pl.Float64))
    if pl.Null() in kinds:
        return known.is_null() != seen.is_null()
    if kinds[0] != kinds[1] or pl.Object() in kinds:
        return pl.Series([repr(one) != repr(two) for one, two in zip(known, seen, strict=True)], dtype=pl.Boolean)
    return known.ne_missing(seen)


def _numbers_differ(known: pl.Series, seen: pl.Series) -> pl.Series:
    one, two = known.to_numpy(), seen.to_numpy()  # null becomes NaN
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    if not same.all():
        finite = np.isfinite(one)
        least = ABSOLUTE * float(np.median(np.abs(one[finite]))) if finite.any() else 0.0
        with np.errstate(invalid="ignore", over="ignore"):
            near = np.abs(one - two) <= np.maximum(RELATIVE * np.maximum(np.abs(one), np.abs(two)), least)
        same |= near & finite & np.isfinite(two)
    return pl.Series(~same) | (known.is_null() != seen.is_null())


def _described(name: str, known: pl.DataFrame, seen: pl.DataFrame, differs: pl.Series) -> Difference:
    places = differs.arg_true()
    moments = known["ts"].gather(places)
    place = places[moments.arg_min() or 0]
    size: Any = None
    if known[name].dtype.is_numeric() and seen[name].dtype.is_numeric():
        apart = (known[name].gather(places).cast(pl.Float64) - seen[name].gather(places).cast(pl.Float64)).abs()
        size = apart.filter(apart.is_finite().fill_null(False)).max()
    first: Any = moments.min()
    last: Any = moments.max()
    return Difference(
        column=name, symbol=known["symbol"][place], ts=known["ts"][place], known=known[name][place],
        seen=seen[name][place], size=size, first=first, last=last, rows=len(places),
    )  # fmt: skip
