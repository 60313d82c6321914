"""How a file gets into the warehouse: read whole into a scratch database, audited, and only then stored."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from bt.errors import BtError
from bt.ingest import audit, notes, staging, storing
from bt.ingest.agreement import compare
from bt.ingest.clock import zone_named
from bt.ingest.columns import check_mapped, choose, kind_of, rate_in_open
from bt.ingest.kinds import CANDLES, kind_named
from bt.ingest.reading import load, readable
from bt.ingest.sources import open_source
from bt.ingest.storing import Target
from bt.ingest.values import DEFAULTS, Imported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.ingest.agreement import Shift
    from bt.ingest.audit import Audit
    from bt.ingest.clock import Clock
    from bt.ingest.kinds import Kind
    from bt.ingest.values import ImportOptions, Progress
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

_SCRATCH: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": "1GB",
    "threads": "2",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A file in the scratch database, found fit to be stored, or only to be judged.

    `step` is the candles' timeframe in µs. Other candles than those of one minute stand on a clock on which they are;
    they are only judged.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    kind: Kind
    clock: Clock
    zone: str
    audit: Audit
    label: str | None
    step: int
    only_judged: bool
    notes: tuple[str, ...]

    def zone_of(self, shift: Shift) -> str:
        """Give what --tz takes for a file on another clock."""
        return f"{'force:' if self.clock.states_zone else ''}{shift.zone}"


def import_file(
    warehouse: Warehouse,
    path: str | Path,
    *,
    symbol: Symbol,
    kind: str = "candles",
    options: ImportOptions = DEFAULTS,
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
    with staged(path, kind_named(kind), options) as found:
        return finish(warehouse, found, symbol, options, progress or (lambda _done, _all: None))


def check_options(kind: str, options: ImportOptions) -> None:
    """Refuse what is wrong with the options whatever the file."""
    check_mapped(kind_named(kind), options.columns)
    if options.tz:
        with closing(duckdb.connect(config=_SCRATCH)) as connection:
            zone_named(connection, options.tz)


@contextmanager
def staged(path: Path, kind: Kind | None, options: ImportOptions, *, only_judged: bool = False) -> Iterator[Staged]:
    """Read a file into a scratch database and audit it; one that is only judged may be of any timeframe.

    Where no kind is given, the file's name and columns tell it. Raises BtError as `import_file` does.
    """
    with temporary() as folder, closing(duckdb.connect(str(folder / "scratch.duckdb"), config=_SCRATCH)) as connection:
        connection.execute("set timezone = 'UTC'; pragma disable_checkpoint_on_shutdown")
        source = open_source(connection, path, folder)
        kind = kind or kind_of(path.name, source.header, options.columns)
        columns = {**rate_in_open(path.name, source.header, kind), **options.columns}
        places = choose(source.name, source.header, kind, columns)
        load(connection, source, places, tolerant=options.skip_bad, folder=folder)
        with readable(source.name):
            label = audit.check_labels(connection, source.name, places)
        clock = staging.stage(connection, source, kind, places, zone := options.tz or source.zone or "UTC")
        step = audit.MINUTE
        if kind is CANDLES:
            audit.check_prices(connection, source.name)
            usual = audit.usual_step(connection)
            if only_judged and usual % audit.MINUTE == 0:
                step = usual
                staging.as_minutes(connection, step)
            else:
                audit.check_timeframe(connection, source.name, places, usual)
        staging.judge(connection, source, kind, places, clock)
        yield Staged(
            connection=connection,
            name=source.name,
            kind=kind,
            clock=clock,
            zone=zone,
            audit=audit.check_rows(connection, source.name, skip_bad=options.skip_bad),
            label=label,
            step=step,
            only_judged=only_judged,
            notes=(*source.notes, *filter(None, [clock.note])),
        )


def finish(warehouse: Warehouse, found: Staged, symbol: Symbol, options: ImportOptions, progress: Progress) -> Imported:
    """Store what was staged and say what became of it."""
    rows, source = found.audit, options.source or found.name
    target = Target(warehouse=warehouse, kind=found.kind, symbol=symbol, source=source, replace=options.replace)
    clock_notes = _compared(found, target, options)
    outcome = storing.store_all(found.connection, target, rows.sound, progress)
    changes = notes.about_changes(outcome, found.kind.noun, rows.last_ts, explained=bool(clock_notes))
    return Imported(
        symbol=symbol.name,
        kind=found.kind.table,
        rows=rows.rows,
        stored=outcome.inserted,
        unchanged=outcome.unchanged,
        changed=outcome.changed,
        rejected=rows.rows - rows.sound,
        first_ts=rows.first_ts,
        last_ts=rows.last_ts,
        rejected_examples=rows.examples,
        changed_examples=outcome.examples,
        notes=(*_about_file(found, symbol), *changes, *clock_notes),
    )


def _about_file(found: Staged, symbol: Symbol) -> list[str]:
    file = found.connection
    said = [*found.notes, *notes.about_label(found.label, symbol), *notes.about_order(file)]
    if found.kind is not CANDLES:
        return [*said, *notes.about_rejected(file, found.audit), *notes.about_settlements(file)]
    if found.only_judged:  # the rest is told by the findings
        return said
    return [*said, *notes.about_rejected(file, found.audit), *notes.about_gaps(file)]


def _compared(found: Staged, target: Target, options: ImportOptions) -> list[str]:
    """Say, or refuse where rows would be stored, that the file's candles are the stored ones on another clock."""
    if found.kind is not CANDLES:
        return []
    shift = compare(found.connection, target.warehouse, target.symbol.name, found.audit.sound).shift
    if shift is None:
        return []
    cure = f"try --tz {found.zone_of(shift)}"
    if found.zone != "UTC":
        cure = f"is --tz {found.zone} right?"
    if shift.adds or options.replace:  # it would mix two clocks in one symbol
        raise BtError(f"{found.name}: {shift.sentence}: its times are not UTC", cure)
    return [f"{shift.sentence}: the file's times are probably of another zone; {cure}"]


@contextmanager
def temporary() -> Iterator[Path]:
    """Give a folder for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="bt-import-") as folder:
        yield Path(folder)
