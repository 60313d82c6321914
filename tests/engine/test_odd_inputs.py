"""Odd but lawful input runs: other number types, more columns, no signals, one bar, vast prices, many symbols."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import bt
from tests.engine.cases import HOUR, START, Case
from tests.engine.scenes import BARS, FLAT, LONG, SIGNALS, Ohlc, alone, fills, long, scene, short, typed

RATES = pl.DataFrame({"symbol": ["A", "B"], "ts": [START + 2 * HOUR] * 2, "rate": [0.0, 0.0], "mark": [None, 1.0]})
RULES = pl.DataFrame({"symbol": ["A"], "max_leverage": [50.0]})
GAP = pl.DataFrame({"symbol": ["B"], "first": [START], "last": [START + 9 * HOUR]})

# Refused though they mean the same; the mark is strict: a name leaves this set when its case passes
# name: frames that differ from the sound ones in form only
LAWFUL: dict[str, dict[str, pl.DataFrame]] = {
    **{
        f"prices as {kind}": {"bars": BARS.with_columns(pl.col("open", "high", "low", "close", "volume").cast(kind))}
        for kind in (pl.Int64, pl.UInt8, pl.Float32, pl.Decimal(20, 4))
    },
    "more columns": {
        "bars": BARS.with_columns(turnover=1.0, note=pl.lit("x")),
        "signals": SIGNALS.with_columns(fast=1.0),
    },
    "signals with the bars' columns": {"signals": BARS.join(SIGNALS, on=["symbol", "ts"])},
    "columns in another order": {"bars": BARS[BARS.columns[::-1]], "signals": SIGNALS[SIGNALS.columns[::-1]]},
    "signal columns without a value": {
        "signals": SIGNALS.with_columns(
            pl.lit(None).alias(name)
            for name in ("enter_short", "exit_long", "take_price", "trail_distance", "size", "score", "max_bars")
        ),
    },
    "levels as whole numbers": {"signals": typed(SIGNALS, "stop_price", pl.Int32)},
    "levels as decimals": {"signals": typed(SIGNALS, "stop_price", pl.Decimal(20, 4))},
    "rules of nobody": {"instruments": pl.DataFrame({"symbol": ["Z"], "tick_size": [0.1]})},
    "rules without a value": {
        "instruments": pl.DataFrame({"symbol": ["A"]}).with_columns(tick_size=None, category=None)
    },
    "gaps of nobody": {"gaps": GAP.with_columns(symbol=pl.lit("Z"))},
    "no gaps": {"gaps": GAP.head(0)},
    "no funding": {"funding": RATES.head(0)},
    "funding of nobody": {"funding": RATES[:1].with_columns(symbol=pl.lit("Z"))},
    "funding of nothing, backwards, with more columns": {"funding": RATES[::-1].with_columns(source=pl.lit("x"))},
    "funding of nothing, as whole numbers": {"funding": typed(RATES.drop("mark"), "rate", pl.Int64)},
    "no minutes": {"detail": BARS.head(0)},
    "minutes of nobody": {"detail": BARS[:4].with_columns(symbol=pl.lit("Z"))},
    "minutes as they come, volume and all": {"detail": pl.concat([BARS[4:], BARS[:4]])},
    "rules from long ago on": {"instruments": RULES.with_columns(valid_from=pl.lit(START - HOUR))},
    "rules that have always been": {"instruments": RULES.with_columns(valid_from=None)},
}


@pytest.mark.parametrize("name", LAWFUL)
def test_a_form_that_means_the_same_gives_the_same(name: str) -> None:
    given: dict[str, Any] = {"bars": BARS, "signals": SIGNALS} | LAWFUL[name]
    simulation = bt.simulate(given.pop("bars"), given.pop("signals"), **given)
    assert simulation.fills.equals(bt.simulate(BARS, SIGNALS).fills)
    assert simulation.fills.height == 4


@pytest.mark.parametrize(
    "signals", [SIGNALS.head(0), SIGNALS.with_columns(enter_long=pl.lit(None))], ids=["none", "null"]
)
def test_without_a_signal_nothing_happens(signals: pl.DataFrame) -> None:
    simulation = bt.simulate(BARS, signals)
    assert simulation.fills.is_empty()
    assert simulation.rejections.is_empty()
    assert simulation.equity["equity"].to_list() == [10_000.0] * 4


def test_one_bar_is_a_market() -> None:
    simulation = alone([FLAT], {0: LONG}).simulate()
    assert (simulation.fills.height, simulation.rejections.height) == (0, 0)
    assert simulation.equity.rows() == [(START, 10_000.0, 10_000.0, 0.0, 0.0)]
    account = simulation.days.select("day", "equity", "high", "drawdown", "bars", "bars_in_market")
    assert account.rows() == [(START.date(), 10_000.0, 10_000.0, 0.0, 1, 0)]


def market(unit: float) -> Case:
    prices = [(1.0, 1.5, 0.5, 1.0), (1.0, 1.5, 0.5, 1.0), (2.0, 4.0, 1.0, 3.0), (3.0, 3.0, 2.0, 2.0)]
    signals = {0: long(stop_price=0.25 * unit), 2: short(trail_distance=unit)}
    account, costs = {"sizing": "equity", "size": 0.5}, {"slippage": 0.01, "taker": 0.001}
    return alone([_times(bar, unit) for bar in prices], signals, account=account, costs=costs)


@pytest.mark.parametrize("unit", [1e12, 1e6, 1e-6, 1e-8])
def test_prices_of_any_size(unit: float) -> None:
    case = market(unit)
    assert [(place, side, reason) for place, _, side, _, reason in fills(case)] == [
        (1, "buy", "signal"), (3, "sell", "reverse"), (3, "sell", "signal"), (3, "buy", "end_of_data"),
    ]  # fmt: skip
    one = market(1.0).simulate().equity["equity"]
    assert case.simulate().equity["equity"].to_list() == pytest.approx(one.to_list(), rel=1e-12)


def test_three_hundred_symbols() -> None:
    symbols = [f"S{number:03}" for number in range(300)]
    bars, signals = {symbol: [FLAT] * 4 for symbol in symbols}, {symbol: {0: LONG} for symbol in symbols}
    case = scene(bars, signals, account={"max_positions": 250})
    simulation = case.simulate()
    assert simulation.fills.filter("opens")["symbol"].to_list() == symbols[:100]  # 100 units of 100 are 10,000
    assert simulation.rejections["reason"].to_list() == ["cash"] * 200


def _times(bar: Ohlc, unit: float) -> Ohlc:
    opening, high, low, close = bar
    return opening * unit, high * unit, low * unit, close * unit
