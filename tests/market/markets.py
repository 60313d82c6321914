"""Small made-up markets, and indicators of them: composed for one symbol, or called by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bt.market.compose import BARS, compose
from bt.warehouse import Warehouse, registered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bt.market.indicators import Indicator

START = datetime(2024, 1, 1)


def walk(symbol: str, length: int, *, seed: int = 7, missing: float = 0.0, scale: float = 100.0) -> pl.DataFrame:
    """Give a seeded random walk of 1m candles with pauses of price and volume, some minutes of it absent."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.001, length) * (random.random(length) > 0.1)
    close = scale * np.exp(np.cumsum(steps))
    opened = np.r_[scale, close[:-1]]
    volume = random.exponential(5, length) * (random.random(length) > 0.1)
    frame = pl.DataFrame(
        {
            "symbol": [symbol] * length,
            "ts": [START + timedelta(minutes=minute) for minute in range(length)],
            "open": opened,
            "high": np.maximum(opened, close) * (1 + random.exponential(0.0005, length)),
            "low": np.minimum(opened, close) * (1 - random.exponential(0.0005, length)),
            "close": close,
            "volume": volume,
            "turnover": volume * close,
        }
    )
    return frame.filter(pl.Series(random.random(length) >= missing))


def flat(symbol: str, length: int, price: float = 0.1) -> pl.DataFrame:
    prices = [pl.lit(price).alias(name) for name in ("open", "high", "low", "close")]
    return walk(symbol, length).with_columns(*prices, volume=0.0, turnover=0.0)


def holding(*frames: pl.DataFrame, sql: tuple[Path, ...] = ()) -> Warehouse:
    warehouse = Warehouse(":memory:", sql=sql)
    with warehouse.write() as connection, registered(connection, new=pl.concat(frames)):
        connection.execute("insert into candles by name select * from new")
    return warehouse


def composed(
    warehouse: Warehouse, indicators: Mapping[str, Indicator], *, symbol: str, timeframe: str = "1m", only: str = "true"
) -> pl.DataFrame:
    """Compute indicators for one symbol's bars where `only` holds."""
    base = f"select * from bars('{timeframe}') where symbol = '{symbol}' and {only}"
    return warehouse.query(compose(indicators, base=base, timeframe=timeframe))


def by_hand(warehouse: Warehouse, name: str, arguments: Mapping[str, float], timeframe: str = "1m") -> pl.DataFrame:
    """Call an indicator's macro for all symbols; only the columns it adds to bars, and symbol and ts."""
    bound = "".join(f", {key} := ${key}" for key in arguments)
    rows = warehouse.query(f"from {name}('{timeframe}'{bound}) order by symbol, ts", dict(arguments))
    return rows.drop(BARS[2:], strict=False)


def numbers(column: pl.Series) -> np.ndarray:
    """Give a column as numbers, NaN where it is null."""
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
