"""Spark: places of rows are 32 bits, min_by picks nulls too, and times are cut and moved by functions of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from bt.warehouse.dialects.shared import both, minutes, named, renamed, summed, text, unit

if TYPE_CHECKING:
    from bt.warehouse.dialects.shared import Rule


def own_rules() -> dict[type | str, Rule]:
    """Give what is said differently here."""
    return {
        exp.ArgMin: _picked("min_by"), exp.ArgMax: _picked("max_by"), exp.Window: _window,
        exp.Sum: lambda node: named("sum", summed(node)), exp.Pow: renamed("power"), exp.Ln: renamed("ln"),
        exp.Ceil: lambda node: exp.cast(named("ceil", node.this), "double"),
        exp.Floor: lambda node: exp.cast(named("floor", node.this), "double"),
        exp.BitwiseAnd: exp.paren, exp.BitwiseOr: exp.paren, exp.BitwiseLeftShift: _shifted("shiftleft"),
        exp.BitwiseRightShift: _shifted("shiftright"), exp.DateBin: _bucket, exp.DateDiff: _distance,
        exp.GenerateSeries: lambda node: named("range", node.args["start"], node.args["end"]),
        exp.TimestampTrunc: lambda node: named("date_trunc", text(unit(node)), node.this),
        "bit_count": lambda node: exp.cast(renamed("bit_count")(node), "bigint"),
        "date_part": lambda node: exp.cast(renamed("date_part")(node), "bigint"),
        "to_minutes": lambda node: _interval(node.expressions[0]),
    }  # fmt: skip


def _picked(name: str) -> Rule:
    def rule(node: Any) -> Any:
        known = exp.not_(exp.Is(this=node.this.copy(), expression=exp.Null()))
        return named(name, node.this, exp.Case(ifs=[exp.If(this=known, true=node.expression)]))

    return rule


def _window(node: Any) -> Any:
    return exp.cast(node, "bigint") if isinstance(node.this, exp.RowNumber) else node


def _shifted(name: str) -> Rule:
    return lambda node: named(name, node.this, exp.cast(node.expression, "int"))


def _bucket(node: Any) -> Any:
    minute = named("date_trunc", text("MINUTE"), node.expression)
    past = named("timestampdiff", exp.Var(this="MINUTE"), node.args["unit"], minute)
    return exp.Sub(this=minute.copy(), expression=_interval(named("pmod", past, minutes(node.this))))


def _distance(node: Any) -> Any:
    end, start = (named("date_trunc", text(unit(node)), each) for each in both(node))
    return named("timestampdiff", exp.Var(this=unit(node)), start, end)


def _interval(length: Any) -> Any:
    days, hours, seconds = (exp.Literal.number(0) for _ in range(3))
    return named("make_dt_interval", days, hours, exp.cast(length, "int"), seconds)
