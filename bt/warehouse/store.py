"""The warehouse: one DuckDB file, opened for as short as the work allows, and never left half made."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from bt import assets
from bt.errors import BtError, QueryError, WarehouseError
from bt.warehouse import frames, lock, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

_HARDENED: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
_QUESTIONS: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_BROKEN: Final = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_STORAGE: Final = "v1.0.0"  # what DuckDB 1.1 and the drivers of BI tools can read


class Warehouse:
    """Hold candles, runs and every result in the DuckDB file at `path` (`:memory:` keeps them until it is closed).

    The file is made when it is missing, unless `create` is false. `sql` names folders of further relations, built
    after bt's own. Connections live inside `read()` and `write()` only, so that other processes come between; both
    wait at most `wait` seconds for another process, then raise `WarehouseError` naming it.
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
        self.path = None if str(path) == ":memory:" else _local(str(path))
        if self.path is None:
            self._open = duckdb.connect(":memory:", config=dict(_HARDENED))
            self._writing = True
            _build_all(self._open, self._files, self._built_from())
        elif not self.path.exists():
            if not create:
                raise BtError(f"there is no warehouse at {self.path}", "make one: bt init, bt demo or bt import")
            _create(self.path, self._files, self._built_from())

    def __repr__(self) -> str:
        return f"Warehouse({str(self.path or ':memory:')!r})"

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection that sees one consistent state and writes nothing but temporary tables."""
        with self._guard, _failures_explained(self.path), ExitStack() as closing:
            yield self._nested() if self._open else self._session(closing, write=False)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection inside one transaction: committed at the end of the block, rolled back on any error."""
        with self._guard, _failures_explained(self.path), ExitStack() as closing:
            if self._open and not self._writing:
                raise RuntimeError("write() inside read() of the same warehouse")
            connection = self._nested() if self._open else self._session(closing, write=True)
            connection.execute("begin")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                with suppress(duckdb.Error):  # it is gone already where the database itself failed
                    connection.execute("rollback")
                raise

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
            except _BROKEN:
                raise
            except duckdb.Error as error:
                raise QueryError(_first_line(error), 'bt sql "show tables" lists what there is') from None

    def _nested(self) -> duckdb.DuckDBPyConnection:
        assert self._open is not None  # noqa: S101 - for the type checker
        return self._open.cursor()

    def _session(self, closing: ExitStack, *, write: bool) -> duckdb.DuckDBPyConnection:
        assert self.path is not None  # noqa: S101
        if not self._checked:
            self._check_schema()
            self._checked = True
        closing.enter_context(lock.held(self.path, exclusive=write, wait=self._wait))
        self._open = _connect(self.path, read_only=not write, wait=self._wait)
        self._writing = write
        closing.callback(self._close)
        return self._open

    def _close(self) -> None:
        if self._open:
            self._open.close()
        self._open = None
        self._writing = False

    def _check_schema(self) -> None:
        """Refuse a file that is not ours or newer, migrate an older one, rebuild views whose definitions changed."""
        assert self.path is not None  # noqa: S101
        connection = _connect(self.path, read_only=True, wait=self._wait)  # no lock file beside what may not be ours
        try:
            version, built_from = _info(connection, self.path)
        finally:
            connection.close()
        current = self._built_from(built_from)
        newest = 1 + len(schema.MIGRATIONS)
        if version > newest:
            raise WarehouseError(
                f"{self.path} has schema version {version}, this bt knows {newest}", "upgrade bt-warehouse"
            )
        if version == newest and (built_from == current or not os.access(self.path, os.W_OK)):
            return  # the views in a read-only file stay as they were built
        if not os.access(self.path, os.W_OK):
            raise WarehouseError(f"{self.path} has an older schema and is not writable", "make it writable once")
        with lock.held(self.path, exclusive=True, wait=self._wait):
            connection = _connect(self.path, read_only=False, wait=self._wait)
            try:
                connection.execute("begin")
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
        own = assets.folder("sql")
        mine = schema.sql_hash(file for file in self._files if own in file.parents)
        further = [file for file in self._files if own not in file.parents]
        return f"{mine}+{schema.sql_hash(further)}" if further else "+".join([mine, *before.split("+")[1:]])


@contextmanager
def _failures_explained(path: Path | None) -> Iterator[None]:
    """Turn what breaks a database into one sentence about this warehouse."""
    try:
        yield
    except _BROKEN as error:
        raise WarehouseError(f"{path or ':memory:'}: {_first_line(error)}", _cure(path, error)) from error


@contextmanager
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to an empty database in memory, closed to everything outside."""
    connection = duckdb.connect(":memory:", config=dict(_HARDENED))
    try:
        yield connection
    finally:
        connection.close()


def _local(path: str) -> Path:
    if "://" in path:
        raise BtError(f"a warehouse is a local file, not {path!r}", "give a path such as warehouse/bt.duckdb")
    return Path(path).expanduser()


def _create(path: Path, files: Sequence[Path], built_from: str) -> None:
    """Make a new warehouse under a temporary name, then rename: a half-made file is never seen."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".bt-new-", dir=path.parent))
    except OSError as error:
        raise WarehouseError(f"cannot make {path}: {error.strerror}", "choose another place with --db") from error
    try:
        new = folder / "new.duckdb"
        with duckdb.connect(":memory:") as connection:
            quoted = str(new).replace("'", "''")
            connection.execute(f"attach '{quoted}' as made (storage_version '{_STORAGE}')")
            connection.execute("use made")
            _build_all(connection, files, built_from)
            connection.execute("checkpoint made")
            connection.execute("use memory")
            connection.execute("detach made")
        try:
            os.link(new, path)  # unlike a rename, this never replaces a warehouse that appeared meanwhile
        except FileExistsError:
            return
        except OSError:
            new.rename(path)
    except (OSError, *_BROKEN) as error:
        problem = error.strerror if isinstance(error, OSError) else _first_line(error)
        raise WarehouseError(f"cannot make {path}: {problem}", "choose another place with --db") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build_all(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], built_from: str) -> None:
    schema.build(connection, files)
    schema.stamp(connection, 1 + len(schema.MIGRATIONS), built_from)


def _connect(path: Path, *, read_only: bool, wait: float) -> duckdb.DuckDBPyConnection:
    if path.is_dir():
        raise WarehouseError(f"{path} is a folder, not a warehouse", f"did you mean {path / 'bt.duckdb'}?")
    config: dict[str, Any] = dict(_HARDENED)
    for pause in lock.pauses(wait):
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.ConnectionException as error:
            raise WarehouseError(f"{path}: {_first_line(error)}", "close the other connection first") from error
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise WarehouseError(f"{path}: {_first_line(error)}", _cure(path, error)) from error
            if pause is None:
                raise lock.busy(path, str(error)) from None
            time.sleep(pause)
    raise AssertionError  # pauses() ends with None


def _info(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, str]:
    try:
        row = connection.execute("select schema_version, sql_hash from warehouse_info").fetchone()
    except duckdb.CatalogException:
        row = None
    if row is None:
        raise WarehouseError(f"{path} is a DuckDB file, but not a bt warehouse", "nothing was changed in it")
    return int(row[0]), str(row[1])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _cure(path: Path | None, error: Exception) -> str:
    text = str(error)
    if "No space left" in text or "disk" in text.lower():
        return "free some disk space, then run the command again"
    if "WAL" in text:
        name = path.name if path else "the warehouse"
        return f"its log is damaged: move {name}.wal away (what came after the last checkpoint is lost)"
    if "not a valid DuckDB" in text or "extension" in text:
        return "it was not touched; give the path of a bt warehouse with --db"
    return "restore it from a copy, or name another warehouse with --db"
