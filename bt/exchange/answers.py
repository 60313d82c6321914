"""What an answer is before it goes on the wire, and the envelope Bybit puts around every result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JSON: Final = "application/json; charset=utf-8"
HTML: Final = "text/html"
PARAMETER_ERROR: Final = 10001
TOO_MANY_VISITS: Final = 10006
_REASONS: Final = {200: "OK", 204: "No Content", 302: "Found", 403: "Forbidden", 429: "Too Many Requests"}

_encoder = msgspec.json.Encoder()
encode = _encoder.encode


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold one answer: a body with its status and headers, or (`pieces`) the very bytes of the connection.

    `delay` is seconds before the first byte, `pause` seconds between pieces; after pieces the connection is closed,
    where `abort` is set without the usual farewell.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    delay: float = 0.0
    pieces: Iterable[bytes] | None = None
    pause: float = 0.0
    abort: bool = False


def success(result: Any, now: int) -> Answer:
    """Wrap a result as the API does; `now` is the server's time in ms."""
    return Answer(body=encode({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}))


def refusal(code: int, message: str, now: int) -> Answer:
    """Refuse as the API does: HTTP 200, a retCode that is not 0, an empty result."""
    return Answer(body=encode({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": now}))


def page(text: str, status: int, title: str = "ERROR") -> Answer:
    """Give a page for people, as whatever stands in front of the API does."""
    body = f"<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY><H1>{status} ERROR</H1>{text}</BODY></HTML>"
    return Answer(body=body.encode(), status=status, headers={"Content-Type": HTML})


def head(answer: Answer, *lines: str) -> bytes:
    """Write the status line and headers of an answer as they stand on the wire, `lines` in place of a length."""
    written = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Whatever')}"]
    written += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*written, *(lines or [f"Content-Length: {len(answer.body)}"]), "", ""]).encode()
