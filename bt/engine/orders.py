"""How signals become flags and orders: which of them act, when, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.signals import COUNTS, FLAGS, LEVELS

if TYPE_CHECKING:
    from bt.engine.grid import Grid


def signal_arrays(grid: Grid, signals: pl.DataFrame, *, every_target: bool = False) -> kernel.Signals:
    """Lay the signals out: flags for each row, and an order for each that enters or, by a target, may trade.

    Only a changed target is an order, unless `every_target` is to be watched for drift.
    """
    flags = np.zeros(signals.height, np.uint8)
    said = [name for name in FLAGS if name in signals.columns]
    for column in signals.select(pl.col(said).fill_null(value=False).cast(pl.UInt8)):
        flags |= column.to_numpy() * np.uint8(FLAGS[column.name])
    changed = np.zeros(signals.height, np.bool_)
    wanted = flags & np.uint8(kernel.ENTER_LONG | kernel.ENTER_SHORT) != 0
    if "target" in signals.columns:
        signals = signals.with_columns(pl.col("target").forward_fill().over("symbol"))
        earlier = pl.col("target").shift(1).over("symbol").fill_null(0.0)
        changed = signals.select((pl.col("target") != earlier).fill_null(value=False)).to_series().to_numpy()
        target = signals["target"].fill_null(float("nan")).to_numpy()
        flags[changed & (target > 0)] = kernel.ENTER_LONG
        flags[changed & (target < 0)] = kernel.ENTER_SHORT
        flags[changed & (target == 0)] = kernel.EXIT_LONG | kernel.EXIT_SHORT
        wanted = ~np.isnan(target) if every_target else changed
    told, acting = grid.followed(np.flatnonzero(wanted))
    return kernel.Signals(flags=flags, orders=_orders(grid, signals, flags, changed, told, acting))


def _orders(
    grid: Grid, signals: pl.DataFrame, flags: kernel.Array, changed: kernel.Array, told: kernel.Array,
    acting: kernel.Array,
) -> kernel.Array:  # fmt: skip
    """Give the orders of the rows `told`, which act on the rows `acting`, in the order in which they are looked at."""
    orders = np.zeros(len(told), kernel.ORDER)
    said = flags[told]
    long = said & np.uint8(kernel.ENTER_LONG) != 0
    short = said & np.uint8(kernel.ENTER_SHORT) != 0
    leaves_long = said & np.uint8(kernel.EXIT_LONG) != 0
    orders["time"] = grid.time_of(acting)
    orders["row"] = acting
    orders["symbol"] = grid.number[acting]
    orders["conflict"] = kernel.conflicting(said)
    orders["side"] = np.where(orders["conflict"], np.where(long & (short | leaves_long), 1, -1), np.where(long, 1, -1))
    orders["changed"] = changed[told]
    rows = pl.Series(told)
    for name, absent in {**dict.fromkeys(LEVELS, np.nan), "size": 1.0, "score": 0.0, **COUNTS}.items():
        given = signals[name].gather(rows).cast(pl.Float64) if name in signals.columns else None
        orders[name] = absent if given is None else given.fill_null(absent).to_numpy()
    if grid.one_each:  # one order at a time, in order already
        return orders
    score = np.where(orders["conflict"], 0.0, -orders["score"])
    return orders[np.lexsort((orders["symbol"], score, ~orders["conflict"], orders["time"]))]
