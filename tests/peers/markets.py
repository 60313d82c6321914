"""Random bars and signals, many series at once, in plain arrays that every engine can be given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

START = datetime(2024, 1, 1)
HOUR = timedelta(hours=1)
FLAGS = ("enter_long", "enter_short", "exit_long", "exit_short")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Market:
    """Series of one length, a column each; signals stand on the bar at whose close they are known, NaN says nothing."""

    open: Array  # (bars, series), likewise all arrays
    high: Array
    low: Array
    close: Array
    flags: dict[str, Array]  # FLAGS
    levels: dict[str, Array] = field(default_factory=dict)  # prices and distances, by the name of their column
    counts: dict[str, Array] = field(default_factory=dict)  # max_bars, entry_bars; 0 = none
    sizing: str = "quantity"  # or notional
    size: float = 3.0
    fee: float = 0.0  # fraction, every fill
    slippage: float = 0.0  # fraction

    @property
    def side(self) -> Array:
        """Give what each bar's signal wants to enter: 1, -1 or 0; a contradicting signal wants nothing."""
        return np.where(self.flags["enter_long"], 1, np.where(self.flags["enter_short"], -1, 0)) * ~self.contradicting

    @property
    def contradicting(self) -> Array:
        """Tell the signals whose entry contradicts another entry or the exit of its own side."""
        long, short = self.flags["enter_long"], self.flags["enter_short"]
        return long & short | long & self.flags["exit_long"] | short & self.flags["exit_short"]

    @property
    def fill(self) -> Array:
        """Give the price at which each bar's market entry fills, NaN for the last bar's."""
        following = np.vstack([self.open[1:], np.full(self.open.shape[1], np.nan)])
        return following * (1.0 + self.side * self.slippage)

    def placed(self, kind: str) -> Array:
        """Give the stop or take level of each bar's entry: the absolute price, else the distance from its fill."""
        away = self.side if kind == "take" else -self.side
        absolute, distance = self.said(f"{kind}_price"), self.said(f"{kind}_distance")
        return np.where(np.isnan(absolute), self.fill + away * distance, absolute)

    def said(self, level: str) -> Array:
        """Give a column of levels, NaN where the signals have none."""
        return self.levels.get(level, np.full(self.open.shape, np.nan))

    def only(self, allowed: Array) -> Market:
        """Leave out the entries that are not allowed."""
        entries = {name: flag & allowed if name.startswith("enter") else flag for name, flag in self.flags.items()}
        return replace(self, flags=entries)

    def series(self, column: int) -> Market:
        """Give one series by itself."""
        place = slice(column, column + 1)
        return replace(
            self,
            **{name: getattr(self, name)[:, place] for name in ("open", "high", "low", "close")},
            flags={name: values[:, place] for name, values in self.flags.items()},
            levels={name: values[:, place] for name, values in self.levels.items()},
            counts={name: values[:, place] for name, values in self.counts.items()},
        )

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give bars and signals as `bt.simulate` takes them, one symbol a series."""
        length, count = self.open.shape
        key = {
            "symbol": np.repeat([f"S{n:04}" for n in range(count)], length),
            "ts": [START + place * HOUR for place in range(length)] * count,
        }
        prices = {name: getattr(self, name).T.ravel() for name in ("open", "high", "low", "close")}
        columns = self.flags | self.levels | self.counts
        bars = pl.DataFrame(key | prices).with_columns(pl.col("ts").cast(pl.Datetime("us")), volume=pl.lit(1.0))
        said = pl.DataFrame({name: values.T.ravel() for name, values in columns.items()})
        none = [pl.col(pl.Float64).fill_nan(None), *(pl.col(name).replace(0, None) for name in self.counts)]
        return bars, pl.concat([bars.select("symbol", "ts"), said.with_columns(none)], how="horizontal")


def random_market(seed: int, *, count: int = 50, length: int = 120, kind: str = "", **costs_and_size: Any) -> Market:
    """Make series of many tempers: calm and wild, fine and coarse price steps, few and many signals, gaps at opens.

    What not every peer has comes when asked for: `kind` "trails" adds trailing stops and time stops, "pending" makes
    every entry wait for a price.
    """
    draw = np.random.default_rng(seed)
    step = draw.choice([0.01, 0.25, 0.5], count)  # binary fractions among them: levels and prices are often equal
    prices = _prices(draw, step, (length, count))
    flags = _flags(draw, (length, count))
    market = Market(**prices, flags=flags, **{"fee": float(draw.choice([0.0, 0.0005, 0.01]))} | costs_and_size)
    if kind == "pending":
        return _waiting(draw, market, step)
    market = replace(market, levels=_levels(draw, market, step))
    return _trailing(draw, market, step) if kind == "trails" else market


def _trailing(draw: np.random.Generator, market: Market, step: Array) -> Market:
    shape = market.open.shape
    distance = _steps(market.close * draw.uniform(0.002, 0.04, shape), step)
    trails = {"trail_distance": np.where(draw.random(shape) < 0.3, distance, np.nan)}
    ages = {"max_bars": draw.integers(1, 12, shape) * (draw.random(shape) < 0.2)}
    return replace(market, levels=market.levels | trails, counts=ages)


def _waiting(draw: np.random.Generator, market: Market, step: Array) -> Market:
    """Make every entry a limit or a stop order with levels around its price."""
    side, shape = market.side, market.open.shape
    limit = draw.random(shape) < 0.5
    better = np.where(draw.random(shape) < 0.9, 1, -1)  # some would fill at once
    away = _steps(market.close * np.abs(draw.normal(0, 0.01, shape)), step)
    price = market.close - side * np.where(limit, 1, -1) * better * away
    levels = {"entry_limit": np.where(limit, price, np.nan), "entry_stop": np.where(limit, np.nan, price)}
    for kind, sign in (("stop", -1), ("take", 1)):
        level = price + sign * side * _steps(market.close * np.abs(draw.normal(0, 0.02, shape)), step)
        levels[f"{kind}_price"] = np.where((draw.random(shape) < 0.7) & (level > 0), level, np.nan)
    levels = {name: np.where((side != 0) & (price > 0), values, np.nan) for name, values in levels.items()}
    return replace(market, levels=levels, counts={"entry_bars": draw.integers(0, 6, shape)}).only(price > 0)


def _prices(draw: np.random.Generator, step: Array, shape: tuple[int, int]) -> dict[str, Array]:
    wild = draw.choice([0.002, 0.008, 0.02], shape[1])
    jumps = np.where(draw.random(shape) < 0.2, draw.normal(0, 3, shape), 0.0)
    moves = draw.normal(0, 1, shape)
    close = 100.0 * np.exp(np.cumsum((moves + jumps - 0.5 * wild) * wild, axis=0))
    opening = close * np.exp(-moves * wild)  # a jump lies between two bars
    high = np.maximum(opening, close) * np.exp(np.abs(draw.normal(0, 1, shape)) * wild)
    low = np.minimum(opening, close) * np.exp(-np.abs(draw.normal(0, 1, shape)) * wild)
    named = {"open": opening, "high": high, "low": low, "close": close}
    return {name: _steps(values, step) for name, values in named.items()}


def _steps(values: Array, step: Array) -> Array:
    return np.maximum(np.round(values / step), 1) * step


def _flags(draw: np.random.Generator, shape: tuple[int, int]) -> dict[str, Array]:
    entering, leaving = draw.choice([0.02, 0.1, 0.3], shape[1]), draw.choice([0.0, 0.03, 0.2], shape[1])
    sides = draw.choice([0.0, 0.5, 1.0], shape[1], p=[0.25, 0.5, 0.25])  # short only, both, long only
    chances = {
        "enter_long": entering * sides,
        "enter_short": entering * (1 - sides),
        "exit_long": leaving,
        "exit_short": leaving,
    }
    flags = {name: draw.random(shape) < chance for name, chance in chances.items()}
    for values in flags.values():
        values[0] = False  # backtesting.py asks its strategy from the second bar on
    return flags


def _levels(draw: np.random.Generator, market: Market, step: Array) -> dict[str, Array]:
    """Draw levels near the close, each entry with or without, as prices or as distances."""
    levels = {}
    side, shape = market.side, market.open.shape
    for kind, sign in (("stop", -1), ("take", 1)):
        distance = _steps(market.close * np.abs(draw.normal(0, 0.02, shape)), step)
        price = market.close + sign * side * distance
        use = draw.random(shape)
        levels[f"{kind}_price"] = np.where((use < 0.4) & (side != 0) & (price > 0), price, np.nan)
        levels[f"{kind}_distance"] = np.where((use > 0.3) & (use < 0.9), distance, np.nan)
    return levels
