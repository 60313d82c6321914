"""Race our sweep against vectorbt's, and ready signals against raptorbt's batch and vectorbt, one process each.

Run on demand: `python tests/benchmarks/sweeps.py`; `--real` takes the BTC minutes of ../shared/data, `--only TEXT` the
engines whose name has the text, `--rounds N` the best of so many, `--json FILE` keeps all that was measured.
Compilation and a short warm-up are left out; memory is the highest of the whole process in its first run. On a shared
machine trust CPU seconds and ratios. Two ratios count: against vectorbt as documented (all sets in one call), and
against the fastest that we could make of it. All make the same trades but for a few exits: where a bar reaches a level
and a signal wants out at its open, vectorbt takes the level (see LEVEL_BEFORE_SIGNAL in tests/peers/habits.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from crosses import BARS, PRICES, READY, SETS, Minutes
from sweep_ours import stored, years
from sweep_peers import GIVEN, SWEEPS

HERE = Path(__file__).parent
REAL = HERE.parents[2] / "shared" / "data" / "binance_spot" / "BTCUSDT_1m.parquet"
PACKAGES = ("vectorbt", "vectorbt-rust", "raptorbt", "numba", "numpy", "pandas", "polars", "duckdb")
OURS = {
    "bt, sweep, stored": {"kind": "sweep"},
    "bt, sweep, stored, 1 worker": {"kind": "sweep", "workers": 1},
    "bt, set after set, not stored": {"kind": "singly"},
}
OURS_GIVEN = {
    "ready: bt, a tape": {"kind": "ready"},
    "ready: bt, a tape, 1 worker": {"kind": "ready", "workers": 1},
}
DOCUMENTED = "in one call"


def asked(script: str, name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Run one engine in a process of its own."""
    command = [sys.executable, str(HERE / script), name, str(folder), str(rounds)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "RAPTORBT_NO_VERSION_CHECK": "1"},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it was killed"]
        return {"absent": said[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def market(folder: Path, *, real: bool) -> str:
    """Write a year of minutes for all engines, and make the warehouse; give the symbol."""
    name, candles = "ALPHAUSDT", years(1)["ALPHAUSDT"]
    if real:
        names = ("ts", *PRICES, "volume")
        rows = pl.scan_parquet(REAL).select(names).head(BARS).collect()
        name = "BTCUSDT"
        candles = rows.with_columns(
            pl.col("ts").dt.replace_time_zone(None).dt.cast_time_unit("us"), turnover=pl.col("volume") * pl.col("close")
        )
    Minutes(*(candles[column].to_numpy().copy() for column in PRICES)).write(folder)
    stored(folder, {name: candles})
    return name


def race(title: str, engines: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Print one table as it is measured, each engine against the first of ours that is there, and give its results."""
    print(f"\n{title}")
    titles = {"wall s": 8, "CPU s": 8, "peak MB": 9, "before": 8, "x ours": 8, "trades": 9, "return": 10, "Sharpe": 9}
    print(f"{'':<64}" + "".join(f"{name:>{width}}" for name, width in titles.items()))
    results: dict[str, dict[str, Any]] = {}
    base = None
    for name, found in engines:
        if "absent" in found:
            print(f"{name:<64}{found['absent']}", flush=True)
            continue
        results[name] = found
        base = base or (name if _ours(name) else None)
        ratio = f"{found['wall'] / results[base]['wall']:>8.2f}" if base else f"{'':>8}"
        memory = f"{found['peak'] / 1e6:>9.0f}{found['before'] / 1e6:>8.0f}"
        print(
            f"{name:<64}{found['wall']:>8.2f}{found['cpu']:>8.2f}{memory}{ratio}"
            f"{sum(found['trades']):>9,}{np.mean(found['returns']):>10.4%}{np.mean(found['sharpes']):>9.4f}",
            flush=True,
        )
    return results


def ratios(results: dict[str, dict[str, Any]]) -> None:
    """Print how far the fastest peers are behind the first of ours, in wall time and in CPU."""
    base = next(filter(_ours, results), None)
    peers = [name for name in results if not _ours(name)]
    for word, some in (("as documented", [name for name in peers if DOCUMENTED in name]), ("at its strongest", peers)):
        if base and some:
            best = min(some, key=lambda name: results[name]["wall"])
            wall, spent = (results[best][key] / results[base][key] for key in ("wall", "cpu"))
            print(f"  the fastest peer {word} takes {wall:.1f} x the wall and {spent:.1f} x the CPU of {base} ({best})")


def agreement(results: dict[str, dict[str, Any]]) -> None:
    """Print in how many sets each engine counts the same trades as the first, and how far returns and Sharpe are."""
    if len(results) < 2:
        return
    first = next(iter(results))
    print(f"  against {first}: sets with as many trades; largest difference in return; in Sharpe")
    for name, result in results.items():
        same = np.equal(result["trades"], results[first]["trades"]).mean()
        gaps = [np.abs(np.subtract(result[key], results[first][key])).max() for key in ("returns", "sharpes")]
        print(f"  {name:<62}{same:>8.0%}{gaps[0]:>12.6f}{gaps[1]:>12.6f}")


def _ours(name: str) -> bool:
    return name.removeprefix("ready: ").startswith("bt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if chosen.real and not REAL.exists():
        sys.exit(f"{REAL.name} is not there: leave out --real")
    print(*(f"{package} {version(package)}" for package in PACKAGES), sep=", ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, best of {chosen.rounds}")
    kept = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        symbol = market(folder, real=chosen.real)
        for title, ours, peers in (
            (f"{len(SETS)} crosses x {BARS:,} minutes of {symbol}, indicators to daily Sharpe", OURS, SWEEPS),
            (f"{len(READY)} sets of ready signals x {BARS:,} minutes of {symbol}", OURS_GIVEN, GIVEN),
        ):
            jobs = {name: ("sweep_ours.py", json.dumps(job | {"symbols": [symbol]})) for name, job in ours.items()}
            jobs |= {name: ("sweep_peers.py", name) for name in peers}
            wanted = {name: job for name, job in jobs.items() if chosen.only in name}
            results = race(title, ((name, asked(*job, folder, chosen.rounds)) for name, job in wanted.items()))
            ratios(results)
            agreement(results)
            kept |= results
    if chosen.json:
        chosen.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
