"""What a strategy sees: finished bars only, warm-up by itself, and nothing that hangs on the future."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

import bt
from bt.errors import BtError
from bt.warehouse import Warehouse

FIRST, END = datetime(2024, 1, 8), datetime(2024, 1, 12)


def market(warehouse: Warehouse, **changes: object) -> bt.Market:
    wanted = {"symbols": ["BETAUSDT", "ALPHAUSDT"], "timeframe": "1h", "first": FIRST, "end": END} | changes
    return bt.Market(warehouse, **wanted)


def test_rows_are_sorted_and_columns_named(warehouse: Warehouse) -> None:
    frame = market(warehouse).bars(fast=bt.Indicator("ema", n=5), band=bt.Indicator("bollinger", n=20)).collect()
    assert frame.columns[:9] == ["symbol", "ts", "open", "high", "low", "close", "volume", "turnover", "candles"]
    assert "fast" in frame.columns
    assert {"band_upper", "band_lower"} <= set(frame.columns)
    assert frame.select("symbol", "ts").equals(frame.select("symbol", "ts").sort("symbol", "ts"))


def test_warm_up_comes_from_the_look_back_of_the_indicators(warehouse: Warehouse) -> None:
    for n, bars in ((5, 4), (50, 49)):
        frame = market(warehouse, symbols=["ALPHAUSDT"]).bars(mean=bt.Indicator("sma", n=n)).collect()
        assert frame["ts"].min() == FIRST - timedelta(hours=bars)
        assert frame.filter(pl.col("ts") >= FIRST)["mean"].null_count() == 0
    assert market(warehouse, warm_up=100).bars().collect()["ts"].min() == FIRST - timedelta(hours=100)


def test_the_value_does_not_hang_on_where_the_span_begins(warehouse: Warehouse) -> None:
    asked = {"ema": bt.Indicator("ema", n=5), "rsi": bt.Indicator("rsi", n=3), "atr": bt.Indicator("atr", n=3)}
    late = market(warehouse).bars(**asked).collect().filter(pl.col("ts") >= FIRST)
    early = market(warehouse, first=datetime(2024, 1, 1)).bars(**asked).collect().filter(pl.col("ts") >= FIRST)
    for name in asked:
        assert (late[name] / early[name] - 1).abs().max() < 1e-9


def test_the_past_does_not_hang_on_the_future(warehouse: Warehouse) -> None:
    asked = {"ema": bt.Indicator("ema", n=5), "rsi": bt.Indicator("rsi", n=3), "top": bt.Indicator("donchian", n=7)}
    whole = market(warehouse).bars(**asked).collect()
    for hours in (1, 7, 30, 95):
        end = FIRST + timedelta(hours=hours)
        part = market(warehouse, end=end).bars(**asked).collect()
        assert part.equals(whole.filter(pl.col("ts") < end))


@pytest.mark.parametrize(("end", "last"), [(datetime(2024, 1, 9, 1), 0), (datetime(2024, 1, 9, 0, 59), -1)])
def test_a_bar_is_seen_when_it_has_ended(warehouse: Warehouse, end: datetime, last: int) -> None:
    found = market(warehouse, end=end).bars().collect()["ts"].max()
    assert found == datetime(2024, 1, 9) + timedelta(hours=last)


def test_a_bar_that_the_candles_end_in_is_not_seen(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("delete from candles where symbol = 'ALPHAUSDT' and ts >= timestamp '2024-01-09 05:30'")
    found = market(warehouse).bars().collect().group_by("symbol").agg(pl.col("ts").max()).sort("symbol").rows()
    assert found == [("ALPHAUSDT", datetime(2024, 1, 9, 4)), ("BETAUSDT", datetime(2024, 1, 11, 23))]


def test_bars_are_the_sql_macro(warehouse: Warehouse) -> None:
    for timeframe in ("1m", "3m", "15m", "4h", "1d"):
        mine = market(warehouse, timeframe=timeframe).bars().collect()
        theirs = warehouse.query(
            "from bars($tf) where ts >= $first and ts < $end order by symbol, ts",
            {"tf": timeframe, "first": mine["ts"].min(), "end": END},
        )
        assert mine.equals(theirs)


def test_tested_bars_begin_at_the_span(warehouse: Warehouse) -> None:
    seen = market(warehouse, warm_up=10)
    seen.bars()
    assert seen.tested()["ts"].min() == FIRST
    assert seen.tested().columns == ["symbol", "ts", "open", "high", "low", "close", "volume"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"symbols": ["NOPEUSDT"]}, "no candles of NOPEUSDT"),
        ({"timeframe": "7m"}, "unknown timeframe"),
    ],
)
def test_what_is_not_there_is_said(warehouse: Warehouse, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(BtError, match=message):
        market(warehouse, **wrong).bars()


def test_an_empty_span_has_no_rows(warehouse: Warehouse) -> None:
    empty = market(warehouse, first=datetime(2030, 1, 1), end=datetime(2030, 1, 2))
    assert empty.tested().height == 0
