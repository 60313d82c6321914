"""What tells skill from luck, as lines: figures in, text out; and how far a sweep is."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from bt.output import Narrator
from bt.output.judging import LUCK, RULES, figure_lines, verdict_lines
from bt.output.progress import TrialProgress, lasting
from bt.output.sets import at_edge, drawn_sets, searched, split_params

Captured = pytest.CaptureFixture[str]


def figure(name: str, value: float | None, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("low", "high", "threshold", "holds", "reason"))
    return {"figure": name, "value": value, **empty, **more}


FIGURES = [
    figure("attempts", 1234.0, low=12.3),
    figure("out_of_sample_profit", 1234.5, holds=True),
    figure("efficiency", None, reason="ruined, or the chosen sets earned nothing in-sample"),
    figure("profitable_folds", 0.5, holds=True),
    figure("best_fold_share", 0.79, holds=False),
    figure("sharpe", 1.42, low=-0.004, high=2.5, holds=False),
    figure("deflated_sharpe", 0.41, high=0.66, holds=False),
    figure("overfitting_probability", 0.2, low=0.25, high=0.75, holds=True),
]


def test_rules_have_marks_and_words() -> None:
    assert figure_lines(FIGURES, RULES, 60) == [
        "✓ Out-of-sample profit  +1,234.50  above 0",
        "  Efficiency                    –  ruined, or the chosen",
        "                                   sets earned nothing",
        "                                   in-sample",
        "✓ Profitable folds         50.0 %  half of them or more",
        "✗ Best fold's share        79.0 %  of the profit; below half",
    ]


def test_luck_names_its_ranges() -> None:
    assert figure_lines(FIGURES, LUCK) == [
        "✗ Sharpe ratio     1.42  95 % interval 0.00 to 2.50",
        "✗ Deflated Sharpe  0.41  best of 1,234 attempts (0.66 of 12 effective); 0.95 or more",
        "✓ Overfitting      0.20  PBO; on pure noise 0.25 to 0.75",
    ]


def test_where_nothing_was_chosen_there_is_nothing_to_approve_of() -> None:
    marked, bare = (figure_lines(FIGURES, LUCK, marked=marked) for marked in (True, False))
    assert [line[0] for line in marked] == ["✗", "✗", "✓"]
    assert bare == [" " + line[1:] for line in marked]


def test_no_figure_is_no_line() -> None:
    assert figure_lines([], RULES) == []


def test_a_verdict_is_wrapped() -> None:
    assert verdict_lines("no evidence: too short", 20) == ["Verdict: no", "  evidence: too", "  short"]


SEARCHES = [
    ({"fast": {"first": 5, "last": 30, "step": 5}, "slow": [50, 100]}, "fast=5:30:5 slow=50,100"),
    ({"n": [1, 2, 3, 4, 5, 6]}, "n=1,2,3,…,6"),
    ({"kind": ["a"]}, "kind=a"),
]


@pytest.mark.parametrize(("search", "written"), SEARCHES)
def test_a_search_is_written_as_it_is_typed(search: dict[str, Any], written: str) -> None:
    assert searched(search) == written


EDGES = [  # values, value, whether it lies at their edge
    ({"first": 5, "last": 15, "step": 5}, 15, True),
    ({"first": 5, "last": 15, "step": 5}, 10, False),
    ({"first": 5, "last": 10, "step": 5}, 10, False),  # two values are nothing but edges
    ([3, 1, 2], 1, True),
    ([3, 1, 2], 2, False),
    ([1, 2], 1, False),
    (["a", "b", "c"], "a", False),
    ([True, False], True, False),
    (None, 3, False),
]


@pytest.mark.parametrize(("values", "value", "expected"), EDGES)
def test_edges(values: Any, value: Any, expected: bool) -> None:
    assert at_edge(values, value) is expected


def test_parameters_become_columns_that_hide_no_other() -> None:
    rows = pl.DataFrame({"params": ['{"trades": 3, "kind": "a", "same": 1}', None]})
    params = split_params(rows, {"trades": [3, 4], "kind": ["a", "b"], "same": [1]})
    drawn = drawn_sets(pl.DataFrame({"rank": [1, 2]}), params, pl.DataFrame({"trades": [30, 40]}))
    assert drawn.splitlines() == [
        "rank  trades=  kind  trades",
        "───────────────────────────",
        "   1        3  a         30",
        "   2        –  –         40",
    ]


LENGTHS = [(0.4, "0 s"), (89.0, "89 s"), (90.0, "2 min"), (3_600.0, "60 min"), (12_000.0, "3 h 20 min")]


@pytest.mark.parametrize(("seconds", "said"), LENGTHS)
def test_lengths_of_time_are_told_shortly(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_programs_hear_the_first_and_the_last_set(capsys: Captured) -> None:
    with TrialProgress(Narrator("json")) as progress:
        for done in (10, 11, 12, 13, 20):  # 10 are from an earlier sweep
            progress.tried(done, 20, "1.5 with fast 5")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(event["done"], event["total"], event["best"]) for event in events] == [
        (11, 20, "1.5 with fast 5"),
        (20, 20, "1.5 with fast 5"),
    ]
    assert events[-1]["eta"] == 0


@pytest.mark.parametrize("mode", ["none", "plain", "auto"])
def test_nothing_is_said_of_what_takes_no_time(capsys: Captured, mode: str) -> None:
    with TrialProgress(Narrator(mode)) as progress:
        for done in range(100):
            progress.tried(done, None, "")
    assert capsys.readouterr().err == ""
    assert (progress.done, progress.total) == (99, None)
