"""The engine by itself: bars and signals in as Polars frames, fills, trades and equity out as Polars frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import polars as pl

from bt import assets, kernel
from bt.engine import arrays, checks
from bt.engine.settings import Account, Costs, Execution
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

_RUN: Final = ""  # the run_id of a simulation that is not stored


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Hold what happened, as frames that are built when they are asked for."""

    status: Literal["finished", "ruined"]
    ambiguous: int  # exits in bars that touched stop and target both
    _outcome: kernel.Outcome
    _times: pl.Series
    _symbols: pl.Series
    _first_day: date

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Give one row per fill, in order of happening; columns as in the warehouse's table `fills`."""
        rows = self._outcome.fills
        return pl.DataFrame(
            [
                pl.int_range(1, len(rows) + 1, eager=True, dtype=pl.Int64).alias("n"),
                _chosen(self._symbols, rows["symbol"]).alias("symbol"),
                _chosen(self._times, rows["time"]).alias("ts"),
                pl.Series("minute", [None] * len(rows), pl.Datetime("us")),
                pl.Series("bar", rows["bar"], pl.Int64),
                _words(("buy", "sell"), (rows["side"] < 0).astype(np.uint32)).alias("side"),
                *(_number(rows, name) for name in ("qty", "price", "reference", "fee", "slippage")),
                _words(kernel.KINDS, rows["kind"]).alias("kind"),
                _words(kernel.REASONS, rows["reason"]).alias("reason"),
                pl.Series("trade", rows["trade"], pl.Int64),
                pl.Series("opens", rows["opens"]),
                *(_number(rows, name) for name in ("stop", "worst", "best")),
                pl.Series("ambiguous", rows["ambiguous"]),
                pl.Series("gap_overlap", rows["gap_overlap"]),
            ]
        )

    @cached_property
    def rejections(self) -> pl.DataFrame:
        """Give one row per refused or shrunk order; columns as in the warehouse's table `rejections`."""
        rows = self._outcome.rejections
        return pl.DataFrame(
            [
                pl.int_range(1, len(rows) + 1, eager=True, dtype=pl.Int64).alias("n"),
                _chosen(self._symbols, rows["symbol"]).alias("symbol"),
                _chosen(self._times, rows["time"]).alias("ts"),
                _words(("long", "short"), (rows["side"] < 0).astype(np.uint32)).alias("side"),
                _words(kernel.REFUSALS, rows["reason"]).alias("reason"),
                *(_number(rows, name) for name in ("wanted", "granted")),
            ]
        )

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Give one row per bar time: equity, cash, gross and net exposure at the close, in quote currency."""
        account = self._outcome.equity
        names = ("equity", "cash", "gross", "net")
        columns = [pl.Series(name, np.ascontiguousarray(account[:, place])) for place, name in enumerate(names)]
        return pl.DataFrame([self._times.head(len(account)).alias("ts"), *columns])

    @cached_property
    def days(self) -> pl.DataFrame:
        """Give one row per UTC day: the account's facts, as in the warehouse's table `days`."""
        facts = self._outcome.days
        names = ("equity", "high", "drawdown", "bars", "bars_in_market")
        frame = pl.DataFrame({name: facts[:, place] for place, name in enumerate(names)})
        day = pl.lit(self._first_day) + pl.duration(days=pl.int_range(pl.len()))
        return frame.select(day.alias("day"), pl.col(names[:3]), pl.col(names[3:]).cast(pl.Int64))

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Give one row per trade, by the very SQL that defines the warehouse's view `trades`."""
        from bt.warehouse import query, registered, scratch

        definition = (assets.folder("sql") / "4_results" / "trades.sql").read_text(encoding="utf-8")
        amounts = [(name, pl.Float64()) for name in ("qty", "mark", "rate", "amount")]
        payments = [("run_id", pl.String()), ("symbol", pl.String()), ("ts", pl.Datetime("us")), ("trade", pl.Int64())]
        fills = self.fills.select(pl.lit(_RUN).alias("run_id"), pl.all())
        with scratch() as connection:
            none = pl.DataFrame(schema=[*payments, *amounts])
            with registered(connection, fills=fills, funding_payments=none):
                connection.execute(definition)
                return query(connection, "select * exclude (run_id) from trades order by trade")

    @property
    def end_equity(self) -> float:
        """Give the equity at the last close, in quote currency."""
        return float(self._outcome.equity[-1, 0])


def simulate(  # noqa: PLR0913 - the engine's whole contract in one place
    bars: pl.DataFrame,
    signals: pl.DataFrame,
    *,
    account: Account | None = None,
    costs: Costs | None = None,
    execution: Execution | None = None,
    instruments: pl.DataFrame | None = None,
    gaps: pl.DataFrame | None = None,
    timeframe: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> Simulation:
    """Trade signals on bars: one account, any number of symbols, what is known at a close acts at the next open.

    `bars`: one row per (symbol, ts), columns `symbol, ts, open, high, low, close, volume`; ts is the bar's open time,
    UTC, `Datetime("us")` without a zone, rising within each symbol. Symbols may start, end and miss bars at different
    times. `signals`: the same rows or some of them, with any of `enter_long, enter_short, exit_long, exit_short`
    (true or false), `stop_price, take_price` (quote), `stop_distance, take_distance, trail_distance` (quote, from the
    fill price), `size` (multiplies the configured size), `score` (higher first) and `max_bars`; null says nothing.
    `instruments`: `symbol` and any of `category, tick_size, qty_step, min_qty, min_notional`; null binds nobody.
    `gaps`: `symbol, first, last`, recorded holes, both ends inclusive. `timeframe` says how long bars are; without it
    the smallest distance of two bars of a symbol does.

    At each bar time: exits at the open (signal, reversal, time stop, levels the open has passed), one snapshot of the
    account, entries at the open by score and symbol, stop, trail and target inside the bar (the entry bar too), and at
    the close the trail moves, equity is marked and new signals are taken.

    Where the contract was silent, this engine does the following. A contradicting signal (`conflict`) also does not
    reverse. A signal acts only while the position it would add to is flat at that open. After an exit by a level at
    an open, an entry at the same open is refused (`reentry`). A stop or trail on the wrong side of the fill refuses
    the entry under every sizing (`stop_side`); a target there fills by the ordinary rules of the entry bar. A gap lies
    between two bars when it overlaps the time from the end of the first to the open of the second, that minute
    included; a trade is tagged `gap_overlap` for those and for gaps inside its bars. Money that is left of full use by
    rounding (1e-9 of equity) buys nothing; fees paid at an open leave less for the entries after. Rounding down to
    `qty_step` is no rejection; a quantity shrunk for lack of money is a row `cash` with what was wanted and granted.
    `worst` and `best` of a trade take whole bars while it was held and the exit's own price in its last bar.

    Raises `BtError` before anything runs when frames or settings are wrong, naming row, symbol and column.
    """
    account = Account() if account is None else account
    costs = Costs() if costs is None else costs
    execution = Execution() if execution is None else execution
    checks.check_settings(account, costs, execution)
    sorted_bars = checks.checked_bars(bars)
    sorted_signals = checks.checked_signals(signals, sorted_bars)
    rules, holes = checks.checked_instruments(instruments), checks.checked_gaps(gaps)
    checks.require_stop_source(sorted_signals, account, execution)
    symbols = sorted_bars["symbol"].unique().sort()
    length = timedelta(minutes=minutes(timeframe)) if timeframe else None
    laid = arrays.bar_arrays(sorted_bars, holes, length)
    outcome = kernel.trade(
        laid,
        arrays.signal_arrays(sorted_signals),
        arrays.instrument_arrays(symbols, rules, costs),
        arrays.rule_values(account, costs, execution),
        announce=announce,
    )
    return Simulation(
        status="ruined" if outcome.ruined else "finished",
        ambiguous=int(outcome.ambiguous),
        _outcome=outcome,
        _times=sorted_bars["ts"].gather(laid.starts[:-1]),
        _symbols=symbols,
        _first_day=arrays.closing_day(sorted_bars, length),
    )


def _chosen(values: pl.Series, places: Any) -> pl.Series:
    return values.gather(np.ascontiguousarray(places).astype(np.uint32))


def _words(words: tuple[str, ...], places: Any) -> pl.Series:
    return _chosen(pl.Series(words, dtype=pl.String), places)


def _number(rows: Any, name: str) -> pl.Series:
    return pl.Series(name, np.ascontiguousarray(rows[name])).fill_nan(None)
