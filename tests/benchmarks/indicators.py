"""What a column of each indicator costs: milliseconds for a million 1m bars of one symbol.

Run on demand: `python tests/benchmarks/indicators.py [NAME…] [--rows 1000000]`. Three ways: composed alone, ten lengths
composed together (per column of one length), and called by hand; from each the cost of reading the bars alone is taken
off. The figure is processor time, wall time in brackets, of the best of `--repeat` runs; the first column says whether
the body is a chain of stages that rows stream through, or joined to the bars.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bt.market.compose import compose
from bt.market.indicators import Indicator, library, resolve
from bt.warehouse import Warehouse, registered

if TYPE_CHECKING:
    import duckdb

START = datetime(2022, 1, 1)
BASE = "select * from bars('1m') where symbol = 'A'"


def candles(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(7)
    close = np.round(40_000 * np.exp(np.cumsum(random.standard_t(4, rows) * 0.0004)), 2)
    opened, volume = np.r_[40_000.0, close[:-1]], np.round(random.lognormal(1, 0.8, rows), 3)
    return pl.DataFrame(
        {
            "symbol": ["A"] * rows,
            "ts": np.datetime64(START, "us") + np.arange(rows) * np.timedelta64(60_000_000, "us"),
            "open": opened,
            "high": np.maximum(opened, close) + np.round(random.exponential(8, rows), 2),
            "low": np.minimum(opened, close) - np.round(random.exponential(8, rows), 2),
            "close": close,
            "volume": volume,
            "turnover": np.round(volume * close, 4),
        }
    )


def cost(connection: duckdb.DuckDBPyConnection, sql: str, repeat: int) -> tuple[float, float]:
    """Give processor and wall milliseconds of a query whose rows are all fetched."""
    best = (float("inf"), float("inf"))
    for _ in range(repeat):
        wall, processor = time.perf_counter(), time.process_time()
        connection.execute(sql).fetchnumpy()
        best = min(best, (1e3 * (time.process_time() - processor), 1e3 * (time.perf_counter() - wall)))
    return best


def ten(name: str) -> dict[str, Indicator]:
    """Give ten lengths of an indicator, from its default to 1.9 times that; what has no length once."""
    whole = {key: value for key, value in resolve(Indicator(name))[1].items() if isinstance(value, int)}
    steps = range(10 if whole else 1)
    return {
        f"x{step}": Indicator(name, **{key: round(value * (1 + step / 10)) for key, value in whole.items()})
        for step in steps
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    warehouse, millions = Warehouse(":memory:"), options.rows / 1e6
    with warehouse.write() as connection, registered(connection, new=candles(options.rows)):
        connection.execute("insert into candles by name select * from new")
    print(
        f"{'indicator':20} {'body':7} {'alone':>14} {'ten, each':>14} {'by hand':>14}  ms CPU (wall) per million bars"
    )
    with warehouse.read() as connection:
        bars = cost(connection, compose({}, base=BASE, timeframe="1m"), options.repeat + 2)
        print(f"{'(bars alone)':20} {'':7} {bars[0] / millions:6.0f} ({bars[1] / millions:5.0f})")
        for name in options.names or library():
            once = compose({"x": Indicator(name)}, base=BASE, timeframe="1m")
            many = ten(name)
            queries = [
                (once, 1),
                (compose(many, base=BASE, timeframe="1m"), len(many)),
                (f"from {name}('1m') where symbol = 'A' order by ts", 1),
            ]
            shown = []
            for sql, count in queries:
                spent = cost(connection, sql, options.repeat)
                spent = [(each - nothing) / count / millions for each, nothing in zip(spent, bars, strict=True)]
                shown.append(f"{spent[0]:6.0f} ({spent[1]:5.0f})")
            body = "joined" if "left join" in once.lower() else "chain"
            print(f"{name:20} {body:7} {' '.join(f'{each:>14}' for each in shown)}", flush=True)


if __name__ == "__main__":
    main()
