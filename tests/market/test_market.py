"""What a strategy sees: finished bars only, warm-up by itself, and nothing that hangs on the future."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl
import pytest

import bt
from bt.errors import BtError
from bt.market.indicators import library
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


@pytest.mark.parametrize("bars", [0, 1, 100])
def test_warm_up_is_the_bars_given_before_the_span_and_indicators_are_settled_in_all_of_them(
    warehouse: Warehouse, bars: int
) -> None:
    wanted = {"mean": bt.Indicator("sma", n=50), "ema": bt.Indicator("ema", n=2)}
    frame = market(warehouse, symbols=["ALPHAUSDT"], warm_up=bars).bars(**wanted).collect()
    assert frame["ts"].min() == FIRST - timedelta(hours=bars)
    assert frame.filter(pl.col("ts") >= FIRST - timedelta(hours=bars))["mean"].null_count() == 0


WANTED = {
    "ema": bt.Indicator("ema", n=5),
    "rsi": bt.Indicator("rsi", n=3),
    "top": bt.Indicator("donchian", n=7),
    "four": bt.Indicator("ema", n=3, timeframe="4h"),
    "day": bt.Indicator("sma", n=2, timeframe="1d"),
    "minute": bt.Indicator("sma", n=9, timeframe="5m"),
    "other": bt.Indicator("rsi", n=4, symbol="BETAUSDT"),
    "both": bt.Indicator("atr", n=3, symbol="BETAUSDT", timeframe="2h"),
    "paid": bt.Indicator("funding_rate"),
    "theirs": bt.Indicator("funding_rate", symbol="BETAUSDT", timeframe="15m"),
}


@pytest.fixture
def warehouse(warehouse: Warehouse) -> Iterator[Warehouse]:
    """Give the made-up market with a funding rate every 8 hours, kept open: opening it anew takes long."""
    with warehouse.hold():
        with warehouse.write() as connection:
            connection.execute("""
                insert into funding
                select symbol, ts, 1e-6 * open, null
                from candles
                where hour(ts) % 8 = 0 and minute(ts) = 0
            """)
        yield warehouse


def test_no_value_hangs_on_where_the_span_begins_or_on_what_else_is_asked(warehouse: Warehouse) -> None:
    late = market(warehouse, warm_up=3).bars(**WANTED).collect()
    early = market(warehouse, first=datetime(2024, 1, 6)).bars(**WANTED).collect()
    assert late.equals(early.filter(pl.col("ts") >= FIRST - timedelta(hours=3)))
    for name, indicator in WANTED.items():
        alone = market(warehouse, warm_up=3).bars(**{name: indicator}).collect()
        assert alone.equals(late.select(alone.columns)), name


def test_the_past_does_not_hang_on_the_future(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("insert into funding select 'ALPHAUSDT', ts, 0.0001, null from candles "
                           "where symbol = 'ALPHAUSDT' and hour(ts) % 8 = 0 and minute(ts) = 0")  # fmt: skip
    whole = market(warehouse).bars(**WANTED).collect()
    for hours in (1, 7, 8, 30, 95):
        end = FIRST + timedelta(hours=hours)
        part = market(warehouse, end=end).bars(**WANTED).collect()
        assert part.equals(whole.filter(pl.col("ts") < end))


@pytest.mark.parametrize("minutes", [29 * 60, 31 * 60 + 59])
def test_noise_in_place_of_the_future_changes_nothing_before_it(warehouse: Warehouse, minutes: int) -> None:
    whole, moment = market(warehouse).bars(**WANTED).collect(), FIRST + timedelta(minutes=minutes)
    with warehouse.write() as connection:
        connection.execute("update candles set close = high, volume = 7 * volume where ts >= $at", {"at": moment})
        connection.execute("update funding set rate = -rate where ts >= $at", {"at": moment})
    noisy = market(warehouse).bars(**WANTED).collect()
    assert not noisy.equals(whole)
    known = pl.col("ts") + timedelta(hours=1) <= moment
    assert noisy.filter(known).equals(whole.filter(known))


def test_a_bar_sees_the_last_higher_bar_that_had_ended_when_it_ended(warehouse: Warehouse) -> None:
    found = market(warehouse, symbols=["ALPHAUSDT"]).bars(close4=bt.Indicator("sma", n=1, timeframe="4h")).collect()
    higher = warehouse.query("select ts, close from bars('4h') where symbol = 'ALPHAUSDT'")
    ended = {ts + timedelta(hours=4): close for ts, close in higher.rows()}
    for ts, seen in found.select("ts", "close4").rows():
        own_end = ts + timedelta(hours=1)
        assert seen == ended[own_end.replace(hour=own_end.hour // 4 * 4)]
    at_ends = found.filter(pl.col("ts").dt.hour() % 4 == 3)
    assert at_ends["close4"].equals(at_ends["close"].alias("close4"))  # known at the very close


def test_another_symbol_is_seen_by_all(warehouse: Warehouse) -> None:
    frame = market(warehouse).bars(other=bt.Indicator("sma", n=1, symbol="betausdt")).collect()
    beta = frame.filter(pl.col("symbol") == "BETAUSDT")
    assert beta["other"].equals(beta["close"].alias("other"))
    assert frame.filter(pl.col("symbol") == "ALPHAUSDT")["other"].equals(beta["other"])


def test_what_stands_still_is_not_carried_for_long(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute(
            "delete from candles where symbol = 'BETAUSDT' and ts >= $at", {"at": FIRST + timedelta(hours=9)}
        )
    frame = market(warehouse, symbols=["ALPHAUSDT"]).bars(
        hour=bt.Indicator("sma", n=1, symbol="BETAUSDT"),
        four=bt.Indicator("sma", n=1, symbol="BETAUSDT", timeframe="4h"),
    ).collect()  # fmt: skip
    assert frame["hour"].is_not_null().to_list() == [place < 9 + 3 for place in range(frame.height)]
    assert frame["four"].is_not_null().to_list() == [place < 8 + 12 for place in range(frame.height)]


def test_the_funding_rate_is_that_of_the_last_settlement_at_the_bars_end(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("delete from funding")
        connection.execute(
            "insert into funding values ('ALPHAUSDT', $one, 0.01, null), ('ALPHAUSDT', $two, 0.02, null)",
            {"one": FIRST + timedelta(hours=2), "two": FIRST + timedelta(hours=6, milliseconds=3)},
        )
    frame = market(warehouse, symbols=["ALPHAUSDT"]).bars(rate=bt.Indicator("funding_rate")).collect()
    assert frame["rate"].to_list()[:8] == [None, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.02]
    assert frame["rate"].to_list()[28:] == [0.02, 0.02] + [None] * (frame.height - 30)  # for a day
    sql = "select funding_rate from funding_rate('1h') where symbol = 'ALPHAUSDT' and ts >= $at order by ts"
    by_hand = warehouse.query(sql, {"at": FIRST})
    assert by_hand["funding_rate"].to_list()[: frame.height] == frame["rate"].to_list()


def test_each_distinct_indicator_is_computed_once(warehouse: Warehouse) -> None:
    seen = market(warehouse)
    first = seen.bars(a=bt.Indicator("ema", n=20), b=bt.Indicator("rsi")).collect()
    with warehouse.write() as connection:
        connection.execute("update candles set close = 2 * close")
    again = seen.bars(b=bt.Indicator("ema"), c=bt.Indicator("rsi", n=14, timeframe="1h")).collect()
    assert first["a"].to_list() == again["b"].to_list()
    assert first["b"].to_list() == again["c"].to_list()
    with pytest.raises(BtError, match="changed while they were read"):
        seen.bars(d=bt.Indicator("sma", n=1))


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


def test_another_symbol_must_be_there(warehouse: Warehouse) -> None:
    with pytest.raises(BtError) as caught:
        market(warehouse).bars(x=bt.Indicator("ema", symbol="NOPEUSDT"))
    assert (caught.value.what, caught.value.cure) == ("there are no candles of NOPEUSDT", "bt ingest NOPEUSDT")


def test_an_empty_span_has_no_rows_of_other_places_either(warehouse: Warehouse) -> None:
    empty = market(warehouse, first=datetime(2030, 1, 1), end=datetime(2030, 1, 2)).bars(**WANTED).collect()
    assert empty.height == 0
    assert "both" in empty.columns


def test_no_value_hangs_on_what_else_is_asked_for(warehouse: Warehouse) -> None:
    every = {name: bt.Indicator(name) for name in library() if name != "funding_rate"}
    for symbols in (["ALPHAUSDT"], ["ALPHAUSDT", "BETAUSDT"]):
        together = market(warehouse, symbols=symbols).columns(every.values())
        for name in ("obv", "supertrend", "psar", "kama", "ema"):
            alone = market(warehouse, symbols=symbols).columns([every[name]])[every[name]]
            for output, values in together[every[name]].items():
                assert values.equals(alone[output]), f"{name} {output} of {symbols}"


def test_on_balance_volume_counts_from_the_first_candle(warehouse: Warehouse) -> None:
    indicator = bt.Indicator("obv")
    late = market(warehouse, symbols=["ALPHAUSDT"]).columns([indicator])[indicator]["obv"]
    whole = market(warehouse, symbols=["ALPHAUSDT"], first=datetime(2000, 1, 1)).columns([indicator])[indicator]["obv"]
    assert late.equals(whole.tail(len(late)))
