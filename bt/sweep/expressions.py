"""Which SQL expressions may choose among parameter sets: one value, of known columns, that no row can make fail.

What a user wrote is parsed, held against a white list and written anew from the tree with every name in quotes, so
that nothing passes but what is understood. Division by zero, the root of a negative number and everything else that
has no finite value is NULL: an objective that is undefined, a condition that does not hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import duckdb
import polars as pl
from sqlglot import exp

from bt.errors import BtError
from bt.sweep import grammar
from bt.sweep.arguments import require_text
from bt.warehouse import query, registered, scratch
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bt.sweep.space import Candidate

What = Literal["objective", "where", "constraint"]

EXAMPLES: Final[dict[What, str]] = {"objective": "sharpe", "where": "max_drawdown > -0.3", "constraint": "fast < slow"}
_UNSURE: Final = (exp.Sqrt, exp.Ln, exp.Log, exp.Exp, exp.Pow, exp.Round)  # may give NaN or infinity
_TYPES: Final = {"number": "double", "condition": "boolean", "text": "varchar"}


@dataclass(frozen=True)
class Expression:
    """A checked expression: as it was written, as SQL that stands in any SELECT over its columns, and what it reads.

    The SQL of an objective gives a finite double or NULL, that of a condition true or false.
    """

    text: str
    sql: str
    columns: tuple[str, ...]


def checked(text: str, columns: Collection[str], *, what: What) -> Expression:
    """Parse an expression over `columns`, whose names may be written in any case, and write it as safe SQL.

    Raise BtError for anything but one scalar expression of them: an unknown name (with the nearest known one), a
    function, statement or cast that is not on the list, a condition as objective or a number as condition.
    """
    require_text(what, text, example=EXAMPLES[what])
    written = text.strip()
    try:
        tree = grammar.parsed(written, columns)
        grammar.require_known(tree, columns)
        grammar.require_kinds(tree, condition=what != "objective")
        sql = _sql(_guarded(tree), condition=what != "objective")
        names = tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))
        _require_bound(sql, names)
    except RecursionError:
        raise BtError(f"{what} {shown(written)!r}: it is too long or too deep", "write a shorter expression") from None
    except BtError as error:
        raise BtError(f"{what} {shown(written)!r}: {error.what}", error.cure) from None
    return Expression(written, sql, names)


def holds(
    expression: Expression, candidates: Sequence[Candidate], defaults: Mapping[str, Any] | None = None
) -> list[bool]:
    """Say of each parameter set whether a constraint holds on it; what is not searched counts by its default.

    Raise BtError where the types of two parameters cannot be compared.
    """
    if not candidates:
        return []
    frame = pl.DataFrame(
        {
            name: [each.params[name] if name in each.params else (defaults or {})[name] for each in candidates]
            for name in expression.columns
        }
    ).with_row_index("set no")  # with a space, as no parameter's name
    try:
        with scratch() as connection, registered(connection, candidates=frame):
            found = query(connection, f'select "set no", {expression.sql} as fine from candidates order by 1')
    except duckdb.Error as error:  # two parameters of different types held against each other
        raise BtError(
            f"constraint {expression.text!r}: {str(error).splitlines()[0]}", "compare like with like"
        ) from None
    return found["fine"].to_list()


def _guarded(tree: exp.Expr) -> exp.Expr:
    """Make every number a double, which overflows without an error, and everything without a finite value NULL.

    `try(…)` would not do: DuckDB 2.0 takes what occurs twice out of it, as `nullif` does with its first argument.
    """
    for column, kind in [(each, grammar.wanted_of(each)) for each in tree.find_all(exp.Column)]:
        if kind:
            column.replace(exp.TryCast(this=column.copy(), to=exp.DataType.build(_TYPES[kind])))
    found = tree.find_all(exp.Literal, exp.Cast, exp.Div, exp.Mod, *_UNSURE)
    for node in reversed([each for each in found if not isinstance(each, exp.TryCast)]):  # the innermost first
        if isinstance(node, exp.Literal):
            if not node.is_string and "decimals" not in {node.arg_key, node.parent and node.parent.arg_key}:
                node.set("this", _number(node.name))
        elif isinstance(node, exp.Cast):
            whole = exp.TryCast(this=node.this.copy(), to=node.args["to"].copy())
            node.replace(exp.cast(whole, "double"))
        elif isinstance(node, exp.Div | exp.Mod):
            node.set("expression", exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))
        else:
            node.replace(_finite(node.copy()))
    return tree


def _number(text: str) -> str:
    if not math.isfinite(float(text)):
        raise BtError(f"{shown(text)} is too large a number", "write a smaller one")
    return text if "e" in text.lower() else f"{text}e0"


def _finite(node: exp.Expr) -> exp.Expr:
    for odd in ("nan", "inf", "-inf"):
        node = exp.Nullif(this=node, expression=exp.cast(exp.Literal.string(odd), "double"))
    return node


def _sql(tree: exp.Expr, *, condition: bool) -> str:
    if condition:
        return f"coalesce({_written(tree)}, false)"
    return _written(_finite(exp.TryCast(this=tree, to=exp.DataType.build("double"))))


def _written(tree: exp.Expr) -> str:
    return tree.sql("duckdb", identify=True, comments=False)


def _require_bound(sql: str, names: Sequence[str]) -> None:
    """Let DuckDB itself read the SQL, over one row of nothing."""
    row = ", ".join(f"null::double as {exp.to_identifier(name, quoted=True).sql('duckdb')}" for name in names)
    try:
        with scratch() as connection:
            connection.execute(f"select {sql} from (select {row})").fetchall()
    except duckdb.Error as error:
        raise BtError(f"DuckDB refuses it: {str(error).splitlines()[0]}", grammar.OFFER) from None
