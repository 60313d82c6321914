"""A stand-in exchange on loopback, a client in a hurry, and what is in the warehouse afterwards."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Self

import polars as pl
from aiohttp import web

from bt import seeded, symbols
from bt.bybit import Bybit, Counts, Manners
from bt.errors import BtError
from bt.exchange import Exchange, Limits, Listing, Market, Options, listening, read_rules
from bt.ingest.download import Brought, Watcher, Wish, download
from bt.warehouse import Warehouse

DAYS = 3
START = seeded.START
MINUTE = timedelta(minutes=1)
END = START + timedelta(days=DAYS)
NOW = END + timedelta(seconds=19)
HOLE = (1735, 95)  # where BETAUSDT has no candles: first minute, minutes
FREE = Limits(requests=0)
HURRIED = Manners(pace=20_000, pause=0.001, longest_pause=0.01, ban=0.05, answer=0.5, silence=0.2, spent=30)
RATES = {"ts": pl.Datetime("us"), "rate": pl.Float64}


@cache
def candles(name: str = "ALPHAUSDT", days: int = DAYS) -> pl.DataFrame:
    return seeded.candles(name, days=days)


def rates(every: int = 8, first: datetime = START, rows: int = DAYS * 3) -> pl.DataFrame:
    """Give funding every so many hours; every rate is another one."""
    stamps = [first + timedelta(hours=every * n) for n in range(rows)]
    return pl.DataFrame({"ts": stamps, "rate": [(n + 1) / 1e6 for n in range(rows)]}, schema=RATES)


def listing(name: str, rows: pl.DataFrame, funding: pl.DataFrame | None = None) -> Listing:
    return Listing(symbol=symbols.parse(name), candles=rows, funding=rates() if funding is None else funding)


def market(*listings: Listing) -> Market:
    return Market(listings)


def between(rows: pl.DataFrame, first: int, end: int) -> pl.DataFrame:
    """Give the candles of minutes from `first` to before `end`, counted from the start."""
    return rows.filter(pl.col("ts").is_between(START + first * MINUTE, START + end * MINUTE, closed="left"))


def holed(rows: pl.DataFrame, first: int, minutes: int) -> pl.DataFrame:
    return pl.concat([between(rows, -1, first), between(rows, first + minutes, 10**6)])


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)


@dataclass(kw_only=True)
class Outcome:
    """What one ingest ended with."""

    brought: dict[str, Brought] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    warnings: list[str] = field(default_factory=list)
    error: BtError | None = None
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        return not self.error and all(not one.problem and not one.missing for one in self.brought.values())


class Scene:
    """One exchange at one address, and one warehouse; every `bring` is an ingest. A context.

    Without a warehouse of its own it takes the one in memory that all share, emptied: one at a time.
    """

    def __init__(self, market: Market, warehouse: Warehouse | None = None, now: datetime = NOW) -> None:
        self.market, self.warehouse, self.now = market, warehouse or empty(_in_memory()), now
        self.questions: list[tuple[str, dict[str, str]]] = []
        self._runner = asyncio.Runner()
        self.exchange = self.open()

    def open(self, faults: str = "", limits: Limits = FREE, seed: int = 7, pace: float = 0.001) -> Exchange:
        """Begin anew with other faults; the address stays."""
        options = Options(limits=limits, faults=read_rules(faults), seed=seed, pace=pace)
        self.exchange = Exchange(self.market, options, now=lambda: milliseconds(self.now), tick=time.monotonic)
        return self.exchange

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._serving = listening(self)
        self.url = self._runner.run(self._serving.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._serving.__aexit__(*error))
        self._runner.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.questions.append((request.path.removeprefix("/v5/market/"), dict(request.query)))
        return await self.exchange.handle(request)

    def asked(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query in self.questions if asked == path]

    def pages(self) -> list[tuple[int, int]]:
        """Give the candles asked for, first and last minute since the start; not those that seek an edge."""
        return [
            ((int(one["start"]) - milliseconds(START)) // 60_000, (int(one["end"]) - milliseconds(START)) // 60_000)
            for one in self.asked("kline")
            if one["limit"] != "1"
        ]

    def bring(
        self,
        names: str = "ALPHAUSDT",
        *,
        faults: str = "",
        manners: Manners = HURRIED,
        seed: int = 7,
        pace: float = 0.001,
        **wish: object,
    ) -> Outcome:
        """Ingest, with `first`, `end`, `repair` … as in a Wish; what was asked before is forgotten."""
        self.open(faults, seed=seed, pace=pace)
        self.questions.clear()
        return self._runner.run(self._bring(names, manners, {"first": START} | wish))

    async def _bring(self, names: str, manners: Manners, wish: dict) -> Outcome:
        outcome, began = Outcome(), time.monotonic()
        async with Bybit(self.url, manners=manners, warn=outcome.warnings.append) as client:
            outcome.counts = client.counts
            try:
                wanted = Wish(symbols=symbols.parse_many([names]), now=await client.now(), **wish)
                watcher = Watcher(warn=outcome.warnings.append)
                for one in await download(self.warehouse, client, wanted, watcher):
                    outcome.brought[one.symbol.name] = one
            except BtError as error:
                outcome.error = error
        outcome.seconds = time.monotonic() - began
        return outcome

    def ask(self, question: Callable, *, faults: str = "", manners: Manners = HURRIED, **options: object):
        """Give what one `await question(client)` gives, the client's counts, and its warnings."""
        self.open(faults, **options)
        self.questions.clear()
        return self._runner.run(self._ask(question, manners))

    async def _ask(self, question: Callable, manners: Manners):
        warnings: list[str] = []
        async with Bybit(self.url, manners=manners, warn=warnings.append) as client:
            return await question(client), client.counts, warnings


@contextmanager
def in_a_thread(exchange: Exchange) -> Iterator[str]:
    """Let an exchange listen while the test does something else; give its address."""
    ready, address = threading.Event(), []

    async def serve() -> None:
        stop = asyncio.Event()
        async with listening(exchange) as url:
            address.extend([url, asyncio.get_running_loop(), stop])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    ready.wait(10)
    try:
        yield address[0]
    finally:
        address[1].call_soon_threadsafe(address[2].set)
        thread.join(10)


@cache
def _in_memory() -> Warehouse:
    return Warehouse()


def empty(warehouse: Warehouse) -> Warehouse:
    """Take everything out of a warehouse: quicker than a new one."""
    with warehouse.write() as connection:
        for table in ("candles", "funding", "absences", "ingests", "rejected_candles", "instruments"):
            connection.execute(f"delete from {table}")
    return warehouse


def content(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    """Give everything that two ingests must agree on, whatever happened on the way."""
    return {
        "candles": warehouse.query("from candles order by symbol, ts, rowid"),
        "funding": warehouse.query("from funding order by symbol, ts, rowid"),
        "absences": warehouse.query("select symbol, first_ts, last_ts from absences order by all"),
        "instruments": warehouse.query("select * exclude (source, as_of) from instruments order by all"),
    }


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)


def stored(warehouse: Warehouse, name: str = "ALPHAUSDT") -> pl.DataFrame:
    return warehouse.query("select * exclude (symbol) from candles where symbol = ? order by ts, rowid", [name])


def funding(warehouse: Warehouse, name: str = "ALPHAUSDT") -> pl.DataFrame:
    return warehouse.query("select ts, rate from funding where symbol = ? order by ts, rowid", [name])


def hurried(**changes: float) -> Manners:
    return replace(HURRIED, **changes)
