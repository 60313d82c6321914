"""Donchian breakout: long above the highest high of many bars, out below the lowest low of fewer.

Earns in long trends, as the turtles did; most breakouts fail and cost one stop each.
"""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market, previous


@dataclass(kw_only=True)
class DonchianBreakout(BaseStrategy):
    entry: int = 55  # bars of the channel to break
    exit: int = 20  # bars of the channel that ends the trade
    stop: float = 2.0  # stop distance in ATRs
    short: bool = False  # also sell breaks of the lower side

    search = {"entry": range(20, 120, 20), "exit": [10, 20, 40]}

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(
            wide=Indicator("donchian", n=self.entry),
            narrow=Indicator("donchian", n=self.exit),
            atr=Indicator("atr", n=20),
        )

        close = pl.col("close")
        return bars.with_columns(  # a channel includes its own bar, so a bar can only break the one before
            enter_long=close > previous("wide_upper"),
            exit_long=close < previous("narrow_lower"),
            enter_short=(close < previous("wide_lower")) & self.short,
            exit_short=close > previous("narrow_upper"),
            stop_distance=self.stop * pl.col("atr"),
        )
