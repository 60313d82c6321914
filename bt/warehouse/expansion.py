"""One SELECT over stored tables for any view or macro: other views become CTEs, macros are written out with arguments.

Done on the syntax tree of the files of `sql/`, so that lineage and other engines need no database. Every column is
qualified, `*`, `using` and `group by all` are written out, and a column that builds on one named before it is put in
whole: what is left reads the same in any dialect of SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from bt.errors import BtError, hint
from bt.warehouse.definitions import Definition, defined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Known = Mapping[str, Definition]

_OWN: Final = "own"  # marks a column of a macro's body: no parameter of a macro around it may hide it


@dataclass
class _Hoisted:
    """The CTEs that relations become, sources first, and the names of the relations by what is called."""

    taken: set[str]
    made: list[exp.CTE] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, exp.Expr] = field(default_factory=dict)  # by relation, macros of one value written out
    recursive: bool = False

    def add(self, name: str, query: exp.Query, columns: list[exp.Expr] | None = None) -> str:
        """Keep a SELECT under a name that nothing else has."""
        free = name
        while free in self.taken:
            free += "_"
        self.taken.add(free)
        alias = exp.TableAlias(this=exp.to_identifier(free), columns=columns or [])
        self.made.append(exp.CTE(this=query, alias=alias))
        return free


def tables(known: Known) -> dict[str, object]:
    """Give the columns of every stored table, name to type."""
    return {name: dict(_stored_columns(each.body)) for name, each in known.items() if each.kind == "table"}


@lru_cache(maxsize=256)
def _stored_columns(body: str) -> tuple[tuple[str, str], ...]:

    columns = sqlglot.parse_one(f"create table made {body}", read="duckdb").find_all(exp.ColumnDef)
    return tuple((column.name, column.args["kind"].sql("duckdb")) for column in columns)


def parsed(definition: Definition) -> exp.Expr:
    """Parse what a relation is defined as; the tree is the caller's own."""
    return parse(definition.body, definition.name).copy()


@lru_cache(maxsize=512)
def parse(body: str, name: str) -> exp.Expr:
    """Parse SQL, once: copy the tree before you change it. Raise BtError about `name` if only DuckDB can read it."""
    try:
        return sqlglot.parse_one(body, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        problem = str(error).splitlines()[0]
        raise BtError(f"{name} is written in a way that only DuckDB reads: {problem}") from error


def reads(tree: exp.Expr, known: Known) -> Iterator[tuple[exp.Expr, Definition]]:
    """Give every place in a tree that reads another relation or calls a macro, and which."""
    for node in list(tree.find_all(exp.Table, exp.Anonymous)):
        call = node if isinstance(node, exp.Anonymous) else node.this
        if isinstance(node.parent, exp.Table):
            continue  # the call of a macro of rows: its table was met before
        called, name = isinstance(call, exp.Anonymous), call.name.lower()
        found = known.get(name)
        if found and found.kind.startswith("macro") == called and (called or not _is_cte(node, name)):
            yield node, found


def expanded(name: str, arguments: Mapping[str, exp.Expr], known: Known) -> exp.Query:
    """Give the SELECT of a view, or of a macro with these arguments, over nothing but stored tables.

    Raise BtError for an unknown relation or argument, one that is not given, a table and a macro of one value.
    """
    definition = defined(name, known)
    if definition.kind not in {"view", "macro table"}:
        raise BtError(f"{name} is a {definition.kind}, not a view or macro of rows", "name a relation that is computed")
    stored = {each.name for each in known.values() if each.kind == "table"}
    taken = stored.union(*(_cte_names(each.name, each.body) for each in known.values() if each.kind != "table"))
    hoisted = _Hoisted(taken=taken)
    query = _written_out(definition, arguments, known, hoisted)
    if hoisted.made:
        own = query.args.get("with_") or exp.With(expressions=[])
        recursive = hoisted.recursive or bool(own.args.get("recursive"))
        query.set("with_", exp.With(expressions=[*hoisted.made, *own.expressions], recursive=recursive))
    plain: Any = {"quote_identifiers": False, "identify": False}
    qualified: Any = qualify(query, schema=tables(known), dialect="duckdb", **plain)
    return cast("exp.Query", qualified)


@lru_cache(maxsize=256)
def _cte_names(name: str, body: str) -> frozenset[str]:
    return frozenset(cte.alias for cte in parse(body, name).find_all(exp.CTE))


def _written_out(
    definition: Definition, arguments: Mapping[str, exp.Expr], known: Known, hoisted: _Hoisted
) -> exp.Query:
    """Give the body with its arguments filled in, reading CTEs in place of other views and macros."""
    tree = _filled(definition, arguments, _inlined(definition, known, hoisted))
    for node, found in reads(tree, known):
        if found.kind == "table":
            continue
        call = f"{found.name}({', '.join(each.sql('duckdb') for each in _calling(node))})"
        if call not in hoisted.named:
            query = _flat(_written_out(found, given(found, node.this), known, hoisted), found.name, hoisted)
            hoisted.named[call] = hoisted.add(found.name, query)
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(found.name))
        _swapped(tree, node, exp.Table(this=exp.to_identifier(hoisted.named[call]), alias=alias))
    return cast("exp.Query", tree)


def _inlined(definition: Definition, known: Known, hoisted: _Hoisted) -> exp.Expr:
    """Give a body in which macros of one value are written out, the innermost first."""
    if definition.name not in hoisted.bodies:
        tree = parsed(definition)
        for node, found in reversed(list(reads(tree, known))):
            if found.kind == "macro":
                value = _filled(found, given(found, node), _inlined(found, known, hoisted))
                tree = _swapped(tree, node, exp.paren(value, copy=False))
        hoisted.bodies[definition.name] = tree
    return hoisted.bodies[definition.name].copy()


def _flat(query: exp.Query, relation: str, hoisted: _Hoisted) -> exp.Query:
    """Hoist a relation's own CTEs too, under names that say whose they are: not every engine nests CTEs."""
    own = query.args.get("with_")
    hoisted.recursive |= bool(own and own.args.get("recursive"))
    for cte in own.expressions if own else []:
        places = [table for table in query.find_all(exp.Table) if table.name == cte.alias and _is_cte(table, cte.alias)]
        name = hoisted.add(f"{relation}_{cte.alias}", cte.this, cte.args["alias"].args.get("columns"))
        for table in places:
            table.set("alias", table.args.get("alias") or exp.TableAlias(this=table.this.copy()))
            table.set("this", exp.to_identifier(name))
    query.set("with_", None)
    return query


def _swapped(tree: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    for key in ("joins", "laterals", "pivots"):
        if old.args.get(key):
            new.set(key, old.args[key])
    return new if old is tree else (old.replace(new), tree)[1]


def _calling(node: exp.Expr) -> list[exp.Expr]:
    return list(node.this.expressions) if hasattr(node.this, "expressions") else []


def given(definition: Definition, call: exp.Expr) -> dict[str, exp.Expr]:
    """Match the arguments of a call to the macro's parameters, whose names may be written in any case."""
    if not definition.kind.startswith("macro"):
        return {}
    spelled = {name.lower(): name for name in definition.parameters}
    named = {each.name.lower(): each.expression for each in call.expressions if isinstance(each, exp.PropertyEQ)}
    placed = [each for each in call.expressions if not isinstance(each, exp.PropertyEQ)]
    by_name = {spelled.get(name, name): value for name, value in named.items()}
    return dict(zip(definition.parameters, placed, strict=False)) | by_name


def write_out(window: exp.Window, windows: Sequence[exp.Expr]) -> None:
    """Put a named window, one of `windows`, where it is used."""
    named = {each.name: each for each in windows}
    if window.alias and window.alias in named:
        meant = named[window.alias]
        for key in ("partition_by", "order", "spec"):
            value = window.args.get(key) or meant.args.get(key)
            window.set(key, [each.copy() for each in value] if isinstance(value, list) else value and value.copy())
        window.set("alias", None)


def _filled(definition: Definition, arguments: Mapping[str, exp.Expr], tree: exp.Expr) -> exp.Expr:
    """Put arguments in the place of parameters, which hide columns of their name, as in DuckDB."""
    for name in arguments:
        if name not in definition.parameters:
            cure = hint(name, definition.parameters) if definition.parameters else "it takes none"
            raise BtError(f"{definition.call} has no argument {name!r}", cure)
    values: dict[str, exp.Expr] = {}
    for name, default in definition.parameters.items():
        if name not in arguments and not default:
            raise BtError(f"{definition.call} needs a value for {name!r}", f"-p {name}=…")
        value = arguments.get(name) or sqlglot.parse_one(default, read="duckdb")
        values[name.lower()] = value if isinstance(value, exp.Literal | exp.Column) else exp.paren(value)
    for column in list(tree.find_all(exp.Column)):
        if not column.table and column.name.lower() in values and not column.meta.get(_OWN):
            tree = _swapped(tree, column, values[column.name.lower()].copy())
        else:
            column.meta[_OWN] = True
    return tree


def _is_cte(node: exp.Expr, name: str) -> bool:
    """Say whether a name means a CTE here: one of a query around it, written before this place."""
    inside, around = node, node.parent
    while around is not None:
        with_ = around.args.get("with_")
        for cte in with_.expressions if with_ and with_ is not inside else []:
            if cte.alias.lower() == name:
                return True
        if around.key == "with":
            before = around.expressions.index(inside) + bool(around.args.get("recursive"))
            for cte in around.expressions[:before]:
                if cte.alias.lower() == name:
                    return True
        inside, around = around, around.parent
    return False
