"""What takes belief from a result: all that was ever tried, sets that not every fold saw, a look into the future."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from bt.warehouse import Warehouse
from tests.benchmarks.overfitting_noise import overfitting_probability
from tests.sql.given import START
from tests.sql.judging import CONFIG, Array, Made, noise, run_row, single, sweep, walk

SPLIT = 30  # days of training before the first test
SETTINGS = {"objective": "sharpe", "min_trades": 30, "where": None, "select": "best", "folds": {"train": "30d"}}


@pytest.fixture(scope="module")
def shared() -> Warehouse:
    return Warehouse()


@pytest.fixture
def warehouse(shared: Warehouse) -> Warehouse:
    """Give the one in memory (making one takes long), emptied."""
    with shared.write() as connection:
        for table in ("runs", "run_metrics", "folds", "trials", "days"):
            connection.execute(f"delete from {table}")
    return shared


def seeded(seed: int, **how: Any) -> Array:
    return noise(np.random.default_rng(seed), **how)


def walked(run_id: str = "w", **settings: Any) -> Made:
    """Walk forward with three sets; as bt stores it, the run's span is that of its tests."""
    given = json.dumps(SETTINGS | settings)
    first = START + timedelta(days=SPLIT)
    return walk(seeded(1, sets=3, days=60), run_id=run_id, train=SPLIT, test=10, first_ts=first, settings=given)


def once(run_id: str = "o", **changes: Any) -> Made:
    """Run a set that the walk tried, in the days before its first test only, unless told otherwise."""
    row = {"params": '{"x": 1}', "end_ts": START + timedelta(days=SPLIT - 10)} | changes
    return Made(tables={"runs": run_row(run_id, "run", 0, **row)})


COUNTED = [  # what else is in the warehouse, and how many sets more than the walk's own three were tried
    ("the same set on the training alone", once(), 1),  # a walk tries its sets in its own way
    ("by another name", once(strategy="other"), 1),
    ("two names", (once(), once("p", strategy="other")), 2),
    ("before the training", once(first_ts=START - timedelta(days=9), end_ts=START), 0),
    ("the same walk again", walked("o"), 0),
    *((f"a walk with another {name}", walked("o", **{name: value}), 3) for name, value in (
        ("folds", {"train": "40d"}), ("objective", "calmar"), ("min_trades", 5), ("where", "trades > 9"),
        ("select", "plateau"))),
    ("a walk with another seed", walked("o", seed=5), 0),  # whatever it drew, the sets are the same
]  # fmt: skip


@pytest.mark.parametrize(("others", "more"), [case[1:] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_what_was_tried_on_the_data_of_a_walk(warehouse: Warehouse, others: Made | tuple[Made, ...], more: int) -> None:
    for made in (walked(), *(others if isinstance(others, tuple) else (others,))):
        made.store(warehouse)

    assert warehouse.query("select attempts from attempts where run_id = 'w'").item() == 3 + more


def test_few_sets_that_are_alike_do_not_hide_how_many_were_tried_by_others(warehouse: Warehouse) -> None:
    days, one = 200, seeded(3, sets=1, days=200)
    sweep(np.hstack([one, one + 1e-6 * seeded(4, sets=1, days=200)])).store(warehouse)
    expected = "select expected, attempts from judged_luck where run_id = 's' and basis = 'all'"
    alone = warehouse.query(expected).row(0)
    for number in range(8):
        once(f"o{number}", params=json.dumps({"y": number}), config=json.dumps(CONFIG)).store(warehouse)

    among = warehouse.query(expected).row(0)

    assert (alone[1], among[1]) == (2, 10)
    assert 0 < alone[0] < 1e-3  # the spread of its own two
    luck = warehouse.query("select expected_max_sharpe(1 / 199, 10)").item()
    assert days - 1 == 199
    assert among[0] == pytest.approx(luck)


def only_in(made: Made, trial: int, folds: list[int]) -> Made:
    """Let a set be tried in some folds only, as a sampler does that learns in each fold anew."""
    keep = (pl.col("trial") != trial) | pl.col("fold").is_in(folds) | (pl.col("part") == "run")
    return Made(tables=made.tables | {name: made.tables[name].filter(keep) for name in ("trials", "days")})


def moving_together(returns: Array, trial: int, folds: list[int]) -> float:
    """Give the mean product of two sets' standardised returns over all pairs and days that both were tried on."""
    tried = np.ones(returns.shape, dtype=bool)
    tried[:, trial - 1] = np.isin(np.arange(len(returns)) // 10 + 1, folds)
    columns = [column[mask] for column, mask in zip(returns.T, tried.T, strict=True)]
    scores = np.zeros(returns.shape)
    scores.T[tried.T] = np.concatenate([(each - each.mean()) / each.std() for each in columns])
    pairs = [(a, b) for a in range(returns.shape[1]) for b in range(returns.shape[1]) if a != b]
    products = sum(scores[:, a] @ scores[:, b] for a, b in pairs)
    return float(products / sum((scores[:, a] ** 2) @ tried[:, b] for a, b in pairs))


@pytest.mark.parametrize("folds", [[1], [1, 2, 3, 4, 5], [6], [2, 5]], ids=str)
def test_overfitting_is_not_guessed_of_sets_that_some_folds_never_saw(warehouse: Warehouse, folds: list[int]) -> None:
    returns = seeded(6, sets=5, days=90)
    made = walk(returns, train=30, test=10)
    only_in(made, 4, folds).store(warehouse)

    figure = "select value, holds, reason from overfitting where figure = 'overfitting_probability'"
    assert warehouse.query(figure).row(0) == (None, None, "only 4 of 5 sets were tried in every fold")
    together, sets = warehouse.query("select correlation, sets from compared_sets").row(0)
    assert (together, sets) == (pytest.approx(moving_together(returns[30:], 4, folds)), 5)
    assert warehouse.query("select count(*) from top_configs where fold = 0").item() == 5
    assert warehouse.query("select folds from top_configs where fold = 0 and trial = 4").item() == len(folds)


def test_overfitting_of_sets_that_every_fold_saw_is_known(warehouse: Warehouse) -> None:
    returns = seeded(6, sets=5, days=90)
    only_in(walk(returns, train=30, test=10), 4, [*range(1, 7)]).store(warehouse)

    probability = warehouse.query("select probability from odds_of_overfitting").item()
    assert probability == overfitting_probability(returns[30:])


DOUBTS = {
    "the strategy looks ahead": "look-ahead in enter_long: 3 of 10 bars differ",
    "it was not examined": "not examined for look-ahead: on the last bars alone, too few bars",
    "the strategy says something else each time": "two equal calls of signals() differ in size: these figures",
}
EDGES = {
    "walk": lambda **more: walk(seeded(11, sets=20, days=400, sharpe=6.0), train=100, **more),
    "sweep": lambda **more: sweep(seeded(14, sets=20, days=400, sharpe=6.0), **more),
    "run": lambda **more: single(seeded(15, sets=1, days=400, sharpe=6.0)[:, 0], **more),
}


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("kind", EDGES)
def test_a_doubt_is_no_evidence_however_good_the_figures(warehouse: Warehouse, kind: str, doubt: str) -> None:
    EDGES[kind](run_id="good").store(warehouse)
    EDGES[kind](run_id="doubted", warnings=json.dumps([DOUBTS[doubt]])).store(warehouse)

    found = dict(warehouse.query("select run_id, sentence from verdicts").iter_rows())

    assert "no evidence" not in found["good"]
    assert found["doubted"].startswith(f"no evidence: {doubt}")
