"""Small hand-made markets: hourly OHLC per symbol, signals by the number of the bar at whose close they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from tests.engine.cases import HOUR, START, Case

if TYPE_CHECKING:
    from datetime import datetime

    import bt

Ohlc: TypeAlias = tuple[float, float, float, float]
Row: TypeAlias = dict[str, Any]

FLAT: Ohlc = (100.0, 101.0, 99.0, 100.0)
LONG = {"enter_long": True}
SHORT = {"enter_short": True}
FREE = {"taker": 0.0, "maker": 0.0, "slippage": 0.0}
ONE = {"cash": 10_000.0, "sizing": "quantity", "size": 1.0}  # one unit, whatever the price


def long(**row: Any) -> Row:
    return LONG | row


def short(**row: Any) -> Row:
    return SHORT | row


def scene(
    bars: dict[str, list[Ohlc | None]],
    signals: dict[str, dict[int, Row]],
    *,
    gaps: list[tuple[str, int, int]] | None = None,
    **settings: Row,
) -> Case:
    """Build a case; None is an hour without a bar, `gaps` are (symbol, first hour, last hour)."""
    return Case(
        bars=[_bar(symbol, place, ohlc) for symbol, hours in bars.items() for place, ohlc in enumerate(hours) if ohlc],
        signals=[{**_key(symbol, place), **row} for symbol, said in signals.items() for place, row in said.items()],
        account=ONE | settings.get("account", {}),
        costs=FREE | settings.get("costs", {}),
        execution=settings.get("execution", {}),
        instruments=settings.get("instruments", {}),
        gaps=[(symbol, START + first * HOUR, START + last * HOUR) for symbol, first, last in gaps or []],
    )


def alone(bars: list[Ohlc | None], signals: dict[int, Row], **settings: Any) -> Case:
    """Build a case of the one symbol A; `rules` are its instrument's."""
    rules = {"A": settings.pop("rules", {})}
    return scene({"A": bars}, {"A": signals}, instruments=rules, **settings)


def fills(case: Case) -> list[tuple[Any, ...]]:
    """Give every fill as (hour, symbol, side, price, reason), the same from the kernel and from the twin."""
    told = [
        [(hour(row["ts"]), row["symbol"], row["side"], row["price"], row["reason"]) for row in rows]
        for rows in (case.simulate().fills.to_dicts(), case.twin().fills)
    ]
    assert told[0] == told[1]
    return told[0]


def exits(case: Case) -> list[tuple[Any, ...]]:
    """Give every exit as (hour, price, reason): every second fill of one symbol."""
    return [(place, price, reason) for place, _, _, price, reason in fills(case)[1::2]]


def refusals(simulation: bt.Simulation) -> list[tuple[Any, ...]]:
    """Give every rejection as (hour, symbol, side, reason)."""
    return [(hour(row["ts"]), row["symbol"], row["side"], row["reason"]) for row in simulation.rejections.to_dicts()]


def hour(ts: datetime) -> int:
    return round((ts - START) / HOUR)


def _key(symbol: str, place: int) -> Row:
    return {"symbol": symbol, "ts": START + place * HOUR}


def _bar(symbol: str, place: int, ohlc: Ohlc) -> Row:
    return {**_key(symbol, place), **dict(zip(("open", "high", "low", "close"), ohlc, strict=True)), "volume": 1.0}


def typed(frame: pl.DataFrame, column: str, kind: Any) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(kind))


# Sound frames: rows 0 to 3 are symbol A, rows 4 to 7 symbol B, a signal on every row
BARS, _said = scene({"A": [FLAT] * 4, "B": [FLAT] * 4}, {"A": {0: LONG}, "B": {0: LONG}}).frames()
SIGNALS = BARS.select("symbol", "ts").join(_said, on=["symbol", "ts"], how="left").with_columns(stop_price=pl.lit(95.0))
