"""The same SELECT without what only DuckDB writes: the form from which other engines' SQL is made.

Whatever holds no column is computed here, by DuckDB itself, so that a warm-up or a timeframe is the same number
everywhere; `group by all`, `union by name`, named windows and hints are written out or dropped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from bt.errors import BtError
from bt.warehouse.expansion import write_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

WHOLE: Final = "whole"  # marks a column as one of whole numbers, which no type says
_MINUTE: Final = timedelta(minutes=1)


def portable(query: exp.Query, connection: duckdb.DuckDBPyConnection) -> exp.Query:
    """Rewrite a SELECT of `expansion.expanded`, in place; `connection` computes constants."""
    for node in _all(query):
        node.comments = None
    _each(query, _BEFORE)
    _fold(query, connection)
    query = _pruned(query)
    _each(query, _AFTER)
    return query


def _all(query: exp.Query) -> Iterator[exp.Expr]:
    yield from query.walk()


def _each(query: exp.Query, rewrites: Sequence[tuple[type, Callable[[Any], None]]]) -> None:
    for kind, rewrite in rewrites:
        nodes: list[Any] = list(query.find_all(kind))
        for node in nodes:
            rewrite(node)


def _write_out(window: exp.Window) -> None:
    select = window.find_ancestor(exp.Select)
    write_out(window, (select.args.get("windows") or []) if select else [])


def _select_values(values: exp.Values) -> None:
    """Write VALUES as a union of SELECTs, which every engine reads."""
    alias = values.args.get("alias")
    names = [column.name for column in alias.columns] if alias else []
    rows = []
    for row in values.expressions:
        named = zip(names, row.expressions, strict=True)
        rows.append(exp.Select(expressions=[exp.alias_(cell.copy(), name) for name, cell in named]))
    union: exp.Query = rows[0]
    for row in rows[1:]:
        union = exp.Union(this=union, expression=row, distinct=False)
    bare = exp.TableAlias(this=alias.this.copy()) if alias and alias.this else None
    values.replace(union.subquery(bare.this if bare else None))


def _select_numbers(series: exp.GenerateSeries) -> None:
    """Write `from range(n)` as a SELECT of whole numbers, its column named by the table's alias."""
    table = series.parent
    if not isinstance(table, exp.Table):
        return
    alias = table.args["alias"]
    column = exp.column("range", table=alias.this.copy())
    column.meta[WHOLE] = True
    named = exp.TableAlias(this=alias.this.copy(), columns=[exp.to_identifier("range")])
    select = exp.Select(expressions=[exp.alias_(exp.cast(column, "bigint"), "range")])
    table.replace(select.from_(exp.Table(this=series, alias=named)).subquery(alias.this.copy()))


def _fold(query: exp.Query, connection: duckdb.DuckDBPyConnection) -> None:
    """Replace every largest part without a column by its value."""
    waiting: list[exp.Expr] = [query]
    found: list[exp.Expr] = []
    while waiting:
        node = waiting.pop()
        if _computes(node) and not _varies(node):
            found.append(node)
        else:
            waiting += list(node.iter_expressions())
    if found:
        columns = ", ".join(f"{node.sql('duckdb')} as c{place}" for place, node in enumerate(found))
        answer = connection.execute(f"select {columns}")
        kinds = [str(column[1]) for column in answer.description or ()]
        for node, value, kind in zip(found, answer.fetchone() or (), kinds, strict=True):
            typed_null = value is None and kind.isalnum()
            node.replace(exp.cast(exp.Null(), kind) if typed_null else _literal(value, node))


def _computes(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast | exp.Neg) and isinstance(node.this, exp.Literal | exp.Null):
        return False
    is_branch = isinstance(node, exp.If) and isinstance(node.parent, exp.Case)
    named = isinstance(node.parent, exp.Table) or isinstance(node, exp.PropertyEQ | exp.Query | exp.Interval)
    return isinstance(node, exp.Binary | exp.Unary | exp.Func) and not is_branch and not named


def _varies(node: exp.Expr) -> bool:
    windowed = isinstance(node.parent, exp.Window) and node.arg_key == "this"
    return windowed or node.find(exp.Column, exp.Star, exp.AggFunc, exp.Window, exp.Query, exp.RowNumber) is not None


def _literal(value: Any, node: exp.Expr) -> exp.Expr:
    """Write a value that DuckDB computed."""
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case int() | float() | Decimal():
            number = exp.Literal.number(abs(value) if isinstance(value, int) else double(abs(float(value))))
            return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
        case timedelta() if value % _MINUTE == timedelta():
            return exp.Interval(this=exp.Literal.string(str(value // _MINUTE)), unit=exp.Var(this="MINUTE"))
        case datetime():
            return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "timestamp")
        case str():
            return exp.Literal.string(value)
    raise BtError(f"{node.sql('duckdb')} has a value that has no name in other engines: {value!r}")


def _divide_by_a_whole_number(modulo: exp.Mod) -> None:
    """Write (bar + 400.0) % 800.0 with whole numbers: the rest is the same, and means the same everywhere."""
    waiting = [modulo.this, modulo.expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, exp.Literal) and not part.is_string and not part.is_int and float(part.this).is_integer():
            part.replace(exp.Literal.number(int(float(part.this))))
        elif isinstance(part, exp.Paren | exp.Add | exp.Sub | exp.Neg):
            waiting += list(part.iter_expressions())


def double(value: float) -> str:
    """Write a number so that engines with decimals read a double, and exactly this one."""
    written = repr(value)
    return written if "e" in written else f"{written}e0"


def _pruned(query: exp.Query) -> exp.Query:
    """Leave out the parts of a union of which no row can come."""
    for union in list(query.find_all(exp.Union))[::-1]:
        for empty, other in ((union.this, union.expression), (union.expression, union.this)):
            where = empty.args.get("where")
            if where is not None and isinstance(where.this, exp.Boolean) and not where.this.this:
                if union.args.get("with_") and not other.args.get("with_"):
                    other.set("with_", union.args["with_"])
                if union is query:
                    other.pop()
                    query = other
                else:
                    union.replace(other)
                break
    return query


def _group_by_what_is_no_sum(group: exp.Group) -> None:
    """Write `group by all` out."""
    select = group.parent
    if not group.args.get("all") or not isinstance(select, exp.Select):
        return
    group.set("all", None)
    keys = [each.unalias().copy() for each in select.selects if not each.find(exp.AggFunc, exp.Star)]
    group.set("expressions", keys)


def _drop_truth(where: exp.Where) -> None:
    if isinstance(where.this, exp.Boolean) and where.this.this:
        where.pop()


def _union_by_place(union: exp.Union) -> None:
    """Bring the right side's columns into the order of the left side's."""
    if not union.args.get("by_name"):
        return
    left, right = union.this, union.expression
    if isinstance(right, type(union)) or set(left.named_selects) != set(right.named_selects):
        raise BtError("a union by name of different columns has no equal elsewhere", "give both sides the same columns")
    by_name = {each.alias_or_name: each for each in right.selects}
    right.set("expressions", [by_name[name] for name in left.named_selects])
    union.set("by_name", None)


def _one_unit(interval: exp.Interval) -> None:
    """Write `2 hours` as 2 of the unit hour."""
    if interval.unit is not None:
        interval.set("unit", exp.Var(this=interval.unit.name.upper().removesuffix("S")))


_BEFORE: Final[tuple[tuple[type, Callable[[Any], None]], ...]] = (
    (exp.Interval, _one_unit),
    (exp.Window, _write_out),
    (exp.Select, lambda select: select.set("windows", None)),
    (exp.CTE, lambda cte: cte.set("materialized", None)),
    (exp.Values, _select_values),
    (exp.GenerateSeries, _select_numbers),
)
_AFTER: Final[tuple[tuple[type, Callable[[Any], None]], ...]] = (
    (exp.Mod, _divide_by_a_whole_number),
    (exp.Where, _drop_truth),
    (exp.Group, _group_by_what_is_no_sum),
    (exp.Union, _union_by_place),
)
