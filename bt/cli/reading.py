"""Commands that read results: runs, show, trades, sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bt.cli import shared
from bt.cli.testing import print_run
from bt.errors import BtError, ExitCode, hint

RunArgument = Annotated[str, typer.Argument(help="Id, unique prefix, name, latest or latest~1.", metavar="RUN")]
_MONEY = {"pnl", "gross_profit", "gross_loss", "fees", "slippage", "funding", "costs", "best_trade", "worst_trade"}
_MONEY |= {"avg_win", "avg_loss", "expectancy", "end_equity"}
_BY = {
    "symbol": "select * exclude (run_id) from metrics_by_symbol where run_id = $run order by symbol",
    "month": "select * exclude (run_id) from monthly where run_id = $run order by month",
} | {
    group: f"select * exclude (run_id) from trades_by('{group}') where run_id = $run order by what"
    for group in ("exit", "side", "hour", "weekday")
}


def runs(
    sort: Annotated[str, typer.Option(help="Column to sort by, highest first.")] = "created",
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 50,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """List the stored runs."""
    from bt.output import emit

    call = shared.session({"db": db}, form=form, out=out, quiet=quiet)
    columns = {
        "run": "runs.run_id", "name": "name", "strategy": "strategy", "symbols": "symbols", "timeframe": "timeframe",
        "net_profit": "net_profit", "max_drawdown": "max_drawdown", "sharpe": "sharpe", "calmar": "calmar",
        "trades": "metrics.trades", "created": "created_ts",
    }  # fmt: skip
    if sort not in columns:
        raise BtError(f"runs cannot be sorted by {sort!r}", hint(sort, columns))
    shown = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    frame = call.warehouse().query(
        f"select {shown} from runs left join metrics using (run_id) order by {sort} desc nulls last, run limit ?",
        [limit],
    )
    if form == "table":
        frame = _short(frame, sort)
    emit(frame, form, out)
    if frame.is_empty():
        call.narrator.say("no runs yet: bt run STRATEGY -s SYMBOL")
    return ExitCode.OK


def _short(frame: Any, sort: str) -> Any:
    """Give what fits on a narrow screen of a list of runs: the column it is sorted by, and not all others."""
    import polars as pl

    columns = {
        "run": pl.coalesce("name", "run"),
        "strategy": pl.col("strategy"),
        "symbols": pl.col("symbols").str.split(",").list.len(),
        "profit": pl.col("net_profit").round(2),
        "sharpe": pl.col("sharpe").round(2),
        "trades": pl.col("trades"),
        "created": pl.col("created").dt.date(),
    }
    if sort in {"calmar", "max_drawdown"}:
        columns[sort] = pl.col(sort).round(4)
        del columns["sharpe"]
    return frame.select(**columns)


def show(
    run: RunArgument = "latest",
    by: Annotated[
        str | None, typer.Option(help="symbol, month, exit, side, hour or weekday: a table instead of the panel.")
    ] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Show one run."""
    from bt.output import emit, table, write
    from bt.results import find

    results = find(shared.session({"db": db}, form=form, out=out, quiet=quiet).warehouse(), run).get_results()
    if by is None:
        print_run(results, form, out)
        return ExitCode.OK
    if by not in _BY:
        raise BtError(f"runs cannot be shown by {by!r}", hint(by, _BY))
    frame = results.sql(_BY[by])
    if form != "table":
        emit(frame, form, out)
        return ExitCode.OK
    digits = {name: 2 if name in _MONEY else 4 for name, kind in frame.schema.items() if kind.is_float()}
    write(table(frame, digits=digits), out)
    return ExitCode.OK


def trades(
    run: RunArgument = "latest",
    limit: Annotated[int | None, typer.Option(help="Rows at most.", min=1)] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """List the trades of a run; the table is a summary, csv and json have every column."""
    from bt.output import emit
    from bt.results import find

    results = find(shared.session({"db": db}, form=form, out=out, quiet=quiet).warehouse(), run).get_results()
    columns = "*" if form != "table" else (
        "trade, symbol, side, entry_ts as entry, exit_reason as exit, bars, round(pnl, 2) as pnl, round(r, 2) as r"
    )  # fmt: skip
    bound = f"limit {limit:d}" if limit else ""
    emit(results.sql(f"select {columns} from trades where run_id = $run order by trade {bound}"), form, out)
    return ExitCode.OK


def sql(
    query: Annotated[str | None, typer.Argument(help="One SELECT; - reads it from stdin.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the query from a file.")] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Ask the warehouse a question in SQL; nothing can be changed by it."""
    from bt.output import emit

    call = shared.session({"db": db}, form=form, out=out, quiet=quiet)
    text = _query_text(query, file)
    emit(shared.stoppable(lambda: call.warehouse().ask(text)), form, out)
    return ExitCode.OK


def _query_text(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise BtError("give one query", 'bt sql "from runs", bt sql -f query.sql, or bt sql - to read stdin')
    if query == "-":
        return sys.stdin.read()
    if query is not None:
        return query
    try:
        return Path(str(file)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BtError(f"cannot read {file}: {error}", "give a text file with one query") from None
