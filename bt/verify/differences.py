"""Two engines' trades and equity held together: which differ beyond the tolerance, and by how much at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TOLERANCE: Final = 1e-9  # relative
LEAST: Final = 1e-3  # of the account: smaller amounts are held to the tolerance of this one
KEY: Final = ("symbol", "side", "entry_ts")
TIMES: Final = ("exit_ts",)
PRICES: Final = ("entry_price", "exit_price")
MONEY: Final = ("fees", "funding", "pnl")
COMPARED: Final = (*TIMES, *PRICES, "qty", *MONEY)
SHOWN: Final = (*KEY, "entry_price", "qty", "exit_ts", "exit_price", "exit_reason", *MONEY)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A trade that is not the same in both: the columns that differ, and both rows, None where there is none."""

    columns: tuple[str, ...]
    ours: Row | None
    theirs: Row | None

    @property
    def one(self) -> Row:
        """Give the trade that there is, ours if there are both."""
        return self.ours or self.theirs or {}


@dataclass(frozen=True, kw_only=True)
class Curves:
    """How far two equity curves lie apart: the largest difference as a fraction of equity, and where it is first."""

    bars: int
    gap: float
    first: datetime | None  # bar beyond the tolerance, or that only one of them has

    @property
    def same(self) -> bool:
        """Say whether they are one within the tolerance."""
        return self.first is None


def paired(ours: pl.DataFrame, theirs: pl.DataFrame, cash: float) -> pl.DataFrame:
    """Put trades of one symbol, side and entry time beside one another, in order of entry.

    Columns: `KEY`, `present` (both, ours, theirs), those of `COMPARED` of either (`_theirs` behind the other's), and
    for each of these `<name>_differs`. `cash` is the size of the account.
    """
    chosen = [frame.select(*KEY, *COMPARED, "exit_reason", pl.lit(value=True).alias("is")) for frame in (ours, theirs)]
    both = chosen[0].join(chosen[1], on=KEY, how="full", suffix="_theirs", coalesce=True, maintain_order="left_right")
    alone = pl.when(pl.col("is_theirs").is_null()).then(pl.lit("ours")).when(pl.col("is").is_null())
    present = alone.then(pl.lit("theirs")).otherwise(pl.lit("both"))
    value = pl.max_horizontal(pl.col("qty") * pl.col("entry_price"), pl.lit(LEAST * cash))
    scales = {"qty": value / pl.col("entry_price")} | dict.fromkeys(MONEY, value)
    differing = [_differs(name, scales.get(name, pl.col(name).abs())) for name in COMPARED]
    found = both.with_columns(present.alias("present"), *differing)
    return found.sort("entry_ts", "symbol", "side")


def _differs(name: str, scale: pl.Expr) -> pl.Expr:
    ours, theirs = pl.col(name), pl.col(f"{name}_theirs")
    if name in TIMES:
        return ours.ne_missing(theirs).alias(f"{name}_differs")
    apart = (ours - theirs).abs() > TOLERANCE * scale
    return (apart | (ours.is_null() != theirs.is_null())).fill_null(value=False).alias(f"{name}_differs")


def differing(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs of which one is absent or any column differs."""
    return pairs.filter(
        (pl.col("present") != "both") | pl.any_horizontal(pl.col(f"{name}_differs") for name in COMPARED)
    )


def difference_of(row: Mapping[str, Any]) -> Difference:
    """Give a row of `paired` as a difference."""
    key = {name: row[name] for name in KEY}
    more = (*COMPARED, "exit_reason")
    ours = key | {name: row[name] for name in more} if row["present"] != "theirs" else None
    theirs = key | {name: row[f"{name}_theirs"] for name in more} if row["present"] != "ours" else None
    columns = tuple(name for name in COMPARED if row[f"{name}_differs"]) if row["present"] == "both" else ()
    return Difference(columns=columns, ours=ours, theirs=theirs)


def curves(ours: pl.DataFrame, theirs: pl.DataFrame) -> Curves:
    """Hold two equity curves (`ts, equity`) together, bar by bar."""
    both = ours.select("ts", "equity").join(
        theirs.select("ts", "equity"), on="ts", how="full", suffix="_theirs", coalesce=True
    )  # fmt: skip
    gap = ((pl.col("equity") - pl.col("equity_theirs")).abs() / pl.col("equity").abs()).alias("gap")
    beyond = pl.col("gap").is_null() | (pl.col("gap") > TOLERANCE)
    found = both.with_columns(gap)
    apart = found.filter(beyond)["ts"].min()
    largest: Any = found["gap"].max()
    return Curves(bars=both.height, gap=float(largest or 0.0), first=apart)  # type: ignore[arg-type]
