"""What charts are drawn from: given these candles, equities and trades, expect these buckets, lists and closeups."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sql.given import START, Row, holding, near, rows

MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def candle(minute: int, price: float, **more: Any) -> Row:
    return {"ts": at(minute), "open": price, "high": price, "low": price, "close": price, **more}


def run(minutes: int, **more: Any) -> list[Row]:
    """Give the head of a run of `minutes` minutes on 1-minute bars of X."""
    return [{"timeframe": "1m", "first_ts": START, "end_ts": at(minutes), **more}]


def test_candles_of_the_span_in_buckets() -> None:
    candles = [
        candle(-1, 99.0),  # before the span
        candle(0, 10.0, high=12.0), candle(1, 11.0, low=8.0, close=9.0),
        candle(4, 20.0),  # the bucket between has no candle
        candle(6, 99.0),  # after it
        candle(0, 5.0, symbol="Y"), candle(0, 1.0, symbol="Z"),
    ]  # fmt: skip
    warehouse = holding(runs=run(6, symbols="X,Y"), candles=candles)
    assert rows(warehouse, "from candle_curve('a', 3) order by symbol, ts") == [
        {"symbol": "X", "ts": at(0), "last_ts": at(1), "open": 10.0, "high": 12.0, "low": 8.0, "close": 9.0},
        {"symbol": "X", "ts": at(4), "last_ts": at(4), "open": 20.0, "high": 20.0, "low": 20.0, "close": 20.0},
        {"symbol": "Y", "ts": at(0), "last_ts": at(0), "open": 5.0, "high": 5.0, "low": 5.0, "close": 5.0},
    ]


def test_equity_in_buckets_keeps_its_extremes() -> None:
    values = [1000.0, 1100.0, 880.0, 990.0, 1210.0, 605.0]
    equity = [
        {"ts": at(place), "equity": value, "gross": value / 2, "net": -value / 4} for place, value in enumerate(values)
    ]
    warehouse = holding(runs=run(6, start_cash=1000.0), equity=equity)
    assert rows(warehouse, "from equity_curve('a', 2) order by ts") == near([
        {"ts": at(0), "first_ts": at(0), "first_equity": 1000.0, "low_ts": at(2), "low_equity": 880.0,
         "high_ts": at(1), "high_equity": 1100.0, "last_ts": at(2), "last_equity": 880.0, "drawdown": -0.2,
         "mean_gross": 0.5, "mean_net": -0.25},
        {"ts": at(3), "first_ts": at(3), "first_equity": 990.0, "low_ts": at(5), "low_equity": 605.0,
         "high_ts": at(4), "high_equity": 1210.0, "last_ts": at(5), "last_equity": 605.0, "drawdown": -0.5,
         "mean_gross": 0.5, "mean_net": -0.25},
    ])  # fmt: skip


def test_equity_of_a_ruined_account_is_drawn_to_its_end() -> None:
    equity = [
        {"ts": at(0), "equity": 500.0, "gross": 250.0},
        {"ts": at(1), "equity": 1e-9, "gross": 1e9},
        {"ts": at(2), "equity": 0.0, "gross": 5.0},
    ]
    found = rows(holding(runs=run(3), equity=equity), "from equity_curve('a', 1)")
    assert [(row["drawdown"], row["mean_gross"], row["mean_net"]) for row in found] == [(-1.0, 0.5, 0.0)]


def test_the_same_from_the_same() -> None:
    equity = [{"ts": at(n), "equity": 1000 + n * 0.1, "gross": n * 1.1, "net": n / 3} for n in range(5000)]
    warehouse = holding(runs=run(5000), equity=equity)
    assert len({str(rows(warehouse, "from equity_curve('a', 7) order by ts")) for _ in range(5)}) == 1


def test_hold_is_buy_and_hold_on_the_way() -> None:
    candles = [
        *(candle(minute, 10.0 + minute) for minute in range(6)),
        candle(2, 50.0, symbol="Y"), candle(3, 100.0, symbol="Y"),  # cash until its first, then as at its last
    ]  # fmt: skip
    warehouse = holding(runs=run(6, symbols="X,Y", start_cash=100.0), candles=candles)
    assert rows(warehouse, "from hold_curve('a', 3) order by ts") == near([
        {"ts": at(0), "last_ts": at(1), "worth": 100 * (1.1 + 1) / 2},
        {"ts": at(2), "last_ts": at(3), "worth": 100 * (1.3 + 2) / 2},
        {"ts": at(4), "last_ts": at(5), "worth": 100 * (1.5 + 2) / 2},
    ])  # fmt: skip
    whole = warehouse.query(f"select return from buy_and_hold('X,Y', timestamp '{START}', timestamp '{at(6)}')")
    assert whole.item() == pytest.approx(0.75)


def traded(number: int, entry: int, leave: int | None, profit: float = 0.0) -> list[Row]:
    fills: list[Row] = [{"n": 2 * number, "trade": number, "ts": at(entry), "price": 100.0}]
    if leave is not None:
        fills.append({
            "n": 2 * number + 1, "trade": number, "ts": at(leave), "side": "sell", "price": 100.0 + profit,
            "opens": False, "worst": 100.0, "best": 100.0,
        })  # fmt: skip
    return fills


TWENTY = [fill for n in range(1, 21) for fill in traded(n, n, n + 1, profit=float((7 * n) % 20))]


@pytest.mark.parametrize(
    ("many", "expected"),
    [
        (20, [*range(1, 21)]),
        (10, [1, 2, 3, 14, 17, 18, 19, 20]),  # three from either end; profits 0, 1 and 19, 18: 20, 3, 17, 14
    ],
)
def test_a_list_of_all_trades_or_of_the_telling_ones(many: int, expected: list[int]) -> None:
    warehouse = holding(runs=run(30), fills=TWENTY)
    found = rows(warehouse, f"select trade, among from listed_trades('a', {many}) order by trade")
    assert [row["trade"] for row in found] == expected
    assert {row["among"] for row in found} == {20}


def test_an_open_trade_is_listed_too() -> None:
    warehouse = holding(runs=run(30), fills=[*traded(1, 1, 2), *traded(2, 3, None)])
    assert rows(warehouse, "from listed_trades('a', 10) order by trade") == [
        {"run_id": "a", "trade": 1, "among": 2}, {"run_id": "a", "trade": 2, "among": 2},
    ]  # fmt: skip


def test_bars_around_a_trade() -> None:
    candles = [candle(minute, float(minute)) for minute in range(1, 200)]
    warehouse = holding(runs=run(200), fills=[*traded(1, 100, 104), *traded(2, 195, None)], candles=candles)
    of_first = rows(warehouse, "from trade_closeups('a', 10) where trade = 1 order by ts")
    assert [row["ts"] for row in of_first] == [at(minute) for minute in range(92, 113)]  # eight bars before and after
    assert {row["step"] for row in of_first} == {1}
    assert of_first[0] | {"trade": 1} == {
        "trade": 1, "step": 1, "ts": at(92), "open": 92.0, "high": 92.0, "low": 92.0, "close": 92.0,
    }  # fmt: skip
    of_open = rows(warehouse, "select min(ts) as first, max(ts) as last from trade_closeups('a', 10) where trade = 2")
    assert of_open == [{"first": at(187), "last": at(199)}]


# timeframe, entry, exit, to minutes of a bar: sound lengths that divide the run's bar, or that it divides
LONG_TRADES = {
    ("1m", 1400, 2000): 30,  # over midnight
    ("1m", 200, 450): 10,
    ("3m", 300, 345): 3,  # 2 is no part of 3
    ("15m", 300, 600): 15,  # 10 is no part of 15
    ("4h", 6_000, 16_000): 720,  # 360 is no multiple of 240
}


@pytest.mark.parametrize(("timeframe", "entry", "leave"), LONG_TRADES)
def test_bars_around_a_long_trade_begin_with_its_entrys_and_cover_its_exit(
    timeframe: str, entry: int, leave: int
) -> None:
    step = LONG_TRADES[timeframe, entry, leave]
    candles = [candle(minute, float(minute)) for minute in range(1, 2 * leave)]
    minutes = run(2 * leave, timeframe=timeframe)
    warehouse = holding(runs=minutes, fills=traded(1, entry, leave), candles=candles)
    found = rows(warehouse, "from trade_closeups('a', 10) order by ts")
    assert {row["step"] for row in found} == {step}
    assert 16 <= len(found) <= 75
    assert at(entry) in [row["ts"] for row in found]
    assert all(row["open"] == (row["ts"] - START) / MINUTE and row["high"] - row["low"] == step - 1 for row in found)
    [covering] = [row for row in found if row["ts"] <= at(leave) < row["ts"] + step * MINUTE]
    assert covering["low"] <= leave <= covering["high"]
    assert found[0]["ts"] < at(entry - step)
    assert found[-1]["ts"] > covering["ts"]


def test_a_trade_that_was_entered_inside_a_bar_is_shown_from_that_bars_open() -> None:
    candles = [candle(minute, float(minute)) for minute in range(1, 1000)]
    minutes = run(1000, timeframe="15m")
    warehouse = holding(runs=minutes, fills=traded(1, 307, 611), candles=candles)
    found = rows(warehouse, "from trade_closeups('a', 10) order by ts")
    assert at(300) in [row["ts"] for row in found]
