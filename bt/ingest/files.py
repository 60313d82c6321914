"""How a file gets into the warehouse: read whole into a scratch database, audited, and only then stored."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from bt import symbols
from bt.errors import BtError
from bt.ingest import audit, notes, staging, storing
from bt.ingest.agreement import find_shift
from bt.ingest.clock import zone_named
from bt.ingest.columns import check_mapped, choose, rate_in_open, squeezed
from bt.ingest.kinds import CANDLES, kind_named
from bt.ingest.reading import load, readable
from bt.ingest.sources import open_source
from bt.ingest.storing import Target
from bt.ingest.values import Imported, ImportOptions
from bt.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.ingest.audit import Audit
    from bt.ingest.clock import Clock
    from bt.ingest.kinds import Kind
    from bt.ingest.values import Progress
    from bt.symbols import Symbol

_SCRATCH: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": "1GB",
    "threads": "2",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_DEFAULTS: Final = ImportOptions()


@dataclass(frozen=True, kw_only=True)
class _Staged:
    """A file in the scratch database, found fit to be stored."""

    connection: duckdb.DuckDBPyConnection
    name: str
    kind: Kind
    clock: Clock
    zone: str
    audit: Audit
    label: str | None
    notes: tuple[str, ...]


def import_file(
    warehouse: Warehouse,
    path: str | Path,
    *,
    symbol: Symbol,
    kind: str = "candles",
    options: ImportOptions = _DEFAULTS,
    progress: Progress | None = None,
) -> Imported:
    """Store the 1m candles (or `kind="funding"` rates) of a CSV or Parquet file, plain, gzipped or zipped.

    The whole file is audited first: unless `options.skip_bad`, one bad row refuses it and nothing is stored. Rows are
    stored in batches, each one transaction; importing the same file again stores nothing. `progress` is called with
    the rows done and the rows in all. Raises BtError with file, row and column.
    """
    path = Path(path)
    if warehouse.path and warehouse.path.exists() and path.exists() and path.samefile(warehouse.path):
        raise BtError(f"{path} is the warehouse itself", "name a CSV or Parquet file")  # and it must not be opened here
    with _staged(path, kind_named(kind), options) as staged:
        return _finish(warehouse, staged, symbol, options, progress or (lambda _done, _all: None))


def check_options(kind: str, options: ImportOptions) -> None:
    """Refuse what is wrong with the options whatever the file."""
    check_mapped(kind_named(kind), options.columns)
    if options.tz:
        with closing(duckdb.connect(config=_SCRATCH)) as connection:
            zone_named(connection, options.tz)


@contextmanager
def audit_file(
    path: str | Path, *, symbol: Symbol | None = None, kind: str = "candles", options: ImportOptions = _DEFAULTS
) -> Iterator[tuple[Warehouse, Imported]]:
    """Give a warehouse of the file's sound rows, for as long as the block lasts, and what became of its rows.

    The symbol is the file's own where none is given. Raises BtError for a file that cannot be read, is not 1m or has
    no sound row.
    """
    lenient = replace(options, skip_bad=True)
    with _staged(Path(path), kind_named(kind), lenient) as staged, _temporary() as folder:
        warehouse = Warehouse(folder / "audit.duckdb")
        yield (
            warehouse,
            _finish(warehouse, staged, symbol or _own_symbol(staged.label), lenient, lambda _done, _all: None),
        )


@contextmanager
def _staged(path: Path, kind: Kind, options: ImportOptions) -> Iterator[_Staged]:
    with _temporary() as folder, closing(duckdb.connect(str(folder / "scratch.duckdb"), config=_SCRATCH)) as connection:
        connection.execute("set timezone = 'UTC'; pragma disable_checkpoint_on_shutdown")
        source = open_source(connection, path, folder)
        columns = {**rate_in_open(path.name, source.header, kind), **options.columns}
        places = choose(source.name, source.header, kind, columns)
        load(connection, source, places, tolerant=options.skip_bad, folder=folder)
        with readable(source.name):
            label = audit.check_labels(connection, source.name, places, kind.table)
        clock = staging.stage(connection, source, kind, places, zone := options.tz or source.zone or "UTC")
        if kind is CANDLES:
            audit.check_prices(connection, source.name)
            audit.check_step(connection, source.name)
        staging.judge(connection, source, kind, places, clock)
        yield _Staged(
            connection=connection,
            name=source.name,
            kind=kind,
            clock=clock,
            zone=zone,
            audit=audit.check_rows(connection, source.name, skip_bad=options.skip_bad),
            label=label,
            notes=(*source.notes, *filter(None, [clock.note])),
        )


def _finish(
    warehouse: Warehouse, staged: _Staged, symbol: Symbol, options: ImportOptions, progress: Progress
) -> Imported:
    """Store what was staged and say what became of it."""
    rows, source = staged.audit, options.source or staged.name
    target = Target(warehouse=warehouse, kind=staged.kind, symbol=symbol, source=source, replace=options.replace)
    clock_notes = _compared(staged, target, options)
    outcome = storing.store_all(staged.connection, target, rows.sound, progress)
    changes = notes.about_changes(outcome, staged.kind.noun, rows.last_ts, explained=bool(clock_notes))
    return Imported(
        symbol=symbol.name,
        kind=staged.kind.table,
        rows=rows.rows,
        stored=outcome.inserted,
        unchanged=outcome.unchanged,
        changed=outcome.changed,
        rejected=rows.rows - rows.sound,
        first_ts=rows.first_ts,
        last_ts=rows.last_ts,
        rejected_examples=rows.examples,
        changed_examples=outcome.examples,
        notes=(*_about_file(staged, symbol), *changes, *clock_notes),
    )


def _about_file(staged: _Staged, symbol: Symbol) -> list[str]:
    found = staged.connection
    return [
        *staged.notes,
        *notes.about_label(staged.label, symbol),
        *notes.about_order(found),
        *notes.about_rejected(found, staged.audit),
        *(notes.about_gaps(found) if staged.kind is CANDLES else notes.about_settlements(found)),
    ]


def _compared(staged: _Staged, target: Target, options: ImportOptions) -> list[str]:
    """Say, or refuse where rows would be stored, that the file's candles are the stored ones on another clock."""
    shift = find_shift(staged.connection, target, staged.audit.sound) if staged.kind is CANDLES else None
    if shift is None:
        return []
    cure = f"try --tz {'force:' if staged.clock.states_zone else ''}{shift.zone}"
    if staged.zone != "UTC":
        cure = f"is --tz {staged.zone} right?"
    if shift.adds or options.replace:  # it would mix two clocks in one symbol
        raise BtError(f"{staged.name}: {shift.sentence}: its times are not UTC", cure)
    return [f"{shift.sentence}: the file's times are probably of another zone; {cure}"]


def _own_symbol(label: str | None) -> Symbol:
    try:
        return symbols.parse(squeezed(label or "").upper())
    except BtError:
        return symbols.parse("FILE")


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bt-import-") as folder:
        yield Path(folder)
