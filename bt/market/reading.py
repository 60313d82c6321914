"""Reading bars of one symbol and timeframe with indicators beside them: one query, or several side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError
from bt.market.chains import BARS
from bt.market.compose import columns, compose
from bt.market.indicators import is_alone, look_back
from bt.symbols import bring
from bt.timeframes import minutes
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from bt.market.indicators import Indicator

Place = tuple[str, str]  # a symbol's bars of a timeframe

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
THREADS: Final = 2
_SHARE: Final = 6  # columns at least for which a second query is worth reading the bars once more


@dataclass(frozen=True)
class Reader:
    """Read bars that ended by `end` with indicators, which may be those of `folders` too."""

    folders: tuple[Path, ...]
    end: datetime
    _began: dict[str, datetime] = field(default_factory=dict)  # by symbol, its first candle

    def beside(
        self, connection: duckdb.DuckDBPyConnection, place: Place, begin: datetime, wanted: Sequence[Indicator],
        *, queries: int = THREADS,
    ) -> pl.DataFrame:  # fmt: skip
        """Give a place's bars from a moment on, with the outputs of the indicators beside; see `outputs`.

        Many indicators are computed by as many as `queries` side by side.
        """
        named = _aliases(wanted)
        alone = {alias: each for alias, each in named.items() if is_alone(each, self.folders)}
        together = [pair for pair in named.items() if pair[0] not in alone]
        parts = max(0 if alone and not together else 1, min(queries, len(together) // _SHARE))
        shares = [(dict(together[part::parts]),) for part in range(parts)] + [
            ({pair[0]: pair[1]},) for pair in alone.items()
        ]
        first, *others = side_by_side(connection, lambda cursor, some: self._load(cursor, place, begin, some), shares)
        if any(not frame.select(BARS).equals(first.select(BARS)) for frame in others):
            raise changed(place[0])
        return pl.concat([first, *(frame.drop(BARS) for frame in others)], how="horizontal") if others else first

    def _load(
        self, cursor: duckdb.DuckDBPyConnection, place: Place, first: datetime, named: Mapping[str, Indicator]
    ) -> pl.DataFrame:
        """Give the bars of a place from a moment on, with the outputs of the indicators beside."""
        symbol, timeframe = place
        before = look_back(tuple(named.values()), timeframe, self.folders)
        parameters = {
            "timeframe": timeframe,
            "symbol": symbol,
            "first": self.begin(cursor, place, first, before),
            "minutes": minutes(timeframe),
            "end": self.end,
        }
        sql = compose(named, base=_BASE, timeframe=timeframe, folders=self.folders)
        sql = f"select * exclude (symbol) from ({sql}) where ts >= $shown"
        found = query(cursor, sql, parameters | {"shown": first})
        return found.select(pl.lit(symbol).alias("symbol"), pl.all())

    def begin(self, cursor: duckdb.DuckDBPyConnection, place: Place, moment: datetime, before: int) -> datetime:
        """Give a moment from which on there are at least `before` bars before this one, however sparse they are."""
        symbol, timeframe = place
        least = self._first_candle(cursor, symbol)
        bars = before
        while before:
            begin = earlier(moment, bars, minutes(timeframe))
            asked = {"timeframe": timeframe, "symbol": symbol, "begin": begin, "first": moment}
            if begin <= least or query(cursor, _COUNT, asked)["bars"][0] >= before:
                return begin
            bars *= 2
        return moment

    def _first_candle(self, cursor: duckdb.DuckDBPyConnection, symbol: str) -> datetime:
        if symbol not in self._began:
            found = query(cursor, "select min(ts) as first from candles where symbol = $symbol", {"symbol": symbol})
            if found["first"][0] is None:
                raise BtError(f"there are no candles of {symbol}", bring(symbol))
            self._began[symbol] = found["first"][0]
        return self._began[symbol]


def side_by_side(
    connection: duckdb.DuckDBPyConnection,
    load: Callable[..., pl.DataFrame],
    tasks: Sequence[tuple[Any, ...]],
) -> list[pl.DataFrame]:
    """Load frames by cursor and task, some at a time: not even the last bit of one hangs on the others."""
    with ThreadPoolExecutor(THREADS) as threads:
        cursors = [connection.cursor() for _ in tasks]
        try:
            return list(threads.map(load, cursors, *zip(*tasks, strict=True)))
        except BaseException:  # stopped by the user too: do not wait for queries that nobody wants any more
            for cursor in cursors:
                cursor.interrupt()
            raise


def outputs(indicators: Sequence[Indicator], folders: Sequence[Path]) -> list[tuple[Indicator, Mapping[str, str]]]:
    """Give each indicator with its outputs, and what their columns are called where bars were read with them."""
    named = _aliases(indicators)
    found: dict[str, dict[str, str]] = {alias: {} for alias in named}
    for name, (alias, output) in columns(named, folders).items():
        found[alias][output] = name
    return [(named[alias], outputs) for alias, outputs in found.items()]


def changed(symbol: str) -> BtError:
    """Say that another process wrote between two queries."""
    return BtError(f"the candles of {symbol} changed while they were read", "run the command again")


def _aliases(indicators: Sequence[Indicator]) -> dict[str, Indicator]:
    return {f"i{number}": indicator for number, indicator in enumerate(indicators)}


def earlier(moment: datetime, bars: int, length: int) -> datetime:
    """Give the moment so many bars of `length` minutes before; the earliest there is, where that is before it."""
    try:
        return moment - timedelta(minutes=bars * length)
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - stored time is plain UTC
