"""The command that writes candles into files: export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli import shared
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from bt.symbols import Symbol
    from bt.warehouse import Warehouse


def export(
    what: Annotated[str, typer.Option("--what", help="candles: one CSV for each symbol and timeframe.")],
    folder: Annotated[Path, typer.Option("--out", "-O", help="Folder for the files.", metavar="FOLDER")],
    symbol: shared.Symbols = None,
    timeframe: Annotated[
        str, typer.Option("--timeframe", "-t", help="One or a comma list of 1m 3m 5m … 1d 1w.", metavar="T")
    ] = "1m",
    first: Annotated[str | None, typer.Option("--from", help="ISO date, or 90d, 2y, ytd; UTC.", metavar="WHEN")] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO date or now; exclusive; UTC.", metavar="WHEN")] = None,
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
    begin, until = _span(first, end, warehouse, names, call.now)
    written = []
    for one in names:
        for length in lengths:
            path, rows = candles_to_csv(
                warehouse, one, timeframe=length, folder=folder, first=begin, end=until
            )  # fmt: skip
            written.append({"symbol": one.name, "timeframe": length, "rows": rows, "file": str(path)})
    emit(pl.DataFrame(written), form)
    return ExitCode.OK


def _span(
    first: str | None, end: str | None, warehouse: Warehouse, names: list[Symbol], now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Read --from and --to; `--from 90d` counts back from --to, or from the last candle of these symbols."""
    from bt.timeframes import moment

    until = moment(end, relative_to=now) if end else None
    if not first:
        return None, until
    last = (
        until
        or warehouse.query(
            "select max(last_ts) + interval 1 minute as ending from candle_days where list_contains($names, symbol)",
            {"names": [name.name for name in names]},
        ).item()
    )
    begin = moment(first, relative_to=last or now)
    if until and begin >= until:
        raise BtError(f"--from {first} must be before --to {end}", "--to is exclusive")
    return begin, until
