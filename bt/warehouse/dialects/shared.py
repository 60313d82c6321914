"""What all engines have in common: constructs that mean the same, and those that have no equal anywhere.

A rule takes a node whose parts are translated already, and gives it back, changed or not, or another one for its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from bt.warehouse.dialects.portable import WHOLE, double

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rule = Callable[[Any], Any]
    Rules = Mapping[type | str, Rule]  # by the class of a node, or the name of a function without one

UNITS: Final = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60}  # s
ASOF: Final = "asof"  # among an engine's rules: it joins as of a moment as DuckDB does

_WHOLE_TYPES: Final = {"TINYINT", "SMALLINT", "INT", "BIGINT", "INT128", "UINT", "UBIGINT", "BOOLEAN"}
_SHOWN: Final = 60  # letters of a construct in a message
_SAME: Final = (
    exp.Select, exp.Union, exp.From, exp.Table, exp.TableAlias, exp.CTE, exp.With, exp.Subquery, exp.Column,
    exp.Identifier, exp.Alias, exp.Star, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Join, exp.And,
    exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Null, exp.Boolean, exp.Paren,
    exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Div, exp.IntDiv, exp.Mod, exp.Case, exp.If, exp.In, exp.Between, exp.Var,
    exp.DataType, exp.Cast, exp.Interval, exp.Distinct, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs,
    exp.Min, exp.Max, exp.Sum, exp.Avg, exp.Count, exp.StddevPop, exp.Filter, exp.Window, exp.WindowSpec,
    exp.RowNumber, exp.Lag, exp.Lead, exp.FirstValue, exp.Sqrt, exp.Exp, exp.Ln, exp.Pow, exp.Ceil, exp.Floor,
    exp.GenerateSeries, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.BitwiseOrAgg,
)  # fmt: skip


class NoEqual(Exception):  # noqa: N818 - a signal inside this package
    """Name the construct that an engine has no equal for."""


def shared_rules() -> dict[type | str, Rule]:
    """Give the rules that hold in every engine; its own come over them."""
    same: dict[type | str, Rule] = dict.fromkeys(_SAME, itself)
    return same | {exp.Literal: literal, exp.Log: renamed("log10"), "isfinite": _finite}


def construct(node: Any) -> type | str:
    """Say what a node is."""
    return node.name.lower() if isinstance(node, exp.Anonymous) else type(node)


def check(node: Any, rules: Rules) -> None:
    """Raise NoEqual for what has no rule, and where an engine would round, cut or order differently."""
    if construct(node) not in rules:
        raise NoEqual(_called(node))
    if isinstance(node, exp.Mod | exp.IntDiv) and not all(_type(part) in _WHOLE_TYPES for part in both(node)):
        raise NoEqual(f"{_called(node)}, unless both are whole numbers")
    if isinstance(node, exp.Join) and node.method and ASOF not in rules:
        raise NoEqual(f"a join as of a moment: {_called(node)}")
    if isinstance(node, exp.Cast) and not _rounds_nothing(node):
        raise NoEqual(_called(node))
    if isinstance(node, exp.Interval) and not isinstance(node.this, exp.Literal):
        raise NoEqual(_called(node))
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise NoEqual("a query that reads itself: with recursive")
    if isinstance(node, exp.Window):
        _check_frame(node)
    if isinstance(node, exp.DateBin) and not (isinstance(node.this, exp.Interval) and unit(node.this) == "MINUTE"):
        raise NoEqual(f"{_called(node)}: a bucket that is no whole number of minutes")
    timed = unit(node) if isinstance(node, exp.TimestampTrunc | exp.DateDiff | exp.Interval) else None
    if (timed or (part(node) if construct(node) == "date_part" else "DAY")) not in UNITS:
        raise NoEqual(_called(node))


def itself(node: Any) -> Any:
    """Keep a node as it is."""
    return node


def named(name: str, *arguments: Any) -> exp.Anonymous:
    """Call a function of the engine, written as given."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def renamed(name: str) -> Rule:
    """Give a function another name."""
    return lambda node: named(name, *(node.expressions if isinstance(node, exp.Anonymous) else both(node)))


def both(node: Any) -> list[Any]:
    """Give the one or two things that a node is about."""
    return [each for each in (node.this, node.args.get("expression")) if each is not None]


def literal(node: Any) -> Any:
    """Write a number with a point as a double: elsewhere it would be a decimal, and its quotients cut."""
    return node if node.is_string or node.is_int else exp.Literal.number(double(float(node.this)))


def summed(node: Any) -> Any:
    """Give what is added up, without an order, which only some engines keep."""
    return node.this.this if isinstance(node.this, exp.Order) else node.this


def unit(node: Any) -> str:
    """Give the unit of an interval, a truncation or a distance."""
    return str(node.args["unit"].name).upper() if node.args.get("unit") else ""


def part(node: Any) -> str:
    """Give the part of a time that `date_part` asks for."""
    return str(node.expressions[0].name).upper()


def minutes(interval: Any) -> exp.Expr:
    """Give the length of an interval of minutes."""
    return exp.Literal.number(int(interval.this.name))


def text(words: str) -> exp.Literal:
    """Write a string."""
    return exp.Literal.string(words)


def _finite(node: Any) -> Any:
    value = node.expressions[0]
    infinite = exp.LT(this=exp.Abs(this=value.copy()), expression=exp.cast(text("Infinity"), "double"))
    return exp.paren(exp.and_(exp.NEQ(this=value, expression=exp.cast(text("NaN"), "double")), infinite))


def _called(node: Any) -> str:
    written = node.sql("duckdb")
    return f"{node.key}: {written if len(written) <= _SHOWN else written[:_SHOWN] + '…'}"


def _rounds_nothing(cast: Any) -> bool:
    source, target = _type(cast.this), _kind(cast.to)
    widened = target == "DOUBLE" or (source in _WHOLE_TYPES and target in {"BIGINT", "INT"})
    timed = source.startswith("TIMESTAMP") and (target.startswith("TIMESTAMP") or target == "DATE")
    moment = target.startswith("TIMESTAMP") and cast.this.is_string
    return widened or timed or moment or isinstance(cast.this, exp.Null)


def _check_frame(window: Any) -> None:
    spec = window.args.get("spec")
    if spec is None:
        return
    if spec.args.get("exclude") or str(spec.args.get("kind")).upper() != "ROWS":
        raise NoEqual(f"a frame that does not count rows: {_called(window)}")
    for side in ("start", "end"):
        bound = spec.args.get(side)
        if bound is not None and not isinstance(bound, str) and not bound.is_int:
            raise NoEqual(f"a frame that hangs on the row: {bound.sql('duckdb')} {spec.args[f'{side}_side']}")


def _type(node: Any) -> str:
    whole = node.meta.get(WHOLE) or construct(node) in {"bit_count", "date_part"}
    return "BIGINT" if whole else _kind(node.type)


def _kind(kind: Any) -> str:
    return str(kind.this.value if kind is not None and hasattr(kind.this, "value") else "")
