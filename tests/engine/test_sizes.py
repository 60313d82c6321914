"""Sizes, prices, fees and cash by hand: what a fill costs to the last cent, and when an order shrinks or falls away.

The signal is known at the close of bar 0 and fills at the open of bar 1, at 100 before costs; cash is 10,000.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import bt
from tests.engine.scenes import (
    FLAT,
    LONG,
    SHORT,
    Ohlc,
    Row,
    alone,
    each_engine,
    exits,
    long,
    scene,
    short,
    told,
    told_fills,
    told_refusals,
)

RISK = {"sizing": "risk", "size": 0.01}
QUANTITY = {"sizing": "quantity", "size": 7.0}
EQUITY = {"sizing": "equity", "size": 0.4}
ALL = {"sizing": "equity", "size": 1.0}
STOP = long(stop_price=95.0)
LAST = ("end_of_data", "market")
TAKE = long(take_price=110.0)
SLIPPED = {"slippage": 0.01}  # buys at 101, sells at 99

# name: signal, account, costs, quantity
SIZES: dict[str, tuple[Row, Row, Row, float]] = {
    "risk: 100 lost over 5 a unit": (STOP, RISK, {}, 20),
    "risk of a short": (short(stop_price=104.0), RISK, {}, 25),
    "risk from the slipped fill": (STOP, RISK, SLIPPED, 10_000 * 0.01 / 6),
    "risk with a distance from the slipped fill": (long(stop_distance=5.0), RISK, SLIPPED, 20),
    "risk with a trail alone": (long(trail_distance=4.0), RISK, {}, 25),
    "risk to the stop, though the trail is nearer": (STOP | {"trail_distance": 2.0}, RISK, {}, 20),
    "risk times the signal's size": (STOP | {"size": 0.5}, RISK, {}, 10),
    "share of equity": (LONG, EQUITY, {}, 40),
    "share of equity at the slipped fill": (LONG, EQUITY, SLIPPED, 10_000 * 0.4 / 101),
    "share of equity times the signal's size": (long(size=1.5), EQUITY, {}, 60),
    "quote amount": (LONG, {"sizing": "notional", "size": 3_000.0}, {}, 30),
    "quantity": (LONG, QUANTITY, {}, 7),
}


@pytest.mark.parametrize("name", SIZES)
def test_size(name: str) -> None:
    signal, account, costs, quantity = SIZES[name]
    case = alone([FLAT, FLAT, FLAT], {0: signal}, account=account, costs=costs)
    simulation = case.simulate()
    assert simulation.fills["qty"].to_list() == [quantity, quantity]
    assert simulation.rejections.is_empty()


CAPPED = {"taker": 0.001}
MOST = 10_000 / 1.001 / 100  # what 10,000 buys with room for the fee

# name: signal, account, costs, rules, quantity filled (0 = none), refusal as (reason, wanted, granted)
LIMITS: dict[str, tuple[Row, Row, Row, Row, float, tuple[str, float | None, float] | None]] = {
    "no more than the money buys": (LONG, ALL, CAPPED, {}, MOST, ("cash", 100, MOST)),
    "on spot likewise": (LONG, ALL, CAPPED, {"category": "spot"}, MOST, ("cash", 100, MOST)),
    "shrunk to the step": (LONG, ALL, CAPPED, {"qty_step": 0.5}, 99.5, ("cash", 100, 99.5)),
    "shrunk below the least quantity": (LONG, ALL, CAPPED, {"min_qty": 99.95}, 0, ("min_qty", 100, 0)),
    "a step is no refusal": (long(size=0.999), EQUITY, {}, {"qty_step": 0.25}, 39.75, None),
    "a quantity on the step stays": (LONG, QUANTITY | {"size": 0.3}, {}, {"qty_step": 0.1}, 0.3, None),  # 2.99… steps
    "less than a step": (LONG, EQUITY, {}, {"qty_step": 50.0}, 0, ("min_qty", 40, 0)),
    "the least quantity": (LONG, EQUITY, {}, {"min_qty": 40.0}, 40, None),
    "below the least quantity": (LONG, EQUITY, {}, {"min_qty": 40.5}, 0, ("min_qty", 40, 0)),
    "the least notional": (LONG, EQUITY, {}, {"min_notional": 4_000.0}, 40, None),
    "the least notional but for rounding": (LONG, EQUITY, {}, {"min_notional": 4_000.000001}, 40, None),
    "below the least notional": (LONG, EQUITY, {}, {"min_notional": 4_000.5}, 0, ("min_notional", 40, 0)),
    "a refusal before the size knows no quantity": (
        long(stop_price=101.0),
        EQUITY,
        {},
        {},
        0,
        ("stop_side", None, 0),
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    signal, account, costs, rules, quantity, refusal = LIMITS[name]
    simulation = alone([FLAT, FLAT, FLAT], {0: signal}, account=account, costs=costs, rules=rules).simulate()
    assert simulation.fills["qty"].head(1).to_list() == ([quantity] if quantity else [])
    assert simulation.rejections.select("reason", "wanted", "granted").rows() == ([refusal] if refusal else [])


# name: signal, account, share, rules, volume of the fill's bar, quantity filled, refusal as (reason, wanted, granted)
VOLUMES: dict[str, tuple[Row, Row, float | None, Row, float, float, tuple[str, float, float] | None]] = {
    "a share of the volume": (LONG, QUANTITY, 0.5, {}, 10.0, 5, ("volume", 7, 5)),
    "enough of it": (LONG, QUANTITY, 0.5, {}, 14.0, 7, None),
    "nobody asked": (LONG, QUANTITY, None, {}, 1.0, 7, None),
    "no volume at all": (LONG, QUANTITY, 1.0, {}, 0.0, 0, ("volume", 7, 0)),
    "floored to the step": (LONG, QUANTITY, 0.5, {"qty_step": 2.0}, 10.0, 4, ("volume", 7, 4)),
    "shrunk below the least quantity": (LONG, QUANTITY, 0.5, {"min_qty": 6.0}, 10.0, 0, ("min_qty", 7, 0)),
    "money is scarcer": (long(size=30.0), QUANTITY, 0.5, {}, 300.0, 100, ("cash", 210, 100)),
    "volume is scarcer": (long(size=30.0), QUANTITY, 0.5, {}, 100.0, 50, ("volume", 210, 50)),
    "both alike is for want of money": (long(size=30.0), QUANTITY, 0.5, {}, 200.0, 100, ("cash", 210, 100)),
    "a pending entry": (long(entry_limit=100.0), QUANTITY, 0.5, {}, 10.0, 5, ("volume", 7, 5)),
}


@each_engine
@pytest.mark.parametrize("name", VOLUMES)
def test_volume(name: str, engine: str) -> None:
    signal, account, share, rules, volume, quantity, refusal = VOLUMES[name]
    bars = [FLAT, (*FLAT, volume), FLAT]
    case = alone(bars, {0: signal}, account=account, rules=rules, execution={"max_volume_share": share})
    outcome = told(case, engine)
    assert told_fills(outcome, "qty") == ([(quantity,)] * 2 if quantity else [])  # the exit is not bound
    assert told_refusals(outcome, "reason", "wanted", "granted") == ([refusal] if refusal else [])


UP: Ohlc = (110.0, 111.0, 109.0, 110.0)


def test_size_and_room_come_from_the_opens_of_the_fill_bar() -> None:
    bars = {"A": [FLAT, FLAT, (110.0, 140.0, 109.0, 130.0), UP], "B": [FLAT, FLAT, FLAT, FLAT]}
    case = scene(bars, {"A": {0: long(size=2.0)}, "B": {1: LONG}}, account=EQUITY)
    assert quantities(case.simulate()) == [("A", 80), ("B", 20)]  # equity 10,800: wants 43.2, room for 10,800 - 8,800
    assert case.simulate().rejections.select("wanted", "granted").rows() == [(10_800 * 0.4 / 100, 20)]


def test_a_symbol_without_a_bar_counts_at_its_last_close() -> None:
    bars = {"A": [FLAT, (100, 120, 99, 120), None, UP], "B": [FLAT, FLAT, FLAT, FLAT]}
    case = scene(bars, {"A": {0: LONG}, "B": {1: LONG}}, account=EQUITY)
    assert quantities(case.simulate()) == [("A", 40), ("B", 10_800 * 0.4 / 100)]


def test_spot_cannot_be_paid_with_profit_that_is_not_in_cash() -> None:
    bars = {"A": [FLAT, FLAT, (30.0, 31.0, 29.0, 30.0), FLAT], "B": [FLAT] * 4}
    signals = {"A": {0: short(size=50.0)}, "B": {1: long(size=120.0)}}  # equity 13,500, gross 1,500, cash 10,000
    simulation = scene(bars, signals, instruments={"B": {"category": "spot"}}).simulate()
    assert quantities(simulation) == [("A", 50), ("B", 100)]


def quantities(simulation: bt.Simulation) -> list[tuple[Any, ...]]:
    return simulation.fills.filter("opens").select("symbol", "qty").rows()


TENTH, HALF = {"tick_size": 0.1}, {"tick_size": 0.5}
TARGET = 1101 * 0.1  # 110.10000000000001
TOUCH: Ohlc = (100.0, 110.1, 99.0, 100.0)
OFF: Ohlc = (100.1, 101.0, 99.0, 1003 * 0.1)  # closes at 100.30000000000001
WIDE: Ohlc = (100.0, 112.0, 94.0, 100.0)
LIMIT = {"take_fill": "limit"}

# name: signal, bar 2, costs, execution, rules, entry price, exit as (price, reason, kind)
PRICES: dict[str, tuple[Row, Ohlc, Row, Row, Row, float, tuple[float, str, str]]] = {
    "slippage on both sides": (LONG, FLAT, SLIPPED, {}, {}, 101, (99, *LAST)),
    "slippage of a short": (SHORT, FLAT, SLIPPED, {}, {}, 99, (101, *LAST)),
    "rounded away from the trader": (LONG, FLAT, {"slippage": 0.0001}, {}, TENTH, 100.1, (99.9, *LAST)),
    "a price on the grid stays": (SHORT, OFF, {}, {}, TENTH, 100, (100.3, *LAST)),
    "slippage in ticks": (LONG, FLAT, {"slippage_ticks": 2}, {}, TENTH, 100.2, (99.8, *LAST)),
    "slippage in ticks without a tick": (LONG, FLAT, {"slippage_ticks": 2}, {}, {}, 100, (100, *LAST)),
    "a stop slips": (STOP, WIDE, SLIPPED, {}, {}, 101, (95 * 0.99, "stop", "stop")),
    "a target at market slips": (TAKE, UP, SLIPPED, {}, {}, 101, (110 * 0.99, "take", "market")),
    "a target at its limit does not": (TAKE, UP, SLIPPED, LIMIT, {}, 101, (110, "take", "limit")),
    "a high equal to the target is a touch": (
        long(take_price=TARGET), TOUCH, {}, {}, TENTH, 100, (110.1, "take", "market"),
    ),
    "so it is with a distance": (  # 7 ticks: entered at 100.7, and in doubles 100.7 + 9.4 is above 110.1
        long(take_distance=9.4), TOUCH, {"slippage_ticks": 7}, {}, TENTH, 100.7, (109.4, "take", "market"),
    ),
    "a target at its limit goes down to the tick": (
        long(take_price=105.0), (110.25, 111, 109, 110), {}, LIMIT, HALF, 100, (110, "take", "limit"),
    ),
    "a level goes to the nearest tick": (long(stop_price=95.04), WIDE, {}, {}, TENTH, 100, (95, "stop", "stop")),
    "a long's stop between two ticks goes down": (
        long(stop_price=95.25), WIDE, {}, {}, HALF, 100, (95, "stop", "stop"),
    ),
    "a long's target between two ticks goes down": (
        long(take_price=105.25), WIDE, {}, {}, HALF, 100, (105, "take", "market"),
    ),
    "a short's stop between two ticks goes up": (
        short(stop_price=104.75), WIDE, {}, {}, HALF, 100, (105, "stop", "stop"),
    ),
    "a short's target between two ticks goes up": (
        short(take_price=94.75), WIDE, {}, {}, HALF, 100, (95, "take", "market"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRICES)
def test_price(name: str) -> None:
    signal, last, costs, execution, rules, entry, expected = PRICES[name]
    case = alone([FLAT, FLAT, last], {0: signal}, costs=costs, execution=execution, rules=rules)
    found = case.simulate().fills
    assert found["price"][0] == entry
    assert found.select("price", "reason", "kind").row(1) == expected
    assert found["slippage"].to_list() == [abs(row["price"] - row["reference"]) for row in found.to_dicts()]


def test_a_large_price_has_its_grid_too() -> None:
    bars: list[Ohlc | None] = [FLAT, *[(50_000_000.004,) * 4] * 2]
    found = alone(bars, {0: long(size=1e-4)}, rules={"tick_size": 0.01}).simulate().fills
    assert found["price"].to_list() == [50_000_000.01, 50_000_000]  # 5,000,000,000.4 ticks


def test_a_large_quantity_on_the_step_stays() -> None:
    bars: list[Ohlc | None] = [FLAT, *[(1e-5,) * 4] * 2]
    found = alone(bars, {0: long(size=80_000_000.3)}, rules={"qty_step": 0.1}).simulate().fills
    assert found["qty"][0] == 80_000_000.3  # in doubles 800,000,002.9999999 steps


def test_without_a_tick_prices_compare_as_they_are() -> None:
    case = alone([FLAT, FLAT, TOUCH], {0: long(take_price=TARGET)})
    assert exits(case) == [(2, 100, "end_of_data")]


# name: category, costs, execution, fee rate of the entry, of the exit at the target
FEES: dict[str, tuple[str | None, bt.Costs, Row, float, float]] = {
    "linear by default": ("linear", bt.Costs(slippage=0), {}, 0.00055, 0.00055),
    "an unknown category is linear": (None, bt.Costs(slippage=0), {}, 0.00055, 0.00055),
    "spot by default": ("spot", bt.Costs(slippage=0), {}, 0.001, 0.001),
    "a limit pays the maker fee": ("linear", bt.Costs(slippage=0), {"take_fill": "limit"}, 0.00055, 0.0002),
    "given fees hold for every category": (
        "spot",
        bt.Costs(taker=0.002, maker=0.0, slippage=0),
        {"take_fill": "limit"},
        0.002,
        0,
    ),
}


@pytest.mark.parametrize("name", FEES)
def test_fee(name: str) -> None:
    category, costs, execution, entry, exit_ = FEES[name]
    bars, signals = alone([FLAT, FLAT, UP], {0: long(take_price=110.0)}).frames()
    simulation = bt.simulate(
        bars, signals, account=bt.Account(sizing="quantity", size=2.0), costs=costs,
        execution=bt.Execution(**execution), instruments=pl.DataFrame({"symbol": ["A"], "category": [category]}),
    )  # fmt: skip
    assert simulation.fills["fee"].to_list() == [2 * 100 * entry, 2 * 110 * exit_]


def test_linear_contracts_settle_at_the_exit_and_spot_pays_at_once() -> None:
    costs, signals = {"taker": 0.01}, {0: long(size=10.0), 2: {"exit_long": True}}
    for category, cash in (("linear", [10_000, 9_990, 9_990, 10_079]), ("spot", [10_000, 8_990, 8_990, 10_079])):
        case = alone([FLAT, FLAT, UP, UP], signals, costs=costs, rules={"category": category})
        account = case.simulate().equity
        assert account["cash"].to_list() == cash
        assert account["equity"].to_list() == [10_000, 9_990, 10_090, 10_079]
        assert account["gross"].to_list() == account["net"].to_list() == [0, 1_000, 1_100, 0]


def test_what_a_fill_tells_of_its_trade() -> None:
    bars: list[Ohlc | None] = [FLAT, (100, 104, 97, 103), None, (103, 109, 98, 105), (105, 120, 94, 100), FLAT]
    signal = long(stop_price=95.0, trail_distance=4.0)
    simulation = alone(bars, {0: signal}, gaps=[("A", 2, 2)]).simulate()
    names = ("bar", "trade", "opens", "stop", "worst", "best", "gap_overlap")
    assert simulation.fills.select(names).rows() == [
        (1, 1, True, 95, None, None, False),  # the trail is nearer, but the stop is what was risked
        (2, 1, False, None, 97, 104, True),  # trail 100 in the symbol's third bar: bars held, then the exit's own price
    ]
