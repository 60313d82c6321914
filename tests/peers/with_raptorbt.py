"""raptorbt on our markets: one direction and one pair of fractions a series, all of its capital in each trade.

It buys what its capital allows: profits are brought to our quantity, as every cost is a fraction of the price. It pairs
entry signals with exit signals before it looks at any price: a further entry is heard only after an exit signal, even
where a level has closed the position long before.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.peers.markets import Array, Market
from tests.peers.trades import MONEY, SAME, Trade

with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
    warnings.simplefilter("ignore")
    patch.setenv("RAPTORBT_NO_VERSION_CHECK", "1")  # importing it would ask the network for a newer version
    import raptorbt

    raptorbt.sma(np.ones(2), 1)  # asks numpy for a name it has given up


def sayable(market: Market, stop: Array, take: Array) -> Market:
    """Make a market that it can be told of: one side and one pair of fractions a series, entries paired with exits."""
    side = market.side
    first = side[np.argmax(side != 0, axis=0), np.arange(side.shape[1])]
    levels = {"stop_distance": market.fill * stop, "take_distance": market.fill * take}
    leaving = np.where(first > 0, market.flags["exit_long"], market.flags["exit_short"])
    return replace(market, levels=levels).only(_paired(side == first, leaving) & (side == first))


def _paired(entering: Array, leaving: Array) -> Array:
    """Tell the entries that come first after an exit signal."""
    heard = np.zeros_like(entering)
    ready = np.ones(entering.shape[1], np.bool_)
    for place in range(len(entering)):
        heard[place] = entering[place] & ready
        ready = (ready & ~entering[place]) | leaving[place]
    return heard


def trades(market: Market, *, finish: bool = False) -> list[list[Trade]]:
    """Give the trades of each series, each of which is a run of its own; `finish` keeps the exits at the data's end."""
    return [_run(market.series(column), finish) for column in range(market.open.shape[1])]


def _run(market: Market, finish: bool) -> list[Trade]:
    side = market.side[:, 0]
    direction = int(side[np.argmax(side != 0)]) or 1
    length = len(side)
    result = raptorbt.run_single_backtest(
        np.arange(length, dtype=np.int64) * 3_600_000_000_000,
        *(np.ascontiguousarray(getattr(market, name)[:, 0]) for name in ("open", "high", "low", "close")),
        np.ones(length),
        np.ascontiguousarray(side == direction),
        np.ascontiguousarray(market.flags["exit_long" if direction > 0 else "exit_short"][:, 0]),
        direction,
        1.0,
        "S",
        _config(market, side),
    )
    return [_trade(trade, market, finish) for trade in result.trades()]


def _config(market: Market, side: Array) -> Any:
    config = raptorbt.BacktestConfig(
        initial_capital=MONEY, fees=market.fee, slippage=market.slippage, fill_timing="next_bar_open"
    )
    known = int(np.argmax(side != 0))
    fill = market.fill[known, 0]
    for kind, give in (("stop", config.set_fixed_stop), ("take", config.set_fixed_target)):
        level = market.placed(kind)[known, 0]
        if not np.isnan(level):
            give(float(abs(level - fill) / fill))
    return config


def _trade(trade: Any, market: Market, finish: bool) -> Trade:
    entry = Trade(int(trade.direction), market.size, trade.entry_idx, trade.entry_price)
    if trade.exit_reason == "EndOfData" and not finish:
        return entry
    how = {"StopLoss": "stop", "TakeProfit": "take", "EndOfData": "end"}.get(trade.exit_reason, "open")
    reference = trade.exit_price / (1 - entry.side * market.slippage)
    if how != "end" and np.isclose(reference, market.open[trade.exit_idx, 0], rtol=SAME, atol=0.0):
        how = "open"
    pnl = trade.pnl / trade.size * market.size
    return entry._replace(exit_bar=trade.exit_idx, exit_price=trade.exit_price, how=how, pnl=pnl)
