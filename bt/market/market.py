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
from bt.symbols import bring
from bt.timeframes import minutes
from bt.warehouse import Warehouse, query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_COUNT: Final = """
    select count(*) as bars
    from bars($timeframe)
    where symbol = $symbol and ts >= $begin and ts < $first
"""
_THREADS: Final = 2


class Market:
    """Give bars of `symbols` on `timeframe` from `first` (with what indicators need before it) to `end` (exclusive).

    A bar that has not ended by `end`, or by its symbol's last candle, is left out. `warm_up` is how many bars before
    `first` are given at least. Indicators are bt's own and those of the warehouse's further `sql` folders.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        symbols: Sequence[str],
        timeframe: str,
        first: datetime,
        end: datetime,
        warm_up: int = 0,
    ) -> None:
        self._warehouse = warehouse
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
        if not self._known:
            self.bars()
        return next(iter(self._known.values())).filter(pl.col("ts") >= self.first).select(
            "symbol", "ts", "open", "high", "low", "close", "volume"
        )  # fmt: skip

    def _load(self, indicators: Mapping[str, Indicator]) -> pl.DataFrame:
        folders = self._warehouse.sql
        before = max(look_back(indicators, folders), self._warm_up)
        sql = compose(indicators, base=_BASE, timeframe=self.timeframe, folders=folders) + "\norder by ts"
        sql = f"select * exclude (symbol) from ({sql})"
        with self._warehouse.read() as connection, ThreadPoolExecutor(_THREADS) as threads:
            cursors = [connection.cursor() for _ in self.symbols]
            try:
                return pl.concat(threads.map(partial(self._one, sql, before), cursors, self.symbols))
            except BaseException:  # stopped by the user too: do not wait for queries that nobody wants any more
                for cursor in cursors:
                    cursor.interrupt()
                raise

    def _one(self, sql: str, before: int, cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
        """Load one symbol by itself: then not even the last bit of a bar hangs on others, or on what follows it."""
        found = query(cursor, "select min(ts) as first from candles where symbol = $symbol", {"symbol": symbol})
        if found["first"][0] is None:
            raise BtError(f"there are no candles of {symbol}", bring(symbol))
        parameters = {
            "timeframe": self.timeframe,
            "symbol": symbol,
            "first": self._begin(cursor, symbol, before, found["first"][0]),
            "minutes": minutes(self.timeframe),
            "end": self.end,
        }
        return query(cursor, sql, parameters).select(pl.lit(symbol).alias("symbol"), pl.all())

    def _begin(self, cursor: duckdb.DuckDBPyConnection, symbol: str, before: int, least: datetime) -> datetime:
        """Give a moment from which on there are `before` bars before `first`, however sparse they are."""
        window = before * self._bar
        while True:
            begin = _earlier(self.first, window)
            asked = {"timeframe": self.timeframe, "symbol": symbol, "begin": begin, "first": self.first}
            found = query(cursor, _COUNT, asked)["bars"][0] if before else 0
            if found >= before or begin <= least:
                return begin
            window *= 2


def _earlier(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment - length
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - stored time is plain UTC
