"""Adds to a position by hand: how many, at what average, with whose levels, of what size.

Hourly bars, numbered from 0, one unit without costs; unless said, the entry fills at 100 at the open of bar 1 and the
add at the open of bar 2, and what is still open ends at the close of the last bar.
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
    scene,
    short,
    told,
    told_fills,
    told_refusals,
)

UP: Bar = (104.0, 105.0, 103.0, 104.0)
DIP: Bar = (100.0, 101.0, 97.0, 100.0)
DROP: Bar = (100.0, 101.0, 94.0, 100.0)
GAP_DOWN: Bar = (90.0, 91.0, 89.0, 90.0)
QUIET: list[Bar] = [FLAT] * 6
ONCE = {"execution": {"pyramiding": 1}}
LAST = "end_of_data"

# name: bars from 2 on, signals, settings, fills as (bar, quantity, price, reason), refusals as (bar, reason)
ADDS: dict[str, tuple[list[Bar], dict[int, Row], Row, list[Any], list[Any]]] = {
    "an add is of the same trade": (
        [UP, UP], {0: LONG, 1: long(size=3.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 3, 104, "signal"), (3, 4, 104, LAST)], [],
    ),
    "without pyramiding there is none": (
        [UP, UP], {0: LONG, 1: LONG}, {}, [(1, 1, 100, "signal"), (3, 1, 104, LAST)], [],
    ),
    "no more than are allowed": (
        QUIET[:3], {0: LONG, 1: LONG, 2: LONG}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (4, 2, 100, LAST)], [(3, "pyramiding")],
    ),
    "nor pending ones": (
        [FLAT, DIP], {0: LONG, 1: LONG, 2: long(entry_limit=98.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 100, LAST)], [(3, "pyramiding")],
    ),
    "the next trade counts anew": (
        QUIET[:4], {0: LONG, 1: LONG, 2: {"exit_long": True}, 3: LONG, 4: LONG}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 100, "signal"), (4, 1, 100, "signal"),
         (5, 1, 100, "signal"), (5, 2, 100, LAST)], [],
    ),
    "a gap refuses it": (
        [None, FLAT], {0: LONG, 1: LONG}, ONCE | {"gaps": [("A", 2, 2)]},
        [(1, 1, 100, "signal"), (3, 1, 100, LAST)], [(3, "gap")],
    ),
    "none left comes before a gap": (
        [FLAT, None, FLAT], {0: LONG, 1: LONG, 2: LONG}, ONCE | {"gaps": [("A", 3, 3)]},
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (4, 2, 100, LAST)], [(4, "pyramiding")],
    ),
    "it needs no slot": (
        QUIET[:2], {0: LONG, 1: LONG}, ONCE | {"account": {"max_positions": 1}},
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 100, LAST)], [],
    ),
    "its stop replaces the position's": (
        [DROP, FLAT], {0: long(stop_price=90.0), 1: long(stop_price=95.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (2, 2, 95, "stop")], [],
    ),
    "even by a farther one": (
        [DROP, FLAT], {0: long(stop_price=95.0), 1: long(stop_price=90.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 100, LAST)], [],
    ),
    "without one the position's stays": (
        [DROP, FLAT], {0: long(stop_price=95.0), 1: LONG}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (2, 2, 95, "stop")], [],
    ),
    "its distance is from its own fill": (
        [UP, (104, 104, 98, 99)], {0: long(stop_price=90.0), 1: long(stop_distance=5.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 104, "signal"), (3, 2, 99, "stop")], [],
    ),
    "so is the settings' fraction": (
        [UP, (104, 104, 90, 99)], {0: LONG, 1: LONG}, {"execution": {"pyramiding": 1, "stop": 0.0625}},
        [(1, 1, 100, "signal"), (2, 1, 104, "signal"), (3, 2, 97.5, "stop")], [],
    ),
    "its target replaces, its stop's absence does not": (
        [DROP, (100, 108, 99, 100)], {0: long(stop_price=90.0, take_price=101.0), 1: long(take_price=107.0)},
        {"execution": {"pyramiding": 1, "level_delay": 1}},
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 107, "take")], [],
    ),
    "its trail's distance holds from the best price of all": (
        [FLAT, (103, 104, 100, 104), FLAT], {0: long(trail_distance=9.0), 1: long(trail_distance=2.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (2, 2, 99, "trail")], [],  # the best was 101
    ),
    "the trail sees the add's fill": (
        [(100.5, 105, 100.5, 101), FLAT], {0: long(trail_distance=8.0), 1: long(entry_stop=104.0)},
        ONCE | {"costs": {"slippage": 0.0625}},  # entered at 106.25, added at 110.5: the trail goes from 98.25 to 102.5
        [(1, 1, 106.25, "signal"), (2, 1, 110.5, "signal"), (2, 2, 102.5 * 0.9375, "trail")], [],
    ),
    "the trail learns all of a pending add's bar, in which the position was held": (
        [(100, 106, 97.5, 103), (102.5, 103, 101, 102)], {0: long(trail_distance=4.0), 1: long(entry_limit=98.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 98, "signal"), (3, 2, 102, "trail")], [],
    ),
    "a stop on the wrong side of its fill refuses it": (
        QUIET[:2], {0: LONG, 1: long(stop_price=101.0)}, ONCE,
        [(1, 1, 100, "signal"), (3, 1, 100, LAST)], [(2, "stop_side")],
    ),
    "so does the position's, where it has none": (
        [GAP_DOWN, FLAT], {0: long(stop_price=95.0), 1: LONG}, {"execution": {"pyramiding": 1, "level_delay": 5}},
        [(1, 1, 100, "signal"), (3, 1, 100, LAST)], [(2, "stop_side")],
    ),
    "the clock runs from the entry": (
        QUIET[:4], {0: long(max_bars=3), 1: long(max_bars=9)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (4, 2, 100, "time")], [],
    ),
    "so does the delay of the levels": (
        [FLAT, DROP], {0: LONG, 1: long(stop_price=95.0)}, {"execution": {"pyramiding": 1, "level_delay": 2}},
        [(1, 1, 100, "signal"), (2, 1, 100, "signal"), (3, 2, 95, "stop")], [],
    ),
    "a pending add": (
        [DIP, FLAT], {0: LONG, 1: long(entry_limit=98.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 98, "signal"), (3, 2, 100, LAST)], [],
    ),
    "its stop is live at once, for all": (
        [DROP, FLAT], {0: LONG, 1: long(entry_limit=98.0, stop_price=95.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 98, "signal"), (2, 2, 95, "stop")], [],
    ),
    "not where the position's stop is touched": (
        [DROP, FLAT], {0: long(stop_price=95.0), 1: long(entry_limit=98.0)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 95, "stop")], [(2, "expired")],
    ),
    "not after an exit by level at the open; later it opens a trade": (
        [GAP_DOWN, (90, 93, 89, 90), FLAT], {0: long(stop_price=95.0), 1: long(entry_stop=92.0, entry_bars=2)}, ONCE,
        [(1, 1, 100, "signal"), (2, 1, 90, "stop"), (3, 1, 92, "signal"), (4, 1, 100, LAST)], [],
    ),
    "not where a shorter trail would sell above its fill": (
        [UP, (100, 101, 97, 100), FLAT], {0: LONG, 2: long(entry_limit=98.0, trail_distance=1.0)}, ONCE,
        [(1, 1, 100, "signal"), (4, 1, 100, LAST)], [(3, "stop_side")],  # best 105: the trail would be at 104
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", ADDS)
def test_add(name: str, engine: str) -> None:
    bars, signals, settings, filled, refused = ADDS[name]
    outcome = told(alone([FLAT, FLAT, *bars], signals, **settings), engine)
    assert told_fills(outcome, "hour", "qty", "price", "reason") == filled
    assert told_refusals(outcome, "hour", "reason") == refused


RISK = {"sizing": "risk", "size": 0.01}

# name: signal of the add, execution, its quantity (0 = none): equity 10,200 after 50 units from 100 to 104 less stop 98
SIZES: dict[str, tuple[Row, Row, float]] = {
    "by its own stop": (long(stop_price=101.0), {}, 10_200 * 0.01 / 3),
    "by the position's where it has none": (LONG, {}, 10_200 * 0.01 / 6),
    "by the settings' fraction": (LONG, {"stop": 0.0625}, 10_200 * 0.01 / 6.5),
    "by its own stop, though its trail is nearer": (
        long(stop_price=101.0, trail_distance=2.0),
        {},
        10_200 * 0.01 / 3,
    ),
    "by its own trail, from its fill": (long(trail_distance=3.0), {}, 10_200 * 0.01 / 3),
}


@each_engine
@pytest.mark.parametrize("name", SIZES)
def test_size_by_risk(name: str, engine: str) -> None:
    signal, execution, quantity = SIZES[name]
    bars: list[Bar] = [FLAT, FLAT, UP, UP]
    settings = {"account": RISK, "execution": {"pyramiding": 1, **execution}}
    outcome = told(alone(bars, {0: long(stop_price=98.0), 1: signal}, **settings), engine)
    assert told_fills(outcome, "qty", "price")[:2] == [(50, 100), (quantity, 104)]


@each_engine
def test_the_entry_is_the_average_by_quantity(engine: str) -> None:
    costs, rules = {"taker": 0.01}, {"A": {"category": "spot"}}
    signals = {0: long(size=1.0), 1: long(size=3.0), 3: {"exit_long": True}}
    for instruments in ({}, rules):
        case = scene({"A": [FLAT, FLAT, UP, UP, UP]}, {"A": signals}, costs=costs, instruments=instruments, **ONCE)
        outcome = told(case, engine)
        fees = (1 * 100 + 3 * 104 + 4 * 104) * 0.01
        assert outcome.equity[-1]["cash"] == pytest.approx(10_000 + 4 * (104 - 103) - fees, rel=1e-15)
        assert outcome.equity[2]["equity"] == pytest.approx(10_000 + 4 * (104 - 103) - 1.00 - 3.12, rel=1e-15)


@each_engine
def test_what_an_add_tells(engine: str) -> None:
    signals = {0: short(stop_price=110.0), 1: short(stop_price=108.0)}
    outcome = told(alone([FLAT, FLAT, UP, (104, 109, 95, 96)], signals, **ONCE), engine)
    assert told_fills(outcome, "trade", "side", "opens", "stop", "worst", "best") == [
        (1, "sell", True, 110, None, None),
        (1, "sell", True, 108, None, None),
        (1, "buy", False, None, 108, 99),
    ]
