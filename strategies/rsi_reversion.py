"""RSI reversion: buy a deep dip inside an upward trend, sell when it has recovered.

Earns on quick recoveries in calm uptrends; a crash through the stop is what it pays with.
"""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market


@dataclass(kw_only=True)
class RsiReversion(BaseStrategy):
    n: int = 14  # bars of the RSI
    low: float = 20.0  # enter when the RSI falls below
    high: float = 55.0  # leave when it rises above
    trend: int = 1000  # bars of the average that the close must be above
    stop: float = 6.0  # stop distance in ATRs
    patience: int = 240  # bars until the trade is given up

    search = {"low": [15.0, 20.0, 25.0], "high": [50.0, 55.0, 60.0]}

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(
            rsi=Indicator("rsi", n=self.n),
            average=Indicator("sma", n=self.trend),
            atr=Indicator("atr", n=60),
        )
        rsi = pl.col("rsi")
        return bars.with_columns(
            enter_long=(rsi < self.low) & (pl.col("close") > pl.col("average")),
            exit_long=rsi > self.high,
            stop_distance=self.stop * pl.col("atr"),
            max_bars=pl.lit(self.patience),
        )
