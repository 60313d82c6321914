"""What lies inside bars: their 1-minute candles, and the funding that falls due in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.grid import MICROSECONDS, own

if TYPE_CHECKING:
    from bt.engine.grid import Grid


def detail_arrays(grid: Grid, detail: pl.DataFrame | None) -> kernel.Detail:
    """Lay the minutes out and say which of them lie in which bar; no bar of a minute or less has any."""
    if detail is None or detail.is_empty():
        nothing, none = np.empty(0, np.int64), np.empty(0)
        return kernel.Detail(nothing, nothing, np.empty(0, np.int32), none, none, none)
    ts = detail["ts"].dt.timestamp("us").to_numpy()
    counts = dict(detail["symbol"].rle().struct.unnest().select("value", "len").rows())
    ends = dict(zip(counts, np.cumsum(list(counts.values())), strict=True))
    first, end = np.zeros(grid.bars.height, np.int64), np.zeros(grid.bars.height, np.int64)
    for symbol, rows, opened, length in grid.own_rows:
        if symbol in ends and length > MICROSECONDS:
            begin = ends[symbol] - counts[symbol]
            candles = ts[begin : ends[symbol]]
            first[rows] = begin + np.searchsorted(candles, opened)
            end[rows] = begin + np.searchsorted(candles, opened + length)
    prices = {name: own(detail[name].to_numpy(), np.float64) for name in ("open", "high", "low")}
    return kernel.Detail(first=first, end=end, minute=own(ts // MICROSECONDS, np.int32), **prices)


def funding_arrays(grid: Grid, funding: pl.DataFrame, detail: kernel.Detail) -> kernel.Funding:
    """Lay the settlements out: which bar each falls in, and at which price it is paid."""
    found: list[dict[str, kernel.Array]] = []
    stamps = funding.partition_by("symbol", as_dict=True)
    for symbol, rows, opened, length in grid.own_rows if stamps else ():
        if (symbol,) not in stamps:
            continue
        own_stamps = stamps[(symbol,)]
        ts = own_stamps["ts"].dt.timestamp("us").to_numpy()
        within = np.searchsorted(opened, ts, side="right") - 1
        known = (within >= 0) & (ts < opened[-1] + length)
        ts, within, own_stamps = ts[known], within[known], own_stamps.filter(pl.Series(known))
        in_hole = ts >= opened[within] + length
        row = rows[within + in_hole]
        found.append(
            {
                "row": row,
                "minute": (ts // MICROSECONDS).astype(np.int32),
                "inside": ~in_hole & (ts > opened[within]),
                "mark": _marks(grid, own_stamps["mark"], rows[within], in_hole, _minute_opens(detail, row, ts)),
                "rate": own_stamps["rate"].to_numpy(),
            }
        )
    columns = {name: np.concatenate([part[name] for part in found] or [np.empty(0)]) for name in kernel.Funding._fields}
    row, minute, inside = columns["row"], columns["minute"], columns["inside"]
    time = grid.time_of(row)
    order = np.lexsort((np.where(inside, minute, row), np.where(inside, row, minute), inside, time))
    kinds = dict(zip(kernel.Funding._fields, (np.int64, np.int32, np.bool_, np.float64, np.float64), strict=True))
    return kernel.Funding(**{name: own(columns[name][order], kind) for name, kind in kinds.items()})


def _marks(
    grid: Grid, given: pl.Series, rows: kernel.Array, in_hole: kernel.Array, minute_opens: kernel.Array
) -> kernel.Array:
    """Give the price each settlement is paid at: its own mark, else its minute's open, the bar's, or the last close."""
    opens, closes = grid.bars["open"].to_numpy()[rows], grid.bars["close"].to_numpy()[rows]
    marks = np.where(np.isnan(minute_opens), opens, minute_opens)
    marks = np.where(in_hole, closes, marks)
    own_marks = given.fill_null(float("nan")).to_numpy()
    return np.where(np.isnan(own_marks), marks, own_marks)


def _minute_opens(detail: kernel.Detail, rows: kernel.Array, ts: kernel.Array) -> kernel.Array:
    """Give the open of the 1-minute candle at each time, NaN where there is none in its bar."""
    found = np.full(len(rows), np.nan)
    for place in range(len(rows) if len(detail.first) else 0):
        first, end = detail.first[rows[place]], detail.end[rows[place]]
        candle = first + np.searchsorted(detail.minute[first:end], ts[place] // MICROSECONDS)
        if candle < end and detail.minute[candle] == ts[place] // MICROSECONDS:
            found[place] = detail.open[candle]
    return found
