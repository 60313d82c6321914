"""How answers get into the warehouse while others still come: whoever waits is written together, in one transaction."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import polars as pl

from bt import symbols
from bt.bybit import Malformed
from bt.ingest.kinds import CANDLES
from bt.ingest.ledger import MINUTE, moment, note_absent
from bt.ingest.manifest import content_hash, described, know_instrument, record_all, reject
from bt.ingest.storing import contradictions, differing, put
from bt.warehouse import query, registered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    import duckdb

    from bt.ingest.pages import Page
    from bt.ingest.planning import Span
    from bt.warehouse import Warehouse

_REST: Final = 3.0  # times as long as a transaction took: so long others may have the warehouse before the next
_LONGEST_REST: Final = 0.5  # s
_ENOUGH: Final = 100  # pages written together at most, and without a pause


_NOTHING: Final = (
    pl.Series("ts", [], pl.Datetime("us")),
    pl.DataFrame(
        schema={
            "row_number": pl.Int64,
            "ts": pl.Datetime("us"),
            "column": pl.String,
            "stored": pl.Float64,
            "found": pl.Float64,
        }
    ),
)  # new, changed


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to be written: a page, and the minutes that are now known to be absent."""

    page: Page
    absent: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a page: candles that are new, and those that contradict stored ones."""

    stored: int
    changed: int


@dataclass
class Writer:
    """Write pages of candles; the only writer of an ingest."""

    warehouse: Warehouse
    source: str
    replace: bool = False
    _waiting: list[tuple[Entry, asyncio.Future[Written]]] = field(default_factory=list)
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _seams: dict[str, pl.DataFrame] = field(default_factory=dict)  # candles before pages, whose own page is to come
    _task: asyncio.Task[None] = field(init=False)

    async def write(self, entry: Entry) -> Written:
        """Wait until an entry is committed; raise Malformed where a candle of it is impossible: none is stored then."""
        done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        self._called.set()
        if len(self._waiting) >= _ENOUGH:
            self._enough.set()
        await asyncio.wait([done, cast("asyncio.Future[Any]", self._task)], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():  # the writer itself broke down
            self._task.result()
        return await done

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Write inside the block; what waits at its end is left."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._called.wait()
            taken, self._waiting = self._waiting[:_ENOUGH], self._waiting[_ENOUGH:]
            if not self._waiting:
                self._called.clear()
            if len(self._waiting) < _ENOUGH:
                self._enough.clear()
            began = time.monotonic()
            try:
                answers = await asyncio.to_thread(self._store, [entry for entry, _ in taken])
            except Exception as error:  # noqa: BLE001 - every one who waits must hear it
                answers = [error] * len(taken)
            for (_, done), answer in zip(taken, answers, strict=True):
                if not done.done():
                    done.set_exception(answer) if isinstance(answer, Exception) else done.set_result(answer)
            taken_for = time.monotonic() - began
            rest = min(_REST * taken_for, _LONGEST_REST) if self.warehouse.path else 0.0  # nobody else has memory
            try:
                await asyncio.wait_for(self._enough.wait(), rest)
            except TimeoutError:
                continue

    def _store(self, entries: Sequence[Entry]) -> list[Written | Exception]:
        with self.warehouse.write() as connection:
            refused = _impossible(connection, entries)
            answers: list[Written | Exception | None] = [refused.get(place) for place in range(len(entries))]
            sound = [place for place in range(len(entries)) if place not in refused]
            for name in dict.fromkeys(entries[place].page.symbol for place in sound):
                places = [place for place in sound if entries[place].page.symbol == name]
                places.sort(key=lambda place: entries[place].page.asked)
                written = self._store_symbol(connection, name, [entries[place] for place in places])
                for place, one in zip(places, written, strict=True):
                    answers[place] = one
        return [answer for answer in answers if answer is not None]

    def _store_symbol(
        self, connection: duckdb.DuckDBPyConnection, name: str, entries: Sequence[Entry]
    ) -> list[Written]:
        """Store the pages of one symbol, oldest first, with their rows in the manifest."""
        know_instrument(connection, symbols.parse(name))
        rows = _together([entry.page.rows for entry in entries])
        new, changed = put(connection, name, CANDLES, rows, replace=self.replace) if rows.height else _NOTHING
        clashes = self._compare_seams(connection, name, [entry.page.seam for entry in entries])
        clashing = pl.concat([changed, clashes]).sort("ts")
        kept = clashes if self.replace else clashing
        asked = [(moment(entry.page.asked.first), moment(entry.page.asked.last)) for entry in entries]
        owners = _owners(kept["ts"].to_list(), asked)
        facts = {
            "rows_stored": _counts(new, asked),
            "rows_changed": _tally(_owners(clashing["ts"].to_list(), asked), len(asked)),
            "rows_rejected": _tally(owners, len(asked)),
        }
        pages = [
            self._page(entry.page, *bounds) | {fact: counts[place] for fact, counts in facts.items()}
            for place, (entry, bounds) in enumerate(zip(entries, asked, strict=True))
        ]
        first = record_all(connection, pages)
        for place in sorted(set(owners)):
            own = kept.filter(pl.Series(owners) == place)
            reject(connection, first + place, name, contradictions(own, CANDLES))
        note_absent(connection, name, [span for entry in entries for span in entry.absent])
        return [Written(stored=page["rows_stored"], changed=page["rows_changed"]) for page in pages]

    def _compare_seams(
        self, connection: duckdb.DuckDBPyConnection, name: str, seams: Sequence[pl.DataFrame]
    ) -> pl.DataFrame:
        """Hold the candles before pages against the stored ones; those whose own page is to come wait for it."""
        rows = _together([*seams, *([self._seams[name]] if name in self._seams else [])])
        if rows.is_empty():
            return _NOTHING[1]
        with registered(connection, seams=rows):
            stored = query(
                connection,
                "select ts from seams semi join (from candles where symbol = ? and ts between ? and ?) using (ts)",
                [name, rows["ts"].min(), rows["ts"].max()],
            )
        self._seams[name] = rows.filter(~pl.col("ts").is_in(stored["ts"].implode())).drop("row_number")
        return differing(connection, name, CANDLES, rows)

    def _page(self, page: Page, first: datetime, last: datetime) -> dict[str, Any]:
        """Give what the manifest says of an answer."""
        came = described(CANDLES, page.symbol, self.source, page.rows, content_hash(page.rows, CANDLES))
        return came | {"asked_first": first, "asked_last": last}


def _owners(moments: Sequence[datetime], asked: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """Give the page of each moment: the one that asked for it, else the one whose seam it is."""
    return [
        min((first > moment, place) for place, (first, last) in enumerate(asked) if first - MINUTE <= moment <= last)[1]
        for moment in moments
    ]


def _tally(places: Sequence[int], count: int) -> list[int]:
    return [places.count(place) for place in range(count)]


def _counts(ts: pl.Series, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """Count the ascending moments inside each span, both its ends included."""
    begins, ends = (pl.Series([span[end] for span in spans], dtype=pl.Datetime("us")) for end in (0, 1))
    counts: list[int] = (ts.search_sorted(ends, side="right") - ts.search_sorted(begins, side="left")).to_list()
    return counts


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give rows of one symbol ascending, each minute once, numbered."""
    rows = pl.concat(frames).unique("ts", keep="first", maintain_order=True).sort("ts")
    return rows.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("row_number"), pl.all())


def _impossible(connection: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> dict[int, Exception]:
    """Give which pages hold an impossible candle, and which."""
    came = pl.concat([entry.page.rows for entry in entries])
    numbers = np.repeat(np.arange(len(entries)), [entry.page.rows.height for entry in entries])
    with registered(connection, came=came.with_columns(page=pl.Series(numbers))):
        faults = query(connection, f"select page, ts, {CANDLES.fault} as fault from came where fault is not null")
    return {
        page: Malformed(f"{entries[page].page.symbol}: {fault}, in the candle of {ts}")
        for page, ts, fault in reversed(faults.rows())
    }
