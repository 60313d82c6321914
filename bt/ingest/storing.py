"""How sound rows go into the warehouse: in batches ordered by time, each one transaction with its row in `ingests`.

What is stored already and equal is left alone; what is stored with other values is kept, or replaced on request, and
recorded in `rejected_candles`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.ingest.asking import one
from bt.ingest.manifest import content_hash, know_instrument, record, reject
from bt.ingest.values import EXAMPLES, ChangedRow
from bt.warehouse import query, registered

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from bt.ingest.kinds import Kind
    from bt.ingest.values import Progress
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

BATCH: Final = 100_000  # rows of one transaction
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where rows go, and what is recorded as their source."""

    warehouse: Warehouse
    kind: Kind
    symbol: Symbol
    source: str
    replace: bool

    def page(self, rows: pl.DataFrame, content_hash: str) -> dict[str, Any]:
        """Give what `ingests` records of any page of rows."""
        return {
            "kind": self.kind.table,
            "symbol": self.symbol.name,
            "source": self.source,
            "first_ts": rows["ts"].min(),
            "last_ts": rows["ts"].max(),
            "rows_came": len(rows),
            "content_hash": content_hash,
        }


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How many rows were new, known or contradict stored ones (with the first of these), and what was stored last."""

    inserted: int
    unchanged: int
    changed: int
    examples: tuple[ChangedRow, ...]
    replaced: bool
    last_before: datetime | None


def store_all(connection: duckdb.DuckDBPyConnection, target: Target, rows: int, progress: Progress) -> Stored:
    """Store the `rows` rows of `sound` in order of time, then record those of `faults`."""
    inserted = changed = 0
    examples: list[ChangedRow] = []
    last_before = _last_stored(target)
    progress(0, rows)
    values = ", ".join(target.kind.values)
    for start in range(0, rows, BATCH):
        rows_between = f"select row_number, ts, {values} from sound where n > ? and n <= ? order by n"
        batch = query(connection, rows_between, [start, start + BATCH])
        new, contradicted = _store(target, batch)
        inserted += new
        changed += len(contradicted)
        first = contradicted.head(EXAMPLES - len(examples)).drop("row_number")
        examples += [ChangedRow(**row) for row in first.iter_rows(named=True)]
        progress(start + len(batch), rows)
    _store_faults(connection, target)
    return Stored(
        inserted=inserted,
        unchanged=rows - inserted - changed,
        changed=changed,
        examples=tuple(examples),
        replaced=target.replace,
        last_before=last_before,
    )


def _last_stored(target: Target) -> datetime | None:
    rows = target.warehouse.query(
        f"select max(ts) as ts from {target.kind.table} where symbol = ?", [target.symbol.name]
    )
    last: datetime | None = rows["ts"][0]
    return last


def _store(target: Target, batch: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    """Write one batch in one transaction; give how many rows were new, and those that contradict stored ones."""
    kind = target.kind
    first, last = batch["ts"][0], batch["ts"][-1]
    near = {"symbol": target.symbol.name, "first": first - _MINUTE, "last": last + _MINUTE}
    with target.warehouse.write() as connection, registered(connection, batch=batch):
        know_instrument(connection, target.symbol)
        changed = query(connection, _changed(kind), near)
        (inserted,) = one(connection, _insertion(kind), near)
        if target.replace and len(changed):
            connection.execute(_replacement(kind), near)
        kept = changed.clear() if target.replace else changed
        page = target.page(batch, content_hash(batch, kind)) | {
            "rows_stored": inserted,
            "rows_changed": len(changed),
            "rows_rejected": len(kept),
        }
        ingest = record(connection, page, always=inserted > 0 or len(changed) > len(kept))
        if ingest and len(kept):
            value, reason = pl.col("found").cast(pl.String), pl.lit(f"differs from the stored {kind.noun}")
            found = kept.select("row_number", "ts", column_name="column", value=value, reason=reason)
            reject(connection, ingest, target.symbol, found)
    return inserted, changed


def _store_faults(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Record the rows that are not stored, once for each source."""
    for start in count(0, BATCH):
        faults = query(connection, f"from faults order by row_number limit {BATCH} offset {start}")
        if not len(faults):
            return
        digest = hashlib.sha256("\n".join(map(str, faults.iter_rows())).encode()).hexdigest()
        page = target.page(faults, digest) | {"rows_stored": 0, "rows_changed": 0, "rows_rejected": len(faults)}
        with target.warehouse.write() as stored:
            ingest = record(stored, page, always=False)
            if ingest:
                reject(stored, ingest, target.symbol, faults)


_STORED: Final = "select * from {} where symbol = $symbol and ts between $first and $last"


def _same(kind: Kind) -> str:
    return f"{kind.moment.format('batch')} = {kind.moment.format('stored')}"


def _differs(column: str, left: str = "batch", right: str = "stored") -> str:
    return f"coalesce({left}.{column} <> {right}.{column}, false)"  # a value that one side lacks contradicts nothing


def _changed(kind: Kind) -> str:
    order = sorted(kind.values, key=lambda column: column != "close")
    pick = {
        side: " ".join(f"when {_differs(column)} then {side.format(column)}" for column in order)
        for side in ("'{}'", "stored.{}", "batch.{}")
    }
    return f"""select batch.row_number, batch.ts, case {pick["'{}'"]} end as "column",
            case {pick["stored.{}"]} end as stored, case {pick["batch.{}"]} end as found
        from batch inner join ({_STORED.format(kind.table)}) as stored on {_same(kind)}
        where {" or ".join(_differs(column) for column in order)} order by batch.ts"""


def _insertion(kind: Kind) -> str:
    columns = ", ".join(("ts", *kind.values))
    return f"""insert into {kind.table} (symbol, {columns}) select $symbol, {columns} from batch
        anti join ({_STORED.format(kind.table)}) as stored on {_same(kind)} order by ts"""


def _replacement(kind: Kind) -> str:
    table = kind.table
    return f"""update {table} set {", ".join(f"{column} = batch.{column}" for column in kind.values)}
        from batch
        where {table}.symbol = $symbol and {table}.ts between $first and $last
            and {kind.moment.format("batch")} = {kind.moment.format(table)}
            and ({" or ".join(_differs(column, right=table) for column in kind.values)})"""
