"""Which parameter set is chosen of the trials that stand in the table, and what ranks beside what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.given import START, Row, holding, near

Chosen = list[tuple[int, int, float]]  # fold, trial, score


def trial(number: int, objective: float | None = 1.0, **more: Any) -> Row:
    return {"trial": number, "objective": objective, "places": [number], "params": f'{{"fast": {number}}}', **more}


def grid(*rows: list[float | None], **more: Any) -> list[Row]:
    """Give trials of two parameters, whose objectives are written as a table."""
    flat = [(across, down, value) for down, row in enumerate(rows) for across, value in enumerate(row)]
    return [trial(n, value, places=[down, across], **more) for n, (across, down, value) in enumerate(flat, 1)]


PEAK = grid([1.0, 1.0, 0.0, 9.0], [4.0, 5.0, 0.0, 0.0])  # a peak in a corner, and a plateau on the left

CASES: list[tuple[str, list[Row], str, Chosen]] = [
    ("the highest", [trial(1, 1.0), trial(2, 3.0), trial(3, 2.0)], "best", [(0, 2, 3.0)]),
    ("of equals the first", [trial(3, 2.0), trial(2, 2.0), trial(1, 1.0)], "best", [(0, 2, 2.0)]),
    ("below zero", [trial(1, -2.0), trial(2, -1.0)], "best", [(0, 2, -1.0)]),
    ("only what qualified", [trial(1, 9.0, qualified=False), trial(2, 1.0)], "best", [(0, 2, 1.0)]),
    ("only what has an objective", [trial(1, None), trial(2, 1.0)], "best", [(0, 2, 1.0)]),
    ("none qualified", [trial(1, qualified=False), trial(2, None)], "best", []),
    ("each fold for itself", [trial(1, 2.0, fold=1), trial(2, 1.0, fold=1), trial(1, 1.0, fold=2),
     trial(2, 2.0, fold=2), trial(1, fold=3, qualified=False)], "best", [(1, 1, 2.0), (2, 2, 2.0)]),
    ("never by what came out", [trial(1, 2.0), trial(2, 1.0), trial(2, 9.0, part="out")], "best", [(0, 1, 2.0)]),
    ("the peak", PEAK, "best", [(0, 4, 9.0)]),
    ("the plateau", PEAK, "plateau", [(0, 5, (4 + 1 + 5) / 3)]),
    ("a plateau of equals: the first", grid([2.0, 2.0, 2.0]), "plateau", [(0, 1, 2.0)]),
    ("a plateau without what is undefined", grid([2.0, None, 3.0], [2.0, 9.0, 3.0]), "plateau", [(0, 6, 5.0)]),
    ("neighbours need not qualify", [trial(1, 1.0), trial(2, 9.0, qualified=False), trial(4, 4.0)], "plateau",
     [(0, 1, 5.0)]),
    ("neighbours of this fold and part only", [
        *grid([1.0, 2.0], fold=1), *grid([9.0, 9.0], fold=2), *grid([9.0, 1.0], fold=1, part="out"),
    ], "plateau", [(1, 1, 1.5), (2, 1, 9.0)]),
    ("two steps, or one in each of two, are far", grid([3.0, None, 9.0], [None, 9.0, -99.0]), "plateau", [(0, 1, 3.0)]),
    ("no grid: each for itself", [trial(1, 1.0, places=[]), trial(2, 2.0, places=[])], "plateau", [(0, 2, 2.0)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "trials", "way", "expected"), CASES, ids=[case[0] for case in CASES])
def test_what_is_chosen(name: str, trials: list[Row], way: str, expected: Chosen) -> None:
    found = holding(trials=[*trials, trial(7, 99.0, run_id="b", fold=1)]).query(
        "select fold, trial, score, params from choices where run_id = 'a' and way = ? order by fold", [way]
    )
    assert found.drop("params").rows() == near(expected), name
    assert found["params"].to_list() == [f'{{"fast": {number}}}' for _, number, _ in expected]


def test_a_neighbourhood_is_counted_and_averaged() -> None:
    found = holding(trials=grid([1.0, 2.0, 4.0], [None, 6.0, 8.0])).query(
        "select trial, neighbours, objective, plateau from candidates order by trial"
    )
    assert found.rows() == [
        (1, 1, 1.0, 1.5), (2, 3, 2.0, 13 / 4), (3, 2, 4.0, 14 / 3), (5, 2, 6.0, 16 / 3), (6, 2, 8.0, 6.0),
    ]  # fmt: skip


def test_runs_walks_and_sweeps_rank_beside_each_other() -> None:
    heads = [
        {"run_id": "run", "buy_hold": 0.5},
        {"run_id": "walk", "kind": "walk", "sets": 9},
        {"run_id": "sweep", "kind": "sweep", "sets": 2, "buy_hold": 0.25, "params": '{"fast": 2}'},
        {"run_id": "undecided", "kind": "sweep", "sets": 2},
        {"run_id": "running", "kind": "walk", "status": "running"},
        {"run_id": "ruined", "status": "ruined"},
    ]
    kept = [{"run_id": name, "sharpe": sharpe, "start_cash": 1000.0, "buy_hold": 0.5} for name, sharpe in
            (("run", 1.0), ("walk", 3.0), ("ruined", -2.0))]  # fmt: skip
    trials = [
        {"run_id": "sweep", "trial": 1, "sharpe": 9.0, "net_profit": 9.0},
        {"run_id": "sweep", "trial": 2, "sharpe": 2.0, "net_profit": 5.0, "chosen": True},
        {"run_id": "undecided", "trial": 1, "sharpe": 9.0, "net_profit": 9.0},
        *({"run_id": "walk", "fold": 1, "part": part, "sharpe": 7.0, "net_profit": 1.0, "chosen": True}
          for part in ("in", "out")),
    ]  # fmt: skip
    warehouse = holding(runs=heads, run_metrics=kept, trials=trials)
    found = warehouse.query(
        "select run_id, kind, sharpe, net_profit, buy_hold, params, sets, created_ts from leaderboard "
        "order by sharpe desc"
    )
    assert found.rows() == [
        ("walk", "walk", 3.0, None, 0.5, "{}", 9, START),
        ("sweep", "sweep", 2.0, 5.0, 0.25, '{"fast": 2}', 2, START),
        ("run", "run", 1.0, None, 0.5, "{}", None, START),
        ("ruined", "run", -2.0, None, 0.5, "{}", None, START),
    ]


def test_metrics_stand_in_their_order() -> None:
    def columns(relation: str) -> list[str]:
        return holding().query(f"select column_name from (describe {relation})").to_series().to_list()

    metrics = columns("metrics")
    assert columns("run_metrics") == metrics
    assert [name for name in columns("leaderboard") if name in metrics] == metrics
    keys = {"run_id", "fold", "part", "trial", "symbol", "start_cash"}
    trials = columns("trials")
    assert trials[trials.index("end_equity") :] == [name for name in columns("all_metrics") if name not in keys]
