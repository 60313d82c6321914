"""What the times of a file mean: their unit, their zone, and the SQL that turns them into plain UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError
from bt.ingest.asking import one
from bt.wording import shown

if TYPE_CHECKING:
    import duckdb

NUMERIC: Final = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*")  # DuckDB types
_EARLIEST: Final = "2009-01-03"  # nothing traded before
_LATEST: Final = "2100-01-01"
_FIRST_SECOND: Final = 1_230_940_800  # epoch of _EARLIEST
_LAST_SECOND: Final = 4_102_444_800  # epoch of _LATEST
_UNITS: Final = {
    "seconds": (1, "number * 1000000"),
    "milliseconds": (10**3, "number * 1000"),
    "microseconds": (10**6, "number"),
    "nanoseconds": (10**9, "number / 1000"),
}  # how many are a second, and SQL for µs
_FORCE: Final = "force:"
_STATES_ZONE: Final = "regexp_matches(ts, ':[^a-zA-Z+-]*[a-zA-Z+-]')"  # behind the minutes: Z, an offset or a name
_FORMS: Final = "bt reads epoch s, ms, µs or ns, and ISO times such as 2024-01-31 12:00 or 2024-01-31T12:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """The zone of times that state none; with `force` also of times that state another one."""

    name: str
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Clock:
    """SQL: the relation `timed` is `raw` with `utc` (NULL where a row has no time); `why` over it says why."""

    timed: str
    why: str
    states_zone: bool
    note: str | None


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """SQL for a time as the file writes it, for whether it states a zone (then it is UTC), and what to call it."""

    moment: str
    stated: str
    form: str


def zone_named(connection: duckdb.DuckDBPyConnection, tz: str) -> Zone:
    """Read a zone's name in any case, `force:` before it or not; an unknown one is refused with a hint."""
    wanted = tz.removeprefix(_FORCE)
    rows = connection.execute("select name from pg_timezone_names()").fetchall()
    known = {str(row[0]).lower(): str(row[0]) for row in rows}
    if wanted.lower() not in known:
        near = get_close_matches(wanted.lower(), known, n=1, cutoff=0.6)
        cure = f"did you mean {known[near[0]]}?" if near else "write UTC, Asia/Seoul, America/New_York …"
        raise BtError(f"unknown time zone {shown(wanted)}", cure)
    name = known[wanted.lower()]
    return Zone(name="UTC" if name in {"Etc/UTC", "GMT", "Zulu"} else name, force=tz.startswith(_FORCE))


def read_clock(
    connection: duckdb.DuckDBPyConnection, file: str, kind: str, zone: Zone, *, units_mix: bool = False
) -> Clock:
    """Find out how `raw.ts`, of DuckDB type `kind`, tells the time; refuse what is none or contradicts `zone`.

    Epoch times must all be of one unit unless `units_mix`.
    """
    reading = _reading(connection, file, kind, units_mix=units_mix)
    utc = "moment"
    if zone.name != "UTC":
        if reading.stated == "true" and not zone.force:
            raise BtError(
                f"{file}: its times are {reading.form}, which are UTC; --tz {zone.name} is for times without a zone",
                f"leave --tz out; if the file is wrong about its zone: --tz {_FORCE}{zone.name}",
            )
        local = _from_local(connection, zone.name, reading.moment)
        utc = local if zone.force else f"case when {reading.stated} then moment else {local} end"
    return Clock(
        timed=f"""(
            select *, case when {_in_range("read_as")} then read_as end as utc
            from (select *, {utc} as read_as from (select *, {reading.moment} as moment from raw))
        )""",
        why=f"""case
            when trim(coalesce(ts::varchar, '')) = '' then 'missing'
            when moment is null then 'not {reading.form}'
            when read_as is null then 'twice or never on the clock of {zone.name}'
            else 'not between {_EARLIEST} and {_LATEST}'
        end""",
        states_zone=reading.stated == "true",
        note=_note(reading, zone),
    )


def _reading(connection: duckdb.DuckDBPyConnection, file: str, kind: str, *, units_mix: bool) -> _Reading:
    if kind == "VARCHAR":
        numbers, times, stated, example = one(
            connection,
            "select count(try_cast(ts as double)), count(try_cast(ts as timestamptz)), "
            f"count(*) filter (try_cast(ts as timestamptz) is not null and {_STATES_ZONE}), any_value(ts) from raw",
        )
        if numbers == times == 0:
            raise BtError(f"{file}: {shown(example)} is not a time", _FORMS)
        if times > numbers:
            return _Reading(
                moment="try_cast(ts as timestamptz)::timestamp",
                stated="true" if stated == times else _STATES_ZONE,
                form="ISO times with a zone" if stated == times else "an ISO time",
            )
        return _epoch(connection, file, units_mix=units_mix)
    if NUMERIC.fullmatch(kind):
        return _epoch(connection, file, units_mix=units_mix)
    if not kind.startswith(("TIMESTAMP", "DATE")):
        raise BtError(f"{file}: the type of its column of times is {kind}", _FORMS)
    stated = "true" if kind == "TIMESTAMP WITH TIME ZONE" else "false"
    return _Reading(moment="ts::timestamp", stated=stated, form="times with a zone" if stated == "true" else "a time")


def _epoch(connection: duckdb.DuckDBPyConnection, file: str, *, units_mix: bool) -> _Reading:
    """Choose the unit in which most of the numbers are times of this century; the others are no times.

    Where units may mix, each number is a time in the one unit in which it is one: no number is one in two.
    """
    counts = ", ".join(f"count(*) filter ({_plausible(unit)})" for unit in _UNITS)
    *found, example = one(
        connection, f"select {counts}, any_value(number) from (select try_cast(ts as double) as number from raw)"
    )
    if not any(found):
        raise BtError(f"{file}: {shown(example)} is not a time since {_EARLIEST} in any unit", _FORMS)
    by_times = [unit for times, unit in sorted(zip(found, _UNITS, strict=True), key=lambda pair: -pair[0]) if times]
    units = by_times if units_mix else by_times[:1]
    branches = " ".join(
        f"when {_plausible(unit)} then make_timestamp(round({_UNITS[unit][1]})::bigint)" for unit in units
    )
    moment = f"(case {branches} end)".replace("number", "try_cast(ts as double)")
    return _Reading(moment=moment, stated="true", form=f"epoch {' and '.join(units)}")


def _plausible(unit: str) -> str:
    per_second, _ = _UNITS[unit]
    return f"number >= {_FIRST_SECOND * per_second} and number < {_LAST_SECOND * per_second}"


def _in_range(moment: str) -> str:
    return f"{moment} >= timestamp '{_EARLIEST}' and {moment} < timestamp '{_LATEST}'"


def _from_local(connection: duckdb.DuckDBPyConnection, zone: str, moment: str) -> str:
    """Give SQL that takes `moment` on the zone's clock to UTC, NULL for what that clock shows twice or never.

    The zone's offset is looked up hour by hour over the file's span, and minute by minute where it changes.
    """
    first, last = one(
        connection,
        f"select min(moment), max(moment) from (select {moment} as moment from raw) where {_in_range('moment')}",
    )
    if first is None:
        return "moment"
    rows = connection.execute(
        """with hours as (
            select moment, timezone($zone, moment at time zone 'UTC') - moment as shift
            from (select unnest(generate_series($first - to_days(3), $last + to_days(3), to_hours(1))) as moment)
        ),
        changing as (select moment, lag(shift) over (order by moment) is distinct from shift as changed from hours),
        minutes as (
            select unnest(generate_series(moment - interval 1 hour, moment, interval 1 minute)) as moment
            from changing where changed
        ),
        shifts as (select moment, timezone($zone, moment at time zone 'UTC') - moment as shift from minutes)
        select moment, epoch(shift)::bigint, epoch(lag(shift, 1, shift) over (order by moment))::bigint
        from shifts qualify lag(shift) over (order by moment) is distinct from shift order by moment""",
        {"zone": zone, "first": first, "last": last},
    ).fetchall()
    return _by_span(rows)


def _by_span(changes: list[tuple[Any, ...]]) -> str:
    """Give SQL for `moment` minus the offset that holds then; `changes` are (UTC, offset from then on, before)."""
    branches = []
    for when, after, before in changes[1:]:
        low, high = (f"timestamp '{when}' + to_seconds({shift})" for shift in sorted((before, after)))
        branches.append(f"when moment < {low} then moment - to_seconds({before})")
        branches.append(f"when moment < {high} then null")
    last = f"moment - to_seconds({changes[-1][1]})"
    return f"case {' '.join(branches)} else {last} end" if branches else last


def _said(zone: str) -> str:
    """Give UTC+3 for Etc/GMT-3: POSIX has the sign the other way round."""
    fixed = re.fullmatch(r"Etc/GMT([+-])(\d+)", zone)
    return f"UTC{'-' if fixed[1] == '+' else '+'}{fixed[2]}" if fixed else zone


def _note(reading: _Reading, zone: Zone) -> str | None:
    if zone.name != "UTC":
        claim = ", although the file says that they are UTC" if reading.stated == "true" else ""
        return f"times read on the clock of {_said(zone.name)}{claim}"
    if reading.stated == "true":
        return f"times read as {reading.form}" if reading.form.startswith("epoch") else None
    return "times state no zone: read as UTC (otherwise give --tz)"
