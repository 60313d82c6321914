"""Commands that read results: runs, show, trades, sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.cli.ranking import ranked_by
from bt.cli.sweeping import TOP
from bt.cli.testing import print_run
from bt.errors import BtError, ExitCode, hint

if TYPE_CHECKING:
    from bt.results import Results
    from bt.warehouse import Warehouse

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


@taking(OutputOptions)
def runs(
    asked: OutputOptions,
    sort: Annotated[str, typer.Option(help="Column to sort by, the best first: bt schema leaderboard.")] = "created",
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 50,
) -> int:
    """List the stored runs, sweeps and walk-forwards, those that are not finished too."""
    from bt.output import emit

    call = asked.session()
    frame = _listed(call.warehouse(), {"run": "run_id", "created": "created_ts"}.get(sort, sort), limit)
    if asked.form == "table":
        frame = _short(frame, sort)
    emit(frame, asked.form, asked.out)
    if frame.is_empty():
        call.narrator.say("no runs yet: bt run STRATEGY -s SYMBOL")
    return ExitCode.OK


def _listed(warehouse: Warehouse, sort: str, limit: int) -> Any:
    """Give what is stored of every run, with the metrics of those that are finished."""
    import polars as pl

    from bt.results import standing

    order = ranked_by(warehouse, sort)
    own = ("run_id", "name", "kind", "status", "strategy", "symbols", "timeframe", "created_ts")
    metrics = ("net_profit", "max_drawdown", "sharpe", "calmar", "trades")
    further = () if sort in {*own, *metrics} else (sort,)
    shown = ("run_id as run", *own[1:-1], *metrics, *further, "created_ts as created")
    found = warehouse.query(
        f"""
        with listed as (
            select {", ".join(f"runs.{name}" for name in own)}, leaderboard.* exclude ({", ".join(own)})
            from runs
            left join leaderboard using (run_id)
        )

        select {", ".join(shown)}
        from listed
        order by {order}
        limit {limit:d}
        """
    )
    abandoned = pl.col("run").is_in(list(standing.abandoned(warehouse)))
    return found.with_columns(status=pl.when(abandoned).then(pl.lit("interrupted")).otherwise("status"))


def _short(frame: Any, sort: str) -> Any:
    """Give what fits on a narrow screen of a list of runs: the column it is sorted by, and not all others."""
    import polars as pl

    from bt.output.tables import fits

    columns = {
        "run": pl.coalesce("name", "run"),
        "strategy": pl.col("strategy"),
        "symbols": pl.col("symbols").str.split(",").list.len(),
        "profit": pl.col("net_profit").round(2),
        "sharpe": pl.col("sharpe").round(2),
        "trades": pl.col("trades"),
        "created": pl.col("created").dt.date(),
    }
    if sort in frame.columns and sort not in {*columns, "net_profit", "name", "status"}:
        columns[sort] = pl.col(sort).round(4) if frame[sort].dtype.is_float() else pl.col(sort)
        del columns["sharpe"]
    unfinished = ~pl.col("status").is_in(["finished", "ruined"])
    if frame.select(((pl.col("kind") != "run") | unfinished).any()).item():
        del columns["symbols"]
        columns["kind"] = pl.when(unfinished).then(pl.format("{}, {}", "kind", "status")).otherwise("kind")
    shown = frame.select(**columns)
    return shown if fits(shown) else shown.drop("created")


def _traded(results: Results) -> Results:
    """Refuse what has no trades: a sweep has none of its own, and a walk-forward only when it is stitched."""
    kind, status = results.run["kind"], results.run["status"]
    if kind == "sweep":
        raise BtError(
            f"{results.run_id} is a sweep of parameter sets, not one run: bt show prints its table",
            f"bt sql \"from top_configs where run_id = '{results.run_id}'\"",
        )
    if status not in {"finished", "ruined"}:
        raise BtError(
            f"{results.run_id} is a walk-forward that is {status}: its out-of-sample run is not stitched yet",
            "bt walk … --resume goes on with it",
        )
    return results


@taking(OutputOptions)
def show(
    asked: OutputOptions,
    run: RunArgument = "latest",
    by: Annotated[
        str | None, typer.Option(help="symbol, month, exit, side, hour, weekday or fold: a table, and no panel.")
    ] = None,
) -> int:
    """Show one run, sweep or walk-forward as it was shown when it was made."""
    from bt.cli import sweeps, walks
    from bt.results import find

    results = find(asked.session().warehouse(), run).get_results()
    kind = results.run["kind"]
    if by is not None:
        _show_by(_traded(results), by, asked.form, asked.out)
    elif kind == "sweep":
        sweeps.print_sweep(results, asked.form, asked.out, top=TOP)
    elif kind == "walk":
        walks.print_walk(_traded(results), asked.form, asked.out, top=TOP)
    else:
        print_run(results, asked.form, asked.out)
    return ExitCode.OK


def _show_by(results: Results, by: str, form: str, out: Path | None) -> None:
    """Print what was traded in groups, or the folds of a walk-forward."""
    from bt.cli import walks
    from bt.output import emit, table, write

    folds = ("fold",) if results.run["kind"] == "walk" else ()
    if by in folds:
        walks.print_by_fold(results, form, out)
        return
    if by not in _BY:
        raise BtError(f"{results.run_id} cannot be shown by {by!r}", hint(by, (*_BY, *folds)))
    frame = results.sql(_BY[by])
    if form == "table":
        digits = {name: 2 if name in _MONEY else 4 for name, kind in frame.schema.items() if kind.is_float()}
        write(table(frame, digits=digits), out)
    else:
        emit(frame, form, out)


@taking(OutputOptions)
def trades(
    asked: OutputOptions,
    run: RunArgument = "latest",
    limit: Annotated[int | None, typer.Option(help="Rows at most.", min=1)] = None,
) -> int:
    """List the trades of a run; the table is a summary, csv and json have every column."""
    from bt.output import emit
    from bt.results import find

    results = _traded(find(asked.session().warehouse(), run).get_results())
    columns = "*" if asked.form != "table" else (
        "trade, symbol, side, entry_ts as entry, exit_reason as exit, bars, round(pnl, 2) as pnl, round(r, 2) as r"
    )  # fmt: skip
    bound = f"limit {limit:d}" if limit else ""
    emit(results.sql(f"select {columns} from trades where run_id = $run order by trade {bound}"), asked.form, asked.out)
    return ExitCode.OK


@taking(OutputOptions)
def sql(
    asked: OutputOptions,
    query: Annotated[str | None, typer.Argument(help="One SELECT; - reads it from stdin.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the query from a file.")] = None,
) -> int:
    """Ask the warehouse a question in SQL; nothing can be changed by it."""
    from bt.output import emit

    call = asked.session()
    text = _query_text(query, file)
    emit(shared.stoppable(lambda: call.warehouse().ask(text)), asked.form, asked.out)
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
