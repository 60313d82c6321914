"""EMA crossover: long while the fast average is above the slow one.

Earns when trends outlast the slow average; bleeds fees in a range.
"""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market, previous


@dataclass(kw_only=True)
class EmaCross(BaseStrategy):
    fast: int = 20  # bars
    slow: int = 100  # bars
    stop: float = 2.0  # stop distance in ATRs

    search = {"fast": range(10, 60, 10), "slow": [100, 150, 200]}

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(
            fast=Indicator("ema", n=self.fast),
            slow=Indicator("ema", n=self.slow),
            atr=Indicator("atr", n=14),
        )
        above = pl.col("fast") > pl.col("slow")
        return bars.with_columns(
            enter_long=above & ~previous(above),
            exit_long=~above,
            stop_distance=self.stop * pl.col("atr"),
        )
