"""What a strategy sees: bars of some symbols on one timeframe with indicators beside them, as a lazy frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.errors import BtError
from bt.market.chains import BARS
from bt.market.compose import columns, compose
from bt.market.indicators import Indicator, look_back, resolve
from bt.symbols import bring
from bt.timeframes import minutes
from bt.warehouse import Warehouse, query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb

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
_OLDEST: Final = 3  # bars of another timeframe or symbol ago, at most, that a value seen now is from

Place = tuple[str, str]  # a symbol's bars of a timeframe


class Market:
    """Give bars of `symbols` on `timeframe`, from `warm_up` bars before `first`, to `end` (exclusive).

    A bar that has not ended by `end`, or by its symbol's last candle, is left out. What indicators need before these
    bars is read as well, so that every value is the same wherever the span begins, to the last bit (where there are
    candles enough). Indicators are bt's own and those of the warehouse's further `sql` folders. Each distinct one is
    computed once, whatever it is called.
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
        self._bars: list[pl.DataFrame] = []  # for each symbol
        self._columns: dict[Indicator, list[pl.DataFrame]] = {}  # outputs on these bars, for each symbol
        self._began: dict[str, datetime] = {}  # by symbol, its first candle
        self._known: dict[tuple[tuple[str, Indicator], ...], pl.DataFrame] = {}
        self._length = timedelta(minutes=minutes(timeframe))
        self.symbols = tuple(sorted(set(symbols)))
        self.timeframe = timeframe
        self.first = first
        self.end = end

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give one row per (symbol, ts), sorted: symbol, ts (the bar's open, UTC), open, high, low, close, volume,
        turnover, candles (how many 1-minute candles it is made of), and a column per indicator and output.

        An indicator with one output becomes the column it is called here, one with several `name_output` each; null
        before its first value. One of another timeframe or symbol is seen as of the last of its bars that had ended
        when this bar ended, if that was no more than three of its bars ago. Bars before `first` are there for warm-up:
        signals on them never act.
        """  # noqa: D205 - the columns are one sentence
        key = tuple(sorted(indicators.items()))
        if key not in self._known:
            named = columns(indicators, self._warehouse.sql)
            asked = {alias: self._whole(indicator) for alias, indicator in indicators.items()}
            self.compute(asked.values())
            self._known[key] = pl.concat(
                bars.with_columns(
                    self._columns[asked[alias]][place][output].alias(name) for name, (alias, output) in named.items()
                )
                for place, bars in enumerate(self._bars)
            )
        return self._known[key].lazy()

    def columns(self, indicators: Iterable[Indicator]) -> dict[Indicator, dict[str, pl.Series]]:
        """Give what indicators say on the rows of `bars()`, output by output; none of it is kept."""
        asked = {each: self._whole(each) for each in indicators}
        self.compute(asked.values())
        found = {each: pl.concat(self._columns[whole]).to_dict() for each, whole in asked.items()}
        for whole in set(asked.values()):
            del self._columns[whole]
        return found

    def compute(self, indicators: Iterable[Indicator]) -> None:
        """Compute those of the indicators that are not known yet, all of one symbol and timeframe in one query."""
        asked = dict.fromkeys(self._whole(each) for each in indicators)
        new = [each for each in asked if each not in self._columns]
        if self._bars and not new:
            return
        places: dict[tuple[str | None, str], list[Indicator]] = {} if self._bars else {(None, self.timeframe): []}
        for each in new:
            places.setdefault((each.symbol, each.timeframe or self.timeframe), []).append(each)
        with self._warehouse.read() as connection:
            for (symbol, timeframe), wanted in places.items():
                own = symbol is None and timeframe == self.timeframe
                frames = self._own(connection, wanted) if own else self._seen(connection, symbol, timeframe, wanted)
                if own:
                    self._keep([frame.select(BARS) for frame in frames])
                for each, names in _named(wanted, self._warehouse):
                    self._columns[each] = [frame.select(**names) for frame in frames]

    def _whole(self, indicator: Indicator) -> Indicator:
        """Give an indicator with all its arguments: what is the same is then equal."""
        _, arguments = resolve(indicator, self._warehouse.sql)
        return Indicator(
            indicator.name,
            timeframe=None if indicator.timeframe == self.timeframe else indicator.timeframe,
            symbol=indicator.symbol,
            **arguments,
        )

    def _keep(self, bars: list[pl.DataFrame]) -> None:
        for symbol, known, now in zip(self.symbols, self._bars, bars, strict=False):
            if not known.equals(now):
                raise BtError(f"the candles of {symbol} changed while they were read", "run the command again")
        self._bars = bars

    def read(self) -> list[pl.DataFrame]:
        """Give every frame that was handed out so far."""
        return list(self._known.values())

    def tested(self) -> pl.DataFrame:
        """Give the bars to trade: those from `first` on, without indicators."""
        self.compute(())
        return pl.concat(self._bars).filter(pl.col("ts") >= self.first).select(
            "symbol", "ts", "open", "high", "low", "close", "volume"
        )  # fmt: skip

    def _own(self, connection: duckdb.DuckDBPyConnection, wanted: Sequence[Indicator]) -> list[pl.DataFrame]:
        """Give the tested bars of each symbol with indicators of them."""

        def load(cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
            begin = self._begin(cursor, (symbol, self.timeframe), self.first, self._warm_up)
            return self._load(cursor, (symbol, self.timeframe), begin, wanted)

        return self._each(connection, load)

    def _seen(
        self, connection: duckdb.DuckDBPyConnection, other: str | None, timeframe: str, wanted: Sequence[Indicator]
    ) -> list[pl.DataFrame]:
        """Give what each tested bar sees of indicators of other bars: of one symbol, or of each one's own."""
        length = timedelta(minutes=minutes(timeframe))
        begins = [bars["ts"][0] for bars in self._bars if bars.height]
        since = _earlier(min(begins, default=self.first), _OLDEST + 1, minutes(timeframe))

        def load(cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
            frame = self._load(cursor, (symbol, timeframe), since, wanted)
            return frame.select(pl.col("ts") + length, pl.exclude(BARS))

        seen = [load(connection.cursor(), other)] * len(self._bars) if other else self._each(connection, load)
        return [
            bars.select(ts=pl.col("ts") + self._length).join_asof(ended, on="ts", tolerance=_OLDEST * length)
            for bars, ended in zip(self._bars, seen, strict=True)
        ]

    def _each(
        self,
        connection: duckdb.DuckDBPyConnection,
        load: Callable[[duckdb.DuckDBPyConnection, str], pl.DataFrame],
    ) -> list[pl.DataFrame]:
        """Load each symbol by itself, some at a time: not even the last bit of a bar hangs on others."""
        with ThreadPoolExecutor(_THREADS) as threads:
            cursors = [connection.cursor() for _ in self.symbols]
            try:
                return list(threads.map(load, cursors, self.symbols))
            except BaseException:  # stopped by the user too: do not wait for queries that nobody wants any more
                for cursor in cursors:
                    cursor.interrupt()
                raise

    def _load(
        self, cursor: duckdb.DuckDBPyConnection, place: Place, first: datetime, wanted: Sequence[Indicator]
    ) -> pl.DataFrame:
        """Give the bars of a place from a moment on, with the outputs of the indicators as columns `i0`, `i1` …."""
        symbol, timeframe = place
        folders = self._warehouse.sql
        named = {f"i{number}": indicator for number, indicator in enumerate(wanted)}
        before = look_back(wanted, timeframe, folders)
        parameters = {
            "timeframe": timeframe,
            "symbol": symbol,
            "first": self._begin(cursor, place, first, before),
            "minutes": minutes(timeframe),
            "end": self.end,
        }
        sql = compose(named, base=_BASE, timeframe=timeframe, folders=folders)
        sql = f"select * exclude (symbol) from ({sql}) where ts >= $shown"
        found = query(cursor, sql, parameters | {"shown": first})
        return found.select(pl.lit(symbol).alias("symbol"), pl.all())

    def _first_candle(self, cursor: duckdb.DuckDBPyConnection, symbol: str) -> datetime:
        if symbol not in self._began:
            found = query(cursor, "select min(ts) as first from candles where symbol = $symbol", {"symbol": symbol})
            if found["first"][0] is None:
                raise BtError(f"there are no candles of {symbol}", bring(symbol))
            self._began[symbol] = found["first"][0]
        return self._began[symbol]

    def _begin(self, cursor: duckdb.DuckDBPyConnection, place: Place, moment: datetime, before: int) -> datetime:
        """Give a moment from which on there are at least `before` bars before this one, however sparse they are."""
        symbol, timeframe = place
        least = self._first_candle(cursor, symbol)
        bars = before
        while before:
            begin = _earlier(moment, bars, minutes(timeframe))
            asked = {"timeframe": timeframe, "symbol": symbol, "begin": begin, "first": moment}
            if begin <= least or query(cursor, _COUNT, asked)["bars"][0] >= before:
                return begin
            bars *= 2
        return moment


def _named(indicators: Sequence[Indicator], warehouse: Warehouse) -> list[tuple[Indicator, Mapping[str, str]]]:
    """Give each indicator with its outputs, and the columns of `_load` that they are."""
    named = {f"i{number}": indicator for number, indicator in enumerate(indicators)}
    found: dict[str, dict[str, str]] = {alias: {} for alias in named}
    for name, (alias, output) in columns(named, warehouse.sql).items():
        found[alias][output] = name
    return [(named[alias], outputs) for alias, outputs in found.items()]


def _earlier(moment: datetime, bars: int, length: int) -> datetime:
    """Give the moment so many bars of `length` minutes before; the earliest there is, where that is before it."""
    try:
        return moment - timedelta(minutes=bars * length)
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - stored time is plain UTC
