"""Postgres: a number with a point is a decimal, a quotient of whole numbers is whole, and there is no arg_min."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from bt.warehouse.dialects.shared import UNITS, both, literal, named, renamed, text, unit

if TYPE_CHECKING:
    from bt.warehouse.dialects.shared import Rule


def own_rules() -> dict[type | str, Rule]:
    """Give what is said differently here."""
    return {
        exp.Literal: _double, exp.Div: _quotient, exp.IntDiv: _whole_quotient, exp.Log: _of_doubles("log"),
        exp.Ln: _of_doubles("ln"), exp.Pow: _of_doubles("power"), exp.Ceil: _of_doubles("ceil"),
        exp.Floor: _of_doubles("floor"), exp.Sqrt: _of_doubles("sqrt"), exp.Exp: _of_doubles("exp"),
        exp.Avg: _of_doubles("avg"), exp.StddevPop: _of_doubles("stddev_pop"),
        exp.ArgMin: _picked(last=False), exp.ArgMax: _picked(last=True),
        exp.BitwiseAnd: exp.paren, exp.BitwiseOr: exp.paren, exp.BitwiseLeftShift: _shifted,
        exp.BitwiseRightShift: _shifted, exp.GenerateSeries: _series, exp.DateDiff: _distance,
        exp.DateBin: lambda node: named("date_bin", node.this, node.expression, node.args["unit"]),
        exp.TimestampTrunc: lambda node: named("date_trunc", text(unit(node).lower()), node.this),
        "bit_count": lambda node: named("bit_count", exp.cast(node.expressions[0], "bit(64)")),
        "date_part": lambda node: exp.cast(renamed("date_part")(node), "bigint"),
        "to_minutes": _interval,
    }  # fmt: skip


def _double(node: Any) -> Any:
    bare = node.is_string or node.is_int or isinstance(node.parent, exp.Cast)
    return literal(node) if bare else exp.cast(literal(node), "double")


def _quotient(node: Any) -> Any:
    return exp.Div(this=exp.cast(node.this, "double"), expression=node.expression, typed=True)


def _whole_quotient(node: Any) -> Any:
    return exp.Div(this=node.this, expression=node.expression, typed=True)


def _of_doubles(name: str) -> Rule:
    return lambda node: named(name, *(exp.cast(each, "double") for each in both(node)))


def _picked(*, last: bool) -> Rule:
    """Take the first of all values in order; those without a value or a place do not count."""

    def rule(node: Any) -> Any:
        known = exp.and_(*(exp.not_(exp.Is(this=each.copy(), expression=exp.Null())) for each in both(node)))
        order = exp.Ordered(this=node.expression, desc=last, nulls_first=last)
        listed = named("array_agg", exp.Order(this=node.this, expressions=[order]))
        chosen = exp.Filter(this=listed, expression=exp.Where(this=known))
        return exp.Bracket(this=exp.Paren(this=chosen), expressions=[exp.Literal.number(1)], offset=1)

    return rule


def _shifted(node: Any) -> Any:
    return exp.paren(type(node)(this=node.this, expression=exp.cast(node.expression, "int")))


def _series(node: Any) -> Any:
    last = exp.Sub(this=node.args["end"], expression=exp.Literal.number(1))
    return named("generate_series", node.args["start"], last)


def _distance(node: Any) -> Any:
    """Count the boundaries between two times: the seconds between their units, divided."""
    ends = [
        named("date_part", text("epoch"), named("date_trunc", text(unit(node).lower()), each)) for each in both(node)
    ]
    apart = exp.paren(exp.Sub(this=ends[0], expression=ends[1]))
    return exp.cast(exp.paren(exp.Div(this=apart, expression=exp.Literal.number(UNITS[unit(node)]))), "bigint")


def _interval(node: Any) -> Any:
    nothing = [exp.Literal.number(0) for _ in range(5)]  # years, months, weeks, days, hours
    return named("make_interval", *nothing, exp.cast(node.expressions[0], "int"))
