"""The warehouse: one DuckDB file, opened for as short as the work allows, and never left half made."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import duckdb

from bt import assets
from bt.errors import BtError, QueryError, WarehouseError
from bt.warehouse import acknowledged, compact, file, frames, layout, lock, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import polars as pl

_QUESTIONS: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class Warehouse:
    """Hold candles, runs and every result in the DuckDB file at `path` (`:memory:` keeps them until it is closed).

    The file is made when it is missing, unless `create` is false. `sql` names folders of further relations, built
    after bt's own. Connections live inside `read()`, `write()` and `hold()` only, so that other processes come between;
    all wait at most `wait` seconds for another process, then raise `WarehouseError` naming it.
    """

    def __init__(
        self, path: str | Path = ":memory:", *, create: bool = True, sql: Sequence[Path] = (), wait: float = 10.0
    ) -> None:
        self.sql = tuple(sql)
        self._files = schema.sql_files([assets.folder("sql"), *sql])
        self._wait = wait
        self._guard = threading.RLock()
        self._open: duckdb.DuckDBPyConnection | None = None
        self._writing = False
        self._checked = False
        self.path = None if str(path) == ":memory:" else file.local(str(path))
        if self.path is None:
            self._open = file.in_memory(self._files, self._built_from())
            self._writing = True
        elif not self.path.exists():
            if not create:
                raise BtError(f"there is no warehouse at {self.path}", "make one: bt demo, bt ingest or bt import")
            file.create(self.path, self._files, self._built_from())

    def __repr__(self) -> str:
        return f"Warehouse({str(self.path or ':memory:')!r})"

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection that sees one consistent state and writes nothing but temporary tables."""
        with self._guard, file.failures_explained(self.path), ExitStack() as closing:
            yield self._nested() if self._open else self._session(closing, write=False)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection inside one transaction: committed at the end of the block, rolled back on any error."""
        with self._guard, file.failures_explained(self.path), ExitStack() as closing:
            if self._open and not self._writing:
                raise RuntimeError("write() inside read() of the same warehouse")
            connection = self._nested() if self._open else self._session(closing, write=True)
            connection.execute("begin")
            try:
                before = acknowledged.newest(connection)
                yield connection
                after = acknowledged.newest(connection)
                connection.execute("commit")
            except BaseException:
                with suppress(duckdb.Error):  # it is gone already where the database itself failed
                    connection.execute("rollback")
                raise
            if self.path and after > before:
                acknowledged.note(self.path, before, after)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes out meanwhile: several `read()` and `write()` inside share one opening of the file.

        Each `write()` inside is a transaction of its own. For short work only.
        """
        with self._guard, file.failures_explained(self.path), ExitStack() as closing:
            if self._open and not self._writing:
                raise RuntimeError("hold() inside read() of the same warehouse")
            if not self._open:
                self._session(closing, write=True)
            yield

    def query(self, sql: str, parameters: frames.Parameters = None) -> pl.DataFrame:
        """Run one SELECT and give its rows as a Polars frame."""
        with self.read() as connection:
            return frames.query(connection, sql, parameters)

    def ask(self, sql: str) -> pl.DataFrame:
        """Answer one question of a user: a single SELECT, FROM, DESCRIBE, SUMMARIZE or EXPLAIN."""
        with self.read() as connection:
            try:
                statements = connection.extract_statements(sql)
                if len(statements) != 1 or statements[0].type not in _QUESTIONS:
                    kinds = ", ".join(statement.type.name.lower() for statement in statements) or "nothing"
                    raise QueryError(f"only one SELECT is answered here, not: {kinds}", 'bt sql "select … from …"')
                return frames.query(connection, sql)
            except file.BROKEN:
                raise
            except duckdb.Error as error:
                raise QueryError(
                    file.first_line(error), "bt schema lists what there is, bt schema NAME says more of one"
                ) from None

    def layout(self) -> layout.Layout:
        """Look at how the candles lie on disk."""
        with self.read() as connection:
            return layout.look(connection)

    def bytes_each(self) -> float:
        """Give the bytes of the file that a candle takes on average; quicker than all of `layout()`."""
        with self.read() as connection:
            return layout.bytes_each(connection)

    def compact(self, progress: Callable[[str, int, int], None]) -> compact.Compacted:
        """Write the file anew, its candles in order; see `bt.warehouse.compact.rewrite`."""
        if self.path is None:
            raise BtError("a warehouse in memory has no file to put in order", "name one with --db")
        with self._guard, file.failures_explained(self.path):
            if self._open:
                raise RuntimeError("compact() inside read() or write() of the same warehouse")
            with self.read():  # refused where it is not ours, brought up to date where it is older
                pass
            return compact.rewrite(self.path, wait=self._wait, progress=progress)

    def _nested(self) -> duckdb.DuckDBPyConnection:
        assert self._open is not None  # noqa: S101 - for the type checker
        return self._open.cursor()

    def _session(self, closing: ExitStack, *, write: bool) -> duckdb.DuckDBPyConnection:
        assert self.path is not None  # noqa: S101
        if not (self._checked or lock.is_beside(self.path)):  # none is put beside what may not be ours
            self._check_schema()
        connection = self._opened(closing, write=write)
        if not (self._checked or self._is_current(connection)):
            closing.close()
            self._check_schema()
            connection = self._opened(closing, write=write)
        self._checked = True
        return connection

    def _opened(self, closing: ExitStack, *, write: bool) -> duckdb.DuckDBPyConnection:
        assert self.path is not None  # noqa: S101
        closing.enter_context(lock.held(self.path, exclusive=write, wait=self._wait))
        self._open = file.connect(self.path, read_only=not write, wait=self._wait)
        self._writing = write
        closing.callback(self._close)
        return self._open

    def _close(self) -> None:
        connection, self._open, self._writing = self._open, None, False  # first, for Ctrl-C may end the closing
        if connection:
            connection.close()

    def _is_current(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Say whether schema and views are as they should be; refuse a file that is not ours or newer."""
        assert self.path is not None  # noqa: S101
        version, built_from = file.info(connection, self.path)
        unchanged = built_from == self._built_from(built_from)
        # the views in a read-only file stay as they were built
        return version == schema.NEWEST and (unchanged or not os.access(self.path, os.W_OK))

    def _check_schema(self) -> None:
        """Refuse a file that is not ours or newer, migrate an older one, rebuild views whose definitions changed."""
        assert self.path is not None  # noqa: S101
        connection = file.connect(self.path, read_only=True, wait=self._wait)
        try:
            if self._is_current(connection):
                self._checked = True
                return
        finally:
            connection.close()
        if not os.access(self.path, os.W_OK):
            raise WarehouseError(f"{self.path} has an older schema and is not writable", "make it writable once")
        with lock.held(self.path, exclusive=True, wait=self._wait):
            connection = file.connect(self.path, read_only=False, wait=self._wait)
            try:
                connection.execute("begin")
                version, built_from = file.info(connection, self.path)  # another process may have been first
                current = self._built_from(built_from)
                version = schema.migrate(connection, version)
                schema.build(connection, self._files)
                schema.stamp(connection, version, current)
                connection.execute("commit")
            finally:
                connection.close()

    def _built_from(self, before: str = "") -> str:
        """Give what the views are to be built from: bt's own files, and further ones, or those that were known before.

        So a program that does not name the further folders neither drops their relations nor builds all anew.
        """
        own = f"{assets.folder('sql')}{os.sep}"
        mine = schema.sql_hash(path for path in self._files if str(path).startswith(own))
        further = [path for path in self._files if not str(path).startswith(own)]
        return f"{mine}+{schema.sql_hash(further)}" if further else "+".join([mine, *before.split("+")[1:]])
