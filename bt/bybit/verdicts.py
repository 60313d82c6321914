"""What an answer means: served, to be asked again (when?), or refused for good; pure, nothing is sent or waited for.

Sources: Bybit v5 error codes and rate limit rules, and what its clients met (10006 without headers, 403 as HTML).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.bybit.answers import Malformed, envelope
from bt.errors import ExchangeError
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.bybit.answers import Envelope

_OK, _FORBIDDEN, _TOO_MANY, _FIRST_SERVER_ERROR = 200, 403, 429, 500
_BUSY: Final = {10006, 10018, 429}  # slower, please
_PASSING: Final = {10000, 10016, *_BUSY}
_PARAMETERS: Final = 10001
_LASTING: Final = {10003, 10004, 10005, 10007, 10008, 10010, 10017, 10024, 10027, 10029, 170209, 170222}
_COMPLAINS: Final = re.compile("params|symbol|category|invalid", re.IGNORECASE)
_REGION: Final = 10009
_FEW_TRIES: Final = 3  # where nothing is known of a code
_LONGEST_HOLD: Final = 60.0  # s that a header can make everybody wait
_BLOCKED: Final = "bt import takes files: the archives of Bybit and Binance need no API"


class UnknownSymbolError(ExchangeError):
    """The exchange has no such symbol."""


class ClosedError(ExchangeError):
    """The exchange serves this address nothing at all."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """Ask once more: `hold` seconds are for all tasks, `busy` asks all for a slower pace, `tries` bounds the tries."""

    reason: str
    hold: float = 0.0
    busy: bool = False
    banned: bool = False
    tries: int | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Envelope | Again:
    """Say what an answer means; raise ExchangeError where asking again is of no use."""
    if status == _FORBIDDEN:
        return _forbidden(body)
    if status == _TOO_MANY:
        return Again(reason="HTTP 429: too many requests", hold=_hold(headers, 0), busy=True)
    if status >= _FIRST_SERVER_ERROR or status == 204:  # noqa: PLR2004 - nothing was said
        return Again(reason=f"HTTP {status}")
    if 300 <= status < 400:  # noqa: PLR2004
        return Again(reason=f"HTTP {status}: sent elsewhere, which is not followed", tries=_FEW_TRIES)
    if status != _OK:
        raise ExchangeError(f"the exchange answers HTTP {status}", "is --base-url right?")
    try:
        found = envelope(body)
    except Malformed as error:
        return Again(reason=str(error))
    return found if found.ret_code == 0 else _refused(found, headers)


def _forbidden(body: bytes) -> Again:
    text = body[:2000].lower()
    if b"too frequent" in text:
        return Again(reason="HTTP 403: access too frequent", busy=True, banned=True)
    raise ClosedError("the exchange does not serve this address (HTTP 403: country, or a blocked network)", _BLOCKED)


def _refused(found: Envelope, headers: Mapping[str, str]) -> Again:
    code, said = found.ret_code, f"{found.ret_code} {shown(found.ret_msg)}"
    if code in _PASSING:
        busy = code in _BUSY
        return Again(reason=f"retCode {said}", hold=_hold(headers, found.time) if busy else 0.0, busy=busy)
    if code == _PARAMETERS and _COMPLAINS.search(found.ret_msg):
        if "symbol" in found.ret_msg.lower():
            raise UnknownSymbolError(
                f"the exchange does not know the symbol ({said})", "bt symbols lists what there is"
            )
        raise ExchangeError(f"the exchange refuses the question ({said})", "report it: bt asked wrongly")
    if code == _REGION:
        raise ClosedError(f"the exchange does not serve this region ({said})", _BLOCKED)
    if code in _LASTING:
        raise ExchangeError(f"the exchange refuses ({said})")
    return Again(reason=f"retCode {said}", tries=_FEW_TRIES)


def spent(headers: Mapping[str, str], server: int) -> float:
    """Give for how many seconds all must wait after an answer that says that the limit is used up."""
    return _hold(headers, server) if headers.get("X-Bapi-Limit-Status") == "0" else 0.0


def _hold(headers: Mapping[str, str], server: int) -> float:
    """Give for how many seconds all must wait: Retry-After, or until the limit is reset, told in the server's time."""
    after = _number(headers.get("Retry-After"))
    reset = _number(headers.get("X-Bapi-Limit-Reset-Timestamp"))
    until_reset = (reset - server) / 1000 if reset and server else 0.0
    return min(max(after, until_reset, 0.0), _LONGEST_HOLD)


def _number(text: str | None) -> float:
    return float(text) if text and text.isascii() and text.isdigit() else 0.0
