"""What another engine is given, and what it answers: bars, signals and settings in, its trades and equity out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from bt.engine import Terms

Columns = dict[str, pl.DataType | type[pl.DataType]]

TRADE: Final[Columns] = {
    "symbol": pl.String, "side": pl.String, "qty": pl.Float64, "entry_ts": pl.Datetime("us"), "entry_price": pl.Float64,
    "exit_ts": pl.Datetime("us"), "exit_price": pl.Float64, "exit_reason": pl.String, "fees": pl.Float64,
    "funding": pl.Float64, "pnl": pl.Float64,
}  # fmt: skip
EQUITY: Final[Columns] = {"ts": pl.Datetime("us"), "equity": pl.Float64}

Rule = dict[str, object]  # a row of `instruments`


@dataclass(frozen=True, kw_only=True)
class Case:
    """One account on one span: what any engine needs, and nothing of what ours made of it.

    `bars`: `symbol, ts, open, high, low, close, volume`, by symbol and time. `signals`: the signal columns on the same
    rows; what is known at a bar's close acts at the symbol's next bar. `rules`: each symbol's instrument rows in the
    order of `valid_from`. `funding`: `symbol, ts, rate, mark`, stamps floored to the minute. `length`: of a bar.
    """

    bars: pl.DataFrame
    signals: pl.DataFrame
    terms: Terms
    cash: float  # quote, at the start
    rules: Mapping[str, list[Rule]]
    funding: pl.DataFrame
    length: timedelta
    heard: Callable[[int], None] = field(default=lambda _: None)  # told how many bar times are done

    @property
    def says_anything(self) -> bool:
        """Say whether there are signals at all."""
        return bool({"enter_long", "enter_short"} & set(self.signals.columns))


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What an engine made of a case: one row per trade (`TRADE`), one per bar time (`EQUITY`).

    `complaints` are orders that the engine refused by rules of its own, in words, with their time.
    """

    trades: pl.DataFrame
    equity: pl.DataFrame
    complaints: tuple[tuple[datetime, str], ...] = ()

    @property
    def end_equity(self) -> float:
        """Give the equity after the last bar, in quote currency."""
        return float(self.equity["equity"][-1])
