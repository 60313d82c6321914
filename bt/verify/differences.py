"""Two engines' trades and equity held together: which differ beyond the tolerance, and by how much at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TOLERANCE: Final = 1e-9  # relative
LEAST: Final = 1e-3  # of the account: smaller positions are held to the tolerance of this one
LEAST_PAID: Final = 1e-5  # of the account, for fees and funding
_ONE_NAME: Final = {"fold_end": "end_of_data"}  # another engine is shown the folds as spans of their own
KEY: Final = ("symbol", "side", "entry_ts")
TIMES: Final = ("exit_ts",)
PRICES: Final = ("entry_price", "exit_price")
MONEY: Final = ("fees", "funding", "pnl")
COMPARED: Final = (*TIMES, "exit_reason", *PRICES, "qty", *MONEY)  # what is the cause of others comes first
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
    values: tuple[float | None, float | None] = (None, None)  # ours and theirs at that bar, quote

    @property
    def same(self) -> bool:
        """Say whether they are one within the tolerance."""
        return self.first is None

    @property
    def difference(self) -> Difference | None:
        """Give the first bar at which they are not one."""
        if self.first is None:
            return None
        ours, theirs = ({"ts": self.first, "equity": value} if value is not None else None for value in self.values)
        return Difference(columns=("equity",) if ours and theirs else (), ours=ours, theirs=theirs)


def paired(ours: pl.DataFrame, theirs: pl.DataFrame, cash: float) -> pl.DataFrame:
    """Put trades of one symbol, side and entry time beside one another, in order of entry.

    Columns: `KEY`, `present` (both, ours, theirs), those of `COMPARED` of either (`_theirs` behind the other's), and
    for each of these `<name>_differs`. `cash` is the size of the account. Numbers are held to the tolerance of
    themselves, pnl to that of the value that was traded.
    """
    turn = pl.int_range(pl.len()).over(KEY).alias("turn")  # of trades of one key
    chosen = [frame.select(*KEY, turn, *COMPARED, pl.lit(value=True).alias("is")) for frame in (ours, theirs)]
    both = chosen[0].join(
        chosen[1], on=[*KEY, "turn"], how="full", suffix="_theirs", coalesce=True, maintain_order="left_right"
    )  # fmt: skip
    alone = pl.when(pl.col("is_theirs").is_null()).then(pl.lit("ours")).when(pl.col("is").is_null())
    present = alone.then(pl.lit("theirs")).otherwise(pl.lit("both"))
    value = pl.max_horizontal(pl.col("qty") * pl.col("entry_price"), pl.lit(LEAST * cash))
    paid = {name: pl.max_horizontal(pl.col(name).abs(), pl.lit(LEAST_PAID * cash)) for name in ("fees", "funding")}
    scales = {"qty": value / pl.col("entry_price"), "pnl": value, **paid}
    differing = [_differs(name, scales.get(name, pl.col(name).abs())) for name in COMPARED]
    found = both.with_columns(present.alias("present"), *differing)
    return found.sort("entry_ts", "symbol", "side", "turn")


def _differs(name: str, scale: pl.Expr) -> pl.Expr:
    ours, theirs = pl.col(name), pl.col(f"{name}_theirs")
    if name in TIMES:
        return ours.ne_missing(theirs).alias(f"{name}_differs")
    if name == "exit_reason":
        named = [reason.replace(_ONE_NAME) for reason in (ours, theirs)]
        return named[0].ne_missing(named[1]).alias(f"{name}_differs")
    apart = ((ours - theirs).abs() > TOLERANCE * scale) | ours.is_nan() | theirs.is_nan()
    return (apart | (ours.is_null() != theirs.is_null())).fill_null(value=False).alias(f"{name}_differs")


def differing(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs of which one is absent or any column differs."""
    return pairs.filter(
        (pl.col("present") != "both") | pl.any_horizontal(pl.col(f"{name}_differs") for name in COMPARED)
    )


def difference_of(row: Mapping[str, Any]) -> Difference:
    """Give a row of `paired` as a difference."""
    key = {name: row[name] for name in KEY}
    ours = key | {name: row[name] for name in COMPARED} if row["present"] != "theirs" else None
    theirs = key | {name: row[f"{name}_theirs"] for name in COMPARED} if row["present"] != "ours" else None
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
    apart = found.filter(beyond).sort("ts").head(1)
    first = apart.row(0) if apart.height else (None, None, None)
    largest: Any = found["gap"].drop_nans().max()
    return Curves(bars=both.height, gap=float(largest or 0.0), first=first[0], values=(first[1], first[2]))
