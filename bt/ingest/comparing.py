"""What stored candles, and its own time, say about a file: another clock, other values, a last candle cut off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from bt import symbols
from bt.ingest import audit, notes, storing
from bt.ingest.agreement import Agreement, compare
from bt.ingest.columns import squeezed
from bt.ingest.kinds import CANDLES
from bt.ingest.staging import from_minutes
from bt.warehouse import query
from bt.wording import minute

if TYPE_CHECKING:
    from pathlib import Path

    from bt.ingest.files import Staged
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Met:
    """A stored symbol that has candles of the file's minutes, and how well they agree."""

    symbol: Symbol
    agreement: Agreement


def find_stored(found: Staged, known: Warehouse, symbol: Symbol | None) -> Met | None:
    """Find the stored symbol to hold the file against: the one that was named, else whose candles the file's are.

    Of those that were not named, the ones are tried that the file's label could mean.
    """
    if found.kind is not CANDLES or found.step != audit.MINUTE:
        return None
    bare = squeezed(found.label or "").upper()
    names = known.query(
        "select distinct symbol from instruments where regexp_replace(symbol, '^.*:', '') = $bare order by symbol",
        {"bare": bare},
    )["symbol"]
    for name in [symbol] if symbol else map(symbols.parse, names):
        agreement = compare(found.connection, known, name.name, found.audit.sound)
        if agreement.seen if symbol else agreement.is_same:
            return Met(symbol=name, agreement=agreement)
    return None


def contradictions(found: Staged, known: Warehouse, met: Met, command: str) -> list[dict[str, Any]]:
    """Give what the stored candles say: that the file's are on another clock, or differ."""
    span = {"first": found.audit.first_ts, "last": found.audit.last_ts}
    if shift := met.agreement.shift:
        zone = found.zone_of(shift)
        return [
            {"finding": "other_clock", "severity": "error", "found": found.audit.sound, **span}
            | {"detail": f"{shift.sentence} ({met.symbol}): its times are not UTC", "cure": f"{command} --tz {zone}"}
        ]
    differing = _differing(found, known, met.symbol)
    if not len(differing):
        return []
    first, last = differing["ts"][0], differing["ts"][-1]
    row = {"finding": "contradicted", "severity": "warning", "found": len(differing), "first": first, "last": last}
    _, ts, column, stored, told = differing.row(0)
    what = f"{column} {told:.10g}, stored of {met.symbol} {stored:.10g}"
    if first == span["last"]:
        detail = f"its last candle has {what}: {notes.UNFINISHED}"
        return [row | {"finding": "unfinished", "detail": detail, "cure": ""}]
    detail = f"first: {minute(ts)} has {what}"
    if met.agreement.is_other:  # to replace all would hardly mend it
        detail = f"{met.agreement.sentence} ({met.symbol}): another market? {detail}"
        return [row | {"severity": "error", "detail": detail, "cure": ""}]
    return [row | {"detail": detail, "cure": f"{command} --replace"}]


def _differing(found: Staged, known: Warehouse, symbol: Symbol) -> pl.DataFrame:
    """Give the file's candles that differ from stored ones: `row_number, ts, column, stored, found`."""
    frames = []
    between = f"select row_number, ts, {', '.join(CANDLES.values)} from sound where n > ? and n <= ? order by n"
    for start in range(0, found.audit.sound, storing.BATCH):
        batch = query(found.connection, between, [start, start + storing.BATCH])
        with known.read() as connection:
            frames.append(storing.differing(connection, symbol.name, CANDLES, batch))
    return pl.concat(frames)


def written_early(found: Staged, path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say when the file itself was written before its last candle was over."""
    if found.kind is not CANDLES or any(row["finding"] == "unfinished" for row in rows):
        return []
    last = from_minutes(found.audit.last_ts, found.step)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    if not last <= written < last + timedelta(microseconds=found.step):
        return []
    detail = f"the file was written at {written:%Y-%m-%d %H:%M:%S}, before its last candle was over"
    return [
        {"finding": "unfinished", "severity": "warning", "found": 1, "first": last, "last": last}
        | {"detail": detail, "cure": ""}
    ]
