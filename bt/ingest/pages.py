"""One answer of the exchange as a frame of candles: taken as a whole, or refused as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bt.bybit import MINUTE_MS, Candles, Malformed
from bt.ingest.ledger import moment
from bt.ingest.planning import Span, runs

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS: Final = ("open", "high", "low", "close", "volume", "turnover")
_FARTHEST: Final = 60_000_000_000_000  # ms; the year 3871
_MICROSECONDS: Final = 60_000_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """Candles of one symbol that were asked for, ascending, and the one before them where it came too (`seam`)."""

    symbol: str
    asked: Span
    rows: pl.DataFrame  # ts, then NUMBERS
    seam: pl.DataFrame

    @property
    def came(self) -> list[Span]:
        """Give the minutes that came, of those asked for."""
        if self.rows.height == self.asked.minutes:
            return [self.asked]
        return runs((self.rows["ts"].cast(pl.Int64) // _MICROSECONDS).to_list())

    def answers_for(self, hole: Span) -> bool:
        """Say whether the exchange spoke of these minutes: it keeps the newest rows, what is older may be cut off."""
        came = self.seam if self.seam.height else self.rows
        return came.is_empty() or bool(came["ts"][0] < moment(hole.first))


def reader(symbol: str, asked: Span) -> Callable[[Candles], Page]:
    """Give what turns an answer into the page that was asked for, or raises Malformed."""

    def read(found: Candles) -> Page:
        table = np.array(found.rows, np.float64).reshape(-1, 1 + len(NUMBERS))
        if (np.abs(table[:, 0]) > _FARTHEST).any():
            raise Malformed(f"{symbol}: a candle at a time beyond all calendars")
        stamps = table[:, 0].astype(np.int64)
        if (stamps % MINUTE_MS).any():
            raise Malformed(f"{symbol}: a candle at {stamps[stamps % MINUTE_MS != 0][0]} ms, not on the minute")
        minutes = stamps // MINUTE_MS
        order = np.argsort(minutes, kind="stable")
        minutes, table = minutes[order], table[order]
        again = np.flatnonzero(minutes[1:] == minutes[:-1])
        if (table[again] != table[again + 1]).any():
            raise Malformed(f"{symbol}: two different candles at {moment(int(minutes[again[0]]))}")
        minutes, table = np.delete(minutes, again), np.delete(table, again, axis=0)
        inside = (minutes >= asked.first) & (minutes <= asked.last)
        seam = minutes == asked.first - 1
        strange = ~inside & ~seam
        whole = inside.sum() == asked.minutes and seam.any()
        if strange.any() and not whole:  # more than was asked for is no harm, others instead are
            raise Malformed(f"{symbol}: a candle at {moment(int(minutes[strange][0]))}, which was not asked for")
        rows, before = (_frame(minutes[chosen], table[chosen]) for chosen in (inside, seam))
        return Page(symbol=symbol, asked=asked, rows=rows, seam=before)

    return read


def _frame(minutes: np.ndarray, table: np.ndarray) -> pl.DataFrame:
    ts = pl.Series("ts", minutes * _MICROSECONDS).cast(pl.Datetime("us"))
    columns = (pl.Series(name, np.ascontiguousarray(table[:, place])) for place, name in enumerate(NUMBERS, 1))
    return pl.DataFrame([ts, *columns])
