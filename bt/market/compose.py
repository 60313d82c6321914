"""How the indicators of a strategy become one query, in which each distinct column is computed once.

An indicator's body is a chain of stages, each `select *, … as name` from the one before. All chains are taken apart
into columns, equal columns are merged, and every column is put into the earliest stage it can be computed in: what
windows over bars in the first, what windows over those in the second … So ten averages cost as many passes as one, and
no pass sorts or keeps its rows (see streaming.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from bt.errors import BtError
from bt.market.arithmetic import literal
from bt.market.chains import BARS, chain, inlined, substituted
from bt.market.indicators import NAME, resolve
from bt.market.streaming import streamed, streams
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlglot import exp

    from bt.market.arithmetic import Number
    from bt.market.indicators import Definition, Folders, Indicator

Level = tuple[int, int]  # windows on the way here, steps since the last of them


@dataclass
class _Plan:
    """The columns to compute, and where the finished ones are found."""

    columns: dict[str, str] = field(default_factory=dict)  # SQL to name
    levels: dict[str, Level] = field(default_factory=dict)  # name to stage
    uses: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name to the columns it is made of
    never_null: set[str] = field(default_factory=lambda: set(BARS) - {"turnover"})
    joins: dict[str, str] = field(default_factory=dict)  # SQL to name, for bodies that are not chains

    def add(self, name: str, sql: str, used: tuple[str, ...], *, windowed: bool) -> str:
        """Find the column that is this SQL, or add it to the stage after all it uses; give its name."""
        if sql not in self.columns:
            windows, steps = max((self.levels.get(column, (0, 0)) for column in used), default=(0, 0))
            self.columns[sql] = new = f"_{name.lstrip('_')}_{len(self.columns) + 1}"
            self.levels[new] = (windows + 1, 0) if windowed else (windows, steps + 1)
            self.uses[new] = used
        return self.columns[sql]

    def copy(self) -> _Plan:
        """Keep how far the plan has come."""
        return _Plan(dict(self.columns), dict(self.levels), dict(self.uses), set(self.never_null), dict(self.joins))

    def restore(self, kept: _Plan) -> None:
        """Go back to where the plan was copied."""
        self.__dict__.update(kept.__dict__)

    def filled(self, expression: exp.Expr) -> bool:
        """Say whether the expression is known never to be null: arithmetic over columns that never are."""
        from sqlglot import exp

        safe = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Abs, exp.Greatest, exp.Literal, exp.Identifier)
        return all(
            node.name in self.never_null if isinstance(node, exp.Column) else isinstance(node, safe)
            for node in expression.walk()
        )


def columns(indicators: Mapping[str, Indicator], folders: Folders = ()) -> dict[str, tuple[str, str]]:
    """Name the columns that `compose` adds to bars, each with its alias and output."""
    return named({alias: tuple(resolve(indicator, folders)[0].outputs) for alias, indicator in indicators.items()})


def named(outputs_of: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """Name the columns of indicators by their aliases and outputs: one output is called by the alias alone."""
    found: dict[str, tuple[str, str]] = {}
    for alias, outputs in outputs_of.items():
        if not NAME.fullmatch(alias):
            raise BtError(f"{alias!r} cannot name an indicator", "use a-z, 0-9 and _, a letter first")
        for output in outputs:
            name = alias if len(outputs) == 1 else f"{alias}_{output}"
            if name in BARS or name in found:
                raise BtError(f"there are two columns {name!r}", f"call the indicator {alias!r} something else")
            found[name] = (alias, output)
    return found


def compose(indicators: Mapping[str, Indicator], *, base: str, timeframe: str, folders: Folders = ()) -> str:
    """Write the SELECT that gives each bar of `base` its indicators, in order of ts.

    `base` is a SELECT of bars of one symbol (their columns as `bars(timeframe)` has them) and may hold parameters to
    bind. An indicator with one output becomes the column `alias`, with several `alias_output` each. What an indicator
    says of another timeframe or symbol is the caller's business.
    """
    minutes(timeframe)
    _check(base)
    names = columns(indicators, folders)
    plan = _Plan()
    found: dict[str, dict[str, str]] = {}
    for alias, indicator in indicators.items():
        definition, arguments = resolve(indicator, folders)
        values = _arguments(arguments, timeframe)
        chained = _chained(plan, definition, values, tuple(folders))
        found[alias] = chained or _joined(plan, definition, values, tuple(folders))
    return _written(plan, base, {name: found[alias][output] for name, (alias, output) in names.items()})


def _arguments(arguments: Mapping[str, Number], timeframe: str) -> dict[str, exp.Expr]:
    """Write the values of a macro's parameters."""
    from sqlglot import exp

    values: dict[str, exp.Expr] = {key.lower(): exp.Literal.number(literal(value)) for key, value in arguments.items()}
    return values | {"timeframe": exp.Literal.string(timeframe)}


def _chained(
    plan: _Plan, definition: Definition, values: Mapping[str, exp.Expr], folders: tuple[Path, ...]
) -> dict[str, str] | None:
    """Plan an indicator's columns and say which of them are its outputs; None where its body is not a chain."""
    from sqlglot import exp

    found = chain(definition, folders)
    if found is None or not values.keys() >= {name.lower() for name in definition.file.parameters}:
        return None
    before = plan.copy()
    scope = {name: exp.column(name) for name in BARS} | dict(values)  # as in DuckDB, a parameter hides a column
    for name, expression in found.entries:
        resolved = streamed(substituted(expression, scope), plan)
        if not all(streams(window) for window in resolved.find_all(exp.Window)):
            plan.restore(before)  # rows would come out in another order
            return None
        used = tuple(column.name for column in resolved.find_all(exp.Column))
        if isinstance(resolved, exp.Column):
            scope[name] = resolved
        elif not used and not resolved.find(exp.Window) and name not in found.columns.values():
            scope[name] = exp.paren(resolved)  # a constant: written out, so that equal windows look the same
        else:
            windowed = resolved.find(exp.Window) is not None
            label = name.partition(" ")[0]
            scope[name] = exp.column(plan.add(label, resolved.sql(dialect="duckdb"), used, windowed=windowed))
            if plan.filled(resolved):
                plan.never_null.add(scope[name].name)
    return {output: scope[found.columns[output]].name for output in definition.outputs}


def _joined(
    plan: _Plan, definition: Definition, values: Mapping[str, exp.Expr], folders: tuple[Path, ...]
) -> dict[str, str]:
    """Plan an indicator of any other form: its rows, joined to the bars by symbol and ts."""
    outputs = ", ".join(f'"{output}"' for output in definition.outputs)
    body = inlined(definition, values, folders)
    if body is None:  # what only DuckDB reads
        named = (f"{key} := {value.sql('duckdb')}" for key, value in values.items() if key != "timeframe")
        body = f"from {definition.name}({', '.join([values['timeframe'].sql('duckdb'), *named])})"
    sql = f"select symbol, ts, {outputs} from ({body})"
    name = plan.joins.setdefault(sql, f"joined_{len(plan.joins) + 1}")
    return {output: f'{name}."{output}"' for output in definition.outputs}


def _written(plan: _Plan, base: str, outputs: Mapping[str, str]) -> str:
    stages = {"base": f"select *\nfrom ({base.strip().rstrip(';')}\n)\norder by ts"}
    kept = [*BARS]
    for level, needed in _needed(plan, outputs):
        here = [f"        {sql} as {name}," for sql, name in plan.columns.items() if plan.levels[name] == level]
        kept = [name for name in kept if name in needed]
        lines = ["    select", *(f"        {name}," for name in kept), *here, f"    from {list(stages)[-1]}"]
        kept += [name for name in plan.columns.values() if plan.levels[name] == level]
        stages[f"stage_{len(stages)}"] = "\n".join(lines)
    last = list(stages)[-1]
    shown = [*(f"{last}.{name}" for name in BARS), *(f'{column} as "{name}"' for name, column in outputs.items())]
    lines = [
        "with " + ",\n\n".join(f"{name} as (\n{body}\n)" for name, body in stages.items()),
        "\nselect",
        *(f"    {column}," for column in shown),
        f"from {last}",
        *(f"left join ({sql}) as {name} using (symbol, ts)" for sql, name in plan.joins.items()),
        *([f"order by {last}.ts"] if plan.joins else []),
    ]
    return "\n".join(lines)


def _needed(plan: _Plan, outputs: Mapping[str, str]) -> list[tuple[Level, set[str]]]:
    """Give the stages, and which columns of earlier ones each hands on: DuckDB plans narrow stages sooner."""
    needed = {*BARS, *outputs.values()}
    found: list[tuple[Level, set[str]]] = []
    for level in sorted(set(plan.levels.values()), reverse=True):
        found.append((level, set(needed)))
        for name in plan.columns.values():
            if plan.levels[name] == level:
                needed.update(plan.uses[name])
    return found[::-1]


@lru_cache(maxsize=64)
def _check(base: str) -> None:
    """Refuse a base that is not one SELECT."""
    import sqlglot
    from sqlglot import exp

    try:
        statements = sqlglot.parse(base, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise BtError(
            f"the base of the indicators is not SQL: {error}", "give one SELECT of bars as its base"
        ) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BtError("the base of the indicators is not one SELECT", "give one SELECT of bars as its base")
