"""ClickHouse: counts are unsigned, empty sums 0, unmatched rows of outer joins 0 and '' unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from bt.warehouse.dialects.portable import WHOLE
from bt.warehouse.dialects.shared import ASOF, both, itself, minutes, named, part, renamed, summed, text, unit

if TYPE_CHECKING:
    from bt.warehouse.dialects.shared import Rule

_CASTS: Final = {"BIGINT": "toInt64", "INT": "toInt32", "DOUBLE": "toFloat64", "DATE": "toDate32"}
_PARTS: Final = {"DAY": "toDayOfMonth", "HOUR": "toHour", "MINUTE": "toMinute"}


def own_rules() -> dict[type | str, Rule]:
    """Give what is said differently here."""
    return {
        exp.Select: _select, exp.Column: _column, exp.TableAlias: _table_alias, exp.Cast: _cast, exp.Window: _window,
        exp.Count: _count, exp.ArgMin: _filled("argMin"), exp.ArgMax: _filled("argMax"), exp.Min: _filled("min"),
        exp.Max: _filled("max"), exp.Avg: _filled("avg"), exp.Sum: _filled("sum"),
        exp.StddevPop: _filled("stddevPopStable"), exp.FirstValue: _filled("first_value_respect_nulls"),
        exp.IntDiv: renamed("intDiv"), exp.Mod: renamed("modulo"), exp.Pow: renamed("pow"), exp.Ln: renamed("log"),
        exp.BitwiseAnd: renamed("bitAnd"), exp.BitwiseOr: renamed("bitOr"), exp.BitwiseOrAgg: renamed("groupBitOr"),
        exp.BitwiseLeftShift: renamed("bitShiftLeft"), exp.BitwiseRightShift: renamed("bitShiftRight"),
        exp.DateBin: _bucket, exp.DateDiff: _distance, ASOF: itself, "isfinite": renamed("isFinite"),
        exp.TimestampTrunc: lambda node: named(f"toStartOf{unit(node).title()}", node.this),
        exp.GenerateSeries: lambda node: named("numbers", node.args["start"], node.args["end"]),
        "bit_count": lambda node: named("toInt64", named("bitCount", *node.expressions)),
        "date_part": lambda node: named("toInt64", named(_PARTS[part(node)], node.expressions[1])),
        "to_minutes": renamed("toIntervalMinute"),
    }  # fmt: skip


def _select(node: Any) -> Any:
    if node.parent is None and any(join.side for join in node.find_all(exp.Join)):
        node.set("settings", [exp.EQ(this=exp.column("join_use_nulls"), expression=exp.Literal.number(1))])
    return node


def _column(node: Any) -> Any:
    return exp.column("number", table=node.args["table"]) if node.meta.get(WHOLE) else node  # of numbers()


def _table_alias(node: Any) -> Any:
    return exp.TableAlias(this=node.this) if node.columns else node


def _cast(node: Any) -> Any:
    function = _CASTS.get(node.to.this.value)
    return (
        named(function, node.this) if function else named("toDateTime64", node.this, exp.Literal.number(6), text("UTC"))
    )


def _window(node: Any) -> Any:
    inner = node.this
    if isinstance(inner, exp.Lag | exp.Lead):  # its own lag gives 0 for null, and stays in the frame
        name = "lagInFrame" if isinstance(inner, exp.Lag) else "leadInFrame"
        offset = inner.args.get("offset") or exp.Literal.number(1)
        node.set("this", named(name, named("toNullable", inner.this), offset, inner.args.get("default") or exp.Null()))
        frame = {"start": "UNBOUNDED", "start_side": "PRECEDING", "end": "UNBOUNDED", "end_side": "FOLLOWING"}
        node.set("spec", exp.WindowSpec(kind="ROWS", **frame))
    return named("toInt64", node) if isinstance(inner, exp.RowNumber | exp.Count) else node


def _count(node: Any) -> Any:
    return node if isinstance(node.parent, exp.Window | exp.Filter) else named("toInt64", node)


def _filled(name: str) -> Rule:
    """Give null for no rows, as everywhere else: it takes what may be null for that."""

    def rule(node: Any) -> Any:
        select = node.find_ancestor(exp.Select)
        may_be_empty = isinstance(node.parent, exp.Window | exp.Filter) or not select.args.get("group")
        value = summed(node)
        return named(name, named("toNullable", value) if may_be_empty else value, *both(node)[1:])

    return rule


def _bucket(node: Any) -> Any:
    minute = named("toStartOfMinute", node.expression)
    past = named("dateDiff", text("minute"), node.args["unit"], minute)
    return named("subtractMinutes", minute.copy(), named("positiveModulo", past, minutes(node.this)))


def _distance(node: Any) -> Any:
    return named("dateDiff", text(unit(node).lower()), node.expression, node.this)
