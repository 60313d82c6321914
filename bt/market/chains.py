"""What an indicator's body computes, as a chain of named expressions over bars: macros of one value written out.

A body may begin with another indicator instead of `bars(timeframe)`; then that one's chain comes first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bt.errors import BtError
from bt.market.indicators import definition_of, library, stamp, word
from bt.market.streaming import STREAMED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlglot import exp

    from bt.market.indicators import Definition
    from bt.warehouse import definitions

    Entry = tuple[str, exp.Expr]

BARS: Final = ("symbol", "ts", "open", "high", "low", "close", "volume", "turnover", "candles")

_COLUMN: Final = re.compile(r"_?[a-z][a-z0-9_]*")
_DEEPEST: Final = 20  # macros that call each other for ever are refused


@dataclass(frozen=True)
class Chain:
    """Expressions over bars, parameters and earlier entries, and the entries that are the columns in the end."""

    entries: tuple[Entry, ...]
    columns: Mapping[str, str]


def chain(definition: Definition, folders: tuple[Path, ...]) -> Chain | None:
    """Take a body apart into named expressions; None where it is no chain."""
    return _chain(definition.name, folders, stamp(folders), _DEEPEST)


@lru_cache(maxsize=256)
def _chain(name: str, folders: tuple[Path, ...], changed: int, depth: int) -> Chain | None:
    from sqlglot import exp

    definition = definition_of(name, folders)
    tree = _parsed(definition.file.body)
    if not isinstance(tree, exp.Query) or not depth:
        return None
    before: str | None = None
    found = Chain((), {})
    for alias, stage in [*((cte.alias, cte.this) for cte in tree.ctes), ("", tree)]:
        if not isinstance(stage, exp.Select) or not _widens(stage):
            return None
        table = stage.args["from_"].this
        known = _source(table, folders, changed, depth) if before is None else found
        if known is None or (before is not None and table.sql(dialect="duckdb").lower() != before):
            return None
        longer = _longer(known, stage, definition, folders)
        if longer is None:
            return None
        found, before = longer, alias
    return found if found.columns.keys() >= set(definition.outputs) else None


def _longer(known: Chain, stage: exp.Select, definition: Definition, folders: tuple[Path, ...]) -> Chain | None:
    """Add a stage's columns to a chain. As in DuckDB, a parameter hides a column, and a column one named beside it."""
    from sqlglot import exp

    from bt.warehouse.expansion import write_out

    left_out = {each.name.lower() for each in stage.expressions[0].args.get("except_") or []}
    parameters = {name.lower() for name in definition.file.parameters}
    beside: dict[str, str] = {}
    entries = list(known.entries)
    for column in stage.expressions[1:]:
        name = column.alias_or_name
        if not _COLUMN.fullmatch(name) or name in {*BARS, *beside, *(known.columns.keys() - left_out)}:
            return None
        if column.find(exp.Query):
            return None
        expression = column.unalias().copy()
        for window in expression.find_all(exp.Window):
            write_out(window, stage.args.get("windows") or [])
        expression = written_out(expression, folders)
        scope = {**beside, **known.columns, **{bar: bar for bar in BARS}, **{each: each for each in parameters}}
        used = list(expression.find_all(exp.Column))
        if any(each.table or each.name.lower() not in scope for each in used):
            return None
        values = {key: exp.column(value) for key, value in scope.items()}
        beside[name] = f"{name} {len(entries)}"  # no name of a column has a space
        entries.append((beside[name], substituted(expression, values)))
    kept = {name: entry for name, entry in known.columns.items() if name not in left_out}
    return None if left_out & set(BARS) else Chain(tuple(entries), {**kept, **beside})


def _source(table: exp.Expr, folders: tuple[Path, ...], changed: int, depth: int) -> Chain | None:
    """Give the chain that a first stage reads from: none for bars, that of another indicator with its arguments."""
    from sqlglot import exp

    from bt.warehouse.expansion import given

    if table.sql(dialect="duckdb").lower() == "bars(timeframe)":
        return Chain((), {})
    name = table.this.name.lower()
    if not isinstance(table.this, exp.Anonymous) or name not in library(folders) or table.args.get("alias"):
        return None
    other = definition_of(name, folders)
    found = _chain(name, folders, changed, depth - 1)
    values = _complete(other.file, given(other.file, table.this))
    if found is None or values is None or values["timeframe"].sql().lower() != "timeframe":
        return None
    return Chain(tuple((key, substituted(each, values)) for key, each in found.entries), found.columns)


def _complete(macro: definitions.Definition, values: Mapping[str, exp.Expr]) -> dict[str, exp.Expr] | None:
    """Give a value for every parameter of a macro, by its name in small letters; None where that is not possible."""
    from sqlglot import exp

    defaults = {name: _parsed(default) for name, default in macro.parameters.items() if default}
    found = {name: values.get(name) or defaults.get(name) for name in macro.parameters}
    if not values.keys() <= macro.parameters.keys() or not all(found.values()):
        return None
    return {
        name.lower(): value if isinstance(value, exp.Column | exp.Literal) else exp.paren(value)
        for name, value in found.items()
        if value is not None
    }


def written_out(expression: exp.Expr, folders: tuple[Path, ...], depth: int = _DEEPEST) -> exp.Expr:
    """Put the body of each macro of one value in the place of its call, but for those that streaming.py writes."""
    from sqlglot import exp

    from bt.warehouse.expansion import given

    def replaced(node: exp.Expr) -> exp.Expr:
        macro = word(node.name.lower(), folders) if isinstance(node, exp.Anonymous) and depth else None
        values = _complete(macro, given(macro, node)) if macro else None
        if macro is None or values is None:
            return node
        if macro.name in STREAMED:
            arguments = [written_out(values[name.lower()], folders, depth - 1) for name in macro.parameters]
            return exp.Anonymous(this=macro.name, expressions=arguments)
        body = _parsed(macro.body)
        return node if body is None else exp.paren(written_out(substituted(body, values), folders, depth - 1))

    return expression.transform(replaced)


def substituted(expression: exp.Expr, values: Mapping[str, exp.Expr]) -> exp.Expr:
    """Put values in the place of columns of their names, which are in small letters."""
    from sqlglot import exp

    return expression.transform(
        lambda node: (
            values[node.name.lower()].copy()
            if isinstance(node, exp.Column) and node.name.lower() in values and not node.table
            else node
        )
    )


def inlined(definition: Definition, values: Mapping[str, exp.Expr], folders: tuple[Path, ...]) -> str | None:
    """Give a body of any form with its arguments, reading the relation `base` for bars; None if it cannot be read."""
    tree = _inlined(definition, values, folders, _DEEPEST)
    return None if tree is None else tree.sql(dialect="duckdb")


def _inlined(
    definition: Definition, values: Mapping[str, exp.Expr], folders: tuple[Path, ...], depth: int
) -> exp.Expr | None:
    from sqlglot import exp

    from bt.warehouse.expansion import given

    tree = _parsed(definition.file.body)
    spelled = {name: values[name.lower()] for name in definition.file.parameters if name.lower() in values}
    whole = _complete(definition.file, spelled)
    if tree is None or whole is None or not depth:
        return None
    timeframe = whole["timeframe"].sql("duckdb")
    tree = substituted(tree, whole)
    for table in list(tree.find_all(exp.Table)):
        name = table.this.name.lower()
        if table.sql(dialect="duckdb").lower().startswith(f"bars({timeframe})"):
            table.set("this", exp.to_identifier("base"))
        elif isinstance(table.this, exp.Anonymous) and name in library(folders):
            other = definition_of(name, folders)
            inner = _complete(other.file, given(other.file, table.this))
            body = _inlined(other, inner, folders, depth - 1) if inner else None
            if body is not None and inner and inner["timeframe"].sql("duckdb") == timeframe:
                table.replace(exp.Subquery(this=body, alias=table.args.get("alias") or exp.to_identifier(name)))
    return tree


def _parsed(body: str) -> exp.Expr | None:
    from bt.warehouse.expansion import parse

    try:
        return parse(body, "the body").copy()
    except BtError:  # DuckDB's own syntax
        return None


def _widens(stage: exp.Expr) -> bool:
    """Say whether a SELECT keeps all rows and columns of its source: `select *, … from source`, and nothing else."""
    from sqlglot import exp

    clauses = {key for key, value in stage.args.items() if value}
    star = next(iter(stage.expressions), None)
    table = stage.args.get("from_")
    return (
        table is not None
        and isinstance(table.this, exp.Table)
        and clauses <= {"expressions", "from_", "windows", "with_"}
        and isinstance(star, exp.Star)
        and {key for key, value in star.args.items() if value} <= {"except_"}
    )
