"""What Bybit really does with a question, one named case each; the facts are those of its documentation and replies."""

from __future__ import annotations

import pytest

from tests.exchange.conftest import END, FIRST, MINUTE, NOW, Ask

KLINE = "kline?category=linear&symbol=ALPHAUSDT&interval=1"
HALF = FIRST + 2000 * MINUTE


def minutes(first: int, last: int) -> list[int]:
    """Give the starts from the first to the last minute (counted from the listing), newest first."""
    return [FIRST + n * MINUTE for n in range(last, first - 1, -1)]


WINDOWS = {
    "default limit, newest first, running candle first": ("", minutes(4121, 4320)),
    "limit": ("&limit=3", minutes(4318, 4320)),
    "both ends inclusive": (f"&start={HALF}&end={HALF + 2 * MINUTE}", minutes(2000, 2002)),
    "start inside a candle": (f"&start={HALF + 8000}&end={HALF + MINUTE}", minutes(2000, 2001)),
    "end inside a candle": (f"&start={HALF}&end={HALF + MINUTE - 1}", minutes(2000, 2000)),
    "only start": (f"&start={HALF}&limit=4", minutes(2000, 2003)),
    "only end": (f"&end={HALF}&limit=4", minutes(1997, 2000)),
    "more than limit keeps the newest": (f"&start={HALF}&end={HALF + 9 * MINUTE}&limit=2", minutes(2008, 2009)),
    "1,001 minutes at limit 1,000": (f"&start={HALF}&end={HALF + 1000 * MINUTE}&limit=1000", minutes(2001, 3000)),
    "start before the listing": ("&start=9999&limit=1", minutes(0, 0)),
    "window before the listing": (f"&start=0&end={FIRST - 1}", []),
    "window in the future": (f"&start={END + MINUTE}&end={END + 9 * MINUTE}", []),
    "start in the running candle": (f"&start={NOW}", minutes(4320, 4320)),
    "end before the running candle": (f"&start={END - MINUTE}&end={END - 1}", minutes(4319, 4319)),
    "seconds are 1970: only start": (f"&start={HALF // 1000}&limit=2", minutes(0, 1)),
    "seconds are 1970: with end": (f"&start=1&end={HALF // 1000}", []),
    "unknown parameters are ignored": (f"&startTime={HALF}&endTime={HALF}&limit=1", minutes(4320, 4320)),
    "end before start": (f"&start={HALF}&end={HALF - 5 * MINUTE}", []),
}


@pytest.mark.parametrize(("asked", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_windows(ask: Ask, asked: str, expected: list[int]) -> None:
    [reply] = ask(KLINE + asked)
    assert reply.document["retCode"] == 0
    assert [int(row[0]) for row in reply.rows] == expected


def test_rows_are_seven_strings_of_the_stored_values(ask: Ask, market) -> None:
    [reply] = ask(f"{KLINE}&start={FIRST}&end={END - MINUTE}&limit=1000")
    stored = market.find("linear", "ALPHAUSDT").candles.tail(1000).reverse()
    assert all(isinstance(cell, str) and "e" not in cell for row in reply.rows for cell in row)
    assert [tuple(map(float, row[1:])) for row in reply.rows] == stored.drop("ts").rows()
    assert reply.document["result"]["symbol"] == "ALPHAUSDT"
    assert reply.document["time"] == NOW


INTERVALS = {
    "3": (3, FIRST + 3 * MINUTE),
    "5": (5, FIRST + 5 * MINUTE),
    "60": (60, FIRST + 60 * MINUTE),
    "720": (720, FIRST + 720 * MINUTE),
    "D": (1440, FIRST + 1440 * MINUTE),
    "W": (4320, FIRST),
    "M": (4320, FIRST),
}


@pytest.mark.parametrize("interval", INTERVALS)
def test_longer_intervals_are_made_of_minutes(ask: Ask, market, interval: str) -> None:
    length, start = INTERVALS[interval]
    [reply] = ask(f"kline?symbol=ALPHAUSDT&interval={interval}&start={start}&limit=1")
    begin = (start - FIRST) // MINUTE
    inside = market.find("linear", "ALPHAUSDT").candles[begin : begin + length]
    [row] = reply.rows
    assert int(row[0]) == start
    assert [float(cell) for cell in row[1:5]] == [
        inside["open"][0],
        inside["high"].max(),
        inside["low"].min(),
        inside["close"][-1],
    ]
    assert float(row[5]) == pytest.approx(inside["volume"].sum())


def test_a_running_candle_is_not_what_it_will_be(ask: Ask, market) -> None:
    [early], [late] = (ask(f"{KLINE}&limit=2", now=HALF + passed) for passed in (19_000, MINUTE + 19_000))
    assert int(early.rows[0][0]) == HALF
    assert early.rows[0] != late.rows[1]
    assert early.rows[0][1] == late.rows[1][1] == early.rows[1][4]  # open, which is the close before it
    assert float(late.rows[1][4]) == market.find("linear", "ALPHAUSDT").candles["close"][2000]


def test_a_running_hour_holds_the_minutes_so_far(ask: Ask) -> None:
    hour, minutely = ask(
        "kline?symbol=ALPHAUSDT&interval=60&limit=1", f"{KLINE}&limit=21", now=HALF + 19_000
    )  # 20 minutes past the hour
    [row] = hour.rows
    assert int(row[0]) == HALF - 20 * MINUTE
    assert float(row[2]) == max(float(one[2]) for one in minutely.rows)
    assert float(row[5]) == pytest.approx(sum(float(one[5]) for one in minutely.rows))


def test_a_halt_is_a_hole(ask: Ask) -> None:
    [reply] = ask(f"kline?symbol=BETAUSDT&interval=1&start={FIRST + 1700 * MINUTE}&limit=200")
    distances = {int(late[0]) - int(early[0]) for late, early in zip(reply.rows, reply.rows[1:], strict=False)}
    assert distances == {MINUTE, 96 * MINUTE}


def test_a_delisted_symbol_has_no_running_candle(ask: Ask) -> None:
    closed, listed, one = ask(
        "kline?symbol=OLDUSDT&interval=1&limit=1",
        "instruments-info?category=linear&status=Closed",
        "instruments-info?category=linear&symbol=OLDUSDT",
    )
    assert int(closed.rows[0][0]) == FIRST + 999 * MINUTE
    assert [row["symbol"] for row in listed.rows] == ["OLDUSDT"]
    assert (one.rows[0]["status"], one.rows[0]["deliveryTime"]) == ("Closed", str(FIRST + 1000 * MINUTE))


REFUSED = {
    "option": ("kline?category=option&symbol=ALPHAUSDT&interval=1", "params error: Category is invalid"),
    "no interval": ("kline?symbol=ALPHAUSDT", "params error: intervalTime is invalid"),
    "misspelt interval": ("kline?symbol=ALPHAUSDT&inverval=1", "params error: intervalTime is invalid"),
    "our timeframe": ("kline?symbol=ALPHAUSDT&interval=1m", "params error: intervalTime is invalid"),
    "unknown symbol": ("kline?symbol=NOUSDT&interval=1", "Not supported symbols"),
    "lower case": ("kline?symbol=alphausdt&interval=1", "Not supported symbols"),
    "no symbol": ("kline?interval=1", "Not supported symbols"),
    "limit 0": (KLINE + "&limit=0", "params error: limit is invalid"),
    "limit 1001": (KLINE + "&limit=1001", "params error: limit is invalid"),
    "start of letters": (KLINE + "&start=yesterday", "params error: start is invalid"),
    "funding of spot": ("funding/history?category=spot&symbol=ALPHAUSDT", "params error: Category is invalid"),
    "funding: startTime alone": (
        f"funding/history?category=linear&symbol=ALPHAUSDT&startTime={FIRST}",
        "params error: endTime is required with startTime",
    ),
    "funding limit": (
        "funding/history?category=linear&symbol=ALPHAUSDT&limit=201",
        "params error: limit is invalid",
    ),
    "cursor encoded twice": (
        "instruments-info?category=linear&cursor=first%253DA%2526last%253DB",
        "params error: cursor is invalid",
    ),
}


@pytest.mark.parametrize(("asked", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_come_with_http_200(ask: Ask, asked: str, message: str) -> None:
    [reply] = ask(asked)
    assert reply.status == 200
    assert reply.document == {"retCode": 10001, "retMsg": message, "result": {}, "retExtInfo": {}, "time": NOW}


def test_inverse_gives_linear_data_under_its_own_name(ask: Ask) -> None:
    linear, inverse, real = ask(
        f"{KLINE}&limit=5",
        "kline?category=inverse&symbol=ALPHAUSDT&interval=1&limit=5",
        "kline?category=inverse&symbol=ALPHAUSD&interval=1&limit=5",
    )
    assert inverse.document["result"]["category"] == "inverse"
    assert inverse.rows == linear.rows
    assert real.document["result"]["symbol"] == "ALPHAUSD"


HOUR = 60 * MINUTE
FUNDINGS = {
    "newest 200": ("", 200),
    "limit": ("&limit=3", 3),
    "up to endTime": (f"&endTime={FIRST}&limit=10", 10),
    "both ends inclusive": (f"&startTime={FIRST}&endTime={FIRST + 4 * HOUR}", 5),
    "window of more than 200 keeps the newest": (f"&startTime=0&endTime={FIRST}", 200),
    "nothing there": ("&startTime=1&endTime=2", 0),
}


@pytest.mark.parametrize(("asked", "count"), FUNDINGS.values(), ids=FUNDINGS)
def test_funding(ask: Ask, asked: str, count: int) -> None:
    [reply] = ask("funding/history?category=linear&symbol=BETAUSDT" + asked)
    stamps = [int(row["fundingRateTimestamp"]) for row in reply.rows]
    assert len(stamps) == count
    assert stamps == sorted(set(stamps), reverse=True)
    assert all(row["symbol"] == "BETAUSDT" and row["fundingRate"] == "0.0001" for row in reply.rows)


def test_the_funding_interval_is_the_present_one(ask: Ask) -> None:
    [alpha, beta] = (
        ask(f"instruments-info?category=linear&symbol={name}USDT")[0].rows[0] for name in ("ALPHA", "BETA")
    )
    assert (alpha["fundingInterval"], beta["fundingInterval"]) == (480, 60)


def test_instruments_page_by_a_cursor_that_is_encoded_already(ask: Ask) -> None:
    page = "instruments-info?category=linear&limit=1"
    [first] = ask(page)
    cursor = first.document["result"]["nextPageCursor"]
    assert cursor == "first%3DALPHAUSDT%26last%3DALPHAUSDT"
    [second] = ask(f"{page}&cursor={cursor}")
    assert [row["symbol"] for row in second.rows] == ["BETAUSDT"]
    assert second.document["result"]["nextPageCursor"] == ""
    [alone] = ask("instruments-info?category=linear&symbol=ALPHAUSDT")
    assert alone.document["result"]["nextPageCursor"] == cursor


def test_spot_describes_itself_otherwise(ask: Ask) -> None:
    linear, spot = ask("instruments-info?category=linear&symbol=ALPHAUSDT", "instruments-info?category=spot&limit=0")
    assert "nextPageCursor" not in spot.document["result"]
    assert not {"launchTime", "fundingInterval"} & set(spot.rows[0])
    assert "basePrecision" in spot.rows[0]["lotSizeFilter"]
    assert linear.rows[0]["launchTime"] == str(FIRST)
    assert linear.rows[0]["priceFilter"]["tickSize"] == "0.1"


def test_time_and_unknown_paths(ask: Ask) -> None:
    time, nothing = ask("time", "tickers2")
    assert time.document["result"] == {"timeSecond": str(NOW // 1000), "timeNano": str(NOW * 1_000_000)}
    assert time.headers["Date"] == "Thu, 04 Jan 2024 00:00:19 GMT"
    assert nothing.status == 404
