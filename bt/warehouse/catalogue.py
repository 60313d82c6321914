"""What relations a warehouse has, in words: what one row is, and each column with its type and meaning."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from bt.warehouse import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bt.warehouse.definitions import Definition

_KINDS: Final = {"macro table": "table macro", "macro": "scalar macro"}
_EXAMPLES: Final = {"timeframe": "'1h'"}  # arguments to ask a macro for its columns; null does for all others
_RELATIONS: Final = """
select table_name as name, 'table' as kind, comment, null as parameters
from duckdb_tables() where not internal and database_name = current_database()
union all
select view_name, 'view', comment, null
from duckdb_views() where not internal and database_name = current_database()
union all
select function_name, case function_type when 'macro' then 'macro' else 'macro table' end, comment, parameters
from duckdb_functions() where not internal and database_name = current_database()
order by name
"""
_COLUMNS: Final = """
select table_name, column_name, data_type, comment
from duckdb_columns() where not internal and database_name = current_database()
order by table_name, column_index
"""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a relation."""

    name: str
    type: str
    comment: str  # empty = nothing is said


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One relation of a warehouse."""

    name: str
    layer: str  # the folder its file lies in; empty = made by hand
    kind: str  # table, view, table macro or scalar macro
    call: str  # its name, of a macro with arguments and defaults
    header: tuple[str, ...]  # what one row is, then further lines
    columns: tuple[Column, ...]  # none of a scalar macro: it gives one value
    outputs: tuple[str, ...]  # of an indicator: the columns it adds to those of bars

    @property
    def row(self) -> str:
        """Say what one row is."""
        return self.header[0] if self.header else ""


def catalogue(connection: duckdb.DuckDBPyConnection, known: Mapping[str, Definition]) -> dict[str, Relation]:
    """Describe every relation of the open warehouse, in the order of its files (`known`), then those without a file.

    Types and comments are the database's; a macro's file says what no database keeps: defaults and its columns' units.
    """
    stored: dict[str, list[Column]] = {}
    for relation, column, kind, comment in connection.execute(_COLUMNS).fetchall():
        stored.setdefault(relation, []).append(Column(name=column, type=kind, comment=comment or ""))
    facts = {row[0]: row[1:] for row in connection.execute(_RELATIONS).fetchall()}
    names = [*(name for name in known if name in facts), *(name for name in facts if name not in known)]
    inherited: dict[str, str] = {}
    found: dict[str, Relation] = {}
    for name in names:
        kind, comment, parameters = facts[name]
        definition = known.get(name)
        if name not in stored:
            stored[name] = _answered(connection, name, parameters, definition) if kind == "macro table" else []
        columns = [_inheriting(column, inherited) for column in stored[name]]
        inherited = {column.name: column.comment for column in columns if column.comment} | inherited
        found[name] = Relation(
            name=name,
            layer=definition.layer if definition else "",
            kind=_KINDS.get(kind, kind),
            call=definition.call if definition else name + (f"({', '.join(parameters)})" if parameters else ""),
            header=tuple((comment or "").splitlines()),
            columns=tuple(columns),
            outputs=tuple(definition.outputs) if definition else (),
        )
    return found


def _answered(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: Sequence[str], definition: Definition | None
) -> list[Column]:
    """Ask a table macro for its columns; what has a default is not given."""
    needed = [key for key in parameters if not (definition and definition.parameters.get(key))]
    arguments = ", ".join(_EXAMPLES.get(key, "null") for key in needed)
    described = []
    with suppress(duckdb.Error):  # a macro made by hand may not take these arguments: its columns stay unknown
        described = connection.execute(f"describe select * from {name}({arguments})").fetchall()
    names = [row[0] for row in described]
    said = schema.written_comments(definition.kind, definition.body, names) | definition.outputs if definition else {}
    return [Column(name=row[0], type=row[1], comment=said.get(row[0], "")) for row in described]


def _inheriting(column: Column, inherited: Mapping[str, str]) -> Column:
    """Let a column without a comment take that of the first relation with one of its name, as tables and views do."""
    return Column(name=column.name, type=column.type, comment=column.comment or inherited.get(column.name, ""))
