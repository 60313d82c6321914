"""Random markets for two engines: symbols of many tempers, late and holed, one account, every kind of order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

import bt
from bt.engine import Terms

START = datetime(2024, 1, 1)
HOUR = timedelta(hours=1)
SIZES = {"risk": 0.01, "equity": 0.3, "notional": 2_000.0, "quantity": 15.0}
LIMITS = {"level_delay": 1, "intrabar": "adverse", "take_fill": "limit"}  # what Backtrader's profile says

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Market:
    """Bars, signals on the same rows, instruments, funding, and the terms of the account that trades them."""

    bars: pl.DataFrame
    signals: pl.DataFrame
    instruments: pl.DataFrame
    funding: pl.DataFrame
    terms: Terms


def random_market(seed: int, *, length: int = 400, symbols: int = 3) -> Market:
    draw = np.random.default_rng(seed)
    names = [f"S{number}" for number in range(symbols)]
    both = [_symbol(draw, name, length) for name in names]
    prices = ("symbol", "ts", "open", "high", "low", "close", "volume")
    bars = pl.concat(frame.select(prices) for frame in both)
    signals = pl.concat(frame.drop(prices[2:]) for frame in both)
    return Market(bars, signals, _instruments(draw, names), _funding(draw, names, length), _terms(draw))


def _terms(draw: np.random.Generator) -> Terms:
    sizing: Any = draw.choice(list(SIZES))
    leverage = float(draw.choice([1.0, 1.0, 3.0]))
    return Terms(
        account=bt.Account(
            sizing=sizing, size=SIZES[sizing], max_positions=[None, 1, 2][int(draw.integers(3))], leverage=leverage,
            margin="cross" if leverage > 1 else "isolated", mmr=0.0,
        ),
        costs=bt.Costs(
            taker=float(draw.choice([0, 0.0005, 0.003])), maker=0.0002, slippage=float(draw.choice([0, 0.0001, 0.002])),
            funding=bool(draw.integers(2)),
        ),
        execution=bt.Execution(
            **LIMITS, stop=0.05 if sizing == "risk" else None, max_bars=[None, 40][int(draw.integers(2))],
            trail=[None, 0.04][int(draw.integers(2))], take=[None, 0.03][int(draw.integers(2))],
        ),
    )  # fmt: skip


def _symbol(draw: np.random.Generator, name: str, length: int) -> pl.DataFrame:
    """Make a symbol that begins and ends at its own time and misses bars here and there."""
    first, count = int(draw.integers(0, 20)), length - int(draw.integers(0, 20))
    step = float(draw.choice([0.01, 0.25, 0.5]))  # binary fractions among them: levels and prices are often equal
    prices = _prices(draw, count, step)
    flags = {name: draw.random(count) < often for name, often in _OFTEN.items()}
    frame = pl.DataFrame(
        {"symbol": [name] * count, "ts": [START + (first + bar) * HOUR for bar in range(count)]}
        | prices | {"volume": np.ones(count)} | flags | _levels(draw, prices["close"], flags["enter_long"], step)
    )  # fmt: skip
    counts = {
        "entry_bars": draw.integers(0, 6, count), "max_bars": draw.integers(1, 30, count) * (draw.random(count) < 0.2),
    }  # fmt: skip
    there = draw.random(count) > 0.03
    there[0] = True
    return frame.with_columns(
        pl.col("ts").cast(pl.Datetime("us")), pl.col(pl.Float64).fill_nan(None),
        **{name: pl.Series(values).replace(0, None) for name, values in counts.items()},
    ).filter(pl.Series(there))  # fmt: skip


_OFTEN = {"enter_long": 0.15, "enter_short": 0.12, "exit_long": 0.05, "exit_short": 0.05}


def _prices(draw: np.random.Generator, count: int, step: float) -> dict[str, Array]:
    wild = draw.choice([0.002, 0.008, 0.02])
    moves = draw.normal(0, 1, count)
    jumps = np.where(draw.random(count) < 0.2, draw.normal(0, 3, count), 0.0)  # between two bars
    close = 100.0 * np.exp(np.cumsum((moves + jumps - 0.5 * wild) * wild))
    opening = close * np.exp(-moves * wild)
    high = np.maximum(opening, close) * np.exp(np.abs(draw.normal(0, 1, count)) * wild)
    low = np.minimum(opening, close) * np.exp(-np.abs(draw.normal(0, 1, count)) * wild)
    named = {"open": opening, "high": high, "low": low, "close": close}
    return {name: np.maximum(np.round(values / step), 1) * step for name, values in named.items()}


def _levels(draw: np.random.Generator, close: Array, long: Array, step: float) -> dict[str, Array]:
    count, side = len(close), np.where(long, 1, -1)

    def sometimes(often: float, values: Array) -> Array:
        return np.where(draw.random(count) < often, values, np.nan)

    def away(share: float) -> Array:
        return np.round(close * np.abs(draw.normal(0, share, count)) / step) * step

    waits, limit = draw.random(count) < 0.35, draw.random(count) < 0.5
    better = np.where(draw.random(count) < 0.9, 1, -1)  # some would fill at once
    price = np.maximum(close - side * np.where(limit, 1, -1) * better * away(0.008), step)
    return {
        "stop_distance": sometimes(0.7, away(0.02)), "take_distance": sometimes(0.6, away(0.03)),
        "trail_distance": sometimes(0.2, away(0.03)),
        "stop_price": sometimes(0.1, np.maximum(close - side * away(0.02), step)),
        "take_price": sometimes(0.1, np.maximum(close + side * away(0.03), step)),
        "score": sometimes(0.5, np.round(draw.random(count), 1)),
        "size": sometimes(0.3, draw.choice([0.5, 2.0], count)),
        "entry_limit": np.where(waits & limit, price, np.nan), "entry_stop": np.where(waits & ~limit, price, np.nan),
    }  # fmt: skip


def _instruments(draw: np.random.Generator, names: list[str]) -> pl.DataFrame:
    """Give rules to the first symbol, which change half-way; all are spot or all are contracts."""
    category = str(draw.choice(["linear", "linear", "spot"]))
    rows = [(name, category, START, None, None, None) for name in names[1:]]
    rows += [(names[0], category, START, 0.01, 0.05, 5.0), (names[0], category, START + 200 * HOUR, 0.5, 0.5, 20.0)]
    kinds = {"symbol": pl.String, "category": pl.String, "valid_from": pl.Datetime("us"), "qty_step": pl.Float64}
    return pl.DataFrame(rows, schema={**kinds, "min_qty": pl.Float64, "min_notional": pl.Float64}, orient="row")


def _funding(draw: np.random.Generator, names: list[str], length: int) -> pl.DataFrame:
    """Give settlements at opens of bars and inside of them."""
    times = [START + timedelta(hours=3.5 * place) for place in range(length // 4)]
    rates = draw.normal(0, 0.0005, len(times)).tolist()
    rows = [(name, ts, rate, None) for name in names for ts, rate in zip(times, rates, strict=True)]
    kinds = {"symbol": pl.String, "ts": pl.Datetime("us"), "rate": pl.Float64, "mark": pl.Float64}
    return pl.DataFrame(rows, schema=kinds, orient="row")
