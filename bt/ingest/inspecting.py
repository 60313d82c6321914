"""What is wrong with a file before it is imported: the findings of stored candles, and what these say about it."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt import symbols
from bt.errors import BtError
from bt.ingest import audit
from bt.ingest.asking import one
from bt.ingest.columns import squeezed
from bt.ingest.comparing import contradictions, find_stored, written_early
from bt.ingest.files import finish, staged, temporary
from bt.ingest.kinds import CANDLES, kind_named
from bt.ingest.staging import from_minutes
from bt.ingest.values import DEFAULTS
from bt.warehouse import Warehouse
from bt.wording import counted, minute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.ingest.files import Staged
    from bt.ingest.values import Imported, ImportOptions
    from bt.symbols import Symbol

FINDINGS: Final = (
    "select symbol, finding, severity, found, first_ts as first, last_ts as last, detail, cure from findings"
)
_SMALL: Final = 200_000  # rows that are judged in memory, which spares making a file
_ORDER: Final = ("error", "warning", "note")
SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "finding": pl.String(),
    "severity": pl.String(),
    "found": pl.Int64(),
    "first": pl.Datetime("us"),
    "last": pl.Datetime("us"),
    "detail": pl.String(),
    "cure": pl.String(),
}  # of findings; `symbol` is the file's name


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What became of a file's rows in a warehouse that is thrown away, and what was found, the worst first."""

    imported: Imported
    findings: pl.DataFrame


@contextmanager
def audit_file(
    path: str | Path, *, symbol: Symbol | None = None, kind: str = "candles", options: ImportOptions = DEFAULTS
) -> Iterator[tuple[Warehouse, Imported]]:
    """Give a warehouse of the file's sound rows, for as long as the block lasts, and what became of its rows.

    The symbol is the file's own where none is given. Raises BtError for a file that cannot be read, is not 1m or has
    no sound row.
    """
    lenient = replace(options, skip_bad=True)
    with (
        staged(Path(path), kind_named(kind), lenient) as found,
        _stored(found, symbol or _own(found, ""), lenient) as it,
    ):
        yield it


def inspect_file(
    path: str | Path,
    *,
    symbol: Symbol | None = None,
    kind: str | None = None,
    options: ImportOptions = DEFAULTS,
    known: Warehouse | None = None,
) -> Inspected:
    """Say what is wrong with a file of candles of any timeframe, or of funding rates.

    Candles are compared with those that the warehouse `known` holds of `symbol`, or of any symbol that the file's
    label could mean. Raises BtError for a file that cannot be read or has no sound row.
    """
    path, lenient = Path(path), replace(options, skip_bad=True)
    with staged(path, kind_named(kind) if kind else None, lenient, only_judged=True) as found:
        met = find_stored(found, known, symbol) if known else None
        named = symbol or (met.symbol if met else None)
        command = f"bt import {shlex.quote(str(path))} --symbol {named or 'SYMBOL'}"
        is_small = found.audit.rows <= _SMALL
        with _stored(found, named or _own(found, "file:"), lenient, in_memory=is_small) as (warehouse, imported):
            rows = _rejected(found, warehouse, command)
            rows += _of_candles(warehouse, found.step, is_named=named is not None)
        rows += contradictions(found, known, met, command) if known and met else []
        rows += written_early(found, path, rows)
    findings = pl.DataFrame([row | {"symbol": path.name} for row in rows], schema=SCHEMA)
    return Inspected(imported=imported, findings=worst_first(findings))


def worst_first(findings: pl.DataFrame) -> pl.DataFrame:
    """Put errors before warnings and these before notes, else in the order in which they are."""
    return findings.sort(pl.col("severity").cast(pl.Enum(_ORDER)), maintain_order=True)


@contextmanager
def _stored(
    found: Staged, symbol: Symbol, options: ImportOptions, *, in_memory: bool = False
) -> Iterator[tuple[Warehouse, Imported]]:
    with temporary() as folder:
        warehouse = Warehouse(":memory:" if in_memory else folder / "audit.duckdb")
        yield warehouse, finish(warehouse, found, symbol, options, lambda _done, _all: None)


def _own(found: Staged, prefix: str) -> Symbol:
    """Read the file's label as a symbol; `prefix` says for candles that nobody knows of which exchange they are."""
    prefix = prefix if found.kind is CANDLES else ""
    try:
        return symbols.parse(prefix + squeezed(found.label or "").upper())
    except BtError:
        return symbols.parse(prefix + "FILE")


def _rejected(found: Staged, warehouse: Warehouse, command: str) -> list[dict[str, Any]]:
    """Give the rows that an import would refuse, by reason; their own times, but those of candles without a minute."""
    frame = warehouse.query(
        "select finding, 'error' as severity, found, first_ts as first, last_ts as last, detail, $cure as cure "
        "from left_out order by found desc, finding",
        {"cure": f"{command} --skip-bad" if found.step == audit.MINUTE else ""},
    )
    rows = frame.to_dicts()
    for row in rows:
        for end in ("first", "last"):
            row[end] = from_minutes(row[end], found.step) if row[end] else None
        if row["finding"] == "off_minute":
            row["detail"] = _with_them(found) if found.step == audit.MINUTE else "between the times of such candles"
    return rows


def _with_them(found: Staged) -> str:
    """Say how far off the minute candles are, and what the file is like if they count."""
    gaps, minutes, longest, idle = one(
        found.connection,
        """with counting as (
            select ts, volume from sound
            union all
            select ts, volume from staged semi join (from faults where reason = 'not on the minute') using (row_number)
        ),
        steps as (select volume, epoch_us(ts - lag(ts) over (order by ts)) // 60000000 - 1 as missing from counting)
        select count(*) filter (missing > 0), coalesce(sum(missing) filter (missing > 0), 0)::bigint,
            coalesce(max(missing), 0), count(*) filter (volume = 0) from steps""",
    )
    return (
        f"{audit.fault_counts(found.connection)}; with them {counted(gaps, 'gap')} of {counted(minutes, 'minute')}, "
        f"the longest {longest:,}, and {counted(idle, 'minute')} without a trade"
    )


def _of_candles(warehouse: Warehouse, step: int, *, is_named: bool) -> list[dict[str, Any]]:
    """Give what the view says; where nobody said which symbol it is, no command can bring its data."""
    rows = warehouse.query(f"{FINDINGS} order by finding").to_dicts()
    if not is_named:
        rows = [row | {"cure": ""} for row in rows]
    return rows if step == audit.MINUTE else _of_other_timeframe(warehouse, rows, step)


def _of_other_timeframe(warehouse: Warehouse, rows: list[dict[str, Any]], step: int) -> list[dict[str, Any]]:
    """Keep what does not depend on the length of a candle, in the file's own times; say that it cannot be stored."""
    name = audit.timeframe(step)
    missing, longest, since = warehouse.query(
        "select sum(minutes)::bigint, max(minutes), first(first_ts order by minutes desc, first_ts asc) from gaps"
    ).row(0)
    said = {
        "impossible": None,
        "duplicate": None,
        "zero_volume": "no volume: no trade, or prices of a mark or an index",
    }
    if missing:
        begin = minute(from_minutes(since, step))
        said["gap"] = f"{counted(missing, f'{name} candle')} missing, the longest run {longest:,} from {begin}"
    kept = [
        row
        | {end: from_minutes(row[end], step) for end in ("first", "last")}
        | {"detail": said[row["finding"]] or row["detail"], "cure": ""}
        | ({"severity": "note"} if row["finding"] == "zero_volume" else {})
        for row in rows
        if row["finding"] in said
    ]
    first, last, candles = warehouse.query("select min(ts), max(ts), count(*) from candles").row(0)
    ends = {"first": from_minutes(first, step), "last": from_minutes(last, step)}
    detail = f"{name} candles: {audit.ONLY_1M}, every other timeframe is a view of them"
    return [
        *kept,
        {"finding": "timeframe", "severity": "note", "found": candles, **ends, "detail": detail, "cure": ""},
    ]
