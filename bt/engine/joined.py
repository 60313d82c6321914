"""Simulations of successive parts of a tape, each begun with what the one before ended with, as one run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from bt.engine.outcome import trades_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bt.engine.outcome import Simulation

_LAST: Final = ("equity", "high")  # of a day that two parts share: what the later says
_EXTREMES: Final = {"drawdown": pl.Expr.min, "best": pl.Expr.max, "worst": pl.Expr.min}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Joined:
    """Hold what happened in all parts, as the frames of one `Simulation`; positions end with their part."""

    status: Literal["finished", "ruined"]
    ambiguous: int
    fills: pl.DataFrame
    rejections: pl.DataFrame
    funding_payments: pl.DataFrame
    equity: pl.DataFrame
    days: pl.DataFrame

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Give one row per trade; columns as in the warehouse's view `trades`."""
        return trades_of(self.fills, self.funding_payments)

    @property
    def end_equity(self) -> float:
        """Give the equity at the last close, in quote currency."""
        return float(self.days["equity"][-1])


def join(parts: Sequence[Simulation]) -> Joined:
    """Join simulations that follow one another in time: trades, fills and the symbols' bars are numbered through.

    What the end of a part closed, its data having ended, has the reason `fold_end`.
    """
    trades, bars = 0, Counter[str]()
    fills, payments = [], []
    closed = pl.when(pl.col("reason") == "end_of_data").then(pl.lit("fold_end")).otherwise("reason").alias("reason")
    for part in parts:
        before = pl.col("symbol").replace_strict(bars, default=0, return_dtype=pl.Int64) if bars else 0
        fills.append(part.fills.with_columns(pl.col("trade") + trades, pl.col("bar") + before, closed))
        payments.append(part.funding_payments.with_columns(pl.col("trade") + trades))
        trades += part.fills["trade"].n_unique()  # from 1 in each
        bars.update(part.bars)
    return Joined(
        status="ruined" if any(part.status == "ruined" for part in parts) else "finished",
        ambiguous=sum(part.ambiguous for part in parts),
        fills=_numbered(fills),
        rejections=_numbered([part.rejections for part in parts]),
        funding_payments=pl.concat(payments),
        equity=pl.concat(part.equity for part in parts),
        days=_days(pl.concat(part.days for part in parts)),
    )


def _numbered(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("n"))


def _days(days: pl.DataFrame) -> pl.DataFrame:
    """Put together what two parts say of the day in which the one ends and the other begins."""
    sums = [pl.col(name).sum() for name in days.columns if name not in {"day", *_LAST, *_EXTREMES}]
    extremes = [extreme(pl.col(name)) for name, extreme in _EXTREMES.items()]
    found = days.group_by("day", maintain_order=True).agg(*(pl.col(name).last() for name in _LAST), *extremes, *sums)
    return found.select(days.columns)
