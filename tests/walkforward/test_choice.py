"""A choice is made of in-sample figures: whatever happens after a training ends, its choice stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import bt
from bt.results import trials
from bt.warehouse import Warehouse
from tests.sweep.kept import SYMBOLS
from tests.sweep.strategies import Cross

FUTURES = {
    "doubled": "high = high * 2, low = low * 2, open = open * 2, close = close * 2",
    "still": "open = 100, high = 100, low = 100, close = 100",
    "upside down": "open = 1e9 / open, high = 1e9 / low, low = 1e9 / high, close = 1e9 / close",
}


def walked(warehouse: Warehouse, **settings: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Walk forward; give folds and trials, without what tells this run from another."""
    walk = bt.WalkForward(train="6d", test="3d", purge="8h", sweep=bt.Sweep(min_trades=1, **settings))
    run = walk.run(Cross, warehouse, symbols=SYMBOLS, timeframe="1h")
    found = (f"from {table} where run_id = ? order by all" for table in ("folds", "trials"))
    folds, tried = (warehouse.query(sql, [run.run_id]).drop("run_id", "seconds", strict=False) for sql in found)
    return folds, tried


@pytest.mark.long
@pytest.mark.parametrize(
    "future", [next(iter(FUTURES)), *(pytest.param(k, marks=pytest.mark.slow) for k in [*FUTURES][1:])]
)
@pytest.mark.parametrize(
    "settings",
    [{}, pytest.param({"select": "plateau"}, marks=pytest.mark.slow),
     pytest.param({"sampler": "tpe", "trials": 18, "search": {"fast": range(2, 12)}}, marks=pytest.mark.slow)],
    ids=["best", "plateau", "tpe"],
)  # fmt: skip
def test_what_comes_after_the_training_changes_no_choice(
    shared: Warehouse, own: Warehouse, settings: dict[str, Any], future: str
) -> None:
    folds, tried = walked(shared, **settings)
    known = 2
    [end] = folds.filter(pl.col("fold") == known)["train_end"].to_list()
    with own.write() as connection:
        connection.execute(f"update candles set {FUTURES[future]} where ts >= ?", [end])

    others, retried = walked(own, **settings)

    choice = ("fold", "trial", "params")
    mine, theirs = (each.filter(pl.col("fold") <= known).select(choice) for each in (folds, others))
    assert mine.equals(theirs)
    assert mine["trial"].null_count() == 0
    part = (pl.col("part") == "in") & (pl.col("fold") <= known)
    assert tried.filter(part).equals(retried.filter(part))
    last = (pl.col("part") == "out") & (pl.col("fold") == known)
    assert not tried.filter(last).equals(retried.filter(last))


@pytest.mark.long
def test_out_of_sample_rows_are_not_looked_at(funded: Path, tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    shutil.copy(funded, path)
    warehouse = Warehouse(path)
    walk = bt.WalkForward(train="6d", test="3d", sweep=bt.Sweep(min_trades=1))
    run_id = walk.run(Cross, warehouse, symbols=SYMBOLS, timeframe="1h").run_id
    before = warehouse.query("select fold, trial from folds order by fold").rows()
    with warehouse.write() as connection:
        connection.execute("update trials set objective = 1e6 * trial, qualified = true where part = 'out'")
    trials.choose(warehouse, run_id, "plateau")
    again = trials.choose(warehouse, run_id, "best")
    assert [(fold, choice.trial) for fold, choice in again.items()] == before
    assert json.loads(warehouse.query("select params from folds where fold = 1").item())
