"""What a warehouse file looks like from outside and inside, found without changing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from bt import assets
from bt.errors import WarehouseError
from bt.warehouse import acknowledged, file, frames, schema
from bt.warehouse.layout import Layout, look

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What `examine` found.

    `short` holds a row for each symbol and kind of which the content is less than the manifest says; see
    sql/checks/ingests_kept.sql.
    """

    version: int  # of its schema
    known: int  # the newest schema version of this bt
    pages: int  # rows of the manifest
    newest: int  # the highest ingest_id, 0 for none
    layout: Layout
    short: pl.DataFrame


def examine(path: Path, *, wait: float) -> Condition:
    """Open the warehouse for reading, without migrating or rebuilding it, and hold its manifest against its content.

    Raise WarehouseError where it cannot be used: locked for longer than `wait` seconds, damaged, newer, not ours.
    """
    with file.failures_explained(path):
        connection = file.connect(path, read_only=True, wait=wait)
        try:
            version, _ = file.info(connection, path)
            return _found(connection, version)
        except file.BROKEN:
            raise
        except duckdb.Error as error:
            raise WarehouseError(
                f"{path}: {file.first_line(error)}", "restore it from a copy, or name another warehouse with --db"
            ) from error
        finally:
            connection.close()


def _found(connection: duckdb.DuckDBPyConnection, version: int) -> Condition:
    kept = (assets.folder("sql") / schema.CHECKS / "ingests_kept.sql").read_text(encoding="utf-8")
    return Condition(
        version=version,
        known=schema.NEWEST,
        pages=frames.query(connection, "select count(*) from ingests").item(),
        newest=acknowledged.newest(connection),
        layout=look(connection),
        short=frames.query(connection, kept),
    )
