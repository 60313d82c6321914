"""Markets whose future is cut off or is noise: of frames that are loaded already, or made anew from candles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import polars as pl

from bt.market import Market
from bt.timeframes import minutes
from bt.warehouse import Warehouse, registered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bt.market import Indicator
    from bt.strategy.lookahead.cuts import Window

_STEP: Final = 0.05  # log price a bar, where the future only rises or falls
_FARTHEST: Final = 3.0  # log price from the last known one, where it does
_JITTER: Final = 0.02
_WILD: Final = 0.5  # standard deviation of log price, where every bar has a level of its own
_STORED: Final = {  # rows known at a moment; a settlement at the very close of a bar is known with the bar
    "candles": "from candles where list_contains($names, symbol) and ts >= $begin and ts < $end order by symbol, ts",
    "funding": "from funding where list_contains($names, symbol) and ts >= $begin and ts <= $end order by symbol, ts",
}


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The data end with the bar `at`; after it comes nothing, or noise of this number."""

    at: datetime
    noise: int | None = None


class World(Protocol):
    """Give markets over a window."""

    def enter(self, window: Window) -> Sequence[str]:
        """Go to a window; give the symbols that have data before its first cut."""

    def market(self, cut: Cut | None = None) -> Market:
        """Give the window whole, or cut. After the whole, cuts are to come from last to first."""


class Loaded:
    """Cut the frames that `source` has loaded: signals are recomputed, bars and indicators are not."""

    def __init__(self, warehouse: Warehouse, source: Market) -> None:
        self._warehouse = warehouse
        self._source = source
        self._bar = timedelta(minutes=minutes(source.timeframe))
        self._slices: dict[tuple[tuple[str, Indicator], ...], pl.DataFrame] = {}

    def enter(self, window: Window) -> Sequence[str]:
        """Go to a window."""
        self._window = window
        self._slices = {}
        return self._source.symbols

    def market(self, cut: Cut | None = None) -> Market:
        """Give the window whole, or cut."""
        return _Glimpse(self._warehouse, self, cut)

    def bars(self, cut: Cut | None, indicators: dict[str, Indicator]) -> pl.LazyFrame:
        """Give the rows of the window, and of what follows the cut nothing or noise."""
        key = tuple(sorted(indicators.items()))
        if key not in self._slices:
            inside = pl.col("ts").is_between(self._window.begin, self._window.last)
            self._slices[key] = self._source.bars(**indicators).filter(inside).collect()
        whole = self._slices[key]
        if cut is None:
            return whole.lazy()
        known = whole.filter(pl.col("ts") <= cut.at)
        if cut.noise is None:
            return known.lazy()
        future = noisy(whole.filter(pl.col("ts") > cut.at), cut.noise, step=_STEP)
        return pl.concat([known, future]).sort("symbol", "ts").lazy()

    def bounds(self, cut: Cut | None) -> tuple[datetime, datetime]:
        """Give the first moment and the end of a market."""
        last = cut.at if cut and cut.noise is None else self._window.last
        return self._window.first, last + self._bar

    @property
    def source(self) -> Market:
        """Give the market whose frames are cut."""
        return self._source


class _Glimpse(Market):
    """A market that knows of its source's frames what a cut leaves of them."""

    def __init__(self, warehouse: Warehouse, loaded: Loaded, cut: Cut | None) -> None:
        first, end = loaded.bounds(cut)
        source = loaded.source
        super().__init__(warehouse, symbols=source.symbols, timeframe=source.timeframe, first=first, end=end)
        self._loaded = loaded
        self._cut = cut

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give the bars as `Market.bars` does."""
        return self._loaded.bars(self._cut, indicators)


class Rebuilt:
    """Make bars and indicators anew from candles, in a warehouse in memory from which the future is deleted."""

    def __init__(self, warehouse: Warehouse, source: Market, *, others: Sequence[str] = ()) -> None:
        self._stored = warehouse
        self._names = {"names": sorted({*source.symbols, *others})}
        self._symbols = source.symbols
        self._timeframe = source.timeframe
        self._bar = timedelta(minutes=minutes(source.timeframe))
        self._scratch = Warehouse(sql=warehouse.sql)

    def enter(self, window: Window) -> Sequence[str]:
        """Load the candles and funding of a window; give the symbols that have bars up to its first cut."""
        self._window = window
        self._end = window.last + self._bar
        span = self._names | {"begin": window.begin, "end": self._end}
        self._rows = {table: self._stored.query(sql, span) for table, sql in _STORED.items()}
        with self._scratch.write() as connection:
            for table, rows in self._rows.items():
                connection.execute(f"delete from {table}")
                with registered(connection, rows=rows):
                    connection.execute(f"insert into {table} by name from rows")
        early = self._rows["candles"].filter(pl.col("ts") < window.cuts[-1] + self._bar)["symbol"].unique()
        self._present = [name for name in self._symbols if name in early]
        return self._present

    def market(self, cut: Cut | None = None) -> Market:
        """Give the window whole, or cut; cuts are to come from last to first."""
        if cut is not None:
            self._forget(cut)
        window = self._window
        return Market(
            self._scratch, symbols=self._present, timeframe=self._timeframe, first=window.first,
            end=cut.at + self._bar if cut and cut.noise is None else self._end,
            warm_up=max((window.first - window.begin) // self._bar, 1),
        )  # fmt: skip

    def _forget(self, cut: Cut) -> None:
        """Delete what comes after the cut; put noise in its place, or of nothing but each symbol's next candle.

        That one tells that a bar whose last minutes are missing is over; no market reaches it.
        """
        moment = cut.at + self._bar
        candles, funding = self._rows["candles"], self._rows["funding"]
        future = {
            "candles": candles.filter(pl.col("ts") >= moment),
            "funding": funding.filter(pl.col("ts") > moment),
        }
        if cut.noise is None:
            future = {"candles": future["candles"].unique("symbol", keep="first"), "funding": funding.clear()}
        step = _STEP / minutes(self._timeframe)
        with self._scratch.write() as connection:
            connection.execute("delete from candles where ts >= $moment", {"moment": moment})
            connection.execute("delete from funding where ts > $moment", {"moment": moment})
            for table, rows in future.items():
                with registered(connection, rows=noisy(rows, cut.noise or 0, step=step)):
                    connection.execute(f"insert into {table} by name from rows")


def noisy(rows: pl.DataFrame, number: int, *, step: float) -> pl.DataFrame:
    """Scale the numbers of each row by one factor, so that a candle stays a possible one.

    By turns the future is wild, rises or falls by `step` (log) a row up to twentyfold, or stands at its first open.
    """
    chance = pl.lit(pl.Series("chance", np.random.default_rng(number).standard_normal(rows.height)))
    place = (pl.int_range(pl.len()).over("symbol") + 1).cast(pl.Float64)
    ramp = (step * place).clip(upper_bound=_FARTHEST) + _JITTER * chance
    flat = (pl.col("open").first().over("symbol") / pl.col("close")).log() if "open" in rows.columns else chance
    factor = (_WILD * chance, ramp, -ramp, flat)[number % 4].exp()
    numbers = [name for name, kind in rows.schema.items() if kind.is_float()]
    return rows.with_columns(pl.col(numbers) * factor)
