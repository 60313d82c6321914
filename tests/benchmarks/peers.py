"""Race the trade loop against vectorbt (numba and Rust) and raptorbt, in one process, and compare their memory.

Run on demand: `python tests/benchmarks/peers.py`; `--memory` adds one process per engine. Each time is the best of
several runs that take turns. Two comparisons: the loops alone on ready arrays (raptorbt has no entry below the one that
also computes its metrics), and the whole from what a user holds to trades and equity.

The work is not the same. Ours writes four columns of equity, a row a day, and the worst and best price of each trade;
vectorbt's simulation writes order records only, raptorbt one column of equity. `bt.simulate` also checks every row.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

from engines import agreement, every
from workloads import Workload, peak, race, several, single
from workloads import size as bytes_of

PACKAGES = ("vectorbt", "vectorbt-rust", "raptorbt", "numba", "numpy", "polars")
WORKLOADS: dict[str, Callable[[], Workload]] = {
    "160 trades": lambda: single(3285, 0.02),
    "1,600 trades": lambda: single(328, 0.005),
    "26,000 trades": lambda: single(20, 0.0015),
    "20 symbols sharing cash": several,
    "20 symbols sharing cash, many trades": lambda: several(every=20, stop=0.0015),
}
MEASURED = ("1,600 trades", "20 symbols sharing cash")  # for memory


def times(name: str) -> None:
    """Print the race of one workload."""
    work = WORKLOADS[name]()
    engines = every(work)
    trades = {engine: told.trades(told.call()) for engine, told in engines.items()}  # compiles, too
    shortest = race({engine: told.call for engine, told in engines.items()})
    rows = work.open.size
    print(f"\n{name}: {rows:,} bars, {work.entries:,} entry signals")
    same = ", ".join(f"{peer} {share:.2%}" for peer, share in agreement(work).items())
    print(f"exits at the same bar and price as ours: {same}")
    print(f"{'':<60}{'ms':>9}{'ns/bar':>9}{'x ours':>8}{'trades':>9}")
    for part in ("loop", "whole"):
        names = [engine for engine in engines if engine.startswith(part)]
        for engine in names:
            spent = shortest[engine]
            figures = f"{spent * 1e3:>9.2f}{spent / rows * 1e9:>9.1f}{spent / shortest[names[0]]:>8.2f}"
            print(f"{engine:<60}{figures}{trades[engine]:>9,}", flush=True)
        fastest = min((name for name in names if ": bt" not in name), key=lambda name: shortest[name])
        print(f"  the fastest peer takes {shortest[fastest] / shortest[names[0]]:.2f} x ours ({fastest})")


def memory(name: str) -> None:
    """Print the highest memory of each engine beyond its inputs, each in a process of its own."""
    print(f"\n{name}: highest memory beyond the inputs")
    for engine in every(WORKLOADS[name]().head(100)):
        command = [sys.executable, __file__, "--one", name, engine]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{engine:<60}{done.stdout.rstrip()}", flush=True)


def one(name: str, engine: str) -> None:
    """Print the memory of one engine in this process."""
    work = WORKLOADS[name]()
    every(work.head(2_000))[engine].call()  # compiles
    call = every(work)[engine].call
    arrays = bytes_of((work.open, work.high, work.low, work.close, work.enter, work.leave))
    used = peak(call)
    print(f"{used / 1e6:>9.1f} MB{used / arrays:>7.2f} x prices and signals")


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
        return
    print(*(f"{package} {version(package)}" for package in PACKAGES), sep=", ")
    for name in WORKLOADS:
        times(name)
    if "--memory" in sys.argv:
        for name in MEASURED:
            memory(name)


if __name__ == "__main__":
    main()
