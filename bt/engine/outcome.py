"""What a simulation gives: frames in the form of the warehouse's tables, built when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import polars as pl

from bt import assets, kernel
from bt.wording import counted

if TYPE_CHECKING:
    from bt.engine.grid import Grid

_RUN: Final = ""  # the run_id of a simulation that is not stored


def day_columns(facts: kernel.Array) -> pl.DataFrame:
    """Give facts of days (`bt.kernel.DAY`) as columns of the warehouse's table `days`."""
    frame = pl.DataFrame([pl.Series(name, np.ascontiguousarray(facts[name])) for name in kernel.DAY.names or ()])
    return frame.with_columns(pl.col("best", "worst").fill_nan(None))


def trades_of(fills: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Give one row per trade, by the very SQL that defines the warehouse's view `trades`."""
    from bt.warehouse import query, registered, scratch

    definition = (assets.folder("sql") / "4_results" / "trades.sql").read_text(encoding="utf-8")
    run = pl.lit(_RUN).alias("run_id")
    given = {"fills": fills.select(run, pl.all()), "funding_payments": payments.select(run, pl.all())}
    with scratch() as connection, registered(connection, **given):
        connection.execute(definition)
        return query(connection, "select * exclude (run_id) from trades order by trade")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Simulation:
    """Hold what happened, as frames that are built when they are asked for."""

    status: Literal["finished", "ruined"]
    ambiguous: int  # exits that `intrabar` decided, in bars or minutes that touched a level of loss and the target
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
        """Give one row per UTC day: its facts, as in the warehouse's table `days`."""
        facts = day_columns(self._outcome.days)
        day = pl.lit(self._grid.first_day) + pl.duration(days=pl.int_range(pl.len()))
        return facts.select(day.alias("day"), pl.all())

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Give one row per trade; columns as in the warehouse's view `trades`."""
        return trades_of(self.fills, self.funding_payments)

    @property
    def bars(self) -> dict[str, int]:
        """Give how many bars each symbol has."""
        return dict(self._grid.bars.group_by("symbol").len().iter_rows())

    def __repr__(self) -> str:
        trades = counted(self.fills["trade"].n_unique(), "trade")
        return f"Simulation({self.status}, {trades}, end equity {self.end_equity:,.2f})"

    @property
    def end_equity(self) -> float:
        """Give the equity at the last close, in quote currency."""
        return float(self._outcome.days["equity"][-1])


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
