"""How checked frames become the kernel's arrays."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.checks import PRICES
from bt.engine.grid import Grid, own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.engine.settings import Costs, Terms


def bar_arrays(grid: Grid, gaps: pl.DataFrame, *, with_volume: bool = False) -> kernel.Bars:
    """Lay the bars out."""
    bars = grid.bars
    after_gap, gap_inside = _gap_marks(grid, gaps)
    return kernel.Bars(
        starts=grid.rows.starts,
        day=grid.closing_days(),
        symbol=grid.number,
        **{name: own(bars[name].to_numpy(), np.float64) for name in PRICES},
        volume=own(bars["volume"].to_numpy(), np.float64) if with_volume else np.empty(0),
        before=grid.rows.before,
        number=grid.rows.number,
        after_gap=after_gap,
        gap_inside=gap_inside,
        last=grid.rows.last,
    )


def instrument_arrays(
    grid: Grid, instruments: Mapping[str, list[dict[str, Any]]], costs: Costs
) -> tuple[kernel.Array, kernel.Changes]:
    """Lay out the rules and fees of the symbols at the beginning, and those that come later; unknown binds nobody."""
    first = np.zeros(len(grid.symbols), kernel.INSTRUMENT)
    later = []
    for place, symbol in enumerate(grid.symbols):
        rows = instruments.get(symbol) or [{}]
        first[place] = _instrument(rows[0], costs)
        for row in rows[1:]:
            time = int(grid.times.search_sorted(row["valid_from"], side="left"))
            later.append((time, place, _instrument(row, costs)))
    later.sort(key=lambda change: change[:2])  # stable: of several at one time the last stays
    return first, kernel.Changes(
        time=np.array([time for time, _, _ in later], np.int64),
        symbol=np.array([place for _, place, _ in later], np.int64),
        instrument=np.array([rule for _, _, rule in later], kernel.INSTRUMENT),
    )


def rule_values(terms: Terms, *, targets: bool) -> kernel.Rules:
    """Turn the settings into the loop's numbers."""
    account, costs, execution = terms.account, terms.costs, terms.execution
    nan = float("nan")
    return kernel.Rules(
        cash=float(account.cash),
        sizing=kernel.SIZINGS.index(account.sizing),
        size=float(account.size),
        leverage=float(account.leverage),
        max_positions=account.max_positions or 0,
        cross=account.margin == "cross",
        mmr=float(account.mmr),
        slippage=float(costs.slippage),
        slippage_ticks=float(costs.slippage_ticks),
        favourable=execution.intrabar == "favourable",
        stop=nan if execution.stop is None else float(execution.stop),
        take=nan if execution.take is None else float(execution.take),
        trail=nan if execution.trail is None else float(execution.trail),
        take_limit=execution.take_fill == "limit",
        max_bars=execution.max_bars or 0,
        pyramiding=execution.pyramiding,
        targets=targets,
        band=float(execution.rebalance_band),
        volume_share=nan if execution.max_volume_share is None else float(execution.max_volume_share),
        level_delay=execution.level_delay,
        close_at_end=execution.close_at_end,
        high=0.0,
        keep_equity=True,
    )


def _gap_marks(grid: Grid, gaps: pl.DataFrame) -> tuple[kernel.Array, kernel.Array]:
    """Mark the bars that a gap separates from their symbol's bar before, and the bars with a gap inside.

    A gap separates two bars when it overlaps the time from the end of the one to the open of the other. Without a
    known length each symbol is asked for its own, so that no symbol changes another's fills.
    """
    after, inside = np.zeros(grid.bars.height, np.bool_), np.zeros(grid.bars.height, np.bool_)
    holes = gaps.select("symbol", pl.col("first", "last").dt.timestamp("us")).partition_by("symbol", as_dict=True)
    for symbol, rows, opened, length in grid.own_rows if holes else ():
        ended = np.concatenate((opened[:1], opened[:-1] + length))  # of the bar before; nothing is before the first
        for first, last in holes[(symbol,)].select("first", "last").rows() if (symbol,) in holes else ():
            begin = max(int(np.searchsorted(opened, first)) - 1, 0)  # from the bar that the hole begins in
            end = max(int(np.searchsorted(opened, last, side="right")), int(np.searchsorted(ended, last, side="right")))
            near = slice(begin, end)
            separated = (opened[near] >= first) & (ended[near] <= last)
            separated[: 1 - min(begin, 1)] = False
            after[rows[near][separated]] = True
            inside[rows[near][(opened[near] + length > first) & (opened[near] <= last)]] = True
    return after, inside


def _instrument(row: Mapping[str, Any], costs: Costs) -> tuple[Any, ...]:
    """Give one row of rules as the loop reads it."""
    category = row.get("category") or "linear"
    return (
        category == "spot",
        *_decimal(row.get("tick_size")),
        *_decimal(row.get("qty_step")),
        row.get("min_qty") or 0.0,
        row.get("min_notional") or 0.0,
        row.get("max_leverage") or float("inf"),
        *costs.rates(category),
    )


def _decimal(value: float | None) -> tuple[float, float]:
    """Write a step as p / q with q a power of ten, (0, 0) where it is unknown."""
    if value is None:
        return 0.0, 0.0
    exact = Decimal(repr(float(value))).normalize()
    places = max(0, -int(exact.as_tuple().exponent))
    return float(exact.scaleb(places)), float(10**places)
