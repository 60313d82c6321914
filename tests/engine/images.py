"""A case seen differently: cut, scaled, mirrored, shifted, shuffled; the laws say what each image must give."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from tests.engine.cases import MINUTE, NAMES, START, Case

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    import numpy as np

    import bt

Row: TypeAlias = dict[str, Any]

PRICES = ("open", "high", "low", "close")
ABSOLUTE = ("stop_price", "take_price", "entry_limit", "entry_stop")
LEVELS = (*ABSOLUTE, "stop_distance", "take_distance", "trail_distance")
QUOTES = ("price", "reference", "stop", "worst", "best")  # prices among the columns of fills
AXIS = 256.0  # prices are mirrored to twice this less themselves


def facts(simulation: bt.Simulation, until: datetime | None = None) -> dict[str, Any]:
    """Give all frames as rows; up to a bar time those that say at which bar they happened."""
    frames = {name: getattr(simulation, name) for name in ("fills", "rejections", "equity")}
    if until is not None:
        return {name: frame.filter(pl.col("ts") <= until).to_dicts() for name, frame in frames.items()}
    frames |= {"days": simulation.days, "payments": simulation.funding_payments}
    told = {name: frame.to_dicts() for name, frame in frames.items()}
    return told | {"end": (simulation.status, simulation.ambiguous)}


def bar_length(case: Case) -> timedelta | None:
    """Give the smallest distance of two bars of one symbol."""
    keys = sorted((bar["symbol"], bar["ts"]) for bar in case.bars)
    return min((two[1] - one[1] for one, two in pairwise(keys) if one[0] == two[0]), default=None)


def timed(case: Case) -> Case:
    """Tell how long the bars are."""
    return replace(case, timeframe=NAMES[case.length // MINUTE])


def with_execution(case: Case, **execution: Any) -> Case:
    return replace(case, execution=case.execution | execution)


def undrilled(case: Case) -> Case:
    """Leave it to the minutes whether there are any."""
    return with_execution(case, intrabar="auto") if case.execution["intrabar"] == "drill" else case


def until(case: Case, now: datetime) -> Case:
    """Cut everything after a bar time: rows after it, settlements and minutes from the end of its bars on."""
    end = now + case.length
    return replace(
        case,
        **{name: [row for row in getattr(case, name) if row["ts"] <= now] for name in ("bars", "signals")},
        **{name: _kept(getattr(case, name), lambda row: row["ts"] < end) for name in ("funding", "detail")},
        instruments={symbol: _known_by(case.rules(symbol), now) for symbol in case.instruments},
    )


def with_other_future(case: Case, now: datetime, draw: np.random.Generator) -> Case:
    """Change every price and rate after a bar time, drop some bars, and shout from that close on."""
    past, end = until(case, now), now + case.length
    later = [_other(bar, draw) for bar in case.bars if bar["ts"] > now and draw.random() < 0.8]
    bars = past.bars + later
    shouts = [{"symbol": bar["symbol"], "ts": bar["ts"]} | _shout(case) for bar in bars if bar["ts"] >= now]
    others = {name: _changed(getattr(case, name), lambda row: row["ts"] >= end, draw) for name in ("funding", "detail")}
    signals = [row for row in past.signals if row["ts"] < now] + shouts
    return replace(case, bars=bars, signals=signals, **others)


def times_two_to(case: Case, power: int) -> Case:
    """Multiply prices and divide quantities; a case without grids."""
    factor = 2.0**power
    by_quantity = ("size",) if case.account["sizing"] == "quantity" else ()
    return replace(
        case,
        bars=[scaled(scaled(bar, PRICES, factor), ("volume",), 1 / factor) for bar in case.bars],
        signals=[scaled(row, LEVELS, factor) for row in case.signals],
        account=scaled(case.account, by_quantity, 1 / factor),
        instruments=_ruled(case, lambda rules: scaled(rules, ("min_qty",), 1 / factor)),
        funding=_each(case.funding, lambda row: scaled(row, ("mark",), factor)),
        detail=_each(case.detail, lambda row: scaled(row, PRICES, factor)),
    )


def without_grids(case: Case) -> Case:
    return replace(case, instruments=_ruled(case, lambda rules: rules | {"tick_size": None, "qty_step": None}))


def exact(case: Case, tick: float | None) -> Case:
    """Round prices to 64ths, fix the quantity, drop costs, funding, fractions and leverage: fit to be mirrored."""
    return replace(
        case,
        bars=[dyadic(bar, PRICES) for bar in case.bars],
        signals=[dyadic(row, LEVELS) for row in case.signals],
        account=case.account | {"sizing": "quantity", "size": 3.0, "cash": 1e8, "leverage": 1.0},
        costs=dict.fromkeys(("taker", "maker", "slippage", "slippage_ticks"), 0.0),
        execution=case.execution | {"stop": None, "take": None, "trail": None},
        instruments={symbol: {"tick_size": tick} for symbol in case.instruments},
        funding=None,
        detail=_each(case.detail, lambda row: dyadic(row, PRICES)),
    )


def mirrored(case: Case) -> Case:
    """Turn the world upside down: prices about AXIS, long for short."""
    return replace(
        case,
        bars=[_mirrored(bar) for bar in case.bars],
        signals=[_mirrored(row) for row in case.signals],
        detail=_each(case.detail, _mirrored),
    )


def shifted(case: Case, length: timedelta) -> Case:
    later = lambda row: {name: _later(value, length) for name, value in row.items()}  # noqa: E731
    return replace(
        case,
        **{name: _each(getattr(case, name), later) for name in ("bars", "signals", "funding", "detail")},
        instruments=_ruled(case, later),
        gaps=[(symbol, first + length, last + length) for symbol, first, last in case.gaps],
    )


def stretched(case: Case, factor: int) -> Case:
    """Make every bar `factor` times as long; gaps and minutes go."""
    longer = lambda row: row | {"ts": START + (row["ts"] - START) * factor}  # noqa: E731
    rows = {name: _each(getattr(case, name), longer) for name in ("bars", "signals", "funding")}
    return replace(undrilled(case), gaps=[], detail=None, timeframe=None, **rows)


def renamed(case: Case, prefix: str) -> Case:
    other = lambda row: row | {"symbol": prefix + row["symbol"]}  # noqa: E731
    return replace(
        case,
        **{name: _each(getattr(case, name), other) for name in ("bars", "signals", "funding", "detail")},
        instruments={prefix + symbol: rules for symbol, rules in case.instruments.items()},
        gaps=[(prefix + symbol, first, last) for symbol, first, last in case.gaps],
    )


def joined(one: Case, two: Case) -> Case:
    """Put the symbols of two cases into one account, that of the first."""
    return replace(
        one,
        **{name: getattr(one, name) + getattr(two, name) for name in ("bars", "signals", "gaps")},
        **{name: (getattr(one, name) or []) + (getattr(two, name) or []) for name in ("funding", "detail")},
        instruments=one.instruments | two.instruments,
    )


def shuffled(case: Case, draw: np.random.Generator) -> Case:
    """Interleave the symbols' rows, turn all else round, and say nothing where nothing was said."""
    said = {(row["symbol"], row["ts"]) for row in case.signals}
    silent = [{"symbol": bar["symbol"], "ts": bar["ts"]} for bar in case.bars if (bar["symbol"], bar["ts"]) not in said]
    return replace(
        case,
        bars=_interleaved(case.bars, draw),
        signals=_interleaved(case.signals + silent, draw),
        instruments={symbol: case.rules(symbol)[::-1] for symbol in reversed(case.instruments)},
        gaps=case.gaps[::-1],
        funding=None if case.funding is None else case.funding[::-1],
        detail=None if case.detail is None else _interleaved(case.detail, draw),
    )


def scaled(row: Row, names: tuple[str, ...], factor: float) -> Row:
    return {name: value * factor if name in names and value is not None else value for name, value in row.items()}


def dyadic(row: Row, names: tuple[str, ...]) -> Row:
    return {name: max(round(value * 64), 1) / 64 if name in names else value for name, value in row.items()}


def _mirrored(row: Row) -> Row:
    other = {"high": "low", "low": "high"} | {
        f"{verb}_{side}": f"{verb}_{turn}"
        for verb in ("enter", "exit")
        for side, turn in (("long", "short"), ("short", "long"))
    }
    prices = (*PRICES, *ABSOLUTE)
    return {other.get(name, name): 2 * AXIS - value if name in prices else value for name, value in row.items()}


def _each(rows: list[Row] | None, change: Callable[[Row], Row]) -> list[Row] | None:
    return None if rows is None else [change(row) for row in rows]


def _kept(rows: list[Row] | None, wanted: Callable[[Row], bool]) -> list[Row] | None:
    return None if rows is None else [row for row in rows if wanted(row)]


def _ruled(case: Case, change: Callable[[Row], Row]) -> dict[str, Row | list[Row]]:
    return {symbol: [change(rules) for rules in case.rules(symbol)] for symbol in case.instruments}


def _known_by(rules: list[Row], now: datetime) -> list[Row]:
    """Drop the rules that come later, but for the earliest: it has always held."""
    ordered = sorted(rules, key=lambda row: row.get("valid_from") or START.min)
    return [row for place, row in enumerate(ordered) if place == 0 or row["valid_from"] <= now]


def _later(value: Any, length: timedelta) -> Any:
    return value + length if hasattr(value, "tzinfo") else value


def _shout(case: Case) -> Row:
    return {"target": -0.5} if case.by_target() else {"enter_short": True}


def _other(row: Row, draw: np.random.Generator) -> Row:
    return scaled(row, (*PRICES, "volume", "rate", "mark"), 0.5 + draw.random())


def _changed(rows: list[Row] | None, later: Callable[[Row], bool], draw: np.random.Generator) -> list[Row] | None:
    return None if rows is None else [_other(row, draw) if later(row) else row for row in rows]


def _interleaved(rows: list[Row], draw: np.random.Generator) -> list[Row]:
    """Mix the symbols, each in its own order of time."""
    queues: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["ts"]):
        queues.setdefault(row["symbol"], []).append(row)
    turns = draw.permutation([symbol for symbol, queue in sorted(queues.items()) for _ in queue])
    return [queues[symbol].pop(0) for symbol in turns]
