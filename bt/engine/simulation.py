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
from bt.engine.grid import Grid
from bt.engine.settings import Account, Costs, Execution
from bt.engine.signals import checked_signals, require_stop_source
from bt.errors import BtError
from bt.timeframes import minutes
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

_RUN: Final = ""  # the run_id of a simulation that is not stored


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Simulation:
    """Hold what happened, as frames that are built when they are asked for."""

    status: Literal["finished", "ruined"]
    ambiguous: int  # exits in bars that touched stop and target both
    _outcome: kernel.Outcome
    _grid: Grid
    _funding: kernel.Funding

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Give one row per fill, in order of happening; columns as in the warehouse's table `fills`."""
        rows = self._outcome.fills
        return pl.DataFrame(
            [
                pl.int_range(1, len(rows) + 1, eager=True, dtype=pl.Int64).alias("n"),
                _chosen(self._grid.symbols, rows["symbol"]).alias("symbol"),
                _chosen(self._grid.times, rows["time"]).alias("ts"),
                _minute(rows["minute"]).alias("minute"),
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
                _chosen(self._grid.symbols, rows["symbol"]).alias("symbol"),
                _chosen(self._grid.times, rows["time"]).alias("ts"),
                _words(("long", "short"), (rows["side"] < 0).astype(np.uint32)).alias("side"),
                _words(kernel.REFUSALS, rows["reason"]).alias("reason"),
                *(_number(rows, name) for name in ("wanted", "granted")),
            ]
        )

    @cached_property
    def funding_payments(self) -> pl.DataFrame:
        """Give one row per payment, in order of happening; columns as in the warehouse's table `funding_payments`."""
        rows = self._outcome.payments
        stamps = {name: values[rows["funding"]] for name, values in self._funding._asdict().items()}
        return pl.DataFrame(
            [
                _chosen(self._grid.symbols, rows["symbol"]).alias("symbol"),
                _minute(stamps["minute"]).alias("ts"),
                pl.Series("trade", rows["trade"], pl.Int64),
                _number(rows, "qty"),
                _number(stamps, "mark"),
                _number(stamps, "rate"),
                _number(rows, "amount"),
            ]
        )

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Give one row per bar time: equity, cash, gross and net exposure at the close, in quote currency."""
        account = self._outcome.equity
        names = ("equity", "cash", "gross", "net")
        columns = [pl.Series(name, np.ascontiguousarray(account[:, place])) for place, name in enumerate(names)]
        return pl.DataFrame([self._grid.times.head(len(account)).alias("ts"), *columns])

    @cached_property
    def days(self) -> pl.DataFrame:
        """Give one row per UTC day: the account's facts, as in the warehouse's table `days`."""
        facts = self._outcome.days
        names = ("equity", "high", "drawdown", "bars", "bars_in_market")
        frame = pl.DataFrame({name: facts[:, place] for place, name in enumerate(names)})
        day = pl.lit(self._grid.first_day) + pl.duration(days=pl.int_range(pl.len()))
        return frame.select(day.alias("day"), pl.col(names[:3]), pl.col(names[3:]).cast(pl.Int64))

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Give one row per trade, by the very SQL that defines the warehouse's view `trades`."""
        from bt.warehouse import query, registered, scratch

        definition = (assets.folder("sql") / "4_results" / "trades.sql").read_text(encoding="utf-8")
        run = pl.lit(_RUN).alias("run_id")
        fills, payments = self.fills.select(run, pl.all()), self.funding_payments.select(run, pl.all())
        with scratch() as connection, registered(connection, fills=fills, funding_payments=payments):
            connection.execute(definition)
            return query(connection, "select * exclude (run_id) from trades order by trade")

    def __repr__(self) -> str:
        trades = counted(self.fills["trade"].n_unique(), "trade")
        return f"Simulation({self.status}, {trades}, end equity {self.end_equity:,.2f})"

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
    funding: pl.DataFrame | None = None,
    detail: pl.DataFrame | None = None,
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
    An entry with `entry_limit` or `entry_stop` (quote) is a pending order that lives `entry_bars` bars (1). `target`,
    the other style, is a wanted signed share of equity and takes the place of entries and exits. `instruments`:
    `symbol` and any of `category, tick_size, qty_step, min_qty, min_notional, max_leverage`; null binds nobody; with
    `valid_from` a symbol may have several rows, the earliest of which also holds before. `funding`: `symbol, ts, rate`
    and, if known, `mark`; without it nothing is paid. `detail`: the 1-minute candles of the bars, in their form (no
    volume), to look inside bars. `gaps`: `symbol, first, last`, recorded holes, both ends inclusive. `timeframe` says
    how long bars are; without it the smallest distance of two bars of a symbol does (give it where bars
    may be cut off).

    At each bar time: funding due is paid; exits at the open (liquidation, signal, reversal, time stop, levels the open
    has passed); one snapshot of the account; entries at the open by score and symbol; inside the bar liquidation, stop,
    trail and target (the entry bar too), then pending orders; at the close the trail moves, equity is marked and new
    signals are taken.

    Where the contract was silent, this engine does the following.

    Signals: a contradicting signal (`conflict`) also does not reverse. A signal in the direction held is passed over,
    unless `pyramiding` lets it add: an add needs no slot, its levels (from its own fill) replace those of the position
    where it gives any, the time stop stays; when none is left, a row `pyramiding`. After an exit by a level at an open,
    an entry at the same open is refused (`reentry`). A stop or trail on the wrong side of the fill refuses the entry
    under every sizing (`stop_side`); a target there fills by the ordinary rules of the entry bar.

    Pending orders: one a symbol. A new entry signal replaces it (`replaced`), an exit signal of its side cancels it
    (`cancelled`), a recorded gap refuses it (`gap`), its last bar ends it (`expired`). An opposite one reverses at the
    open like any entry. It is sized by the snapshot of its fill bar; nothing freed inside a bar is used in it. In its
    fill bar an exit is at the level, and the trail learns only the close. A position left by a level keeps the symbol's
    order from filling in that bar, not from living on. What still waits when the data end is `expired`, too.

    Targets: the symbol's latest counts; all exits come first, then one snapshot sizes all reductions, then increases,
    each by score and symbol. After an exit that no target ordered the symbol waits for another target. Levels of an
    increase act as in an add.

    Size: the stop sizes risk, the trail only where there is no stop. Money (`cash`) and `max_volume_share` (`volume`)
    shrink, the tighter is recorded. Money that is left of full use by rounding (1e-9 of equity) buys nothing; fees paid
    at an open leave less for the entries after. Rounding down to `qty_step` is no rejection. A symbol's leverage is the
    smaller of the account's and its `max_leverage`.

    Funding: a stamp at a bar's open is paid by what is held into it, one inside by what is open after the entries (at
    its minute where the bar is drilled), one in a hole at the next bar at the last close. Spot pays none.

    Margin: liquidation, stop and trail compete: the nearest acts, a tie is the stop; at an open beyond the liquidation
    level it is a liquidation. Its price is never beyond bankruptcy, rounded towards the entry. Cross margin compares
    equity with `mmr` times the notional of all linear positions at the open, and at the worst prices of the bar (or
    stops before them), taken to be reached in step: everything is closed where the two meet. It is decided on whole
    bars, never on minutes, and comes before any target; what a pending order opens is held against its bar's worst.

    Drilling: a bar is walked when a level is touched and its minutes reach its extremes; else the bar decides.

    Gaps: a gap lies between two bars when it overlaps the time from the end of the first to the open of the second,
    that minute included; a trade is tagged `gap_overlap` for those and for gaps inside its bars.

    `worst` and `best` of a trade take whole bars while it was held and the exit's own price in its last bar.

    Raises `BtError` before anything runs when frames or settings are wrong, naming row, symbol and column.
    """
    account = Account() if account is None else account
    costs = Costs() if costs is None else costs
    execution = Execution() if execution is None else execution
    checks.check_settings(account, costs, execution)
    sorted_bars = checks.checked_bars(bars)
    grid = Grid(sorted_bars, timedelta(minutes=minutes(timeframe)) if timeframe else None)
    checks.require_apart(grid)
    sorted_signals = checked_signals(signals, sorted_bars)
    require_stop_source(sorted_signals, account, execution)
    if execution.intrabar == "drill" and (detail is None or detail.is_empty()):
        raise BtError("intrabar drill needs 1-minute candles, and detail has none", "give detail=, or use auto")
    laid = arrays.inputs(
        grid, sorted_signals, instruments=checks.checked_instruments(instruments),
        funding=checks.checked_funding(funding), detail=checks.checked_detail(detail), gaps=checks.checked_gaps(gaps),
        account=account, costs=costs, execution=execution,
    )  # fmt: skip
    outcome = kernel.trade(laid, announce=announce)
    return Simulation(
        status="ruined" if outcome.ruined else "finished",
        ambiguous=int(outcome.ambiguous),
        _outcome=outcome,
        _grid=grid,
        _funding=laid.funding,
    )


def _chosen(values: pl.Series, places: Any) -> pl.Series:
    return values.gather(np.ascontiguousarray(places).astype(np.uint32))


def _minute(minutes_since_1970: Any) -> pl.Series:
    """Give times, null for -1."""
    whole = pl.Series(np.ascontiguousarray(minutes_since_1970).astype(np.int64))
    return pl.select(pl.when(whole >= 0).then((whole * 60_000_000).cast(pl.Datetime("us")))).to_series()


def _words(words: tuple[str, ...], places: Any) -> pl.Series:
    return _chosen(pl.Series(words, dtype=pl.String), places)


def _number(rows: Any, name: str) -> pl.Series:
    return pl.Series(name, np.ascontiguousarray(rows[name])).fill_nan(None)
