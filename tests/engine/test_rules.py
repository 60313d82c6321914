"""One rule of the contract a case, by hand: exits, entries, their order, and what is refused.

Hourly bars, numbered from 0; unless said, the signal is known at the close of bar 0, the entry fills at 100 at the open
of bar 1, and what is still open at the close of the last bar, at 100, ends there.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

import bt
from tests.engine.scenes import FLAT, LONG, SHORT, Ohlc, Row, alone, exits, fills, hour, long, refusals, scene, short

QUIET: list[Ohlc | None] = [FLAT] * 8
UP: Ohlc = (106.0, 107.0, 105.0, 106.0)
DOWN: Ohlc = (90.0, 91.0, 89.0, 90.0)
BOTH_WAYS = {"enter_long": True, "enter_short": True}
OUT = {"exit_long": True}

HELD = [(7, 100, "end_of_data")]
BACKTRADER = asdict(bt.Execution.profile("backtrader"))

# name: bars, signals, execution, exits as (bar, price, reason)
EXITS: dict[str, tuple[list[Ohlc | None], dict[int, Row], Row, list[Any]]] = {
    "time stop counts the bars after the entry bar": (QUIET, {0: long(max_bars=2)}, {}, [(3, 100, "time")]),
    "time stop of the settings": (QUIET, {0: LONG}, {"max_bars": 3}, [(4, 100, "time")]),
    "a signal's time stop beats the settings'": (QUIET, {0: long(max_bars=1)}, {"max_bars": 5}, [(2, 100, "time")]),
    "time stop counts the symbol's own bars": (
        [FLAT, FLAT, None, None, FLAT, FLAT, FLAT],
        {0: long(max_bars=2)}, {}, [(5, 100, "time")],
    ),
    "time stop before a stop that the open has passed": (
        [FLAT, FLAT, DOWN, FLAT],
        {0: long(max_bars=1, stop_price=95.0)}, {}, [(2, 90, "time")],
    ),
    "exit signal before the time stop": (QUIET, {0: long(max_bars=2), 2: OUT}, {}, [(3, 100, "signal")]),
    "an exit waits for the symbol's next bar": (
        [FLAT, FLAT, None, None, UP, FLAT],
        {0: LONG, 1: OUT}, {}, [(4, 106, "signal")],
    ),
    "an exit of the other side says nothing": (QUIET, {0: LONG, 2: {"exit_short": True}}, {}, HELD),
    "the same side again is ignored": (QUIET, {0: LONG, 1: LONG, 2: LONG}, {}, HELD),
    "an absolute level beats a distance and the settings": (
        [FLAT, FLAT, (100, 101, 90, 100), FLAT],
        {0: long(stop_price=95.0, stop_distance=2.0)}, {"stop": 0.01}, [(2, 95, "stop")],
    ),
    "a distance beats the settings": (
        [FLAT, FLAT, (100, 101, 90, 100), FLAT],
        {0: long(stop_distance=3.0)}, {"stop": 0.01}, [(2, 97, "stop")],
    ),
    "a target on the wrong side fills at once": (QUIET, {0: long(take_price=98.0)}, {}, [(1, 100, "take")]),
    "the trail rises at the close, not within the bar": (
        [FLAT, (100, 106, 97, 105), (104, 105, 101, 103), FLAT],
        {0: long(trail_distance=4.0)}, {}, [(2, 102, "trail")],  # in bar 1 it is still 96
    ),
    "the trail never falls": (
        [FLAT, (100, 106, 100, 105), (104, 104, 103, 103), (103, 103, 101, 101), FLAT],
        {0: long(trail_distance=4.0)}, {}, [(3, 102, "trail")],
    ),
    "the trail starts at the fill": (
        [FLAT, (100, 101, 95, 100), FLAT],
        {0: long(trail_distance=4.0)}, {}, [(1, 96, "trail")],
    ),
    "the trail of a short follows the lowest low": (
        [FLAT, (100, 103, 94, 95), (96, 99, 95, 97), FLAT],
        {0: short(trail_distance=4.0)}, {}, [(2, 98, "trail")],
    ),
    "a gap through the trail": (
        [FLAT, (100, 106, 100, 105), DOWN, FLAT],
        {0: LONG}, {"trail": 0.04}, [(2, 90, "trail")],
    ),
    "stop and trail at one level are a stop": (
        [FLAT, (100, 106, 100, 105), (104, 105, 97, 103), FLAT],
        {0: long(trail_distance=8.0, stop_price=98.0)}, {}, [(2, 98, "stop")],
    ),
    "the nearer of stop and trail acts": (
        [FLAT, (100, 106, 100, 105), (104, 105, 97, 103), FLAT],
        {0: long(trail_distance=7.0, stop_price=98.0)}, {}, [(2, 99, "trail")],
    ),
    "levels may wait for the bar after the entry": (
        [FLAT, (100, 111, 90, 100), (96, 101, 94, 100), FLAT],
        {0: long(stop_price=95.0, take_price=110.0)}, {"level_delay": 1}, [(2, 95, "stop")],
    ),
    "they are live at its open": (
        [FLAT, (100, 101, 90, 100), DOWN, FLAT],
        {0: long(stop_price=95.0)}, {"level_delay": 1}, [(2, 90, "stop")],
    ),
    "or for a later one": (
        [FLAT, FLAT, (100, 111, 90, 100), (100, 111, 96, 100), FLAT],
        {0: long(stop_price=95.0, take_price=110.0)}, {"level_delay": 2}, [(3, 110, "take")],
    ),
    "the trail collects while it waits": (
        [FLAT, (100, 106, 90, 105), (104, 105, 101, 103), FLAT],
        {0: long(trail_distance=4.0)}, {"level_delay": 1}, [(2, 102, "trail")],
    ),
    "another engine's profile": (
        [FLAT, (100, 111, 90, 100), (96, 101, 94, 100), FLAT],
        {0: long(stop_price=95.0, take_price=110.0)}, BACKTRADER, [(2, 95, "stop")],
    ),
    "without close_at_end nothing ends": (QUIET, {0: LONG}, {"close_at_end": False}, []),
    "an entry in the last bar ends at its close": ([FLAT, (100, 101, 99, 99)], {0: LONG}, {}, [(1, 99, "end_of_data")]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXITS)
def test_exit(name: str) -> None:
    bars, signals, execution, expected = EXITS[name]
    assert exits(alone(bars, signals, execution=execution)) == expected


BOUGHT = (1, "buy", 100, "signal")
OPEN_END = {"execution": {"close_at_end": False}}

# name: bars, signals, settings, fills as (bar, side, price, reason), refusals as (bar, side, reason)
ENTRIES: dict[str, tuple[list[Ohlc | None], dict[int, Row], Row, list[Any], list[Any]]] = {
    "an entry waits for the symbol's next bar": (
        [FLAT, None, None, UP], {0: LONG}, OPEN_END,
        [(3, "buy", 106, "signal")], [],
    ),
    "a recorded gap refuses it": (
        [FLAT, None, None, UP, FLAT], {0: LONG}, {"gaps": [("A", 1, 2)]}, [], [(3, "long", "gap")],
    ),
    "so does one of the first minute missed": (
        [FLAT, None, None, UP, FLAT], {0: LONG}, {"gaps": [("A", 1, 1)]}, [], [(3, "long", "gap")],
    ),
    "so does one of the last": (
        [FLAT, None, None, UP, FLAT], {0: LONG}, {"gaps": [("A", 3, 9)]}, [], [(3, "long", "gap")],
    ),
    "a gap elsewhere does not": (
        [FLAT, FLAT, None, FLAT], {0: LONG}, {"gaps": [("A", 2, 2), ("B", 1, 1)]} | OPEN_END,
        [BOUGHT], [],
    ),
    "a gap never refuses an exit": (
        [FLAT, FLAT, None, UP, FLAT], {0: LONG, 1: OUT}, {"gaps": [("A", 2, 2)]},
        [BOUGHT, (3, "sell", 106, "signal")], [],
    ),
    "a reversal": (
        QUIET, {0: LONG, 2: SHORT}, OPEN_END,
        [BOUGHT, (3, "sell", 100, "reverse"), (3, "sell", 100, "signal")], [],
    ),
    "a reversal's exit stands though the entry is refused": (
        QUIET, {0: LONG, 2: SHORT}, {"rules": {"category": "spot"}},
        [BOUGHT, (3, "sell", 100, "reverse")], [(3, "short", "no_short")],
    ),
    "no entry at an open that a stop has ended": (
        [FLAT, FLAT, DOWN, FLAT], {0: long(stop_price=95.0), 1: LONG}, {},
        [BOUGHT, (2, "sell", 90, "stop")], [(2, "long", "reentry")],
    ),
    "no entry at an open that a target has ended": (
        [FLAT, FLAT, UP, FLAT], {0: long(take_price=105.0), 1: LONG}, {},
        [BOUGHT, (2, "sell", 106, "take")], [(2, "long", "reentry")],
    ),
    "a new entry after an exit inside the bar": (
        [FLAT, FLAT, (100, 101, 94, 100), FLAT], {0: long(stop_price=95.0), 2: LONG}, {},
        [BOUGHT, (2, "sell", 95, "stop"), (3, "buy", 100, "signal"), (3, "sell", 100, "end_of_data")],
        [],
    ),
    "both sides at once": (QUIET, {0: BOTH_WAYS}, {}, [], [(1, "long", "conflict")]),
    "entry and exit of one side": (QUIET, {0: short(exit_short=True)}, {}, [], [(1, "short", "conflict")]),
    "a conflict still exits": (
        QUIET, {0: LONG, 2: long(exit_long=True)}, {},
        [BOUGHT, (3, "sell", 100, "signal")], [(3, "long", "conflict")],
    ),
    "a conflict does not reverse": (
        QUIET, {0: LONG, 2: short(exit_short=True)}, {},
        [BOUGHT, (7, "sell", 100, "end_of_data")], [(3, "short", "conflict")],
    ),
    "spot is never short": (QUIET, {0: SHORT}, {"rules": {"category": "spot"}}, [], [(1, "short", "no_short")]),
    "risk without a stop": (
        QUIET, {0: long(stop_price=None)}, {"account": {"sizing": "risk", "size": 0.01}}, [], [(1, "long", "no_stop")],
    ),
    "a long's stop above the fill": (QUIET, {0: long(stop_price=101.0)}, {}, [], [(1, "long", "stop_side")]),
    "a short's stop below the fill": (QUIET, {0: short(stop_price=99.0)}, {}, [], [(1, "short", "stop_side")]),
    "a stop at the fill": (QUIET, {0: long(stop_price=100.0)}, {}, [], [(1, "long", "stop_side")]),
    "a trail without distance": (QUIET, {0: long(trail_distance=0.0)}, {}, [], [(1, "long", "stop_side")]),
    "a stop between open and slipped fill": (
        [FLAT, FLAT, DOWN], {0: long(stop_price=100.5)}, {"costs": {"slippage": 0.01}} | OPEN_END,
        [(1, "buy", 101, "signal"), (1, "sell", 99, "stop")], [],
    ),
    "an entry on the last bar": (QUIET, {7: LONG}, {}, [], []),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str) -> None:
    bars, signals, settings, filled, refused = ENTRIES[name]
    case = alone(bars, signals, **settings)
    assert [(place, side, price, reason) for place, _, side, price, reason in fills(case)] == filled
    assert [(place, side, reason) for place, _, side, reason in refusals(case.simulate())] == refused


ROOM = {"account": {"max_positions": 1}}
STOPPED: list[Ohlc | None] = [FLAT, FLAT, (100, 101, 94, 100), *QUIET]

# name: bars and signals per symbol, settings, entries as (bar, symbol), refusals as (bar, symbol, reason)
TOGETHER: dict[str, tuple[Any, Any, Row, list[Any], list[Any]]] = {
    "equal scores go by symbol": (QUIET, {"B": {0: LONG}, "A": {0: LONG}}, ROOM, [(1, "A")], [(1, "B", "slots")]),
    "the higher score goes first": (
        QUIET, {"A": {0: long(score=1.0)}, "B": {0: long(score=2.0)}, "C": {0: long(score=1.5)}},
        {"account": {"max_positions": 2}}, [(1, "B"), (1, "C")], [(1, "A", "slots")],
    ),
    "no score is a score of 0": (
        QUIET, {"A": {0: long(score=-1.0)}, "B": {0: LONG}}, ROOM, [(1, "B")], [(1, "A", "slots")],
    ),
    "a slot freed at an open serves that open": (
        QUIET, {"A": {0: LONG, 2: OUT}, "B": {2: LONG}}, ROOM, [(1, "A"), (3, "B")], [],
    ),
    "a slot freed inside a bar serves the next open": (
        STOPPED, {"A": {0: long(stop_price=95.0)}, "B": {1: LONG, 2: LONG}},
        ROOM, [(1, "A"), (3, "B")], [(2, "B", "slots")],
    ),
    "conflicts stand before other refusals": (
        QUIET, {"A": {0: LONG}, "B": {0: LONG}, "C": {0: BOTH_WAYS}}, ROOM, [(1, "A")],
        [(1, "C", "conflict"), (1, "B", "slots")],
    ),
    "the first takes the money": (
        QUIET, {"A": {0: LONG}, "B": {0: LONG}}, {"account": {"sizing": "equity", "size": 1.0}},
        [(1, "A")], [(1, "B", "cash")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_symbols_share_one_account(name: str) -> None:
    bars, signals, settings, entered, refused = TOGETHER[name]
    case = scene(dict.fromkeys(signals, bars), signals, **settings)
    assert [(place, symbol) for place, symbol, side, _, _ in fills(case) if side == "buy"] == entered
    assert [(place, symbol, reason) for place, symbol, _, reason in refusals(case.simulate())] == refused


def test_each_symbol_ends_with_its_own_data() -> None:
    case = scene({"A": [FLAT, FLAT, UP], "B": QUIET}, {"A": {0: LONG}, "B": {0: LONG}})
    assert [row for row in fills(case) if row[4] == "end_of_data"] == [
        (2, "A", "sell", 106, "end_of_data"),
        (7, "B", "sell", 100, "end_of_data"),
    ]


def test_a_symbol_that_starts_later_does_not_disturb() -> None:
    bars = [FLAT, FLAT, UP, DOWN, FLAT, FLAT]
    signals = {0: long(stop_price=95.0), 3: SHORT}
    late = {"A": bars, "B": [None, None, None, UP, UP, UP]}
    assert fills(scene(late, {"A": signals})) == fills(scene({"A": bars}, {"A": signals}))


def test_ruin_ends_the_run_at_that_close() -> None:
    soaring: list[Ohlc | None] = [FLAT, FLAT, (150, 160, 150, 160), (190, 216, 190, 215), FLAT, FLAT]
    case = scene({"A": soaring, "B": QUIET}, {"A": {0: SHORT}, "B": {1: LONG, 4: SHORT}}, account={"size": 90.0})
    simulation = case.simulate()
    assert fills(case) == [
        (1, "A", "sell", 100, "signal"),
        (3, "A", "buy", 215, "ruin"),
    ]
    assert refusals(simulation) == [(2, "B", "long", "cash")]  # at 150 nothing is left to buy with
    assert (simulation.status, case.twin().status) == ("ruined", "ruined")
    assert [hour(ts) for ts in simulation.equity["ts"]] == [0, 1, 2, 3]
    assert simulation.equity["equity"].to_list() == [10_000, 10_000, 4_600, -350]
