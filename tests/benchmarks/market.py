"""What gaps, coverage and bars cost over a hundred million candles, and what their order on disk is worth.

Run on demand: `python tests/benchmarks/market.py [MILLIONS …] [--keep FOLDER]`; 1, 10 and 100 million candles unless
told otherwise. The largest file takes 1.4 GB of the temporary folder and is removed, unless a folder is given to keep
it. Every question is asked twice by a process of its own, so that its peak memory is its own; the second answer counts.
After that the same candles of eight symbols arrive in several orders, and are put in order.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from bt.warehouse import Warehouse, registered

START = datetime(2020, 1, 1)
MINUTE = timedelta(minutes=1)
LONGEST = 2_631_578  # minutes of one symbol: five years, so that 38 symbols are a hundred million candles
YEAR = 525_600  # minutes
OUTAGES = 8  # a year of each symbol
LENGTHS = (1, 1, 7, 60, 1440, 4000)  # minutes of an outage
CONFIRMED = 0.25  # of the outages are known absences
TOGETHER = 12  # pages of a symbol in one transaction, as an ingest writes them
JUNE = "ts >= '2020-06-01' and ts < '2020-06-02'"
ALL = "sum(open + high + low + close + volume + turnover + candles)"

QUESTIONS = {
    "gaps": "select count(*), sum(minutes) from gaps",
    "coverage": "select count(*), sum(missing), sum(absent) from coverage",
    "gaps, one symbol": "select count(*) from gaps where symbol = 'S00USDT'",
    "gaps, one symbol-year": "select count(*) from gaps where symbol = 'S00USDT' and first_ts < '2021-01-01'",
    "coverage, one symbol": "select count(*), sum(missing) from coverage where symbol = 'S00USDT'",
    "1h bars, two symbols": f"select count(*), {ALL} from bars('1h') where symbol in ('S00USDT', 'S01USDT')",
    "1h bars, one symbol-day": f"select {ALL} from bars('1h') where symbol = 'S00USDT' and {JUNE}",
}
DAY = f"select count(*), min(low), max(high) from candles where symbol = 'S03USDT' and {JUNE}"


def candles(number: int, minutes: int) -> tuple[pl.DataFrame, list[tuple[datetime, datetime]]]:
    """Give one symbol's candles, with outages, and the spans of these that the exchange confirmed."""
    draw = np.random.default_rng([7, number])
    moves = draw.standard_t(4, minutes) * 0.0005
    price = 10 ** draw.uniform(0, 4.5)
    scale = 10 ** (4 - np.floor(np.log10(price)))  # ticks in one unit of price
    closes = np.maximum(np.round(price * scale * np.exp(np.cumsum(moves - moves.mean()))), 10)
    opens = np.concatenate([closes[:1], closes[:-1]])
    reach = np.abs(draw.normal(0, 0.0003, (2, minutes))) * closes
    highs = np.maximum(opens, closes) + np.round(reach[0])
    lows = np.maximum(np.minimum(opens, closes) - np.round(reach[1]), 1)
    volumes = np.round(draw.lognormal(1.0, 0.8, minutes), 3)
    columns = {
        "symbol": np.full(minutes, f"S{number:02}USDT"),
        "ts": np.datetime64(START, "us") + np.arange(minutes) * np.timedelta64(60_000_000, "us"),
        **{
            name: ticks / scale
            for name, ticks in zip(("open", "high", "low", "close"), (opens, highs, lows, closes), strict=True)
        },
        "volume": volumes,
        "turnover": np.round(volumes * (opens + closes) / 2 / scale, 4),
    }
    there, absent = np.ones(minutes, dtype=bool), []
    for _ in range(OUTAGES * minutes // YEAR):
        first = int(draw.integers(1, minutes - 1))
        end = min(first + int(draw.choice(LENGTHS)), minutes - 1)
        there[first:end] = False
        if draw.random() < CONFIRMED:
            absent.append((START + first * MINUTE, START + (end - 1) * MINUTE))
    return pl.DataFrame(columns).filter(there), absent


def store(warehouse: Warehouse, rows: pl.DataFrame) -> None:
    with warehouse.write() as connection, registered(connection, came=rows):
        connection.execute("insert into candles from came")


def fill(path: Path, rows: int) -> None:
    """Make a warehouse of about so many candles: symbols of five years each, or one of less."""
    warehouse = Warehouse(path)
    for number in range(max(round(rows / LONGEST), 1)):
        frame, absent = candles(number, min(LONGEST, rows))
        store(warehouse, frame)
        with warehouse.write() as connection:
            for span in absent:
                connection.execute("insert into absences values (?, ?, ?, '2025-01-01')", [frame["symbol"][0], *span])


def ask(path: str, sql: str) -> None:
    """Print what an answer costs, as JSON; the first one warms the file cache."""
    warehouse = Warehouse(path, create=False)
    warehouse.query(sql)
    began, cpu = time.perf_counter(), time.process_time()
    warehouse.query(sql)
    cost = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(cost | {"peak": _peak()}))


def _peak() -> float:
    """Give this process's peak memory, MB; what getrusage says would be its parent's, where that is larger."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024


def measure_size(folder: Path, millions: int) -> None:
    path = folder / f"{millions}.duckdb"
    began = time.perf_counter()
    if not path.exists():
        fill(path, millions * 1_000_000)
    seconds = time.perf_counter() - began
    warehouse = Warehouse(path, create=False)
    found = warehouse.layout()
    size = path.stat().st_size / 1e6
    print(f"\n{found.candles:,} candles of {found.symbols} symbols, made in {seconds:.0f} s: {size:,.0f} MB, ", end="")
    print(f"{found.bytes_each:.1f} bytes a candle")
    print(f"{'':28}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}")
    for name, sql in QUESTIONS.items():
        command = [sys.executable, __file__, "--ask", str(path), sql]
        cost = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"{name:28}{cost['wall']:8.3f}{cost['cpu']:8.3f}{cost['peak']:9.0f}", flush=True)


def arrivals(frames: list[pl.DataFrame]) -> dict[str, Iterator[pl.DataFrame]]:
    """Give orders in which the candles of some symbols may come, a transaction at a time."""
    draw = np.random.default_rng(1)
    months = [frame.slice(first, 43_200) for frame in frames for first in range(0, YEAR, 43_200)]
    pages = [frame.slice(first, 1000) for first in range(0, YEAR, 1000) for frame in frames]
    starts = [np.sort(draw.integers(0, YEAR - 60, 400)) for _ in frames]
    holes = [
        np.isin(np.arange(frame.height), (at[:, None] + np.arange(30)).ravel())
        for frame, at in zip(frames, starts, strict=True)
    ]
    some = TOGETHER * len(frames)
    return {
        "sorted, as imports of one symbol come": iter(months),
        "symbols in turns, 12 pages of each at once": (
            pl.concat(pages[first : first + some]).sort("symbol", "ts") for first in range(0, len(pages), some)
        ),
        "symbols in turns, page by page": (pl.concat(pages[first:][:some]) for first in range(0, len(pages), some)),
        "a day of each symbol, every day": (
            pl.concat([frame.slice(first, 1440) for frame in frames]) for first in range(0, YEAR, 1440)
        ),
        "pages in any order": (
            pl.concat([pages[place] for place in places]) for places in np.array_split(draw.permutation(len(pages)), 60)
        ),
        "400 holes of each symbol, then repaired": iter(
            [frame.filter(~hole) for frame, hole in zip(frames, holes, strict=True)]
            + [frame.filter(hole) for frame, hole in zip(frames, holes, strict=True)]
        ),
        "the older half of each after the newer": iter(
            [frame.slice(YEAR // 2) for frame in frames] + [frame.head(YEAR // 2) for frame in frames]
        ),
    }


def day_cost(warehouse: Warehouse) -> str:
    """Give what a question about one day of one symbol costs: the median time, and the row groups read of all."""
    with warehouse.read() as connection:
        times = []
        for _ in range(9):
            began = time.perf_counter()
            connection.execute(DAY).fetchall()
            times.append(time.perf_counter() - began)
        [(_, plan)] = connection.execute(f"explain analyze {DAY}").fetchall()
    read, groups = re.findall(r"Row Groups Scanned: (\d+) / (\d+)", plan)[0]
    return f"{1000 * sorted(times)[4]:5.1f} ms {read:>2}/{groups}"


def measure_order(folder: Path) -> None:
    frames = [candles(number, YEAR)[0] for number in range(8)]
    print(f"\n{sum(frame.height for frame in frames):,} candles of 8 symbols, before → after they were put in order")
    print(f"{'':44}{'runs':>7}  due  {'bytes a candle':>14}  {'file, MB':>13}  one symbol-day, row groups      seconds")
    for name, transactions in arrivals(frames).items():
        path = folder / "order.duckdb"
        path.unlink(missing_ok=True)
        warehouse = Warehouse(path)
        for rows in transactions:
            store(warehouse, rows)
        day = day_cost(warehouse)
        began = time.perf_counter()
        done = warehouse.compact(lambda *_: None)
        seconds = time.perf_counter() - began
        print(f"{name:44}{done.before.runs:7,}  {'yes' if done.before.due else 'no':3}  ", end="")
        print(f"{done.before.bytes_each:5.1f} → {done.after.bytes_each:5.1f}  ", end="")
        print(f"{done.size_before / 1e6:5.1f} → {done.size_after / 1e6:5.1f}  ", end="")
        print(f"{day} → {day_cost(warehouse)}  {seconds:5.1f}", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--ask"]:
        ask(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("millions", nargs="*", type=int, default=[1, 10, 100])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for millions in given.millions:
            measure_size(given.keep or Path(folder), millions)
        measure_order(Path(folder))


if __name__ == "__main__":
    main()
