"""A stand-in on loopback with a small made-up market, a time that stands, and a plain client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import msgspec
import polars as pl
import pytest

from bt import seeded, symbols
from bt.exchange import Exchange, Limits, Listing, Market, Options, listening, read_rules

DAYS = 3
FIRST = 1_704_067_200_000  # 2024-01-01, ms
MINUTE = 60_000
END = FIRST + DAYS * 1440 * MINUTE
NOW = END + 19_000


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict:
        return msgspec.json.decode(self.body)

    @property
    def rows(self) -> list:
        return self.document["result"]["list"]


Ask = Callable[..., list[Reply | Exception]]


@pytest.fixture(scope="session")
def market() -> Market:
    """Give two linear symbols, a spot one, an inverse one, one that was delisted, one with a changing funding."""
    made = {name: seeded.candles(name, days=DAYS) for name in seeded.SYMBOLS}
    eight = seeded.funding("ALPHAUSDT", days=DAYS)
    hourly = [datetime(2023, 11, 22) + timedelta(hours=8 * n) for n in range(90)]
    hourly += [hourly[-1] + timedelta(hours=n + 1) for n in range(300)]
    rates = pl.DataFrame(
        {"ts": hourly, "rate": [0.0001] * len(hourly)}, schema={"ts": pl.Datetime("us"), "rate": pl.Float64}
    )
    listings = [
        ("ALPHAUSDT", made["ALPHAUSDT"], eight),
        ("BETAUSDT", made["BETAUSDT"], rates),
        ("OLDUSDT", made["GAMMAUSDT"].head(1000), eight),
        ("spot:ALPHAUSDT", made["ALPHAUSDT"], eight.clear()),
        ("inverse:ALPHAUSD", made["ALPHAUSDT"], eight),
    ]
    return Market(Listing(symbol=symbols.parse(name), candles=rows, funding=rate) for name, rows, rate in listings)


@pytest.fixture
def ask(market: Market) -> Ask:
    """Ask a fresh stand-in one question after the other; what the client raised stands in a reply's place."""

    def asked(
        *questions: str,
        faults: str = "",
        now: int = NOW,
        ticks: list[float] | None = None,
        timeout: float = 3,
        **limits: float,
    ):
        left = iter(ticks or [])
        options = Options(limits=Limits(**limits), faults=read_rules(faults), pace=0.0001)
        exchange = Exchange(market, options, now=lambda: now, tick=lambda: next(left, 0.0))
        return asyncio.run(_asked(exchange, questions, timeout))

    return asked


async def _asked(exchange: Exchange, questions: tuple[str, ...], seconds: float) -> list[Reply | Exception]:
    async with listening(exchange) as address, aiohttp.ClientSession() as session:
        return [await _one(session, f"{address}/v5/market/{question}", seconds) for question in questions]


async def _one(session: aiohttp.ClientSession, url: str, seconds: float) -> Reply | Exception:
    limit = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(url, allow_redirects=False, timeout=limit) as response:
            return Reply(response.status, dict(response.headers), await response.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        return error
