"""How candles become files: one for each symbol and timeframe, which `bt import` reads back bit by bit."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import chain
from typing import IO, TYPE_CHECKING, Final

import polars as pl

from bt.errors import BtError
from bt.export.rows import WRITERS
from bt.output import written_whole
from bt.symbols import bring
from bt.timeframes import minutes
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

COLUMNS: Final = ("ts", "open", "high", "low", "close", "volume", "turnover")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]")
_MINUTE: Final = timedelta(minutes=1)
_MONDAY: Final = datetime(2001, 1, 1)  # where bars('1w') begin to be counted
_SPAN: Final = timedelta(weeks=10)  # read at once; a bar of any timeframe lies in one span


def candles_to_csv(
    warehouse: Warehouse,
    symbol: Symbol,
    *,
    timeframe: str,
    folder: Path,
    first: datetime | None = None,
    end: datetime | None = None,
) -> tuple[Path, int]:
    """Write the bars of a symbol to CSV in a folder, see `write_candles`; give the file and its rows."""
    path = folder / file_name(symbol, timeframe)
    with written_whole(path) as file:
        return path, write_candles(warehouse, symbol, timeframe=timeframe, file=file, span=(first, end))


def write_candles(
    warehouse: Warehouse,
    symbol: Symbol,
    *,
    timeframe: str,
    file: IO[bytes],
    form: str = "csv",
    span: tuple[datetime | None, datetime | None] = (None, None),
) -> int:
    """Write the bars that open in the span or at its first moment and are over by its end (and by the last candle).

    Columns: ts (the bar's open, UTC), open, high, low, close, volume, turnover (null where there is none); in text
    every number in the shortest form that reads back as the same double. `form` is csv, json, jsonl or parquet. Gives
    the rows. Raises BtError where there is nothing to write.
    """
    length = timedelta(minutes=minutes(timeframe))
    with warehouse.read() as connection:
        stored_first, stored_end = _stored(connection, symbol)
        earliest = stored_first - length  # the first bar may open before its first candle
        first, end = max(span[0] or earliest, earliest), min(span[1] or stored_end, stored_end)
        bars = _spans(connection, symbol, timeframe, first=first, end=end)
        empty = pl.DataFrame(schema={"ts": pl.Datetime("us"), **dict.fromkeys(COLUMNS[1:], pl.Float64)})
        rows = WRITERS[form](chain([empty], bars), file)
    if not rows:
        raise BtError(
            f"there is no bar of {symbol} at {timeframe} in that span",
            f"there are candles from {stored_first:%Y-%m-%d %H:%M} to {stored_end:%Y-%m-%d %H:%M}",
        )
    return rows


def file_name(symbol: Symbol, timeframe: str, form: str = "csv") -> str:
    """Give `BTCUSDT_1m.csv`, `spot-BTCUSDT_1m.csv`: not every system allows a colon, and none leaves its folder."""
    return f"{_UNSAFE.sub('-', symbol.name)}_{_UNSAFE.sub('-', timeframe)}.{form}"


def _stored(connection: duckdb.DuckDBPyConnection, symbol: Symbol) -> tuple[datetime, datetime]:
    """Give the first candle's open and the last one's end."""
    found = query(
        connection,
        "select min(ts) as first, max(ts) as last from candles where symbol = $symbol",
        {"symbol": symbol.name},
    ).row(0)
    if found[0] is None:
        raise BtError(f"there are no candles of {symbol}", f"{bring(symbol.name)} (bt data lists them)")
    return found[0], found[1] + _MINUTE


def _spans(
    connection: duckdb.DuckDBPyConnection, symbol: Symbol, timeframe: str, *, first: datetime, end: datetime
) -> Iterator[pl.DataFrame]:
    """Give the bars span by span, so that memory does not grow with their number."""
    begin = first - (first - _MONDAY) % _SPAN
    while begin < end:
        yield query(
            connection,
            _BARS,
            {
                "symbol": symbol.name,
                "timeframe": timeframe,
                "minutes": minutes(timeframe),
                "begin": begin,
                "after": begin + _SPAN,
                "first": first,
                "end": end,
            },
        )
        begin += _SPAN


_BARS: Final = f"""
    with candles as (
        select * from main.candles where symbol = $symbol and ts >= $begin and ts < $after
    )
    select {", ".join(COLUMNS)}
    from bars($timeframe)
    where ts >= $first and ts + to_minutes($minutes) <= $end
    order by ts
"""  # the macro's `candles` are those of the span: else every span would resample the whole symbol
