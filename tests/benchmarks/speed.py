"""Measure what must be fast: the loop per bar, a run from a cold process, an import, `bt --help`.

Run on demand: `python tests/benchmarks/speed.py`. Each figure is the best of several, because the machine is shared.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import bt
from bt import kernel, seeded, symbols
from bt.engine import arrays
from bt.engine.checks import checked_gaps
from bt.ingest import ImportOptions, import_file
from bt.kernel import loop
from bt.warehouse import Warehouse

BARS = 525_600
SYMBOL = "ALPHAUSDT"
BT = [sys.executable, "-c", "from bt.cli import main; main()"]


def best(work: Callable[[], object], times: int = 7) -> float:
    """Give the shortest wall time of some calls, in seconds."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent)


def line(what: str, value: float, unit: str) -> None:
    print(f"{what:<58}{value:>10.3f} {unit}", flush=True)


def loop_speed(candles: pl.DataFrame) -> None:
    """Time the compiled loop alone, with stop, target, fees and slippage, at several densities of trades."""
    bars = candles.select(pl.lit(SYMBOL).alias("symbol"), pl.col("ts", "open", "high", "low", "close", "volume"))
    place = np.arange(bars.height)
    cases = {
        "flat all the time": (place < 0, 0.01),
        "1,600 trades": (place % (BARS // 1600) == 0, 0.005),
        "26,000 trades": (place % 20 == 0, 0.0005),
        "in a position all the time": (place == 5, 0.9),
    }
    rules = arrays.rule_values(bt.Account(sizing="equity", size=0.1), bt.Costs(), bt.Execution())
    instruments = arrays.instrument_arrays([SYMBOL], {}, bt.Costs())
    laid_bars = arrays.bar_arrays(bars, checked_gaps(None))
    for name, (enter, distance) in cases.items():
        levels = {"stop_distance": distance * pl.col("close"), "take_distance": 1.5 * distance * pl.col("close")}
        signals = bars.select("symbol", "ts", enter_long=pl.Series(enter), **levels)
        laid = arrays.signal_arrays(signals)
        trades = kernel.trade(laid_bars, laid, instruments, rules).fills["opens"].sum()
        spent = best(lambda laid=laid: loop.trade(laid_bars, laid, instruments, rules))
        line(f"loop, {name} ({trades:,} trades)", spent / BARS * 1e9, "ns/bar")


def import_speed(folder: Path, file: Path) -> Warehouse:
    """Time the import of 1.3 million candles from Parquet into a new warehouse."""
    warehouse = Warehouse(folder / "bt.duckdb")
    rows = pl.scan_parquet(file).select(pl.len()).collect().item()
    began = time.perf_counter()
    import_file(warehouse, file, symbol=symbols.parse(SYMBOL), options=ImportOptions())
    line(f"import of {rows:,} candles from Parquet", time.perf_counter() - began, "s")
    return warehouse


def process_speed(folder: Path) -> None:
    """Time whole processes: a run of a year of minutes, and --help."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "BT_DB": str(folder / "bt.duckdb")}
    end = seeded.START.replace(year=seeded.START.year + 1).date()
    command = [*BT, "run", "ema_cross", "-s", SYMBOL, "-t", "1m", "--to", str(end)]
    for name in ("cold process, stored", "again", "again"):
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        line(f"bt run, one symbol, a year of minutes ({name})", time.perf_counter() - began, "s")
        print("   ", next(text for text in done.stderr.splitlines() if text.startswith("took")))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        subprocess.run([*BT, "--help"], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line("bt --help, CPU", (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5, "s")


def main() -> None:
    loop_speed(seeded.candles(SYMBOL, days=BARS // 1440))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candles.parquet"
        seeded.candles(SYMBOL, days=925).write_parquet(file)
        import_speed(Path(folder), file)
        process_speed(Path(folder))


if __name__ == "__main__":
    main()
