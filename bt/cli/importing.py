"""The command that imports files: import."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli.asking import OutputOptions, taking
from bt.cli.compacting import put_in_order
from bt.errors import BtError, ExitCode
from bt.output import Done
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bt.ingest import Imported
    from bt.output import Narrator

_COLUMNS = ("symbol", "rows", "stored", "unchanged", "changed", "rejected", "first_ts", "last_ts")


@taking(OutputOptions)
def import_(
    asked: OutputOptions,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, Parquet, Feather or JSON files; archives of Binance and Bybit as they are.", metavar="FILE…"
        ),
    ],
    symbol: Annotated[
        str, typer.Option("--symbol", "-s", help="Symbol the rows belong to, e.g. BTCUSDT or binance:BTCUSDT.")
    ],
    kind: Annotated[str, typer.Option("--kind", help="candles or funding.")] = "candles",
    columns: Annotated[
        str | None, typer.Option("--map", help="Ours to the file's columns: ts=time,volume=vol.")
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option("--tz", help="Zone of times that name none (UTC); force:ZONE where the file names a wrong one."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Store the sound rows, record the others.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Let changed candles replace the stored ones.")] = False,
    source: Annotated[str | None, typer.Option("--source", help="Where the rows come from, as recorded.")] = None,
) -> Done:
    """Import 1-minute candles or funding rates from files; the same file again stores nothing twice.

    Of many files each is stored or refused by itself: exit 1 if some were refused, 2 if all were.
    """
    from bt import symbols
    from bt.ingest import ImportOptions, check_options, import_file

    if kind not in {"candles", "funding"}:
        raise BtError(f"there is no kind {kind!r}", "--kind candles or --kind funding")
    known = symbols.parse(symbol)
    options = ImportOptions(
        columns=mapping(columns), tz=tz, skip_bad=skip_bad, replace=replace, source=source
    )  # fmt: skip
    call = asked.session()
    files = _chosen(files)
    check_options(kind, options)
    warehouse = call.warehouse(create=True)
    done: list[tuple[Path, Imported | BtError]] = []
    said: Counter[str] = Counter()
    for place, file in enumerate(files, 1):
        call.narrator.stage("importing", place=(place, len(files)))
        try:
            imported = import_file(
                warehouse, file, symbol=known, kind=kind, options=options, progress=call.narrator.progress
            )
        except BtError as error:
            if len(files) == 1 or error.code != ExitCode.USAGE:  # a broken warehouse breaks off, a bad file does not
                raise
            call.narrator.refused(error.what, error.cure)
            done.append((file, error))
        else:
            tell(call.narrator, file, imported, said)
            done.append((file, imported))
    for note, times in said.items():
        if times > 1:
            call.narrator.say(f"{counted(times - 1, 'other file')}: {note}")
    put_in_order(call, warehouse)
    _print_imported(done, asked.form, asked.out)
    code = _judged(call.narrator, done, replaced=replace)
    return Done(code=code, counts=_counts(done))


def _counts(done: Sequence[tuple[Path, Imported | BtError]]) -> dict[str, int]:
    """Count the rows of all files, and what became of them."""
    names = ("rows", "stored", "unchanged", "changed", "rejected")
    read = [answer for _, answer in done if not isinstance(answer, BtError)]
    return {name: sum(getattr(each, name) for each in read) for name in names} | {"refused": len(done) - len(read)}


def _chosen(files: list[Path]) -> list[Path]:
    """Give the files to import: each once, none that is missing, and no checksum of another one."""
    unique = list(dict.fromkeys(files))
    for file in unique:
        if not file.is_file():
            raise BtError(f"there is no file {file}", "nothing was imported")
    return [file for file in unique if file.suffix != ".CHECKSUM" or file.with_suffix("") not in unique]


def tell(narrator: Narrator, file: Path, imported: Imported, said: Counter[str] | None = None) -> None:
    """Say what is worth knowing about a file; what was `said` of one before is counted there and not repeated."""
    for note in imported.notes:
        if said is None or not said[note]:
            narrator.say(f"{file.name}: {note}")
        if said is not None:
            said[note] += 1
    for example in imported.changed_examples:
        values = f"{example.column} {example.found:.10g}, stored {example.stored:.10g}"
        narrator.say(f"{file.name}: {example.ts:%Y-%m-%d %H:%M} differs: {values}")


def _judged(narrator: Narrator, done: Sequence[tuple[Path, Imported | BtError]], *, replaced: bool) -> ExitCode:
    """Give the exit code of what became of the files."""
    refused = sum(isinstance(answer, BtError) for _, answer in done)
    changed = any(not isinstance(answer, BtError) and answer.changed for _, answer in done)
    if refused == len(done):
        return ExitCode.USAGE
    if refused:
        narrator.say(f"{refused} of {len(done)} files refused: nothing of them is stored, the others are")
    return ExitCode.INCOMPLETE if refused or (changed and not replaced) else ExitCode.OK


def _print_imported(done: Sequence[tuple[Path, Imported | BtError]], form: str, out: Path | None) -> None:
    """Print a row for each file; a refused one has no numbers, and where no person reads it, what was wrong."""
    import polars as pl

    from bt.output import emit

    rows = [
        {"file": file.name}
        | {column: getattr(answer, column, None) for column in _COLUMNS}
        | {"refused": answer.what if isinstance(answer, BtError) else None}
        for file, answer in done
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None).rename({"first_ts": "first", "last_ts": "last"})
    emit(frame.drop("refused") if form == "table" else frame, form, out)


def mapping(text: str | None) -> dict[str, str]:
    """Read `ts=time,volume=vol`."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair]
    for ours, sign, theirs in pairs:
        if not sign or not ours or not theirs:
            raise BtError(f"--map {text} is not a list of pairs", "write --map ts=time,volume=vol")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
