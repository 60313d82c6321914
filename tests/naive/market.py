"""What each bar time brings: bars, the signals known by then, funding that is due, minutes, gaps."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.naive.grid import LONG, SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable

Row: TypeAlias = dict[str, Any]
Gap: TypeAlias = tuple[str, datetime, datetime]

MINUTE = timedelta(minutes=1)


@dataclass
class Stamp:
    """One settlement of funding, floored to its minute, with the mark it is reckoned at."""

    ts: datetime
    symbol: str
    rate: float
    mark: float


@dataclass
class Moment:
    """One timestamp, symbols ascending; `signal` is the row of each symbol's previous bar."""

    ts: datetime
    bar: dict[str, Row] = field(default_factory=dict)
    number: dict[str, int] = field(default_factory=dict)
    signal: dict[str, Row] = field(default_factory=dict)
    minutes: dict[str, list[Row]] = field(default_factory=dict)  # those in the bar, none where nobody drills
    due: list[Stamp] = field(default_factory=list)  # at this very time, or in a hole before it
    inside: dict[str, list[Stamp]] = field(default_factory=dict)
    after_gap: set[str] = field(default_factory=set)
    gap_inside: set[str] = field(default_factory=set)
    last_bar: set[str] = field(default_factory=set)


def moments(
    bars: Iterable[Row], signals: Iterable[Row], *, gaps: Iterable[Gap], funding: Iterable[Row],
    minutes: Iterable[Row], length: timedelta | None,
) -> list[Moment]:  # fmt: skip
    """Return every distinct timestamp of the bars, ascending; a bar without a given length is as long as they show."""
    signal_at = {(row["symbol"], row["ts"]): row for row in signals}
    stamps, candles, holes = by_symbol(funding), by_symbol(minutes), list(gaps)
    found: dict[datetime, Moment] = {}
    for symbol, rows in sorted(by_symbol(bars).items()):
        lasting = length or min((b["ts"] - a["ts"] for a, b in pairwise(rows)), default=MINUTE)
        for number, bar in enumerate(rows):
            moment = found.setdefault(bar["ts"], Moment(bar["ts"]))
            moment.bar[symbol], moment.number[symbol] = bar, number
            moment.signal[symbol] = signal_at.get((symbol, rows[number - 1]["ts"]), {}) if number else {}
            own = [(first, last) for name, first, last in holes if name == symbol]
            if any(first < bar["ts"] + lasting and last >= bar["ts"] for first, last in own):
                moment.gap_inside.add(symbol)
            if number and any(first <= bar["ts"] and last >= rows[number - 1]["ts"] + lasting for first, last in own):
                moment.after_gap.add(symbol)
        found[rows[-1]["ts"]].last_bar.add(symbol)
        if lasting > MINUTE:
            place_minutes(found, rows, candles.get(symbol, []), lasting)
        place_stamps(found, rows, stamps.get(symbol, []), lasting)
    for moment in found.values():
        moment.due.sort(key=lambda stamp: (stamp.ts, stamp.symbol))
    return [found[ts] for ts in sorted(found)]


def place_minutes(found: dict[datetime, Moment], rows: list[Row], candles: list[Row], lasting: timedelta) -> None:
    times = [bar["ts"] for bar in rows]
    for candle in candles:
        place = bisect_right(times, candle["ts"]) - 1
        if place >= 0 and candle["ts"] < times[place] + lasting:
            found[times[place]].minutes.setdefault(candle["symbol"], []).append(candle)


def place_stamps(found: dict[datetime, Moment], rows: list[Row], stamps: list[Row], lasting: timedelta) -> None:
    """Give each settlement to the bar that holds its minute; one from a hole is due at the next bar."""
    times = [bar["ts"] for bar in rows]
    for row in stamps:
        ts, symbol = row["ts"].replace(second=0, microsecond=0), row["symbol"]
        place, given = bisect_right(times, ts) - 1, known(row, "mark")
        if place < 0:
            continue  # before the symbol's first bar
        moment, bar = found[times[place]], rows[place]
        if ts == bar["ts"]:
            moment.due.append(Stamp(ts, symbol, row["rate"], bar["open"] if given is None else given))
        elif ts < bar["ts"] + lasting:
            opens = {candle["ts"]: candle["open"] for candle in moment.minutes.get(symbol, [])}
            mark = opens.get(ts, bar["open"]) if given is None else given
            moment.inside.setdefault(symbol, []).append(Stamp(ts, symbol, row["rate"], mark))
        elif place + 1 < len(rows):
            mark = bar["close"] if given is None else given
            found[times[place + 1]].due.append(Stamp(ts, symbol, row["rate"], mark))


def by_symbol(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return each symbol's rows in the order of time."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["ts"]):
        found.setdefault(row["symbol"], []).append(row)
    return found


def rules_at(rows: list[Row], ts: datetime) -> Row:
    """Return the rules in force: the latest that hold by then, before all of them the earliest."""
    dated = sorted(rows, key=lambda row: (row.get("valid_from") is not None, row.get("valid_from") or ts))
    return [dated[0], *(row for row in dated if row.get("valid_from") is None or row["valid_from"] <= ts)][-1]


# Reading a signal


def known(row: Row, name: str) -> Any:
    """Return a value, None where it is absent, null or NaN."""
    value = row.get(name)
    return None if isinstance(value, float) and isnan(value) else value


def conflict_side(signal: Row) -> int:
    if signal.get("enter_long") and (signal.get("enter_short") or signal.get("exit_long")):
        return LONG
    return SHORT if signal.get("enter_short") and signal.get("exit_short") else 0


def entry_side(signal: Row) -> int:
    """Return the side of an unconflicted entry, else 0."""
    if conflict_side(signal) != 0:
        return 0
    return LONG if signal.get("enter_long") else SHORT if signal.get("enter_short") else 0


def exits_side(signal: Row, side: int) -> bool:
    return bool(signal.get("exit_long" if side == LONG else "exit_short"))


def priority(signal: Row, symbol: str) -> tuple[float, str]:
    """Return what to sort by: the higher score first, then the symbol."""
    return -(known(signal, "score") or 0.0), symbol
