"""What the warehouse knows of a symbol: the minutes it has, those the exchange has not, and its settlements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.ingest.planning import Span, joined, without
from bt.warehouse import query, registered

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from bt.warehouse import Warehouse

_EPOCH: Final = datetime(1970, 1, 1)
MINUTE: Final = timedelta(minutes=1)


def minute(moment: datetime) -> int:
    """Give the number of a minute."""
    return (moment - _EPOCH) // MINUTE


def next_minute(moment: datetime) -> int:
    """Give the number of the first minute that begins at a moment or after it."""
    return -((_EPOCH - moment) // MINUTE)


def moment(minute: int) -> datetime:
    """Give a minute's beginning, UTC."""
    return _EPOCH + minute * MINUTE


def from_milliseconds(stamp: int) -> datetime:
    """Give a moment of the exchange as plain UTC."""
    return datetime.fromtimestamp(stamp / 1000, UTC).replace(tzinfo=None)


def stored(warehouse: Warehouse, symbol: str) -> list[Span]:
    """Give the minutes of which there are candles."""
    ends = warehouse.query("select min(ts) as first, max(ts) as last from candles where symbol = ?", [symbol])
    first, last = ends.row(0)
    if first is None:
        return []
    holes = warehouse.query("select first_ts, last_ts from gaps where symbol = ? order by first_ts", [symbol])
    return without([Span(minute(first), minute(last))], _spans(holes))


def absent(warehouse: Warehouse, symbol: str) -> list[Span]:
    """Give the minutes that the exchange itself does not have."""
    return _spans(warehouse.query("select first_ts, last_ts from absences where symbol = ?", [symbol]))


def sources(warehouse: Warehouse, symbol: str) -> set[str]:
    """Give where the candles of a symbol came from: hosts and files."""
    rows = warehouse.query(
        "select distinct source from ingests where kind = 'candles' and symbol = ? and rows_stored > 0", [symbol]
    )
    return set(rows["source"])


def settled(warehouse: Warehouse, symbol: str) -> tuple[datetime, datetime] | None:
    """Give the first and the last funding settlement, None where there is none."""
    first, last = warehouse.query("select min(ts), max(ts) from funding where symbol = ?", [symbol]).row(0)
    return (first, last) if first is not None else None


def settlements_missing(warehouse: Warehouse, symbol: str) -> list[tuple[datetime, datetime]]:
    """Give the stretches in which settlements should be and are not, without their ends."""
    gaps = warehouse.query(
        "select first_ts, last_ts from funding_gaps where symbol = ? and place <> 'all' order by first_ts", [symbol]
    )
    return [(first, last) for first, last in gaps.rows()]


def note_absent(connection: duckdb.DuckDBPyConnection, symbol: str, spans: Sequence[Span]) -> None:
    """Remember minutes that the exchange does not have, one row for all that touch."""
    if not spans:
        return
    near = [symbol, moment(max(span.last for span in spans) + 1), moment(min(span.first for span in spans) - 1)]
    touching = "from absences where symbol = ? and first_ts <= ? and last_ts >= ?"
    known = query(connection, f"select first_ts, last_ts {touching}", near)
    connection.execute(f"delete {touching}", near)
    whole = [(moment(span.first), moment(span.last)) for span in joined([*spans, *_spans(known)])]
    rows = pl.DataFrame(whole, schema={"first_ts": pl.Datetime("us"), "last_ts": pl.Datetime("us")}, orient="row")
    with registered(connection, noted=rows):
        connection.execute(
            "insert into absences select ?, first_ts, last_ts, now() at time zone 'UTC' from noted", [symbol]
        )


def forget_absences(connection: duckdb.DuckDBPyConnection, symbol: str, new: pl.Series) -> None:
    """Drop absences in which candles were stored now (at `new` times): what is left of them is asked for again."""
    with registered(connection, new=new.alias("ts").to_frame()):
        connection.execute(
            """delete from absences where symbol = ? and first_ts <= ? and last_ts >= ?
                and exists (select 1 from new where new.ts between absences.first_ts and absences.last_ts)""",
            [symbol, new.max(), new.min()],
        )


def _spans(frame: pl.DataFrame) -> list[Span]:
    return [Span(minute(first), minute(last)) for first, last in frame.rows()]
