"""backtesting.py on our markets: its broker fills, our few lines of strategy only say what was signalled."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pandas as pd

from tests.peers.markets import HOUR, START, Array, Market
from tests.peers.trades import MONEY, Trade

with warnings.catch_warnings():  # its own: a progress bar for notebooks, names that pandas has given up
    warnings.simplefilter("ignore")
    from backtesting import Backtest, Strategy


def placeable(market: Market) -> Array:
    """Tell the entries it takes: it wants stop < price < target, of a market order by the close when it is given."""
    side, take = market.side, market.placed("take")
    trailed = market.fill - side * market.said("trail_distance")
    stop = np.fmax(side * market.placed("stop"), side * trailed) * side
    price = np.fmax(market.said("entry_limit"), market.said("entry_stop"))
    price = np.where(np.isnan(price), market.close, price)
    above = np.isnan(stop) | (side * stop < side * price)
    below = np.isnan(take) | (side * take > side * price)
    return (side == 0) | (above & below)


def trades(market: Market, *, finish: bool = False) -> list[list[Trade]]:
    """Give the trades of each series, each of which is a run of its own; `finish` closes what is open at the end."""
    return [_run(market.series(column), finish) for column in range(market.open.shape[1])]


def _run(market: Market, finish: bool) -> list[Trade]:
    length = len(market.open)
    frame = pd.DataFrame(
        {name.title(): getattr(market, name)[:, 0] for name in ("open", "high", "low", "close")},
        index=pd.DatetimeIndex([START + place * HOUR for place in range(length)]),
    )
    orders = _orders(market)
    seen: dict[str, Any] = {}

    class Signals(Strategy):  # type: ignore[misc]
        def init(self) -> None: ...

        def next(self) -> None:
            seen["strategy"] = self
            _act(self, orders, len(self.data) - 1)

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # trades that stay open at the end, statistics of nothing
        Backtest(frame, Signals, cash=MONEY, commission=market.fee, finalize_trades=finish).run()
    held = [_trade(trade, market) for trade in (*seen["strategy"].closed_trades, *seen["strategy"].trades)]
    return sorted(held, key=lambda trade: trade.entry_bar)


def _orders(market: Market) -> dict[str, Any]:
    nothing = np.zeros(market.open.shape, int)
    laid = {
        "side": market.side,
        "fill": market.fill,
        "stop": market.placed("stop"),
        "take": market.placed("take"),
        "trail": market.said("trail_distance"),
        "limit": market.said("entry_limit"),
        "trigger": market.said("entry_stop"),
        "life": market.counts.get("entry_bars", nothing),
        "age": market.counts.get("max_bars", nothing),
        "high": market.high,
        "low": market.low,
    }
    exits = {side: market.flags[name][:, 0] for side, name in ((1, "exit_long"), (-1, "exit_short"))}
    return {name: values[:, 0] for name, values in laid.items()} | {"size": market.size, "exit": exits}


def _act(strategy: Any, orders: dict[str, Any], bar: int) -> None:
    """Say at a bar's close what the signals say: move the trail, leave, give up waiting orders, enter."""
    side = int(orders["side"][bar])
    held = strategy.trades[0] if strategy.trades else None
    leaving = _leave(held, orders, bar, side) if held else False
    for waiting in [order for order in strategy.orders if not order.is_contingent and order.parent_trade is None]:
        known = waiting.tag
        old = bar - known >= max(orders["life"][known], 1)
        if old or side or orders["exit"][1 if waiting.is_long else -1][bar]:
            waiting.cancel()
    if side and (leaving or not held):
        named = {"limit": "limit", "stop": "trigger", "tp": "take"}
        prices = {theirs: float(orders[ours][bar]) for theirs, ours in named.items()}
        prices["sl"] = _stop(orders, bar, side, bar)
        order = strategy.buy if side > 0 else strategy.sell
        given = {name: price for name, price in prices.items() if not np.isnan(price)}
        order(size=orders["size"], tag=bar, **given)


def _leave(held: Any, orders: dict[str, Any], bar: int, side: int) -> bool:
    """Move the trail of what is held, and close it at the next open if a signal or its age says so; say whether."""
    entered, known = (1 if held.is_long else -1), held.tag
    if not np.isnan(orders["trail"][known]):
        held.sl = _stop(orders, known, entered, bar)
    aged = 0 < orders["age"][known] <= bar + 1 - held.entry_bar
    leaving = bool(orders["exit"][entered][bar] or side == -entered or aged)
    if leaving:
        held.close()
    return leaving


def _stop(orders: dict[str, Any], known: int, side: int, bar: int) -> float:
    """Give the nearer of stop and trail for the next bar, NaN without either."""
    seen = orders["high" if side > 0 else "low"][known + 1 : bar + 1]
    best = max([orders["fill"][known], *seen], key=lambda price: side * price)
    trailed = best - side * orders["trail"][known]
    return float(np.fmax(side * orders["stop"][known], side * trailed) * side)


def _trade(trade: Any, market: Market) -> Trade:
    entry = Trade(1 if trade.is_long else -1, abs(trade.size), int(trade.entry_bar), float(trade.entry_price))
    if trade.exit_bar is None:
        return entry
    bar, price = int(trade.exit_bar), float(trade.exit_price)
    how = "take" if price == trade.tp else "stop"
    if price == market.open[bar, 0]:
        how = "open"
    return entry._replace(exit_bar=bar, exit_price=price, how=how, pnl=float(trade.pl))
