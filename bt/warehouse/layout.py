"""How the candles lie on disk: rows are stored in the order in which they came.

Where symbols came in turns, the file is up to twice as large, and a question about one symbol reads what lies between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

ROW_GROUP: Final = 122_880  # rows that DuckDB keeps together: what it reads or passes over
_DUE: Final = 0.25  # of the candles in short runs: so rare that each candle is written anew a few times at most
_LITTLE: Final = 16e6  # bytes that may be free in any file

_RUNS: Final = """
    with neighbours as (
        select
            rowid as place,
            symbol,
            ts,
            lag(symbol) over () as symbol_before,
            lag(ts) over () as ts_before,
        from candles
    ),

    beginnings as (
        select
            symbol,
            place,
        from neighbours
        where symbol_before is null or symbol <> symbol_before or ts < ts_before
    ),

    runs as (
        select
            symbol,
            coalesce(lead(place) over (order by place), $candles) - place as candles,
            count(*) over (partition by symbol) as own,
        from beginnings
    )

    select
        count(*),
        count(distinct symbol),
        coalesce(sum(candles) filter (where own > 1 and candles < $row_group), 0)::bigint,
    from runs
"""
_STORED: Final = """
    with segments as (
        from pragma_storage_info('candles')
        where persistent and block_id >= 0
    )

    select count(distinct block_id)
    from (
        select block_id from segments
        union all
        select unnest(additional_block_ids) from segments
    )
"""
_BLOCKS: Final = """
    select block_size, used_blocks, free_blocks
    from pragma_database_size()
    where database_name = current_database()
"""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the candles of a warehouse lie on disk.

    A run is an unbroken stretch of one symbol's candles in order of time, where twins may follow each other;
    `scattered` candles are in runs shorter than a row group though their symbol has more.
    """

    candles: int
    symbols: int
    runs: int
    scattered: int
    bytes_each: float  # of the file that a candle takes on average, 0 without candles and in memory
    used: int  # bytes of the file that hold anything
    free: int  # bytes of the file that hold nothing

    @property
    def in_order(self) -> bool:
        """Say whether each symbol lies in one piece, ascending."""
        return self.runs == self.symbols

    @property
    def wasteful(self) -> bool:
        """Say whether more than half of the file holds nothing."""
        return self.free > max(self.used, _LITTLE)

    @property
    def due(self) -> bool:
        """Say whether the disorder costs enough, in space and time, to be worth an end."""
        return self.scattered >= max(ROW_GROUP, _DUE * self.candles)


def look(connection: duckdb.DuckDBPyConnection) -> Layout:
    """Look at the order of the candles; about a second for a hundred million."""
    (candles,) = row(connection, "select count(*) from candles")
    runs, symbols, scattered = row(connection, _RUNS, {"candles": candles, "row_group": ROW_GROUP})
    size, used, free = row(connection, _BLOCKS)
    return Layout(
        candles=candles, symbols=symbols, runs=runs, scattered=scattered,
        bytes_each=bytes_each(connection), used=used * size, free=free * size,
    )  # fmt: skip


def bytes_each(connection: duckdb.DuckDBPyConnection) -> float:
    """Give the bytes of the file that a candle takes on average; 0 without candles and in memory."""
    size, used, _ = row(connection, _BLOCKS)
    (candles,) = row(connection, "select count(*) from candles")
    return row(connection, _STORED)[0] * size / candles if used and candles else 0.0


def row(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, int] | None = None) -> tuple[int, ...]:
    """Give the only row of an answer."""
    found = connection.execute(sql, parameters).fetchone()
    assert found is not None  # noqa: S101 - an aggregate has one row
    return tuple(found)
