"""Questions to Bybit's public market endpoints: paced, checked, asked again where that helps, and counted."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from bt.bybit import answers
from bt.bybit.answers import Candles, Instrument, Malformed, Settlement, Settlements
from bt.bybit.limiter import Limiter
from bt.bybit.verdicts import Again, ClosedError, judge, spent
from bt.errors import BtError, ExchangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import msgspec

HOST: Final = "https://api.bybit.com"
PACE: Final = 109.0  # requests a second: with all that is on its way still below the 600 in 5 s that Bybit allows
CANDLES: Final = 1000  # rows an answer holds at most
SETTLEMENTS: Final = 200
MINUTE_MS: Final = 60_000  # ms

_STATUSES: Final = ("Closed", "Delivering", "PreLaunch", "Trading")  # of a symbol listed twice the last counts
_FARTHEST: Final = 7_258_118_400_000  # ms: the year 2200
_SKEW: Final = 60_000  # ms that the clock in an answer may differ from the one in its header
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How the exchange is asked: pace in requests a second, waits in seconds."""

    pace: float = PACE
    in_flight: int = 40  # answers waited for at once
    answer: float = 30.0  # for one whole answer
    silence: float = 10.0  # without a byte
    tries: int = 6  # of one question
    spent: float = 120.0  # on one question
    pause: float = 0.5  # before the second try; doubles, drawn from 0 to it (full jitter)
    longest_pause: float = 30.0
    ban: float = 610.0  # after "access too frequent"
    largest: int = 4 << 20  # bytes of one answer


@dataclass(kw_only=True)
class Counts:
    """How much was asked."""

    requests: int = 0
    retries: int = 0
    bans: int = 0


class Bybit:
    """Ask one host; use it as an asynchronous context.

    `warn` is told, in a sentence, what a person should know. Every question raises UnknownSymbolError or another
    ExchangeError after its last try, ClosedError where the exchange serves this address nothing.
    """

    def __init__(
        self, url: str = HOST, *, manners: Manners | None = None, warn: Callable[[str], None] = lambda _text: None
    ) -> None:
        self.host = _host(url)
        self.counts = Counts()
        self.warn = warn
        self._url = url.rstrip("/")
        self._manners = manners or Manners()
        self._limiter = Limiter(self._manners.pace, clock=time.monotonic, sleep=asyncio.sleep)
        self._places = asyncio.Semaphore(self._manners.in_flight)
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        limits = aiohttp.ClientTimeout(total=self._manners.answer, sock_read=self._manners.silence)
        connector = aiohttp.TCPConnector(limit=self._manners.in_flight)
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=limits,
            trust_env=not is_local(self.host),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_only_once,),
        )
        self._session = await self._closing.enter_async_context(session)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._closing.aclose()

    async def now(self) -> int:
        """Give the server's time in ms; of two that differ by more than a minute the older one."""

        def read(result: msgspec.Raw, said: int, headers: Mapping[str, str]) -> int:
            told = min(answers.read(answers.Clock, result).time_second * 1000, said)
            if not 0 < told < _FARTHEST:
                raise Malformed("no time in the answer")
            dated = _milliseconds(headers.get("Date"))
            if dated is None or abs(dated - told) <= _SKEW:
                return told
            self.warn("the exchange tells two times, minutes apart: the older one counts")
            return min(dated, told)

        return await self._ask("time", {}, read)

    async def candles(
        self,
        category: str,
        symbol: str,
        *,
        start: int | None = None,
        end: int | None = None,
        limit: int = CANDLES,
        check: Callable[[Candles], _Answer],
    ) -> _Answer:
        """Give what `check` makes of 1-minute candles; `start` and `end` in ms, inclusive, of the candles' own starts.

        Of more than `limit` candles between both the newest come; from `start` alone the oldest. `check` raises
        Malformed where they are not what was asked for: then they are asked for again.
        """
        given = {"start": start, "end": end, "limit": limit}
        query = {"category": category, "symbol": symbol, "interval": "1"} | _known(given)

        def read(result: msgspec.Raw, _said: int, _headers: Mapping[str, str]) -> _Answer:
            found = answers.read(Candles, result)
            if (found.symbol, found.category) != (symbol, category):
                raise Malformed(f"candles of {found.category} {found.symbol}, not of {category} {symbol}")
            return check(found)

        return await self._ask("kline", query, read)

    async def settlements(self, category: str, symbol: str, *, start: int, end: int) -> list[Settlement]:
        """Give the funding settlements from `start` to `end` (ms, inclusive), oldest first; at most the newest 200."""
        query = {"category": category, "symbol": symbol, "startTime": start, "endTime": end, "limit": SETTLEMENTS}

        def read(result: msgspec.Raw, _said: int, _headers: Mapping[str, str]) -> list[Settlement]:
            found = answers.read(Settlements, result).rows
            if any(one.symbol != symbol or not start <= one.funding_rate_timestamp <= end for one in found):
                raise Malformed(f"settlements that were not asked for: not {symbol}, or of another time")
            if any(not abs(one.funding_rate) < 1 for one in found):
                raise Malformed(f"{symbol}: a funding rate that is no fraction")
            by_time = {one.funding_rate_timestamp: one for one in found}
            if any(by_time[one.funding_rate_timestamp] != one for one in found):
                raise Malformed(f"{symbol}: two funding rates at one time")
            return [by_time[moment] for moment in sorted(by_time)]

        return await self._ask("funding/history", query, read)

    async def instruments(self, category: str) -> list[Instrument]:
        """Give every instrument of a category, closed ones too; one that cannot be read is passed over with a word."""
        statuses = ("",) if category == "spot" else _STATUSES
        found = {one.symbol: one for status in statuses for one in await self._listed(category, status)}
        return list(found.values())

    async def _listed(self, category: str, status: str) -> list[Instrument]:
        listed: dict[str, Instrument] = {}
        cursor = ""
        while True:
            query = {"category": category, "limit": CANDLES} | ({"status": status} if status else {})
            page = await self._ask("instruments-info", query, _page_of(category), cursor=cursor)
            before = len(listed)
            listed |= {one.symbol: one for one in map(self._instrument, page.rows) if one}
            cursor = page.next_page_cursor
            if not cursor or category == "spot":
                return list(listed.values())
            if len(listed) == before:
                raise ExchangeError(f"the exchange lists its {category} instruments in a circle", "try again later")

    def _instrument(self, text: msgspec.Raw) -> Instrument | None:
        try:
            return answers.read(Instrument, text)
        except Malformed as error:
            self.warn(f"passed over instrument {answers.name_of(text)!a}: {error}")
            return None

    async def _ask(
        self,
        path: str,
        query: Mapping[str, Any],
        read: Callable[[msgspec.Raw, int, Mapping[str, str]], _Answer],
        *,
        cursor: str = "",
    ) -> _Answer:
        text = urlencode(query) + (f"&cursor={cursor}" if cursor else "")  # a cursor comes encoded
        url = URL(f"{self._url}/v5/market/{path}" + (f"?{text}" if text else ""), encoded=True)
        tries, taken = 0, 0.0
        while True:
            async with self._places:
                await self._limiter.turn()
                sent = time.monotonic()
                again = await self._once(url, read)
            if not isinstance(again, Again):
                return again[0]
            tries += not again.banned
            self._obey(again, sent)
            pause = random.uniform(0, min(self._manners.pause * 2 ** (tries - 1), self._manners.longest_pause))  # noqa: S311
            taken += time.monotonic() - sent + pause  # without the wait for a turn, or for the end of a ban
            late = taken > self._manners.spent
            if tries >= min(again.tries or self._manners.tries, self._manners.tries) or (late and not again.banned):
                asked = f"{query.get('symbol', '')} {path}".strip()
                what = f"{asked} at {self.host}: no use after {tries} tries: {again.reason}"
                raise ExchangeError(what, "the same command goes on")
            self.counts.retries += 1
            await asyncio.sleep(pause)

    async def _once(self, url: URL, read: Callable[..., _Answer]) -> Again | tuple[_Answer]:
        """Send one question; give its answer, or why it must be sent again."""
        self.counts.requests += 1
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = await self._body(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Again(reason=_network(error))
        except ValueError as error:  # aiohttp: chunks and headers that are none
            return Again(reason=f"not HTTP ({error})")
        found = judge(response.status, response.headers, body)
        if isinstance(found, Again):
            return found
        self._limiter.recover()
        self._limiter.hold(spent(response.headers, found.time))
        try:
            return (read(found.result, found.time, response.headers),)
        except Malformed as error:
            return Again(reason=str(error))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._manners.largest:
                response.close()
                raise aiohttp.ClientPayloadError(f"an answer of more than {self._manners.largest >> 20} MiB")
        return bytes(body)

    def _obey(self, again: Again, sent: float) -> None:
        """Let all tasks wait or slow down, as the exchange asks of a question sent at a moment."""
        if again.busy:
            self._limiter.slow_down(sent)
        if again.hold:
            self._limiter.hold(again.hold)
        if again.banned:
            self._wait_out_the_ban()

    def _wait_out_the_ban(self) -> None:
        """Hold everybody back once for the whole ban; a second ban in one client is the end."""
        now = time.monotonic()
        if now < self._banned_until:  # others met the same ban
            return
        if self.counts.bans:
            raise ClosedError(
                "the exchange refused this address again: too many requests", "wait, and give a lower --rate"
            )
        self.counts.bans += 1
        self._banned_until = now + self._manners.ban
        self._limiter.hold(self._manners.ban)
        minutes = self._manners.ban / 60
        self.warn(f"the exchange refuses this address for a while (too many requests): waiting {minutes:g} minutes")

    _banned_until = float("-inf")


def is_local(host: str) -> bool:
    """Say whether a host is this machine: no proxy stands before it, and no limit of Bybit's."""
    return host.rpartition(":")[0].strip("[]") in {"127.0.0.1", "localhost", "::1"}


def _host(url: str) -> str:
    """Give host and port of an address; refuse what is none."""
    refused = BtError(f"not an address of an exchange: {url!a}", f"--base-url {HOST}, or none")
    try:
        parts = urlsplit(url)
        _ = parts.port  # ValueError where it is no number, or none that there is
    except ValueError:
        raise refused from None
    odd = not url.isprintable() or " " in url or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
        raise refused
    return parts.netloc.rpartition("@")[2]


def _page_of(category: str) -> Callable[[msgspec.Raw, int, Mapping[str, str]], answers.Page]:
    def read(result: msgspec.Raw, _said: int, _headers: Mapping[str, str]) -> answers.Page:
        page = answers.read(answers.Page, result)
        if page.category != category:
            raise Malformed(f"instruments of {page.category}, not of {category}")
        return page

    return read


def _known(given: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in given.items() if value is not None}


async def _only_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, and let aiohttp not send it again where the connection drops: that would be past the limiter."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:  # nothing was sent
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(str(error) or type(error).__name__) from error


def _network(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "network or DNS: the host is not found"
    return f"network: {error or type(error).__name__}"


def _milliseconds(date: str | None) -> int | None:
    try:
        moment: datetime | None = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment else None
