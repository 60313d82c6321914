"""What an indicator's body computes, as a chain of named expressions over bars: macros of one value written out.

A body may begin with another indicator instead of `bars(timeframe)`; then that one's chain comes first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bt.market.indicators import definition_of, library, words
from bt.market.streaming import STREAMED
from bt.warehouse.definitions import define

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlglot import exp

    from bt.market.indicators import Definition

    Entry = tuple[str, exp.Expr]

BARS: Final = ("symbol", "ts", "open", "high", "low", "close", "volume", "turnover", "candles")

_COLUMN: Final = re.compile(r"_?[a-z][a-z0-9_]*")
_DEEPEST: Final = 20  # macros that call each other for ever are refused
_chains: dict[tuple[str, str, tuple[Path, ...]], tuple[Entry, ...] | None] = {}


def chain(definition: Definition, folders: tuple[Path, ...]) -> tuple[Entry, ...] | None:
    """Take a body apart into named expressions over bars, parameters and earlier names; None where it is no chain."""
    key = (definition.name, definition.body, folders)
    if key not in _chains:
        _chains[key] = _chain(definition, folders, _DEEPEST)
    return _chains[key]


def _chain(definition: Definition, folders: tuple[Path, ...], depth: int) -> tuple[Entry, ...] | None:
    from sqlglot import exp

    tree = _parsed(definition.body)
    if not isinstance(tree, exp.Query) or not depth:
        return None
    source: str | None = None
    found: list[Entry] = []
    for alias, stage in [*((cte.alias, cte.this) for cte in tree.ctes), ("", tree)]:
        if not isinstance(stage, exp.Select) or not _widens(stage):
            return None
        table = stage.args["from_"].this
        if source is None:
            first = _source(table, folders, depth)
            if first is None:
                return None
            found += first
        elif table.sql(dialect="duckdb").lower() != source:
            return None
        for column in stage.expressions[1:]:
            if not _COLUMN.fullmatch(column.alias) or column.alias in BARS or column.find(exp.Query):
                return None
            windows = _with_windows(column.this, stage.args.get("windows") or [])
            found.append((column.alias, written_out(windows, folders)))
        source = alias
    return tuple(found) if {name for name, _ in found} >= set(definition.outputs) else None


def _source(table: exp.Expr, folders: tuple[Path, ...], depth: int) -> tuple[Entry, ...] | None:
    """Give the chain that a first stage reads from: none for bars, that of another indicator with its arguments."""
    from sqlglot import exp

    if table.sql(dialect="duckdb").lower() == "bars(timeframe)":
        return ()
    called = table.this
    if not isinstance(called, exp.Anonymous) or called.name.lower() not in library(folders) or table.args.get("alias"):
        return None
    other = definition_of(called.name.lower(), folders)
    entries = _chain(other, folders, depth - 1)
    given = _given(called, ["timeframe", *other.parameters])
    if entries is None or given is None or given.pop("timeframe", exp.null()).sql() != "timeframe":
        return None
    values = {
        key: exp.paren(given[key]) if key in given else exp.Literal.number(repr(default))
        for key, default in other.parameters.items()
    }
    return tuple((name, substituted(expression, values)) for name, expression in entries)


def _given(call: exp.Expr, parameters: list[str]) -> dict[str, exp.Expr] | None:
    """Match the arguments of a call to a macro's parameters."""
    from sqlglot import exp

    given: dict[str, exp.Expr] = {}
    for place, argument in enumerate(call.expressions):
        named = isinstance(argument, exp.PropertyEQ)
        if not named and place >= len(parameters):
            return None
        given[argument.name.lower() if named else parameters[place]] = argument.expression if named else argument
    return given if given.keys() <= set(parameters) else None


def written_out(expression: exp.Expr, folders: tuple[Path, ...], depth: int = _DEEPEST) -> exp.Expr:
    """Put the body of each macro of one value in the place of its call, but for those that streaming.py writes."""
    from sqlglot import exp

    def replaced(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Anonymous) or not depth:
            return node
        word = words(node.name.lower(), folders)
        given = _given(node, list(word.parameters)) if word and node.name.lower() not in STREAMED else None
        if word is None or given is None or given.keys() != word.parameters.keys():
            return node
        body = _parsed(word.body)
        if body is None:
            return node
        values = {
            key: value.copy() if isinstance(value, exp.Column | exp.Literal) else exp.paren(value.copy())
            for key, value in given.items()
        }
        return exp.paren(written_out(substituted(body, values), folders, depth - 1))

    return expression.transform(replaced)


def substituted(expression: exp.Expr, values: Mapping[str, exp.Expr]) -> exp.Expr:
    """Put values in the place of columns of their names."""
    from sqlglot import exp

    return expression.transform(
        lambda node: (
            values[node.name].copy()
            if isinstance(node, exp.Column) and node.name in values and not node.table
            else node
        )
    )


def inlined(definition: Definition, values: Mapping[str, exp.Expr]) -> str | None:
    """Give a body of any form with its arguments, reading the relation `base` for bars; None if it cannot be read."""
    from sqlglot import exp

    tree = _parsed(definition.body)
    if tree is None:
        return None
    written = define(definition.path, definition.path.read_text(encoding="utf-8")).parameters  # text among the defaults
    texts = {key: _parsed(default) for key, default in written.items() if key not in values and default}
    tree = substituted(tree, {**{key: text for key, text in texts.items() if text}, **values})
    for table in list(tree.find_all(exp.Table)):
        if table.sql(dialect="duckdb").lower() == f"bars({values['timeframe'].sql('duckdb')})":
            table.set("this", exp.to_identifier("base"))
    return tree.sql(dialect="duckdb")


def _parsed(body: str) -> exp.Expr | None:
    import sqlglot

    try:
        return sqlglot.parse_one(body, read="duckdb")
    except sqlglot.errors.SqlglotError:  # DuckDB's own syntax
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


def _with_windows(expression: exp.Expr, windows: list[exp.Expr]) -> exp.Expr:
    """Write named windows out where they are used."""
    from sqlglot import exp

    named = {window.name: window for window in windows}
    for window in expression.find_all(exp.Window):
        if window.alias in named:
            meant = named[window.alias].copy()
            for key in ("partition_by", "order", "spec"):
                window.set(key, window.args.get(key) or meant.args.get(key))
            window.set("alias", None)
    return expression
