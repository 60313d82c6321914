"""Random markets traded by Backtrader and by us: every trade and every bar's equity is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import bt
from bt.verify.case import Case, Opinion
from bt.verify.differences import curves, differing, paired
from tests.verify.markets import HOUR, Market, random_market

engine = pytest.importorskip("bt.verify.backtrader.engine", reason="backtrader is not installed")


def ours(market: Market) -> bt.engine.Simulation:
    terms = market.terms
    return bt.simulate(
        market.bars, market.signals, account=terms.account, costs=terms.costs, execution=terms.execution,
        instruments=market.instruments, funding=market.funding, timeframe="1h",
    )  # fmt: skip


def theirs(market: Market) -> Opinion:
    rules = {key[0]: rows.sort("valid_from").to_dicts() for key, rows in market.instruments.group_by("symbol")}
    return engine.trade(
        Case(
            bars=market.bars, signals=market.signals, terms=market.terms, cash=market.terms.account.cash, rules=rules,
            funding=market.funding, length=HOUR,
        )
    )  # fmt: skip


def trades_alike(seed: int) -> int:
    """Hold one market's trades together; give how many there are."""
    market = random_market(seed)
    mine, other = ours(market), theirs(market)
    pairs = paired(mine.trades, other.trades, market.terms.account.cash)
    unlike = differing(pairs)
    assert unlike.is_empty(), f"seed {seed}: {unlike.head(1).to_dicts()}"
    assert (curves(mine.equity, other.equity).first, other.complaints) == (None, ()), seed
    return pairs.height


def test_backtrader_trades_the_same() -> None:
    assert sum(trades_alike(seed) for seed in range(12)) > 1_000


HABITS: dict[str, dict[str, Any]] = {  # each is one that Backtrader does not have
    "levels that act in the entry bar": {"level_delay": 0},
    "the target first": {"intrabar": "favourable"},
    "a target at market": {"take_fill": "market"},
    "adds": {"pyramiding": 2},
}


@pytest.mark.parametrize("habit", HABITS)
def test_another_habit_is_seen(habit: str) -> None:
    met = 0
    for seed in range(4):
        market = random_market(seed)
        execution = replace(market.terms.execution, **HABITS[habit])
        mine = ours(replace(market, terms=replace(market.terms, execution=execution)))
        met += differing(paired(mine.trades, theirs(market).trades, 10_000.0)).height
    assert met > 0


@pytest.mark.slow
def test_backtrader_trades_the_same_a_hundred_thousand_times() -> None:
    done = seed = 0
    while done < 100_000:
        done += trades_alike(1_000 + seed)
        seed += 1
