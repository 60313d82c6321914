"""Memory hangs on the data of a span, and not on how many sets are tried on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SWEEP = """
import json, resource, sys
import bt
from bt.warehouse import Warehouse
from tests.sweep.strategies import Cross

path, executor, walk, sets = json.loads(sys.argv[1])
search = {"fast": range(2, 2 + sets // 10), "slow": range(101, 111)}
sweep = bt.Sweep(search=search, min_trades=1, executor=executor, workers=2)
what = bt.WalkForward(train="8d", test="4d", sweep=sweep) if walk else sweep
run = what.run(Cross, Warehouse(path), symbols=["ALPHAUSDT", "BETAUSDT"], timeframe="5m")
assert run.get_results().run["sets"] == sets
print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024)
"""


def peak(path: Path, executor: str, walk: bool, sets: int) -> float:
    """Give the highest memory, in MB, of the process that sweeps, or of one that it began."""
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, json.dumps([str(path), executor, walk, sets])],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "walk"), [("threads", False), ("processes", False), ("threads", True)])
def test_ten_times_as_many_sets_take_no_more_memory(funded: Path, tmp_path: Path, executor: str, walk: bool) -> None:
    found = []
    for sets in (50, 500):
        path = tmp_path / f"{sets}.duckdb"
        shutil.copy(funded, path)
        found.append(peak(path, executor, walk, sets))
    few, many = found
    print(f"{executor} walk={walk}: 50 sets {few:.0f} MB, 500 sets {many:.0f} MB")
    assert many - few < 100
