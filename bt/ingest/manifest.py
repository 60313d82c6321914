"""What the warehouse remembers of an import besides its rows: `ingests`, `rejected_candles`, `instruments`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.ingest.asking import exists, one
from bt.warehouse import registered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from bt.ingest.kinds import Kind
    from bt.symbols import Symbol

_EPOCH: Final = datetime(1970, 1, 1)
GUESSED: Final = "import: guessed from the symbol"
_MOMENTS: Final = dict.fromkeys(("asked_first", "asked_last", "first_ts", "last_ts"), pl.Datetime("us"))
_IDENTITY: Final = ("kind", "symbol", "source", "content_hash", "rows_changed", "rows_rejected")


def described(kind: Kind, symbol: str, source: str, rows: pl.DataFrame, digest: str) -> dict[str, Any]:
    """Give what `ingests` says of what came; what became of it, and what was asked for, is added by who knows it."""
    return {
        "kind": kind.table,
        "symbol": symbol,
        "source": source,
        "first_ts": rows["ts"].min(),
        "last_ts": rows["ts"].max(),
        "rows_came": rows.height,
        "content_hash": digest,
    }


def record(connection: duckdb.DuckDBPyConnection, page: dict[str, Any], *, always: bool) -> int | None:
    """Add what came from a file to `ingests` and give its number; None, and no row, where it would only repeat one.

    `page` holds what `described` gives, and rows_stored, rows_changed, rows_rejected.
    """
    same = " and ".join(f"{name} = ${name}" for name in _IDENTITY)
    if not always and exists(connection, f"from ingests where {same}", {name: page[name] for name in _IDENTITY}):
        return None
    ends = {"asked_first": page["first_ts"] or _EPOCH, "asked_last": page["last_ts"] or _EPOCH}
    return record_all(connection, [page | ends])


def record_all(connection: duckdb.DuckDBPyConnection, pages: Sequence[Mapping[str, Any]]) -> int:
    """Add rows to `ingests`, every column of them given but number and time, and give the first one's number."""
    (last,) = one(connection, "select coalesce(max(ingest_id), 0) from ingests")
    numbered = pl.DataFrame(pages, schema_overrides=_MOMENTS, infer_schema_length=None)
    with registered(connection, pages=numbered.with_row_index("ingest_id", last + 1)):
        connection.execute("insert into ingests by name select *, now() at time zone 'UTC' as written_ts from pages")
    return int(last) + 1


def reject(connection: duckdb.DuckDBPyConnection, ingest: int, symbol: str, rows: pl.DataFrame) -> None:
    """Add rows `row_number, ts, column_name, value, reason` to `rejected_candles`."""
    with registered(connection, found=rows):
        connection.execute(
            "insert into rejected_candles select ?, ?, row_number, ts, column_name, value, reason from found",
            [ingest, symbol],
        )


def content_hash(batch: pl.DataFrame, kind: Kind) -> str:
    """Give the SHA-256 of `ts` (int64 µs) and the values (float64, null as NaN), column after column, little-endian."""
    digest = hashlib.sha256()
    digest.update(batch["ts"].to_physical().to_numpy().astype("<i8", copy=False).tobytes())
    for name in kind.values:
        column = batch[name]
        known = column.fill_null(float("nan")) if column.null_count() else column
        digest.update(known.to_numpy().astype("<f8", copy=False).tobytes())
    return digest.hexdigest()


def know_instrument(connection: duckdb.DuckDBPyConnection, symbol: Symbol) -> None:
    """Add a row to `instruments` with what the symbol itself says, where the warehouse knows nothing of it."""
    connection.execute(
        """insert into instruments (symbol, valid_from, exchange, category, base, quote, as_of, source)
        select $name, timestamp '1970-01-01', $exchange, $category, $base, $quote, now() at time zone 'UTC', $source
        where not exists (select 1 from instruments where symbol = $name)""",
        {
            "name": symbol.name,
            "exchange": symbol.exchange,
            "category": symbol.category,
            "base": symbol.base,
            "quote": symbol.quote,
            "source": GUESSED,
        },
    )
