"""Where the bars lie: bar times, symbols, each symbol's own rows, and how long its bars are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bt.engine.frames import has_one_symbol

if TYPE_CHECKING:
    from bt.kernel import Array

MINUTE = timedelta(minutes=1)
MICROSECONDS: Final = 60_000_000  # in a minute


@dataclass(frozen=True)
class Grid:
    """Checked bars, sorted by (ts, symbol); `length` is that of a bar, None = as the bars themselves show it."""

    bars: pl.DataFrame
    length: timedelta | None = None

    @cached_property
    def symbols(self) -> pl.Series:
        """Give the symbols, ascending: their places are their numbers."""
        return self.bars["symbol"].head(1) if has_one_symbol(self.bars) else self.bars["symbol"].unique().sort()

    @cached_property
    def number(self) -> Array:
        """Give the number of each row's symbol, int32."""
        if len(self.symbols) == 1:
            return np.zeros(self.bars.height, np.int32)
        return own(self.bars["symbol"].cast(pl.Enum(self.symbols)).to_physical().to_numpy(), np.int32)

    @cached_property
    def starts(self) -> Array:
        """Give the first row of each bar time, and one past the last, int64."""
        ts = self.bars["ts"].dt.timestamp("us").to_numpy()
        return np.concatenate(([0], np.flatnonzero(np.diff(ts)) + 1, [len(ts)])).astype(np.int64)

    @cached_property
    def times(self) -> pl.Series:
        """Give the bar times."""
        return self.bars["ts"].gather(self.starts[:-1])

    @cached_property
    def _by_symbol(self) -> Array:
        """Give the rows in order of (symbol, ts)."""
        few = len(self.symbols) <= np.iinfo(np.uint16).max  # then by radix
        return np.argsort(self.number.astype(np.uint16) if few else self.number, kind="stable")

    @cached_property
    def _begins(self) -> Array:
        """Give where each symbol's rows begin in `_by_symbol`, and one past the last."""
        return np.searchsorted(self.number[self._by_symbol], np.arange(len(self.symbols) + 1))

    @cached_property
    def before(self) -> Array:
        """Give the row of each row's symbol before it, -1 at its first; int32."""
        rows = self._by_symbol
        before = np.empty(len(rows), np.int32)
        before[rows[1:]] = rows[:-1]
        before[rows[self._begins[:-1]]] = -1
        return before

    @cached_property
    def count(self) -> Array:
        """Give the number of each row among its symbol's, from 0; int32."""
        rows = self._by_symbol
        count = np.empty(len(rows), np.int32)
        count[rows] = np.arange(len(rows)) - np.repeat(self._begins[:-1], np.diff(self._begins))
        return count

    def followed(self, rows: Array) -> tuple[Array, Array]:
        """Give those of the rows that their symbol has a row after, and these rows after them."""
        after = np.full(self.bars.height, -1)
        earlier = self.before >= 0
        after[self.before[earlier]] = np.flatnonzero(earlier)
        known = after[rows] >= 0
        return rows[known], after[rows][known]

    @cached_property
    def own_rows(self) -> list[tuple[str, Array, Array, int]]:
        """Give each symbol with its rows, their opens in microseconds since 1970, and the length of a bar in them."""
        ts = self.bars["ts"].dt.timestamp("us").to_numpy()
        found = []
        for place, symbol in enumerate(self.symbols):
            rows = self._by_symbol[self._begins[place] : self._begins[place + 1]]
            length = self.length or _shortest(ts[rows])
            found.append((symbol, rows, ts[rows], length // timedelta(microseconds=1)))
        return found

    def closing_days(self) -> Array:
        """Give the number of the UTC day in which each bar time closes, from 0; int32."""
        days: Array = (self.times + (self._any_length - MINUTE)).dt.date().to_physical().to_numpy()
        return own(days - days[0], np.int32)

    @property
    def first_day(self) -> date:
        """Give the UTC day in which the first bar closes."""
        first: datetime = self.times[0]
        return (first + self._any_length - MINUTE).date()

    @cached_property
    def _any_length(self) -> timedelta:
        return self.length or min(
            (_shortest(opened) for _, _, opened, _ in self.own_rows if len(opened) > 1), default=MINUTE
        )


def own(values: Array, kind: type) -> Array:
    """Give a writable, contiguous array: to numba a read-only one is another type, compiled for all over again."""
    return np.require(values, dtype=kind, requirements=["C", "W"])


def _shortest(opened: Array) -> timedelta:
    """Read the length of bars off the smallest distance of two; a minute where there is only one."""
    return timedelta(microseconds=int(np.diff(opened).min())) if len(opened) > 1 else MINUTE
