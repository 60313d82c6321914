"""How checked frames become the kernel's arrays."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.checks import FLAGS, LEVELS, PRICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bt.engine.settings import Account, Costs, Execution

_MINUTE = timedelta(minutes=1)


def bar_arrays(bars: pl.DataFrame, gaps: pl.DataFrame, length: timedelta | None = None) -> kernel.Bars:
    """Lay checked bars out for the loop; `length` is that of a bar, None = as the bars themselves show it."""
    symbols = bars["symbol"].unique().sort()
    number = bars["symbol"].cast(pl.Enum(symbols)).to_physical().to_numpy()
    ts = bars["ts"].dt.timestamp("us").to_numpy()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ts)) + 1, [len(ts)])).astype(np.int64)
    days = (bars["ts"].gather(starts[:-1]) + ((length or _shortest(bars)) - _MINUTE)).dt.date().to_physical().to_numpy()
    last = np.zeros(len(symbols), np.int64)
    last[number] = np.arange(len(ts))  # the last assignment of a symbol stays
    after_gap, gap_inside = _gap_marks(bars, gaps, length)
    return kernel.Bars(
        starts=starts,
        day=(days - days[0]).astype(np.int32),
        symbol=_own(number, np.int32),
        **{name: _own(bars[name].to_numpy(), np.float64) for name in PRICES},
        after_gap=after_gap,
        gap_inside=gap_inside,
        last=last,
    )


def signal_arrays(signals: pl.DataFrame) -> kernel.Signals:
    """Lay checked signals out for the loop; a column that is not there takes no room."""
    flags = np.zeros(signals.height, np.uint8)
    for name, bit in FLAGS.items():
        if name in signals.columns:
            flags |= signals[name].fill_null(value=False).cast(pl.UInt8).to_numpy() * np.uint8(bit)
    none = pl.Series([], dtype=pl.Float64)
    levels = {name: signals[name] if name in signals.columns else none for name in LEVELS}
    ages = signals["max_bars"].fill_null(0) if "max_bars" in signals.columns else none
    return kernel.Signals(
        flags=flags,
        **{name: _own(values.fill_null(float("nan")).to_numpy(), np.float64) for name, values in levels.items()},
        max_bars=_own(ages.cast(pl.Int64).to_numpy(), np.int64),
    )


def instrument_arrays(
    symbols: Iterable[str], instruments: Mapping[str, Mapping[str, Any]], costs: Costs
) -> kernel.Array:
    """Lay the rules and fees of the symbols out for the loop; what is unknown binds nobody."""
    rows = [instruments.get(symbol, {}) for symbol in symbols]
    rules = np.zeros(len(rows), kernel.INSTRUMENT)
    for place, row in enumerate(rows):
        category = row.get("category") or "linear"
        rules[place] = (
            category == "spot",
            *_decimal(row.get("tick_size")),
            *_decimal(row.get("qty_step")),
            row.get("min_qty") or 0.0,
            row.get("min_notional") or 0.0,
            *costs.rates(category),
        )
    return rules


def rule_values(account: Account, costs: Costs, execution: Execution) -> kernel.Rules:
    """Turn the settings into the loop's numbers."""
    nan = float("nan")
    return kernel.Rules(
        cash=float(account.cash),
        sizing=kernel.SIZINGS.index(account.sizing),
        size=float(account.size),
        leverage=float(account.leverage),
        max_positions=account.max_positions or 0,
        slippage=float(costs.slippage),
        slippage_ticks=float(costs.slippage_ticks),
        favourable=execution.intrabar == "favourable",
        stop=nan if execution.stop is None else float(execution.stop),
        take=nan if execution.take is None else float(execution.take),
        trail=nan if execution.trail is None else float(execution.trail),
        take_limit=execution.take_fill == "limit",
        max_bars=execution.max_bars or 0,
        close_at_end=execution.close_at_end,
    )


def closing_day(bars: pl.DataFrame, length: timedelta | None) -> date:
    """Give the UTC day in which the first bar closes."""
    first: datetime = bars["ts"][0]
    return (first + (length or _shortest(bars)) - _MINUTE).date()


def _shortest(bars: pl.DataFrame) -> timedelta:
    """Read the length of bars off the smallest distance of two of one symbol; a minute where there is only one."""
    distance: timedelta | None = bars.select(pl.col("ts").diff().over("symbol").min()).item()
    return distance or _MINUTE


def _gap_marks(bars: pl.DataFrame, gaps: pl.DataFrame, length: timedelta | None) -> tuple[kernel.Array, kernel.Array]:
    """Mark the bars that a gap separates from their symbol's bar before, and the bars with a gap inside.

    A gap separates two bars when it overlaps the time from the end of the one to the open of the other. Without a
    known length each symbol is asked for its own, so that no symbol changes another's fills.
    """
    after, inside = np.zeros(bars.height, np.bool_), np.zeros(bars.height, np.bool_)
    numbered = bars.select("symbol", "ts").with_row_index("row")
    for (symbol,), holes in gaps.group_by("symbol", maintain_order=True):
        own = numbered.filter(pl.col("symbol") == symbol)
        if own.is_empty():
            continue
        lasting = length or _shortest(own)
        own = own.with_columns(ended=pl.col("ts").shift(1) + lasting, ends=pl.col("ts") + lasting)
        for first, last in holes.select("first", "last").rows():
            near = own.slice(max(int(own["ts"].search_sorted(first)) - 1, 0))  # from the bar that the hole begins in
            near = near.filter(pl.min_horizontal("ts", "ended") <= last)
            after[near.filter((pl.col("ts") >= first) & (pl.col("ended") <= last))["row"].to_numpy()] = True
            inside[near.filter((pl.col("ends") > first) & (pl.col("ts") <= last))["row"].to_numpy()] = True
    return after, inside


def _decimal(value: float | None) -> tuple[float, float]:
    """Write a step as p / q with q a power of ten, (0, 0) where it is unknown."""
    if value is None:
        return 0.0, 0.0
    exact = Decimal(repr(float(value))).normalize()
    places = max(0, -int(exact.as_tuple().exponent))
    return float(exact.scaleb(places)), float(10**places)


def _own(values: kernel.Array, kind: type) -> kernel.Array:
    """Give a writable, contiguous array: to numba a read-only one is another type, compiled for all over again."""
    return np.require(values, dtype=kind, requirements=["C", "W"])
