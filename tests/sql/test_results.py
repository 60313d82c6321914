"""What happened in a run, as views: given these fills and days, expect these trades, positions, returns, drawdowns."""

from datetime import date, timedelta
from typing import Any

import pytest

from bt import assets
from bt.warehouse import query, registered, scratch
from tests.sql.given import FIRST_DAY, START, Row, account, frames, holding, near, rows

HOURS = [START + timedelta(hours=hour) for hour in range(8)]


def fill(n: int, side: str, qty: float, price: float, **more: Any) -> Row:
    """Give a fill in bar n; its reference is its price unless said."""
    return {"n": n, "ts": HOURS[n], "bar": n, "side": side, "qty": qty, "price": price, "reference": price, **more}


def leaving(n: int, side: str, qty: float, price: float, **more: Any) -> Row:
    return fill(n, side, qty, price, **{"opens": False, "worst": price, "best": price} | more)


LONG = [
    fill(1, "buy", 2.0, 100.5, reference=100.0, fee=0.5, slippage=1.0, stop=95.5),
    leaving(
        3, "sell", 2.0, 95.0, reference=95.5, fee=0.25, slippage=1.0, kind="stop", reason="stop",
        worst=95.0, best=104.0, ambiguous=True, gap_overlap=True,
    ),
]  # fmt: skip
SHORT = [
    fill(1, "sell", 2.0, 100.0, stop=105.0),
    leaving(2, "buy", 2.0, 90.0, kind="limit", reason="take", worst=102.0, best=90.0),
]
PYRAMID = [
    fill(1, "buy", 1.0, 100.0, stop=90.0),
    fill(2, "buy", 3.0, 104.0, stop=99.0),
    leaving(3, "sell", 4.0, 109.0, worst=98.0),
]
TWO_EXITS = [
    fill(1, "buy", 4.0, 100.0),
    leaving(2, "sell", 3.0, 110.0, kind="limit", reason="take", best=111.0),
    leaving(5, "sell", 1.0, 90.0, kind="stop", reason="stop", worst=89.0, best=111.0),
]
REBALANCED = [
    fill(1, "buy", 2.0, 100.0, fee=1.0),
    fill(2, "buy", 4.0, 105.0, reason="rebalance", fee=1.0, slippage=0.5, reference=104.875),
    leaving(3, "sell", 3.0, 108.0, reason="rebalance", worst=99.0, best=110.0, fee=1.0),
    fill(4, "buy", 2.0, 102.0, reason="rebalance", fee=1.0),
    leaving(6, "sell", 5.0, 104.8, worst=97.0, best=112.0, fee=1.0),
]

TRADES: dict[str, tuple[dict[str, list[Row]], Row]] = {
    "a long that is stopped": (
        {"fills": LONG},
        {
            "symbol": "X", "side": "long", "qty": 2.0, "entry_ts": HOURS[1], "entry_price": 100.5, "exit_ts": HOURS[3],
            "exit_price": 95.0, "entry_kind": "market", "entry_reason": "signal", "exit_kind": "stop",
            "exit_reason": "stop", "bars": 2, "is_open": False, "fees": 0.75, "slippage": 2.0, "funding": 0.0,
            "gross": -9.0, "pnl": -11.75, "return": -11.75 / 201, "r": -11.75 / 10, "mae": 95 / 100.5 - 1,
            "mfe": 104 / 100.5 - 1, "ambiguous": True, "gap_overlap": True,
        },
    ),
    "a short that takes its target, and funding in two parts": (
        {"fills": SHORT, "funding_payments": [{"amount": 0.5}, {"ts": HOURS[1], "amount": -0.25}]},
        {
            "side": "short", "qty": 2.0, "entry_price": 100.0, "exit_price": 90.0, "exit_kind": "limit",
            "exit_reason": "take", "bars": 1, "funding": 0.25, "gross": 20.0, "pnl": 20.25, "return": 0.10125,
            "r": 2.025, "mae": -0.02, "mfe": 0.1, "ambiguous": False, "gap_overlap": False,
        },
    ),
    "funding of another run, symbol or trade is not its own": (
        {"fills": SHORT, "funding_payments": [{"run_id": "b", "amount": 1.0}, {"trade": 2, "amount": 1.0}]},
        {"funding": 0.0, "pnl": 20.0},
    ),
    "two entries: prices and risk by quantity": (
        {"fills": PYRAMID},
        {
            "qty": 4.0, "entry_ts": HOURS[1], "entry_price": 103.0, "bars": 2, "pnl": 24.0, "return": 24 / 412,
            "r": 24 / 25, "mae": 98 / 103 - 1, "mfe": 109 / 103 - 1,
        },
    ),
    "two exits: the last one names the reason": (
        {"fills": TWO_EXITS},
        {
            "qty": 4.0, "exit_ts": HOURS[5], "exit_price": 105.0, "exit_kind": "stop", "exit_reason": "stop", "bars": 4,
            "pnl": 20.0, "r": None, "mae": 89 / 100 - 1, "mfe": 111 / 100 - 1, "is_open": False,
        },
    ),
    "thirds that do not add up exactly are flat all the same": (
        {"fills": [fill(1, "buy", 0.3, 1.0), leaving(2, "sell", 0.1, 1.0), leaving(3, "sell", 0.2, 1.0)]},
        {"is_open": False},
    ),
    "open: no exit, no profit": (
        {"fills": LONG[:1]},
        {
            "qty": 2.0, "is_open": True, "exit_ts": None, "exit_price": None, "exit_kind": None, "exit_reason": None,
            "bars": None, "fees": 0.5, "slippage": 1.0, "gross": None, "pnl": None, "return": None, "r": None,
            "mae": None, "mfe": None, "ambiguous": False, "gap_overlap": False,
        },
    ),
    "partly exited: open, without a profit yet": (
        {"fills": TWO_EXITS[:2]},
        {"is_open": True, "exit_ts": HOURS[2], "exit_price": 110.0, "bars": 1, "gross": None, "pnl": None, "r": None},
    ),
    "added to, reduced, added to again and closed: all entries and all exits by quantity": (
        {"fills": REBALANCED, "funding_payments": [{"ts": HOURS[2], "amount": -1.5}, {"ts": HOURS[4], "amount": 0.5}]},
        {
            "qty": 8.0, "entry_ts": HOURS[1], "entry_price": 103.0, "exit_ts": HOURS[6], "exit_price": 106.0,
            "entry_reason": "signal", "exit_reason": "signal", "bars": 5, "is_open": False, "fees": 5.0,
            "slippage": 0.5, "funding": -1.0, "gross": 24.5, "pnl": 18.0, "return": 18 / 824,
            "r": None, "mae": 97 / 103 - 1, "mfe": 112 / 103 - 1,
        },
    ),
    "the same, not closed yet: costs so far, no profit": (
        {"fills": REBALANCED[:4], "funding_payments": [{"ts": HOURS[2], "amount": -1.5}]},
        {
            "qty": 8.0, "entry_price": 103.0, "exit_ts": HOURS[3], "exit_price": 108.0, "exit_reason": "rebalance",
            "is_open": True, "fees": 4.0, "slippage": 0.5, "funding": -1.5, "gross": None, "pnl": None, "return": None,
            "r": None,
        },
    ),
    "an add with a stop of its own: R of both risks, short": (
        {
            "fills": [
                fill(1, "sell", 1.0, 100.0, stop=110.0),
                fill(2, "sell", 1.0, 90.0, stop=95.0, kind="limit"),
                leaving(3, "buy", 2.0, 80.0, worst=101.0, best=79.0),
            ]
        },
        {"entry_price": 95.0, "entry_kind": "market", "pnl": 30.0, "r": 2.0, "mae": 1 - 101 / 95, "mfe": 1 - 79 / 95},
    ),
    "an add without a stop: no R": (
        {"fills": [fill(1, "buy", 1.0, 10.0, stop=9.0), fill(2, "buy", 1.0, 11.0), leaving(3, "sell", 2.0, 12.0)]},
        {"pnl": 3.0, "r": None},
    ),
    "liquidated": (
        {
            "fills": [
                fill(1, "buy", 10.0, 100.0),
                leaving(2, "sell", 10.0, 90.0, reference=90.5, kind="stop", reason="liquidation", slippage=5.0),
            ]
        },
        {"exit_kind": "stop", "exit_reason": "liquidation", "gross": -95.0, "pnl": -100.0, "mae": -0.1},
    ),
    "no stop: no R": ({"fills": [fill(1, "buy", 1.0, 10.0), leaving(2, "sell", 1.0, 11.0)]}, {"pnl": 1.0, "r": None}),
    "the price never went against it": (
        {"fills": [fill(1, "buy", 3.0, 0.1), leaving(2, "sell", 3.0, 0.2, worst=0.1)]},
        {"entry_price": 0.1, "exit_price": 0.2, "mae": 0.0, "mfe": 1.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRADES)
def test_trade(name: str) -> None:
    given, expected = TRADES[name]

    (trade,) = rows(holding(**given), "from trades")

    assert {column: trade[column] for column in expected} == near(expected)


def test_trades_of_runs_and_symbols_do_not_mix() -> None:
    others = [{**row, "run_id": "b", "symbol": "Y", "qty": 5.0} for row in SHORT]

    found = holding(fills=[*LONG, *others]).query("select run_id, symbol, side, qty from trades order by run_id").rows()

    assert found == [("a", "X", "long", 2.0), ("b", "Y", "short", 5.0)]


def test_order_of_rows_does_not_matter() -> None:
    given = [fill(n, "buy", 0.1 * n, 0.7 * n) for n in range(1, 7)] + [leaving(7, "sell", 2.1, 3.3)]

    assert rows(holding(fills=given), "from trades") == rows(holding(fills=given[::-1]), "from trades")


def test_trades_of_a_run_that_is_not_stored() -> None:
    definition = (assets.folder("sql") / "4_results" / "trades.sql").read_text(encoding="utf-8")
    given = frames(fills=[*LONG, fill(4, "sell", 1.0, 5.0, trade=2, symbol="Y")], funding_payments=[{"amount": 3.0}])

    with scratch() as connection, registered(connection, **given):
        connection.execute(definition)
        found = query(connection, "select trade, pnl, is_open from trades order by trade").rows()

    assert found == [(1, -8.75, False), (2, None, True)]


def test_positions() -> None:
    given = [
        *TWO_EXITS,
        fill(6, "sell", 2.0, 50.0, trade=2),
        fill(3, "sell", 7.0, 1.0, symbol="Y", trade=3, run_id="b"),
    ]

    found = holding(fills=given).query("select run_id, n, symbol, trade, qty from positions order by run_id, n").rows()

    assert found == [
        ("a", 1, "X", 1, 4.0),
        ("a", 2, "X", 1, 1.0),
        ("a", 5, "X", 1, 0.0),
        ("a", 6, "X", 2, -2.0),
        ("b", 3, "Y", 3, -7.0),
    ]


def test_a_flat_position_is_exactly_nothing() -> None:
    given = [fill(1, "buy", 0.3, 1.0), leaving(2, "sell", 0.1, 1.0), leaving(3, "sell", 0.2, 1.0)]

    found = holding(fills=given).query("select qty from positions order by n")["qty"].to_list()

    assert found == [0.3, pytest.approx(0.2), 0.0]


RETURNS: dict[str, tuple[list[float], list[tuple[float | None, float]]]] = {
    "the first from the start cash, drawdown below it too": ([900.0, 1080.0], [(-0.1, -0.1), (0.2, 0.0)]),
    "drawdown from the highest end of a day": ([1200.0, 600.0, 900.0], [(0.2, 0.0), (-0.5, -0.5), (0.5, -0.25)]),
    "ruined: the last return, then none": ([500.0, -10.0, -10.0], [(-0.5, -0.5), (-1.02, -1.01), (None, -1.01)]),
    "ruined to exactly nothing": ([0.0, 0.0], [(-1.0, -1.0), (None, -1.0)]),
}


@pytest.mark.parametrize("name", RETURNS)
def test_returns(name: str) -> None:
    equities, expected = RETURNS[name]

    found = holding(days=account(equities)).query("select return, close_drawdown from returns order by day")

    assert found.rows() == near(expected)


def test_returns_of_trials_do_not_mix() -> None:
    given = [
        *account([1100.0, 1210.0]),
        *account([500.0, 250.0], part="in", fold=1, trial=1),
        *account([250.0, 500.0], part="in", fold=1, trial=2),
        *account([100.0], start=200.0, part="out", fold=1, trial=2),
        *account([2000.0], run_id="b"),
    ]

    found = holding(days=given).query("select run_id, part, trial, return from returns order by all").rows()

    assert found == near([
        ("a", "in", 1, -0.5),
        ("a", "in", 1, -0.5),
        ("a", "in", 2, -0.75),
        ("a", "in", 2, 1.0),
        ("a", "out", 2, -0.5),
        ("a", "run", 0, 0.1),
        ("a", "run", 0, 0.1),
        ("b", "run", 0, 1.0),
    ])  # fmt: skip


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number - 1)


DRAWDOWNS: dict[str, tuple[list[float], list[tuple[date, date, date | None, float, int]]]] = {
    "never down": ([1000.0, 1100.0, 1100.0, 1200.0], []),
    "down and up again": ([1100.0, 990.0, 550.0, 880.0, 1200.0], [(day(1), day(3), day(5), -0.5, 4)]),
    "not recovered": ([1000.0, 900.0, 950.0], [(day(1), day(2), None, -0.1, 2)]),
    "down from the start cash": ([500.0, 600.0, 1001.0], [(day(1), day(1), day(3), -0.5, 2)]),
    "waiting at the high is no drawdown": (
        [1000.0, 1000.0, 1000.0, 800.0, 1100.0],
        [(day(3), day(4), day(5), -0.2, 2)],
    ),
    "two, and the same depth twice in one": (
        [2000.0, 1000.0, 1500.0, 1000.0, 2500.0, 2000.0],
        [(day(1), day(2), day(5), -0.5, 4), (day(5), day(6), None, -0.2, 1)],
    ),
}


@pytest.mark.parametrize("name", DRAWDOWNS)
def test_drawdowns(name: str) -> None:
    equities, expected = DRAWDOWNS[name]
    columns = "peak_day, trough_day, recovered_day, depth, days"

    found = holding(days=account(equities)).query(f"select {columns} from drawdowns order by peak_day")

    assert found.rows() == near(expected)


def test_a_drawdown_counts_every_close_of_a_day() -> None:
    given = account([1100.0, 1050.0, 1200.0])
    given[1]["drawdown"] = -0.3  # at noon

    (found,) = rows(holding(days=given), "select depth, trough_day from drawdowns")

    assert found == {"depth": -0.3, "trough_day": day(2)}


def test_drawdowns_of_trials_do_not_mix() -> None:
    given = [*account([900.0, 1100.0]), *account([800.0, 700.0], part="in", fold=1, trial=1)]

    found = holding(days=given).query("select part, depth, recovered_day from drawdowns order by part").rows()

    assert found == near([("in", -0.3, None), ("run", -0.1, day(2))])
