"""EMA over SMA: long from the bar in which the fast average comes above the slow one until it falls below."""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market, previous


@dataclass(kw_only=True)
class EmaSmaCross(BaseStrategy):
    fast: int = 20  # bars
    slow: int = 200  # bars

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(fast=Indicator("ema", n=self.fast), slow=Indicator("sma", n=self.slow))
        above = pl.col("fast") > pl.col("slow")
        return bars.with_columns(enter_long=above & ~previous(above), exit_long=~above)
