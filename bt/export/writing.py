"""One export from beginning to end: what goes into which file, whether it may be there, and then the writing."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from bt.errors import BtError
from bt.export.candles import file_name, write_candles
from bt.export.document import LISTS, write_document
from bt.export.rows import WRITERS
from bt.export.tables import ALL, asked_for, pieces
from bt.output import require_free, written_whole
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from bt.export.targets import Target
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

_NUMBER: Final = re.compile(r"\(os error (\d+)\)$")
_SINGLE: Final = {"run": "trades", "walk": "trades", "sweep": "trials"}  # the table of a file that holds one


@dataclass(frozen=True, kw_only=True)
class Written:
    """One file that was written, or stdout (no `path`), and the rows in it."""

    what: str
    rows: int
    path: Path | None


def export_run(
    warehouse: Warehouse, run: Mapping[str, Any], target: Target, *, what: str | None = None, force: bool = False
) -> Iterator[Written]:
    """Write tables of a run, whose row of `runs` is given; `what` is a comma list of tables, or `all`.

    Without it a workbook, a JSON file and a folder get all tables, and a file of rows the trades (of a sweep the
    trials). All is read from one state of the warehouse. Raises BtError before anything is written where a file
    exists and `force` is not given, or a table is asked for that the run does not have.
    """
    jobs = _jobs(run, target, what)
    places = [_place(target, f"{job.name}.{target.form}") for job in jobs]
    _require_free(warehouse, places, force=force)
    with warehouse.read() as connection:
        for place, job in zip(places, jobs, strict=True):
            with _opened(place) as file:
                rows = job.write(connection, file)
            yield Written(what=job.name, rows=rows, path=place)


def export_candles(
    warehouse: Warehouse,
    symbols: Sequence[Symbol],
    timeframes: Sequence[str],
    target: Target,
    *,
    span: tuple[datetime | None, datetime | None] = (None, None),
    force: bool = False,
) -> Iterator[Written]:
    """Write the bars of symbols, each symbol and timeframe to a file; see `write_candles`."""
    if target.form == "xlsx":
        raise BtError("candles do not go into a workbook", "-O FOLDER/, or FILE.csv, FILE.parquet for one symbol")
    jobs = [(symbol, timeframe) for symbol in symbols for timeframe in timeframes]
    if len(jobs) > 1 and not target.is_folder:
        raise BtError(
            f"{counted(len(jobs), 'series', 'series')} of candles do not go into one file",
            f"name a folder: -O FOLDER/ --format {target.form}",
        )
    places = [_place(target, file_name(*job, target.form)) for job in jobs]
    _require_free(warehouse, places, force=force)
    for place, (symbol, timeframe) in zip(places, jobs, strict=True):
        with _opened(place) as file:
            rows = write_candles(warehouse, symbol, timeframe=timeframe, file=file, form=target.form, span=span)
        yield Written(what=f"{symbol} {timeframe}", rows=rows, path=place)


@dataclass(frozen=True)
class _Job:
    """What goes into one file."""

    name: str
    write: Callable[[duckdb.DuckDBPyConnection, IO[bytes]], int]


def _jobs(run: Mapping[str, Any], target: Target, what: str | None) -> list[_Job]:
    takes_all = target.path is not None and (target.is_folder or target.form in {"json", "xlsx"})
    what = what or (ALL if takes_all else _SINGLE[run["kind"]])
    names = asked_for(what, run["kind"])
    if target.is_folder:
        return [_Job(name, _rows(run, name, target.form)) for name in names]
    if target.form == "xlsx":
        return [_Job(what, _workbook(run, None if what == ALL else names))]
    if target.form == "json" and (what == ALL or len(names) > 1):
        return [_Job(what, _document(run, LISTS if what == ALL else names))]
    if len(names) > 1:
        raise BtError(
            f"one {target.form} file holds one table, not {len(names)}",
            f"--what {names[0]}, or a folder for all of them: -O FOLDER/ --format {target.form}",
        )
    return [_Job(names[0], _rows(run, names[0], target.form))]


def _rows(run: Mapping[str, Any], name: str, form: str) -> Callable[[duckdb.DuckDBPyConnection, IO[bytes]], int]:
    return lambda connection, file: WRITERS[form](pieces(connection, run["run_id"], name), file)


def _document(run: Mapping[str, Any], names: Sequence[str]) -> Callable[[duckdb.DuckDBPyConnection, IO[bytes]], int]:
    return lambda connection, file: write_document(connection, run, file, names=names)


def _workbook(
    run: Mapping[str, Any], names: Sequence[str] | None
) -> Callable[[duckdb.DuckDBPyConnection, IO[bytes]], int]:
    from bt.export.workbook import write_workbook  # what writes workbooks takes its time to be imported

    return lambda connection, file: write_workbook(connection, run, file, names=names)


def _place(target: Target, name: str) -> Path | None:
    return target.path / name if target.path and target.is_folder else target.path


def _require_free(warehouse: Warehouse, places: Sequence[Path | None], *, force: bool) -> None:
    """Refuse, before anything is written, what would be overwritten; the warehouse and the files beside it always."""
    for place in filter(None, places):
        own = warehouse.path.resolve() if warehouse.path else None
        if own and place.parent.resolve() == own.parent and place.name.startswith(own.name):
            raise BtError(f"{place} is the warehouse, or belongs to it", "choose another name")
        require_free(place, force=force)


@contextmanager
def _opened(place: Path | None) -> Iterator[IO[bytes]]:
    if place is not None:
        with written_whole(place) as file:
            yield file
        return
    if sys.stdout is None:
        raise BtError("there is no stdout to write to", "name a file: -O FILE")
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except OSError as error:
        raise _numbered(error) from None


def _numbered(error: OSError) -> OSError:
    """Give an error of the system its number back, which Polars keeps in the text only."""
    said = _NUMBER.search(str(error))
    return error if error.errno or not said else OSError(int(said[1]), os.strerror(int(said[1])))
