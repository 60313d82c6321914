"""Commands about stored candles: data, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt.cli import shared
from bt.cli.importing import mapping, tell
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    import polars as pl

    from bt.output import Narrator
    from bt.warehouse import Warehouse


def data(
    symbols: Annotated[list[str] | None, typer.Argument(help="Only these.", metavar="[SYMBOL…]")] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Show what candles there are: first, last, how many, how complete."""
    from bt.output import emit

    call = shared.session({"db": db}, form=form, out=out, quiet=quiet)
    warehouse = call.warehouse()
    names = _stored(warehouse, symbols or [])
    frame = warehouse.query(
        """
        select
            symbol,
            first_ts as first,
            last_ts as last,
            candles,
            round(100 * complete, 4) as "%",
            missing,
            absent,
        from coverage
        where list_contains($names, symbol)
        order by symbol
        """,
        {"names": names},
    )
    if form == "table" and not frame["absent"].sum():
        frame = frame.drop("absent")
    emit(frame, form, out)
    if frame.is_empty():
        call.narrator.say("no candles yet: bt ingest SYMBOL, or bt import FILE --symbol SYMBOL")
    elif warehouse.path:
        size = warehouse.path.stat().st_size
        call.narrator.say(f"{warehouse.path}: {size / 1e6:,.1f} MB")
    return ExitCode.OK


def check(
    what: Annotated[
        list[str] | None, typer.Argument(help="Symbols, or files to audit.", metavar="[SYMBOL…|FILE…]")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as faults.")] = False,
    columns: Annotated[str | None, typer.Option("--map", help="For files: ours to the file's columns.")] = None,
    tz: Annotated[str | None, typer.Option("--tz", help="For files: as in bt import.")] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Look for gaps, duplicates and impossible candles, in the warehouse or in files; exit 1 if there are faults."""
    import polars as pl

    from bt.output import emit

    call = shared.session({"db": db}, form=form, out=out, quiet=quiet, progress=progress)
    files = [Path(one) for one in what or [] if _looks_like_a_file(one)]
    names = [one for one in what or [] if not _looks_like_a_file(one)]
    found = [_audit(file, columns, tz, call.narrator) for file in files]
    if names or not files:
        warehouse = call.warehouse()
        stored = _stored(warehouse, names)
        found.append(_findings(warehouse, stored, call.narrator))
        if not names:
            found.append(_broken_checks(warehouse, call, found[-1].schema))
    frame = pl.concat(found)
    errors = frame.filter(pl.col("severity") == "error").height
    warned = frame.filter(pl.col("severity") == "warning").height
    if form == "table":
        emit(frame.drop("detail", "cure"), form, out)
        for row in frame.to_dicts():
            mend = f"; try: {row['cure']}" if row["cure"] else ""
            call.narrator.say(f"{row['symbol']}: {row['found']} {row['finding']}: {row['detail']}{mend}")
    else:
        emit(frame, form, out)
    unsound = errors or (strict and warned)
    call.narrator.say(f"{'unsound' if unsound else 'sound'}: {errors} errors, {warned} warnings")
    return ExitCode.INCOMPLETE if unsound else ExitCode.OK


def _findings(warehouse: Warehouse, names: list[str], narrator: Narrator) -> pl.DataFrame:
    frame = warehouse.query(
        """
        select symbol, finding, severity, found, first_ts as first, last_ts as last, detail, cure
        from findings
        where list_contains($names, symbol)
        order by symbol, severity, finding
        """,
        {"names": names},
    )
    for name in sorted(set(names) - set(frame["symbol"].to_list())):
        narrator.say(f"{name}: nothing found")
    return frame


def _broken_checks(warehouse: Warehouse, call: shared.Session, schema: Any) -> pl.DataFrame:
    """Run the queries of sql/checks, which must return no rows; give a finding for each that does."""
    import polars as pl

    from bt import assets

    broken = []
    for folder in (assets.folder("sql"), *call.sql_folders()):
        for path in sorted((folder / "checks").glob("*.sql")):
            rows = warehouse.ask(path.read_text(encoding="utf-8"))
            if rows.height:
                detail = ", ".join(f"{name} {value}" for name, value in rows.row(0, named=True).items())
                broken.append(
                    {"symbol": "(warehouse)", "finding": path.stem, "severity": "error", "found": rows.height,
                     "detail": f"first: {detail}", "cure": f"bt sql -f {path}"}
                )  # fmt: skip
    return pl.DataFrame(broken, schema=schema)


def _audit(file: Path, columns: str | None, tz: str | None, narrator: Narrator) -> pl.DataFrame:
    """Import a file into a warehouse that is thrown away, and say what the checks find there."""
    import polars as pl

    from bt.ingest import ImportOptions, audit_file

    options = ImportOptions(columns=mapping(columns), tz=tz, skip_bad=True)
    with audit_file(file, options=options) as (warehouse, imported):
        tell(narrator, file, imported)
        found = _findings(warehouse, [imported.symbol], narrator)
        found = found.with_columns(symbol=pl.lit(file.name), cure=pl.lit(""))
        if not imported.rejected:
            return found
        first = imported.rejected_examples[0]
        row = {
            "symbol": file.name,
            "finding": "rejected",
            "severity": "error",
            "found": imported.rejected,
            "detail": f"first: row {first.row}, {first.column or 'the whole row'}: {first.reason} ({first.value})",
            "cure": "bt import --skip-bad stores the other rows",
        }
        return pl.concat([pl.DataFrame([row], schema=found.schema), found])


def _stored(warehouse: Warehouse, wanted: list[str]) -> list[str]:
    """Give the names of symbols with candles or funding: all of them, or those wanted, which must be there."""
    from bt import symbols

    known = warehouse.query("select symbol from coverage union select symbol from funding order by symbol")["symbol"]
    names = [symbol.name for symbol in symbols.parse_many(wanted)] if wanted else known.to_list()
    for name in names:
        if name not in known:
            raise BtError(f"there are no candles of {name}", f"there are: {', '.join(known) or 'none yet'}")
    return names


def _looks_like_a_file(text: str) -> bool:
    path = Path(text)
    return (
        path.is_file() or path.suffix.lower() in {".csv", ".parquet", ".gz", ".zip", ".feather", ".json"} or "/" in text
    )
