"""Funding settlements: all of a stretch, backwards in pages of 200, because their interval changes with time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.ingest.kinds import FUNDING
from bt.ingest.ledger import from_milliseconds, settled, settlements_missing
from bt.ingest.manifest import content_hash, described, know_instrument, record_all, reject
from bt.ingest.storing import contradictions, put

if TYPE_CHECKING:
    from datetime import datetime

    from bt.bybit import Bybit, Settlement
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

Stretch = tuple[int, int]  # ms, inclusive

_HOUR: Final = 3_600_000  # ms
_MILLISECOND: Final = timedelta(milliseconds=1)
_SCHEMA: Final[dict[str, Any]] = {"ts": pl.Datetime("us"), "rate": pl.Float64, "mark": pl.Float64}


def milliseconds(moment: datetime) -> int:
    """Give a moment as the exchange counts it."""
    return (moment - from_milliseconds(0)) // _MILLISECOND


def around(warehouse: Warehouse, symbol: str, first: int, last: int) -> list[Stretch]:
    """Give what lies between two moments (ms) before and after the settlements that are stored."""
    known = settled(warehouse, symbol)
    if known is None:
        return _not_empty([(first, last)])
    begin, end = map(milliseconds, known)
    return _not_empty([(first, min(last, begin - 1)), (max(first, end + 1), last)])


def whole(_warehouse: Warehouse, _symbol: str, first: int, last: int) -> list[Stretch]:
    """Give all between two moments (ms): where the interval changes, a hole beside it looks like the longer one."""
    return _not_empty([(first, last)])


def inside(warehouse: Warehouse, symbol: str, first: int, last: int) -> list[Stretch]:
    """Give the stretches between two moments (ms) in which settlements should be stored and are not."""
    holes = settlements_missing(warehouse, symbol)
    return _not_empty(
        [(max(first, milliseconds(hole) - _HOUR), min(last, milliseconds(end) + _HOUR)) for hole, end in holes]
    )


def _not_empty(stretches: list[Stretch]) -> list[Stretch]:
    return [(first, last) for first, last in stretches if first <= last]


async def fetch(client: Bybit, symbol: Symbol, code: str, stretch: Stretch) -> list[Settlement]:
    """Ask for all settlements of a stretch, oldest first."""
    first, last = stretch
    found: list[Settlement] = []
    while first <= last:
        page = await client.settlements(symbol.category, code, start=first, end=last)
        if not page:  # nothing, once, is no answer
            page = await client.settlements(symbol.category, code, start=first, end=last)
        if not page:
            break
        found = [*page, *found]
        last = page[0].funding_rate_timestamp - 1
    return found


def store(warehouse: Warehouse, source: str, symbol: Symbol, stretch: Stretch, found: list[Settlement]) -> int:
    """Store settlements (some) in one transaction with their row in the manifest; give how many were new."""
    stamps = [from_milliseconds(one.funding_rate_timestamp) for one in found]
    rows = pl.DataFrame({"ts": stamps, "rate": [one.funding_rate for one in found], "mark": None}, schema=_SCHEMA)
    with warehouse.write() as connection:
        know_instrument(connection, symbol)
        new, changed = put(connection, symbol.name, FUNDING, rows.with_row_index("row_number"), replace=False)
        page = described(FUNDING, symbol.name, source, rows, content_hash(rows, FUNDING)) | {
            "asked_first": from_milliseconds(stretch[0]),
            "asked_last": from_milliseconds(stretch[1]),
            "rows_stored": len(new),
            "rows_changed": len(changed),
            "rows_rejected": len(changed),
        }
        ingest = record_all(connection, [page])
        if len(changed):
            reject(connection, ingest, symbol.name, contradictions(changed, FUNDING))
    return len(new)
