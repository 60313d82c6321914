"""How the indicators of a strategy become one query, in which each distinct column is computed once.

An indicator's body is a chain of stages, each `select *, … as name` from the one before. All chains are taken apart
into columns, equal columns are merged, and every column is put into the earliest stage it can be computed in: what
windows over bars in the first, what windows over those in the second … So ten averages cost as many passes as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bt.errors import BtError
from bt.market.indicators import NAME, resolve
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from bt.market.indicators import Definition, Folders, Indicator, Number

BARS: Final = ("symbol", "ts", "open", "high", "low", "close", "volume", "turnover", "candles")

_COLUMN: Final = re.compile(r"_?[a-z][a-z0-9_]*")

Level = tuple[int, int]  # windows on the way here, steps since the last of them


@dataclass
class _Plan:
    """The columns to compute, and where the finished ones are found."""

    columns: dict[str, str] = field(default_factory=dict)  # SQL to name
    levels: dict[str, Level] = field(default_factory=dict)  # name to stage
    joins: dict[str, str] = field(default_factory=dict)  # SQL to name, for bodies that are not chains


def columns(indicators: Mapping[str, Indicator], folders: Folders = ()) -> dict[str, tuple[str, str]]:
    """Name the columns that `compose` adds to bars, each with its alias and output."""
    named: dict[str, tuple[str, str]] = {}
    for alias, indicator in indicators.items():
        if not NAME.fullmatch(alias):
            raise BtError(f"{alias!r} cannot name an indicator", "use a-z, 0-9 and _, a letter first")
        outputs = resolve(indicator, folders)[0].outputs
        for output in outputs:
            name = alias if len(outputs) == 1 else f"{alias}_{output}"
            if name in BARS or name in named:
                raise BtError(f"there are two columns {name!r}", f"call the indicator {alias!r} something else")
            named[name] = (alias, output)
    return named


def compose(indicators: Mapping[str, Indicator], *, base: str, timeframe: str, folders: Folders = ()) -> str:
    """Write the SELECT that gives each bar of `base` its indicators.

    `base` is a SELECT of bars (their columns as `bars(timeframe)` has them) and may hold parameters to bind; rows come
    in no particular order. An indicator with one output becomes the column `alias`, with several `alias_output` each.
    Give bars of one symbol if what follows a bar must not touch its last bit: with several, DuckDB adds up in an order
    that depends on all of them, so that the values agree to about 1e-15 only.
    """
    minutes(timeframe)
    names = columns(indicators, folders)
    plan = _Plan()
    found: dict[str, dict[str, str]] = {}
    for alias, indicator in indicators.items():
        definition, arguments = resolve(indicator, folders)
        found[alias] = _chained(plan, definition, arguments) or _joined(plan, definition, arguments, timeframe)
    sql = _written(plan, base, {name: found[alias][output] for name, (alias, output) in names.items()})
    _check(sql)
    return sql


@lru_cache(maxsize=256)
def _chain(body: str, outputs: tuple[str, ...]) -> tuple[tuple[str, exp.Expr], ...] | None:
    """Take a body apart into named expressions over bars and earlier names; None where it is not a chain."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(body, read="duckdb")
    except sqlglot.errors.SqlglotError:  # DuckDB's own syntax
        return None
    if not isinstance(tree, exp.Query):
        return None
    found: dict[str, exp.Expr] = {}
    source = "bars(timeframe)"
    for alias, stage in [*((cte.alias, cte.this) for cte in tree.ctes), ("", tree)]:
        if not isinstance(stage, exp.Select) or not _widens(stage, source):
            return None
        for column in stage.expressions[1:]:
            if not _COLUMN.fullmatch(column.alias) or column.alias in (*found, *BARS) or column.find(exp.Query):
                return None
            found[column.alias] = _with_windows(column.this, stage.args.get("windows") or [])
        source = alias
    return tuple(found.items()) if found.keys() >= set(outputs) else None


def _widens(stage: exp.Select, source: str) -> bool:
    """Say whether a SELECT keeps the rows and columns of `source`: `select *, … from source`, and nothing else."""
    from sqlglot import exp

    clauses = {key for key, value in stage.args.items() if value}
    star = next(iter(stage.expressions), None)
    table = stage.args.get("from_")
    return (
        table is not None
        and table.this.sql(dialect="duckdb").lower() == source
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


def _chained(plan: _Plan, definition: Definition, arguments: Mapping[str, Number]) -> dict[str, str] | None:
    """Plan an indicator's columns and say which of them are its outputs; None where its body is not a chain."""
    from sqlglot import exp

    chain = _chain(definition.body, definition.outputs)
    scope: dict[str, exp.Expr] = {key: exp.Literal.number(_literal(value)) for key, value in arguments.items()}
    scope |= {name: exp.column(name) for name in BARS if name not in scope}  # as in DuckDB, a parameter hides a column
    if chain is None or not _closed(chain, scope):
        return None
    for name, expression in chain:
        resolved = _resolved(expression, scope)
        used = [column.name for column in resolved.find_all(exp.Column)]
        if isinstance(resolved, exp.Column):
            scope[name] = resolved
        elif not used and not resolved.find(exp.Window) and name not in definition.outputs:
            scope[name] = exp.paren(resolved)  # a constant: written out, so that DuckDB sees which windows are the same
        else:
            scope[name] = exp.column(_planned(plan, name, resolved, used))
    return {output: scope[output].name for output in definition.outputs}


def _closed(chain: tuple[tuple[str, exp.Expr], ...], scope: Mapping[str, exp.Expr]) -> bool:
    """Say whether every name in the expressions is known here."""
    from sqlglot import exp

    known = scope.keys() | {name for name, _ in chain}
    used = [column for _, expression in chain for column in expression.find_all(exp.Column)]
    return all(column.name in known and not column.table for column in used)


def _resolved(expression: exp.Expr, scope: Mapping[str, exp.Expr]) -> exp.Expr:
    from sqlglot import exp

    return expression.transform(lambda node: scope[node.name].copy() if isinstance(node, exp.Column) else node)


def _planned(plan: _Plan, name: str, expression: exp.Expr, used: list[str]) -> str:
    """Find the column that is this expression, or add it to the stage after all it uses; give its name."""
    from sqlglot import exp

    sql = expression.sql(dialect="duckdb")
    if sql not in plan.columns:
        windows, steps = max((plan.levels.get(column, (0, 0)) for column in used), default=(0, 0))
        plan.columns[sql] = f"_{name.lstrip('_')}_{len(plan.columns) + 1}"
        plan.levels[plan.columns[sql]] = (windows + 1, 0) if expression.find(exp.Window) else (windows, steps + 1)
    return plan.columns[sql]


def _joined(plan: _Plan, definition: Definition, arguments: Mapping[str, Number], timeframe: str) -> dict[str, str]:
    """Plan an indicator of any other form: its rows, joined to the bars by symbol and ts."""
    call = ", ".join([f"'{timeframe}'", *(f"{key} := {_literal(value)}" for key, value in arguments.items())])
    outputs = ", ".join(f'"{output}"' for output in definition.outputs)
    sql = f"select symbol, ts, {outputs} from {definition.name}({call})"
    name = plan.joins.setdefault(sql, f"joined_{len(plan.joins) + 1}")
    return {output: f'{name}."{output}"' for output in definition.outputs}


def _literal(value: Number) -> str:
    """Write a number so that DuckDB reads it back exactly: a DOUBLE, not a DECIMAL, where it has a point."""
    written = repr(value)
    return written if isinstance(value, int) or "e" in written else f"{written}e0"


def _written(plan: _Plan, base: str, outputs: Mapping[str, str]) -> str:
    stages = {"base": base.strip().rstrip(";")}
    for level in sorted(set(plan.levels.values())):
        here = [f"        {sql} as {name}," for sql, name in plan.columns.items() if plan.levels[name] == level]
        lines = ["    select", "        *,", *here, f"    from {list(stages)[-1]}"]
        stages[f"stage_{len(stages)}"] = "\n".join(lines)
    last = list(stages)[-1]
    shown = [*(f"{last}.{name}" for name in BARS), *(f'{column} as "{name}"' for name, column in outputs.items())]
    lines = [
        "with " + ",\n\n".join(f"{name} as (\n{body}\n)" for name, body in stages.items()),
        "\nselect",
        *(f"    {column}," for column in shown),
        f"from {last}",
        *(f"left join ({sql}) as {name} using (symbol, ts)" for sql, name in plan.joins.items()),
    ]
    return "\n".join(lines)


def _check(sql: str) -> None:
    import sqlglot
    from sqlglot import exp

    try:
        statements = sqlglot.parse(sql, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise BtError(
            f"the query of the indicators is not SQL: {error}", "give one SELECT of bars as its base"
        ) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BtError("the query of the indicators is not one SELECT", "give one SELECT of bars as its base")
