"""The command `bt exchange`: a stand-in for Bybit on this machine, until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli import shared
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from types import FrameType

    from bt.exchange import Exchange
    from bt.output.narration import Narrator


def exchange(
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Parquet of 1-minute candles or funding; repeats. None: a made-up market."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults", help="mild, harsh, or a list of name, name:share, name@n-th, name/SYMBOL.", metavar="FAULTS"
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="What decides which requests meet a fault.")] = 7,
    now: Annotated[
        str, typer.Option("--now", help="Its time, standing still: UTC, or end of the data.", metavar="MOMENT")
    ] = "end",
    latency: Annotated[float, typer.Option("--latency", help="Milliseconds before every answer.", min=0)] = 0,
    rate: Annotated[int, typer.Option("--rate", help="Requests in 5 s before a 403; 0 for no limit.", min=0)] = 600,
    ban: Annotated[float, typer.Option("--ban", help="Seconds that a 403 lasts.", min=0)] = 600,
    per_second: Annotated[
        int, typer.Option("--per-second", help="Requests a second before a 10006; 0 for no limit.", min=0)
    ] = 0,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Serve candles on this machine as Bybit does, with its limits and quirks, and with faults on request."""
    import asyncio
    import time

    from bt.exchange import Exchange, Limits, Options, market_from_files, read_rules, seeded_market
    from bt.output.narration import Narrator

    narrator = Narrator("none" if quiet else progress)
    limits = Limits(requests=rate, ban=ban, per_second=per_second)
    options = Options(limits=limits, faults=read_rules(faults), seed=seed, latency=latency / 1000)
    market = market_from_files(data) if data else seeded_market()
    standing = _milliseconds(now, market.end)
    return asyncio.run(
        _serve(Exchange(market, options, now=lambda: standing, tick=time.monotonic), port, narrator)
    )  # fmt: skip


def _milliseconds(text: str, end: int) -> int:
    """Give the moment in ms; the end of the data is one at which a candle has begun and every given one is finished."""
    from datetime import UTC, datetime

    from bt import timeframes

    if text == "end":
        return end + 19_000
    moment = timeframes.moment(text, relative_to=datetime.now(UTC).replace(tzinfo=None))
    if moment.year > 2200:  # noqa: PLR2004
        raise BtError(f"date out of range: {text!r}", "the exchange's time is one that its data can reach")
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


async def _serve(exchange: Exchange, port: int, narrator: Narrator) -> int:
    """Listen until a signal comes; give the exit code that stands for it."""
    import asyncio
    import signal
    from contextlib import suppress

    from bt.exchange import listening

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    codes: dict[int, ExitCode] = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

    def end(number: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # asked twice, and it has ended
            loop.call_soon_threadsafe(settle, int(codes[number]))

    def settle(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    for number in codes:
        signal.signal(number, end)
    async with listening(exchange, port) as address:
        narrator.say(f"exchange listening on {address}")
        ending = await ended
    struck = sum(exchange.struck.values())
    narrator.say(
        f"exchange ended: {exchange.requests:,} requests, {struck:,} of them met a fault; "
        f"at most {exchange.most:,} in {exchange.window:g} s"
    )
    return ending
