"""The same bytes in every process: whatever the hash seed, the time zone, the language and the number of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bt
from tests.engine.cases import HOUR, START, random_case

FRAMES = ("fills", "rejections", "funding_payments", "equity", "days")
ROOT = Path(__file__).parents[2]

# name: what the process is told
PLACES: dict[str, dict[str, str]] = {
    "London": {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "POLARS_MAX_THREADS": "2"},
    "Tokyo": {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "POLARS_MAX_THREADS": "1"},
    "Chatham": {"PYTHONHASHSEED": "2", "TZ": "Pacific/Chatham", "POLARS_MAX_THREADS": "4", "NUMBA_NUM_THREADS": "2"},
}


def digest() -> str:
    """Hash every frame of some small simulations and of a large one; floats by their exact digits."""
    told, large = hashlib.sha256(), crowd()
    frames = [large.trades]
    for simulation in (large, *(random_case(seed).simulate() for seed in range(12))):
        frames += [getattr(simulation, name) for name in FRAMES]
        told.update(f"{simulation.status} {simulation.ambiguous}".encode())
    for frame in frames:
        told.update(repr((frame.schema, frame.rows())).encode())
    return told.hexdigest()


def crowd(symbols: int = 20, length: int = 5_000) -> bt.Simulation:
    """Trade 100,000 bars: enough that Polars and DuckDB share the work among threads."""
    draw, shape = np.random.default_rng(7), symbols * length
    closes = 100 * np.exp(np.cumsum(draw.normal(0, 0.003, (symbols, length)), axis=1)).ravel()
    opens = closes * (1 + draw.normal(0, 0.002, shape))
    spread = np.abs(draw.normal(0, 0.002, (2, shape)))
    bars = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number}" for number in range(symbols)], length),
            "ts": [START + HOUR * number for number in range(length)] * symbols,
            "open": opens,
            "high": np.maximum(opens, closes) * (1 + spread[0]),
            "low": np.minimum(opens, closes) * (1 - spread[1]),
            "close": closes,
            "volume": 1.0,
        }
    )
    names = ("enter_long", "enter_short", "exit_long", "exit_short")
    said = bars.select("symbol", "ts").with_columns(pl.Series(name, draw.random(shape) < 0.02) for name in names)
    said = said.with_columns(score=draw.normal(0, 1, shape), trail_distance=1.0)
    return bt.simulate(bars.sort("ts", "open"), said, execution=bt.Execution(take=0.02))


@pytest.fixture(scope="module")
def here() -> str:
    return digest()


def test_a_second_time(here: str) -> None:
    assert digest() == here


@pytest.mark.long
@pytest.mark.parametrize("place", [pytest.param("London", marks=pytest.mark.slow), "Tokyo", "Chatham"])
def test_another_process(place: str, here: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.engine.test_determinism"]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | PLACES[place], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [here]


if __name__ == "__main__":
    print(digest())
