"""Pending limit and stop entries by hand: when they fill and at which price, what ends them, what may end the trade.

Hourly bars, numbered from 0, one unit without costs; unless said, the signal is known at the close of bar 0, so that
the order waits from bar 1 on, and what is still open at the close of the last bar, at 100, ends there.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.scenes import (
    FLAT,
    LONG,
    SHORT,
    Bar,
    Row,
    alone,
    each_engine,
    long,
    scene,
    short,
    told,
    told_fills,
    told_refusals,
)

DIP: Bar = (100.0, 101.0, 97.0, 100.0)
RISE: Bar = (100.0, 103.0, 99.0, 101.0)
LOW: Bar = (96.0, 97.0, 95.0, 96.0)
HIGH: Bar = (104.0, 105.0, 103.0, 104.0)
QUIET: list[Bar] = [FLAT] * 6

LIMIT, STOP = long(entry_limit=98.0), long(entry_stop=102.0)
LIMITED: list[Any] = [(1, "buy", 98, "limit")]

# name: bars from 1 on, signals, settings, entries as (bar, side, price, kind), refusals as (bar, side, reason)
ENTRIES: dict[str, tuple[list[Bar], dict[int, Row], Row, list[Any], list[Any]]] = {
    "a limit is met": ([DIP, FLAT], {0: LIMIT}, {}, LIMITED, []),
    "a limit is touched": ([(100, 101, 98, 100), FLAT], {0: LIMIT}, {}, LIMITED, []),
    "a limit that the open has passed": ([LOW, FLAT], {0: LIMIT}, {}, [(1, "buy", 96, "limit")], []),
    "a short's limit is met": ([RISE, FLAT], {0: short(entry_limit=102.0)}, {}, [(1, "sell", 102, "limit")], []),
    "a short's limit passed": ([HIGH, FLAT], {0: short(entry_limit=102.0)}, {}, [(1, "sell", 104, "limit")], []),
    "a stop is met": ([RISE, FLAT], {0: STOP}, {}, [(1, "buy", 102, "stop")], []),
    "a stop that the open has passed": ([HIGH, FLAT], {0: STOP}, {}, [(1, "buy", 104, "stop")], []),
    "a short's stop is met": ([DIP, FLAT], {0: short(entry_stop=98.0)}, {}, [(1, "sell", 98, "stop")], []),
    "a short's stop passed": ([LOW, FLAT], {0: short(entry_stop=98.0)}, {}, [(1, "sell", 96, "stop")], []),
    "a price without a side is nothing": ([DIP, FLAT], {0: {"entry_limit": 98.0}}, {}, [], []),
    "a limit slips not, a stop does": (
        [FLAT, DIP, RISE, HIGH], {0: long(entry_limit=98.0, max_bars=1, entry_bars=2), 2: STOP},
        {"costs": {"slippage": 0.0625}}, [(2, "buy", 98, "limit"), (3, "buy", 102 * 1.0625, "stop")], [],
    ),
    "a long's price between two ticks goes up": (
        [DIP, FLAT], {0: long(entry_limit=98.25)}, {"rules": {"tick_size": 0.5}}, [(1, "buy", 98.5, "limit")], [],
    ),
    "a short's goes down": (
        [RISE, FLAT], {0: short(entry_limit=102.25)}, {"rules": {"tick_size": 0.5}}, [(1, "sell", 102, "limit")], [],
    ),
    "an open off the grid is rounded away from a buyer": (
        [(97.25, 98, 97, 98), FLAT], {0: LIMIT}, {"rules": {"tick_size": 0.5}}, [(1, "buy", 97.5, "limit")], [],
    ),
    "and from a seller": (
        [(102.75, 103, 102, 102), FLAT], {0: short(entry_limit=102.0)}, {"rules": {"tick_size": 0.5}},
        [(1, "sell", 102.5, "limit")], [],
    ),
    "it lives for one bar": ([FLAT, DIP, FLAT], {0: LIMIT}, {}, [], [(1, "long", "expired")]),
    "or for as many as are said": (
        [FLAT, FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}}, {}, [(3, "buy", 98, "limit")], [],
    ),
    "and no longer": ([FLAT, FLAT, DIP], {0: LIMIT | {"entry_bars": 2}}, {}, [], [(2, "long", "expired")]),
    "the symbol's own bars count": (
        [FLAT, None, None, DIP, FLAT], {0: LIMIT | {"entry_bars": 2}}, {}, [(4, "buy", 98, "limit")], [],
    ),
    "at the data's end": ([FLAT, FLAT], {0: LIMIT | {"entry_bars": 3}}, {}, [], [(2, "long", "expired")]),
    "unless what is open stays open": (
        [FLAT, FLAT], {0: LIMIT | {"entry_bars": 3}}, {"execution": {"close_at_end": False}}, [], [],
    ),
    "a gap before it refuses it": ([None, DIP, FLAT], {0: LIMIT}, {"gaps": [("A", 1, 1)]}, [], [(2, "long", "gap")]),
    "a gap while it waits ends it": (
        [FLAT, None, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}}, {"gaps": [("A", 2, 2)]}, [], [(3, "long", "gap")],
    ),
    "its side's exit cancels it": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: {"exit_long": True}}, {}, [], [(2, "long", "cancelled")],
    ),
    "the other side's does not": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: {"exit_short": True}}, {}, [(2, "buy", 98, "limit")], [],
    ),
    "a market entry replaces it": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: LONG}, {},
        [(2, "buy", 100, "market")], [(2, "long", "replaced")],
    ),
    "another price replaces it": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: long(entry_limit=97.5)}, {},
        [(2, "buy", 97.5, "limit")], [(2, "long", "replaced")],
    ),
    "the other side replaces it": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: SHORT}, {},
        [(2, "sell", 100, "market")], [(2, "long", "replaced")],
    ),
    "a contradiction leaves it alone": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: long(enter_short=True)}, {},
        [(2, "buy", 98, "limit")], [(2, "long", "conflict")],
    ),
    "a contradiction may cancel it": (
        [FLAT, DIP, FLAT], {0: LIMIT | {"entry_bars": 3}, 1: long(exit_long=True)}, {},
        [], [(2, "long", "cancelled"), (2, "long", "conflict")],
    ),
    "while its side is held, it is ignored": ([DIP, DIP], {0: LIMIT, 1: LIMIT}, {}, LIMITED, []),
    "a stop on the wrong side of its fill": (
        [DIP], {0: LIMIT | {"stop_price": 99.0}}, {}, [], [(1, "long", "stop_side")],
    ),
    "spot is refused when it would fill": (
        [FLAT, RISE], {0: short(entry_limit=102.0, entry_bars=2)}, {"rules": {"category": "spot"}},
        [], [(2, "short", "no_short")],
    ),
    "a refusal ends it": (
        [DIP, DIP], {0: LIMIT | {"entry_bars": 5}}, {"rules": {"min_qty": 2.0}}, [], [(1, "long", "min_qty")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str, engine: str) -> None:
    bars, signals, settings, entered, refused = ENTRIES[name]
    outcome = told(alone([FLAT, *bars], signals, **settings), engine)
    found = told_fills(outcome, "hour", "side", "price", "kind", "reason", "opens")
    assert [row[:4] for row in found if row[5]] == entered
    assert {row[4] for row in found if row[5]} <= {"signal"}
    assert told_refusals(outcome) == refused


# name: bars from 1 on, signals, settings, exits as (bar, price, reason)
EXITS: dict[str, tuple[list[Bar], dict[int, Row], Row, list[Any]]] = {
    "the stop is live in the bar of the fill": (
        [(100, 101, 94, 100), FLAT], {0: LIMIT | {"stop_price": 95.0}}, {}, [(1, 95, "stop")],
    ),
    "so is the trail, from the fill on": (
        [(100, 101, 95.5, 100), FLAT], {0: LIMIT | {"trail_distance": 2.0}}, {}, [(1, 96, "trail")],
    ),
    "so is a stop that the open was below": (
        [RISE, FLAT], {0: STOP | {"stop_price": 100.5}}, {}, [(1, 100.5, "stop")],  # not at the open's 100
    ),
    "the target is not": ([DIP, (100, 101.5, 99, 100)], {0: LIMIT | {"take_price": 101.0}}, {}, [(2, 101, "take")]),
    "a short's stop": ([(100, 106, 99, 100)], {0: short(entry_limit=102.0, stop_price=105.0)}, {}, [(1, 105, "stop")]),
    "the trail learns the close of that bar only": (
        [(100, 106, 97, 102), (102, 103, 97.5, 99), FLAT], {0: LIMIT | {"trail_distance": 4.0}}, {}, [(2, 98, "trail")],
    ),
    "levels that wait do not act": (
        [(100, 101, 94, 100), FLAT], {0: LIMIT | {"stop_price": 95.0}}, {"execution": {"level_delay": 1}},
        [(2, 100, "end_of_data")],
    ),
    "the time stop counts from the fill": (
        [FLAT, DIP, FLAT, FLAT], {0: LIMIT | {"entry_bars": 2, "max_bars": 1}}, {}, [(3, 100, "time")],
    ),
    "a pending entry of the other side reverses at the open": (
        [FLAT, RISE, FLAT], {0: LONG, 1: short(entry_limit=102.0)}, {}, [(2, 100, "reverse"), (3, 100, "end_of_data")],
    ),
    "though it never fills": (
        [FLAT, FLAT, FLAT], {0: LONG, 1: short(entry_limit=102.0)}, {}, [(2, 100, "reverse")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", EXITS)
def test_exit(name: str, engine: str) -> None:
    bars, signals, settings, expected = EXITS[name]
    found = told_fills(told(alone([FLAT, *bars], signals, **settings), engine), "hour", "price", "reason", "opens")
    assert [row[:3] for row in found if not row[3]] == expected


@each_engine
def test_what_a_fill_tells(engine: str) -> None:
    bars: list[Bar] = [FLAT, (100, 106, 97, 102), FLAT]
    costs = {"taker": 0.0625, "maker": 0.03125, "slippage": 0.0625}
    outcome = told(alone(bars, {0: LIMIT | {"stop_price": 90.0}}, costs=costs), engine)
    names = ("bar", "price", "reference", "fee", "slippage", "stop", "worst", "best", "minute")
    assert told_fills(outcome, *names) == [
        (1, 98, 98, 98 * 0.03125, 0, 90, None, None, None),
        (2, 93.75, 100, 93.75 * 0.0625, 6.25, None, 93.75, 102, None),  # the bar of the fill: its low, its close
    ]


ROOM = {"account": {"max_positions": 1}}
FULL = {"account": {"sizing": "equity", "size": 1.0}}
DROP: Bar = (100.0, 101.0, 94.0, 100.0)

# name: signals per symbol on bars that dip, settings, entries as (bar, symbol, quantity), refusals
TOGETHER: dict[str, tuple[dict[str, dict[int, Row]], Row, list[Any], list[Any]]] = {
    "the higher score goes first": (
        {"A": {0: LIMIT}, "B": {0: LIMIT | {"score": 1.0}}}, ROOM, [(1, "B", 1)], [(1, "A", "slots")],
    ),
    "equal scores go by symbol": ({"A": {0: LIMIT}, "B": {0: LIMIT}}, ROOM, [(1, "A", 1)], [(1, "B", "slots")]),
    "an entry at the open comes before": (
        {"A": {0: LIMIT | {"score": 9.0}}, "B": {0: LONG}}, ROOM, [(1, "B", 1)], [(1, "A", "slots")],
    ),
    "a slot freed inside the bar comes too late": (
        {"A": {0: LIMIT | {"entry_bars": 2}}, "B": {0: LONG | {"stop_price": 95.0}}}, ROOM,
        [(1, "B", 1)], [(1, "A", "slots")],
    ),
    "so does its money": (
        {"A": {0: LIMIT}, "B": {0: LONG | {"stop_price": 95.0}}}, FULL, [(1, "B", 100)], [(1, "A", "cash")],
    ),
    "all of one open are sized by one equity": (
        {"A": {0: LIMIT}, "B": {0: LONG | {"stop_price": 95.0}}}, {"account": {"sizing": "equity", "size": 0.49}},
        [(1, "B", 49), (1, "A", 50)], [],
    ),
    "spot money freed inside the bar comes too late": (
        {"A": {0: LIMIT}, "B": {0: LONG | {"stop_price": 95.0}}},
        FULL | {"instruments": {"A": {"category": "spot"}, "B": {"category": "spot"}}},
        [(1, "B", 100)], [(1, "A", "cash")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", TOGETHER)
def test_pending_entries_share_the_money_of_the_open(name: str, engine: str) -> None:
    signals, settings, entered, refused = TOGETHER[name]
    bars: list[Bar] = [FLAT, DROP, FLAT]
    outcome = told(scene(dict.fromkeys(signals, bars), signals, **settings), engine)
    assert [row[:3] for row in told_fills(outcome, "hour", "symbol", "qty", "opens") if row[3]] == entered
    assert told_refusals(outcome, "hour", "symbol", "reason") == refused
