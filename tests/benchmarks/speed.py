"""Measure what must be fast around the loop: a run from a cold process, an import, `bt --help`.

Run on demand: `python tests/benchmarks/speed.py`. The loop itself is measured by kernel.py, and raced by peers.py.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from workloads import SYMBOL, line

from bt import seeded, symbols
from bt.ingest import ImportOptions, import_file
from bt.warehouse import Warehouse

BT = [sys.executable, "-c", "from bt.cli import main; main()"]


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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candles.parquet"
        seeded.candles(SYMBOL, days=925).write_parquet(file)
        import_speed(Path(folder), file)
        process_speed(Path(folder))


if __name__ == "__main__":
    main()
