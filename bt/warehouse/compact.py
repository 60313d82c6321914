"""How a warehouse is written anew, its candles in order.

Put in order inside the file, the old blocks would stay in it: the file would be twice as large. So a new file is
written beside it, compared, and takes its name in one step: whatever happens before, the old one is whole.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from bt.errors import WarehouseError
from bt.warehouse import file, lock
from bt.warehouse.layout import Layout, look, row
from bt.warehouse.schema import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[str, int, int], None]  # symbol that is written now, candles before it, candles in all

_MEMORY: Final = "2GB"  # enough to sort years of one symbol
_ROOM: Final = 1.1  # times what the file holds must be free on the disk
_CANDLES: Final = '"main"."candles"'
_TABLES: Final = """
    select
        tables.schema_name,
        tables.table_name,
        list(columns.column_name order by columns.ordinal_position),
    from duckdb_tables() as tables
    inner join information_schema.columns as columns
        on tables.database_name = columns.table_catalog
        and tables.schema_name = columns.table_schema
        and tables.table_name = columns.table_name
    where
        tables.database_name = 'old'
        and not tables.internal
        and not tables.temporary
        and columns.is_generated = 'NEVER'
    group by tables.schema_name, tables.table_name, tables.table_oid
    order by tables.table_oid
"""


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What became of the file: its bytes, and how the candles lay, before and after."""

    size_before: int
    size_after: int
    before: Layout
    after: Layout


def rewrite(path: Path, *, wait: float, progress: Progress) -> Compacted:
    """Write the warehouse at `path` anew, its candles in order, without the space that was left free.

    Every table, view, macro and comment comes along, and each table is compared before the new file takes the name. A
    reader that opened the old file reads on in it. Raise WarehouseError where another process has it open for longer
    than `wait` seconds, and where the disk has no room for both: then nothing was changed.
    """
    real = path.resolve()
    with lock.held(path, exclusive=True, wait=wait):
        with file.connect(path, read_only=False, wait=wait) as connection:
            connection.execute("checkpoint")
            before = look(connection)
        _require_room(path, before)
        size = real.stat().st_size
        with _folder_beside(real) as folder:
            new = folder / "new.duckdb"
            with _both(real, new, folder) as connection:  # read only, so that nobody else writes until the end
                if Path(f"{real}.wal").exists():
                    raise WarehouseError(f"another program wrote to {path} just now", "run the command again")
                _write(connection, path, progress)
                after = look(connection)
                connection.execute("use memory")
                connection.execute("detach new")
                _take_place(new, real)
    return Compacted(size_before=size, size_after=real.stat().st_size, before=before, after=after)


def _require_room(path: Path, before: Layout) -> None:
    free = shutil.disk_usage(path.resolve().parent).free
    if free < _ROOM * before.used:
        raise WarehouseError(
            f"{path} is written anew beside itself: {_ROOM * before.used / 1e6:,.0f} MB are needed, "
            f"{free / 1e6:,.0f} MB are free on its disk",
            "free some disk space, then run the command again",
        )


@contextmanager
def _folder_beside(real: Path) -> Iterator[Path]:
    """Give an empty folder on the same disk; what an earlier attempt left, ended by force, is removed."""
    folder = real.with_name(f".{real.name}.compacting")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
    except OSError as error:
        raise WarehouseError(f"cannot write beside {real}: {error.strerror}", "make its folder writable") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _both(real: Path, new: Path, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the warehouse as `old`, and to an empty file as `new`."""
    with duckdb.connect(":memory:", config={"memory_limit": _MEMORY, "temp_directory": str(folder)}) as connection:
        connection.execute(f"attach {literal(real)} as old (read_only)")
        connection.execute(f"attach {literal(new)} as new (storage_version '{file.STORAGE}')")
        yield connection


def _write(connection: duckdb.DuckDBPyConnection, path: Path, progress: Progress) -> None:
    try:
        with file.failures_explained(path):
            _copy(connection, progress)
            _compare(connection, path)
    except duckdb.Error as error:  # somebody's own table may be of a kind that cannot be copied
        raise WarehouseError(
            f"{path} cannot be written anew: {file.first_line(error)}", "nothing was changed"
        ) from error


def _copy(connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    connection.execute("copy from database old to new (schema)")
    for table, columns in _tables(connection).items():
        if table != _CANDLES:
            connection.execute(f"insert into new.{table} ({columns}) select {columns} from old.{table}")
    counts = connection.execute("select symbol, count(*) from old.candles group by symbol order by symbol").fetchall()
    total, done = sum(count for _, count in counts), 0
    for symbol, count in counts:
        progress(symbol, done, total)
        connection.execute("insert into new.candles from old.candles where symbol = ? order by ts", [symbol])
        done += count
    progress("", done, total)
    connection.execute("checkpoint new")
    connection.execute("use new")


def _compare(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Hold every table of the new file against the old one's, whatever the order of the rows."""
    for table in _tables(connection):
        sums = [
            row(connection, f"select count(*), sum(hash(stored)) from {database}.{table} as stored")
            for database in ("old", "new")
        ]
        if sums[0] != sums[1]:
            raise WarehouseError(f"{path}: {table} did not come out the same", "nothing was changed; bt doctor")


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Name the tables, in the order in which they were made, and of each the columns that are not generated."""
    names = connection.execute(_TABLES).fetchall()
    return {f"{_quoted(schema)}.{_quoted(table)}": ", ".join(map(_quoted, own)) for schema, table, own in names}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _take_place(new: Path, real: Path) -> None:
    """Give the new file the rights and the name of the old one, in one step that outlasts a loss of power."""
    state = real.stat()
    new.chmod(state.st_mode)
    with suppress(OSError):
        os.chown(new, state.st_uid, state.st_gid)
    try:
        new.replace(real)
    except OSError as error:  # some systems do not replace a file that is open
        raise WarehouseError(f"cannot replace {real}: {error.strerror}", "nothing was changed") from error
    with suppress(OSError):
        descriptor = os.open(real.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
