"""Targets by hand: a wanted signed share of equity, followed at the next open when it changes or has drifted.

Hourly bars at 100, numbered from 0; cash is 10,000 and nothing costs anything, so that a share of 0.5 is 50 units.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.scenes import FLAT, Bar, Row, alone, each_engine, scene, told, told_fills, told_refusals

UP: Bar = (125.0, 126.0, 124.0, 125.0)
DROP: Bar = (100.0, 101.0, 94.0, 100.0)
GAP_DOWN: Bar = (90.0, 91.0, 89.0, 90.0)
QUIET: list[Bar] = [FLAT] * 6
BAND = {"execution": {"rebalance_band": 0.05}}
HALF = (1, "buy", 50, 100, "signal")
OPEN_END = {"close_at_end": False}


def to(share: float | None, **row: Any) -> Row:
    return {"target": share, **row}


# name: bars, signals, settings, fills as (bar, side, quantity, price, reason), refusals as (bar, side, reason)
TARGETS: dict[str, tuple[list[Bar], dict[int, Row], Row, list[Any], list[Any]]] = {
    "a share of equity at the next open": (QUIET, {0: to(0.5)}, {}, [HALF], []),
    "a share against": (QUIET, {0: to(-0.5)}, {}, [(1, "sell", 50, 100, "signal")], []),
    "the same again says nothing": (QUIET, {0: to(0.5), 2: to(0.5)}, {}, [HALF], []),
    "neither does null": (QUIET, {0: to(0.5), 1: to(None), 2: to(0.5)}, {}, [HALF], []),
    "nor a zero before anything": (QUIET, {0: to(0.0)}, {}, [], []),
    "more": (QUIET, {0: to(0.5), 2: to(0.8)}, {}, [HALF, (3, "buy", 30, 100, "signal")], []),
    "less": (QUIET, {0: to(0.5), 2: to(0.2)}, {}, [HALF, (3, "sell", 30, 100, "signal")], []),
    "none": (QUIET, {0: to(0.5), 2: to(0.0)}, {}, [HALF, (3, "sell", 50, 100, "signal")], []),
    "the other side": (
        QUIET, {0: to(0.5), 2: to(-0.25)}, {},
        [HALF, (3, "sell", 50, 100, "reverse"), (3, "sell", 25, 100, "signal")], [],
    ),
    "it waits for the symbol's next bar": (
        [FLAT, None, None, FLAT], {0: to(0.5)}, {}, [(3, "buy", 50, 100, "signal")], [],
    ),
    "equity at the open of the fill counts": (
        [FLAT, FLAT, UP, UP], {0: to(0.8), 1: to(0.4)}, {},
        [(1, "buy", 80, 100, "signal"), (2, "sell", 80 - 0.4 * 12_000 / 125, 125, "signal")], [],
    ),
    "the slipped price counts": (
        QUIET, {0: to(0.5)}, {"costs": {"slippage": 0.0625}}, [(1, "buy", 5_000 / 106.25, 106.25, "signal")], [],
    ),
    "a reduction's slipped price counts": (
        QUIET, {0: to(-0.5), 2: to(-0.25)}, {"costs": {"slippage": 0.0625}},
        [(1, "sell", 5_000 / 93.75, 93.75, "signal"),
         (3, "buy", 5_000 / 93.75 - 0.25 * (10_000 + 5_000 / 93.75 * -6.25) / 106.25, 106.25, "signal")], [],
    ),
    "what slips by more than it falls short is nothing": (
        QUIET, {0: to(0.5), 2: to(0.505)}, {"costs": {"slippage": 0.0625}},
        [(1, "buy", 5_000 / 106.25, 106.25, "signal")], [],
    ),
    "drift within the band": (
        [FLAT, FLAT, (105, 106, 104, 105), FLAT], {0: to(0.5)}, BAND, [HALF], [],  # 5,250 of 10,250: 0.512
    ),
    "drift beyond it": (
        [FLAT, FLAT, UP, UP], {0: to(0.5)}, BAND,  # 6,250 of 11,250: 0.556
        [HALF, (2, "sell", 5, 125, "rebalance")], [],
    ),
    "drift the other way": (
        [FLAT, FLAT, (75, 76, 74, 75), FLAT], {0: to(0.5)}, BAND,  # 3,750 of 8,750: 0.429; then 5,833 of 10,208: 0.571
        [HALF, (2, "buy", 0.5 * 8_750 / 75 - 50, 75, "rebalance"),
         (3, "sell", (0.5 * 8_750 / 75) - 0.5 * (8_750 + 25 * (0.5 * 8_750 / 75)) / 100, 100, "rebalance")], [],
    ),
    "without a band it may drift": ([FLAT, FLAT, UP, UP], {0: to(0.5)}, {}, [HALF], []),
    "after a stop nothing, though it is missing": (
        [FLAT, FLAT, DROP, FLAT, FLAT], {0: to(0.5, stop_price=95.0)}, BAND, [HALF, (2, "sell", 50, 95, "stop")], [],
    ),
    "until the target changes": (
        [FLAT, FLAT, DROP, FLAT, FLAT], {0: to(0.5, stop_price=95.0), 3: to(0.25)}, BAND,
        [HALF, (2, "sell", 50, 95, "stop"), (4, "buy", 0.25 * 9_750 / 100, 100, "signal")], [],
    ),
    "after a time stop likewise": (
        QUIET, {0: to(0.5, max_bars=1)}, BAND, [HALF, (2, "sell", 50, 100, "time")], [],
    ),
    "a new target at the open of a level's exit": (
        [FLAT, FLAT, GAP_DOWN, GAP_DOWN, GAP_DOWN], {0: to(0.5, stop_price=95.0), 1: to(0.25)}, BAND,
        [HALF, (2, "sell", 50, 90, "stop")], [(2, "long", "reentry")],
    ),
    "a new target at the open of a time stop enters anew": (
        QUIET, {0: to(0.5, max_bars=1), 1: to(0.25)}, BAND,
        [HALF, (2, "sell", 50, 100, "time"), (2, "buy", 25, 100, "signal")], [],
    ),
    "an exit by target beats the stop that the open has passed": (
        [FLAT, FLAT, GAP_DOWN, FLAT], {0: to(0.5, stop_price=95.0), 1: to(0.0)}, {},
        [HALF, (2, "sell", 50, 90, "signal")], [],
    ),
    "what a gap refuses is done": (
        [FLAT, None, FLAT, FLAT], {0: to(0.5)}, {"gaps": [("A", 1, 1)]}, [], [(2, "long", "gap")],
    ),
    "but drift tries again": (
        [FLAT, None, FLAT, FLAT], {0: to(0.5)}, BAND | {"gaps": [("A", 1, 1)]},
        [(3, "buy", 50, 100, "rebalance")], [(2, "long", "gap")],
    ),
    "a gap refuses no reduction": (
        [FLAT, FLAT, None, FLAT, FLAT], {0: to(0.5), 1: to(0.25)}, {"gaps": [("A", 2, 2)]},
        [HALF, (3, "sell", 25, 100, "signal")], [],
    ),
    "a reduction is floored": (
        QUIET, {0: to(0.5), 2: to(0.205)}, {"rules": {"qty_step": 1.0}}, [HALF, (3, "sell", 29, 100, "signal")], [],
    ),
    "one of less than a step": (
        QUIET, {0: to(0.5), 2: to(0.495)}, {"rules": {"qty_step": 1.0}}, [HALF], [(3, "long", "min_qty")],
    ),
    "one below the least quantity": (
        QUIET, {0: to(0.5), 2: to(0.45)}, {"rules": {"min_qty": 6.0}}, [HALF], [(3, "long", "min_qty")],
    ),
    "one below the least notional": (
        QUIET, {0: to(0.5), 2: to(0.45)}, {"rules": {"min_notional": 600.0}}, [HALF], [(3, "long", "min_notional")],
    ),
    "an exit is never too small": (
        QUIET, {0: to(0.5), 2: to(0.0)}, {"rules": {"min_qty": 60.0}, "account": {"cash": 20_000.0}},
        [(1, "buy", 100, 100, "signal"), (3, "sell", 100, 100, "signal")], [],
    ),
    "spot is never short": (QUIET, {0: to(-0.5)}, {"rules": {"category": "spot"}}, [], [(1, "short", "no_short")]),
    "no more than the money buys": (
        QUIET, {0: to(1.5)}, {}, [(1, "buy", 100, 100, "signal")], [(1, "long", "cash")],
    ),
    "leverage buys more": (
        QUIET, {0: to(1.5)}, {"account": {"leverage": 2.0}}, [(1, "buy", 150, 100, "signal")], [],
    ),
    "the account's sizing is not asked, nor for a stop": (
        QUIET, {0: to(0.5)}, {"account": {"sizing": "risk", "size": 0.01}}, [HALF], [],
    ),
    "an increase brings its own levels": (
        [FLAT, FLAT, DROP, FLAT], {0: to(0.5, stop_price=90.0), 1: to(0.6, stop_price=95.0)}, {},
        [HALF, (2, "buy", 10, 100, "signal"), (2, "sell", 60, 95, "stop")], [],
    ),
    "or leaves those there are": (
        [FLAT, FLAT, DROP, FLAT], {0: to(0.5, stop_price=95.0), 1: to(0.6)}, {},
        [HALF, (2, "buy", 10, 100, "signal"), (2, "sell", 60, 95, "stop")], [],
    ),
    "a reduction leaves them, too": (
        [FLAT, FLAT, DROP, FLAT], {0: to(0.5, stop_price=95.0), 1: to(0.4, stop_price=99.5)}, {},
        [HALF, (2, "sell", 10, 100, "signal"), (2, "sell", 40, 95, "stop")], [],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str, engine: str) -> None:
    bars, signals, settings, filled, refused = TARGETS[name]
    settings = settings | {"execution": OPEN_END | settings.get("execution", {})}
    outcome = told(alone(bars, signals, **settings), engine)
    found = told_fills(outcome, "hour", "side", "qty", "price", "reason")
    assert [(*row[:2], row[3], row[4]) for row in found] == [(*row[:2], row[3], row[4]) for row in filled]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in filled], rel=1e-14)
    assert told_refusals(outcome) == refused


@each_engine
def test_a_partial_exit_is_a_fill_of_the_same_trade(engine: str) -> None:
    bars: list[Bar] = [FLAT, FLAT, UP, (130, 140, 120, 130), FLAT]
    signals = {0: to(0.8), 1: to(0.4), 2: to(0.6), 3: to(0.0)}
    outcome = told(alone(bars, signals, costs={"taker": 0.01}), engine)
    names = ("trade", "opens", "worst", "best", "fee")
    rows = told_fills(outcome, *names, "qty", "price")
    assert [row[:4] for row in rows] == [
        (1, True, None, None),
        (1, False, 99, 125),
        (1, True, None, None),
        (1, False, 99, 140),
    ]
    assert [row[4] for row in rows] == [quantity * price * 0.01 for *_, quantity, price in rows]


@each_engine
def test_the_room_a_reduction_makes_serves_that_open(engine: str) -> None:
    signals = {"A": {0: to(0.25), 1: to(0.75)}, "B": {0: to(0.75), 1: to(0.25)}}
    outcome = told(scene({"A": QUIET, "B": QUIET}, signals, execution=OPEN_END), engine)
    assert told_fills(outcome, "hour", "symbol", "side", "qty") == [
        (1, "A", "buy", 25),
        (1, "B", "buy", 75),
        (2, "B", "sell", 50),  # reductions first
        (2, "A", "buy", 50),
    ]
    assert outcome.rejections == []


@each_engine
def test_increases_go_by_score(engine: str) -> None:
    signals = {"A": {0: to(0.75)}, "B": {0: to(0.75, score=1.0)}, "C": {0: to(0.25, score=0.5)}}
    outcome = told(scene(dict.fromkeys(signals, QUIET), signals, execution=OPEN_END), engine)
    assert told_fills(outcome, "symbol", "qty") == [("B", 75), ("C", 25)]
    assert told_refusals(outcome, "symbol", "reason", "wanted", "granted") == [("A", "cash", 75, 0)]


@each_engine
def test_so_do_reductions(engine: str) -> None:
    signals = {"A": {0: to(0.25), 1: to(0.125)}, "B": {0: to(0.25), 1: to(0.125, score=1.0)}}
    outcome = told(scene(dict.fromkeys(signals, QUIET), signals, execution=OPEN_END), engine)
    assert told_fills(outcome, "symbol", "side")[2:] == [("B", "sell"), ("A", "sell")]


@each_engine
def test_spot_pays_with_what_a_reduction_brings(engine: str) -> None:
    signals = {"A": {0: to(0.0), 1: to(1.0)}, "B": {0: to(1.0), 1: to(0.5)}}
    rules = {symbol: {"category": "spot"} for symbol in "AB"}
    outcome = told(scene({"A": QUIET, "B": QUIET}, signals, instruments=rules, execution=OPEN_END), engine)
    assert told_fills(outcome, "hour", "symbol", "side", "qty")[1:] == [(2, "B", "sell", 50), (2, "A", "buy", 50)]
    assert told_refusals(outcome, "symbol", "reason", "wanted", "granted") == [("A", "cash", 100, 50)]


@each_engine
def test_a_ruined_open_orders_nothing(engine: str) -> None:
    bars: list[Bar] = [FLAT, FLAT, (250, 260, 190, 195), FLAT]  # at the open equity is -5,000, at the close 500
    outcome = told(alone(bars, {0: to(-1.0), 1: to(-0.5)}, execution=OPEN_END), engine)
    assert told_fills(outcome, "hour", "side", "qty") == [(1, "sell", 100)]
    assert (outcome.rejections, outcome.status) == ([], "finished")
