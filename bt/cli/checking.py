"""The command that looks for what is wrong with candles and funding, stored or in a file: check."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.cli.data import stored
from bt.cli.importing import mapping, tell
from bt.errors import BtError, ExitCode, WarehouseError
from bt.output import Done

if TYPE_CHECKING:
    import polars as pl

    from bt.ingest import ImportOptions
    from bt.warehouse import Warehouse

_FILES = {".csv", ".parquet", ".gz", ".zip", ".feather", ".json"}


@taking(OutputOptions)
def check(
    asked: OutputOptions,
    what: Annotated[
        list[str] | None, typer.Argument(help="Symbols, or files to audit.", metavar="[SYMBOL…|FILE…]")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as faults.")] = False,
    symbol: Annotated[
        str | None, typer.Option("--symbol", "-s", help="For files: the symbol that they are to be imported as.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="For files: candles or funding; else their columns tell.")
    ] = None,
    columns: Annotated[str | None, typer.Option("--map", help="For files: ours to the file's columns.")] = None,
    tz: Annotated[str | None, typer.Option("--tz", help="For files: as in bt import.")] = None,
) -> Done:
    """Look for gaps, impossible or unlikely candles and holes in funding; exit 1 if there are faults.

    Stored symbols, or files before they are imported: these are also compared with the stored candles.
    """
    import polars as pl

    from bt.ingest import ImportOptions

    call = asked.session()
    files = [Path(one) for one in what or [] if _looks_like_a_file(one)]
    names = [one for one in what or [] if not _looks_like_a_file(one)]
    options = ImportOptions(columns=mapping(columns), tz=tz, skip_bad=True)
    call.narrator.stage("checking", place=(1, 1))
    found = [_of_files(files, call, options, symbol=symbol, kind=kind)] if files else []
    if names or not files:
        warehouse = call.warehouse()
        if not names and not stored(warehouse, []):
            raise BtError("there is nothing to check: no candles yet", "bt ingest SYMBOL, or bt import FILE")
        found.append(_of_symbols(stored(warehouse, names), warehouse, call))
        if not names:
            found.append(_broken_checks(warehouse, call, found[-1]))
    return _report(pl.concat(found), call, strict=strict, form=asked.form, out=asked.out)


def _report(frame: pl.DataFrame, call: shared.Session, *, strict: bool, form: str, out: Path | None) -> Done:
    """Print the findings, and say of each what it is and what mends it."""
    import polars as pl

    from bt.output import emit
    from bt.wording import counted

    errors, warnings = (int((frame["severity"] == severity).sum()) for severity in ("error", "warning"))
    if form == "table":
        emit(frame.drop("detail", "cure").with_columns(pl.col("first", "last").dt.truncate("1m")), form, out)
        for row in frame.to_dicts():
            mend = f"; try: {row['cure']}" if row["cure"] else ""
            call.narrator.say(f"{row['symbol']}: {row['found']:,} {row['finding']}: {row['detail']}{mend}")
    else:
        emit(frame, form, out)
    unsound = errors or (strict and warnings)
    call.narrator.say(
        f"{'unsound' if unsound else 'sound'}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"
        + ("" if errors or warnings else " · next: bt run STRATEGY -s SYMBOL, or bt import FILE")
    )
    code = ExitCode.INCOMPLETE if unsound else ExitCode.OK
    return Done(code=code, counts={"errors": errors, "warnings": warnings})


def _of_symbols(names: list[str], warehouse: Warehouse, call: shared.Session) -> pl.DataFrame:
    """Ask for one symbol after the other: so memory does not grow with their number."""
    import polars as pl

    from bt.ingest.inspecting import FINDINGS, SCHEMA, worst_first

    question = f"{FINDINGS} where symbol = $symbol order by finding"
    frames = [pl.DataFrame(schema=SCHEMA)]
    for place, name in enumerate(names):
        call.narrator.progress(place, len(names), name)
        found = shared.stoppable(partial(warehouse.query, question, {"symbol": name}))
        frames.append(worst_first(found.cast(pl.Schema(SCHEMA))))
        if found.is_empty():
            call.narrator.say(f"{name}: nothing found")
    if names:
        call.narrator.progress(len(names), len(names))
    return pl.concat(frames)


def _broken_checks(warehouse: Warehouse, call: shared.Session, like: pl.DataFrame) -> pl.DataFrame:
    """Run the queries of sql/checks, which must return no rows; give a finding for each that does."""
    import polars as pl

    from bt import assets

    broken = []
    for folder in (assets.folder("sql"), *call.sql_folders()):
        for path in sorted((folder / "checks").glob("*.sql")):
            rows = shared.stoppable(partial(warehouse.ask, path.read_text(encoding="utf-8")))
            if rows.height:
                detail = ", ".join(f"{name} {value}" for name, value in rows.row(0, named=True).items())
                broken.append(
                    {"symbol": "(warehouse)", "finding": path.stem, "severity": "error", "found": rows.height,
                     "detail": f"first: {detail}", "cure": f"bt sql -f {path}"}
                )  # fmt: skip
    return pl.DataFrame(broken, schema=like.schema)


def _of_files(
    files: list[Path], call: shared.Session, options: ImportOptions, *, symbol: str | None, kind: str | None
) -> pl.DataFrame:
    """Inspect files, beside the stored candles where there are any."""
    import polars as pl

    from bt import symbols
    from bt.ingest import inspect_file

    known = _known(call)
    frames = []
    for file in files:
        inspected = inspect_file(
            file, symbol=symbols.parse(symbol) if symbol else None, kind=kind, options=options, known=known
        )
        tell(call.narrator, file, inspected.imported)
        if inspected.findings.is_empty():
            call.narrator.say(f"{file.name}: nothing found")
        frames.append(inspected.findings)
    return pl.concat(frames)


def _known(call: shared.Session) -> Warehouse | None:
    """Open the warehouse if there is one; a file can be judged without it."""
    if not Path(call.settings.db).exists():
        return None
    try:
        warehouse = call.warehouse()
        with warehouse.read():
            return warehouse
    except (BtError, WarehouseError) as error:
        call.narrator.say(f"not compared with stored candles: {error.what}")
        return None


def _looks_like_a_file(text: str) -> bool:
    path = Path(text)
    return path.is_file() or path.suffix.lower() in _FILES or "/" in text
