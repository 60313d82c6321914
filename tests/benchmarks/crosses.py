"""What sweeps are raced on: 100 crosses of an EMA with an SMA on a year of minutes, and how a process measures itself.

Every engine runs in a process of its own that reads prices and ready signals from one folder, so that its peak of
memory is its own; this module therefore knows NumPy only. Signals known at a close fill at the next open; stop and
target are fractions of the fill and act from the bar after it, as vectorbt has it (our `level_delay=1`); nothing is
closed at the end.
"""

from __future__ import annotations

import gc
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

BARS = 525_600  # a year of minutes
DAY = 1_440  # bars
FEE, SLIPPAGE = 0.00055, 0.0001  # fractions
STOP, TAKE = 0.01, 0.02
CASH, NOTIONAL = 1e6, 10_000.0  # quote; so much cash that no order is ever shrunk
FAST, SLOW = tuple(range(10, 110, 10)), tuple(range(150, 650, 50))
SETS = tuple(product(FAST, SLOW))
READY = SETS[:50]  # of these the signals are given
PRICES = ("open", "high", "low", "close")
YEAR = 365  # days, for the Sharpe ratio

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Minutes:
    """One symbol's minutes."""

    open: Array
    high: Array
    low: Array
    close: Array

    @classmethod
    def read(cls, folder: Path) -> Minutes:
        return cls(*(np.load(folder / f"{name}.npy") for name in PRICES))

    def head(self, bars: int) -> Minutes:
        return Minutes(*(getattr(self, name)[:bars] for name in PRICES))

    def write(self, folder: Path) -> None:
        """Write prices and the ready signals, one row a set."""
        for name in PRICES:
            np.save(folder / f"{name}.npy", getattr(self, name))
        fast = {n: ema(self.close, n) for n in {fast for fast, _ in READY}}
        slow = {n: sma(self.close, n) for n in {slow for _, slow in READY}}
        for name, place in (("enter", 0), ("leave", 1)):
            np.save(folder / f"{name}.npy", np.stack([crossed(fast[a], slow[b])[place] for a, b in READY]))


@dataclass(frozen=True)
class Ready:
    """Signals of some sets, one row each, on the bar at whose close they are known."""

    enter: Array
    leave: Array

    @classmethod
    def read(cls, folder: Path) -> Ready:
        return cls(np.load(folder / "enter.npy"), np.load(folder / "leave.npy"))

    def head(self, bars: int, sets: int) -> Ready:
        return Ready(self.enter[:sets, :bars], self.leave[:sets, :bars])


@dataclass(frozen=True)
class Found:
    """What an engine says of each set, in the order of the sets."""

    trades: list[int]  # closed
    returns: list[float]  # fraction of the cash
    sharpes: list[float]  # of daily returns, unless the engine's name says otherwise

    @classmethod
    def of(cls, rows: Sequence[tuple[int, float, float]]) -> Found:
        return cls(*map(list, zip(*rows, strict=True)))


def ema(values: Array, n: int) -> Array:
    """Give the average that starts at the mean of the first n, at n - 1."""
    alpha, found = 2 / (n + 1), np.full(len(values), np.nan)
    level = float(values[:n].mean())
    found[n - 1] = level
    for place, value in enumerate(values[n:].tolist(), n):
        level += alpha * (value - level)
        found[place] = level
    return found


def sma(values: Array, n: int) -> Array:
    found = np.full(len(values), np.nan)
    found[n - 1 :] = np.lib.stride_tricks.sliding_window_view(values, n).mean(axis=1)
    return found


def crossed(fast: Array, slow: Array) -> tuple[Array, Array]:
    """Tell where fast comes above slow and where it falls below."""
    above, below = fast > slow, fast < slow
    enter, leave = np.zeros(len(fast), np.bool_), np.zeros(len(fast), np.bool_)
    enter[1:], leave[1:] = above[1:] & below[:-1], below[1:] & above[:-1]
    return enter, leave


def daily_sharpe(ends: Array) -> Array:
    """Give the Sharpe ratio of equity at the ends of days, one column a set: 365 days, ddof 1."""
    equity = np.vstack([np.full((1, ends.shape[1]), CASH), ends])
    returns = equity[1:] / equity[:-1] - 1
    ratio: Array = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * YEAR**0.5
    return ratio


def measured(call: Callable[[], Found], warm: Callable[[], object], rounds: int) -> dict[str, Any]:
    """Give the best wall time with its CPU, all of them, and the memory of the first run, which reuses nothing."""
    warm()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the mark of the peak back
    before, runs, peak = resident("VmRSS"), [], 0
    for _ in range(rounds):
        wall, spent = time.perf_counter(), time.process_time()
        found = call()
        runs.append((time.perf_counter() - wall, time.process_time() - spent))
        peak = peak or resident("VmHWM")
        gc.collect()
    wall, spent = min(runs)
    return {
        "wall": wall, "cpu": spent, "walls": [each for each, _ in runs], "before": before, "peak": peak,
        "load": os.getloadavg()[0], "trades": found.trades, "returns": found.returns, "sharpes": found.sharpes,
    }  # fmt: skip


def resident(field: str) -> int:
    """Give VmRSS or VmHWM in bytes (Linux only)."""
    said = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert said, f"this system does not tell {field}"
    return int(said[1]) * 1024


def told(result: dict[str, Any]) -> None:
    """Print a result as the last line, for the process that asked."""
    print(json.dumps(result), flush=True)
