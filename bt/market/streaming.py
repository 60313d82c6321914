"""Which windows over the ordered bars of one symbol are steps back by a fixed number of rows, and are written so.

DuckDB computes `lag(x, k) over ()` while rows stream by, without sorting or keeping them; a window with a partition, an
order or a moving frame costs ten times as much. Sums, extremes and fading sums over n bars are made of those over half
as many: see halves.py. So an average of any length takes about log2(n) steps, and averages of other lengths share most
of these. As each value hangs on a fixed number of bars before it, added up in a fixed order, neither what follows nor
where the data begin touches its last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bt.market import halves
from bt.market.arithmetic import constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import exp

    from bt.market.arithmetic import Number
    from bt.market.halves import Columns

# The macros of one value that are written out here, with which of their arguments must be a number.
STREAMED: Final[dict[str, int | None]] = {
    "decayed_sum": 1,
    "deviation_over": 1,
    "distance_over": 2,
    "latest_over": 1,
    "linear_sum": 1,
    "session_highest": None,
    "session_lowest": None,
    "session_sum": None,
    "since_highest": 1,
    "varying_sum": 3,
}

_DAILY: Final = {"session_highest": "greatest", "session_lowest": "least", "session_sum": "sum"}


def streamed(expression: exp.Expr, columns: Columns) -> exp.Expr:
    """Write an expression over the ordered bars of one symbol without what keeps its windows from streaming."""
    from sqlglot import exp

    while True:
        node = next(_streamable(expression), None)
        if node is None:
            break
        new = _called(node, columns) if isinstance(node, exp.Anonymous) else _windowed(node, columns)
        expression = new if node is expression else (node.replace(new), expression)[1]
    for window in expression.find_all(exp.Window):
        _strip(window)
    return expression


def _streamable(expression: exp.Expr) -> Iterator[exp.Expr]:
    from sqlglot import exp

    for node in expression.find_all(exp.Anonymous, exp.Window):
        if isinstance(node, exp.Anonymous):
            if node.name.lower() in STREAMED and _number(node) is not None:
                yield node
        elif _frame(node) and type(node.this) in (exp.Sum, exp.Avg, exp.Count, exp.Max, exp.Min):
            said = {key for key, value in node.this.args.items() if value}
            if said <= {"this", "big_int"} and not isinstance(node.this.this, exp.Distinct | exp.Star):
                yield node


def _number(call: exp.Expr) -> Number | None:
    """Give the argument that must be a number, 0 where none must; None where it is something else."""
    place = STREAMED[call.name.lower()]
    return 0 if place is None else constant(call.expressions[place].sql("duckdb"))


def _called(call: exp.Expr, columns: Columns) -> exp.Expr:
    """Write one of the macros out as steps back."""
    from sqlglot import exp

    value, number = call.expressions[0], _number(call)
    assert number is not None  # noqa: S101 - for the type checker
    match call.name.lower():
        case "decayed_sum" if not number:
            return value.copy()  # type: ignore[no-any-return]
        case "decayed_sum":
            found = halves.faded(value, number, columns)
        case "varying_sum":
            found = halves.varying(value, call.expressions[1], number, columns)
        case "deviation_over":
            found = halves.deviated(value, int(number), columns)
        case "distance_over":
            found = halves.distances(value, call.expressions[1], int(number), columns)
        case "latest_over":
            found = halves.extreme(value, int(number), "coalesce", columns)
        case "linear_sum":
            found = halves.weighted(value, int(number), columns)
        case "since_highest":
            found = halves.since(value, int(number), columns)
        case name:
            found = halves.of_day(value, _DAILY[name], columns)
    return exp.column(found)


def _frame(window: exp.Expr) -> tuple[int, int] | None:
    """Give how many rows before this one a window's frame begins and ends, where that is so many for every row."""
    spec = window.args.get("spec")
    if spec is None or not _by_time(window) or spec.args["kind"].upper() != "ROWS" or spec.args.get("exclude"):
        return None
    begin, end = (_rows_before(spec.args.get(side), spec.args.get(f"{side}_side")) for side in ("start", "end"))
    return (begin, end) if begin is not None and end is not None and begin >= end else None


def _rows_before(bound: exp.Expr | str | None, way: str | None) -> int | None:
    """Give how many rows before this one a bound of a frame lies; None where it does not, or nobody knows."""
    if bound is None or str(bound).upper() == "CURRENT ROW":
        return 0
    number = (
        constant(bound.sql("duckdb")) if way and way.upper() == "PRECEDING" and not isinstance(bound, str) else None
    )
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def _by_time(window: exp.Expr) -> bool:
    partition = [column.sql("duckdb").lower() for column in window.args.get("partition_by") or []]
    order = window.args.get("order")
    return partition == ["symbol"] and order is not None and order.sql("duckdb").lower().strip() == "order by ts"


def _windowed(window: exp.Expr, columns: Columns) -> exp.Expr:
    """Write sum, avg, count, max or min over a moving frame as steps back."""
    from sqlglot import exp

    function, value = window.this, window.this.this
    frame = _frame(window)
    assert frame is not None  # noqa: S101 - for the type checker
    begin, end = frame
    bars = begin - end + 1
    if bars == 1 and not isinstance(function, exp.Count):
        found = halves.column_of(value, columns)
    elif isinstance(function, exp.Max | exp.Min):
        found = halves.extreme(value, bars, "greatest" if isinstance(function, exp.Max) else "least", columns)
    elif isinstance(function, exp.Count):
        found = halves.counted(value, bars, columns)
    else:
        found = halves.summed(value, bars, columns)
    if isinstance(function, exp.Avg) and bars > 1:
        many = halves.counted(value, bars, columns)
        found = columns.add("average", f"{found} / nullif({many}, 0)", (found, many), windowed=False)
    if end and isinstance(function, exp.Count):  # of no rows
        found = columns.add("count", f"lag({found}, {end}, 0) over ()", (found,), windowed=True)
    else:
        found = halves.lagged(found, end, columns)
    return exp.column(found)


def _strip(window: exp.Expr) -> None:
    """Take from a window what says by symbol and in order of time: there is one symbol, and its bars are in order."""
    from sqlglot import exp

    spec = window.args.get("spec")
    framed = (exp.Sum, exp.Avg, exp.Count, exp.Max, exp.Min, exp.StddevPop, exp.FirstValue, exp.LastValue)
    if not _by_time(window) or (spec and spec.args["kind"].upper() != "ROWS"):
        return
    if isinstance(window.this, framed):
        rows = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        window.set("spec", spec or rows)  # without an order the frame would be all bars
    elif not isinstance(window.this, exp.RowNumber | exp.Lag | exp.Lead):
        return  # what a rank is hangs on the order
    window.set("partition_by", None)
    window.set("order", None)


def streams(window: exp.Expr) -> bool:
    """Say whether a window leaves rows in their order: DuckDB sorts for one with a partition or an order."""
    return not window.args.get("partition_by") and not window.args.get("order")
