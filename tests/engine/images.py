"""A case seen differently: cut, scaled, mirrored, shifted, shuffled; the laws say what each image must give."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from tests.engine.cases import HOUR, START, Case

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import numpy as np

    import bt

Row: TypeAlias = dict[str, Any]

PRICES = ("open", "high", "low", "close")
LEVELS = ("stop_price", "take_price", "stop_distance", "take_distance", "trail_distance")
QUOTES = ("price", "reference", "stop", "worst", "best")  # prices among the columns of fills
AXIS = 256.0  # prices are mirrored to twice this less themselves


def facts(simulation: bt.Simulation, until: datetime | None = None) -> dict[str, Any]:
    """Give all frames as rows, up to a bar time."""
    frames = {name: getattr(simulation, name) for name in ("fills", "rejections", "equity")}
    if until is not None:
        return {name: frame.filter(pl.col("ts") <= until).to_dicts() for name, frame in frames.items()}
    told = {name: frame.to_dicts() for name, frame in frames.items()}
    return told | {"days": simulation.days.to_dicts(), "end": (simulation.status, simulation.ambiguous)}


def bar_length(case: Case) -> timedelta | None:
    """Give the smallest distance of two bars of one symbol: it decides what a gap lies between."""
    keys = sorted((bar["symbol"], bar["ts"]) for bar in case.bars)
    return min((two[1] - one[1] for one, two in pairwise(keys) if one[0] == two[0]), default=None)


def hourly(case: Case) -> Case:
    """Drop the gaps of a case whose bars do not show their length."""
    return case if bar_length(case) == HOUR else replace(case, gaps=[])


def with_execution(case: Case, **execution: Any) -> Case:
    return replace(case, execution=case.execution | execution)


def until(case: Case, now: datetime) -> Case:
    """Cut everything after a bar time."""
    return replace(
        case, **{name: [row for row in getattr(case, name) if row["ts"] <= now] for name in ("bars", "signals")}
    )


def with_other_future(case: Case, now: datetime, draw: np.random.Generator) -> Case:
    """Change every price after a bar time, drop some bars, and shout from that close on."""
    past = until(case, now)
    later = [scaled(bar, PRICES, 0.5 + draw.random()) for bar in case.bars if bar["ts"] > now and draw.random() < 0.8]
    bars = past.bars + later
    shouts = [{"symbol": bar["symbol"], "ts": bar["ts"], "enter_short": True} for bar in bars if bar["ts"] >= now]
    return replace(case, bars=bars, signals=[row for row in past.signals if row["ts"] < now] + shouts)


def times_two_to(case: Case, power: int) -> Case:
    """Multiply prices and divide quantities; a case without grids."""
    factor = 2.0**power
    by_quantity = ("size",) if case.account["sizing"] == "quantity" else ()
    return replace(
        case,
        bars=[scaled(bar, PRICES, factor) for bar in case.bars],
        signals=[scaled(row, LEVELS, factor) for row in case.signals],
        account=scaled(case.account, by_quantity, 1 / factor),
        instruments={symbol: scaled(rules, ("min_qty",), 1 / factor) for symbol, rules in case.instruments.items()},
    )


def without_grids(case: Case) -> Case:
    free = {"tick_size": None, "qty_step": None}
    return replace(case, instruments={symbol: rules | free for symbol, rules in case.instruments.items()})


def exact(case: Case, tick: float | None) -> Case:
    """Round prices to 64ths, fix the quantity, and drop costs and fractions: fit to be mirrored."""
    return replace(
        case,
        bars=[dyadic(bar, PRICES) for bar in case.bars],
        signals=[dyadic(row, LEVELS) for row in case.signals],
        account=case.account | {"sizing": "quantity", "size": 3.0, "cash": 1e6},
        costs=dict.fromkeys(case.costs, 0.0),
        execution=case.execution | {"stop": None, "take": None, "trail": None},
        instruments={symbol: {"tick_size": tick} for symbol in case.instruments},
    )


def mirrored(case: Case) -> Case:
    """Turn the world upside down: prices about AXIS, long for short."""
    return replace(case, bars=[_mirrored(bar) for bar in case.bars], signals=[_mirrored(row) for row in case.signals])


def shifted(case: Case, length: timedelta) -> Case:
    return replace(
        case,
        bars=[row | {"ts": row["ts"] + length} for row in case.bars],
        signals=[row | {"ts": row["ts"] + length} for row in case.signals],
        gaps=[(symbol, first + length, last + length) for symbol, first, last in case.gaps],
    )


def stretched(case: Case, factor: int) -> Case:
    """Turn hourly bars into bars of `factor` hours; gaps go."""
    rows = {
        name: [row | {"ts": START + (row["ts"] - START) * factor} for row in getattr(case, name)]
        for name in ("bars", "signals")
    }
    return replace(case, gaps=[], **rows)


def renamed(case: Case, prefix: str) -> Case:
    return replace(
        case,
        bars=[row | {"symbol": prefix + row["symbol"]} for row in case.bars],
        signals=[row | {"symbol": prefix + row["symbol"]} for row in case.signals],
        instruments={prefix + symbol: rules for symbol, rules in case.instruments.items()},
        gaps=[(prefix + symbol, first, last) for symbol, first, last in case.gaps],
    )


def joined(one: Case, two: Case) -> Case:
    """Put the symbols of two cases into one account, that of the first."""
    return replace(
        one,
        bars=one.bars + two.bars,
        signals=one.signals + two.signals,
        instruments=one.instruments | two.instruments,
        gaps=one.gaps + two.gaps,
    )


def shuffled(case: Case, draw: np.random.Generator) -> Case:
    """Interleave the symbols' rows, turn all else round, and say nothing where nothing was said."""
    said = {(row["symbol"], row["ts"]) for row in case.signals}
    silent = [{"symbol": bar["symbol"], "ts": bar["ts"]} for bar in case.bars if (bar["symbol"], bar["ts"]) not in said]
    return replace(
        case,
        bars=_interleaved(case.bars, draw),
        signals=_interleaved(case.signals + silent, draw),
        instruments=dict(reversed(case.instruments.items())),
        gaps=case.gaps[::-1],
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
    prices = (*PRICES, "stop_price", "take_price")
    return {other.get(name, name): 2 * AXIS - value if name in prices else value for name, value in row.items()}


def _interleaved(rows: list[Row], draw: np.random.Generator) -> list[Row]:
    """Mix the symbols, each in its own order of time."""
    queues: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["ts"]):
        queues.setdefault(row["symbol"], []).append(row)
    turns = draw.permutation([symbol for symbol, queue in sorted(queues.items()) for _ in queue])
    return [queues[symbol].pop(0) for symbol in turns]
