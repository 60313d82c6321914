"""Faults on the way: statuses, pages for people, bodies and connections that break; the rows stay what they were."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from bt.exchange.answers import Answer, encode, head, page

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Change = Callable[[Answer, random.Random], Answer]

_HUGE: Final = 16 * 1024 * 1024  # bytes, more than any page
_NESTED: Final = 200_000
_SLOW: Final = 30.0  # s
_HEADER_LINE: Final = 100_000  # bytes
_CHUNKED: Final = "Transfer-Encoding: chunked"
_SINGLE: Final = 100  # bytes
_PART: Final = 9973  # bytes
_BOM: Final = b"\xef\xbb\xbf"
_CLOUDFRONT: Final = "The request could not be satisfied. Request blocked."
_COUNTRY: Final = "The Amazon CloudFront distribution is configured to block access from your country."


def too_frequent() -> Answer:
    """Refuse an address that asked too often; told from other 403s by its text alone."""
    return page("access too frequent", 403)


def _always(answer: Answer) -> Change:
    return lambda _answer, _draw: answer


def _body(change: Callable[[bytes], bytes]) -> Change:
    return lambda answer, _: replace(answer, body=change(answer.body))


def _wire(change: Callable[[Answer], tuple[bytes, ...]], *, abort: bool = False) -> Change:
    return lambda answer, _: replace(answer, pieces=change(answer), abort=abort)


def _zipped(change: Callable[[bytes], bytes]) -> Change:
    """Send a zipped body that its reader cannot unzip whole."""

    def changed(answer: Answer, _draw: random.Random) -> Answer:
        headers = {**answer.headers, "Content-Encoding": "gzip"}
        return replace(answer, body=change(gzip.compress(answer.body, 1, mtime=0)), headers=headers)

    return changed


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _corrupt(zipped: bytes) -> bytes:
    return zipped[:10] + bytes(255 - byte for byte in zipped[10:])


def _redirect(target: str | None) -> Change:
    """Send elsewhere; None is where the question went."""
    return lambda _answer, _draw: Answer(status=302, headers={"Location": target or "?again=1"})


def _later(answer: Answer, draw: random.Random) -> Answer:
    return replace(answer, delay=draw.uniform(0.0, 0.5))


def _other_date(answer: Answer, _draw: random.Random) -> Answer:
    moment = parsedate_to_datetime(answer.headers["Date"]) - timedelta(minutes=10)
    return replace(answer, headers={**answer.headers, "Date": format_datetime(moment, usegmt=True)})


def _no_limit_headers(answer: Answer, _draw: random.Random) -> Answer:
    kept = {name: text for name, text in answer.headers.items() if not name.startswith("X-Bapi-")}
    return replace(answer, headers=kept)


def _slow_body(answer: Answer, _draw: random.Random) -> Answer:
    single = (answer.body[place : place + 1] for place in range(len(answer.body)))
    return replace(answer, pieces=chain([head(answer)], single), pause=0.3)


def _sliced(answer: Answer, _draw: random.Random) -> Answer:
    """Send single bytes, of a long body at its beginning only: what is cut there is cut everywhere."""
    body = answer.body
    single = (body[place : place + 1] for place in range(min(_SINGLE, len(body))))
    rest = (body[place : place + _PART] for place in range(_SINGLE, len(body), _PART))
    return replace(answer, pieces=chain([head(answer)], single, rest))


def _endless(answer: Answer, _draw: random.Random) -> Answer:
    return replace(answer, pieces=chain([head(answer, "Content-Length: 999999999")], repeat(b" ")), pause=0.3)


def _chunk(body: bytes, announced: int) -> bytes:
    return f"{announced:x}\r\n".encode() + body


TRANSPORT: Final[dict[str, Change]] = {
    "429": _always(
        Answer(
            body=encode({"retCode": 10006, "retMsg": "Too many visits!"}),
            status=429,
            headers={"Retry-After": "3", "Content-Type": "application/json"},
        )
    ),
    "400": _always(page("Bad Request", 400)),
    "401": _always(page("Unauthorized", 401)),
    "403_ip_limit": _always(too_frequent()),
    "403_cloudfront": _always(page(_CLOUDFRONT, 403)),
    "403_country": _always(page(_COUNTRY, 403)),
    "404": _always(page("Not Found", 404)),
    "500": _always(page("Internal Server Error", 500)),
    "502": _always(page("Bad Gateway", 502)),
    "503": _always(page("Service Unavailable", 503)),
    "504": _always(page("Gateway Timeout", 504)),
    "204": lambda answer, _: Answer(status=204, headers=answer.headers),
    "200_html": _always(replace(page("Maintenance", 200), status=200)),
    "200_html_as_json": lambda answer, _: replace(answer, body=page("Maintenance", 200).body),
    "empty_200": _body(lambda _: b""),
    "null_json": _body(lambda _: b"null"),
    "array_json": _body(lambda _: b"[]"),
    "nan_json": _body(lambda body: body.replace(b'"retExtInfo":{}', b'"retExtInfo":NaN')),
    "duplicate_keys": _body(lambda body: body[:-1] + b',"retCode":10001}'),
    "deep_nesting": _body(lambda _: b"[" * _NESTED),
    "bom": _body(lambda body: _BOM + body),
    "newlines": _body(lambda body: b"\n" + body.replace(b'"retExtInfo"', b'\n"retExtInfo"') + b"\n"),
    "bad_utf8": _body(lambda body: body.replace(b'"retMsg":"', b'"retMsg":"\xff\xfe')),
    "corrupt_body": _body(lambda body: body.replace(b":", b";", 3)),
    "oversized_body": _body(lambda body: body + b" " * _HUGE),
    "truncated_valid_length": _body(_half),
    "truncated_chunked": _wire(lambda answer: (head(answer, _CHUNKED), _chunk(_half(answer.body), len(answer.body)))),
    "bad_chunk": _wire(lambda answer: (head(answer, _CHUNKED), b"ZZ\r\n" + answer.body)),
    "gzip_corrupt": _zipped(_corrupt),
    "gzip_truncated": _zipped(_half),
    "gzip_unzipped": lambda answer, _: replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}),
    "dropped": _wire(lambda _: ()),
    "reset": _wire(lambda _: (), abort=True),
    "reset_mid_body": _wire(lambda answer: (head(answer), _half(answer.body)), abort=True),
    "garbage_status_line": _wire(lambda _: (b"\x00\x01\x02 not http\r\n\r\n",)),
    "huge_header": lambda answer, _: replace(answer, headers={**answer.headers, "X-Huge": "a" * _HEADER_LINE}),
    "slow_headers": lambda answer, _: replace(answer, delay=_SLOW),
    "latency_spike": lambda answer, _: replace(answer, delay=3.0),
    "reordered_answers": _later,
    "slow_loris_body": _slow_body,
    "slow_forever": _endless,
    "slicer": _sliced,
    "redirect_loop": _redirect(None),
    "redirect_file": _redirect("file:///etc/passwd"),
    "redirect_other_host": _redirect("http://elsewhere.invalid/v5/market/kline"),
    "server_time_far": _other_date,
    "headers_missing": _no_limit_headers,
}
