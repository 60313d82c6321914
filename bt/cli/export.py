"""The command export: a run's tables, or candles, as files that other programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli import shared
from bt.errors import BtError
from bt.output import Done
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.export import Target, Written
    from bt.results import Results
    from bt.warehouse import Warehouse

_DONE = ("finished", "ruined")


def export(
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-O",
            help="out.xlsx, .csv, .json, .jsonl, .parquet; FOLDER/ for a file each; - is stdout.",
            metavar="FILE",
        ),
    ],
    run: Annotated[
        str | None, typer.Argument(help="Id, unique prefix, name, latest or latest~1; none = latest.", metavar="[RUN]")
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            help="all, candles, or some of run metrics monthly symbols drawdowns overfitting folds top trials trades "
            "fills rejections funding days equity. Not given: all; of one csv, jsonl or parquet file trades, of a "
            "sweep trials.",
            metavar="TABLES",
        ),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="Of a folder's files or of stdout; not given: csv.", metavar="FORM")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    symbol: shared.Symbols = None,
    timeframe: Annotated[
        str | None,
        typer.Option("--timeframe", "-t", help="Of candles: one or a comma list of 1m 3m 5m … 1w.", metavar="T"),
    ] = None,
    first: shared.First = None,
    end: shared.End = None,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> Done:
    """Write a run, or candles, to files: Excel, CSV, JSON, JSONL or Parquet; their names go to stdout.

    Times are UTC and fractions plain (0.012). In CSV, a text that a spreadsheet would take for a formula, or that
    begins with an apostrophe, gets an apostrophe before it. bt import reads exported 1m candles back bit by bit.
    """
    from bt.export import CANDLES, export_run, target_of

    target = target_of(out, form)
    asked = (symbol, timeframe, first, end)
    if what != CANDLES and any(asked):
        raise BtError("-s, -t, --from and --to are for candles", "--what candles, or leave them out")
    call = shared.session({"db": db}, quiet=quiet, progress=progress)
    warehouse = call.warehouse()
    call.narrator.stage("writing", place=(1, 1))
    if what == CANDLES:
        return _told(call, _candles(call, warehouse, run, target, asked, force=force))
    results = _found(warehouse, run or "latest")
    if results.run["status"] not in _DONE:
        call.narrator.say(f"! {results.run_id} is {results.run['status']}: what is stored so far is written")
    return _told(call, export_run(warehouse, results.run, target, what=what, force=force), run=results.run_id)


def _found(warehouse: Warehouse, run: str) -> Results:
    from bt.results import find

    return find(warehouse, run).get_results()


def _told(call: shared.Session, files: Iterator[Written], *, run: str | None = None) -> Done:
    """Write what there is, tell of each file, and sum up."""
    paths, rows = [], 0
    for each in files:
        rows += each.rows
        if each.path is not None:
            typer.echo(each.path)
            paths.append(str(each.path))
        call.narrator.say(f"{each.path or 'stdout'}: {each.what}, {counted(each.rows, 'row')}")
    return Done(run_id=run, files=tuple(paths), counts={"rows": rows})


def _candles(
    call: shared.Session,
    warehouse: Warehouse,
    run: str | None,
    target: Target,
    asked: tuple[list[str] | None, str | None, str | None, str | None],
    *,
    force: bool,
) -> Iterator[Written]:
    """Write candles of the symbols asked for, or those that a run was made with, in its span and timeframe."""
    from bt import symbols, timeframes
    from bt.export import export_candles

    symbol, timeframe, first, end = asked
    of_run = _found(warehouse, run).run if run else {}
    names = symbols.parse_many(symbol or [of_run[key] for key in of_run if key == "symbols"])
    if not names:
        raise BtError("no symbol to export", "name some: -s BTCUSDT,ETHUSDT (bt data lists them), or a run")
    texts = (timeframe or of_run.get("timeframe", "1m")).split(",")
    lengths = list(dict.fromkeys(part.strip() for part in texts))
    for name in lengths:
        timeframes.minutes(name)
    begin, until = shared.span(first, end, warehouse=warehouse, now=call.now, names=[one.name for one in names])
    begin, until = begin or of_run.get("first_ts"), until or of_run.get("end_ts")
    if begin and until and begin >= until:
        raise BtError(f"--from {first} must be before --to {end}", "--to is exclusive")
    return export_candles(warehouse, names, lengths, target, span=(begin, until), force=force)
