"""Our loop and the peers' on one workload: what is called, and how its trades are counted and compared.

The peers get ready NumPy arrays, constants as constants, room for just the orders there will be: their quickest way in.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from workloads import CASH, FEE, NOTIONAL, SLIPPAGE, Array, Workload, loop_inputs, run_loop, settings

import bt

os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"  # importing it would ask the network for a newer version
import raptorbt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import vectorbt
    from vectorbt.portfolio import dispatch
    from vectorbt.portfolio.enums import OrderSide, SizeType, StopEntryPrice, StopExitPrice

    raptorbt.sma(np.ones(2), 1)  # asks numpy for a name it has given up

EXIT = np.dtype([("symbol", np.int64), ("bar", np.int64), ("price", np.float64)])


class Engine(NamedTuple):
    """One thing to time."""

    call: Callable[[], Any]
    trades: Callable[[Any], int]


def ours(work: Workload) -> dict[str, Engine]:
    """Give our loop, plain and with what the peers do not have, and the whole from frames."""
    bars, signals = work.frames()
    chosen = settings(work)
    plain = loop_inputs(bars, signals, **chosen)
    symbols = bars["symbol"].unique().sort().to_frame()
    rules = symbols.with_columns(tick_size=0.01, qty_step=0.001)
    rates = bars["ts"].unique().sort().gather_every(480).to_frame().join(symbols, how="cross").with_columns(rate=0.0001)
    more = loop_inputs(bars, signals, instruments=rules, funding=rates, **chosen)

    def whole() -> bt.Simulation:
        simulation = bt.simulate(bars, signals, **chosen)
        _ = simulation.fills, simulation.equity
        return simulation

    def count(result: Any) -> int:
        return int(result.fills["opens"].sum())

    return {
        "loop: bt": Engine(lambda: run_loop(plain), count),
        "loop: bt, with ticks, steps and funding": Engine(lambda: run_loop(more), count),
        "whole: bt.simulate, fills and equity": Engine(whole, count),
    }


def vectorbts(work: Workload, engine: str) -> dict[str, Engine]:
    """Give vectorbt's simulation, and Portfolio.from_signals by itself and with trades and equity."""
    shared = work.open.shape[1] > 1
    flags = _moved(work)
    named = {name: getattr(work, name) for name in ("open", "high", "low", "close")} | {
        "entries": flags[0], "exits": flags[1], "price": work.open, "size": NOTIONAL, "size_type": "value",
        "fees": FEE, "slippage": SLIPPAGE, "sl_stop": work.stop, "tp_stop": work.take, "init_cash": CASH,
        "stop_entry_price": "fillprice", "stop_exit_price": "stopmarket", "freq": "1min", "engine": engine,
        "group_by": True if shared else None, "cash_sharing": shared,
    }  # fmt: skip

    def from_signals() -> Any:
        return vectorbt.Portfolio.from_signals(**named)

    def with_results() -> Any:
        portfolio = from_signals()
        _ = portfolio.value()
        return portfolio.exit_trades.values

    return {
        f"loop: vectorbt {engine}": Engine(simulation_of(work, engine), _bought),
        f"whole: vectorbt {engine}, from_signals alone": Engine(from_signals, lambda done: _bought(done.order_records)),
        f"whole: vectorbt {engine}, from_signals, trades and equity": Engine(with_results, len),
    }


def simulation_of(work: Workload, engine: str) -> Callable[[], Array]:
    """Give the documented wrapper of vectorbt's simulation itself."""
    shape, flags = work.open.shape, _moved(work)
    groups = np.array([shape[1]])
    calls = dispatch.build_call_seq(shape, groups, 0, engine="numba")
    constants = {
        "size": NOTIONAL, "size_type": SizeType.Value, "fees": FEE, "slippage": SLIPPAGE, "sl_stop": work.stop,
        "tp_stop": work.take, "stop_entry_price": StopEntryPrice.FillPrice, "stop_exit_price": StopExitPrice.StopMarket,
    }  # fmt: skip
    given = {name: np.asarray(value) for name, value in constants.items()}
    given |= {name: getattr(work, name) for name in ("open", "high", "low", "close")}

    def run() -> Array:
        records, _ = dispatch.simulate_from_signals(
            shape, groups, np.array([CASH]), calls, long_entries=flags[0], long_exits=flags[1], price=work.open,
            **given, max_orders=2 * work.entries + 2, engine=engine,
        )  # fmt: skip
        return records

    return run


def raptorbts(work: Workload) -> dict[str, Engine]:
    """Give raptorbt's run, metrics included, by itself and with trades and equity."""
    run = raptorbt_of(work)

    def whole() -> Any:
        result = run()
        _ = result.equity_curve()
        return result.trades()

    return {
        "loop: raptorbt, with its metrics": Engine(run, lambda done: done.metrics.total_trades),
        "whole: raptorbt, trades and equity": Engine(whole, len),
    }


def raptorbt_of(work: Workload) -> Callable[[], Any]:
    """Give raptorbt's run; the one for portfolios fills at the close, which is the next open here.

    Asked for the next open that one hears only every second entry signal.
    """
    length, count = work.open.shape
    names = ("open", "high", "low", "close", "enter", "leave")
    columns = [[np.ascontiguousarray(getattr(work, name)[:, place]) for name in names] for place in range(count)]
    times, ones = np.arange(length, dtype=np.int64) * 60_000_000_000, np.ones(length)
    timing = "next_bar_open" if count == 1 else "same_bar_close"
    config = raptorbt.BacktestConfig(initial_capital=CASH, fees=FEE, slippage=SLIPPAGE, fill_timing=timing)
    config.set_fixed_stop(work.stop)
    config.set_fixed_target(work.take)
    capital = raptorbt.InstrumentConfig(alloted_capital=NOTIONAL)
    given = [(times, *own[:4], ones, *own[4:], 1, 1.0, f"S{place:02}") for place, own in enumerate(columns)]
    if count == 1:
        return lambda: raptorbt.run_single_backtest(*given[0], config, instrument_config=capital)
    capitals = {f"S{place:02}": capital for place in range(count)}
    return lambda: raptorbt.run_portfolio_backtest(given, config, "full", capitals).result


def every(work: Workload) -> dict[str, Engine]:
    """Give all that is timed on a workload, ours first."""
    return ours(work) | vectorbts(work, "rust") | vectorbts(work, "numba") | raptorbts(work)


def agreement(work: Workload) -> dict[str, float]:
    """Give the share of trades that leave at the same bar and price as ours, by peer.

    vectorbt is compared with our `level_delay=1`. Everything that differs has a name in tests/peers/habits.py.
    """
    bars, signals = work.frames()
    mine = []
    for delay in (0, 1):
        fills = run_loop(loop_inputs(bars, signals, **settings(work, level_delay=delay, close_at_end=False))).fills
        mine.append(_exits(fills[~fills["opens"]], "symbol", "time"))
    records = simulation_of(work, "rust")()
    shift = {"Signal": 1} if work.open.shape[1] > 1 else {}  # at the close before the open
    left = [trade for trade in raptorbt_of(work)().trades() if trade.exit_reason != "EndOfData"]
    theirs = np.array(
        [(int(trade.symbol[1:]), trade.exit_idx + shift.get(trade.exit_reason, 0), trade.exit_price) for trade in left],
        EXIT,
    )
    return {
        "vectorbt": _share(mine[1], _exits(records[records["side"] == OrderSide.Sell], "col", "idx")),
        "raptorbt": _share(mine[0], np.sort(theirs, order=["symbol", "bar"])),
    }


def _moved(work: Workload) -> list[Array]:
    """Move the signals to the bar that they fill in."""
    nothing = np.zeros((1, work.open.shape[1]), np.bool_)
    return [np.vstack([nothing, flag[:-1]]) for flag in (work.enter, work.leave)]


def _bought(records: Array) -> int:
    return int((records["side"] == OrderSide.Buy).sum())


def _exits(rows: Array, symbol: str, bar: str) -> Array:
    """Give exits in one form, by symbol and bar."""
    laid = np.empty(len(rows), EXIT)
    laid["symbol"], laid["bar"], laid["price"] = rows[symbol], rows[bar], rows["price"]
    return np.sort(laid, order=["symbol", "bar"])


def _share(ours_: Array, theirs: Array) -> float:
    """Give the share of our exits that the other has too, at a price equal but for the last digits."""
    keys = [{(row["symbol"], row["bar"]): row["price"] for row in rows} for rows in (ours_, theirs)]
    same = sum(abs(price - keys[1].get(key, np.inf)) <= 1e-9 * price for key, price in keys[0].items())
    return same / max(len(ours_), len(theirs))
