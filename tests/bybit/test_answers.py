"""How strict the reading of an answer is: numbers come as texts, and anything else than a number is malformed."""

from __future__ import annotations

import pytest

from bt.bybit.answers import (
    Candles,
    Clock,
    Envelope,
    Instrument,
    Malformed,
    Page,
    Settlements,
    envelope,
    name_of,
    read,
)

ROW = ["1704067200000", "1", "2", "0.5", "1.5", "10", "15"]


def klines(*rows: str) -> bytes:
    return f'{{"symbol":"AUSDT","category":"linear","list":[{",".join(rows)}]}}'.encode()


def row(place: int, cell: str) -> str:
    """Give a candle, one of whose cells is this JSON."""
    cells = [f'"{text}"' for text in ROW]
    cells[place] = cell
    return f"[{','.join(cells)}]"


NUMBERS = {
    '"0.5"': 0.5,
    '"1e-7"': 1e-7,
    '"1E+2"': 100.0,
    '"0.000000012345678901"': 0.000000012345678901,
    '"62415.123456789012345"': 62415.123456789012345,
    '"-1"': -1.0,  # a number, and no price: refused where candles are judged
    '"0"': 0.0,
    "0.5": 0.5,  # not as a text: no harm
    "1": 1.0,
}
NO_NUMBERS = [
    *('""', "null", '"null"', "true", '"1,5"', '"1.5 "', '" 1"', '"1.5x"', '"0x10"', '"١"', '"1_000"', "[]", "{}"),
    *("NaN", "Infinity", "-Infinity", "1.", ".5", "+1", '"+1"', '"-"', '"--1"', '"1e"', '"1.5.2"'),
]


@pytest.mark.parametrize("cell", NUMBERS)
def test_numbers(cell):
    assert read(Candles, klines(row(4, cell))).rows[0][4] == NUMBERS[cell]


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_what_is_no_number(cell):
    with pytest.raises(Malformed):
        read(Candles, klines(row(4, cell)))


@pytest.mark.parametrize("cell", ['"NaN"', '"nan"', '"Infinity"', '"-inf"', '"1e400"', "1e400"])
def test_what_is_no_finite_number(cell):
    """Either malformed at once, or left to those who judge candles, who refuse it: never a number."""
    try:
        [found] = read(Candles, klines(row(4, cell))).rows
    except Malformed:
        return
    assert not abs(found[4]) < float("inf")


@pytest.mark.parametrize("cell", ['"2024-01-01"', '"1704067200000.5"', '""', "null", '"17040672e5x"', '"NaN"', "1.5"])
def test_times_are_whole_numbers(cell):
    with pytest.raises(Malformed):
        read(Candles, klines(row(0, cell)))


TABLES = {
    "six columns": [*ROW[:6]],
    "eight columns": [*ROW, "0"],
    "none": [],
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_seven(name):
    """Fewer are malformed, and more too: nobody knows what the eighth would mean."""
    cells = ",".join(f'"{text}"' for text in TABLES[name])
    with pytest.raises(Malformed):
        read(Candles, klines(f"[{cells}]"))


def test_a_candle_as_an_object_or_a_text():
    for strange in ('"1704067200000,1,2,0.5,1.5,10,15"', '{"start":1}', "null", "1"):
        with pytest.raises(Malformed):
            read(Candles, klines(strange))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Candles, b'{"symbol":"A","category":"linear"}'),
        (Candles, b'{"category":"linear","list":[]}'),
        (Candles, b'{"symbol":"A","list":[]}'),
        (Candles, b'{"symbol":null,"category":"linear","list":[]}'),
        (Candles, b'{"symbol":"A","category":"linear","list":null}'),
        (Candles, b"null"),
        (Candles, b"{}"),
        (Settlements, b'{"category":"linear"}'),
        (Settlements, b'{"category":"linear","list":[{"symbol":"A","fundingRate":"","fundingRateTimestamp":"1"}]}'),
        (Settlements, b'{"category":"linear","list":[{"symbol":"A","fundingRate":"0.1"}]}'),
        (Page, b'{"category":"linear","nextPageCursor":""}'),
        (Page, b'{"category":"linear","list":[],"nextPageCursor":7}'),
        (Clock, b"{}"),
        (Clock, b'{"timeSecond":"soon"}'),
    ],
)
def test_what_lacks_is_malformed(kind, text):
    with pytest.raises(Malformed):
        read(kind, text)


BODIES = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"OK"',
    "html": b"<html></html>",
    "byte order mark": b"\xef\xbb\xbf" + b'{"retCode":0,"result":{}}',
    "bad UTF-8": b'{"retCode":0,"retMsg":"\xff\xfe","result":{}}',
    "deep": b"[" * 200_000,
    "deep inside": b'{"retCode":0,"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "NaN": b'{"retCode":0,"retExtInfo":NaN,"result":{}}',
    "after the end": b'{"retCode":0,"result":{}}{}',
    "cut": b'{"retCode":0,"result":{',
    "no code": b'{"retMsg":"OK"}',
    "a code of text": b'{"retCode":"0"}',
    "a broken code": b'{"retCode":0.5}',
    "a huge code": b'{"retCode":' + b"9" * 5000 + b"}",
    "a time of text": b'{"retCode":0,"time":"soon"}',
}


@pytest.mark.parametrize("name", BODIES)
def test_envelopes_that_are_none(name):
    with pytest.raises(Malformed):
        envelope(BODIES[name])


def test_an_envelope_without_a_result_holds_no_candles():
    for text in (b'{"retCode":0}', b'{"retCode":0,"result":null}', b'{"retCode":0,"result":{}}'):
        found = envelope(text)
        assert isinstance(found, Envelope)
        with pytest.raises(Malformed):
            read(Candles, found.result)


def test_the_order_of_keys_and_new_ones_do_not_matter():
    found = envelope(b'{"time":5,"new":[1,{"a":null}],"result":{"b":1},"retMsg":"OK","retCode":0,"retExtInfo":{}}')
    assert (found.ret_code, found.time, bytes(found.result)) == (0, 5, b'{"b":1}')


SPOT = b"""{"symbol":"AUSDT","status":"Trading","baseCoin":"A","quoteCoin":"USDT","priceFilter":{"tickSize":"0.01"},
    "lotSizeFilter":{"basePrecision":"0.001","minOrderAmt":"5"},"new":{"field":[]}}"""


def test_spot_instruments_lack_much():
    found = read(Instrument, SPOT)
    assert (found.lot_size_filter.base_precision, found.lot_size_filter.qty_step) == ("0.001", "")
    assert (found.leverage_filter, found.launch_time, found.funding_interval) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [(b'{"symbol":"X"}', "X"), (b"{}", None), (b"[]", None), (b"7", None), (b'{"symbol":["X"]}', ["X"]), (b"[[", None)],
)
def test_what_cannot_be_read_is_named_if_it_can(text, name):
    assert name_of(text) == name
