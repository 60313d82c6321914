"""Which candles a window holds, and their text: rows of one interval are written once, newest first, then sliced."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE: Final = 60_000  # ms
INTERVALS: Final = {
    **{str(length): f"{length}m" for length in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": "1d",
    "W": "1w",  # from Monday
    "M": "1mo",
}
_NUMBERS: Final = ("open", "high", "low", "close", "volume", "turnover")
_SUMMED: Final = 8  # decimals that a sum of volumes keeps


@dataclass(frozen=True, kw_only=True)
class Window:
    """What is asked for: both ends inclusive, in ms, None where open."""

    start: int | None
    end: int | None
    limit: int


class Series:
    """Hold the candles of one symbol and interval as one text, so that a page is a slice of it.

    `candles` are finished 1-minute candles: ts (datetime, UTC), open, high, low, close, volume, turnover; ordered.
    """

    def __init__(self, candles: pl.DataFrame, interval: str) -> None:
        self._every = INTERVALS[interval]
        self._candles = candles
        self._minutes = candles["ts"].dt.epoch("ms").to_numpy()
        bars = candles if interval == "1" else resampled(candles, self._every)
        self._starts = bars["ts"].dt.epoch("ms").to_numpy()
        self._ends = _ends(bars, self._every)
        self._text, self._offsets = _written(bars)
        self._latest: tuple[int, _Running | None] = (-1, None)

    def page(self, window: Window, now: int) -> bytes:
        """Give the rows of a window as JSON, newest first, the running candle too; `now` in ms."""
        finished = int(np.searchsorted(self._ends, now, side="right"))
        if self._latest[0] != now:
            self._latest = (now, self._running(now))
        running = self._latest[1]
        first, last = 0, finished + (running is not None)
        if window.start is not None:
            first = min(int(np.searchsorted(self._ends, window.start, side="right")), finished)
            if running and window.start >= running.end:
                first = last
        if window.end is not None:
            last = min(last, int(np.searchsorted(self._starts[:finished], window.end, side="right")))
            if running and window.end >= running.start:
                last = finished + 1
        if window.start is not None and window.end is None:
            last = min(last, first + window.limit)
        first = max(first, last - window.limit)
        rows = self._slice(first, min(last, finished))
        if running and last > finished and first < last:
            rows = running.text + b"," + rows if rows else running.text
        return b"[" + rows + b"]"

    def _slice(self, first: int, last: int) -> bytes:
        if first >= last:
            return b""
        count = len(self._starts)
        return self._text[self._offsets[count - last] : self._offsets[count - first] - 1]

    def _running(self, now: int) -> _Running | None:
        """Give the candle that is not finished; none where trading ended or had not begun."""
        this_minute = now - now % MINUTE
        known = int(np.searchsorted(self._minutes, this_minute, side="right"))
        if known == 0 or self._minutes[known - 1] < this_minute - MINUTE:
            return None
        seen = self._candles[known - 1 : known]
        if self._minutes[known - 1] == this_minute:
            seen, known = _opened(seen, (now - this_minute) / MINUTE), known - 1
        else:  # nobody traded yet
            still = pl.col("close")
            seen = seen.with_columns(
                pl.lit(this_minute).cast(pl.Datetime("ms")).cast(seen.schema["ts"]).alias("ts"),
                *(still.alias(name) for name in ("open", "high", "low")),
                *(pl.lit(0.0).alias(name) for name in ("volume", "turnover")),
            )
        start, end = bounds(this_minute, self._every)
        begin = int(np.searchsorted(self._minutes, start))
        bar = resampled(pl.concat([self._candles[begin:known], seen]), self._every)
        return _Running(start, end, _written(bar)[0][:-1])


@dataclass(frozen=True)
class _Running:
    start: int
    end: int
    text: bytes


def bounds(moment: int, every: str) -> tuple[int, int]:
    """Give start and end in ms of the candle that contains a moment."""
    start = pl.Series([moment]).cast(pl.Datetime("ms")).dt.truncate(every)
    return int(start.dt.epoch("ms")[0]), int(start.dt.offset_by(every).dt.epoch("ms")[0])


def resampled(candles: pl.DataFrame, every: str) -> pl.DataFrame:
    """Put 1-minute candles together to longer ones, stamped with their start."""
    return candles.group_by_dynamic("ts", every=every).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        *(pl.col(name).sum().round(_SUMMED) for name in ("volume", "turnover")),
    )


def plain(numbers: pl.Series) -> pl.Series:
    """Write numbers as the exchange does: every digit, no exponent, no `.0`."""
    text = numbers.cast(pl.String).str.strip_suffix(".0")
    odd = text.str.contains("e", literal=True)
    if not odd.any():
        return text
    return pl.Series(text.name, [f"{Decimal(one):f}" if "e" in one else one for one in text])


def _opened(candle: pl.DataFrame, share: float) -> pl.DataFrame:
    """Give a candle of which a share has passed: so far it traded at its open only."""
    return candle.with_columns(
        *(pl.col("open").alias(name) for name in ("high", "low", "close")),
        *((pl.col(name) * share).round(3).alias(name) for name in ("volume", "turnover")),
    )


def _ends(bars: pl.DataFrame, every: str) -> NDArray[np.int64]:
    return bars["ts"].dt.offset_by(every).dt.epoch("ms").to_numpy()


def _written(bars: pl.DataFrame) -> tuple[bytes, list[int]]:
    """Write all rows, newest first, a comma after each; give the text and where each row begins, and the end."""
    cells = [bars["ts"].dt.epoch("ms").cast(pl.String), *(plain(bars[name]) for name in _NUMBERS)]
    rows = pl.DataFrame(cells).select(
        pl.concat_str(pl.lit('["'), pl.concat_str(pl.all(), separator='","'), pl.lit('"],')).reverse().alias("row")
    )["row"]
    offsets = np.concatenate([[0], np.cumsum(rows.str.len_bytes().to_numpy(), dtype=np.int64)])
    return rows.str.join("").item().encode(), offsets.tolist()
