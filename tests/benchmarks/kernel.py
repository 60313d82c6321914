"""Measure our own loop: time a bar at several densities of trades, memory, first compilation, and a warm start.

Run on demand: `python tests/benchmarks/kernel.py`. Stops, targets, fees and slippage are on, and every output is
written: fills, four columns of equity a bar, and a row a day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace

import numpy as np
import polars as pl
from workloads import BARS, Workload, line, loop_inputs, peak, race, run_loop, settings, single, size

from bt import kernel


def densities() -> dict[str, Workload]:
    """Give the workloads of one symbol from no trade to one that never ends."""
    usual = single(328, 0.005)
    never = np.zeros_like(usual.enter)
    once = never.copy()
    once[5] = True
    return {
        "flat all the time": replace(usual, enter=never, leave=never),
        "1,600 trades": usual,
        "26,000 trades": single(20, 0.0015),
        "in a position all the time": replace(usual, enter=once, leave=never, stop=0.9, take=9.0),
    }


def loops() -> None:
    """Print the time a bar, and the highest memory beyond the inputs as a multiple of them."""
    inputs = {name: loop_inputs(*work.frames(), **settings(work)) for name, work in densities().items()}
    trades = {name: int(run_loop(given).fills["opens"].sum()) for name, given in inputs.items()}  # compiles, too
    for name, spent in race({name: lambda given=given: run_loop(given) for name, given in inputs.items()}).items():
        line(f"loop, {name} ({trades[name]:,} trades)", spent / BARS * 1e9, "ns/bar")
        line(f"  memory beyond its {size(inputs[name]) / 1e6:.0f} MB of inputs", float(_alone("--memory", name)), "x")


def memory(name: str) -> None:
    """Print the memory of the first run in this process, as later ones use again what it has freed."""
    work = densities()[name]
    run_loop(loop_inputs(*work.head(100).frames(), **settings(work)))  # compiles
    given = loop_inputs(*work.frames(), **settings(work))
    print(peak(lambda: run_loop(given)) / size(given))


def drilled() -> None:
    """Print the time of hourly bars whose ambiguous ones are walked minute by minute."""
    work = single(328, 0.005)
    minutes, _ = work.frames()
    bars = (
        minutes.group_by_dynamic("ts", every="1h")
        .agg(pl.first("symbol", "open"), pl.max("high"), pl.min("low"), pl.last("close"), pl.sum("volume"))
        .select(minutes.columns)
    )
    place = pl.int_range(pl.len())
    signals = bars.select("symbol", "ts", enter_long=place % 6 == 0, exit_long=place % 6 == 4)
    given = loop_inputs(bars, signals, detail=minutes, **settings(work))
    trades = int(run_loop(given).fills["opens"].sum())
    spent = race({"drilled": lambda: run_loop(given)})["drilled"]
    line(f"loop, hourly bars drilled ({trades:,} trades, {bars.height:,} bars)", spent * 1e3, "ms")


def ready() -> None:
    """Print how long the loop takes from numba's import to its first answer, in this process."""
    import numba  # noqa: F401

    print(next(iter(race({"ready": kernel.load}, rounds=1).values())))


def starts() -> None:
    """Print the first compilation, with an empty cache, and the start with that cache."""
    with tempfile.TemporaryDirectory() as folder:
        for what in ("first compilation", "start with a warm cache", "start with a warm cache, again"):
            line(f"{what}, after numba's import", float(_alone("--ready", NUMBA_CACHE_DIR=folder)), "s")


def _alone(*arguments: str, **variables: str) -> str:
    """Run a part of this file in a process of its own and give what it printed."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    if sys.argv[1:2] == ["--ready"]:
        ready()
    elif sys.argv[1:2] == ["--memory"]:
        memory(sys.argv[2])
    else:
        loops()
        drilled()
        starts()


if __name__ == "__main__":
    main()
