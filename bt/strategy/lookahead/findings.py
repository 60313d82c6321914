"""What is said of differences between signals with and without a future: each with its reason and its cure."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.strategy.lookahead.differences import ROWS
from bt.wording import counted, minute, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from bt.strategy.lookahead.differences import Difference
    from bt.strategy.lookahead.warming import Unsettled

FINDINGS: Final[dict[str, pl.DataType]] = {  # one row is one column that differs
    "finding": pl.String(),  # random, indicator, future, end, rows, raises, warm-up
    "severity": pl.String(),  # error, warning
    "column": pl.String(),
    "symbol": pl.String(),
    "first": pl.Datetime("us"),  # the first row that differs, by the open of its bar
    "cut": pl.Datetime("us"),  # the last bar that was known when it differed
    "with_future": pl.String(),
    "without": pl.String(),
    "size": pl.Float64(),  # the largest difference of numbers, in the column's unit
    "cuts": pl.Int64(),  # at how many it differs
    "ahead": pl.Int64(),  # bars that are looked ahead, as far as was seen
    "detail": pl.String(),
    "cure": pl.String(),
}
LEAKS: Final = ("indicator", "future", "end", "rows")  # findings that are look-ahead

_FAR: Final = 90  # bars: who looks further ahead takes in a whole column, hardly a shift
_WHOLE_COLUMN: Final = (
    "no mean(), std(), max(), rank(), qcut() or sort of a whole column: use rolling_… or cum_… ones, over('symbol')"
)
_SOME_BARS: Final = (
    "no shift(-n), no centred window, no backward fill, no forward join; a longer bar is known at its close only"
)
_DATA_END: Final = "nothing may hang on len(), last(), max() of ts or market.end: in trading there is no last row"


@dataclass
class Tally:
    """All differences of one column: the earliest, how often, how large, how far ahead."""

    example: Difference
    cut: datetime  # at which the earliest was found
    nothing: int = 0  # cuts that differ with nothing behind them
    noise: int = 0  # cuts that differ with noise behind them
    size: float | None = None
    ahead: int = 0
    at: set[datetime] = field(default_factory=set)

    def add(self, found: Difference, cut: datetime, bar: timedelta, *, noise: bool) -> None:
        """Count one more cut."""
        if found.ts < self.example.ts:
            self.example, self.cut = found, cut
        self.at.add(cut)
        self.nothing += not noise
        self.noise += noise
        self.ahead = max(self.ahead, (cut - found.first) // bar + 1)
        if found.size is not None:
            self.size = max(self.size or 0.0, found.size)


def about_chance(difference: Difference) -> dict[str, Any]:
    """Say that two equal calls differ."""
    return _row("random", "error", difference) | {
        "detail": f"two equal calls give {_value(difference.known)} and {_value(difference.seen)}: no result of this "
        "strategy can be had again",
        "cure": "seed what is random, from the row and not from the clock; keep nothing from call to call",
    }


def about_future(part: str, tally: Tally, *, bar: timedelta) -> dict[str, Any]:
    """Say that a column hangs on what comes later; `part` is signals or indicators."""
    found = tally.example
    rows = found.column == ROWS
    only_end = not tally.noise and not rows
    finding = "indicator" if part == "indicators" else "rows" if rows else "end" if only_end else "future"
    if rows:
        why = f"{found.known} with the future at hand, {found.seen} without: rows are chosen by what comes later"
    elif only_end:
        why = "it hangs on where the data end, not on later prices"
    else:
        why = "it takes in later candles, which nobody knew"
    cure = _DATA_END if only_end else _WHOLE_COLUMN if tally.ahead >= _FAR else _SOME_BARS
    if part == "indicators":
        cure = "mend the indicator's SQL: its windows must end at their own row, its joins at the end of the bar"
    return _row(finding, "error", found) | {
        "cut": tally.cut,
        "size": tally.size,
        "cuts": len(tally.at),
        "ahead": tally.ahead,
        "detail": f"known at {minute(tally.cut + bar)} the bar of {minute(found.ts)} has {_value(found.seen)}, later "
        f"{_value(found.known)}{_apart(tally.size)}: {why}",
        "cure": cure,
    }


def about_failures(failures: dict[datetime, str], *, severity: str) -> dict[str, Any]:
    """Say that the strategy fails where the data end early."""
    at = min(failures)
    few = "on the first bars" if severity == "warning" else "in the middle of the data"
    return dict.fromkeys(FINDINGS) | {
        "finding": "raises",
        "severity": severity,
        "column": "(signals)",
        "cut": at,
        "cuts": len(failures),
        "detail": f"signals() fails where the data end {few} ({counted(len(failures), 'cut')}, first "
        f"{minute(at)}): {failures[at]}",
        "cure": "let it give null or false where there are too few bars" if severity == "warning" else
        "it needs what comes later: see what is missing there",
    }  # fmt: skip


def about_start(unsettled: Unsettled, earlier: int) -> dict[str, Any]:
    """Say that a column hangs on where the data begin."""
    found = unsettled.difference
    if unsettled.enough:
        settles = f"the same from bar {unsettled.bars:,} on"
        cure = f"warm_up = {unsettled.enough} would be enough (it has {unsettled.given})"
    else:
        settles = f"not settled after {unsettled.compared:,} bars"
        cure = "no warm-up is enough for what adds up from the first bar: use windows of a fixed length"
    return _row("warm-up", "warning", found) | {
        "detail": f"with {earlier} earlier bars it is {_value(found.known)}, without them {_value(found.seen)}"
        f"{_apart(found.size)}; {settles}: the run hangs on where its data begin",
        "cure": cure,
    }


def framed(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Give findings as a frame."""
    return pl.DataFrame(list(rows), schema=FINDINGS, orient="row")


def suspicious(source: str) -> list[tuple[int, str]]:
    """List line and call: shift(-1), backward fill, reversal, centred windows, forward as-of joins."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    found = ((call.lineno, _ahead(call.func.attr, call)) for call in calls)  # type: ignore[attr-defined]
    return sorted((line, what) for line, what in found if what)


def _row(finding: str, severity: str, difference: Difference) -> dict[str, Any]:
    return dict.fromkeys(FINDINGS) | {
        "finding": finding,
        "severity": severity,
        "column": difference.column,
        "symbol": difference.symbol,
        "first": difference.ts,
        "with_future": _value(difference.known),
        "without": _value(difference.seen),
        "size": difference.size,
    }


def _apart(size: float | None) -> str:
    return "" if size is None else f" (up to {size:.6g} apart)"


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else shown(value)


def _ahead(method: str, call: ast.Call) -> str:
    given: dict[str, object] = {
        key.arg: _constant(key.value) for key in call.keywords if key.arg and _constant(key.value) is not None
    }
    first, second = ([_constant(argument) for argument in call.args] + [None, None])[:2]
    if method in {"shift", "diff", "pct_change"}:
        steps = given.get("n", given.get("periods", first))
        if isinstance(steps, int) and steps < 0:
            return f"{method}({steps})"
    if method == "backward_fill" or (method == "fill_null" and "backward" in {given.get("strategy"), second}):
        return "a backward fill"
    if method == "reverse":
        return "reverse()"
    if method.startswith("rolling") and given.get("center") is True:
        return f"{method}(center=True)"
    if method == "join_asof" and given.get("strategy") in {"forward", "nearest"}:
        return f"join_asof(strategy={given['strategy']!r})"
    return ""


def _constant(node: ast.expr) -> object:
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        return None
    return value
