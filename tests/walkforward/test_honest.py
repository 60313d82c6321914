"""What a walk-forward may not be talked out of: it ends flat, a look ahead is found, and one number is one set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
import pytest

import bt
from bt import BaseStrategy
from tests.sweep.kept import SYMBOLS
from tests.sweep.strategies import Cross

if TYPE_CHECKING:
    from bt import Market
    from bt.warehouse import Warehouse

SPAN: dict[str, Any] = {"symbols": SYMBOLS[:1], "timeframe": "4h"}


@dataclass(kw_only=True)
class Peeking(BaseStrategy):
    """Know the next close."""

    bars: int = 1

    search: ClassVar[Any] = {"bars": [1, 2]}

    def signals(self, market: Market) -> pl.LazyFrame:
        later = pl.col("close").shift(-self.bars).over("symbol") / pl.col("close") - 1
        return market.bars().with_columns(enter_long=later > 0.005, exit_long=later < 0, stop_distance=pl.col("close"))


@dataclass(kw_only=True)
class PeekingOnce(BaseStrategy):
    """Know the next close, but not in the last days."""

    least: float = 0.005

    search: ClassVar[Any] = {"least": [0.004, 0.005]}

    def signals(self, market: Market) -> pl.LazyFrame:
        later = pl.col("close").shift(-1).over("symbol") / pl.col("close") - 1
        early = pl.col("ts") < pl.lit(datetime(2024, 1, 12))
        falls = pl.col("close") < pl.col("open")
        return market.bars().with_columns(
            enter_long=early & (later > self.least), exit_long=falls, stop_distance=pl.col("close")
        )


def test_each_test_is_examined_for_look_ahead(shared: Warehouse) -> None:
    walk = bt.WalkForward(train="6d", test="3d", sweep=bt.Sweep(min_trades=1))
    assert (
        walk.run(PeekingOnce, shared, **SPAN).get_results().verdict.startswith("no evidence: the strategy looks ahead")
    )


@pytest.mark.long
def test_what_was_not_examined_is_no_evidence(shared: Warehouse) -> None:
    for what in (bt.Sweep(min_trades=1), bt.WalkForward(train="8d", test="6d", sweep=bt.Sweep(min_trades=1))):
        results = what.run(Cross, shared, **SPAN, lookahead=0).get_results()
        assert results.verdict.startswith("no evidence: it was not examined whether the strategy looks ahead")
        assert "not examined for look-ahead" in results.run["warnings"]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sweep", "walk"])
def test_a_strategy_that_looks_ahead_is_no_evidence(shared: Warehouse, kind: str) -> None:
    sweep = bt.Sweep(min_trades=1, objective="net_profit")
    what: Any = sweep if kind == "sweep" else bt.WalkForward(train="8d", test="6d", sweep=sweep)

    results = what.run(Peeking, shared, **SPAN, lookahead=20).get_results()

    assert results.verdict.startswith("no evidence: the strategy looks ahead")
    assert results.sql("select max(net_profit) > 0 from trials where run_id = $run and chosen").item()


def test_a_walk_ends_flat_whatever_the_settings_say(shared: Warehouse) -> None:
    walk = bt.WalkForward(train="8d", test="4d", sweep=bt.Sweep(min_trades=0, trials=2))

    run = walk.run(Cross, shared, **SPAN, execution=bt.Execution(close_at_end=False, stop=0.5))

    results = run.get_results()
    ends = results.sql("select stitched_end from folds where run_id = $run order by fold")["stitched_end"].to_list()
    closed = results.fills.filter(pl.col("reason") == "fold_end")
    assert len(ends) == 3
    assert closed.height > 0
    assert results.trades["exit_ts"].null_count() == 0
    assert results.equity.filter(pl.col("ts") == results.equity["ts"].max())["gross"].item() == 0
    assert json.loads(results.run["config"])["execution"]["close_at_end"] is True


@pytest.mark.long
def test_a_set_keeps_its_number_where_each_fold_learns_anew(shared: Warehouse) -> None:
    pytest.importorskip("optuna", reason="the extra optuna is not installed")
    search = {"fast": range(2, 30), "slow": range(30, 60)}
    sweep = bt.Sweep(search=search, sampler="tpe", trials=24, min_trades=0, objective="net_profit")

    results = bt.WalkForward(train="8d", test="4d", sweep=sweep).run(Cross, shared, **SPAN).get_results()

    sets = results.sql(
        "select trial, params_hash, count(distinct fold) as folds from trials where run_id = $run group by all"
    )
    assert sets["trial"].n_unique() == sets["params_hash"].n_unique() == sets.height == sets["trial"].max()
    assert results.run["sets"] == sets.height
    assert sets["folds"].sum() == 3 * 24
    everywhere = int((sets["folds"] == 3).sum())
    assert 16 <= everywhere < 24 < sets.height < 72  # the first 16 are drawn at random, alike in each fold
    figures = {row["figure"]: row for row in results.overfitting.to_dicts()}
    reason = f"only {everywhere} of {sets.height} sets were tried in every fold"
    assert figures["overfitting_probability"]["reason"] == reason
    assert figures["rank_correlation"]["value"] is not None
    assert figures["attempts"]["value"] >= sets.height
    history = results.trials.filter(pl.col("trial") == 1).select("fold", "part").rows()
    assert sorted(history) == [(fold, part) for fold in (1, 2, 3) for part in ("in", "out")]
    chosen = results.sql(
        "select f.params = t.params from folds f inner join trials t using (run_id, fold, trial) where run_id = $run"
    )
    assert chosen.to_series().to_list() == [True] * 6
