"""What a strategy sees: bars of some symbols on one timeframe with indicators beside them, as a lazy frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.errors import BtError
from bt.market.compose import compose
from bt.market.indicators import look_back
from bt.timeframes import minutes
from bt.warehouse import Warehouse, query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from bt.market.indicators import Indicator

_BASE: Final = """
    select *
    from bars($timeframe)
    where symbol = $symbol
        and ts >= $first
        and ts + to_minutes($minutes) <= least(
            $end,
            (select max(ts) + interval 1 minute from candles where symbol = $symbol)
        )
"""
_THREADS: Final = 2


class Market:
    """Give bars of `symbols` on `timeframe` from `first` (with what indicators need before it) to `end` (exclusive).

    A bar that has not ended by `end`, or by its symbol's last candle, is left out. `warm_up` is how many bars before
    `first` are given at least; `sql` names folders with further indicators.
    """

    def __init__(  # noqa: PLR0913
        self,
        warehouse: Warehouse,
        *,
        symbols: Sequence[str],
        timeframe: str,
        first: datetime,
        end: datetime,
        warm_up: int = 0,
        sql: Sequence[Path] = (),
    ) -> None:
        self._warehouse = warehouse
        self._sql = tuple(sql)
        self._warm_up = warm_up
        self._known: dict[tuple[tuple[str, Indicator], ...], pl.DataFrame] = {}
        self._bar = timedelta(minutes=minutes(timeframe))
        self.symbols = tuple(sorted(set(symbols)))
        self.timeframe = timeframe
        self.first = first
        self.end = end

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give one row per (symbol, ts), sorted: symbol, ts (the bar's open, UTC), open, high, low, close, volume,
        turnover, candles (how many 1-minute candles it is made of), and a column per indicator and output.

        An indicator with one output becomes the column it is called here, one with several `name_output` each; null
        before its first value. Bars before `first` are there for warm-up: signals on them never act.
        """  # noqa: D205 - the columns are one sentence
        key = tuple(sorted(indicators.items()))
        if key not in self._known:
            self._known[key] = self._load(indicators)
        return self._known[key].lazy()

    def read(self) -> list[pl.DataFrame]:
        """Give every frame that was handed out so far."""
        return list(self._known.values())

    def tested(self) -> pl.DataFrame:
        """Give the bars to trade: those from `first` on, without indicators."""
        frame = next(iter(self._known.values()), None)
        if frame is None:
            frame = self._load({})
        return frame.filter(pl.col("ts") >= self.first).select(
            "symbol", "ts", "open", "high", "low", "close", "volume"
        )  # fmt: skip

    def _load(self, indicators: Mapping[str, Indicator]) -> pl.DataFrame:
        before = max(look_back(indicators, self._sql), self._warm_up)
        sql = compose(indicators, base=_BASE, timeframe=self.timeframe, folders=self._sql) + "\norder by ts"
        sql = f"select * exclude (symbol) from ({sql})"
        with self._warehouse.read() as connection, ThreadPoolExecutor(_THREADS) as threads:
            cursors = [connection.cursor() for _ in self.symbols]
            return pl.concat(threads.map(partial(self._one, sql, before), cursors, self.symbols))

    def _one(self, sql: str, before: int, cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
        """Load one symbol by itself: then not even the last bit of a bar hangs on others, or on what follows it."""
        parameters = {
            "timeframe": self.timeframe,
            "symbol": symbol,
            "first": _earlier(self.first, before * self._bar),
            "minutes": minutes(self.timeframe),
            "end": self.end,
        }
        frame = query(cursor, sql, parameters)
        if (
            frame.is_empty()
            and not query(cursor, "from candles where symbol = $symbol limit 1", {"symbol": symbol}).height
        ):
            raise BtError(f"there are no candles of {symbol}", f"bt import FILE --symbol {symbol}")
        return frame.select(pl.lit(symbol).alias("symbol"), pl.all())


def _earlier(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment - length
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - stored time is plain UTC
