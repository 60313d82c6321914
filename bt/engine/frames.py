"""What every frame given to the engine must be: columns of a known type; a refusal names row, symbol and column."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEY: Final = ("symbol", "ts")
NEAR: Final = 0.85  # likeness from which a column's name counts as a misspelt one
EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2262, 1, 1)


class Fault(NamedTuple):
    """What may be wrong with the rows of a frame: the column, where it is wrong, why, and the cure."""

    column: str
    wrong: pl.Expr
    why: str = ""
    cure: str = "correct or drop the row"


def refuse(name: str, frame: pl.DataFrame, faults: Sequence[Fault], *, shown: Sequence[str] = KEY) -> None:
    """Refuse the first row with the first of the faults that there is, naming row, symbol, time and value."""
    if not faults:
        return
    met = frame.select(fault.wrong.any().alias(str(place)) for place, fault in enumerate(faults))
    found = next((fault for place, fault in enumerate(faults) if met[str(place)][0]), None)
    if found is None:
        return
    first = frame.lazy().with_row_index("row").filter(found.wrong).head(1)
    row = first.with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S")).collect().row(0, named=True)
    where = " ".join(str(row[column]) for column in shown)
    reason = f", {found.why}" if found.why else ""
    raise BtError(f"{name} row {row['row']} ({where}): {found.column} is {row[found.column]}{reason}", found.cure)


def key_faults() -> list[Fault]:
    """Give what may be wrong with symbols and times."""
    known = pl.col("ts").is_between(EARLIEST, LATEST)
    return [
        *(Fault(column, pl.col(column).is_null()) for column in KEY),
        Fault("ts", ~known, "no time of a market: were the units mixed up?"),
    ]


def in_order(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Give the rows by (ts, symbol), refusing times that do not rise strictly within each symbol."""
    alone = has_one_symbol(frame)
    if alone:
        late = pl.col("ts") <= pl.col("ts").shift(1)
    elif _rises(frame, "ts", "symbol"):
        return frame
    elif _rises(frame, "symbol", "ts"):
        return frame.sort("ts", maintain_order=True)
    else:
        late = pl.col("ts") <= pl.col("ts").shift(1).over("symbol")
    fault = Fault("ts", late, "repeats or goes back in time", "sort by symbol and ts, drop duplicates")
    refuse(name, frame, [fault])
    return frame if alone else frame.sort("ts", "symbol")


def by_symbol(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Give the rows by (symbol, ts), refusing times that do not rise strictly within each symbol."""
    return frame if _rises(frame, "symbol", "ts") else in_order(name, frame).sort("symbol", maintain_order=True)


def _rises(frame: pl.DataFrame, first: str, second: str) -> bool:
    """Say whether each row lies behind the one before by two columns."""
    before = pl.col(first).shift(1)
    rising = (pl.col(first) > before) | ((pl.col(first) == before) & (pl.col(second) > pl.col(second).shift(1)))
    return bool(frame.lazy().select(rising.all()).collect().item())


def has_one_symbol(frame: pl.DataFrame) -> bool:
    """Say whether all rows are of one symbol: much is simpler then."""
    return frame.is_empty() or bool((frame["symbol"] == frame["symbol"][0]).all())


def require_columns(name: str, frame: Any, needed: Iterable[str]) -> None:
    """Refuse what is no frame or lacks a column."""
    if not isinstance(frame, pl.DataFrame):
        kind = f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}"
        cure = "pl.from_pandas(…)" if kind.startswith("pandas.") else "a LazyFrame wants .collect()"
        raise BtError(f"{name} must be a Polars DataFrame, not {kind}", cure)
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise BtError(f"{name} lacks the column {missing[0]!r}", f"it has: {', '.join(frame.columns) or 'none'}")


def require_key(name: str, frame: pl.DataFrame) -> None:
    """Refuse symbols and times of another type."""
    require_text_symbols(name, frame)
    require_plain_times(name, frame, "ts")


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
    return frame.with_columns(pl.col(wanted).cast(pl.Float64)) if wanted else frame
