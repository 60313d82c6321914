"""What the tables and views of a warehouse are, and how an older file becomes a current one.

`sql/` is the schema: folder = layer, file = relation, sorted order = dependency order. A file's comments become the
database's comments: its leading lines describe the relation, a comment at the end of a line describes that column.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from bt import __version__
from bt.errors import BtError, WarehouseError
from bt.warehouse.definitions import Definition, define

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    import duckdb

_SWEEPS: Final = """
    alter table runs add column settings varchar;
    alter table runs add column sets bigint;
    drop table folds;   -- nothing wrote to them before: made anew from their files
    drop table trials;
    drop macro table if exists day_facts;
"""
_PARTS: Final = "alter table runs add column data_parts varchar;"
_OPINIONS: Final = "drop table verifications;"  # nothing wrote to it before: made anew from its file
MIGRATIONS: Final[tuple[str, ...]] = (_SWEEPS, _PARTS, _OPINIONS)  # statements from schema version 1 to 2, 2 to 3 …
NEWEST: Final = 1 + len(MIGRATIONS)  # the schema version of this bt
CHECKS: Final = "checks"  # the folder of queries that must return no rows: run by `bt check`, not built

_COLUMN: Final = re.compile(r"^(?: {4}|select )(?P<code>\S.*),?\s+-- (?P<comment>\S.*)$")
_IDENTIFIER: Final = re.compile(r"^[a-z_][a-z0-9_]*$")


def sql_files(folders: Iterable[Path]) -> list[Path]:
    """List the files to build, in order of layer, folder and name; one relation must not have two files."""
    found: dict[str, Path] = {}
    places: dict[str, tuple[str, int, str]] = {}
    for place, folder in enumerate(folders):
        for path in folder.glob("*/*.sql"):
            key = f"{path.parent.name}/{path.name}"
            if path.parent.name == CHECKS:
                continue
            if key in found:
                raise BtError(f"{path}: bt has its own {key}", "give the file, and the relation in it, another name")
            found[key] = path
            places[key] = (path.parent.name, place, path.name)
    return [found[key] for key in sorted(found, key=lambda key: places[key])]


def sql_hash(files: Iterable[Path]) -> str:
    """Give the SHA-256 of the files' names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Create or replace every relation, in order; stop at the first file that fails and name it."""
    import duckdb

    built: list[tuple[Definition, str]] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            connection.execute(text)
            built.append((define(path, text), text))
        except (duckdb.Error, UnicodeDecodeError, OSError) as error:
            problem = str(error).strip().splitlines()[0]
            raise BtError(f"{path.parent.name}/{path.name}: {problem}", f"mend or remove {path}") from error
    _comment(connection, built)
    if {"metrics", "run_metrics"} <= {found.name for found, _ in built}:
        refresh(connection)


def refresh(connection: duckdb.DuckDBPyConnection) -> None:
    """Work out anew what is kept of views: what defines it may be newer than the runs."""
    connection.execute("delete from run_metrics; insert into run_metrics by name from metrics order by run_id")


def migrate(connection: duckdb.DuckDBPyConnection, version: int, steps: Sequence[str] = MIGRATIONS) -> int:
    """Bring the tables from `version` to the newest one; the caller holds the transaction. Give the new version."""
    newest = 1 + len(steps)
    if version > newest:
        raise WarehouseError(
            f"the warehouse has schema version {version}, this bt knows {newest}", "upgrade bt-warehouse"
        )
    for step in steps[version - 1 :]:
        connection.execute(step)
    return newest


def stamp(connection: duckdb.DuckDBPyConnection, version: int, built_from: str) -> None:
    """Record what the warehouse was built from."""
    known = connection.execute("select min(created_ts) from warehouse_info").fetchone()
    connection.execute("delete from warehouse_info")
    connection.execute(
        "insert into warehouse_info values (?, ?, ?, coalesce(?, now() at time zone 'UTC'))",
        [version, built_from, __version__, known[0] if known else None],
    )


def _comment(connection: duckdb.DuckDBPyConnection, built: Sequence[tuple[Definition, str]]) -> None:
    """Make comments of what the files say. A column without one takes that of the first column of its name."""
    place = {found.name: number for number, (found, _) in enumerate(built)}
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where not internal and database_name = current_database() order by table_oid, column_index"
    ).fetchall()
    rows = sorted((row for row in rows if row[0] in place), key=lambda row: place[row[0]])  # stable: columns in order
    columns: dict[str, list[str]] = {}
    for relation, column in rows:
        columns.setdefault(relation, []).append(column)
    said = {
        (found.name, column): comment
        for found, text in built
        if not found.kind.startswith("macro")
        for column, comment in written_comments(found.kind, text, columns.get(found.name, [])).items()
    }
    first: dict[str, str] = {}
    for relation, column in rows:
        if comment := said.get((relation, column)):
            first.setdefault(column, comment)
    for relation, column in rows:
        if column in first and _IDENTIFIER.match(column):
            said.setdefault((relation, column), first[column])
    statements = [
        *(f"comment on {found.kind} {found.name} is {literal(chr(10).join(found.header))}" for found, _ in built),
        *(
            f'comment on column "{relation}"."{column}" is {literal(said[relation, column])}'
            for relation, column in said
        ),
    ]
    connection.execute(";\n".join(statements))


def written_comments(kind: str, text: str, columns: Collection[str]) -> dict[str, str]:
    """Give the comments at the ends of a file's lines, by the column they describe."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        found = _COLUMN.match(line)
        column = re.findall(r"\w+", found["code"])[0 if kind == "table" else -1] if found else ""
        if found and column in columns:
            said[column] = found["comment"]
    return said


def literal(text: object) -> str:
    """Give text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
