"""Random markets, signals and settings, small enough for the plain twin and rough enough to meet every rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

import bt
from bt.timeframes import MINUTES
from tests import naive
from tests.engine.markets import (
    HOUR,
    MINUTE,
    START,
    Row,
    random_bars,
    random_funding,
    random_gaps,
    random_rules,
)

__all__ = ["HOUR", "MINUTE", "START", "Case", "random_case"]

LEVELS = ("stop_price", "stop_distance", "take_price", "take_distance", "trail_distance", "size", "score")
PENDING = ("entry_limit", "entry_stop")
FLAGS = ("enter_long", "enter_short", "exit_long", "exit_short")
COUNTS = ("max_bars", "entry_bars")
RULES = ("tick_size", "qty_step", "min_qty", "min_notional", "max_leverage")
GAMBLE = 10.0  # leverage
NAMES = {length: timeframe for timeframe, length in MINUTES.items()}

KEY = {"symbol": pl.String, "ts": pl.Datetime("us")}
PRICES = dict.fromkeys(("open", "high", "low", "close"), pl.Float64)
BARS = KEY | PRICES | {"volume": pl.Float64}
DETAIL = KEY | PRICES
SIGNALS = (
    dict.fromkeys(FLAGS, pl.Boolean)
    | dict.fromkeys((*LEVELS, *PENDING, "target"), pl.Float64)
    | dict.fromkeys(COUNTS, pl.Int64)
)
INSTRUMENTS = (
    {"symbol": pl.String, "category": pl.String} | dict.fromkeys(RULES, pl.Float64) | {"valid_from": pl.Datetime("us")}
)
FUNDING = KEY | {"rate": pl.Float64, "mark": pl.Float64}
GAPS = {"symbol": pl.String, "first": pl.Datetime("us"), "last": pl.Datetime("us")}


@dataclass
class Case:
    """One random simulation, in the twin's plain rows and settings; None is what nobody gave."""

    bars: list[Row]
    signals: list[Row]
    account: Row
    costs: Row
    execution: Row
    instruments: dict[str, Row | list[Row]]
    gaps: list[tuple[str, datetime, datetime]]
    funding: list[Row] | None = None
    detail: list[Row] | None = None
    timeframe: str | None = None
    length: timedelta = HOUR  # of a bar, whether told or not

    def twin(self) -> naive.Outcome:
        return naive.simulate(
            self.bars, self.signals, account=self.account, costs=self.costs, execution=self.execution,
            instruments=self.instruments, gaps=self.gaps, funding=self.funding or [], detail=self.detail,
            timeframe_minutes=MINUTES[self.timeframe] if self.timeframe else None,
        )  # fmt: skip

    def simulate(self) -> bt.Simulation:
        return bt.simulate(*self.frames(), **self.simulate_arguments())

    def simulate_arguments(self) -> dict[str, Any]:
        """Give all that `simulate` is given besides bars and signals."""
        rules = [{"symbol": symbol, **row} for symbol in self.instruments for row in self.rules(symbol)]
        return {
            "account": bt.Account(**self.account),
            "costs": bt.Costs(**self.costs),
            "execution": bt.Execution(**self.execution),
            "instruments": _frame(rules, INSTRUMENTS),
            "gaps": pl.DataFrame(self.gaps, schema=GAPS, orient="row"),
            "timeframe": self.timeframe,
            "funding": None if self.funding is None else _frame(self.funding, FUNDING),
            "detail": None if self.detail is None else pl.DataFrame(self.detail, schema=DETAIL),
        }

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        signals = self.signals if self.by_target() else [{"enter_long": None}, *self.signals]
        return pl.DataFrame(self.bars, schema=BARS), _frame(signals, KEY | SIGNALS).filter(pl.col("ts").is_not_null())

    def by_target(self) -> bool:
        return any("target" in row for row in self.signals)

    def rules(self, symbol: str) -> list[Row]:
        rules = self.instruments[symbol]
        return rules if isinstance(rules, list) else [rules]


def _frame(rows: list[Row], schema: dict[str, Any]) -> pl.DataFrame:
    """Give only the columns that some row has."""
    used = {name for row in rows for name in row} | {"symbol"} | ({"ts", "rate"} & schema.keys())
    return pl.DataFrame(rows, schema={name: kind for name, kind in schema.items() if name in used})


def random_case(seed: int, *, targets: bool | None = None, minutes: int | None = None) -> Case:
    """Make one case; the same seed gives the same. Style and length of the bars may be chosen, None is by chance."""
    draw = np.random.default_rng(seed)
    symbols = [f"S{n}" for n in range(draw.integers(1, 5))]
    chance = int(draw.choice([60, 5, 3, 1], p=[0.5, 0.3, 0.17, 0.03]))
    minutes = minutes or chance
    length, detailed = minutes * MINUTE, minutes < 60
    instruments = random_rules(draw, symbols, length)
    bars, detail = [], []
    for symbol in symbols:
        grid = instruments[symbol][0]["tick_size"] or 0.01
        own_bars, own_minutes = random_bars(draw, symbol, grid, length, detailed=detailed)
        bars, detail = bars + own_bars, detail + own_minutes
    target_style = bool(draw.random() < 0.25) if targets is None else targets
    account, say = _account(draw), _target if target_style else _signal
    signals = [row for bar in bars if (row := say(draw, bar, account["leverage"])) is not None]
    if target_style and not any("target" in row for row in signals):
        signals.append({"symbol": bars[-1]["symbol"], "ts": bars[-1]["ts"], "target": None})
        signals = list({(row["symbol"], row["ts"]): row for row in signals}.values())
    order = draw.permutation(len(symbols))
    return Case(
        [bar for place in order for bar in bars if bar["symbol"] == symbols[place]], signals, account, _costs(draw),
        _execution(draw, account, signals, detailed=detailed), instruments, random_gaps(draw, symbols, length),
        funding=random_funding(draw, bars, length) if draw.random() < 0.6 else None,
        detail=detail if detailed else None, timeframe=NAMES[minutes] if draw.random() < 0.6 else None, length=length,
    )  # fmt: skip


def _signal(draw: np.random.Generator, bar: Row, leverage: float) -> Row | None:
    if draw.random() < 0.4:
        return None
    row: Row = {"symbol": bar["symbol"], "ts": bar["ts"]}
    eager = str(draw.choice(["enter_long", "enter_short"]))
    for name in FLAGS:
        if draw.random() < (0.7 if name == eager else 0.08):
            row[name] = True
        elif draw.random() < 0.1:
            row[name] = False
    row |= _levels(draw, bar, -1 if row.get("enter_short") else 1, leverage)
    if draw.random() < (0.5 if leverage < GAMBLE else 0.9):
        row["size"] = float(draw.choice([0.5, 1.0, 3.0, leverage, leverage]))
    if draw.random() < 0.45:
        row[str(draw.choice(PENDING))] = round(float(bar["close"] * (1 + draw.normal(0, 0.012))), 3)
        if draw.random() < 0.7:
            row["entry_bars"] = int(draw.integers(1, 5))
    return row


def _target(draw: np.random.Generator, bar: Row, leverage: float) -> Row | None:
    if draw.random() < 0.5:
        return None
    row: Row = {"symbol": bar["symbol"], "ts": bar["ts"]}
    if draw.random() < 0.8:
        share = float(draw.choice([0.0, 0.2, 0.5, 0.55, 1.0, -0.3, -0.8])) * (leverage if draw.random() < 0.3 else 1)
        row["target"] = share if draw.random() < 0.9 else None
    return row | _levels(draw, bar, 1 if (row.get("target") or 0.0) >= 0 else -1, leverage)


def _levels(draw: np.random.Generator, bar: Row, side: int, leverage: float) -> Row:
    close, careful = bar["close"], leverage < GAMBLE
    if draw.random() < 0.05:
        side = -side  # levels on the wrong side
    offer = {
        "stop_price": close * (1 - side * abs(draw.normal(0.02, 0.02))),
        "take_price": close * (1 + side * abs(draw.normal(0.02, 0.02))),
        "stop_distance": close * abs(draw.normal(0.02, 0.02)),
        "take_distance": close * abs(draw.normal(0.02, 0.02)),
        "trail_distance": close * abs(draw.normal(0.02, 0.02)),
        "score": float(draw.choice([-1.0, 0.0, 2.0])),
        "max_bars": int(draw.integers(1, 6)),
    }
    chosen = {name: value for name, value in offer.items() if draw.random() < _chance(name, careful)}
    return {name: value if name == "max_bars" else round(float(value), 3) or 0.001 for name, value in chosen.items()}


def _chance(name: str, careful: bool) -> float:
    """Give how often a level is told: those who gamble do so without stops, or they would not be liquidated."""
    stops = {"stop_price", "stop_distance", "trail_distance"}
    return 0.25 if name not in stops else 0.1 if not careful else 0.35 if name.startswith("stop") else 0.25


def _account(draw: np.random.Generator) -> Row:
    sizing = str(draw.choice(["risk", "equity", "notional", "quantity"]))
    size = {"risk": 0.02, "equity": 0.4, "notional": 3000.0, "quantity": 20.0}[sizing]
    gambler = {"sizing": "equity", "size": 0.5, "leverage": float(draw.choice([GAMBLE, 50.0]))}
    account = {
        "cash": 10_000.0,
        "sizing": sizing,
        "size": size * float(draw.choice([0.1, 1.0, 2.0])),
        "max_positions": int(draw.integers(1, 4)) if draw.random() < 0.4 else None,
        "leverage": float(draw.choice([1.0, 0.5, 2.0, 5.0, 20.0, 50.0], p=[0.35, 0.05, 0.15, 0.15, 0.15, 0.15])),
        "margin": str(draw.choice(["isolated", "cross"])),
    } | (gambler if draw.random() < 0.25 else {})
    half = min(0.5 / account["leverage"], 0.9)  # of the margin
    return account | {"mmr": float(draw.choice([0.0, 0.005, 0.01, half]))}


def _costs(draw: np.random.Generator) -> Row:
    return {
        "taker": float(draw.choice([0.0, 0.00055, 0.01])) if draw.random() < 0.8 else None,
        "maker": float(draw.choice([0.0, 0.0002])) if draw.random() < 0.8 else None,
        "slippage": float(draw.choice([0.0, 0.0001, 0.01])),
        "slippage_ticks": int(draw.choice([0, 1, 3])),
        "funding": bool(draw.random() < 0.9),
    }


def _execution(draw: np.random.Generator, account: Row, signals: list[Row], *, detailed: bool) -> Row:
    maybe = lambda value: value if draw.random() < 0.5 else None  # noqa: E731
    sized = account["sizing"] != "risk" or any({"stop_price", "stop_distance"} & row.keys() for row in signals)
    loose = 0.4 if account["leverage"] < GAMBLE else 0.7
    intrabars = ["auto", "drill", "drill", "adverse", "favourable"] if detailed else ["auto", "adverse", "favourable"]
    return {
        "intrabar": str(draw.choice(intrabars)),
        "stop": None if sized and draw.random() < loose else 0.015,  # risk sizing needs a source of stops
        "take": maybe(0.02),
        "trail": 0.02 if draw.random() < 0.5 - loose / 2 else None,
        "take_fill": str(draw.choice(["market", "limit"])),
        "max_bars": maybe(int(draw.integers(1, 9))),
        "pyramiding": int(draw.choice([0, 1, 1, 2, 3])),
        "rebalance_band": float(draw.choice([0.0, 0.01, 0.1])),
        "max_volume_share": float(draw.choice([0.1, 1.0])) if draw.random() < 0.3 else None,
        "level_delay": int(draw.choice([0, 0, 0, 1, 2])),
        "close_at_end": bool(draw.random() < 0.7),
    }
