"""What each endpoint answers when nothing goes wrong: pure functions of the market, the question and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from bt.exchange.answers import PARAMETER_ERROR, Answer, page, refusal, success
from bt.exchange.instruments import described
from bt.exchange.series import INTERVALS, Window, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bt.exchange.listings import Listing, Market

_CATEGORIES: Final = ("spot", "linear", "inverse")
_KLINES: Final = (200, 1000)  # default, most
_FUNDINGS: Final = (200, 200)
_INSTRUMENTS: Final = (500, 1000)
_NOT_SUPPORTED: Final = "Not supported symbols"


@dataclass(frozen=True)
class Refused(Exception):  # noqa: N818 - not a fault of ours, an answer
    """A question the exchange does not take."""

    message: str


def respond(market: Market, path: str, asked: Mapping[str, str], now: int) -> Answer:
    """Answer a question; `now` is the server's time in ms."""
    endpoint = _ENDPOINTS.get(path)
    if endpoint is None:
        return page("Not Found", 404)
    try:
        return success(endpoint(market, asked, now), now)
    except Refused as refused:
        return refusal(PARAMETER_ERROR, refused.message, now)


def _time(_market: Market, _asked: Mapping[str, str], now: int) -> dict[str, str]:
    return {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}


def _kline(market: Market, asked: Mapping[str, str], now: int) -> dict[str, Any]:
    category, listing = _listing(market, asked, _CATEGORIES)
    interval = asked.get("interval", "")
    if interval not in INTERVALS:
        raise Refused("params error: intervalTime is invalid")
    window = Window(
        start=_number(asked, "start"), end=_number(asked, "end"), limit=_limit(asked, _KLINES)
    )  # `startTime` and `endTime` are not refused, and mean nothing
    rows = msgspec.Raw(listing.series(interval).page(window, now))
    return {"symbol": listing.code, "category": category, "list": rows}


def _funding(market: Market, asked: Mapping[str, str], now: int) -> dict[str, Any]:
    category, listing = _listing(market, asked, _CATEGORIES[1:])
    start, end, limit = _number(asked, "startTime"), _number(asked, "endTime"), _limit(asked, _FUNDINGS)
    if start is not None and end is None:
        raise Refused("params error: endTime is required with startTime")
    stamps = listing.stamps()
    last = int(np.searchsorted(stamps, now if end is None else min(end, now), side="right"))
    first = 0 if start is None else int(np.searchsorted(stamps, start, side="left"))
    chosen = slice(max(first, last - limit), last)
    rates = plain(listing.funding["rate"][chosen])
    rows = [
        {"symbol": listing.code, "fundingRate": rate, "fundingRateTimestamp": str(stamp)}
        for stamp, rate in zip(stamps[chosen].tolist(), rates, strict=True)
    ]
    return {"category": category, "list": rows[::-1]}


def _instruments(market: Market, asked: Mapping[str, str], now: int) -> dict[str, Any]:
    category = _category(asked, _CATEGORIES)
    code, status = asked.get("symbol"), asked.get("status", "Trading")
    listed = [
        one
        for one in market.listed(category)
        if one.code == (code or one.code) and (code or one.is_closed(now) == (status == "Closed"))
    ]
    if code and not listed:
        raise Refused(_NOT_SUPPORTED)
    if category == "spot":  # ignores limit and cursor
        return {"category": category, "list": [described(one, now) for one in listed]}
    after = _after(asked.get("cursor", ""))
    limit = _limit(asked, _INSTRUMENTS)
    left = [one for one in listed if one.code > after]
    given = left[:limit]
    more = given and (code or len(left) > limit)  # one symbol alone has a cursor too
    cursor = f"first%3D{given[0].code}%26last%3D{given[-1].code}" if more else ""
    return {"category": category, "list": [described(one, now) for one in given], "nextPageCursor": cursor}


_ENDPOINTS: Final[dict[str, Callable[[Market, Mapping[str, str], int], dict[str, Any]]]] = {
    "/v5/market/time": _time,
    "/v5/market/kline": _kline,
    "/v5/market/funding/history": _funding,
    "/v5/market/instruments-info": _instruments,
}


def _category(asked: Mapping[str, str], known: tuple[str, ...]) -> str:
    category = asked.get("category", "linear")
    if category not in known:
        raise Refused("params error: Category is invalid")
    return category


def _listing(market: Market, asked: Mapping[str, str], known: tuple[str, ...]) -> tuple[str, Listing]:
    category = _category(asked, known)
    listing = market.find(category, asked.get("symbol", ""))
    if listing is None:
        raise Refused(_NOT_SUPPORTED)
    return category, listing


def _number(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - what 64 bits hold
        raise Refused(f"params error: {name} is invalid")
    return int(text)


def _limit(asked: Mapping[str, str], bounds: tuple[int, int]) -> int:
    default, most = bounds
    limit = _number(asked, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise Refused("params error: limit is invalid")
    return limit


def _after(cursor: str) -> str:
    """Read the name after which a page goes on; a cursor that was encoded twice is no cursor."""
    if not cursor:
        return ""
    _, found, name = cursor.partition("&last=")
    if not found:
        raise Refused("params error: cursor is invalid")
    return name
