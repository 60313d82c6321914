"""Sentences about a file that are true and of use to who imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bt import assets
from bt.ingest.asking import one
from bt.ingest.audit import fault_counts
from bt.ingest.columns import squeezed
from bt.wording import counted, minute, shown, span

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from bt.ingest.audit import Audit
    from bt.ingest.storing import Stored
    from bt.symbols import Symbol

_MINUTE: Final = 60_000_000  # µs
UNFINISHED: Final = "probably taken before its minute was over"
_MANY: Final = 20  # contradicted rows from which their share says something
_MOST: Final = 0.9
_COMMON: Final = 0.02  # share of the steps between settlements from which a step is an interval, not a hole


def about_label(label: str | None, symbol: Symbol) -> list[str]:
    """Say when the file calls itself another symbol than the one it is stored as."""
    bare = symbol.name.rpartition(":")[2]
    if label is None or squeezed(label.partition(":")[2] or label) == squeezed(bare):
        return []
    return [f"the file calls its symbol {shown(label)}, it is taken as {symbol.name}"]


def about_rejected(connection: duckdb.DuckDBPyConnection, audit: Audit) -> list[str]:
    """Count the rows that are left out by reason."""
    return [f"left out: {fault_counts(connection)}"] if audit.examples else []


def about_order(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say when rows were not in order of time."""
    back = one(connection, "select count(*) from (select ts, lag(ts) over () as before from staged) where ts < before")[
        0
    ]
    return [f"rows were out of order {counted(back, 'time')}: sorted"] if back else []


def about_gaps(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how many minutes inside the file have no candle, and what their pattern looks like."""
    connection.execute(
        f"""create or replace temp table holes as
        select before as last_before, epoch_us(ts - before) // {_MINUTE} - 1 as minutes, n - 1 as candles_before
        from (select n, ts, lag(ts) over (order by n) as before from sound)
        where ts - before > interval 1 minute"""
    )
    connection.execute((assets.folder("sql") / "2_market" / "gap_pattern.sql").read_text(encoding="utf-8"))
    gaps, missing, longest, since, pattern = one(
        connection,
        """select count(*), sum(minutes)::bigint, max(minutes), arg_max(last_before, minutes),
            gap_pattern(
                count(*), min(minutes), max(minutes), min(spacing), max(spacing),
                (select count(*) from sound where volume = 0)
            )
        from (select *, candles_before - lag(candles_before) over (order by last_before) as spacing from holes)""",
    )
    if not gaps:
        return []
    where = f"{minute(since)} is the last candle before it"
    said = [f"{counted(gaps, 'gap')}, {counted(missing, 'minute')} without a candle; the longest {longest:,}, {where}"]
    return said + ([pattern] if pattern else [])


def about_settlements(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how often funding is settled, where settlements are absent, and how far off the minute the stamps are."""
    steps = connection.execute(
        f"""select round(epoch_us(ts - before) / {_MINUTE})::bigint as minutes, count(*) as times, min(before), min(ts)
        from (select ts, lag(ts) over (order by n) as before from sound) where before is not null
        group by minutes order by minutes"""
    ).fetchall()
    common = [step for step in steps if step[1] >= _COMMON * sum(step[1] for step in steps)]
    said = []
    if common:
        said.append(f"funding every {' or '.join(span(step[0] * _MINUTE) for step in common)}")
    holes = [step for step in steps if common and step[0] > common[-1][0]]
    said += [
        f"{counted(times, 'hole')} of {span(minutes * _MINUTE)}: nothing between {minute(first)} and {minute(last)}"
        for minutes, times, first, last in holes[-3:]
    ]
    late, all_stamps, least, most = one(
        connection,
        f"""select count(*) filter (off > 0), count(*), min(off) filter (off > 0), max(off)
        from (select epoch_us(ts) % {_MINUTE} as off from sound)""",
    )
    if late:
        said.append(
            f"{late:,} of {all_stamps:,} stamps are {span(least)} to {span(most)} after the minute; kept as given"
        )
    return said


def about_changes(stored: Stored, noun: str, file_ends: datetime, *, explained: bool) -> list[str]:
    """Say what became of rows that contradict the warehouse and, unless that is `explained`, what it looks like."""
    if not stored.changed:
        return []
    became = "kept" if explained else "kept; --replace takes the file's"
    if stored.replaced:
        became = "replaced by the file's"
    have = "has" if stored.changed == 1 else "have"
    said = [f"{counted(stored.changed, f'stored {noun}')} {have} other values in the file: {became}"]
    only = stored.examples[0].ts if stored.changed == 1 else None
    if only == file_ends:
        said.append(f"it is the file's last row: {UNFINISHED}")
    elif only and only == stored.last_before:
        said.append(f"it was the last one stored: {UNFINISHED}")
    elif not explained and stored.changed >= max(_MANY, _MOST * (stored.changed + stored.unchanged)):
        said.append(f"hardly a {noun} agrees with what is stored: is the file of another market?")
    return said
