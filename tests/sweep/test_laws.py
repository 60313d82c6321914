"""A trial of a sweep is a run: the same days to the last bit, and the same metrics."""

from __future__ import annotations

import json

import pytest

import bt
from bt.strategy import made
from bt.warehouse import Warehouse
from tests.sweep.kept import KEYS, SETTINGS, as_run

QUICK = ("targets", "ruined")
CASES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS]


@pytest.mark.parametrize("name", CASES)
def test_a_trial_is_a_run(shared: Warehouse, name: str) -> None:
    strategy, settings = SETTINGS[name]
    sweep = bt.Sweep(sampler="random", trials=2, seed=len(name), min_trades=0)

    run = sweep.run(strategy, shared, **settings)

    trials = shared.query("from trials where run_id = ? order by trial", [run.run_id]).to_dicts()
    assert [trial["trial"] for trial in trials] == [1, 2]
    for trial in trials:
        params = json.loads(trial["params"])
        days, metrics = as_run(made(strategy, params), shared, **settings)
        own = shared.query("from days where run_id = ? and trial = ? order by day", [run.run_id, trial["trial"]])
        assert own.drop(KEYS).equals(days)
        assert {column: trial[column] for column in metrics} == metrics
        assert trial["status"] == ("ruined" if name == "ruined" else "finished")
        assert metrics["trades"] > 2
