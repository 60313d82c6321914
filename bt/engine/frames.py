"""What every frame given to the engine must be: columns of a known type; a refusal names row, symbol and column."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEY: Final = ("symbol", "ts")
EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2262, 1, 1)


def refuse(
    frame_name: str, frame: pl.DataFrame, column: str, wrong: pl.Expr, why: str = "", *, shown: Sequence[str] = KEY
) -> None:
    """Refuse the first row where `wrong` holds, naming row, symbol, time and value."""
    found = frame.lazy().with_row_index("row").filter(wrong).head(1)
    bad = found.with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S")).collect()
    if bad.height:
        row = bad.row(0, named=True)
        where = " ".join(str(row[name]) for name in shown)
        reason = f", {why}" if why else ""
        raise BtError(
            f"{frame_name} row {row['row']} ({where}): {column} is {row[column]}{reason}", "correct or drop the row"
        )


def require_order(name: str, frame: pl.DataFrame) -> None:
    """Refuse times that do not rise strictly within each symbol."""
    late = pl.col("ts") <= pl.col("ts").shift(1).over("symbol")
    bad = frame.lazy().with_row_index("row").filter(late).select("row", *KEY).head(1).collect()
    if bad.height:
        row, symbol, ts = bad.row(0)
        raise BtError(
            f"{name} row {row} ({symbol} {ts}) repeats or goes back in time", "sort by symbol and ts, drop duplicates"
        )


def require_columns(name: str, frame: Any, needed: Iterable[str]) -> None:
    """Refuse what is no frame or lacks a column."""
    if not isinstance(frame, pl.DataFrame):
        raise BtError(f"{name} must be a Polars DataFrame, not {type(frame).__name__}", "a LazyFrame wants .collect()")
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise BtError(f"{name} lacks the column {missing[0]!r}", f"it has: {', '.join(frame.columns) or 'none'}")


def require_key(name: str, frame: pl.DataFrame) -> None:
    """Refuse symbols that are no text and times that are none of a market."""
    require_text_symbols(name, frame)
    require_plain_times(name, frame, "ts")
    for column in KEY:
        refuse(name, frame, column, pl.col(column).is_null())
    refuse(
        name, frame, "ts", ~pl.col("ts").is_between(EARLIEST, LATEST), "no time of a market: were the units mixed up?"
    )


def require_text_symbols(name: str, frame: pl.DataFrame) -> None:
    """Refuse symbols of another type."""
    if frame.schema["symbol"] != pl.String():
        raise BtError(
            f"{name}: symbol must be text, but its type is {frame.schema['symbol']}", "cast it: .cast(pl.String)"
        )


def require_plain_times(name: str, frame: pl.DataFrame, column: str) -> None:
    """Refuse times of another unit or with a zone."""
    if frame.schema[column] != pl.Datetime("us"):
        raise BtError(
            f"{name}: {column} must be Datetime('us') without a zone, but its type is {frame.schema[column]}",
            "cast it: .dt.convert_time_zone('UTC').dt.replace_time_zone(None).dt.cast_time_unit('us')",
        )


def as_numbers(name: str, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Give the columns as Float64; what is not a number is refused."""
    wanted = list(columns)
    for column in wanted:
        kind = frame.schema[column]
        if not kind.is_numeric() and kind != pl.Null():
            symbols = f" ({', '.join(frame['symbol'].unique().sort().head(3))})" if name == "instruments" else ""
            raise BtError(
                f"{name}{symbols}: {column} must be a number, but its type is {kind}", "cast it: .cast(pl.Float64)"
            )
    return frame.with_columns(pl.col(wanted).cast(pl.Float64))
