"""Random markets: bars, minutes that explain them or fail to, funding, rules and gaps; rough enough to ruin people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

Row: TypeAlias = dict[str, Any]
Rules: TypeAlias = dict[str, list[Row]]

START = datetime(2024, 1, 1, 20)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PRICES = ("open", "high", "low", "close")


def random_rules(draw: np.random.Generator, symbols: Iterable[str], length: timedelta) -> Rules:
    """Give each symbol's rules: some unknown, some that change with time; a symbol stays linear or spot."""
    return {symbol: _periods(draw, length) for symbol in symbols}


def _periods(draw: np.random.Generator, length: timedelta) -> list[Row]:
    first = {"category": str(draw.choice(["linear", "spot"], p=[0.75, 0.25])) if draw.random() < 0.8 else None}
    rows = [first | _rules(draw)]
    if draw.random() < 0.5:
        return rows
    rows[0]["valid_from"] = None if draw.random() < 0.5 else START + int(draw.integers(-5, 10)) * length
    for _ in range(draw.integers(0, 3)):
        before = rows[-1]["valid_from"] or START
        later = before + int(draw.integers(1, 12)) * length + MINUTE * int(draw.integers(0, 2))
        rows.append(first | _rules(draw) | {"valid_from": later})
    return rows if draw.random() < 0.5 else rows[::-1]


def _rules(draw: np.random.Generator) -> Row:
    known = draw.random() < 0.6
    return {
        "tick_size": float(draw.choice([0.01, 0.05, 0.1, 0.25, 0.5, 1.0])) if known else None,
        "qty_step": float(draw.choice([0.001, 0.01, 0.5, 1.0])) if draw.random() < 0.5 else None,
        "min_qty": float(draw.choice([0.01, 1.0])) if draw.random() < 0.3 else None,
        "min_notional": float(draw.choice([5.0, 500.0])) if draw.random() < 0.3 else None,
        "max_leverage": float(draw.choice([1.0, 2.5, 20.0])) if draw.random() < 0.3 else None,
    }


def random_bars(
    draw: np.random.Generator, symbol: str, grid: float, length: timedelta, *, detailed: bool
) -> tuple[list[Row], list[Row]]:
    """Give a symbol's bars and, where wanted, minutes; a bar that is missing may have its minutes still."""
    price, bars, minutes = 100.0 * float(draw.choice([1.0, 0.02])), [], []
    first, count, rough = int(draw.integers(0, 8)), int(draw.integers(2, 40)), float(draw.choice([1.0, 0.3]))
    for place in range(first, first + count):
        ts = START + place * length
        candles = _candles(draw, price, grid, rough, length // MINUTE if detailed else 1)
        bar = {"open": candles[0]["open"], "close": candles[-1]["close"]}
        bar |= {"high": max(it["high"] for it in candles), "low": min(it["low"] for it in candles)}
        price = bar["close"]
        if draw.random() > 0.08:
            volume = 0.0 if draw.random() < 0.05 else float(np.exp(draw.normal(4.0, 1.5))) / (price / 100)
            bars.append({"symbol": symbol, "ts": ts, **bar, "volume": volume})
        if detailed:
            told = [{"symbol": symbol, "ts": ts + MINUTE * minute, **row} for minute, row in enumerate(candles)]
            minutes += _told(draw, told)
    return (bars, minutes) if bars else random_bars(draw, symbol, grid, length, detailed=detailed)


def _candles(draw: np.random.Generator, price: float, grid: float, rough: float, count: int) -> list[Row]:
    """Walk from a price on; with several candles each opens at or near the close before."""
    rows = []
    for number in range(count):
        jump = draw.normal(0, 0.03) if draw.random() < (0.3 if number == 0 else 0.1) else 0.0
        prices = np.sort(price * np.exp(rough * (jump + draw.normal(0, 0.015 / np.sqrt(count), 4))))
        prices = np.maximum(np.round(prices / grid), 1) * grid if draw.random() < 0.8 else prices
        opening, closing = (1, 2) if draw.random() < 0.5 else (2, 1)
        if draw.random() < 0.2:  # flat candles and candles that open at an extreme
            opening = int(draw.integers(0, 4))
        row = {"open": prices[opening], "high": prices[3], "low": prices[0], "close": prices[closing]}
        rows.append({name: float(value) for name, value in row.items()})
        price = rows[-1]["close"]
    return rows


def _told(draw: np.random.Generator, candles: list[Row]) -> list[Row]:
    """Forget some minutes, and let some exaggerate."""
    fate = draw.random()
    if fate < 0.08:
        return []
    if fate < 0.3:
        return [row for row in candles if draw.random() < 0.7]
    if fate < 0.4:
        return [row | {"high": row["high"] * 1.01, "low": row["low"] * 0.99} for row in candles]
    return candles


def random_funding(draw: np.random.Generator, bars: list[Row], length: timedelta) -> list[Row]:
    """Give settlements on bars, inside them, in holes, before and after; one at most in a minute of a symbol."""
    dense, marked, found = float(draw.choice([0.1, 0.5, 1.0])), draw.random() < 0.7, {}
    for bar in bars:
        if draw.random() < dense:
            offset = int(draw.choice([0, *draw.integers(0, 2 * length // MINUTE, 2)]))
            ts = bar["ts"] + MINUTE * (offset if draw.random() < 0.9 else -offset)
            jitter = timedelta(microseconds=int(draw.integers(0, 60_000_000)) if draw.random() < 0.5 else 0)
            row = {"symbol": bar["symbol"], "ts": ts + jitter, "rate": float(draw.normal(0, 0.01))}
            if marked:
                row["mark"] = bar["close"] * float(1 + draw.normal(0, 0.01)) if draw.random() < 0.5 else None
            found[bar["symbol"], ts] = row
    return [found[key] for key in sorted(found)]


def random_gaps(
    draw: np.random.Generator, symbols: Iterable[str], length: timedelta
) -> list[tuple[str, datetime, datetime]]:
    gaps = []
    for symbol in symbols:
        if draw.random() < 0.3:
            first = START + length * int(draw.integers(0, 30)) + MINUTE * int(draw.integers(0, length // MINUTE))
            gaps.append((symbol, first, first + MINUTE * int(draw.integers(0, 4 * length // MINUTE))))
    return gaps
