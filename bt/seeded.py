"""A made-up market that is the same for everyone: trends, a range, a crash, funding, and a hole in the data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

START: Final = datetime(2024, 1, 1)
DAYS: Final = 180
SYMBOLS: Final = {"ALPHAUSDT": (40_000.0, 0.1), "BETAUSDT": (2_000.0, 0.01), "GAMMAUSDT": (20.0, 0.001)}  # price, tick
_DAY: Final = 1440  # minutes
_FUNDING_EVERY: Final = 8  # hours
_REGIMES: Final = (
    (0.0, 0.25, 1.2),
    (0.25, 0.5, 0.0),
    (0.5, 0.8, 1.6),
    (0.8, 1.0, -0.6),
)  # share of the span, drift a year
_CRASH: Final = (0.78, 0.35, 180)  # where, how deep, minutes
_HOLE: Final = (0.4, 95)  # where, minutes
_HOLED: Final = "BETAUSDT"


def candles(symbol: str, *, days: int | None = None, seed: int = 7) -> pl.DataFrame:
    """Give 1-minute candles of one symbol: columns as in the table `candles` without `symbol`; open = last close."""
    price, tick = SYMBOLS[symbol]
    days = days or DAYS
    draw = np.random.default_rng([seed, list(SYMBOLS).index(symbol)])
    shared = np.random.default_rng(seed)  # what moves all symbols alike
    count = days * _DAY
    moves = 0.6 * shared.standard_t(4, count) + 0.8 * draw.standard_t(4, count)
    calm = np.exp(np.cumsum(draw.normal(0, 0.004, count)) * 0.2)
    path = np.log(price) + np.cumsum(moves * 0.0004 * np.clip(calm, 0.5, 2.0) + _drift(count))
    closes = np.maximum(np.round(np.exp(path) / tick), 1)  # in ticks: whole numbers stay exact
    opens = np.concatenate([[closes[0]], closes[:-1]])
    reach = np.abs(draw.normal(0, 0.0003, (2, count))) * closes
    highs = np.maximum(opens, closes) + np.round(reach[0])
    lows = np.maximum(np.minimum(opens, closes) - np.round(reach[1]), 1)
    volumes = np.round(draw.lognormal(1.0, 0.8, count), 3)
    scale = round(1 / tick)
    frame = pl.DataFrame(
        {
            "ts": pl.datetime_range(
                START, START + timedelta(days=days), "1m", eager=True, closed="left", time_unit="us"
            ),
            **{
                name: ticks / scale
                for name, ticks in zip(("open", "high", "low", "close"), (opens, highs, lows, closes), strict=True)
            },
            "volume": volumes,
            "turnover": np.round(volumes * (opens + closes) / 2 / scale, 4),
        }
    )
    if symbol != _HOLED:
        return frame
    hole = int(_HOLE[0] * count) + 7
    return pl.concat([frame.head(hole), frame.slice(hole + _HOLE[1])])


def funding(symbol: str, *, days: int | None = None, seed: int = 7) -> pl.DataFrame:
    """Give a funding rate every 8 hours of one symbol: columns ts and rate; mostly longs pay, as they do."""
    draw = np.random.default_rng([seed, list(SYMBOLS).index(symbol), _FUNDING_EVERY])
    stamps = pl.datetime_range(
        START,
        START + timedelta(days=days or DAYS),
        timedelta(hours=_FUNDING_EVERY),
        eager=True,
        closed="left",
        time_unit="us",
    )
    return pl.DataFrame({"ts": stamps, "rate": np.round(draw.normal(0.0001, 0.0001, len(stamps)), 8)})


def _drift(count: int) -> np.ndarray:
    """Give the common drift per minute: the regimes, and the crash that half recovers."""
    drift = np.zeros(count)
    for begin, end, yearly in _REGIMES:
        drift[int(begin * count) : int(end * count)] = yearly / (365 * _DAY)
    where, depth, length = int(_CRASH[0] * count), _CRASH[1], _CRASH[2]
    drift[where : where + length] += np.log(1 - depth) / length
    drift[where + length : where + 5 * length] -= 0.5 * np.log(1 - depth) / (4 * length)
    return drift
