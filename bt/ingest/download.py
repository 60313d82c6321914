"""What an ingest does: asks for what is missing, all symbols at once, and leaves nothing half done behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from bt.bybit import CANDLES, MINUTE_MS, Bybit, Candles, ClosedError, Malformed, UnknownSymbolError
from bt.errors import BtError, ExchangeError
from bt.ingest import ledger, listing, settlements
from bt.ingest.edges import Edges
from bt.ingest.pages import reader
from bt.ingest.planning import Span, grouped, without
from bt.ingest.writing import Entry, Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from bt.ingest.pages import Page
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

_WORKERS: Final = 256  # pages fetched, or waiting to be written together
_ASKED: Final = 2  # times that minutes are asked for by themselves before they count as absent
_LATE: Final = 1440  # minutes; what is younger may still come
_REFUSALS: Final = 3  # pages with an impossible candle, one after the other
_FRESH: Final = timedelta(days=1)  # how long a list of instruments serves


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be brought: minutes from `first` (inclusive) to `end` (exclusive, None = now), plain UTC.

    `repair` asks again for what the exchange did not have, `replace` for everything, and lets its candles replace
    stored ones that differ.
    """

    symbols: Sequence[Symbol]
    now: int  # ms, the exchange's
    first: datetime
    end: datetime | None = None
    funding: bool = True
    repair: bool = False
    replace: bool = False


@dataclass(kw_only=True)
class Brought:
    """What became of one symbol; minutes of the span wanted that are neither stored nor absent are `missing`."""

    symbol: Symbol
    candles: int = 0  # new
    settlements: int = 0  # new
    changed: int = 0  # candles that the exchange tells differently now
    absent: int = 0  # minutes
    missing: int = 0  # minutes
    problem: BtError | None = None
    late: list[Span] = field(default_factory=list)  # the exchange has none yet
    closed: bool = False  # trade has ended: nothing is to come
    stopped: bool = False  # no more is asked for

    @property
    def code(self) -> str:
        """Give what the exchange calls it."""
        return self.symbol.name.rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """Who is told how it goes: `planned(symbol, minutes)`, `came(symbol, minutes)`, `warn(sentence)`."""

    planned: Callable[[str, int], None] = lambda _symbol, _minutes: None
    came: Callable[[str, int], None] = lambda _symbol, _minutes: None
    warn: Callable[[str], None] = lambda _sentence: None


async def download(warehouse: Warehouse, client: Bybit, wish: Wish, watcher: Watcher | None = None) -> list[Brought]:
    """Bring what is missing of a wish; what is committed stays, whatever happens then.

    A symbol that fails carries its problem; ClosedError and WarehouseError end everything.
    """
    ingest = _Ingest(warehouse, client, wish, watcher or Watcher())
    await asyncio.to_thread(ingest.refuse_mixtures)
    await ingest.know_instruments()
    known = settlements.whole if wish.repair or wish.replace else settlements.around
    async with ingest.writer.at_work():
        await ingest.work(ingest.guarded(one, ingest.prepare(one)) for one in ingest.able())
        await ingest.work(chain(ingest.funding_jobs(known), ingest.page_jobs()))
        await ingest.work(ingest.funding_jobs(settlements.inside))
    await asyncio.to_thread(ingest.account)
    return ingest.brought


class _Ingest:
    def __init__(self, warehouse: Warehouse, client: Bybit, wish: Wish, watcher: Watcher) -> None:
        self.warehouse, self.client, self.wish, self.watcher = warehouse, client, wish, watcher
        self.brought = [Brought(symbol=symbol) for symbol in wish.symbols]
        self.writer = Writer(warehouse, client.host, wish.replace)
        closed = wish.now // MINUTE_MS - 1  # the newest candle that is finished
        last = closed if wish.end is None else min(closed, ledger.next_minute(wish.end) - 1)
        self.wanted = Span(ledger.next_minute(wish.first), last)
        if self.wanted.minutes < 1:
            raise BtError(f"no minute of the span from {wish.first} on has ended yet", "let it begin earlier: --from")
        self.pages: deque[tuple[Brought, list[Span]]] = deque()

    def able(self) -> list[Brought]:
        return [one for one in self.brought if not one.stopped]

    async def work(self, jobs: Iterable[Awaitable[None]]) -> None:
        """Do jobs, some at a time, in their order; raise the first error that ends everything."""
        left = iter(jobs)

        async def worker() -> None:
            for job in left:
                await job

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WORKERS):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def know_instruments(self) -> None:
        """Know the rules of all symbols that are wanted, and refuse those the exchange does not have."""
        for category in dict.fromkeys(one.symbol.category for one in self.brought):
            since = ledger.from_milliseconds(self.wish.now) - _FRESH
            names = await asyncio.to_thread(listing.known, self.warehouse, category, self.client.host, since)
            mine = [one for one in self.brought if one.symbol.category == category]
            problem = None
            try:
                if not names or any(one.symbol.name not in names for one in mine):
                    names = await self.refresh(category)
            except ClosedError:
                raise
            except ExchangeError as error:
                problem = error
            for one in mine:
                if one.symbol.name not in names:
                    one.problem, one.stopped = problem or _unknown(one.symbol, names), True

    def refuse_mixtures(self) -> None:
        """Refuse to put prices of the testnet, which are made up, beside those of the market."""
        with self.warehouse.read():  # opened once for all
            found = [
                (one.symbol, source)
                for one in self.brought
                for source in ledger.sources(self.warehouse, one.symbol.name)
            ]
        for symbol, source in found:
            if ("testnet" in source) != ("testnet" in self.client.host):
                raise BtError(
                    f"{symbol} has candles from {source}: a testnet and a market do not mix",
                    "keep it in a warehouse of its own: --db",
                )

    async def refresh(self, category: str) -> set[str]:
        found = await self.client.instruments(category)
        as_of = ledger.from_milliseconds(self.wish.now)
        return await asyncio.to_thread(
            listing.store, self.warehouse, self.client.host, category, found, as_of=as_of, warn=self.watcher.warn
        )

    async def guarded(self, one: Brought, job: Awaitable[None]) -> None:
        """Let a symbol fail by itself."""
        try:
            await job
        except ClosedError:
            raise
        except ExchangeError as error:
            one.problem = one.problem or error
            one.stopped = True

    async def prepare(self, one: Brought) -> None:
        """Find out which pages of a symbol are to be asked for."""
        stored, absent, one.closed = await asyncio.to_thread(self._look_up, one.symbol.name)
        known = [
            *([] if self.wish.replace else stored),
            *([] if self.wish.repair or self.wish.replace else absent),
        ]
        spans: list[Span] = []
        for span in without([self.wanted], known):
            within, absent_now = await self._cut(one, span, stored)
            for nothing in absent_now:
                await self._finish(one, _empty_page(one, nothing), [nothing])
            spans += [within] if within else []
            one.late += without(without([span], [*absent_now, *([within] if within else [])]), [self._settled])
        groups = grouped(spans, CANDLES - 1)
        self.pages.extend((one, lacking) for lacking in groups)
        self.watcher.planned(one.symbol.name, _minutes(spans))

    async def _cut(self, one: Brought, span: Span, stored: Sequence[Span]) -> tuple[Span | None, list[Span]]:
        """Cut what is missing to where there are candles; what fits on a page is asked for as it is."""
        if span.minutes < CANDLES:
            return span, []
        oldest, newest = not _any_before(stored, span), not _any_after(stored, span)
        return await self._edges(one).within(span, oldest=oldest, newest=newest)

    def _edges(self, one: Brought) -> Edges:
        now = self.wish.now // MINUTE_MS
        return Edges(client=self.client, symbol=one.symbol, code=one.code, now=now, closed=one.closed)

    @property
    def _settled(self) -> Span:
        """Give the minutes of which no candle is to come any more."""
        return Span(0, self.wish.now // MINUTE_MS - _LATE - 1)

    def _look_up(self, name: str) -> tuple[list[Span], list[Span], bool]:
        with self.warehouse.read():  # opened once for all
            return (
                ledger.stored(self.warehouse, name),
                ledger.absent(self.warehouse, name),
                listing.closed(self.warehouse, name),
            )

    def page_jobs(self) -> Iterator[Awaitable[None]]:
        """Give the work of all pages."""
        while self.pages:
            one, lacking = self.pages.popleft()
            if not one.stopped:
                yield self.guarded(one, self._fill(one, lacking, 0))

    async def _fill(self, one: Brought, lacking: Sequence[Span], asked: int) -> None:
        """Ask for minutes, store what comes, and ask again for what does not; `asked` times they were asked before."""
        span = Span(lacking[0].first, lacking[-1].last)
        problem = None
        for _ in range(_REFUSALS):
            page = await self._page(one, span)
            left = without(lacking, page.came)
            cut_off = [hole for hole in left if not page.answers_for(hole)]
            silent = without(left, cut_off)
            try:
                await self._finish(one, page, silent if asked >= _ASKED else [])
                break
            except Malformed as error:
                problem = error
        else:  # the other pages of the symbol go on
            one.problem = one.problem or ExchangeError(f"{problem} ({_REFUSALS} times)", "the same command asks again")
            return
        again = silent if asked < _ASKED else []
        self.watcher.came(one.symbol.name, _minutes(without(lacking, [*cut_off, *again])))
        if again:
            await self._fill(one, again, asked + 1)
        if cut_off:
            await self._fill(one, cut_off, 0)

    async def _finish(self, one: Brought, page: Page, silent: Sequence[Span]) -> None:
        """Commit a page, and the minutes that the exchange does not have; the latest of them may still come."""
        absent = silent if one.closed else without(silent, without(silent, [self._settled]))
        written = await self.writer.write(Entry(page=page, absent=tuple(absent)))
        one.candles += written.stored
        one.changed += written.changed
        one.late += without(silent, absent)

    async def _page(self, one: Brought, asked: Span) -> Page:
        """Ask for a span and the candle before it: neighbours must agree on it. An empty list must be proved."""
        read = reader(one.symbol.name, asked)
        start, end = (asked.first - 1) * MINUTE_MS, asked.last * MINUTE_MS
        for _ in range(_REFUSALS):
            page = await self.client.candles(one.symbol.category, one.code, start=start, end=end, check=read)
            if page.rows.height or page.seam.height or await self._edges(one).proves_silence(asked):
                return page
        raise ExchangeError(
            f"{one.symbol}: the exchange gives no candle up to {ledger.moment(asked.last)}, and yet has some",
            "the same command asks again",
        )

    def funding_jobs(self, stretches: Callable[..., list[settlements.Stretch]]) -> Iterator[Awaitable[None]]:
        """Give the work of the settlements that may be missing."""
        for one in self.able():
            if self._is_funded(one):
                yield self.guarded(one, self._fund(one, stretches))

    def _is_funded(self, one: Brought) -> bool:
        """Say whether funding is wanted of a symbol; spot and futures with a delivery date have none."""
        return self.wish.funding and one.symbol.category != "spot" and "-" not in one.code

    async def _fund(self, one: Brought, stretches: Callable[..., list[settlements.Stretch]]) -> None:
        ends = (self.wanted.first * MINUTE_MS, (self.wanted.last + 1) * MINUTE_MS)
        for stretch in await asyncio.to_thread(stretches, self.warehouse, one.symbol.name, *ends):
            found = await settlements.fetch(self.client, one.symbol, one.code, stretch)
            if not found:
                continue
            one.settlements += await asyncio.to_thread(
                settlements.store, self.warehouse, self.client.host, one.symbol, stretch, found
            )

    def account(self) -> None:
        """Count what is missing still."""
        with self.warehouse.read():
            for one in self.brought:
                if isinstance(one.problem, UnknownSymbolError):
                    continue
                stored, absent, _ = self._look_up(one.symbol.name)
                without_candles = without([self.wanted], stored)
                one.missing = _minutes(without(without_candles, [*absent, *one.late]))
                one.absent = _minutes(without_candles) - _minutes(without(without_candles, absent))
                if stored and self._is_funded(one) and ledger.settled(self.warehouse, one.symbol.name) is None:
                    self.watcher.warn(
                        f"! {one.symbol}: the exchange gave no funding rates; the same command asks again"
                    )


def _minutes(spans: Iterable[Span]) -> int:
    return sum(span.minutes for span in spans)


def _empty_page(one: Brought, span: Span) -> Page:
    """Give the answer that holds nothing of a span."""
    return reader(one.symbol.name, span)(Candles(symbol=one.code, category=one.symbol.category, rows=[]))


def _any_before(stored: Sequence[Span], span: Span) -> bool:
    return any(one.first < span.first for one in stored)


def _any_after(stored: Sequence[Span], span: Span) -> bool:
    return any(one.last > span.last for one in stored)


def _unknown(symbol: Symbol, names: set[str]) -> BtError:
    near = get_close_matches(symbol.name, names, n=3, cutoff=0.6)
    cure = (
        f"did you mean {' or '.join(near)}?" if near else f"bt symbols {symbol.base or ''} lists what there is".strip()
    )
    return UnknownSymbolError(f"Bybit has no such {symbol.category} symbol", cure)


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
