"""How sound rows go into the warehouse: in batches ordered by time, each one transaction with its row in `ingests`.

What is stored already and equal is left alone; what is stored with other values is kept, or replaced on request, and
recorded in `rejected_candles`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.ingest.kinds import CANDLES
from bt.ingest.ledger import MINUTE, forget_absences
from bt.ingest.manifest import content_hash, described, know_instrument, record, reject
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


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where rows go, and what is recorded as their source."""

    warehouse: Warehouse
    kind: Kind
    symbol: Symbol
    source: str
    replace: bool

    def page(self, rows: pl.DataFrame, digest: str) -> dict[str, Any]:
        """Give what `ingests` records of any page of rows."""
        return described(self.kind, self.symbol.name, self.source, rows, digest)


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
    with target.warehouse.write() as connection:
        know_instrument(connection, target.symbol)
        new, changed = put(connection, target.symbol.name, kind, batch, replace=target.replace)
        kept = changed.clear() if target.replace else changed
        page = target.page(batch, content_hash(batch, kind)) | {
            "rows_stored": len(new),
            "rows_changed": len(changed),
            "rows_rejected": len(kept),
        }
        ingest = record(connection, page, always=len(new) > 0 or len(changed) > len(kept))
        if ingest and len(kept):
            reject(connection, ingest, target.symbol.name, contradictions(kept, kind))
    return len(new), changed


def put(
    connection: duckdb.DuckDBPyConnection, symbol: str, kind: Kind, batch: pl.DataFrame, *, replace: bool
) -> tuple[pl.Series, pl.DataFrame]:
    """Store rows of one symbol (`row_number, ts`, values; ascending, each time once) inside a transaction.

    Give the times that are new, and the rows that contradict stored ones; these are replaced only if `replace`.
    """
    near = _near(symbol, batch)
    changed = differing(connection, symbol, kind, batch)
    with registered(connection, batch=batch):
        new = query(connection, _insertion(kind), near)["ts"]
        if replace and len(changed):
            connection.execute(_replacement(kind), near)
    if kind is CANDLES and len(new):
        forget_absences(connection, symbol, new)
    return new, changed


def differing(connection: duckdb.DuckDBPyConnection, symbol: str, kind: Kind, batch: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of such a batch that contradict stored ones: `row_number, ts, column, stored, found`."""
    with registered(connection, batch=batch):
        return query(connection, _changed(kind), _near(symbol, batch))


def _near(symbol: str, batch: pl.DataFrame) -> dict[str, Any]:
    """Bind what limits a statement to the stored rows around a batch."""
    first: datetime = batch["ts"][0]
    last: datetime = batch["ts"][-1]
    return {"symbol": symbol, "first": first - MINUTE, "last": last + MINUTE}


def contradictions(changed: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Give rows that contradict stored ones as `reject` takes them."""
    value, reason = pl.col("found").cast(pl.String), pl.lit(f"differs from the stored {kind.noun}")
    return changed.select("row_number", "ts", column_name="column", value=value, reason=reason)


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
                reject(stored, ingest, target.symbol.name, faults)


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
        anti join ({_STORED.format(kind.table)}) as stored on {_same(kind)} order by ts returning ts"""


def _replacement(kind: Kind) -> str:
    table = kind.table
    return f"""update {table} set {", ".join(f"{column} = batch.{column}" for column in kind.values)}
        from batch
        where {table}.symbol = $symbol and {table}.ts between $first and $last
            and {kind.moment.format("batch")} = {kind.moment.format(table)}
            and ({" or ".join(_differs(column, right=table) for column in kind.values)})"""
