"""Each part of a fold is a run on its dates, and the stitched run is the chosen sets' runs one after the other."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

import bt
from bt.strategy import made
from bt.warehouse import Warehouse
from tests.sweep.kept import KEYS, SETTINGS, SYMBOLS, as_run, unsound
from tests.sweep.strategies import Cross

pytestmark = pytest.mark.long

WALKS = {
    "end to end": {"train": "6d", "test": "4d"},
    "overlapping, inside days": {"train": "180h", "test": "100h", "step": "76h", "purge": "4h"},
    "apart": {"train": "5d", "test": "68h", "step": "100h", "mode": "anchored", "partial": True},
}
QUICK = {("entries, drilled", "overlapping, inside days"), ("ruined", "end to end")}
CASES = [name if name == "entries, drilled" else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS]
STITCHES = [
    (name, kind) if (name, kind) in QUICK else pytest.param(name, kind, marks=pytest.mark.slow)
    for name in SETTINGS
    for kind in WALKS
]


@pytest.mark.parametrize("name", CASES)
def test_a_fold_part_is_a_run_on_its_dates(shared: Warehouse, name: str) -> None:
    strategy, settings = SETTINGS[name]
    walk = bt.WalkForward(train="6d", test="100h", purge="4h", sweep=bt.Sweep(min_trades=0, trials=3))

    run = walk.run(strategy, shared, **settings)

    trials = shared.query("from trials where run_id = ? order by trial, fold, part", [run.run_id]).to_dicts()
    assert len(trials) == 3 * 2 * min(3, math.prod(map(len, strategy.search.values())))
    for trial in trials[len(name) % 7 :: 7]:
        span = {"first": trial["first_ts"], "end": trial["end_ts"]}
        days, metrics = as_run(made(strategy, json.loads(trial["params"])), shared, **flat_at_end(settings), **span)
        place = [run.run_id, trial["trial"], trial["fold"], trial["part"]]
        own = shared.query("from days where run_id = ? and trial = ? and fold = ? and part = ? order by day", place)
        assert own.drop(KEYS).equals(days), place
        assert {column: trial[column] for column in metrics} == metrics


@pytest.mark.parametrize(("name", "kind"), STITCHES)
def test_the_stitched_run_is_the_chosen_sets_one_after_the_other(shared: Warehouse, name: str, kind: str) -> None:
    strategy, settings = SETTINGS[name]
    walk = bt.WalkForward(**WALKS[kind], sweep=bt.Sweep(min_trades=3, objective="net_profit", trials=4))

    results = walk.run(strategy, shared, **settings).get_results()

    assert unsound(shared) == {}
    folds = results.sql("from folds where run_id = $run order by fold").to_dicts()
    account = settings.get("account", bt.Account())
    cash, first, fills, ruined = account.cash, folds[0]["test_first"], [], False
    for fold in folds:
        assert fold["start_equity"] == cash
        own = between(results.fills, first, fold["stitched_end"])
        assert between(own, first, fold["test_first"]).is_empty()  # flat between folds that lie apart
        if fold["trial"] and not ruined:
            alone = made(strategy, json.loads(fold["params"])).run(
                shared, **{**flat_at_end(settings), "account": dataclasses.replace(account, cash=cash)},
                first=fold["test_first"], end=fold["stitched_end"], lookahead=0,
            ).get_results()  # fmt: skip
            columns = pl.exclude("run_id", "n", "trade", "bar", "reason")
            assert own.select(columns).equals(alone.fills.select(columns)), fold
            assert own["reason"].to_list() == alone.fills["reason"].replace("end_of_data", "fold_end").to_list()
            part = between(results.equity, fold["test_first"], fold["stitched_end"])
            assert part.drop("run_id").equals(alone.equity.drop("run_id"))
            cash, ruined = alone.equity["equity"][-1], alone.run["status"] == "ruined"
        else:
            assert own.is_empty()
        assert fold["end_equity"] == cash
        fills.append(own)
        first = fold["stitched_end"]
    assert pl.concat(fills).equals(results.fills)
    assert results.fills["n"].to_list() == list(range(1, results.fills.height + 1))
    assert results.trades["exit_reason"].null_count() == 0  # also where the settings would keep the last one open
    assert results.run["status"] == ("ruined" if ruined else "finished")
    assert ruined == (
        (name, kind) == ("ruined", "end to end")
    )  # else its sets are ruined in training, and never chosen
    assert results.metrics["end_equity"].item() == cash


def flat_at_end(settings: dict[str, Any]) -> dict[str, Any]:
    """Give the settings as a walk-forward takes them: every part of a fold ends flat."""
    execution = settings.get("execution", bt.Execution())
    return settings | {"execution": dataclasses.replace(execution, close_at_end=True)}


def between(frame: pl.DataFrame, first: object, end: object) -> pl.DataFrame:
    return frame.filter((pl.col("ts") >= first) & (pl.col("ts") < end))


def test_days_of_folds_that_begin_inside_a_day_are_put_together(shared: Warehouse) -> None:
    walk = bt.WalkForward(train="12d", test="12h", sweep=bt.Sweep(min_trades=0, trials=2))

    results = walk.run(Cross, shared, symbols=SYMBOLS, timeframe="1h").get_results()

    assert unsound(shared) == {}
    days = results.sql("from days where run_id = $run and part = 'run' order by day")
    assert days["bars"].to_list() == [24] * 8
    last = results.equity.group_by(pl.col("ts").dt.date().alias("day")).agg(pl.col("equity").last()).sort("day")
    assert days["equity"].to_list() == last["equity"].to_list()
    assert days["trades"].sum() == results.trades.height > 15
    assert (results.fills["reason"] == "fold_end").sum() > 5


def test_a_hole_in_the_candles_between_two_folds(own: Warehouse) -> None:
    with own.write() as connection:  # from inside the first test to inside the second: days without a bar
        connection.execute(
            "delete from candles where ts >= timestamp '2024-01-09 07:00' and ts < timestamp '2024-01-13'"
        )
    walk = bt.WalkForward(train="6d", test="4d", sweep=bt.Sweep(min_trades=0, trials=2))

    results = walk.run(Cross, own, symbols=SYMBOLS[:1], timeframe="1h").get_results()

    days = results.sql("select day from days where run_id = $run and part = 'run' order by day")["day"].to_list()
    assert days == [days[0] + timedelta(days=count) for count in range((days[-1] - days[0]).days + 1)]
    assert {name for name in unsound(own) if name != "ingests_kept"} == set()


def test_where_no_set_qualifies_nothing_is_traded(shared: Warehouse) -> None:
    walk = bt.WalkForward(train="6d", test="4d", sweep=bt.Sweep(min_trades=1_000))

    results = walk.run(Cross, shared, symbols=SYMBOLS, timeframe="1h").get_results()

    assert unsound(shared) == {}
    folds = results.sql("select trial, params, start_equity, end_equity from folds where run_id = $run").rows()
    assert folds == [(None, None, 10_000.0, 10_000.0)] * 3
    assert results.fills.is_empty()
    assert results.equity["equity"].unique().to_list() == [10_000.0]
    assert "no set qualified in fold 1, 2, 3" in json.loads(results.run["warnings"])[0]
