"""Sweeps and walk-forwards as they are stored: batch by batch, chosen from in-sample, finished, stopped, continued."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bt.results import FoldEnd, FoldRow, HeadRecord, Judging, Results, Stitched, TrialRow, trials
from bt.warehouse import Warehouse
from tests.sql.given import DULL

START = datetime(2024, 1, 1)
DAY = timedelta(days=1)
LENGTH = {"in": 30, "out": 10}  # days
SHARPE = Judging(objective="sharpe", min_trades=0)
KEYS = {"run_id", "fold", "part", "trial", "start_cash"}
DULL_DAY = {name: value for name, value in DULL["days"].items() if name not in KEYS | {"best", "worst"}}


def head(kind: str = "sweep", **settings: Any) -> HeadRecord:
    return HeadRecord(
        strategy="ema_cross", source="class EmaCross", symbols=("X",), timeframe="1h", first=START,
        end=START + 40 * DAY, quote="USDT", config={"account": {"cash": 1000.0}, "instruments": []},
        parts={"bars X": "960:data"}, name=None, note=None, bars=960, kind=kind, settings=settings,
    )  # fmt: skip


def row(number: int, fold: int = 0, part: Any = "in", **more: Any) -> TrialRow:
    given: dict[str, Any] = {
        "fold": fold, "part": part, "trial": number, "params": {"slow": 100, "fast": number},
        "defaults": {"stop": 2.0}, "places": [number - 1, 0],
        "first": START, "end": START + LENGTH[part] * DAY, "start_cash": 1000.0, "status": "finished", "problem": None,
        "seconds": 0.25,
    }  # fmt: skip
    return TrialRow(**(given | more))


def days(rows: Sequence[TrialRow], seed: int = 1, **more: Any) -> pl.DataFrame:
    """Give the days of trials: a random walk each, that hangs on its keys and the seed alone."""
    frames = []
    for each in rows:
        if each.status != "failed":
            random = np.random.default_rng([seed, each.fold, each.trial, each.part == "out"])
            equity = each.start_cash * np.cumprod(1 + random.normal(0.001, 0.01, LENGTH[each.part]))
            high = np.maximum(np.maximum.accumulate(equity), each.start_cash)
            frame = pl.DataFrame({"equity": equity, "high": high, "drawdown": equity / high - 1})
            keys = {"fold": each.fold, "part": each.part, "trial": each.trial}
            day = pl.lit(date(2024, 1, 1)) + pl.duration(days=pl.int_range(pl.len()))
            values = DULL_DAY | {"trades": 1, "wins": 1, "gross_profit": 2.0} | more
            dull = [pl.lit(value).alias(name) for name, value in values.items() if name not in {*frame.columns, "day"}]
            nothing = [pl.lit(None, pl.Float64).alias(name) for name in ("best", "worst")]
            frames.append(
                frame.select(
                    *(pl.lit(value).alias(name) for name, value in keys.items()),
                    day.alias("day"),
                    pl.all(),
                    *dull,
                    *nothing,
                )
            )
    return pl.concat(frames)


def walk_rows(*numbers: int, folds: int = 2) -> list[TrialRow]:
    return [row(number, fold, part) for number in numbers for fold in range(1, folds + 1) for part in ("in", "out")]


def add(warehouse: Warehouse, run_id: str, rows: Sequence[TrialRow], judging: Judging = SHARPE, **more: Any) -> None:
    trials.add(warehouse, run_id, rows, days(rows, **more), judging)


def begun(warehouse: Warehouse, kind: str = "sweep", folds: int = 0) -> str:
    plan = [
        FoldRow(
            fold=number,
            train_first=START + number * DAY,
            train_end=START + (number + 30) * DAY,
            test_first=START + (number + 30) * DAY,
            test_end=START + (number + 40) * DAY,
        )
        for number in range(1, folds + 1)
    ]
    return trials.begin(warehouse, head(kind), plan)


@pytest.fixture(scope="module")
def shared() -> Warehouse:
    return Warehouse()


@pytest.fixture
def warehouse(shared: Warehouse) -> Warehouse:
    """Give the one in memory (making one takes long), emptied."""
    with shared.write() as connection:
        for table in ("runs", "run_metrics", "folds", "trials", "days", "equity", "funding_payments"):
            connection.execute(f"delete from {table}")
    return shared


def stored(warehouse: Warehouse, run_id: str, columns: str = "*") -> list[dict[str, Any]]:
    query = f"select {columns} from trials where run_id = ? order by trial, fold, part"
    return warehouse.query(query, [run_id]).to_dicts()


def test_a_trial_is_stored_with_the_metrics_that_follow_from_its_days(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    add(warehouse, run_id, [row(1), row(2)])
    first, second = stored(warehouse, run_id)
    assert (first["trial"], first["params"], first["places"]) == (1, '{"fast": 1, "slow": 100}', "[0, 0]")
    assert len(first["params_hash"]) == 64
    assert first["params_hash"] != second["params_hash"]
    assert (first["first_ts"], first["end_ts"], first["seconds"]) == (START, START + 30 * DAY, 0.25)
    assert (first["chosen"], first["qualified"], first["status"], first["problem"]) == (False, True, "finished", None)
    equity = days([row(1)])["equity"]
    returns = pl.concat([pl.Series([1000.0]), equity]).pct_change().drop_nulls()
    assert first["end_equity"] == equity[-1]
    assert first["sharpe"] == pytest.approx(returns.mean() / returns.std() * 365**0.5, rel=1e-12)  # type: ignore[operator]
    assert (first["trades"], first["win_rate"], first["gross_profit"], first["pnl"]) == (30, 1.0, 60.0, 60.0)
    assert first["objective"] == first["sharpe"] != second["objective"]
    assert warehouse.query("select count(*) from days where part = 'in'").item() == 60
    view = warehouse.query("select * exclude (symbol) from all_metrics where part = 'in' order by trial")
    assert view.equals(warehouse.query(f"select {', '.join(view.columns)} from trials order by trial"))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_batches_of_any_size_give_the_same_rows(warehouse: Warehouse, size: int) -> None:
    whole, parted = begun(warehouse, folds=2), begun(warehouse, folds=2)
    add(warehouse, whole, walk_rows(*range(1, 8)))
    for first in range(1, 8, size):
        assert trials.stored(warehouse, parted) == first - 1
        add(warehouse, parted, walk_rows(*range(first, min(first + size, 8))))
    assert trials.stored(warehouse, parted) == trials.stored(warehouse, whole) == 7
    assert stored(warehouse, parted, "* exclude (run_id)") == stored(warehouse, whole, "* exclude (run_id)")
    for table in ("days", "account_days"):
        one, other = (
            warehouse.query(
                f"select * exclude (run_id) from {table} where run_id = ? order by trial, fold, part, day", [each]
            )
            for each in (whole, parted)
        )
        assert one.height == 7 * 2 * 40
        assert one.equals(other)


JUDGED = [  # objective, least trades, condition; what the objective is worth, and whether the trial qualifies
    ("total_return * 0 + 2", 0, None, 2.0, True),
    ("trades / 0", 0, None, None, True),
    ("(trades - trades) / 0", 0, None, None, True),
    ("ln(trades - trades)", 0, None, None, True),  # an error in SQL
    ("sortino * null", 0, None, None, True),
    ("days", 30, None, 30.0, True),
    ("days", 31, None, 30.0, False),
    ("days", 0, '"profit_factor" > 1', 30.0, False),  # nothing was lost, so it is undefined
    ("days", 0, "win_rate = 1 and trades > 3", 30.0, True),
    ("days", 0, "ln(trades - trades) > 0", 30.0, False),
    ("start_cash", 0, "start_cash > 999", 1000.0, True),
]


@pytest.mark.parametrize(
    ("objective", "least", "where", "worth", "qualified"), JUDGED, ids=[str(case[:3]) for case in JUDGED]
)
def test_what_a_trial_is_worth(
    warehouse: Warehouse, objective: str, least: int, where: str | None, worth: float | None, qualified: bool
) -> None:
    run_id = begun(warehouse)
    add(warehouse, run_id, [row(1)], Judging(objective=objective, min_trades=least, where=where))
    assert stored(warehouse, run_id, "objective, qualified") == [{"objective": worth, "qualified": qualified}]


def test_a_trial_that_failed_has_no_metrics_and_is_never_chosen(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    add(warehouse, run_id, [row(1, status="failed", problem="no stop"), row(2, status="ruined"), row(3, places=None)])
    failed, ruined, gridless = stored(warehouse, run_id)
    assert (failed["status"], failed["problem"], failed["qualified"]) == ("failed", "no stop", False)
    assert {failed[name] for name in ("objective", "end_equity", "sharpe", "trades", "fees")} == {None}
    assert (ruined["status"], ruined["trades"], gridless["places"]) == ("ruined", 30, None)
    assert (ruined["qualified"], ruined["objective"], gridless["qualified"]) == (False, None, True)
    assert trials.stored(warehouse, run_id) == 3
    assert chosen_by(warehouse, run_id, "plateau") == {0: 3}


def chosen_by(warehouse: Warehouse, run_id: str, way: Any = "best") -> dict[int, int]:
    return {fold: choice.trial for fold, choice in trials.choose(warehouse, run_id, way).items()}


def test_choosing_marks_trials_and_writes_folds(warehouse: Warehouse) -> None:
    run_id = begun(warehouse, "walk", folds=3)
    add(warehouse, run_id, walk_rows(*range(1, 6)))
    chosen = chosen_by(warehouse, run_id)
    best = warehouse.query(
        "select fold, arg_max(trial, objective) from trials where part = 'in' group by fold order by fold"
    )
    assert chosen == dict(best.iter_rows())
    marked = [(each["fold"], each["trial"], each["part"]) for each in stored(warehouse, run_id) if each["chosen"]]
    assert sorted(marked) == sorted((fold, trial, part) for fold, trial in chosen.items() for part in ("in", "out"))
    folds = warehouse.query("select fold, trial, params from folds order by fold").rows()
    assert folds[2] == (3, None, None)  # nothing was tried in it
    assert folds[:2] == [(fold, trial, f'{{"fast": {trial}, "slow": 100}}') for fold, trial in chosen.items()]
    assert warehouse.query("select params from runs").item() == "{}"


def test_choosing_again_forgets_what_was_chosen_before(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    add(warehouse, run_id, [row(number) for number in range(1, 9)])
    with warehouse.write() as connection:
        connection.execute("update trials set objective = [5, 5, 5, 5, 0, 0, 0, 9][trial]")
    first = chosen_by(warehouse, run_id, "best")
    assert json.loads(warehouse.query("select params from runs").item())["fast"] == first[0]
    second = chosen_by(warehouse, run_id, "plateau")
    assert (first, second) == ({0: 8}, {0: 1})
    assert [each["trial"] for each in stored(warehouse, run_id) if each["chosen"]] == [second[0]]
    assert json.loads(warehouse.query("select params from runs").item())["fast"] == second[0]
    with warehouse.write() as connection:
        connection.execute("update trials set qualified = false")
    assert trials.choose(warehouse, run_id) == {}
    assert warehouse.query("select params from runs").item() == "{}"
    assert not any(each["chosen"] for each in stored(warehouse, run_id))


@pytest.mark.parametrize("way", ["best", "plateau"])
def test_nothing_out_of_sample_changes_a_choice(warehouse: Warehouse, way: Any) -> None:
    """Store the same in-sample days beside others out-of-sample, and then change all out-of-sample rows as well."""
    rows = walk_rows(*range(1, 13), folds=4)
    choices = []
    for seed in (1, 2):
        run_id = begun(warehouse, "walk", folds=4)
        out = days([each for each in rows if each.part == "out"], seed=seed)
        trials.add(
            warehouse, run_id, rows, pl.concat([days([each for each in rows if each.part == "in"]), out]), SHARPE
        )
        choices.append(trials.choose(warehouse, run_id, way))
    for change in ("objective = -objective", "qualified = not qualified", "objective = 99, sharpe = 99, trades = 0"):
        with warehouse.write() as connection:
            connection.execute(f"update trials set {change} where part = 'out'")
        choices.append(trials.choose(warehouse, run_id, way))
    assert len(choices[0]) == 4
    assert all(each == choices[0] for each in choices)
    worths = warehouse.query("select count(distinct sharpe) from trials where part = 'in'").item()
    assert worths == 48  # the in-sample figures were the same in both runs, and differ among trials


def test_a_sweep_is_continued_from_where_it_stopped(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    content = head().content_hash()
    assert trials.unfinished(warehouse, content) is None
    run_id = begun(warehouse)
    assert trials.unfinished(warehouse, content) == run_id
    add(warehouse, run_id, [row(1), row(2)])
    trials.interrupt(warehouse, run_id)
    assert warehouse.query("select status, sets from runs").rows() == [("interrupted", 2)]
    assert trials.unfinished(warehouse, content) == run_id
    trials.resume(warehouse, run_id)
    add(warehouse, run_id, [row(3)])
    trials.choose(warehouse, run_id)
    trials.finish(warehouse, run_id, warnings=["few trades"], timings={"trades": 1.25})
    found = warehouse.query("select status, sets, warnings, timings, settings, repeat from runs").rows()
    assert found == [("finished", 3, '["few trades"]', '{"trades": 1.25}', "{}", 1)]
    assert trials.unfinished(warehouse, content) is None
    assert begun(warehouse) == run_id[:-1] + "2"
    for late in (trials.interrupt, trials.resume):
        with pytest.raises(RuntimeError, match="finished"):
            late(warehouse, run_id)


def test_other_settings_are_another_content(warehouse: Warehouse) -> None:
    contents = [head(), head("walk"), head(objective="sharpe"), head(objective="calmar"), head(search={"fast": [1]})]
    assert len({each.content_hash() for each in contents}) == len(contents)
    trials.begin(warehouse, contents[0])
    assert trials.unfinished(warehouse, contents[2].content_hash()) is None


@dataclass(frozen=True)
class Happened:
    """What the engine gives: here a run of three days without a trade."""

    status = "finished"
    ambiguous = 0

    @property
    def equity(self) -> pl.DataFrame:
        ts = [START + place * DAY for place in range(3)]
        return pl.DataFrame({"ts": ts, "equity": [1000.0, 1010.0, 1005.0]}).with_columns(
            cash=1000.0, gross=0.0, net=0.0
        )

    @property
    def days(self) -> pl.DataFrame:
        frame = days([row(1, part="out")]).head(3).drop("fold", "part", "trial")
        return frame.with_columns(
            equity=self.equity["equity"], high=pl.Series([1000.0, 1010.0, 1010.0]), trades=pl.lit(0)
        )

    fills = pl.DataFrame({name: [value] for name, value in DULL["fills"].items() if name != "run_id"}).clear()
    rejections = pl.DataFrame(
        schema={"n": pl.Int64, "symbol": pl.String, "ts": pl.Datetime("us"), "side": pl.String, "reason": pl.String,
                "wanted": pl.Float64, "granted": pl.Float64}
    )  # fmt: skip
    funding_payments = pl.DataFrame([{**DULL["funding_payments"], "amount": -1.0}]).drop("run_id")


def test_a_walk_ends_as_a_run_that_reads_like_any_other(warehouse: Warehouse) -> None:
    run_id = begun(warehouse, "walk", folds=2)
    add(warehouse, run_id, walk_rows(1, 2))
    trials.choose(warehouse, run_id)
    ends = [
        FoldEnd(fold=1, stitched_end=START + DAY, start_equity=1000.0, end_equity=1010.0),
        FoldEnd(fold=2, stitched_end=START + 3 * DAY, start_equity=1010.0, end_equity=1005.0),
    ]
    assert warehouse.query("from leaderboard").is_empty()
    trials.finish(warehouse, run_id, warnings=(), timings={}, stitched=Stitched(done=Happened(), folds=ends))
    results = Results(warehouse, run_id)
    assert results.figures["end_equity"] == 1005.0
    assert results.figures["days"] == 3
    assert results.equity.height == results.returns.height == 3
    assert results.funding_payments["amount"].to_list() == [-1.0]
    assert (results.run["status"], results.run["sets"], results.run["params"]) == ("finished", 2, "{}")
    folds = warehouse.query("select fold, stitched_end, start_equity, end_equity from folds order by fold").rows()
    assert folds == [(end.fold, end.stitched_end, end.start_equity, end.end_equity) for end in ends]
    assert warehouse.query("from run_metrics").equals(results.metrics)
    assert warehouse.query("select run_id, kind, end_equity from leaderboard").rows() == [(run_id, "walk", 1005.0)]
    assert results.trials.height == 8
    assert "sets                    2" in repr(results)
    with pytest.raises(RuntimeError, match="finished"):
        trials.finish(warehouse, run_id, warnings=(), timings={}, stitched=Stitched(done=Happened(), folds=ends))
    assert results.sql("select count(*) from equity where run_id = $run").item() == 3


def test_a_sweep_has_results_without_a_run_of_its_own(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    add(warehouse, run_id, [row(1)])
    results = Results(warehouse, run_id)
    assert results.figures == {}
    assert results.trials.height == 1
    assert "sweep, running" in repr(results)
    assert "sweep" in results._repr_html_()


def test_an_empty_batch_writes_nothing(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    trials.add(warehouse, run_id, [], pl.DataFrame(), SHARPE)
    assert trials.stored(warehouse, run_id) == 0


def test_a_batch_is_stored_whole_or_not_at_all(warehouse: Warehouse) -> None:
    run_id = begun(warehouse)
    broken = days([row(1)]).with_columns(equity=pl.lit(None, pl.Float64))
    with pytest.raises(Exception, match="NOT NULL"):
        trials.add(warehouse, run_id, [row(1)], broken, SHARPE)
    assert warehouse.query("select (select count(*) from days), (select count(*) from trials)").row(0) == (0, 0)


def test_what_an_objective_may_be_made_of(warehouse: Warehouse) -> None:
    names = trials.judged_by(warehouse)
    assert {"sharpe", "max_drawdown", "trades", "start_cash", "break_even_slippage"} <= set(names)
    assert not {"run_id", "fold", "part", "trial", "symbol"} & set(names)
