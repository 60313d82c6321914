"""What is no argument of a sweep or walk-forward is refused in one sentence, with a cure; what is plain is taken."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import bt
from bt.errors import BtError
from bt.warehouse import Warehouse
from tests.sweep.strategies import Cross

SWEEP = bt.Sweep(search={"fast": [3], "slow": [13]}, min_trades=0)
SPAN: dict[str, Any] = {"symbols": ["ALPHAUSDT"], "timeframe": "4h", "lookahead": 0}

SETTINGS = [  # settings of a sweep, what is said of them
    ({"search": []}, "search must name parameters, not []"),
    ({"search": "fast=3"}, "search must name parameters, not 'fast=3'"),
    ({"search": {1: [2]}}, "a parameter in search must be text, not 1"),
    ({"objective": None}, "objective must be text, not None"),
    ({"where": False}, "where must be text, not False"),
    ({"constraint": 5}, "constraint must be text, not 5"),
    ({"sampler": ["grid"]}, "sampler cannot be ['grid']"),
    ({"select": None}, "select cannot be None"),
    *(({"trials": each}, f", not {each!r}") for each in (0, -1, True, 1.5, "3")),
    ({"seed": None}, "seed must be a whole number from 0"),
    ({"min_trades": None}, "min_trades must be a whole number from 0"),
    ({"workers": 10**9}, "workers must be a whole number from 1 to 1,024"),
    ({"executor": None}, "unknown executor None"),
    ({"executor": "dask://somewhere"}, "executor 'dask://somewhere' names no scheduler"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
def test_settings_of_another_kind_are_refused_where_they_are_made(settings: dict[str, Any], message: str) -> None:
    refused(lambda: bt.Sweep(**settings), message)


LENGTHS = [
    *(({"train": each}, f"train must be a length of time, not {each!r}") for each in (30, None, 1.5, True)),
    ({"test": 3}, "test must be a length of time, not 3"),
    ({"step": 3}, "step must be a length of time, not 3"),
    ({"purge": None}, "purge must be a length of time, not None"),
    ({"mode": None}, "mode cannot be None"),
    ({"partial": "no"}, "partial must be True or False, not 'no'"),
    ({"sweep": bt.Sweep}, "sweep must be a bt.Sweep, not <class"),
]


@pytest.mark.parametrize(("settings", "message"), LENGTHS)
def test_settings_of_a_walk_forward_likewise(settings: dict[str, Any], message: str) -> None:
    refused(lambda: bt.WalkForward(**{"train": "6d", "test": "3d", **settings}), message)


class NoSignals(bt.BaseStrategy):
    """Has nothing."""


CALLS = [  # arguments of a call, what is said of them
    ({"strategy": Cross()}, "strategy is a Cross that was made already"),
    ({"strategy": "ema_cross"}, "'ema_cross' is no strategy"),
    ({"strategy": dict}, "<class 'dict'> is no strategy"),
    ({"strategy": NoSignals}, "NoSignals has no signals()"),
    ({"warehouse": "bt.duckdb"}, "warehouse must be a bt.Warehouse, not 'bt.duckdb'"),
    ({"symbols": None}, "symbols must be a list of texts, not None"),
    ({"symbols": [1]}, "a symbol must be text, not 1"),
    ({"symbols": b"ALPHAUSDT"}, "symbols must be a list of texts, not b'ALPHAUSDT'"),
    ({"symbols": []}, "no symbol is named"),
    ({"timeframe": 60}, "timeframe must be text, not 60"),
    ({"timeframe": "7m"}, "unknown timeframe '7m'"),
    ({"first": "2024-01-05"}, "first must be a datetime or date, not '2024-01-05'"),
    ({"end": 20240105}, "end must be a datetime or date, not 20240105"),
    ({"first": datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))}, "is out of range"),
    ({"account": {"cash": 1}}, "account must be a bt.Account, not dict"),
    ({"execution": 5}, "execution must be a bt.Execution, not int"),
    ({"lookahead": -1}, "lookahead must be a whole number from 0"),
    ({"name": 5}, "name must be text, not 5"),
    ({"note": []}, "note must be text, not []"),
    ({"resume": "yes"}, "resume must be True or False, not 'yes'"),
    ({"listener": print}, "listener cannot hear"),
]


@pytest.mark.parametrize("what", [SWEEP, bt.WalkForward(train="6d", test="3d")], ids=["sweep", "walk"])
@pytest.mark.parametrize(("given", "message"), CALLS)
def test_what_a_call_is_given_is_refused_before_anything_is_read(what: Any, given: Any, message: str) -> None:
    asked = {"strategy": Cross, "warehouse": Warehouse(":memory:"), **SPAN, **given}
    refused(lambda: what.run(asked.pop("strategy"), asked.pop("warehouse"), **asked), message)


def test_what_is_plain_is_taken(shared: Warehouse) -> None:
    zone = timezone(timedelta(hours=5))
    plain = {"first": datetime(2024, 1, 5), "end": datetime(2024, 1, 12)}
    wanted = SWEEP.run(Cross, shared, **SPAN, **plain).run_id
    for given in (
        {"first": date(2024, 1, 5), "end": date(2024, 1, 12)},
        {"first": datetime(2024, 1, 5, tzinfo=UTC), "end": datetime(2024, 1, 12, 5, tzinfo=zone)},
        {**plain, "symbols": "ALPHAUSDT"},
    ):
        assert SWEEP.run(Cross, shared, **{**SPAN, **given}, resume=True).run_id == wanted
    counted = replace(SWEEP, trials=np.int64(2), seed=np.int64(1))
    assert (counted.trials, counted.seed) == (2, 1)
    walk = bt.WalkForward(train="5d", test=timedelta(days=2))
    folds = walk.folds(date(2024, 1, 1), datetime(2024, 2, 1, 5, tzinfo=zone), "1h")
    assert folds == walk.folds(datetime(2024, 1, 1), datetime(2024, 2, 1), "1h")


def test_help_shows_what_both_take() -> None:
    for kind in (bt.Sweep, bt.WalkForward):
        assert {"symbols", "first", "costs", "resume"} <= {*inspect.signature(kind.run).parameters}
        assert all(each.annotation is not inspect.Parameter.empty for each in
                   [*inspect.signature(kind.run).parameters.values()][1:])  # fmt: skip


def refused(call: Any, message: str) -> None:
    with pytest.raises(BtError) as error:
        call()
    assert message in error.value.what
    assert error.value.cure
