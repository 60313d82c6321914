"""What an answer means, as a table: status, headers and body in, what is to be done out."""

from __future__ import annotations

import msgspec
import pytest

from bt.bybit import ClosedError, UnknownSymbolError
from bt.bybit.answers import Envelope
from bt.bybit.verdicts import Again, judge
from bt.errors import ExchangeError

SERVER = 1_704_067_200_000  # ms
RESET = "X-Bapi-Limit-Reset-Timestamp"


def said(code: int, message: str = "text", **more: object) -> bytes:
    return msgspec.json.encode({"retCode": code, "retMsg": message, "result": {}, "time": SERVER, **more})


def html(text: str) -> bytes:
    return f"<HTML><H1>{text}</H1></HTML>".encode()


AGAIN = {  # hold in seconds, busy, banned, tries
    "429": ((429, {}, b""), (0, True, False, None)),
    "429 with Retry-After": ((429, {"Retry-After": "3"}, b"x"), (3, True, False, None)),
    "429 with a date": ((429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, b""), (0, True, False, None)),
    "429 with nonsense": ((429, {"Retry-After": "-5"}, b""), (0, True, False, None)),
    "429 with digits of another script": ((429, {"Retry-After": "٣"}, b""), (0, True, False, None)),
    "429 for a year": ((429, {"Retry-After": "31536000"}, b""), (60, True, False, None)),
    "500": ((500, {}, b""), (0, False, False, None)),
    "502": ((502, {}, html("Bad Gateway")), (0, False, False, None)),
    "503": ((503, {}, b""), (0, False, False, None)),
    "504": ((504, {}, b""), (0, False, False, None)),
    "204": ((204, {}, b""), (0, False, False, None)),
    "302": ((302, {"Location": "http://elsewhere.invalid"}, b""), (0, False, False, 3)),
    "304": ((304, {}, b""), (0, False, False, 3)),
    "403 too frequent": ((403, {}, html("access too frequent")), (0, True, True, None)),
    "403 Too Frequent": ((403, {}, b"Access Too Frequent, please try again later"), (0, True, True, None)),
    "10000": ((200, {}, said(10000)), (0, False, False, None)),
    "10016": ((200, {}, said(10016)), (0, False, False, None)),
    "10006 without headers": ((200, {}, said(10006)), (0, True, False, None)),
    "10006 until a moment": ((200, {RESET: str(SERVER + 1500)}, said(10006)), (1.5, True, False, None)),
    "10006 until long ago": ((200, {RESET: str(SERVER - 1500)}, said(10006)), (0, True, False, None)),
    "10006 until far away": ((200, {RESET: str(SERVER * 2)}, said(10006)), (60, True, False, None)),
    "10006 until nonsense": ((200, {RESET: "soon"}, said(10006)), (0, True, False, None)),
    "10006 without a time": ((200, {RESET: str(SERVER)}, b'{"retCode":10006}'), (0, True, False, None)),
    "10018": ((200, {}, said(10018)), (0, True, False, None)),
    "429 as a code": ((200, {}, said(429)), (0, True, False, None)),
    "99999": ((200, {}, said(99999)), (0, False, False, 3)),
    "-1": ((200, {}, said(-1)), (0, False, False, 3)),
    "10001 of nobody knows what": ((200, {}, said(10001, "?")), (0, False, False, 3)),
    "empty": ((200, {}, b""), (0, False, False, None)),
    "null": ((200, {}, b"null"), (0, False, False, None)),
    "a page": ((200, {}, html("Maintenance")), (0, False, False, None)),
    "a list": ((200, {}, b"[]"), (0, False, False, None)),
    "no code": ((200, {}, b'{"result":{}}'), (0, False, False, None)),
    "a code as text": ((200, {}, b'{"retCode":"0","result":{}}'), (0, False, False, None)),
    "half": ((200, {}, said(0)[:30]), (0, False, False, None)),
    "two codes": ((200, {}, said(0)[:-1] + b',"retCode":10016}'), (0, False, False, None)),
}
REFUSED = {
    "unknown symbol": ((200, {}, said(10001, "Not supported symbols")), UnknownSymbolError),
    "symbol invalid": ((200, {}, said(10001, "params error: symbol invalid")), UnknownSymbolError),
    "category invalid": ((200, {}, said(10001, "params error: Category is invalid")), ExchangeError),
    "interval invalid": ((200, {}, said(10001, "params error: intervalTime is invalid")), ExchangeError),
    **{
        str(code): ((200, {}, said(code)), ExchangeError)
        for code in (10003, 10004, 10005, 10007, 10008, 10010, 10017, 10024, 10027, 10029, 170209, 170222)
    },
    "region": ((200, {}, said(10009)), ClosedError),
    "403 of CloudFront": ((403, {}, html("The request could not be satisfied. Request blocked.")), ClosedError),
    "403 of a country": ((403, {}, html("configured to block access from your country")), ClosedError),
    "403 without a word": ((403, {}, b""), ClosedError),
    "400": ((400, {}, b""), ExchangeError),
    "401": ((401, {}, b""), ExchangeError),
    "404": ((404, {}, html("Not Found")), ExchangeError),
    "418": ((418, {}, b""), ExchangeError),
}


@pytest.mark.parametrize("name", AGAIN)
def test_asked_again(name):
    answer, (hold, busy, banned, tries) = AGAIN[name]
    found = judge(*answer)
    assert isinstance(found, Again)
    assert (found.hold, found.busy, found.banned, found.tries) == (pytest.approx(hold), busy, banned, tries)
    assert found.reason.isprintable()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_for_good(name):
    answer, kind = REFUSED[name]
    with pytest.raises(ExchangeError) as refused:
        judge(*answer)
    assert type(refused.value) is kind
    assert refused.value.what.isprintable()


@pytest.mark.parametrize("body", [said(0), said(0, "success"), b'\n{"retCode":0,\n"result":{"list":[]}}\n'])
def test_served(body):
    found = judge(200, {}, body)
    assert isinstance(found, Envelope)
    assert found.ret_code == 0


def test_what_the_exchange_says_cannot_write_on_the_screen():
    found = judge(200, {}, said(99999, "\x1b[2J\x1b]0;owned\x07\n\u202e" + "x" * 10_000))
    assert found.reason.isprintable()
    assert len(found.reason) < 300
