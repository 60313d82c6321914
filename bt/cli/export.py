"""The command that writes candles into files: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bt.cli import shared
from bt.errors import BtError, ExitCode


def export(
    what: Annotated[str, typer.Option("--what", help="candles: one CSV for each symbol and timeframe.")],
    folder: Annotated[Path, typer.Option("--out", "-O", help="Folder for the files.", metavar="FOLDER")],
    symbol: shared.Symbols = None,
    timeframe: Annotated[
        str, typer.Option("--timeframe", "-t", help="One or a comma list of 1m 3m 5m … 1d 1w.", metavar="T")
    ] = "1m",
    first: shared.First = None,
    end: shared.End = None,
    form: shared.Format = "table",
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Write candles as CSV: FOLDER/BTCUSDT_1m.csv; bt import reads the 1m file back bit by bit."""
    import polars as pl

    from bt import symbols, timeframes
    from bt.export import candles_to_csv
    from bt.output import emit

    if what != "candles":
        raise BtError(f"--what {what}: only candles are exported so far", "--what candles")
    names = symbols.parse_many(symbol or [])
    if not names:
        raise BtError("no symbol to export", "name some: -s BTCUSDT,ETHUSDT (bt data lists them)")
    lengths = list(dict.fromkeys(part.strip() for part in timeframe.split(",")))
    for name in lengths:
        timeframes.minutes(name)
    if folder.exists() and not folder.is_dir():
        raise BtError(f"{folder} is a file", "name a folder: -O data/")
    call = shared.session({"db": db}, form=form, quiet=quiet)
    warehouse = call.warehouse()
    own = [one.name for one in names]
    begin, until = shared.span(first, end, warehouse=warehouse, now=call.now, names=own)
    if begin and until and begin >= until:
        raise BtError(f"--from {first} must be before --to {end}", "--to is exclusive")
    written = []
    for one in names:
        for length in lengths:
            path, rows = candles_to_csv(
                warehouse, one, timeframe=length, folder=folder, first=begin, end=until
            )  # fmt: skip
            written.append({"symbol": one.name, "timeframe": length, "rows": rows, "file": str(path)})
    emit(pl.DataFrame(written), form)
    return ExitCode.OK
