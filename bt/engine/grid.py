"""Where the bars lie: bar times, symbols, each symbol's own rows, and how long its bars are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.frames import has_one_symbol

if TYPE_CHECKING:
    from bt.kernel import Array

MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
MICROSECONDS: Final = MINUTE // MICROSECOND


class BySymbol(NamedTuple):
    """Bars in another order: symbol and ts of each, and for each row in the grid's order its place in this one."""

    bars: pl.DataFrame
    places: pl.Series


@dataclass(frozen=True)
class Grid:
    """Checked bars, sorted by (ts, symbol).

    `length` is that of a bar, None = as the bars themselves show it; `names` are the symbols, None = those of the bars.
    """

    bars: pl.DataFrame
    length: timedelta | None = None
    names: pl.Series | None = None

    @cached_property
    def symbols(self) -> pl.Series:
        """Give the symbols, ascending: their places are their numbers."""
        if self.names is not None:
            return self.names
        return self.bars["symbol"].head(1) if has_one_symbol(self.bars) else self.bars["symbol"].unique().sort()

    @cached_property
    def number(self) -> Array:
        """Give the number of each row's symbol, int32."""
        if len(self.symbols) == 1:
            return np.zeros(self.bars.height, np.int32)
        return own(self.bars["symbol"].cast(pl.Enum(self.symbols)).to_physical().to_numpy(), np.int32)

    @cached_property
    def opened(self) -> Array:
        """Give the open of each row in microseconds since 1970, int64."""
        return self.bars["ts"].dt.timestamp("us").to_numpy()

    @cached_property
    def rows(self) -> kernel.Rows:
        """Give how the rows hang together."""
        return kernel.linked(self.opened, self.number, len(self.symbols))

    @cached_property
    def by_symbol(self) -> BySymbol:
        """Give symbol and ts of the rows by (symbol, ts), and where in these each row of the bars is."""
        order = self.bars.select(pl.int_range(pl.len()).sort_by("symbol", maintain_order=True)).to_series()
        places = np.empty(len(order), np.uint32)
        places[order.to_numpy()] = np.arange(len(order), dtype=np.uint32)
        return BySymbol(self.bars.select(pl.col("symbol", "ts").gather(order)), pl.Series(places))

    @property
    def one_each(self) -> bool:
        """Say whether there is one row at each bar time."""
        return len(self.rows.starts) - 1 == self.bars.height

    @cached_property
    def times(self) -> pl.Series:
        """Give the bar times."""
        return self.bars["ts"] if self.one_each else self.bars["ts"].gather(self.rows.starts[:-1])

    def time_of(self, rows: Array) -> Array:
        """Give the number of the bar time of each of the rows."""
        return rows if self.one_each else np.searchsorted(self.rows.starts, rows, side="right") - 1

    @cached_property
    def lengths(self) -> list[int]:
        """Give the length of each symbol's bars in microseconds: what is known, else the smallest distance of two."""
        if self.length is not None:
            return [self.length // MICROSECOND] * len(self.symbols)
        single = self.rows.number[self.rows.last] == 0
        lengths: list[int] = np.where(single, MICROSECONDS, self.rows.shortest).tolist()
        return lengths

    @cached_property
    def own_rows(self) -> list[tuple[str, Array, Array, int]]:
        """Give each symbol with its rows, their opens in microseconds since 1970, and the length of a bar in them."""
        few = len(self.symbols) <= np.iinfo(np.uint16).max  # then by radix
        by_symbol = np.argsort(self.number.astype(np.uint16) if few else self.number, kind="stable")
        ends = np.cumsum(self.rows.number[self.rows.last] + 1)
        own = zip(self.symbols, np.split(by_symbol, ends[:-1]), self.lengths, strict=True)
        return [(symbol, rows, self.opened[rows], length) for symbol, rows, length in own]

    def followed(self, rows: Array) -> tuple[Array, Array]:
        """Give those of the rows that their symbol has a row after, and these rows after them."""
        after = self.rows.after[rows]
        return rows[after >= 0], after[after >= 0]

    def closing_days(self) -> Array:
        """Give the number of the UTC day in which each bar time closes, from 0; int32."""
        return kernel.closing_days(self.opened, self.rows.starts, self._any_length)

    @property
    def first_day(self) -> date:
        """Give the UTC day in which the first bar closes."""
        first: datetime = self.times[0]
        return (first + self._any_length * MICROSECOND - MINUTE).date()

    @property
    def _any_length(self) -> int:
        """Give the length of the shortest bars in microseconds."""
        if self.length is not None:
            return self.length // MICROSECOND
        shortest = int(self.rows.shortest.min())
        return shortest if shortest < np.iinfo(np.int64).max else MICROSECONDS


def own(values: Array, kind: type) -> Array:
    """Give a contiguous array of a kind."""
    return np.require(values, dtype=kind, requirements=["C"])
