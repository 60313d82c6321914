"""vectorbt on our markets, fed in two ways.

`split`: each bar is two rows, its open and then its inside: what fills at an open comes before what happens inside, and
levels live in the entry bar. `native`: each bar is one row, as its users feed it: levels live from the bar after the
entry on (our `level_delay=1`), and act before the signal that fills at the open.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numba
import numpy as np
import pytest

from tests.peers.markets import Array, Market
from tests.peers.trades import MONEY, SAME, Trade

with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:  # warnings of its own
    warnings.simplefilter("ignore")
    patch.setattr(numba.config, "CACHE_DIR", "")  # our loop's folder may be set already; what it compiles is not ours
    import vectorbt
    from vectorbt._engine import is_rust_available

Feed = Literal["split", "native"]

ENGINES = ("rust", "numba") if is_rust_available() else ("numba",)
PRICES = ("open", "high", "low", "close")


def placeable(market: Market) -> Array:
    """Tell the entries it takes: it knows levels as fractions of the fill price, on the right side of it."""
    side, stop, take = market.side, market.placed("stop"), market.placed("take")
    sound = (np.isnan(stop) | (side * stop < side * market.fill)) & (
        np.isnan(take) | (side * take > side * market.fill)
    )
    return (side == 0) | sound | np.isnan(market.fill)


def trades(
    market: Market, *, feed: Feed = "split", engine: str = ENGINES[0], finish: bool = False
) -> list[list[Trade]]:
    """Give the trades of each series, all columns of one call; `finish` counts the open ones as it values them."""
    rows = 2 if feed == "split" else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        portfolio = vectorbt.Portfolio.from_signals(
            **_bars(market, rows),
            **_signals(market, rows),
            size=market.size,
            size_type="amount" if market.sizing == "quantity" else "value",
            init_cash=MONEY,
            fees=market.fee,
            slippage=market.slippage,
            stop_entry_price="fillprice",
            stop_exit_price="stopmarket",
            upon_long_conflict="exit",
            upon_short_conflict="exit",
            upon_dir_conflict="ignore",
            upon_opposite_entry="reverse",
            freq="1h",
            engine=engine,
        )
        records = portfolio.exit_trades.values
    found: list[list[Trade]] = [[] for _ in range(market.open.shape[1])]
    for record in records:
        found[record["col"]].append(_trade(record, market, rows, finish))
    return found


def _bars(market: Market, rows: int) -> dict[str, Array]:
    """Give the prices; of two rows a bar the first is its open alone."""
    names = dict.fromkeys(PRICES, "open") if rows == 2 else {}
    laid = {name: _interleaved(getattr(market, names.get(name, name)), getattr(market, name), rows) for name in PRICES}
    return laid | {"price": laid["open"]}


def _signals(market: Market, rows: int) -> dict[str, Array]:
    """Give the signals on the rows of the opens at which they fill, levels as fractions of the fill price."""
    fractions = {
        f"{short}_stop": np.abs(market.placed(kind) - market.fill) / market.fill
        for short, kind in (("sl", "stop"), ("tp", "take"))
    }
    named = {"entries": "enter_long", "exits": "exit_long", "short_entries": "enter_short", "short_exits": "exit_short"}
    flags = {theirs: _interleaved(_next(market.flags[ours], False), None, rows) for theirs, ours in named.items()}
    return flags | {name: _interleaved(_next(values, np.nan), None, rows) for name, values in fractions.items()}


def _next(values: Array, first: Any) -> Array:
    """Move what is known at a close to the following bar."""
    return np.vstack([np.full((1, values.shape[1]), first, values.dtype), values[:-1]])


def _interleaved(at_open: Array, inside: Array | None, rows: int) -> Array:
    if rows == 1:
        return at_open
    empty = np.zeros_like(at_open) if at_open.dtype == np.bool_ else np.full_like(at_open, np.nan)
    pair = np.stack([at_open, empty if inside is None else inside], axis=1)
    return pair.reshape(-1, at_open.shape[1])


def _trade(record: Any, market: Market, rows: int, finish: bool) -> Trade:
    side, column = (1, -1)[record["direction"]], record["col"]
    known = int(record["entry_idx"]) // rows - 1
    entry = Trade(side, float(record["size"]), known + 1, float(record["entry_price"]))
    if record["status"] == 0 and not finish:  # still open
        return entry
    bar, price = int(record["exit_idx"]) // rows, float(record["exit_price"])
    reference = price / (1 - side * market.slippage)
    levels = {kind: float(market.placed(kind)[known, column]) for kind in ("stop", "take")}
    how = min(levels, key=lambda kind: np.nan_to_num(abs(levels[kind] - reference), nan=np.inf))
    if np.isclose(reference, market.open[bar, column], rtol=SAME, atol=0.0):
        how = "open"
    if record["status"] == 0:
        how = "end"
    return entry._replace(exit_bar=bar, exit_price=price, how=how, pnl=float(record["pnl"]))
