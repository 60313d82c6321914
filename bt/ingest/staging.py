"""From `raw` to `staged` (typed rows), `faults` (rows that cannot be stored, and why) and `sound` (the others).

Row numbers count the file's data rows from 1; `sound.n` counts the sound rows in order of time.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from bt import assets
from bt.errors import BtError
from bt.ingest.asking import exists
from bt.ingest.clock import NUMERIC, read_clock, zone_named
from bt.ingest.reading import readable
from bt.warehouse.schema import literal
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from bt.ingest.clock import Clock
    from bt.ingest.kinds import Kind
    from bt.ingest.sources import Source

_LONGEST_VALUE: Final = 200  # characters of a rejected cell that are recorded
_MINUTE: Final = 60_000_000  # µs
_MONDAY: Final = datetime(1970, 1, 5)  # where every timeframe has a candle, weeks too
_ORIGIN: Final = 4 * 24 * 60 * _MINUTE  # the same, µs since 1970
_FAULTS: Final = "row_number bigint, ts timestamp, column_name varchar, value varchar, reason varchar"


def stage(
    connection: duckdb.DuckDBPyConnection, source: Source, kind: Kind, places: Mapping[str, int], tz: str
) -> Clock:
    """Make `staged (row_number, ts, …)` and give how its times were read."""
    for ours in kind.values:
        if source.is_parquet and ours in places and not NUMERIC.fullmatch(source.types[places[ours]]):
            raise BtError(
                f"{source.name}, column {shown(source.header[places[ours]])}: "
                f"its type is {source.types[places[ours]]}, not a number",
                "write it as DOUBLE",
            )
    with readable(source.name):
        clock = read_clock(
            connection,
            source.name,
            source.types[places["ts"]],
            zone_named(connection, tz),
            units_mix=source.units_mix,
        )
        values = ", ".join(f"{_number(ours, source, places)} as {ours}" for ours in kind.values)
        connection.execute(f"create table staged as select row_number, utc as ts, {values} from {clock.timed}")
    return clock


def as_minutes(connection: duckdb.DuckDBPyConnection, step: int) -> None:
    """Put staged candles of `step` µs on a clock on which they are of one minute, and give those of a mark a volume.

    So candles that cannot be stored are judged by the rules of those that can; `from_minutes` takes a time back.
    """
    if step == _MINUTE:
        return
    connection.execute(
        "update staged set ts = make_timestamp($origin + (epoch_us(ts) - $origin) // $minutes)",
        {"origin": _ORIGIN, "minutes": step // _MINUTE},
    )
    if not exists(connection, "from staged where volume is not null"):
        connection.execute("update staged set volume = 0")


def from_minutes(moment: datetime, step: int) -> datetime:
    """Give the time in the file of a time on the clock of `as_minutes`."""
    return _MONDAY + (moment - _MONDAY) * (step // _MINUTE)


def judge(
    connection: duckdb.DuckDBPyConnection, source: Source, kind: Kind, places: Mapping[str, int], clock: Clock
) -> None:
    """Make `faults (row_number, ts, column_name, value, reason)` and `sound (n, row_number, ts, …)` from `staged`."""
    connection.execute((assets.folder("sql") / "2_market" / "candle_fault.sql").read_text(encoding="utf-8"))
    connection.execute(
        f"create table judged as select row_number, ts, fault from (select *, {kind.fault} as fault from staged) "
        "where fault is not null"
    )
    connection.execute(f"create table faults ({_FAULTS})")
    connection.execute("insert into faults select row_number, null, null, value, reason from broken")
    if exists(connection, "from judged"):
        with readable(source.name):
            connection.execute(_named_faults(source, places, clock))
    ordered = _note_duplicates(connection, literal(source.header[places["ts"]]), kind.moment.format("staged"))
    if ordered and not exists(connection, "from faults"):
        connection.execute("create view sound as select row_number as n, * from staged")
    else:
        connection.execute(
            "create table sound as select row_number() over (order by ts) as n, * "
            "from staged anti join faults using (row_number) order by ts"
        )


def _note_duplicates(connection: duckdb.DuckDBPyConnection, column: str, moment: str) -> bool:
    """Add to `faults` the later rows of one moment; say whether the file is strictly in order of time."""
    pairs = f"select {moment} as now, lag(now) over () as before from staged where ts is not null"
    if not exists(connection, f"from ({pairs}) where now <= before"):
        return True
    connection.execute(
        f"insert into faults select row_number, ts, {column}, ts::varchar, 'duplicate' "
        f"from staged anti join faults using (row_number) "
        f"qualify row_number() over (partition by {moment} order by row_number) > 1"
    )
    return False


def _number(ours: str, source: Source, places: Mapping[str, int]) -> str:
    """Give the SQL of a value: NULL where the cell is empty or unreadable, NaN where that must not pass for empty."""
    if ours not in places:
        return "null::double"
    if source.is_parquet:
        return f"{ours}::double"
    number = f"try_cast(case when not contains({ours}, chr(10)) then {ours} end as double)"
    return f"case when trim({ours}) <> '' then coalesce({number}, 'nan'::double) end"


def _named_faults(source: Source, places: Mapping[str, int], clock: Clock) -> str:
    theirs = " ".join(f"when '{ours}' then {literal(source.header[place])}" for ours, place in places.items())
    values = " ".join(f"when '{ours}' then cells.{ours}::varchar" for ours in places)
    return f"""insert into faults
        with named as (
            select row_number, ts, split_part(fault, ': ', 1) as ours, split_part(fault, ': ', 2) as reason from judged
        )
        select named.row_number, named.ts,
            case ours {theirs} end, left(case ours {values} end, {_LONGEST_VALUE}),
            case when ours = 'ts' and named.ts is null then cells.why else reason end
        from named inner join (select *, {clock.why} as why from {clock.timed}) as cells using (row_number)
        order by named.row_number"""
