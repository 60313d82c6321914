"""What the benchmarks trade, the same for every engine, and how time and memory are taken.

One entry every so many bars, stop and target as fractions of the fill, an exit signal before the next entry: then
every engine makes the same number of trades, even one that wants each entry signal followed by an exit signal.
"""

from __future__ import annotations

import ctypes
import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import bt
from bt import kernel, seeded
from bt.engine import Around, Tape, Terms

BARS = 525_600  # a year of minutes
SYMBOL = "ALPHAUSDT"
FEE, SLIPPAGE = 0.00055, 0.0001  # fractions
NOTIONAL = 10_000.0  # quote, each position
CASH = 1e9  # enough for all of them
PRICES = ("open", "high", "low", "close")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Bars and signals of some symbols; signals stand on the bar at whose close they are known."""

    open: Array  # (bars, symbols), likewise all arrays
    high: Array
    low: Array
    close: Array
    enter: Array
    leave: Array
    stop: float  # fraction of the fill price
    take: float

    @property
    def entries(self) -> int:
        """Count the entry signals, which is the number of trades to come."""
        return int(self.enter[:-1].sum())

    def head(self, bars: int) -> Workload:
        """Give the same of the first bars only, to warm an engine up."""
        cut = {name: np.ascontiguousarray(getattr(self, name)[:bars]) for name in (*PRICES, "enter", "leave")}
        return Workload(stop=self.stop, take=self.take, **cut)

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give bars and signals as `bt.simulate` takes them."""
        length, count = self.open.shape
        start = datetime(2024, 1, 1)
        ts = pl.datetime_range(start, start + timedelta(minutes=length - 1), "1m", eager=True, time_unit="us")
        names = [SYMBOL] if count == 1 else [f"S{place:02}" for place in range(count)]
        bars = pl.DataFrame(
            {"symbol": np.tile(np.array(names), length), "ts": ts.gather(np.repeat(np.arange(length), count))}
            | {name: getattr(self, name).ravel() for name in PRICES}
        ).with_columns(volume=pl.lit(1.0))
        signals = bars.select("symbol", "ts").with_columns(
            enter_long=pl.Series(self.enter.ravel()), exit_long=pl.Series(self.leave.ravel())
        )
        return bars, signals


def single(every: int, stop: float) -> Workload:
    """Give a year of minutes of one symbol, with an entry every so many bars."""
    candles = seeded.candles(SYMBOL, days=BARS // 1440)
    prices = {column: np.ascontiguousarray(candles[column].to_numpy()[:, None]) for column in PRICES}
    place = np.arange(BARS)[:, None]
    return Workload(enter=place % every == 5, leave=place % every == 3, stop=stop, take=1.5 * stop, **prices)


def several(*, bars: int = 100_000, count: int = 20, every: int = 328, stop: float = 0.005) -> Workload:
    """Give random walks of several symbols with common times, entries scattered."""
    draw = np.random.default_rng(7)
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 0.0006, (bars, count)), axis=0)), 2)
    opening = np.vstack([np.full((1, count), 100.0), close[:-1]])
    high = np.maximum(opening, close) + np.round(np.abs(draw.normal(0, 0.02, close.shape)), 2)
    low = np.minimum(opening, close) - np.round(np.abs(draw.normal(0, 0.02, close.shape)), 2)
    turn = (np.arange(bars)[:, None] + 16 * np.arange(count)) % every
    return Workload(
        open=opening, high=high, low=low, close=close, enter=turn == 5, leave=turn == 3, stop=stop,
        take=1.5 * stop,
    )  # fmt: skip


def settings(work: Workload, **execution: Any) -> dict[str, Any]:
    """Give the settings of `bt.simulate` for a workload."""
    return {
        "account": bt.Account(cash=CASH, sizing="notional", size=NOTIONAL),
        "costs": bt.Costs(taker=FEE, maker=FEE, slippage=SLIPPAGE),
        "execution": bt.Execution(stop=work.stop, take=work.take, **execution),
    }


def loop_inputs(
    bars: pl.DataFrame,
    signals: pl.DataFrame,
    *,
    instruments: pl.DataFrame | None = None,
    funding: pl.DataFrame | None = None,
    detail: pl.DataFrame | None = None,
    **chosen: Any,
) -> kernel.Inputs:
    """Give what `bt.simulate` hands to the compiled loop."""
    around = Around(instruments=instruments, funding=funding, detail=detail)
    tape = Tape.laid(bars, around, Terms(**chosen))
    return tape.inputs(tape.told(signals))


def run_loop(inputs: kernel.Inputs) -> kernel.Outcome:
    """Run the compiled loop alone."""
    from bt.kernel import loop

    return loop.trade(*inputs)


def size(inputs: Any) -> int:
    """Give the bytes of all arrays in a tuple of tuples."""
    if isinstance(inputs, np.ndarray):
        return inputs.nbytes
    return sum(map(size, inputs)) if isinstance(inputs, tuple) else 0


def race(works: dict[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Give the shortest wall time of each, in seconds; they take turns, as the machine is shared."""
    shortest = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            shortest[name] = min(shortest[name], time.perf_counter() - began)
    return shortest


def peak(work: Callable[[], object]) -> int:
    """Give the bytes by which a call's highest resident memory exceeds what was resident before (Linux only)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what has been freed is given back, or the call would use it again unseen
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the mark back to what is resident now
    before = _status("VmRSS")
    kept = work()
    highest = _status("VmHWM")
    del kept
    return highest - before


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found, f"this system does not tell {field}"
    return int(found[1]) * 1024


def line(what: str, value: float, unit: str) -> None:
    print(f"{what:<64}{value:>10.3f} {unit}", flush=True)
