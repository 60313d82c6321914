"""Small questions to a connection, with nothing left unread: DuckDB refuses more work while a result is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from bt.warehouse.frames import Parameters


def one(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters = None) -> tuple[Any, ...]:
    """Give the only row of a query."""
    (row,) = connection.execute(sql, parameters).fetchall()
    return tuple(row)


def exists(connection: duckdb.DuckDBPyConnection, relation: str, parameters: Parameters = None) -> bool:
    """Say whether `from …` has a row."""
    return bool(connection.execute(f"select 1 {relation} limit 1", parameters).fetchall())
