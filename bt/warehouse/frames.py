"""The one place where frames pass between DuckDB and Polars, without pyarrow.

Reading goes through NumPy and writing through the Arrow C stream, because DuckDB 2.0's own hand-over either needs
pyarrow or prints leaked objects on stderr at exit.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Parameters = list[Any] | dict[str, Any] | None

_TYPES: Final = {
    "BIGINT": pl.Int64(),
    "INTEGER": pl.Int32(),
    "SMALLINT": pl.Int16(),
    "TINYINT": pl.Int8(),
    "UTINYINT": pl.UInt8(),
    "USMALLINT": pl.UInt16(),
    "UINTEGER": pl.UInt32(),
    "UBIGINT": pl.UInt64(),
    "DOUBLE": pl.Float64(),
    "FLOAT": pl.Float32(),
    "BOOLEAN": pl.Boolean(),
    "DATE": pl.Date(),
    "TIMESTAMP": pl.Datetime("us"),
    "VARCHAR": pl.String(),
}
_DAY: Final = 86_400_000_000  # µs
_YEARS: Final[dict[Any, tuple[int, int]]] = {  # what a date and a time of the years 1 to 9999 are since 1970
    pl.Date(): (-719_162, 2_932_896),
    pl.Datetime("us"): (-719_162 * _DAY + 1, 2_932_897 * _DAY - 2),  # Python is given the outermost for infinity
}


def query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters = None) -> pl.DataFrame:
    """Run one SELECT and give its rows: NULL becomes null, types follow the query, a repeated name gets a number."""
    answer = connection.execute(sql, parameters)
    description = answer.description or []
    kinds = [str(column[1]) for column in description]
    names = _distinct([column[0] for column in description])
    if any(not _plain(kind) for kind in kinds):
        answer = connection.execute(_as_text(sql, kinds), parameters)
    columns = _columns(answer, names, kinds)
    if far := [place for place, column in enumerate(columns) if _is_far(column)]:
        kinds = ["far" if place in far else kind for place, kind in enumerate(kinds)]
        columns = _columns(connection.execute(_as_text(sql, kinds), parameters), names, kinds)
    return pl.DataFrame(columns)


def _columns(answer: duckdb.DuckDBPyConnection, names: list[str], kinds: list[str]) -> list[pl.Series]:
    if names == [column[0] for column in answer.description or []]:
        arrays = list(answer.fetchnumpy().values())
    else:  # fetchnumpy would drop the second of two columns of one name
        rows = answer.fetchall()
        arrays = [np.array([*(row[place] for row in rows), None], dtype=object)[:-1] for place in range(len(names))]
    return [_series(*column) for column in zip(names, arrays, kinds, strict=True)]


def _is_far(column: pl.Series) -> bool:
    """Say whether it holds a time that Python has no date for, infinity among them: Polars cannot write it."""
    if column.dtype not in _YEARS:
        return False
    low, high = _YEARS[column.dtype]
    return bool(((column.to_physical() < low) | (column.to_physical() > high)).any())


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **frames: pl.DataFrame) -> Iterator[None]:
    """Let SQL on this connection read frames by these names, inside the block."""
    for name, frame in frames.items():
        connection.register(name, _Stream(frame))
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # a broken transaction refuses this too, and would hide what broke it
            _unregister(connection, frames)
        raise
    _unregister(connection, frames)


def _unregister(connection: duckdb.DuckDBPyConnection, frames: Mapping[str, pl.DataFrame]) -> None:
    for name in frames:
        connection.unregister(name)


class _Stream:
    """Show DuckDB the Arrow stream of a frame and nothing else of it."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def _plain(kind: str) -> bool:
    return kind in _TYPES or kind == "JSON" or kind.startswith(("DECIMAL", "HUGEINT", "UHUGEINT"))


def _as_text(sql: str, kinds: list[str]) -> str:
    """Let DuckDB write out values that NumPy has no type for: lists, intervals, enums, zoned times."""
    names = [f"c{place}" for place in range(len(kinds))]
    shown = [name if _plain(kind) else f"{name}::varchar as {name}" for name, kind in zip(names, kinds, strict=True)]
    return f"select {', '.join(shown)} from ({sql.strip().rstrip(';')}\n) as answer({', '.join(names)})"


def _series(name: str, values: np.ndarray[Any, Any], kind: str) -> pl.Series:
    wanted = _TYPES.get(kind, pl.Float64() if kind.startswith(("DECIMAL", "HUGEINT", "UHUGEINT")) else pl.String())
    if values.dtype != object:
        return pl.DataFrame({name: values}).to_series().cast(wanted)
    cells = values.tolist()
    if wanted == pl.String() or (wanted.is_temporal() and any(isinstance(cell, str) for cell in cells)):
        wanted = pl.String()  # a time beyond all years comes as text
        cells = [cell if cell is None else str(cell) for cell in cells]
    return pl.Series(name, cells, dtype=wanted)


def _distinct(names: list[str]) -> list[str]:
    return [
        name if name not in names[:place] else f"{name}_{names[:place].count(name) + 1}"
        for place, name in enumerate(names)
    ]
