"""Rules put aside one by one on wild random cases: each change has its rule, and what is left Backtrader has, too.

The cases are those that our engine is held to its slow twin with: gaps, ruin, liquidation, adds, minutes, ticks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from bt.engine import Around, Terms
from bt.verify.attribution import Effect, Played, effects
from bt.verify.case import Case
from bt.verify.conduct import RULES, Conduct, Rule, chain, profiled
from bt.verify.differences import curves, differing, paired
from tests.engine import cases

engine = pytest.importorskip("bt.verify.backtrader.engine", reason="backtrader is not installed")

LONGEST = 12  # bars that an order of a random case may wait


class Told:
    """A random case as the parts that `bt verify` has of a run."""

    def __init__(self, seed: int) -> None:
        case = cases.random_case(seed, targets=False)
        self.bars, self.signals = case.frames()
        given = case.simulate_arguments()
        self.length = case.length
        self.timeframe = cases.NAMES[case.length // timedelta(minutes=1)]
        around = Around(**{name: given[name] for name in ("instruments", "funding", "detail", "gaps")})
        terms = Terms(**{name: given[name] for name in ("account", "costs", "execution")})
        self.conduct = Conduct(terms=terms, around=around)

    def play(self, conduct: Conduct) -> Played:
        tape = conduct.tape(self.bars, self.timeframe)
        done = tape.simulation(tape.trade(tape.told(self.signals)))
        return Played(
            conduct=conduct, done=done, trades=done.trades, end_equity=done.end_equity, bars=self.bars
        )  # fmt: skip

    def plays(self) -> list[tuple[Rule | None, Played]]:
        rest = [(rule, self.play(left)) for rule, left in chain(self.conduct)]
        return [(None, self.play(self.conduct)), *rest]

    def effects(self) -> list[Effect]:
        return list(effects(self.plays(), self.length, LONGEST))

    def case(self, conduct: Conduct) -> Case:
        given = conduct.around
        rules: dict[str, Any] = {}
        since = [] if "valid_from" not in given.instruments.columns else ["valid_from"]
        for row in given.instruments.sort("symbol", *since, nulls_last=False).to_dicts():
            rules.setdefault(row["symbol"], []).append(row)
        none = {"symbol": pl.String, "ts": pl.Datetime("us"), "rate": pl.Float64, "mark": pl.Float64}
        funding = pl.DataFrame(schema=none) if given.funding is None else given.funding
        marked = funding if "mark" in funding.columns else funding.with_columns(mark=pl.lit(None, pl.Float64))
        return Case(
            bars=self.bars.sort("symbol", "ts"), signals=self.signals, terms=conduct.terms,
            cash=conduct.terms.account.cash, rules=rules, length=self.length,
            funding=marked.with_columns(pl.col("ts").dt.truncate("1m")).sort("symbol", "ts"),
        )  # fmt: skip


def sayable(told: Told, last: Played) -> bool:
    """Say whether Backtrader can express what is left: one kind of cash, and an account that lives."""
    kinds = told.conduct.around.instruments["category"].fill_null("linear").unique()
    reasons = set(last.done.fills["reason"])
    return len(kinds) == 1 and last.done.status == "finished" and "liquidation" not in reasons


def hold(seed: int) -> int:
    told = Told(seed)
    profile = profiled(told.conduct, "backtrader")
    last = told.play(profile)
    if not sayable(told, last):
        return 0
    opinion = engine.trade(told.case(profile))
    unlike = differing(paired(last.trades, opinion.trades, profile.terms.account.cash))
    assert unlike.is_empty(), f"seed {seed}: {unlike.head(1).to_dicts()}"
    assert (curves(last.done.equity, opinion.equity).first, opinion.complaints) == (None, ()), seed
    return int(last.trades.height)


def unexplained(seed: int) -> int:
    """Give how many trades change without a rule; accounts that are liquidated as a whole tangle everything."""
    told = Told(seed)
    if told.conduct.terms.account.margin == "cross":
        return 0
    return sum(effect.unexplained for effect in told.effects())


@pytest.mark.long
def test_every_change_has_its_rule() -> None:
    assert [seed for seed in range(16) if unexplained(seed)] == []


@pytest.mark.long
def test_what_is_left_backtrader_trades_the_same() -> None:
    assert sum(hold(seed) for seed in range(40)) > 100


@pytest.mark.slow
def test_every_change_has_its_rule_in_hundreds_of_cases() -> None:
    assert [seed for seed in range(16, 200) if unexplained(seed)] == []


@pytest.mark.slow
def test_what_is_left_backtrader_trades_the_same_in_thousands_of_cases() -> None:
    assert sum(hold(seed) for seed in range(40, 1_500)) > 5_000


@pytest.mark.long
def test_a_change_that_no_rule_recognises_is_counted() -> None:
    known = unknown = 0
    for seed in range(6):
        plays = Told(seed).plays()
        blind = [(rule and replace(rule, caused=lambda _: False), played) for rule, played in plays]
        known += sum(effect.changed for effect in effects(plays, cases.HOUR, LONGEST))
        unknown += sum(effect.unexplained for effect in effects(blind, cases.HOUR, LONGEST))
    assert known > unknown > 5  # the rest of the changed trades would pass for followers of the first


PRICES = {  # rule: the exits that come out better than the market was, by how much, and the cases
    "target as market": (pl.col("exit_reason") == "take", 0.02, (18, 26)),
    "entry-bar stop": ((pl.col("exit_reason") == "stop") & (pl.col("bars") == 0), 0.5, (22, 26)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", PRICES)
def test_prices_that_the_market_did_not_have_are_not_explained(name: str) -> None:
    which, gain, seeds = PRICES[name]
    side = pl.when(pl.col("side") == "long").then(1.0).otherwise(-1.0)
    better = pl.when(which).then(pl.col("exit_price") * (1.0 + gain * side)).otherwise("exit_price")
    sound = fooled = 0
    for seed in seeds:
        told = Told(seed)
        plays = told.plays()
        [place] = [place for place, (rule, _) in enumerate(plays) if rule and rule.name == name]
        before, played = plays[place - 1]
        wrong = replace(played, trades=played.trades.with_columns(better.alias("exit_price")))
        sound += sum(effect.unexplained for effect in effects(plays[place - 1 : place + 1], told.length, LONGEST))
        fooled += sum(effect.unexplained for effect in effects([(before, wrong), plays[place]], told.length, LONGEST))
    assert (sound, fooled > 1) == (0, True), fooled


def test_one_refusal_at_a_gap_explains_one_trade() -> None:
    """What comes after an entry that a gap refused is of another size alone: it follows."""
    count, minute = 60, timedelta(minutes=1)
    times = [datetime(2024, 1, 1) + place * cases.HOUR for place in range(count)]
    price = [100.0 + place % 7 for place in range(count)]
    bars = pl.DataFrame(
        {
            "symbol": ["A"] * count, "ts": times, "open": price, "high": [each + 1 for each in price],
            "low": [each - 1 for each in price], "close": price, "volume": [1.0] * count,
        },
        schema_overrides={"ts": pl.Datetime("us")},
    )  # fmt: skip
    place = pl.int_range(pl.len())
    signals = bars.select("symbol", "ts", enter_long=place % 4 == 0, exit_long=place % 4 == 2)
    there = pl.col("ts") != times[9]
    gaps = pl.DataFrame({"symbol": ["A"], "first": [times[9]], "last": [times[10] - minute]})
    told = Told(0)
    told.bars, told.signals, told.length, told.timeframe = bars.filter(there), signals.filter(there), cases.HOUR, "1h"
    execution = replace(Terms().execution, level_delay=1, take_fill="limit", intrabar="adverse")
    terms = replace(Terms(), account=replace(Terms().account, sizing="equity", size=0.5), execution=execution)
    told.conduct = Conduct(terms=terms, around=Around(gaps=gaps.cast({pl.Datetime: pl.Datetime("us")})))
    [effect] = [each for each in told.effects() if each.rule.name == "recorded gaps"]
    assert (effect.changed, effect.unexplained) == (1, 0)
    assert effect.follow > 8


def test_every_rule_is_met_in_the_cases() -> None:
    met = {rule.name for seed in range(60) for rule, _ in chain(Told(seed).conduct)}
    assert met == {rule.name for rule in RULES}
