"""How often a walk-forward on pure noise is taken for evidence: random walks, no drift, no cost but the usual ones.

    python tests/benchmarks/noise.py [SEEDS]

Each seed is a market of two symbols and two years of 1-minute candles whose log prices are sums of independent draws;
`ema_cross` and `donchian_breakout` are walked forward on 1h bars, train 180d, test 30d, and judged.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import bt
from bt.strategy import load
from bt.warehouse import registered

START, DAYS, MINUTES = datetime(2024, 1, 1), 730, 1440
SYMBOLS = ("NOISEAUSDT", "NOISEBUSDT")
SEARCHES = {
    "ema_cross": {"fast": "10:50:10", "slow": "60:240:20"},
    "donchian_breakout": None,  # as the strategy says
}


def candles(seed: int, symbol: str) -> pl.DataFrame:
    """Give 1-minute candles of a random walk of 0.06 % a minute: about 43 % a year."""
    draw = np.random.default_rng([seed, SYMBOLS.index(symbol)])
    count = DAYS * MINUTES
    closes = 100 * np.exp(np.cumsum(draw.normal(0, 0.0006, count)))
    opens = np.concatenate([[100.0], closes[:-1]])
    reach = np.abs(draw.normal(0, 0.0003, (2, count)))
    return pl.DataFrame(
        {
            "symbol": [symbol] * count,
            "ts": pl.datetime_range(
                START, START + timedelta(days=DAYS), "1m", eager=True, closed="left", time_unit="us"
            ),
            "open": opens,
            "high": np.maximum(opens, closes) * (1 + reach[0]),
            "low": np.minimum(opens, closes) * (1 - reach[1]),
            "close": closes,
            "volume": np.ones(count),
        }
    )


def walked(seed: int, folder: Path) -> list[tuple[str, dict[str, object]]]:
    """Walk both strategies forward on one seed; give what is said of each."""
    warehouse = bt.Warehouse(folder / f"{seed}.duckdb")
    for symbol in SYMBOLS:
        with warehouse.write() as connection, registered(connection, given=candles(seed, symbol)):
            connection.execute("insert into candles by name select *, null::double as turnover from given")
    found = []
    for name, search in SEARCHES.items():
        sweep = bt.Sweep(search=search or {}, min_trades=10)
        run = bt.WalkForward(train="180d", test="30d", sweep=sweep).run(
            load(name, Path.cwd()), warehouse, symbols=SYMBOLS, timeframe="1h", account=bt.Account(leverage=2)
        )
        said = warehouse.query("from verdicts where run_id = ?", [run.run_id]).row(0, named=True)
        figures = dict(warehouse.query("select figure, value from overfitting where run_id = ?", [run.run_id]).rows())
        found.append((name, said | figures))
    return found


def main() -> None:
    """Print one line a seed and strategy, and how often it was no evidence."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            began = time.perf_counter()
            for name, said in walked(seed, Path(folder)):
                verdicts.append(said["verdict"])
                shown = ", ".join(
                    f"{figure} {said[figure]:.2f}"
                    for figure in ("sharpe", "deflated_sharpe", "overfitting_probability", "efficiency")
                    if said[figure] is not None
                )
                print(f"{seed:3} {name:18} {said['verdict']:14} {shown}")
            print(f"    {time.perf_counter() - began:.0f} s", flush=True)
            (Path(folder) / f"{seed}.duckdb").unlink()
    for verdict in ("no evidence", "weak evidence", "evidence"):
        print(f"{verdict}: {verdicts.count(verdict)} of {len(verdicts)}")


if __name__ == "__main__":
    main()
