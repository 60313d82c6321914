"""Rules that change with time, by hand: each bar time goes by those in force, what is set already stays.

Hourly bars at 100, numbered from 0; the entry fills at the open of bar 1 unless said.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.cases import HOUR, START
from tests.engine.scenes import FLAT, LONG, Bar, Row, alone, each_engine, long, short, told, told_fills, told_refusals

DROP: Bar = (100.0, 101.0, 90.0, 100.0)
HALF, TWO = {"tick_size": 0.5}, {"tick_size": 2.0}
SLIPPED = {"slippage_ticks": 1}
LAST = "end_of_data"


def since(hours: float | None, rules: Row) -> Row:
    return rules | {"valid_from": None if hours is None else START + hours * HOUR}


# name: bars from 1 on, signals, rules, settings, fills as (bar, price, reason)
PERIODS: dict[str, tuple[list[Bar], dict[int, Row], list[Row], Row, list[Any]]] = {
    "prices go by the tick of their bar": (
        [FLAT, FLAT], {0: LONG, 1: {"exit_long": True}}, [since(None, HALF), since(2, TWO)], {"costs": SLIPPED},
        [(1, 100.5, "signal"), (2, 98, "signal")],
    ),
    "from the very time on": (
        [FLAT], {0: LONG}, [since(None, HALF), since(1, TWO)], {"costs": SLIPPED}, [(1, 102, "signal")],
    ),
    "not before": (
        [FLAT], {0: LONG}, [since(None, HALF), since(1.01, TWO)], {"costs": SLIPPED}, [(1, 100.5, "signal")],
    ),
    "within a hole, at the next bar": (
        [None, None, FLAT], {0: LONG}, [since(None, HALF), since(1.5, TWO)], {"costs": SLIPPED}, [(3, 102, "signal")],
    ),
    "the earliest has always held": (
        [FLAT], {0: LONG}, [since(8, TWO), since(5, HALF)], {"costs": SLIPPED}, [(1, 100.5, "signal")],
    ),
    "a stop that is set stays": (
        [FLAT, DROP], {0: long(stop_price=95.5)}, [since(None, HALF), since(2, TWO)], {},
        [(1, 100, "signal"), (2, 94, "stop")],  # the reference is 95.5, its fill goes down to the grid of the day
    ),
    "a trail is set at every close": (
        [FLAT, FLAT, DROP], {0: long(trail_distance=3.5)}, [since(None, HALF), since(2, TWO)], {},
        [(1, 100, "signal"), (3, 98, "trail")],  # the best is 101 in both bars: at 97.5, then at 98
    ),
    "a pending price is set when it is placed": (
        [FLAT, DROP], {0: long(entry_limit=95.5, entry_bars=2)}, [since(None, HALF), since(2, TWO)], {},
        [(2, 96, "signal")],  # the level is 95.5 still, its fill goes up to the grid of the day
    ),
    "leverage goes by the entry": (
        [FLAT, (99, 99, 90, 95)], {0: LONG}, [since(None, {"max_leverage": 10.0}), since(2, {"max_leverage": 50.0})],
        {"account": {"leverage": 50.0, "mmr": 0.0}}, [(1, 100, "signal"), (2, 90, "liquidation")],
    ),
    "and by the last add": (
        [FLAT, (99, 99, 90, 95), FLAT], {0: LONG, 1: LONG},
        [since(None, {"max_leverage": 50.0}), since(2, {"max_leverage": 1.0})],
        {"account": {"leverage": 50.0, "mmr": 0.0}, "execution": {"pyramiding": 1, "close_at_end": False}},
        [(1, 100, "signal"), (2, 99, "signal")],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", PERIODS)
def test_period(name: str, engine: str) -> None:
    bars, signals, rules, settings, expected = PERIODS[name]
    execution = {"close_at_end": False} | settings.get("execution", {})
    outcome = told(alone([FLAT, *bars], signals, rules=rules, **(settings | {"execution": execution})), engine)
    assert told_fills(outcome, "hour", "price", "reason") == expected


@each_engine
def test_an_add_that_borrows_the_trail_works_it_out_by_the_rules_of_its_day(engine: str) -> None:
    rules, account = [since(None, HALF), since(2, TWO)], {"sizing": "risk", "size": 0.01}
    case = alone(
        [FLAT] * 3, {0: long(trail_distance=3.5), 1: LONG}, rules=rules, account=account, execution={"pyramiding": 1},
    )  # fmt: skip
    outcome = told(case, engine)
    assert told_fills(outcome, "qty", "stop")[:2] == [(100 / 3.5, 96.5), (100 / 2, 98)]  # the best is 101: not at 97.5


@each_engine
def test_what_is_least_goes_by_the_bar_of_the_fill(engine: str) -> None:
    rules = [since(2, {"min_qty": 2.0}), since(3, {"min_notional": 150.0}), since(4, {"qty_step": 2.0}), since(5, {})]
    rules.append(since(None, {"min_qty": 3.0}))
    signals = {place: short(max_bars=1) for place in range(5)}
    outcome = told(alone([FLAT] * 7, signals, rules=rules), engine)
    assert told_refusals(outcome, "hour", "reason") == [
        (1, "min_qty"), (2, "min_qty"), (3, "min_notional"), (4, "min_qty"),
    ]  # fmt: skip
    assert told_fills(outcome, "hour", "reason") == [(5, "signal"), (6, "time")]
