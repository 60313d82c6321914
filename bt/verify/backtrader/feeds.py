"""A symbol's bars as Backtrader reads them, and one bar more at the last close, so that it can sell there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from backtrader import TimeFrame, date2num
from backtrader.feeds import PandasData

if TYPE_CHECKING:
    import polars as pl

AFTER: Final = timedelta(seconds=1)  # after the last bar's open: no other symbol has a bar then
_COLUMNS: Final = ("open", "high", "low", "close", "volume")


class Feed(PandasData):  # type: ignore[misc]
    """PandasData that takes whole columns: cell by cell it needs a minute for a million bars."""

    def start(self) -> None:
        """Begin before the first bar."""
        super().start()
        frame = self.p.dataname
        times = [date2num(moment) for moment in frame.index.to_pydatetime()]
        self._rows = zip(times, *(frame[name].tolist() for name in _COLUMNS), strict=True)

    def _load(self) -> bool:
        row = next(self._rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0] = row
        lines.openinterest[0] = 0.0
        return True


def feed_of(bars: pl.DataFrame, length: timedelta) -> Any:
    """Give the feed of one symbol's bars."""
    columns = {name: bars[name].to_numpy() for name in _COLUMNS}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(bars["ts"].to_numpy()))
    last = float(bars["close"][-1])
    frame.loc[frame.index[-1] + AFTER] = [last, last, last, last, 0.0]
    return Feed(dataname=frame, timeframe=TimeFrame.Minutes, compression=int(length.total_seconds() // 60))
