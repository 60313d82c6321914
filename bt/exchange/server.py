"""The stand-in on the wire: counts a request, asks the endpoint, spoils the answer where a rule says so, sends it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from bt.errors import ExchangeError
from bt.exchange.answers import TOO_MANY_VISITS, Answer, page, refusal
from bt.exchange.contents import CONTENTS
from bt.exchange.endpoints import respond
from bt.exchange.faults import FAULTS, Injector, Rule
from bt.exchange.limits import Gate, Limits, Verdict
from bt.exchange.transport import too_frequent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bt.exchange.listings import Market

_HOST: Final = "127.0.0.1"
_GRACE: Final = 0.2  # s that open connections have when it ends


@dataclass(frozen=True, kw_only=True)
class Options:
    """Hold how the exchange behaves; `latency` in seconds, `pace` stretches every wait that is part of a fault."""

    limits: Limits = field(default_factory=Limits)
    faults: tuple[Rule, ...] = ()
    seed: int = 7
    latency: float = 0.0
    pace: float = 1.0


class Exchange:
    """Answer requests: `now` is the server's time in ms, `tick` seconds of a clock that never goes back."""

    def __init__(self, market: Market, options: Options, *, now: Callable[[], int], tick: Callable[[], float]) -> None:
        self._market, self._options, self._now, self._tick = market, options, now, tick
        self._gates: defaultdict[str, Gate] = defaultdict(lambda: Gate(options.limits))
        self._injector = Injector(options.faults, options.seed)
        self.requests = 0
        self.struck: defaultdict[str, int] = defaultdict(int)  # requests by fault

    @property
    def window(self) -> float:
        """Give the seconds over which the limit counts."""
        return self._options.limits.window

    @property
    def most(self) -> int:
        """Give the most requests of one address inside the window of the limit."""
        return max((gate.most for gate in self._gates.values()), default=0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of a client."""
        self.requests += 1
        answer = self._answer(request)
        delay = self._options.latency + answer.delay * self._options.pace
        if delay:
            await asyncio.sleep(delay)
        if answer.pieces is not None:
            await _send_pieces(request, answer, self._options.pace)
        headers = {"Date": _date(self._now() // 1000), **answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    def _answer(self, request: web.Request) -> Answer:
        now, moment = self._now(), self._tick()
        gate = self._gates[request.remote or ""]
        verdict = gate.judge(moment)
        if verdict is Verdict.BANNED:
            return too_frequent()
        if verdict is Verdict.WAIT:
            answer = refusal(TOO_MANY_VISITS, "Too many visits!", now)
        elif request.method != "GET":
            return page("Bad Request", 400)
        elif request.can_read_body:  # a GET with a body, even an empty object
            return page("The request could not be satisfied.", 403)
        else:
            answer = respond(self._market, request.path, request.query, now)
        answer = replace(answer, headers={**answer.headers, **gate.headers(moment, now), "Date": _date(now // 1000)})
        return self._spoiled(answer, request)

    def _spoiled(self, answer: Answer, request: web.Request) -> Answer:
        fault, draw = self._injector.strike(request.path_qs, request.query.get("symbol", ""))
        if fault is None or (fault in CONTENTS and answer.status != HTTPStatus.OK):  # a page has no rows
            return answer
        self.struck[fault] += 1
        return FAULTS[fault](answer, draw)


@asynccontextmanager
async def listening(exchange: Exchange, port: int = 0) -> AsyncIterator[str]:
    """Listen on loopback as long as the context lasts; give the address, its port a free one where 0 was asked."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", exchange.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ExchangeError(f"cannot listen on port {port}: {error.strerror}", "--port 0 takes a free one") from None
    try:
        yield f"http://{_HOST}:{_port(runner)}"
    finally:
        await runner.cleanup()


async def _send_pieces(request: web.Request, answer: Answer, pace: float) -> None:
    """Write bytes past the HTTP library, then end the connection; a client that went away ends it too."""
    transport = request.transport
    for piece in answer.pieces or ():
        if transport is None or transport.is_closing():
            return
        transport.write(piece)
        await asyncio.sleep(answer.pause * pace)
    if transport is not None:
        transport.abort() if answer.abort else transport.close()


def _port(runner: web.AppRunner) -> Any:
    return runner.addresses[0][1]


@lru_cache(maxsize=64)
def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
