"""Volatility target: long while above its average, the more the calmer the market is.

Earns in long, calm trends and steps aside before most of a crash; late at every turn.
"""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market


@dataclass(kw_only=True)
class VolatilityTarget(BaseStrategy):
    trend: int = 200  # bars of the average that the close must be above
    n: int = 50  # bars over which the range is averaged
    swing: float = 0.005  # share of equity that an average bar's range may move
    most: float = 0.9  # share of equity held at most, all symbols together; the rest pays fees
    step: float = 0.1  # shares are rounded to this, so that not every bar trades

    search = {"trend": [100, 200, 400], "swing": [0.0025, 0.005, 0.01]}

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(average=Indicator("sma", n=self.trend), atr=Indicator("atr", n=self.n))
        close = pl.col("close")
        symbols = len(market.symbols)
        share = (self.swing / symbols) / (pl.col("atr") / close)
        rounded = (share / self.step).floor() * self.step
        return bars.with_columns(
            target=pl.when(close > pl.col("average")).then(rounded.clip(upper_bound=self.most / symbols)).otherwise(0.0)
        )
