"""Strategies that sweeps of tests try: of every style, and of every way to misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from bt import BaseStrategy, BtError, Indicator

if TYPE_CHECKING:
    from bt import Market


@dataclass(kw_only=True)
class Cross(BaseStrategy):
    """Entries and exits both ways, with a stop and a target."""

    fast: int = 5
    slow: int = 20
    stop: float = 1.5

    search: ClassVar[Any] = {"fast": [3, 5, 8], "slow": [13, 21]}
    constraint: ClassVar[str] = "fast < slow"

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(fast=Indicator("ema", n=self.fast), slow=Indicator("sma", n=self.slow), atr=Indicator("atr"))
        above = pl.col("fast") > pl.col("slow")
        turned = above != above.shift(1).over("symbol")
        return bars.with_columns(
            enter_long=above & turned, exit_long=~above, enter_short=~above & turned, exit_short=above,
            stop_distance=self.stop * pl.col("atr"), take_distance=2 * pl.col("atr"),
        )  # fmt: skip


@dataclass(kw_only=True)
class Pending(BaseStrategy):
    """Entries by limits that live some bars, a trail, a time stop."""

    n: int = 14
    below: float = 0.5
    bars: int = 4

    search: ClassVar[Any] = {"n": [7, 14], "below": [0.25, 0.75], "bars": [1, 5]}

    def signals(self, market: Market) -> pl.LazyFrame:
        frame = market.bars(rsi=Indicator("rsi", n=self.n), atr=Indicator("atr", n=self.n))
        low, atr = pl.col("rsi") < 45, pl.col("atr")
        return frame.with_columns(
            enter_long=low, entry_limit=pl.col("close") - self.below * atr, entry_bars=pl.lit(self.bars),
            stop_distance=2 * atr, trail_distance=3 * atr, max_bars=pl.lit(20), score=-pl.col("rsi"),
        )  # fmt: skip


@dataclass(kw_only=True)
class Weights(BaseStrategy):
    """Targets: a share of equity that follows a score of another timeframe."""

    n: int = 20
    most: float = 0.4

    search: ClassVar[Any] = {"n": [10, 20, 30], "most": [0.2, 0.4]}

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(z=Indicator("zscore", n=self.n), slow=Indicator("ema", n=3, timeframe="4h"))
        with_trend = pl.when(pl.col("close") > pl.col("slow")).then(self.most).otherwise(-self.most)
        return bars.with_columns(target=pl.when(pl.col("z").abs() > 1).then(with_trend).otherwise(0.0))


@dataclass(kw_only=True)
class Gambler(BaseStrategy):
    """Always in, with the whole leverage: it does not take long until it is ruined."""

    n: int = 2

    search: ClassVar[Any] = {"n": [2, 3]}

    def signals(self, market: Market) -> pl.LazyFrame:
        return market.bars(sma=Indicator("sma", n=self.n)).with_columns(
            enter_long=pl.col("close") > pl.col("sma"), exit_long=pl.col("close") < pl.col("sma")
        )


def _plain(bars: pl.LazyFrame) -> pl.LazyFrame:
    late = pl.col("ts").dt.hour()
    return bars.with_columns(enter_long=late == 8, exit_long=late == 20, stop_distance=0.02 * pl.col("close"))


@dataclass(kw_only=True)
class Odd(BaseStrategy):
    """What `way` says; all but the faults trade alike."""

    way: str = "plain"
    n: int = 5

    def signals(self, market: Market) -> pl.LazyFrame:
        ways = {
            "plain": lambda: market.bars(),
            "prints": lambda: (print("hello"), market.bars())[1],
            "twice": lambda: market.bars(a=Indicator("ema", n=self.n)).join(
                market.bars(b=Indicator("sma", n=self.n)).select("symbol", "ts", "b"), on=["symbol", "ts"]
            ),
            "collects": lambda: market.bars(a=Indicator("ema", n=self.n)).collect().lazy(),
            "frame": lambda: market.bars(a=Indicator("ema", n=self.n)).collect(),
            "catches": lambda: self._caught(market),
            "1d": lambda: market.bars(a=Indicator("ema", n=self.n, timeframe="1d")),
            "other": lambda: market.bars(a=Indicator("ema", n=self.n, symbol="BETAUSDT")),
            "first": lambda: market.bars().filter(pl.col("ts") >= market.first),
            "out of range": lambda: market.bars(a=Indicator("ema", n=self.n - 5)),
            "unknown": lambda: market.bars(a=Indicator("emaa", n=self.n)),
            "no argument": lambda: market.bars(a=Indicator("ema", m=self.n)),
            "raises": lambda: {}["nothing"],
            "exits": lambda: (_ for _ in ()).throw(SystemExit(3)),
            "refuses": lambda: (_ for _ in ()).throw(BtError("not today")),
            "no frame": lambda: 5,
            "late": lambda: market.bars().select(pl.col("nothing")),
        }
        given: Any = ways[self.way]()
        return given if self.way == "no frame" else _plain(given)

    def _caught(self, market: Market) -> pl.LazyFrame:
        try:
            return market.bars(a=Indicator("ema", n=self.n)).filter(pl.col("a").is_not_null())
        except BtError:
            return market.bars().filter(False)


@dataclass(kw_only=True)
class Ahead(BaseStrategy):
    """Needs as many bars before the span as a parameter says."""

    n: int = 30

    search: ClassVar[Any] = {"n": [10, 30, 60]}

    @property
    def warm_up(self) -> int:  # type: ignore[override]
        return self.n

    def signals(self, market: Market) -> pl.LazyFrame:
        mean = pl.col("close").rolling_mean(self.n).over("symbol")
        return market.bars().with_columns(
            enter_long=pl.col("close") > mean, exit_long=pl.col("close") < mean, stop_distance=0.02 * pl.col("close")
        )
