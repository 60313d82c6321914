"""The warehouse's file: made whole, opened hardened, and every failure of it said in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from bt.errors import BtError, WarehouseError
from bt.warehouse import acknowledged, lock, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HARDENED: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # a drive has one letter
_LOCKED: Final = "Could not set lock"
_FULL: Final = ("No space left", "File too large", "Disk quota")
BROKEN: Final = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_MODE: Final = 0o644  # nobody else writes, whatever the umask allows
_MADE_NOW: Final = "update warehouse_info set created_ts = now() at time zone 'UTC'"
STORAGE: Final = "v1.0.0"  # what DuckDB 1.1 and the drivers of BI tools can read


@contextmanager
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to an empty database in memory, closed to everything outside."""
    connection = duckdb.connect(":memory:", config=dict(HARDENED))
    try:
        yield connection
    finally:
        connection.close()


def local(path: str) -> Path:
    """Give the path; an address is none."""
    if _ADDRESS.match(path):
        raise BtError(f"a warehouse is a local file, not {path!r}", "give a path such as warehouse/bt.duckdb")
    return Path(path).expanduser()


def create(path: Path, files: Sequence[Path], built_from: str) -> None:
    """Make a new warehouse under a temporary name, then rename: a half-made file is never seen."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".bt-new-", dir=path.parent))
    except OSError as error:
        raise WarehouseError(f"cannot make {path}: {error.strerror}", "choose another place with --db") from error
    try:
        new = folder / "new.duckdb"
        _write_out(new, _image(tuple(files), built_from))
        with duckdb.connect(str(new), config=dict(HARDENED)) as connection:
            connection.execute(_MADE_NOW)
        new.chmod(new.stat().st_mode & _MODE)
        try:
            path.hardlink_to(new)  # unlike a rename, this never replaces a warehouse that appeared meanwhile
        except FileExistsError:
            return
        except OSError:
            new.rename(path)
        acknowledged.forget(path)  # it told of another warehouse of this name
    except (OSError, *BROKEN) as error:
        problem = error.strerror if isinstance(error, OSError) else first_line(error)
        raise WarehouseError(f"cannot make {path}: {problem}", "choose another place with --db") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_memory(files: Sequence[Path], built_from: str) -> duckdb.DuckDBPyConnection:
    """Give a connection to a new warehouse in memory, closed to everything outside."""
    connection = duckdb.connect(":memory:")
    with tempfile.TemporaryDirectory(prefix="bt-new-") as folder:
        image = Path(folder) / "image.duckdb"
        _write_out(image, _image(tuple(files), built_from))
        connection.execute(f"attach {schema.literal(image)} as image (read_only)")
        connection.execute("copy from database image to memory")
        connection.execute("detach image")
    connection.execute(_MADE_NOW)
    for name, value in HARDENED.items():
        connection.execute(f"set {name} = {value}")
    return connection


@lru_cache(maxsize=4)
def _image(files: tuple[Path, ...], built_from: str) -> bytes:
    """Give the file of an empty warehouse; `built_from` tells one content of the files from another.

    Building every relation takes half a second, copying what was built a tenth of it.
    """
    with tempfile.TemporaryDirectory(prefix="bt-new-") as folder:
        new = Path(folder) / "new.duckdb"
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach {schema.literal(new)} as made (storage_version '{STORAGE}')")
            connection.execute("use made")
            connection.execute("begin")  # one transaction for each relation would take a quarter longer
            schema.build(connection, files)
            schema.stamp(connection, schema.NEWEST, built_from)
            connection.execute("commit")
            connection.execute("checkpoint made")
            connection.execute("use memory")
            connection.execute("detach made")
        return new.read_bytes()


def _write_out(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def connect(path: Path, *, read_only: bool, wait: float) -> duckdb.DuckDBPyConnection:
    """Open the file; wait at most `wait` seconds for another process that has it."""
    if path.is_dir():
        raise WarehouseError(f"{path} is a folder, not a warehouse", f"did you mean {path / 'bt.duckdb'}?")
    if path.exists() and not path.is_file():
        raise WarehouseError(f"{path} is not a regular file", "give the path of a bt warehouse with --db")
    config: dict[str, Any] = dict(HARDENED)
    for pause in lock.pauses(wait):
        if not path.exists():  # DuckDB would make an empty file of that name
            raise WarehouseError(f"the warehouse {path} is gone", "restore it, or bring the data anew")
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.ConnectionException as error:
            raise WarehouseError(f"{path}: {first_line(error)}", "close the other connection first") from error
        except duckdb.Error as error:
            if _LOCKED not in str(error):
                raise WarehouseError(_unopened(path, error), _cure(path, error)) from error
            if pause is None:
                raise lock.busy(path, str(error)) from None
            time.sleep(pause)
    raise AssertionError  # pauses() ends with None


def info(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, str]:
    """Give the schema version and what the views were built from; refuse a file that is not ours, or newer."""
    try:
        rows = connection.execute("select schema_version, sql_hash from warehouse_info").fetchall()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise WarehouseError(f"{path} is a DuckDB file, but not a bt warehouse", "nothing was changed in it")
    version, built_from = rows[0]
    if version > schema.NEWEST:
        raise WarehouseError(
            f"{path} has schema version {version}, this bt knows {schema.NEWEST}", "upgrade bt-warehouse"
        )
    return int(version), str(built_from)


@contextmanager
def failures_explained(path: Path | None) -> Iterator[None]:
    """Turn what breaks a database into one sentence about this warehouse."""
    try:
        yield
    except duckdb.Error as error:
        if path and _LOCKED in str(error):
            raise lock.busy(path, str(error)) from None
        if isinstance(error, BROKEN) or any(sign in str(error) for sign in _FULL):
            raise WarehouseError(f"{path or ':memory:'}: {first_line(error)}", _cure(path, error)) from error
        raise


def first_line(error: Exception) -> str:
    """Give the first line of what the database said."""
    return str(error).strip().splitlines()[0]


def _unopened(path: Path, error: Exception) -> str:
    if "extension" in str(error):  # it knows the file for another database's and would load a reader of it
        return f"{path} is a file of another database, not a valid DuckDB file"
    return f"{path}: {first_line(error)}"


def _cure(path: Path | None, error: Exception) -> str:
    text = str(error)
    if any(sign in text for sign in _FULL) or "disk" in text.lower():
        return "free some disk space, then run the command again"
    if "Permission denied" in text or "read-only" in text.lower():
        return "make it and its folder writable for you, or name another warehouse with --db"
    if "WAL" in text:
        name = path.name if path else "the warehouse"
        return f"its log is damaged: move {name}.wal away (what came after the last checkpoint is lost)"
    if "not a valid DuckDB" in text or "extension" in text:
        return "it was not touched; give the path of a bt warehouse with --db"
    return "restore it from a copy, or name another warehouse with --db"
