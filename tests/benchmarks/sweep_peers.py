"""The peers' side of the sweep race: vectorbt and raptorbt, each as documented and as strong as we could make it.

`python tests/benchmarks/sweep_peers.py NAME FOLDER ROUNDS` runs one engine in this process and prints one line of
JSON; `sweeps.py` asks for all. vectorbt is fastest when fed one set at a time: one column is small enough to be used
again in memory, where 100 columns of a year are 0.4 GB an array. Its cache of results is off there, as each result is
asked for once. Its documentation shows all sets in one call.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from crosses import (
    CASH,
    DAY,
    FEE,
    NOTIONAL,
    READY,
    SETS,
    SLIPPAGE,
    STOP,
    TAKE,
    YEAR,
    Array,
    Found,
    Minutes,
    Pair,
    Ready,
    crossed,
    daily_sharpe,
    measured,
    told,
)  # fmt: skip

Row = tuple[int, float, float]
Engine = Callable[..., Found]
T = TypeVar("T")

ORDERS_A_SET = 20_000  # room; the busiest set makes 7,380 of them


def vectorbt_documented(engine: str, minutes: Minutes, sets: Sequence[Pair], *, all_figures: bool = False) -> Found:
    """Sweep in vectorbt's own words: windows broadcast, crosses by its accessor, one portfolio of all columns.

    With `all_figures` each set gets the figures of `stats()` too, as bt stores some forty of each set.
    """
    pd, vbt = _vectorbt(caching=True)
    frame = pd.DataFrame(vars(minutes), index=_times(pd, len(minutes.close)))
    fast = vbt.MA.run(frame["close"], [fast for fast, _ in sets], ewm=True, short_name="fast", engine=engine)
    slow = vbt.MA.run(frame["close"], [slow for _, slow in sets], ewm=False, short_name="slow", engine=engine)
    enter, leave = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    portfolio = vbt.Portfolio.from_signals(
        frame["close"], enter.vbt.signals.fshift(1), leave.vbt.signals.fshift(1), open=frame["open"],
        high=frame["high"], low=frame["low"], price=frame["open"], max_orders=ORDERS_A_SET * len(sets),
        **_settings(engine),
    )  # fmt: skip
    if all_figures:
        assert len(portfolio.stats(agg_func=None)) == len(sets)
    days = portfolio.value().resample("1D").last()
    sharpes = days.vbt.returns.from_value(days, init_value=CASH, freq="1D", year_freq=f"{YEAR}D").sharpe_ratio()
    return Found(_closed(portfolio), portfolio.total_return().tolist(), sharpes.tolist())


def vectorbt_strong(engine: str, columns: int, threads: int, minutes: Minutes, sets: Sequence[Pair]) -> Found:
    """Sweep as fast as it goes: each average once, crosses in NumPy, so many sets a call, days cut from the equity."""
    pd, vbt = _vectorbt(caching=False)
    averages = {}
    for ewm, lengths in ((True, sorted({fast for fast, _ in sets})), (False, sorted({slow for _, slow in sets}))):
        found = vbt.MA.run(minutes.close, lengths, ewm=ewm, engine=engine).ma.to_numpy()
        averages |= {(ewm, n): np.ascontiguousarray(found[:, place]) for place, n in enumerate(lengths)}

    def some(part: Sequence[Pair]) -> list[Row]:
        flags = [crossed(averages[True, fast], averages[False, slow]) for fast, slow in part]
        portfolio = _simulated(pd, vbt, engine, minutes, flags)
        equity = _columns(portfolio.value())
        sharpes = daily_sharpe(equity[DAY - 2 :: DAY])  # the first bar is left out
        returns = equity[-1] / CASH - 1
        return list(zip(_closed(portfolio), returns.tolist(), sharpes.tolist(), strict=True))

    return Found.of(_each(some, sets, columns, threads))


def vectorbt_ready_documented(engine: str, minutes: Minutes, ready: Ready) -> Found:
    """Trade ready signals as columns of one portfolio and ask it for its Sharpe ratio, which is that of minutes."""
    pd, vbt = _vectorbt(caching=True)
    portfolio = _simulated(pd, vbt, engine, minutes, list(zip(ready.enter, ready.leave, strict=True)))
    sharpes = portfolio.sharpe_ratio(year_freq=f"{YEAR}D")
    return Found(_closed(portfolio), portfolio.total_return().tolist(), sharpes.tolist())


def vectorbt_ready_strong(engine: str, columns: int, threads: int, minutes: Minutes, ready: Ready) -> Found:
    """Trade ready signals, so many sets a call, with the daily Sharpe ratio."""
    pd, vbt = _vectorbt(caching=False)

    def some(part: Sequence[int]) -> list[Row]:
        portfolio = _simulated(pd, vbt, engine, minutes, [(ready.enter[place], ready.leave[place]) for place in part])
        equity = _columns(portfolio.value())
        returns, sharpes = equity[-1] / CASH - 1, daily_sharpe(equity[DAY - 2 :: DAY])
        return list(zip(_closed(portfolio), returns.tolist(), sharpes.tolist(), strict=True))

    return Found.of(_each(some, range(len(ready.enter)), columns, threads))


def raptorbt_ready(batch: int, threads: int, minutes: Minutes, ready: Ready) -> Found:
    """Trade ready signals in batches, which use all cores themselves; its Sharpe ratio is that of minutes."""
    raptorbt = _raptorbt()
    config = raptorbt.BacktestConfig(
        initial_capital=CASH, fees=FEE, slippage=SLIPPAGE, fill_timing="next_bar_open",
        periods_per_year=float(YEAR * DAY),  # else it takes time to find out
    )  # fmt: skip
    config.set_fixed_stop(STOP)
    config.set_fixed_target(TAKE)
    capital = raptorbt.InstrumentConfig(alloted_capital=NOTIONAL)
    times, ones = np.arange(len(minutes.close), dtype=np.int64) * 60_000_000_000, np.ones(len(minutes.close))

    def some(part: Sequence[int]) -> list[Row]:
        items = [
            raptorbt.BatchSingleItem(
                str(place), ready.enter[place], ready.leave[place], 1, 1.0, "S", config, None, capital
            )
            for place in part
        ]
        done = raptorbt.batch_single_backtest(times, *vars(minutes).values(), ones, items, config)
        found = {int(name): result.metrics for name, result in done}
        every = [found[place] for place in part]
        return [(each.total_closed_trades, each.total_return_pct / 100, each.sharpe_ratio) for each in every]

    return Found.of(_each(some, range(len(ready.enter)), batch, threads))


ALL = len(SETS)
SWEEPS: dict[str, Engine] = {
    "vectorbt rust, all sets in one call": partial(vectorbt_documented, "rust"),
    "vectorbt numba, all sets in one call": partial(vectorbt_documented, "numba"),
    "vectorbt numba, all sets in one call, with stats()": partial(vectorbt_documented, "numba", all_figures=True),
    "vectorbt rust, ten sets a call": partial(vectorbt_strong, "rust", 10, 1),
    "vectorbt numba, a set a call": partial(vectorbt_strong, "numba", 1, 1),
    "vectorbt rust, a set a call": partial(vectorbt_strong, "rust", 1, 1),
    "vectorbt rust, a set a call, 2 threads": partial(vectorbt_strong, "rust", 1, 2),
}
GIVEN: dict[str, Engine] = {
    "ready: vectorbt rust, all sets in one call, Sharpe of minutes": partial(vectorbt_ready_documented, "rust"),
    "ready: vectorbt numba, all sets in one call, Sharpe of minutes": partial(vectorbt_ready_documented, "numba"),
    "ready: vectorbt rust, a set a call": partial(vectorbt_ready_strong, "rust", 1, 1),
    "ready: vectorbt rust, a set a call, 2 threads": partial(vectorbt_ready_strong, "rust", 1, 2),
    "ready: raptorbt, one batch in one call, Sharpe of minutes": partial(raptorbt_ready, ALL, 1),
    "ready: raptorbt, batches of ten, 2 threads, Sharpe of minutes": partial(raptorbt_ready, 10, 2),
}


def _vectorbt(*, caching: bool) -> tuple[Any, Any]:
    import warnings

    warnings.simplefilter("ignore")  # its own
    import pandas as pd
    import vectorbt as vbt

    vbt.settings.caching["enabled"] = caching
    return pd, vbt


def _raptorbt() -> Any:
    os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"  # importing it would ask the network for a newer version
    import raptorbt

    return raptorbt


def _times(pd: Any, length: int) -> Any:
    return pd.date_range("2024-01-01", periods=length, freq="1min")


def _settings(engine: str) -> dict[str, Any]:
    return {
        "size": NOTIONAL, "size_type": "value", "fees": FEE, "slippage": SLIPPAGE, "sl_stop": STOP, "tp_stop": TAKE,
        "init_cash": CASH, "stop_entry_price": "fillprice", "stop_exit_price": "stopmarket", "freq": "1min",
        "engine": engine,
    }  # fmt: skip


def _simulated(pd: Any, vbt: Any, engine: str, minutes: Minutes, flags: Sequence[tuple[Array, Array]]) -> Any:
    """Trade signals, one column each; what a bar's close says stands on the next row, so the first bar is left out."""
    prices = {name: values[1:, None] for name, values in vars(minutes).items()}
    enter, leave = (np.ascontiguousarray(np.stack([pair[side][:-1] for pair in flags]).T) for side in (0, 1))
    close = pd.DataFrame(np.broadcast_to(prices.pop("close"), enter.shape), index=_times(pd, len(enter)), copy=False)
    if len(flags) == 1:  # one dimension is quicker
        close, enter, leave = close[0], enter[:, 0], leave[:, 0]
        prices = {name: values[:, 0] for name, values in prices.items()}
    return vbt.Portfolio.from_signals(
        close, enter, leave, price=prices["open"], **prices, max_orders=ORDERS_A_SET * len(flags), **_settings(engine)
    )


def _columns(values: Any) -> Array:
    found: Array = values.to_numpy()
    return found if found.ndim == 2 else found[:, None]


def _closed(portfolio: Any) -> list[int]:
    """Count closed trades: all in, all out, so half the orders."""
    columns = portfolio.wrapper.shape_2d[1]
    counts: list[int] = (np.bincount(portfolio.order_records["col"], minlength=columns) // 2).tolist()
    return counts


def _each(work: Callable[[Sequence[T]], list[Row]], over: Sequence[T], many: int, threads: int) -> list[Row]:
    parts = [over[begin : begin + many] for begin in range(0, len(over), many)]
    if threads == 1:
        return [row for part in parts for row in work(part)]
    with ThreadPoolExecutor(threads) as pool:
        return [row for rows in pool.map(work, parts) for row in rows]


def main() -> None:
    name, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    minutes = Minutes.read(folder)
    few = minutes.head(3 * DAY)
    if name in SWEEPS:
        sweep = SWEEPS[name]
        told(measured(lambda: sweep(minutes, SETS), lambda: sweep(few, SETS[:12]), rounds))
    else:
        trade, ready = GIVEN[name], Ready.read(folder)
        assert len(ready.enter) == len(READY)
        told(measured(lambda: trade(minutes, ready), lambda: trade(few, ready.head(3 * DAY, 12)), rounds))


if __name__ == "__main__":
    main()
