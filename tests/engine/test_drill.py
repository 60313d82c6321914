"""Bars walked minute by minute, by hand: which level came first, at what price, and when the bar itself decides.

Hourly bars at 100, numbered from 0; the entry fills at 100 at the open of bar 1, the stop is 95, the target 105, and
the minutes given are those of bar 2.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.scenes import FLAT, LONG, Bar, Ohlc, Row, alone, each_engine, long, scene, short, told, told_fills

BOTH: Bar = (100.0, 106.0, 94.0, 100.0)
UP: Ohlc = (100.0, 106.0, 99.0, 104.0)
DOWN: Ohlc = (100.0, 101.0, 94.0, 96.0)
STILL: Ohlc = (100.0, 101.0, 99.0, 100.0)
LEVELS = long(stop_price=95.0, take_price=105.0)
LAST = (None, "end_of_data")

# name: bar 2, its minutes, signals, execution, exit as (bar, price, minute, reason), whether it was ambiguous
WALKS: dict[str, tuple[Bar, dict[int, Ohlc], dict[int, Row], Row, tuple[Any, ...], bool]] = {
    "the target first": (BOTH, {5: UP, 9: DOWN}, {0: LEVELS}, {}, (2, 105, 5, "take"), False),
    "the stop first": (BOTH, {5: DOWN, 9: UP}, {0: LEVELS}, {}, (2, 95, 5, "stop"), False),
    "both in one minute": (BOTH, {5: STILL, 9: BOTH}, {0: LEVELS}, {}, (2, 95, 9, "stop"), True),
    "one level alone has its minute": (
        (100, 101, 94, 96), {5: STILL, 9: DOWN}, {0: LEVELS}, {}, (2, 95, 9, "stop"), False,
    ),
    "a minute that opens beyond the stop": (
        BOTH, {5: STILL, 6: (93, 94, 92, 93), 9: UP}, {0: LEVELS}, {}, (2, 93, 6, "stop"), False,
    ),
    "a minute that opens beyond the target": (
        BOTH, {5: STILL, 6: (107, 108, 106, 107), 9: DOWN}, {0: LEVELS}, {}, (2, 107, 6, "take"), False,
    ),
    "minutes that do not reach the low": (BOTH, {5: UP, 9: STILL}, {0: LEVELS}, {}, (2, 95, None, "stop"), True),
    "minutes that do not reach the high": (BOTH, {5: STILL, 9: DOWN}, {0: LEVELS}, {}, (2, 95, None, "stop"), True),
    "minutes that reach beyond": (
        BOTH, {5: (100, 109, 99, 100), 9: (100, 101, 90, 95)}, {0: LEVELS}, {}, (2, 105, 5, "take"), False,
    ),
    "no minutes": (BOTH, {}, {0: LEVELS}, {}, (2, 95, None, "stop"), True),
    "a bar that touches nothing is not asked": (
        FLAT, {5: (100, 101, 90, 95), 9: UP}, {0: LEVELS}, {}, (3, 100, *LAST), False,
    ),
    "an open beyond the stop is the bar's": (
        (90, 106, 89, 100), {5: (90, 106, 89, 100)}, {0: LEVELS}, {}, (2, 90, None, "stop"), False,
    ),
    "adverse by choice": (BOTH, {5: UP, 9: DOWN}, {0: LEVELS}, {"intrabar": "adverse"}, (2, 95, None, "stop"), True),
    "favourable by choice": (
        BOTH, {5: DOWN, 9: UP}, {0: LEVELS}, {"intrabar": "favourable"}, (2, 105, None, "take"), True,
    ),
    "drill by name": (BOTH, {5: UP, 9: DOWN}, {0: LEVELS}, {"intrabar": "drill"}, (2, 105, 5, "take"), False),
    "the trail does not move within the bar": (
        BOTH, {5: UP, 9: (104, 104, 94, 96)}, {0: long(trail_distance=4.0)}, {}, (2, 97, 9, "trail"), False,
    ),
    "levels that wait are not asked": (
        BOTH, {5: UP, 9: DOWN}, {0: LEVELS}, {"level_delay": 9}, (3, 100, *LAST), False,
    ),
    "a target for a maker": (BOTH, {5: UP, 9: DOWN}, {0: LEVELS}, {"take_fill": "limit"}, (2, 105, 5, "take"), False),
    "a short": (
        BOTH, {5: DOWN, 9: UP}, {0: short(stop_price=105.0, take_price=95.0)}, {}, (2, 95, 5, "take"), False,
    ),
    "in the entry bar": (BOTH, {5: UP, 9: DOWN}, {1: LEVELS}, {}, (2, 105, 5, "take"), False),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", WALKS)
def test_walk(name: str, engine: str) -> None:
    bar, minutes, signals, execution, expected, ambiguous = WALKS[name]
    outcome = told(alone([FLAT, FLAT, bar, FLAT], signals, execution=execution, detail={2: minutes}), engine)
    assert told_fills(outcome, "hour", "price", "minute", "reason")[1:] == [expected]
    assert ([row["ambiguous"] for row in outcome.fills], outcome.ambiguous) == ([False, ambiguous], ambiguous)


LIMIT, STOP = long(entry_limit=98.0), long(entry_stop=102.0)
DIPPING: Bar = (100.0, 106.0, 94.0, 100.0)

# name: minutes of bar 2, signals, execution, fills from bar 2 on as (bar, side, price, minute, reason)
PENDING: dict[str, tuple[dict[int, Ohlc], dict[int, Row], Row, list[tuple[Any, ...]]]] = {
    "in the first minute that meets it": (
        {5: STILL, 7: (100, 101, 97, 98), 9: DOWN, 11: UP}, {1: LIMIT}, {},
        [(2, "buy", 98, 7, "signal"), (3, "sell", 100, *LAST)],
    ),
    "at that minute's open if it has passed": (
        {5: STILL, 7: (96, 97, 94, 96), 9: UP}, {1: LIMIT}, {}, [(2, "buy", 96, 7, "signal"), (3, "sell", 100, *LAST)],
    ),
    "a stop entry": (
        {5: DOWN, 7: (103, 106, 102, 104)}, {1: STOP}, {}, [(2, "buy", 103, 7, "signal"), (3, "sell", 100, *LAST)],
    ),
    "what came before its minute does not touch its stop": (
        {5: DOWN, 7: UP}, {1: STOP | {"stop_price": 95.0}}, {},
        [(2, "buy", 102, 7, "signal"), (3, "sell", 100, *LAST)],
    ),
    "in its minute the stop is live, at the level": (
        {5: STILL, 7: (100, 106, 94, 100)}, {1: LIMIT | {"stop_price": 95.0}}, {},
        [(2, "buy", 98, 7, "signal"), (2, "sell", 95, 7, "stop")],
    ),
    "in its minute the target is not": (
        {5: (100, 106, 97, 98), 9: DOWN}, {1: LIMIT | {"take_price": 101.5}}, {},
        [(2, "buy", 98, 5, "signal"), (3, "sell", 100, *LAST)],
    ),
    "after its minute it is": (
        {5: DOWN, 9: UP}, {1: LIMIT | {"take_price": 105.0}}, {},
        [(2, "buy", 98, 5, "signal"), (2, "sell", 105, 9, "take")],
    ),
    "after its minute both, adverse": (
        {5: (100, 101, 97, 98), 9: (100, 106, 94, 100)}, {1: LIMIT | {"take_price": 105.0, "stop_price": 95.0}}, {},
        [(2, "buy", 98, 5, "signal"), (2, "sell", 95, 9, "stop")],
    ),
    "a minute that opens beyond its stop": (
        {5: (100, 106, 97, 98), 9: (94.5, 95, 94, 94)}, {1: LIMIT | {"stop_price": 95.0}}, {},
        [(2, "buy", 98, 5, "signal"), (2, "sell", 94.5, 9, "stop")],
    ),
    "minutes that do not explain the bar": (
        {5: STILL, 7: UP}, {1: LIMIT | {"stop_price": 95.0}}, {},
        [(2, "buy", 98, None, "signal"), (2, "sell", 95, None, "stop")],
    ),
    "an add": (
        {5: STILL, 7: DOWN, 9: UP}, {0: LONG, 1: LIMIT | {"take_price": 105.0}}, {"pyramiding": 1},
        [(2, "buy", 98, 7, "signal"), (2, "sell", 105, 9, "take")],
    ),
    "no add where the position left": (
        {5: UP, 7: DOWN}, {0: long(take_price=105.0), 1: LIMIT}, {"pyramiding": 1}, [(2, "sell", 105, 5, "take")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", PENDING)
def test_pending(name: str, engine: str) -> None:
    minutes, signals, execution, expected = PENDING[name]
    outcome = told(alone([FLAT, FLAT, DIPPING, FLAT], signals, execution=execution, detail={2: minutes}), engine)
    found = told_fills(outcome, "hour", "side", "price", "minute", "reason")
    assert [row for row in found if row[0] >= 2] == expected


@each_engine
def test_after_a_drilled_fill_the_trail_learns_the_close_only(engine: str) -> None:
    bars: list[Bar] = [FLAT, (100, 106, 97, 102), (102, 103, 97.5, 99), FLAT]
    minutes: dict[int, Ohlc] = {5: (100, 101, 97, 100), 9: (100, 106, 99, 102)}
    outcome = told(alone(bars, {0: LIMIT | {"trail_distance": 4.0}}, detail={1: minutes}), engine)
    assert told_fills(outcome, "hour", "price", "reason")[1] == (2, 98, "trail")


@each_engine
def test_a_liquidation_within_the_minutes(engine: str) -> None:
    bars: list[Bar] = [FLAT, FLAT, (100, 106, 90, 100), FLAT]
    rows = {"touched": ({5: STILL, 7: (100, 106, 95, 96), 9: (96, 97, 90, 95)}, (95.5, 7))}
    rows["passed"] = ({5: STILL, 7: (95.2, 106, 90, 96)}, (95.2, 7))
    rows["beyond bankruptcy"] = ({5: STILL, 7: (91, 106, 90, 96)}, (95, 7))
    for minutes, expected in rows.values():
        case = alone(bars, {0: LONG}, account={"leverage": 20.0}, rules={"tick_size": 0.1}, detail={2: minutes})
        assert told_fills(told(case, engine), "price", "minute")[1] == expected


@each_engine
def test_cross_margin_is_not_drilled(engine: str) -> None:
    account = {"margin": "cross", "leverage": 10.0, "mmr": 0.0625, "size": 1_000.0}
    minutes: dict[int, Ohlc] = {5: UP, 7: (100, 101, 80, 90)}
    case = alone([FLAT, FLAT, (100, 106, 80, 90)], {0: long(take_price=105.0)}, account=account, detail={2: minutes})
    assert told_fills(told(case, engine), "price", "minute", "reason")[1] == (96, None, "liquidation")


@each_engine
def test_each_symbol_has_its_own_minutes(engine: str) -> None:
    bars: dict[str, list[Bar]] = {symbol: [FLAT, FLAT, BOTH, FLAT] for symbol in "ABC"}
    detail = {"A": {2: {5: UP, 9: DOWN}}, "B": {2: {5: DOWN, 9: UP}}}
    case = scene(bars, {symbol: {0: LEVELS} for symbol in "ABC"}, detail=detail)
    assert told_fills(told(case, engine), "symbol", "price", "minute", "ambiguous")[3:] == [
        ("A", 105, 5, False),
        ("B", 95, 5, False),
        ("C", 95, None, True),
    ]
