"""What a plain client sees of every fault, and which requests are struck."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import aiohttp
import msgspec
import pytest

from bt.errors import BtError
from bt.exchange import FAULTS, Rule, read_rules
from bt.exchange.faults import PRESETS, Injector
from tests.exchange.conftest import FIRST, MINUTE, Ask, Reply

QUESTION = f"kline?category=linear&symbol=ALPHAUSDT&interval=1&start={FIRST}&end={FIRST + 299 * MINUTE}&limit=300"
Sees = Callable[[Reply, Reply], bool]


def status(number: int, text: bytes = b"") -> Sees:
    return lambda _, bad: bad.status == number and text in bad.body


def body(text: bytes) -> Sees:
    return lambda _, bad: bad.status == 200 and bad.body == text


def breaks(kind: type[Exception]) -> Sees:
    return lambda _, bad: isinstance(bad, kind)


def code(number: int) -> Sees:
    return lambda _, bad: (bad.status, bad.document["retCode"], bad.document["result"]) == (200, number, {})


def redirected(target: str) -> Sees:
    return lambda _, bad: bad.status == 302 and bad.headers["Location"].startswith(target)


def rows(check: Callable[[list, list], bool]) -> Sees:
    return lambda good, bad: check(good.rows, bad.rows)


def one_cell(check: Callable[[list, list], bool]) -> Sees:
    """Exactly one candle differs, and as the check says."""

    def sees(good: Reply, bad: Reply) -> bool:
        changed = [(was, now) for was, now in zip(good.rows, bad.rows, strict=True) if was != now]
        return len(changed) == 1 and check(*changed[0])

    return sees


def unreadable(_good: Reply, bad: Reply) -> bool:
    try:
        msgspec.json.decode(bad.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


def same(good: Reply, bad: Reply) -> bool:
    return bad.document == good.document


def starts(listed: list) -> list[int]:
    return [int(row[0]) for row in listed]


def spacing(listed: list) -> set[int]:
    stamps = starts(listed)
    return {late - early for late, early in pairwise(stamps)}


endless = breaks(TimeoutError)

SEEN: dict[str, Sees] = {
    "429": lambda _, bad: bad.status == 429 and bad.headers["Retry-After"] == "3",
    "400": status(400),
    "401": status(401),
    "403_ip_limit": status(403, b"access too frequent"),
    "403_cloudfront": status(403, b"could not be satisfied"),
    "403_country": status(403, b"your country"),
    "404": status(404),
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "504": status(504),
    "204": lambda _, bad: (bad.status, bad.body) == (204, b""),
    "200_html": lambda _, bad: bad.headers["Content-Type"] == "text/html" and b"<HTML>" in bad.body,
    "200_html_as_json": lambda _, bad: "json" in bad.headers["Content-Type"] and b"<HTML>" in bad.body,
    "empty_200": body(b""),
    "null_json": body(b"null"),
    "array_json": body(b"[]"),
    "nan_json": lambda good, bad: unreadable(good, bad) and b"NaN" in bad.body,
    "duplicate_keys": lambda _, bad: bad.body.count(b'"retCode"') == 2 and bad.document["retCode"] == 10001,
    "deep_nesting": unreadable,
    "bom": lambda good, bad: bad.body == b"\xef\xbb\xbf" + good.body,
    "newlines": lambda good, bad: same(good, bad) and bad.body.count(b"\n") == 3,
    "bad_utf8": lambda good, bad: unreadable(good, bad) and b"\xff" in bad.body,
    "corrupt_body": unreadable,
    "oversized_body": lambda _, bad: len(bad.body) > 16_000_000,
    "truncated_valid_length": lambda good, bad: good.body.startswith(bad.body) and unreadable(good, bad),
    "truncated_chunked": breaks(aiohttp.ClientPayloadError),
    "bad_chunk": breaks(aiohttp.ClientError),
    "gzip_corrupt": breaks(aiohttp.ClientError),
    "gzip_truncated": lambda good, bad: good.body.startswith(bad.body) and unreadable(good, bad),
    "gzip_unzipped": breaks(aiohttp.ClientError),
    "dropped": breaks(aiohttp.ServerDisconnectedError),
    "reset": breaks(aiohttp.ClientError),
    "reset_mid_body": breaks(aiohttp.ClientError),
    "garbage_status_line": breaks(aiohttp.ClientResponseError),
    "huge_header": breaks(aiohttp.ClientResponseError),
    "slow_headers": same,
    "latency_spike": same,
    "reordered_answers": same,
    "slow_loris_body": endless,
    "slow_forever": endless,
    "slicer": same,
    "redirect_loop": redirected("?"),
    "redirect_file": redirected("file:///"),
    "redirect_other_host": redirected("http://elsewhere.invalid/"),
    "server_time_far": lambda good, bad: same(good, bad) and bad.headers["Date"] != good.headers["Date"],
    "headers_missing": same,
    "retcode_10000": code(10000),
    "retcode_10006": code(10006),
    "retcode_10009": code(10009),
    "retcode_10016": code(10016),
    "retcode_429": code(429),
    "retcode_unknown": code(99999),
    "symbol_unknown": code(10001),
    "result_missing": lambda _, bad: "result" not in bad.document,
    "result_null": lambda _, bad: bad.document["result"] is None,
    "list_missing": lambda _, bad: set(bad.document["result"]) == {"symbol", "category"},
    "empty_result": lambda _, bad: bad.document["retCode"] == 0 and bad.rows == [],
    "wrong_symbol": lambda good, bad: bad.document["result"]["symbol"] != "ALPHAUSDT" and bad.rows == good.rows,
    "wrong_category": lambda _, bad: bad.document["result"]["category"] == "option",
    "wrong_time": lambda good, bad: good.document["time"] - bad.document["time"] == 7_200_000,
    "duplicate_rows_in_page": rows(lambda good, bad: len(bad) == 301 and set(map(tuple, bad)) == set(map(tuple, good))),
    "contradicting_rows": rows(lambda good, bad: len(bad) == 301 and len(set(map(tuple, bad))) == 301),
    "out_of_order_rows": rows(lambda good, bad: bad != good and sorted(bad) == sorted(good)),
    "ascending_rows": rows(lambda good, bad: bad == good[::-1]),
    "missing_rows": rows(lambda good, bad: 270 <= len(bad) < 300 and set(starts(bad)) < set(starts(good))),
    "limit_smaller": rows(lambda good, bad: bad == good[:200]),
    "limit_larger": rows(
        lambda good, bad: bad[:300] == good and starts(bad)[300:] == [FIRST - MINUTE, FIRST - 2 * MINUTE]
    ),
    "wrong_interval": rows(lambda good, bad: (spacing(good), spacing(bad)) == ({MINUTE}, {5 * MINUTE})),
    "misaligned_timestamp": one_cell(lambda _, bad: int(bad[0]) % MINUTE == 7000),
    "timestamp_seconds": one_cell(lambda good, bad: int(bad[0]) * 1000 == int(good[0])),
    "timestamp_future": one_cell(lambda good, bad: int(bad[0]) - int(good[0]) == 3650 * 1440 * MINUTE),
    "timestamp_text": one_cell(lambda _, bad: bad[0] == "2024-01-01"),
    "timestamp_number": one_cell(lambda good, bad: bad[0] == int(good[0])),
    "negative_price": one_cell(lambda _, bad: bad[1] == "-1"),
    "zero_price": one_cell(lambda _, bad: bad[3] == "0"),
    "nan_price": one_cell(lambda _, bad: math.isnan(float(bad[4]))),
    "empty_price": one_cell(lambda _, bad: bad[4] == ""),
    "null_price": one_cell(lambda _, bad: bad[4] is None),
    "inf_string": one_cell(lambda _, bad: math.isinf(float(bad[2]))),
    "localized": one_cell(lambda _, bad: bad[1] == "1,5"),
    "negative_volume": one_cell(lambda _, bad: bad[5] == "-3"),
    "high_below_low": one_cell(lambda _, bad: float(bad[2]) < float(bad[3])),
    "scientific": one_cell(lambda good, bad: "e" in bad[4] and [*map(float, bad)] == [*map(float, good)]),
    "extra_columns": rows(lambda good, bad: [row[:7] for row in bad] == good and {len(row) for row in bad} == {8}),
    "missing_columns": one_cell(lambda good, bad: bad == good[:6]),
    "row_is_text": one_cell(lambda good, bad: bad == ",".join(good)),
    "revision": one_cell(lambda good, bad: float(bad[5]) == pytest.approx(float(good[5]) + 1)),
}


def test_every_fault_is_shown() -> None:
    assert sorted(SEEN) == sorted(FAULTS)
    assert {name for _, names in PRESETS.values() for name in names} < set(FAULTS)


@pytest.mark.parametrize("name", SEEN)
def test_what_a_fault_does(ask: Ask, name: str) -> None:
    patience = 0.2 if SEEN[name] is endless else 5
    faults = f"{name}@2,{name}@3"  # twice, as aiohttp asks again by itself, unseen, where a connection drops
    first, bad, _, after = ask(*[QUESTION] * 4, faults=faults, timeout=patience)
    assert first == after
    assert SEEN[name](first, bad), bad


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize(
    "question", ["time", "nowhere", "kline?symbol=NOUSDT&interval=1", "funding/history?symbol=BETAUSDT"]
)
def test_a_fault_of_any_answer_is_an_answer(market, name: str, question: str) -> None:
    """No fault may fail on an answer that has no candles."""
    import random

    from bt.exchange.answers import Answer
    from bt.exchange.contents import CONTENTS
    from bt.exchange.endpoints import respond

    path, _, query = question.partition("?")
    answer = respond(market, f"/v5/market/{path}", dict(part.split("=") for part in query.split("&") if part), FIRST)
    if name in CONTENTS and answer.status != 200:
        return
    dated = Answer(
        body=answer.body, status=answer.status, headers={**answer.headers, "Date": "Thu, 04 Jan 2024 00:00:19 GMT"}
    )
    assert isinstance(FAULTS[name](dated, random.Random(1)), Answer)


def test_gzip_is_gzip(market) -> None:
    import random

    from bt.exchange.answers import Answer

    whole = Answer(body=b"candles" * 100)
    zipped = FAULTS["gzip_truncated"](whole, random.Random(1)).body
    with pytest.raises(EOFError):
        gzip.decompress(zipped)


RULES = {
    "": (),
    "reset": (Rule(name="reset"),),
    "reset:0.05": (Rule(name="reset", share=0.05),),
    "reset:5%": (Rule(name="reset", share=0.05),),
    "429@3": (Rule(name="429", nth=3),),
    "symbol_unknown/ETHUSDT": (Rule(name="symbol_unknown", symbol="ETHUSDT"),),
    "429@1, bom:1/BTC-27DEC24": (Rule(name="429", nth=1), Rule(name="bom", share=1.0, symbol="BTC-27DEC24")),
}


@pytest.mark.parametrize("text", RULES)
def test_rules_are_read(text: str) -> None:
    assert read_rules(text) == RULES[text]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("rest", "did you mean 'reset'?"),
        ("reset:0", "mild, harsh"),
        ("reset:1.5", "mild, harsh"),
        ("reset:1.2.3", "mild, harsh"),
        ("reset 5%", "mild, harsh"),
    ],
)
def test_other_rules_are_refused(text: str, cure: str) -> None:
    with pytest.raises(BtError) as refused:
        read_rules(text)
    assert cure in refused.value.cure


@pytest.mark.parametrize(
    ("text", "share"), [("mild", 0.03), ("harsh", 0.2), ("harsh:50%", 0.5), ("429:0.1,reset:0.1", 0.2)]
)
def test_shares_are_kept(text: str, share: float) -> None:
    injector = Injector(read_rules(text), 7)
    met = Counter(injector.strike(f"page {n}", "A")[0] for n in range(10_000))
    struck = 10_000 - met[None]
    assert struck == pytest.approx(10_000 * share, rel=0.1)
    assert set(met) - {None} == {rule.name for rule in read_rules(text)}


def test_the_order_of_arrival_decides_nothing() -> None:
    questions = [f"page {n}" for n in range(500)] * 2
    rules = read_rules("harsh")
    there, back = Injector(rules, 7), Injector(rules, 7)
    forward = sorted((question, there.strike(question, "")[0] or "") for question in questions)
    backward = sorted((question, back.strike(question, "")[0] or "") for question in reversed(questions))
    assert forward == backward
    assert forward != sorted((question, Injector(rules, 8).strike(question, "")[0] or "") for question in questions)


def test_a_fault_of_one_symbol_leaves_the_others(ask: Ask) -> None:
    struck, whole = ask(
        "kline?symbol=ALPHAUSDT&interval=1", "kline?symbol=BETAUSDT&interval=1", faults="symbol_unknown/ALPHAUSDT"
    )
    assert (struck.document["retCode"], whole.document["retCode"]) == (10001, 0)
