"""Funding by hand: which settlement is paid, by which position, at which mark, and when.

Hourly bars at 100, numbered from 0; one unit is bought at the open of bar 1 and held to the end, without costs.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.cases import HOUR, START
from tests.engine.scenes import FLAT, LONG, SHORT, Bar, Row, alone, each_engine, long, scene, short, told, told_fills

UP: Bar = (110.0, 111.0, 109.0, 110.0)
DROP: Bar = (100.0, 101.0, 94.0, 100.0)
QUIET: list[Bar] = [FLAT] * 5
RATE = 0.0625
PAID = -100 * RATE
OUT = {"exit_long": True}
SECOND = 1 / 3600

# name: bars, signals, funding as (hour, rate[, mark]), settings, payments as (hour, quantity, mark, amount)
PAYMENTS: dict[str, tuple[list[Bar], dict[int, Row], list[tuple[float, ...]], Row, list[Any]]] = {
    "a long pays": (QUIET, {0: LONG}, [(2, RATE)], {}, [(2, 1, 100, PAID)]),
    "a short is paid": (QUIET, {0: SHORT}, [(2, RATE)], {}, [(2, -1, 100, -PAID)]),
    "a negative rate turns it round": (QUIET, {0: LONG}, [(2, -RATE)], {}, [(2, 1, 100, -PAID)]),
    "at the bar's open": ([FLAT, FLAT, UP, UP], {0: LONG}, [(2, RATE)], {}, [(2, 1, 110, -110 * RATE)]),
    "at the given mark": (QUIET, {0: LONG}, [(2, RATE, 120.0)], {}, [(2, 1, 120, -120 * RATE)]),
    "who enters at that open does not": (QUIET, {0: LONG}, [(1, RATE)], {}, []),
    "who leaves at that open does": (QUIET, {0: LONG, 1: OUT}, [(2, RATE)], {}, [(2, 1, 100, PAID)]),
    "who left before does not": (QUIET, {0: LONG, 1: OUT}, [(3, RATE)], {}, []),
    "whose stop the open has passed does": (
        [FLAT, FLAT, (90, 91, 89, 90), FLAT], {0: long(stop_price=95.0)}, [(2, RATE)], {}, [(2, 1, 90, -90 * RATE)],
    ),
    "inside the bar, at the bar's open": (
        [FLAT, FLAT, (110, 130, 100, 120), FLAT], {0: LONG}, [(2.5, RATE)], {}, [(2.5, 1, 110, -110 * RATE)],
    ),
    "who entered at the open pays inside": (QUIET, {0: LONG}, [(1.5, RATE)], {}, [(1.5, 1, 100, PAID)]),
    "who left at the open does not": (QUIET, {0: LONG, 1: OUT}, [(2.5, RATE)], {}, []),
    "who stops inside pays first": (
        [FLAT, FLAT, DROP, FLAT], {0: long(stop_price=95.0)}, [(2.75, RATE), (3, RATE)], {}, [(2.75, 1, 100, PAID)],
    ),
    "who turns round at the open pays as what he becomes": (
        QUIET, {0: LONG, 1: SHORT}, [(2, RATE), (2.5, RATE)], {}, [(2, 1, 100, PAID), (2.5, -1, 100, -PAID)],
    ),
    "a stamp is floored to its minute": (
        QUIET, {0: LONG}, [(2 + 30 * SECOND, RATE), (3 + 90 * SECOND, RATE)], {},
        [(2, 1, 100, PAID), (3 + 60 * SECOND, 1, 100, PAID)],
    ),
    "in a hole, at the last close, before the next open": (
        [FLAT, (100, 106, 99, 105), None, None, UP, UP], {0: LONG, 1: OUT}, [(2.5, RATE), (3, RATE), (4, RATE)], {},
        [(2.5, 1, 105, -105 * RATE), (3, 1, 105, -105 * RATE), (4, 1, 110, -110 * RATE)],
    ),
    "in a hole at the given mark": (
        [FLAT, FLAT, None, FLAT], {0: LONG}, [(2, RATE, 120.0)], {}, [(2, 1, 120, -120 * RATE)],
    ),
    "who enters after a hole has not paid in it": ([FLAT, None, FLAT, FLAT], {0: LONG}, [(1, RATE)], {}, []),
    "before the first bar and after the last": (
        [None, FLAT, FLAT, FLAT], {1: LONG}, [(0, RATE), (3.5, RATE), (4, RATE), (9, RATE)], {}, [(3.5, 1, 100, PAID)],
    ),
    "several in one bar": (
        QUIET, {0: LONG}, [(2, RATE), (2.25, -RATE), (2.5, RATE)], {},
        [(2, 1, 100, PAID), (2.25, 1, 100, -PAID), (2.5, 1, 100, PAID)],
    ),
    "a rate of nothing is a payment of nothing": (QUIET, {0: LONG}, [(2, 0.0)], {}, [(2, 1, 100, 0)]),
    "spot pays nothing": (QUIET, {0: LONG}, [(2, RATE)], {"rules": {"category": "spot"}}, []),
    "funding may be left out": (QUIET, {0: LONG}, [(2, RATE)], {"costs": {"funding": False}}, []),
    "a pending entry pays nothing inside the bar of its fill": (
        [FLAT, DROP, FLAT], {0: long(entry_limit=98.0)}, [(1.25, RATE), (2, RATE)], {}, [(2, 1, 100, PAID)],
    ),
    "nor does what it adds": (
        [FLAT, FLAT, DROP, FLAT], {0: LONG, 1: long(entry_limit=98.0, size=2.0)}, [(2.5, RATE), (3, RATE)],
        {"execution": {"pyramiding": 1}}, [(2.5, 1, 100, PAID), (3, 3, 100, 3 * PAID)],
    ),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", PAYMENTS)
def test_payment(name: str, engine: str) -> None:
    bars, signals, stamps, settings, expected = PAYMENTS[name]
    outcome = told(alone(bars, signals, funding=[("A", *stamp) for stamp in stamps], **settings), engine)
    found = [((row["ts"] - START) / HOUR, row["qty"], row["mark"], row["amount"]) for row in outcome.payments]
    assert found == [(pytest.approx(hours), *rest) for hours, *rest in expected]
    profit = sum(row["qty"] * row["price"] * (1 if row["side"] == "sell" else -1) for row in outcome.fills)
    assert outcome.equity[-1]["equity"] == 10_000 + profit + sum(amount for *_, amount in expected)


MINUTES = {0: (100.0, 101.0, 98.0, 99.0), 20: (99.0, 100.0, 94.0, 97.0), 40: (97.0, 99.0, 96.0, 98.0)}

# name: signals, funding as (hour, rate), payments as (hour, quantity, mark): bar 1 falls to 94 in its minute 20
DRILLED: dict[str, tuple[dict[int, Row], list[tuple[float, float]], list[Any]]] = {
    "at the open of its minute": ({0: LONG}, [(1 + 20 / 60, RATE)], [(1 + 20 / 60, 1, 99)]),
    "at the bar's where there is no such minute": ({0: LONG}, [(1.5, RATE)], [(1.5, 1, 100)]),
    "before the stop, and in its very minute": (
        {0: long(stop_price=95.0)}, [(1.25, RATE), (1 + 20 / 60, RATE)], [(1.25, 1, 100), (1 + 20 / 60, 1, 99)],
    ),
    "no more after the stop": ({0: long(stop_price=95.0)}, [(1.25, RATE), (1.5, RATE)], [(1.25, 1, 100)]),
    "a pending entry pays after its minute": (
        {0: long(entry_limit=96.0)}, [(1.25, RATE), (1 + 20 / 60, RATE), (1 + 40 / 60, RATE)], [(1 + 40 / 60, 1, 97)],
    ),
    "a stamp in a hole counts at the last close, whatever the minutes say": ({0: LONG}, [(2.5, RATE)], [(2.5, 1, 100)]),
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("name", DRILLED)
def test_payment_drilled(name: str, engine: str) -> None:
    signals, stamps, expected = DRILLED[name]
    bars: list[Bar] = [FLAT, DROP, None, FLAT]
    detail = {1: MINUTES, 2: {30: FLAT}}
    case = alone(bars, signals, funding=[("A", *stamp) for stamp in stamps], detail=detail)
    found = [((row["ts"] - START) / HOUR, row["qty"], row["mark"]) for row in told(case, engine).payments]
    assert found == [(pytest.approx(hours), *rest) for hours, *rest in expected]


@each_engine
def test_payments_go_by_time_then_symbol(engine: str) -> None:
    bars: dict[str, list[Bar]] = {"A": [FLAT, FLAT, None, FLAT], "B": [FLAT] * 4}
    stamps = [("A", 3, RATE), ("B", 3, RATE), ("A", 2.5, RATE), ("B", 2.5, RATE)]
    outcome = told(scene(bars, {"A": {0: LONG}, "B": {0: LONG}}, funding=stamps), engine)
    found = [((row["ts"] - START) / HOUR, row["symbol"], row["trade"]) for row in outcome.payments]
    assert found == [(2.5, "B", 2), (2.5, "A", 1), (3, "A", 1), (3, "B", 2)]


@each_engine
def test_sizes_and_room_follow_what_was_paid(engine: str) -> None:
    signals = {"A": {0: long(size=0.5)}, "B": {1: LONG}}
    account = {"sizing": "equity", "size": 1.0}
    case = scene({"A": QUIET, "B": QUIET}, signals, account=account, funding=[("A", 2, RATE)])
    outcome = told(case, engine)
    assert told_fills(outcome, "hour", "symbol", "qty")[:2] == [(1, "A", 50), (2, "B", 46.875)]  # 312.50 was paid


@each_engine
def test_funding_may_ruin(engine: str) -> None:
    outcome = told(alone(QUIET, {0: short(size=90.0)}, funding=[("A", 2, -0.5, 300.0)]), engine)
    assert told_fills(outcome, "hour", "reason") == [(1, "signal"), (2, "ruin")]
    assert (outcome.status, outcome.equity[-1]["equity"]) == ("ruined", 10_000 - 90 * 300 / 2)
