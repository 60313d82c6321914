"""Whether a staged file may be stored, and what is worth knowing about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt import timeframes
from bt.errors import BtError
from bt.ingest.asking import exists, one
from bt.ingest.values import EXAMPLES, RejectedRow
from bt.wording import counted, shown, span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb

MINUTE: Final = 60_000_000  # µs
ONLY_1M: Final = "bt stores 1m only"
_ONE_MINUTE: Final = {"1m", "1min", "1minute", "1", "m1", "1t", "60s", "pt1m"}
_KINDS_LISTED: Final = 4  # reasons or offsets that a message counts


@dataclass(frozen=True, kw_only=True)
class Audit:
    """How many rows a file has, how many of them are sound, from when to when, and examples of the others."""

    rows: int
    sound: int
    first_ts: datetime
    last_ts: datetime
    examples: tuple[RejectedRow, ...]


def check_labels(connection: duckdb.DuckDBPyConnection, file: str, places: Mapping[str, int]) -> str | None:
    """Refuse a file without rows or of several symbols by its own account; give its symbol."""
    if not exists(connection, "from (select 1 from raw union all select 1 from broken)"):
        raise BtError(f"{file} has no rows", "nothing was imported")
    if "symbol" not in places:
        return None
    symbols = _distinct(connection, "symbol")
    if len(symbols) > 1:
        raise BtError(
            f"{file} holds several symbols: {', '.join(shown(symbol) for symbol in symbols[:_KINDS_LISTED])}",
            "split it into one file for each",
        )
    return symbols[0] if symbols else None


def check_prices(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    """Refuse what looks like candles and is funding: freqtrade keeps the rate as `open` of a candle of zeros."""
    rows, zeros = one(connection, "select count(*), count(*) filter (high = 0 and low = 0 and close = 0) from staged")
    if rows and rows == zeros:
        raise BtError(
            f"{file} holds no candles: high, low and close are 0 in every row",
            "if its column open holds funding rates, as freqtrade keeps them: --kind funding --map rate=open",
        )


def check_timeframe(connection: duckdb.DuckDBPyConnection, file: str, places: Mapping[str, int], step: int) -> None:
    """Refuse candles that are not of one minute, by the file's own account or by their usual step."""
    if "interval" in places:
        for value in _distinct(connection, "interval"):
            if value.strip().lower() not in _ONE_MINUTE:
                raise BtError(f"{file} holds {shown(value)} candles, {ONLY_1M}", _IMPORT_1M)
    if step != MINUTE:
        raise BtError(f"{file} holds {timeframe(step)} candles, {ONLY_1M}", _IMPORT_1M)


def usual_step(connection: duckdb.DuckDBPyConnection) -> int:
    """Give the most frequent distance of staged candles in µs; one minute where none occurs twice."""
    as_stored = "from staged where ts is not null"
    steps = _steps(connection, f"select ts, lag(ts) over () as before {as_stored}")
    if any(step <= 0 for step, _ in steps):
        steps = _steps(
            connection, f"select ts, lag(ts) over (order by ts) as before from (select distinct ts {as_stored})"
        )
    step, times = steps[0] if steps else (MINUTE, 0)
    return step if times > 1 else MINUTE  # once is a gap rather than a timeframe


def check_rows(connection: duckdb.DuckDBPyConnection, file: str, *, skip_bad: bool) -> Audit:
    """Refuse a file without sound rows or, unless `skip_bad`, with any bad row."""
    rows, sound, first_ts, last_ts = one(
        connection,
        "select (select count(*) from staged) + (select count(*) from broken), count(*), min(ts), max(ts) from sound",
    )
    examples = tuple(
        RejectedRow(row=row, column=column, value=value, reason=reason)
        for row, column, value, reason in connection.execute(
            f"select row_number, column_name, value, reason from faults order by row_number limit {EXAMPLES}"
        ).fetchall()
    )
    if examples and not (skip_bad and sound):
        raise _refusal(connection, file, examples[0], rejected=rows - sound, sound=sound)
    return Audit(rows=rows, sound=sound, first_ts=first_ts, last_ts=last_ts, examples=examples)


def fault_counts(connection: duckdb.DuckDBPyConnection) -> str:
    """Say how many rows have which fault, and how far off the minute stamps are."""
    rows = connection.execute(
        """select column_name, reason, case reason when 'not on the minute' then epoch_us(ts) % 60000000 end as off,
            count(*) as times
        from faults group by all order by times desc, column_name, reason, off"""
    ).fetchall()
    said = [_fault_count(*row) for row in rows[:_KINDS_LISTED]]
    rest = sum(row[3] for row in rows[_KINDS_LISTED:])
    return ", ".join(said) + (f", {rest:,} other" if rest else "")


def _fault_count(column: str | None, reason: str, off: int | None, times: int) -> str:
    if off is not None:
        return f"{counted(times, 'row')} {span(off)} off the minute"
    return f"{counted(times, 'row')} with {f'{shown(column)} ' if column else ''}{reason}"


def _refusal(
    connection: duckdb.DuckDBPyConnection, file: str, first: RejectedRow, *, rejected: int, sound: int
) -> BtError:
    where = f"{file} row {first.row:,}" + (f", column {shown(first.column)}" if first.column else "")
    what = first.reason
    if first.column and what != "missing":
        what = f"{shown(first.value)} is {'a duplicate' if what == 'duplicate' else what}"
    more = f"; {counted(rejected - 1, 'more bad row')}" if rejected > 1 else ""
    cure = f"--skip-bad stores the other {counted(sound, 'row')}" if sound else "no row is sound, nothing was imported"
    if first.reason == "not a number" and "," in (first.value or ""):
        cure = f"write numbers with a decimal point; {cure}"
    if rejected > 1:
        cure = f"{fault_counts(connection)}; {cure}"
    return BtError(f"{where}: {what}{more}", cure)


def _steps(connection: duckdb.DuckDBPyConnection, pairs: str) -> list[tuple[int, int]]:
    """Give the distances between rows in µs and how often each occurs, the most frequent first, then the shortest."""
    return connection.execute(
        f"select epoch_us(ts - before) as step, count(*) as times from ({pairs}) where before is not null "
        "group by step order by times desc, step"
    ).fetchall()


def timeframe(step: int) -> str:
    """Name a distance in µs as timeframes are named."""
    minutes, rest = divmod(step, MINUTE)
    names = {length: name for name, length in timeframes.MINUTES.items()}
    return names.get(minutes, span(step)) if not rest else span(step)


def _distinct(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    rows = connection.execute(
        f"select distinct {column}::varchar as label from raw where {column} is not null order by label"
    ).fetchall()
    return [str(row[0]) for row in rows]


_IMPORT_1M: Final = "import the 1m candles: every other timeframe is a view of them"
