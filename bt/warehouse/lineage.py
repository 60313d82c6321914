"""Where a relation's rows and columns come from: what it reads, down to tables, and the table columns in each column.

A column's sources are those its value is made of, windows' partitions and orders included; conditions that choose rows
are not. `candles.*` says that rows of candles are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from bt.warehouse import expansion
from bt.warehouse.definitions import defined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlglot.optimizer.scope import Scope

    from bt.warehouse.definitions import Definition

    Sources = frozenset[tuple[str, str]]  # table and column

_EXAMPLE: Final = "1h"  # any value of an argument will do: sources do not hang on it


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What a relation is made of."""

    name: str
    reads: Mapping[str, tuple[str, ...]]  # this relation, and all it reads, to what each of them reads itself
    columns: Mapping[str, tuple[tuple[str, str], ...]]  # column to (table, column); empty = a constant


def lineage(name: str, known: Mapping[str, Definition]) -> Lineage:
    """Trace a view, a macro or a table; raise BtError for an unknown name."""
    return Lineage(name=name, reads=readings(name, known), columns=_columns(defined(name, known), known))


def readings(name: str, known: Mapping[str, Definition]) -> dict[str, tuple[str, ...]]:
    """Give what a relation reads, and what that reads, down to tables: each by name to what it reads itself."""
    reads: dict[str, tuple[str, ...]] = {}
    waiting = [defined(name, known).name]
    while waiting:
        current = waiting.pop(0)
        if current not in reads:
            reads[current] = _direct(known[current], known)
            waiting += reads[current]
    return reads


def _direct(definition: Definition, known: Mapping[str, Definition]) -> tuple[str, ...]:
    if definition.kind == "table":
        return ()
    found = {each.name for _, each in expansion.reads(expansion.parsed(definition), known)}
    return tuple(name for name in known if name in found)


def _columns(definition: Definition, known: Mapping[str, Definition]) -> dict[str, tuple[tuple[str, str], ...]]:
    if definition.kind == "table":
        columns: Any = expansion.tables(known)[definition.name]
        return {name: ((definition.name, name),) for name in columns}
    if definition.kind == "macro":
        return {}
    needed = [key for key, default in definition.parameters.items() if not default]
    tree: Any = expansion.expanded(definition.name, {key: exp.Literal.string(_EXAMPLE) for key in needed}, known)
    scopes: list[Any] = traverse_scope(tree)
    trace = _Trace({id(scope.expression): scope for scope in scopes})
    return {name: tuple(sorted(trace.column(scopes[-1], name))) for name in tree.named_selects}


class _Trace:
    """Follow columns through scopes, each of them once."""

    def __init__(self, scopes: Mapping[int, Scope]) -> None:
        self._scopes = scopes
        self._known: dict[tuple[int, str], Sources] = {}

    def column(self, scope: Scope, name: str) -> Sources:
        """Give the table columns that a column of a SELECT is made of."""
        key = (id(scope), name)
        if key not in self._known:
            self._known[key] = frozenset()  # a recursive query reads itself
            self._known[key] = frozenset(self._found(scope, name))
        return self._known[key]

    def _found(self, scope: Scope, name: str) -> Iterator[tuple[str, str]]:
        query: Any = scope.expression
        if scope.set_operation_scopes:
            place = query.named_selects.index(name)
            for branch in scope.set_operation_scopes:
                side: Any = branch.expression
                yield from self.column(branch, name if query.args.get("by_name") else side.named_selects[place])
            return
        chosen = next((each for each in query.selects if each.alias_or_name == name), None)
        for part in [chosen, *_windows(query, chosen)] if chosen else []:
            for column in part.find_all(exp.Column):
                yield from self._source(column)
            if part.find(exp.Star):
                yield from ((table, "*") for table in self._rows(scope))

    def _source(self, column: exp.Column) -> Sources:
        node, scope = column.parent, None
        while node is not None and (scope is None or column.table not in scope.sources):
            scope = self._scopes.get(id(node), scope)
            node = node.parent
        source: Any = scope.sources.get(column.table) if scope else None
        if source is None:
            return frozenset()
        if hasattr(source, "sources"):
            return self.column(source, column.name)
        return frozenset([(source.name, column.name)] if source.name else [])  # range(n) has no name

    def _rows(self, scope: Scope) -> set[str]:
        """Name the tables whose rows a SELECT is made of."""
        found: set[str] = set()
        for branch in scope.set_operation_scopes:
            found |= self._rows(branch)
        sources: list[Any] = [source for _, source in scope.selected_sources.values()]
        for source in sources:
            found |= self._rows(source) if hasattr(source, "sources") else {source.name}
        return found - {""}


def _windows(query: exp.Expr, chosen: exp.Expr) -> list[exp.Expr]:
    """Give the windows that a column names, which stand at the end of its SELECT."""
    names = {window.alias for window in chosen.find_all(exp.Window)}
    return [window for window in query.args.get("windows") or [] if window.name in names]
