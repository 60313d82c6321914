"""Random markets, signals and settings, small enough for the plain twin and rough enough to meet every rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

import bt
from tests import naive

START = datetime(2024, 1, 1, 20)
HOUR = timedelta(hours=1)
LEVELS = ("stop_price", "stop_distance", "take_price", "take_distance", "trail_distance", "size", "score")


@dataclass
class Case:
    """One random simulation, in the twin's plain rows and settings."""

    bars: list[dict[str, Any]]
    signals: list[dict[str, Any]]
    account: dict[str, Any]
    costs: dict[str, Any]
    execution: dict[str, Any]
    instruments: dict[str, dict[str, Any]]
    gaps: list[tuple[str, datetime, datetime]]

    def twin(self) -> naive.Outcome:
        return naive.simulate(
            self.bars, self.signals, account=self.account, costs=self.costs, execution=self.execution,
            instruments=self.instruments, gaps=self.gaps,
        )  # fmt: skip

    def simulate(self) -> bt.Simulation:
        bars, signals = self.frames()
        instruments = pl.DataFrame(
            [{"symbol": symbol, **rules} for symbol, rules in self.instruments.items()], schema=INSTRUMENTS
        )
        gaps = pl.DataFrame(self.gaps, schema=GAPS, orient="row")
        return bt.simulate(
            bars, signals, account=bt.Account(**self.account), costs=bt.Costs(**self.costs),
            execution=bt.Execution(**self.execution), instruments=instruments, gaps=gaps,
        )  # fmt: skip

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        names = sorted({"enter_long", *(name for row in self.signals for name in row)} - {"symbol", "ts"})
        schema = {"symbol": pl.String, "ts": pl.Datetime("us")} | {name: SIGNALS[name] for name in names}
        return pl.DataFrame(self.bars, schema=BARS), pl.DataFrame(self.signals, schema=schema)


BARS = {"symbol": pl.String, "ts": pl.Datetime("us")} | dict.fromkeys(
    ("open", "high", "low", "close", "volume"), pl.Float64
)
FLAGS = ("enter_long", "enter_short", "exit_long", "exit_short")
SIGNALS = dict.fromkeys(FLAGS, pl.Boolean) | dict.fromkeys(LEVELS, pl.Float64) | {"max_bars": pl.Int64}
INSTRUMENTS = {"symbol": pl.String, "category": pl.String} | dict.fromkeys(
    ("tick_size", "qty_step", "min_qty", "min_notional"), pl.Float64
)
GAPS = {"symbol": pl.String, "first": pl.Datetime("us"), "last": pl.Datetime("us")}


def random_case(seed: int) -> Case:
    """Make one case; the same seed gives the same case."""
    draw = np.random.default_rng(seed)
    symbols = [f"S{n}" for n in range(draw.integers(1, 5))]
    instruments = {symbol: _rules(draw) for symbol in symbols}
    bars = [bar for symbol in symbols for bar in _bars(draw, symbol, instruments[symbol])]
    signals = [row for bar in bars if (row := _signal(draw, bar)) is not None]
    order = draw.permutation(len(symbols))
    bars = [bar for place in order for bar in bars if bar["symbol"] == symbols[place]]
    return Case(
        bars, signals, _account(draw), _costs(draw), _execution(draw), instruments, _gaps(draw, symbols)
    )  # fmt: skip


def _rules(draw: np.random.Generator) -> dict[str, Any]:
    known = draw.random() < 0.6
    return {
        "category": str(draw.choice(["linear", "spot"])) if draw.random() < 0.8 else None,
        "tick_size": float(draw.choice([0.01, 0.05, 0.1, 0.25, 0.5, 1.0])) if known else None,
        "qty_step": float(draw.choice([0.001, 0.01, 0.5, 1.0])) if draw.random() < 0.5 else None,
        "min_qty": float(draw.choice([0.01, 1.0])) if draw.random() < 0.3 else None,
        "min_notional": float(draw.choice([5.0, 500.0])) if draw.random() < 0.3 else None,
    }


def _bars(draw: np.random.Generator, symbol: str, rules: dict[str, Any]) -> list[dict[str, Any]]:
    price, rows = 100.0 * float(draw.choice([1.0, 0.02])), []
    grid = rules["tick_size"] or 0.01
    first, count = int(draw.integers(0, 8)), int(draw.integers(2, 40))
    for place in range(first, first + count):
        jump = draw.normal(0, 0.03) if draw.random() < 0.3 else 0.0
        prices = np.sort(price * np.exp(jump + draw.normal(0, 0.015, 4)))
        prices = np.maximum(np.round(prices / grid), 1) * grid if draw.random() < 0.8 else prices
        opening, closing = (1, 2) if draw.random() < 0.5 else (2, 1)
        if draw.random() < 0.2:  # flat bars and bars that open at an extreme
            opening = int(draw.integers(0, 4))
        row = {"open": prices[opening], "high": prices[3], "low": prices[0], "close": prices[closing], "volume": 1.0}
        price = float(prices[closing])
        if draw.random() > 0.08:
            rows.append(
                {"symbol": symbol, "ts": START + place * HOUR, **{key: float(value) for key, value in row.items()}}
            )
    return rows or _bars(draw, symbol, rules)


def _signal(draw: np.random.Generator, bar: dict[str, Any]) -> dict[str, Any] | None:
    if draw.random() < 0.4:
        return None
    close = bar["close"]
    row: dict[str, Any] = {"symbol": bar["symbol"], "ts": bar["ts"]}
    for name, chance in (("enter_long", 0.3), ("enter_short", 0.3), ("exit_long", 0.15), ("exit_short", 0.15)):
        if draw.random() < chance:
            row[name] = True
        elif draw.random() < 0.1:
            row[name] = False
    side = -1 if row.get("enter_short") else 1
    if draw.random() < 0.05:
        side = -side  # levels on the wrong side
    offer = {
        "stop_price": close * (1 - side * abs(draw.normal(0.01, 0.02))),
        "take_price": close * (1 + side * abs(draw.normal(0.01, 0.02))),
        "stop_distance": close * abs(draw.normal(0.01, 0.02)),
        "take_distance": close * abs(draw.normal(0.01, 0.02)),
        "trail_distance": close * abs(draw.normal(0.01, 0.02)),
        "size": float(draw.choice([0.5, 1.0, 3.0])),
        "score": float(draw.choice([-1.0, 0.0, 2.0])),
        "max_bars": int(draw.integers(1, 6)),
    }
    for name, value in offer.items():
        if draw.random() < (0.6 if "stop" in name else 0.3):
            row[name] = value if name == "max_bars" else round(float(value), 3) or 0.001
    return row


def _account(draw: np.random.Generator) -> dict[str, Any]:
    sizing = str(draw.choice(["risk", "equity", "notional", "quantity"]))
    size = {"risk": 0.02, "equity": 0.4, "notional": 3000.0, "quantity": 20.0}[sizing]
    slots = int(draw.integers(1, 4)) if draw.random() < 0.4 else None
    return {
        "cash": 10_000.0,
        "sizing": sizing,
        "size": size * float(draw.choice([0.1, 1.0, 2.0])),
        "max_positions": slots,
    }


def _costs(draw: np.random.Generator) -> dict[str, Any]:
    return {
        "taker": float(draw.choice([0.0, 0.00055, 0.01])),
        "maker": float(draw.choice([0.0, 0.0002])),
        "slippage": float(draw.choice([0.0, 0.0001, 0.01])),
        "slippage_ticks": int(draw.choice([0, 1, 3])),
    }


def _execution(draw: np.random.Generator) -> dict[str, Any]:
    maybe = lambda value: value if draw.random() < 0.5 else None  # noqa: E731
    return {
        "intrabar": str(draw.choice(["adverse", "favourable"])),
        "stop": 0.015,  # always a stop source, so that risk sizing is lawful
        "take": maybe(0.02),
        "trail": maybe(0.02),
        "take_fill": str(draw.choice(["market", "limit"])),
        "max_bars": maybe(int(draw.integers(1, 9))),
        "close_at_end": bool(draw.random() < 0.7),
    }


def _gaps(draw: np.random.Generator, symbols: list[str]) -> list[tuple[str, datetime, datetime]]:
    gaps = []
    for symbol in symbols:
        if draw.random() < 0.3:
            first = START + HOUR * int(draw.integers(0, 30)) + timedelta(minutes=int(draw.integers(0, 60)))
            gaps.append((symbol, first, first + timedelta(minutes=int(draw.integers(0, 200)))))
    return gaps
