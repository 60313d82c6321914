"""Small hand-made markets: hourly OHLC per symbol, signals by the number of the bar at whose close they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
import pytest

from tests import naive
from tests.engine.cases import HOUR, MINUTE, START, Case

if TYPE_CHECKING:
    from datetime import datetime

    import bt

Ohlc: TypeAlias = tuple[float, float, float, float]
Bar: TypeAlias = "Ohlc | tuple[float, float, float, float, float] | None"  # OHLC, OHLCV, or an hour without
Row: TypeAlias = dict[str, Any]

FLAT: Ohlc = (100.0, 101.0, 99.0, 100.0)
LONG = {"enter_long": True}
SHORT = {"enter_short": True}
FREE = {"taker": 0.0, "maker": 0.0, "slippage": 0.0}
ONE = {"cash": 10_000.0, "sizing": "quantity", "size": 1.0}  # one unit, whatever the price

each_engine = pytest.mark.parametrize("engine", ["twin", "loop"])


def long(**row: Any) -> Row:
    return LONG | row


def short(**row: Any) -> Row:
    return SHORT | row


def scene(
    bars: dict[str, list[Bar]],
    signals: dict[str, dict[int, Row]],
    *,
    gaps: list[tuple[str, int, int]] | None = None,
    funding: list[tuple[Any, ...]] | None = None,
    detail: dict[str, dict[int, dict[int, Ohlc]]] | None = None,
    **settings: Row,
) -> Case:
    """Build a case; None is an hour without a bar, `gaps` are (symbol, first hour, last hour).

    `funding` are (symbol, hour, rate[, mark]), `detail` the candles of some minutes of some hours of a symbol.
    """
    return Case(
        bars=[_bar(symbol, place, bar) for symbol, hours in bars.items() for place, bar in enumerate(hours) if bar],
        signals=[{**_key(symbol, place), **row} for symbol, said in signals.items() for place, row in said.items()],
        account=ONE | settings.get("account", {}),
        costs=FREE | settings.get("costs", {}),
        execution=settings.get("execution", {}),
        instruments=settings.get("instruments", {}),
        gaps=[(symbol, START + first * HOUR, START + last * HOUR) for symbol, first, last in gaps or []],
        funding=None if funding is None else [_stamp(*row) for row in funding],
        detail=None if detail is None else _candles(detail),
        timeframe="1h",
    )


def alone(bars: list[Bar], signals: dict[int, Row], **settings: Any) -> Case:
    """Build a case of the one symbol A; `rules` are its instrument's, `detail` its minutes by hour."""
    rules, detail = {"A": settings.pop("rules", {})}, settings.pop("detail", None)
    minutes = None if detail is None else {"A": detail}
    return scene({"A": bars}, {"A": signals}, instruments=rules, detail=minutes, **settings)


def told(case: Case, engine: str) -> naive.Outcome:
    """Run a case in the twin or in the loop, and tell of it in rows either way."""
    if engine == "twin":
        return case.twin()
    ran = case.simulate()
    rows = [frame.to_dicts() for frame in (ran.fills, ran.rejections, ran.funding_payments, ran.equity)]
    return naive.Outcome(*rows, status=ran.status, ambiguous=ran.ambiguous)


def told_fills(outcome: naive.Outcome, *names: str) -> list[tuple[Any, ...]]:
    """Give these of every fill; `hour` is its bar's, `minute` counts in that hour, None where nobody drilled."""
    return [tuple(_told(row)[name] for name in names) for row in outcome.fills]


def told_refusals(outcome: naive.Outcome, *names: str) -> list[tuple[Any, ...]]:
    names = names or ("hour", "side", "reason")
    return [tuple(_told(row)[name] for name in names) for row in outcome.rejections]


def fills(case: Case) -> list[tuple[Any, ...]]:
    """Give every fill as (hour, symbol, side, price, reason), the same from the kernel and from the twin."""
    rows = [told_fills(told(case, engine), "hour", "symbol", "side", "price", "reason") for engine in ("loop", "twin")]
    assert rows[0] == rows[1]
    return rows[0]


def exits(case: Case) -> list[tuple[Any, ...]]:
    """Give every exit as (hour, price, reason): every second fill of one symbol."""
    return [(place, price, reason) for place, _, _, price, reason in fills(case)[1::2]]


def refusals(simulation: bt.Simulation) -> list[tuple[Any, ...]]:
    """Give every rejection as (hour, symbol, side, reason)."""
    return [(hour(row["ts"]), row["symbol"], row["side"], row["reason"]) for row in simulation.rejections.to_dicts()]


def hour(ts: datetime) -> int:
    return round((ts - START) / HOUR)


def mirrored(bar: Ohlc, side: str) -> Ohlc:
    """Turn a bar upside down about 100 for a short."""
    opening, high, low, close = (reflected(price, side) for price in bar)
    return (opening, high, low, close) if side == "long" else (opening, low, high, close)


def reflected(price: float, side: str) -> float:
    return float(price) if side == "long" else 200.0 - price


def _told(row: Row) -> Row:
    minute = row.get("minute")
    return row | {"hour": hour(row["ts"]), "minute": minute and (minute - row["ts"]) // MINUTE}


def _key(symbol: str, place: int) -> Row:
    return {"symbol": symbol, "ts": START + place * HOUR}


def _bar(symbol: str, place: int, bar: tuple[float, ...]) -> Row:
    return {**_key(symbol, place), **dict(zip(("open", "high", "low", "close", "volume"), (*bar, 1.0), strict=False))}


def _stamp(symbol: str, hours: float, rate: float, mark: float | None = None) -> Row:
    return {"symbol": symbol, "ts": START + hours * HOUR, "rate": rate, "mark": mark}


def _candles(detail: dict[str, dict[int, dict[int, Ohlc]]]) -> list[Row]:
    return [
        {"symbol": symbol, "ts": START + place * HOUR + minute * MINUTE}
        | dict(zip(("open", "high", "low", "close"), ohlc, strict=True))
        for symbol, hours in detail.items()
        for place, minutes in hours.items()
        for minute, ohlc in minutes.items()
    ]


def typed(frame: pl.DataFrame, column: str, kind: Any) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(kind))


# Sound frames: rows 0 to 3 are symbol A, rows 4 to 7 symbol B, a signal on every row
BARS, _said = scene({"A": [FLAT] * 4, "B": [FLAT] * 4}, {"A": {0: LONG}, "B": {0: LONG}}).frames()
SIGNALS = BARS.select("symbol", "ts").join(_said, on=["symbol", "ts"], how="left").with_columns(stop_price=pl.lit(95.0))
