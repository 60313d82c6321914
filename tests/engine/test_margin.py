"""Leverage by hand: what it lets buy, where an isolated position is liquidated and where a whole account.

Hourly bars at 100, numbered from 0; the entry fills at 100 at the open of bar 1. Without costs, maintenance margin is
0.005 unless said: at leverage 20 a long is liquidated at 95.5 and bankrupt at 95, a short at 104.5 and 105.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.scenes import (
    FLAT,
    LONG,
    Bar,
    Row,
    alone,
    each_engine,
    long,
    mirrored,
    reflected,
    scene,
    short,
    told,
    told_fills,
    told_refusals,
)

TWENTY = {"leverage": 20.0}
TICK = {"tick_size": 0.1}
LAST = "end_of_data"

# name: bars from 1 on, levels of the entry, account, execution, rules, exits as (bar, price, kind, reason)
ISOLATED: dict[str, tuple[list[Bar], Row, Row, Row, Row, list[Any]]] = {
    "touched": ([FLAT, (99, 99, 95.5, 96)], {}, {}, {}, {}, [(2, 95.5, "stop", "liquidation")]),
    "missed by a tick": ([FLAT, (99, 99, 95.6, 96)], {}, {}, {}, {}, [(2, 96, "market", LAST)]),
    "in the entry bar": ([(100, 101, 90, 96)], {}, {}, {}, {}, [(1, 95.5, "stop", "liquidation")]),
    "a nearer stop acts first": ([FLAT, (99, 99, 90, 95)], {"stop_price": 96.0}, {}, {}, {}, [(2, 96, "stop", "stop")]),
    "a stop at the same level is a stop": (
        [FLAT, (99, 99, 90, 95)], {"stop_price": 95.5}, {}, {}, {}, [(2, 95.5, "stop", "stop")],
    ),
    "it comes before a stop beyond": (
        [FLAT, (99, 99, 90, 95)], {"stop_price": 94.0}, {}, {}, {}, [(2, 95.5, "stop", "liquidation")],
    ),
    "an open beyond it": ([FLAT, (95.2, 96, 95, 96)], {}, {}, {}, {}, [(2, 95.2, "stop", "liquidation")]),
    "an open beyond both it and the stop": (
        [FLAT, (95.2, 96, 95, 96)], {"stop_price": 96.0}, {}, {}, {}, [(2, 95.2, "stop", "liquidation")],
    ),
    "no worse than bankrupt": ([FLAT, (80, 81, 79, 80)], {}, {}, {}, {}, [(2, 95, "stop", "liquidation")]),
    "with the target touched, too, adverse": (
        [FLAT, (100, 105, 95, 100)], {"take_price": 104.0}, {}, {"intrabar": "adverse"}, {},
        [(2, 95.5, "stop", "liquidation")],
    ),
    "and favourable": (
        [FLAT, (100, 105, 95, 100)], {"take_price": 104.0}, {}, {"intrabar": "favourable"}, {},
        [(2, 104, "market", "take")],
    ),
    "delayed levels do not delay it": (
        [FLAT, (99, 99, 90, 95)], {"stop_price": 97.0}, {}, {"level_delay": 5}, {}, [(2, 95.5, "stop", "liquidation")],
    ),
    "another maintenance margin": (
        [FLAT, (99, 99, 90, 95)], {}, {"mmr": 0.01}, {}, {}, [(2, 96, "stop", "liquidation")],
    ),
    "no maintenance margin": ([FLAT, (99, 99, 90, 95)], {}, {"mmr": 0.0}, {}, {}, [(2, 95, "stop", "liquidation")]),
    "the instrument's leverage, where it is less": (
        [FLAT, (99, 99, 90, 95)], {}, {}, {}, {"max_leverage": 10.0},
        [(2, 90.5, "stop", "liquidation")],
    ),
    "the account's, where that is less": (
        [FLAT, (99, 99, 90, 95)], {}, {}, {}, {"max_leverage": 50.0}, [(2, 95.5, "stop", "liquidation")],
    ),
    "none without leverage": ([FLAT, (99, 99, 10, 20)], {}, {"leverage": 1.0}, {}, {}, [(2, 20, "market", LAST)]),
    "none where the instrument has none": (
        [FLAT, (99, 99, 10, 20)], {}, {}, {}, {"max_leverage": 1.0}, [(2, 20, "market", LAST)],
    ),
    "rounded to the tick": (
        [FLAT, (99, 99, 90, 95)], {}, {}, {}, {"tick_size": 2.0}, [(2, 96, "stop", "liquidation")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("name", ISOLATED)
def test_isolated(name: str, side: str, engine: str) -> None:
    bars, levels, account, execution, rules, expected = ISOLATED[name]
    market = [mirrored(bar, side) for bar in (FLAT, *bars)]
    levels = {key: reflected(value, side) for key, value in levels.items()}
    settings = {"account": TWENTY | account, "execution": execution, "rules": TICK | rules}
    outcome = told(alone(market, {0: {f"enter_{side}": True, **levels}}, **settings), engine)
    exits = [(place, reflected(price, side), kind, reason) for place, price, kind, reason in expected]
    assert told_fills(outcome, "hour", "price", "kind", "reason")[1:] == exits


@each_engine
def test_spot_is_never_liquidated(engine: str) -> None:
    case = alone([FLAT, FLAT, (99, 99, 10, 20)], {0: LONG}, account=TWENTY, rules={"category": "spot"})
    assert told_fills(told(case, engine), "hour", "price", "reason")[1:] == [(2, 20, LAST)]


@each_engine
def test_a_liquidation_beats_the_signal_of_that_open(engine: str) -> None:
    bars: list[Bar] = [FLAT, FLAT, (95.2, 96, 95, 96), FLAT]
    signals = {0: LONG, 1: long(exit_long=True), 2: LONG}
    outcome = told(alone(bars, {**signals, 1: {"exit_long": True}}, account=TWENTY, rules=TICK), engine)
    assert told_fills(outcome, "hour", "price", "reason")[1] == (2, 95.2, "liquidation")
    outcome = told(alone(bars, {0: LONG, 1: short()}, account=TWENTY, rules=TICK), engine)
    assert told_fills(outcome, "hour", "price", "reason")[1:] == [(2, 95.2, "liquidation")]
    assert told_refusals(outcome) == [(2, "short", "reentry")]


# name: bar 2, costs, rules, (reference, price) of the liquidation of a long, then of a short
SLIPPED: dict[str, tuple[Bar, Row, Row, tuple[float, float], tuple[float, float]]] = {
    "it slips": ((99, 99, 90, 95), {"slippage_ticks": 2}, TICK, (95.5, 95.3), (104.5, 104.7)),
    "but not beyond bankruptcy": ((99, 99, 90, 95), {"slippage_ticks": 9}, TICK, (95.5, 95), (104.5, 105)),
    "from bankruptcy not at all": ((80, 81, 79, 80), {"slippage_ticks": 9}, TICK, (95, 95), (105, 105)),
    "bankruptcy is rounded towards the entry": ((80, 81, 79, 80), {}, {"tick_size": 4.0}, (96, 96), (104, 104)),
}


@each_engine
@pytest.mark.parametrize("name", SLIPPED)
def test_slippage_of_a_liquidation(name: str, engine: str) -> None:
    bar, costs, rules, *expected = SLIPPED[name]
    for side, pair in zip(("long", "short"), expected, strict=True):
        market = [mirrored(row, side) for row in (FLAT, FLAT, bar)]
        signal = {f"enter_{side}": True, "size": 3.0}
        slip = costs.get("slippage_ticks", 0) * rules["tick_size"]
        market[1] = (100.0 - slip if side == "long" else 100.0 + slip, 101.0 + slip, 99.0 - slip, 100.0)
        outcome = told(alone(market, {0: signal}, account=TWENTY, costs=costs, rules=rules), engine)
        assert told_fills(outcome, "price")[0] == (100,)
        reference, price = pair
        assert told_fills(outcome, "reference", "price", "slippage")[1] == (
            reference, price, pytest.approx(abs(price - reference) * 3),
        )  # fmt: skip


@each_engine
def test_an_add_moves_the_liquidation_to_the_average(engine: str) -> None:
    bars: list[Bar] = [FLAT, FLAT, (104, 105, 103, 104), (104, 104, 90, 91)]
    case = alone(bars, {0: LONG, 1: long(size=3.0)}, account=TWENTY, execution={"pyramiding": 1}, rules=TICK)
    assert told_fills(told(case, engine), "hour", "qty", "price")[2] == (3, 4, 98.4)  # of 103: 98.365


@each_engine
def test_leverage_is_room(engine: str) -> None:
    account = {"sizing": "equity", "size": 1.0, "leverage": 3.0}
    rules = {"A": {"max_leverage": 2.0}, "C": {"category": "spot"}}
    signals = {"A": {0: long(size=2.5)}, "B": {0: long(size=2.0)}, "C": {0: long(score=1.0, size=0.5)}}
    case = scene({symbol: [FLAT] * 3 for symbol in "ABC"}, signals, account=account, instruments=rules)
    outcome = told(case, engine)
    assert told_fills(outcome, "symbol", "qty")[:3] == [("C", 50), ("A", 150), ("B", 100)]
    assert told_refusals(outcome, "symbol", "reason", "wanted", "granted") == [
        ("A", "cash", 250, 150),  # 2 x 10,000 less the 5,000 in C
        ("B", "cash", 200, 100),
    ]


@each_engine
def test_room_leaves_for_the_fee_of_the_order(engine: str) -> None:
    account, costs = {"sizing": "equity", "size": 1.0, "leverage": 2.0}, {"taker": 0.0625, "maker": 0.03125}
    bars: list[Bar] = [FLAT, (100, 101, 80, 100), FLAT]
    for signal, price, rate in ((long(size=5.0), 100, 0.0625), (long(size=5.0, entry_limit=80.0), 80, 0.03125)):
        outcome = told(alone(bars, {0: signal}, account=account, costs=costs), engine)
        assert told_fills(outcome, "qty")[0] == (20_000 / (1 + 2 * rate) / price,)


# 1,000 units at 100 on 10,000: equity 1,000 x price - 90,000 meets the maintenance of 62.5 x price at 96
CROSS = {"account": {"margin": "cross", "leverage": 10.0, "mmr": 0.0625, "size": 1_000.0}}
FALL: Bar = (100.0, 101.0, 80.0, 90.0)
OUT = {"exit_long": True}
GONE = "liquidation"

# name: bars from 1 on, signals, execution, exits as (bar, reference, reason), refusals as (bar, side, reason)
WHOLE: dict[str, tuple[list[Bar], dict[int, Row], Row, list[Any], list[Any]]] = {
    "inside the bar, on the way to its worst": ([FLAT, FALL], {0: LONG}, {}, [(2, 96, GONE)], []),
    "in the entry bar": ([FALL, FLAT], {0: LONG}, {}, [(1, 96, GONE)], []),
    "at the open": ([FLAT, (96, 97, 95, 96), FLAT], {0: LONG}, {}, [(2, 96, GONE)], []),
    "just above it, at the open": ([FLAT, (96.5, 97, 96.25, 96.5)], {0: LONG}, {}, [(2, 96.5, LAST)], []),
    "far beyond, at the open": ([FLAT, (80, 97, 79, 96), FLAT], {0: LONG}, {}, [(2, 80, GONE)], []),
    "before the signal of that open": ([FLAT, (96, 97, 95, 96), FLAT], {0: LONG, 1: OUT}, {}, [(2, 96, GONE)], []),
    "no new entry at that open": (
        [FLAT, (96, 97, 95, 96), FLAT], {0: LONG, 1: LONG}, {}, [(2, 96, GONE)], [(2, "long", "reentry")],
    ),
    "nor in that bar": (
        [FLAT, (96, 97, 95, 96), FLAT], {0: LONG, 1: long(entry_limit=95.5)}, {"pyramiding": 1},
        [(2, 96, GONE)], [(2, "long", "expired")],
    ),
    "a stop on the way saves it": ([FLAT, FALL], {0: long(stop_price=97.0)}, {}, [(2, 97, "stop")], []),
    "one that is not live does not": (
        [FLAT, FALL], {0: long(stop_price=97.0)}, {"level_delay": 3}, [(2, 96, GONE)], [],
    ),
    "nor one beyond": ([FLAT, FALL], {0: long(stop_price=88.0)}, {}, [(2, 96, GONE)], []),
    "a target does not": ([FLAT, (100, 103, 80, 90)], {0: long(take_price=102.0)}, {}, [(2, 96, GONE)], []),
    "a pending entry in the bar of its fill": (
        [(100, 101, 95, 99), FLAT], {0: long(entry_limit=100.0)}, {}, [(1, 96, GONE)], [],
    ),
    "from its fill on": (
        [(100, 101, 93, 99), FLAT], {0: long(entry_limit=98.0)}, {}, [(1, 88_000 / 937.5, GONE)], [],
    ),
    "its stop saves it": (
        [(100, 101, 93, 99), FLAT], {0: long(entry_limit=98.0, stop_price=95.0)}, {}, [(1, 95, "stop")], [],
    ),
    "a pending add, from the bar's open on": (
        [FLAT, (100, 101, 90, 99)], {0: long(size=0.5), 1: long(entry_limit=98.0, size=0.5)}, {"pyramiding": 1},
        [(2, 89_000 / 937.5, GONE)], [],  # of 1,000 at 99; before the add 90 was not too low
    ),
    "a short likewise": ([FLAT, (100, 120, 99, 110)], {0: short()}, {}, [(2, 110_000 / 1_062.5, GONE)], []),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", WHOLE)
def test_cross(name: str, engine: str) -> None:
    bars, signals, execution, expected, refused = WHOLE[name]
    outcome = told(alone([FLAT, *bars], signals, execution=execution, **CROSS), engine)
    found = told_fills(outcome, "hour", "reference", "reason", "opens")
    assert [row[:3] for row in found if not row[3]] == [(hour, pytest.approx(at), why) for hour, at, why in expected]
    assert told_refusals(outcome) == refused


@each_engine
def test_a_liquidated_account_pays_like_a_stop(engine: str) -> None:
    costs = {"taker": 0.001, "maker": 0.0, "slippage": 0.01}
    outcome = told(alone([FLAT, FLAT, (80, 81, 79, 80)], {0: LONG}, costs=costs, **CROSS), engine)
    quantity, price = outcome.fills[1]["qty"], 80 * 0.99
    assert told_fills(outcome, "kind", "price", "fee", "minute")[1] == ("stop", price, quantity * price * 0.001, None)
    assert outcome.status == "ruined"


@each_engine
def test_all_positions_end_at_once(engine: str) -> None:
    bars: dict[str, list[Bar]] = {
        "A": [FLAT, FLAT, None, FLAT],  # no bar at 2: ends at its last close
        "B": [FLAT, FLAT, (100, 101, 60, 90), FLAT],
        "C": [FLAT, FLAT, (100, 101, 60, 90), FLAT],  # spot has no maintenance, and falls with the others
        "D": [FLAT, FLAT, (100, 101, 99, 100), FLAT],  # has no position, and an order that would fill
    }
    signals = {"A": {0: short(size=0.01)}, "B": {0: long(size=0.8)}, "C": {0: long(size=0.02)}}
    signals |= {"D": {1: long(entry_limit=100.0, size=0.01)}}
    outcome = told(scene(bars, signals, instruments={"C": {"category": "spot"}}, **CROSS), engine)
    # equity 10,000 - 820 x fall, maintenance (1,000 + 800 x price) / 16: they meet at a fall of 4,937.5 / 770
    fall = pytest.approx(4_937.5 / 770)
    found = [row for row in told_fills(outcome, "hour", "symbol", "reference", "reason") if row[0] == 2]
    assert [(symbol, 100 - reference, reason) for _, symbol, reference, reason in found] == [
        ("A", 0, GONE), ("B", fall, GONE), ("C", fall, GONE),  # and no order fills in what is left of the bar
    ]  # fmt: skip


@each_engine
def test_spot_alone_has_no_margin(engine: str) -> None:
    account = CROSS["account"] | {"size": 100.0}
    case = alone([FLAT, FLAT, (100, 101, 1, 2)], {0: LONG}, account=account, rules={"category": "spot"})
    assert told_fills(told(case, engine), "hour", "price", "reason")[1:] == [(2, 2, LAST)]


@each_engine
def test_what_a_pending_entry_loses_may_end_the_others(engine: str) -> None:
    bars: dict[str, list[Bar]] = {
        "A": [FLAT, FLAT, (100, 101, 97, 99), FLAT],
        "B": [FLAT, FLAT, (100, 101, 86, 99), FLAT],
    }
    signals = {"A": {1: long(entry_limit=100.0, stop_price=98.0, size=0.5)}, "B": {0: long(size=0.5)}}
    outcome = told(scene(bars, signals, **CROSS), engine)
    assert told_fills(outcome, "hour", "symbol", "reference", "reason")[1:] == [
        (2, "A", 100, "signal"),
        (2, "A", 98, "stop"),
        (2, "B", pytest.approx(41_000 / 468.75), GONE),  # 9,000 + 500 x (price - 100) meets 31.25 x price
    ]


@each_engine
def test_a_strangers_bar_is_no_event(engine: str) -> None:
    bars: dict[str, list[Bar]] = {"A": [FLAT, FLAT, None, FLAT], "B": [FLAT] * 4}
    case = scene(bars, {"A": {0: LONG}}, funding=[("A", 1.5, 0.04)], **CROSS)  # leaves less than the maintenance
    assert told_fills(told(case, engine), "hour", "price", "reason")[1:] == [(3, 100, GONE)]


@each_engine
def test_funding_comes_before_the_test_of_the_open(engine: str) -> None:
    for rate, reason in ((0.02, LAST), (0.04, GONE)):  # excess at 100 is 3,750
        outcome = told(alone([FLAT, FLAT, FLAT], {0: LONG}, funding=[("A", 2, rate)], **CROSS), engine)
        assert told_fills(outcome, "hour", "price", "reason")[1:] == [(2, 100, reason)]
