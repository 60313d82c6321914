"""Commands that read results: runs, show, trades, sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.cli.ranking import called, ranked_by
from bt.cli.sweeping import TOP
from bt.cli.testing import print_run
from bt.errors import BtError, ExitCode, hint
from bt.output import Done

if TYPE_CHECKING:
    from datetime import datetime

    from bt.results import Results
    from bt.warehouse import Warehouse

_TRADE: Final = "trade, symbol, side, entry_ts as entry, exit_reason as exit, bars, pnl, r"


@taking(OutputOptions)
def runs(
    asked: OutputOptions,
    sort: Annotated[str, typer.Option(help="Column to sort by, the best first: bt schema leaderboard.")] = "created",
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 50,
) -> int:
    """List the stored runs, sweeps and walk-forwards, those that are not finished too."""
    from bt.output import emit, table, write

    call = asked.session()
    frame = _listed(call.warehouse(), {"run": "run_id", "created": "created_ts"}.get(sort, sort), limit)
    if asked.form == "table":
        further = {sort: 4} if sort in frame.columns and frame[sort].dtype.is_float() else {}
        write(table(_short(frame, sort), digits={**further, "profit": 2, "sharpe": 2}), asked.out)
    else:
        emit(frame, asked.form, asked.out)
    if frame.is_empty():
        call.narrator.say("no runs yet: bt run STRATEGY -s SYMBOL")
    return ExitCode.OK


def _listed(warehouse: Warehouse, sort: str, limit: int) -> Any:
    """Give what is stored of every run, with the metrics of those that are finished."""
    import polars as pl

    from bt.results import standing

    own = ("run_id", "name", "kind", "status", "strategy", "symbols", "timeframe", "created_ts")
    metrics = ("net_profit", "max_drawdown", "sharpe", "calmar", "trades")
    further = () if sort in {*own, *metrics} else (sort,)
    shown = ("run_id as run", *own[1:-1], *metrics, *further, "created_ts as created")
    with warehouse.read():  # one opening for all that is asked
        found = warehouse.query(
            f"""
            with listed as (
                select {", ".join(f"runs.{name}" for name in own)}, leaderboard.* exclude ({", ".join(own)})
                from runs
                left join leaderboard using (run_id)
            )

            select {", ".join(shown)}
            from listed
            order by {ranked_by(warehouse, sort)}
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
        "run": called("run").alias("run"),
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
    return shown if fits(shown, digits={"profit": 2, "sharpe": 2}) else shown.drop("created")


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
    run: shared.RunArgument = "latest",
    by: Annotated[
        str | None, typer.Option(help="symbol, month, exit, side, hour, weekday or fold: a table, and no panel.")
    ] = None,
    source: Annotated[bool, typer.Option("--source", help="The text of the strategy as it was, and no panel.")] = False,
) -> Done:
    """Show one run, sweep or walk-forward as it was shown when it was made."""
    from bt.cli import sweeps, walks
    from bt.results import find

    warehouse = asked.session().warehouse()
    with warehouse.read():  # one opening for both
        results = find(warehouse, run).get_results()
        kind = results.run["kind"]
    if source:
        _show_source(results, asked.out)
    elif by is not None:
        _show_by(_traded(results), by, asked.form, asked.out)
    elif kind == "sweep":
        sweeps.print_sweep(results, asked.form, asked.out, top=TOP)
    elif kind == "walk":
        walks.print_walk(_traded(results), asked.form, asked.out, top=TOP)
    else:
        print_run(results, asked.form, asked.out)
    return Done(run_id=results.run_id)


def _show_source(results: Results, out: Path | None) -> None:
    """Print the strategy's text; what could steer a terminal is shown in place of being sent to one."""
    from bt.output import printable, write

    lines = results.run["strategy_source"].split("\n")
    write("\n".join(printable(line.replace("\t", "    ")) for line in lines).rstrip() + "\n", out)


def _show_by(results: Results, by: str, form: str, out: Path | None) -> None:
    """Print what was traded in groups, or the folds of a walk-forward."""
    from bt.cli import groups, walks

    folds = ("fold",) if results.run["kind"] == "walk" else ()
    if by in folds:
        walks.print_by_fold(results, form, out)
        return
    if by not in groups.QUERIES:
        raise BtError(f"{results.run_id} cannot be shown by {by!r}", hint(by, (*groups.QUERIES, *folds)))
    groups.print_groups(results, by, form, out)


@taking(OutputOptions)
def trades(
    asked: OutputOptions,
    run: shared.RunArgument = "latest",
    limit: Annotated[int | None, typer.Option(help="Rows at most.", min=1)] = None,
    best: Annotated[int | None, typer.Option(help="The closed trades of the highest pnl.", metavar="N", min=1)] = None,
    worst: Annotated[int | None, typer.Option(help="Those of the lowest pnl.", metavar="N", min=1)] = None,
    symbol: shared.Symbols = None,
    first: Annotated[str | None, typer.Option("--from", help="Entries from here on; UTC.", metavar="WHEN")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Entries before this; UTC.", metavar="WHEN")] = None,
) -> int:
    """List the trades of a run; the table is a summary, csv and json have every column."""
    from bt.output import emit, table, write
    from bt.results import find

    if sum(each is not None for each in (limit, best, worst)) > 1:
        raise BtError("--limit, --best and --worst exclude each other", "give one of them")
    call = asked.session()
    warehouse = call.warehouse()
    where, given = _chosen_trades(symbol, {"first": first, "end": end}, call.now)
    many = limit or best or worst
    order = "pnl desc, trade" if best else "pnl, trade" if worst else "trade"
    closed = "and not is_open" if best or worst else ""
    bound = f"limit {many:d}" if many else ""
    columns = "*" if asked.form != "table" else _TRADE
    with warehouse.read():  # one opening for both
        results = _traded(find(warehouse, run).get_results())
        if unknown := set(given.get("names", ())).difference(results.run["symbols"].split(",")):
            raise BtError(f"{results.run_id} has no {', '.join(sorted(unknown))}", f"it has {results.run['symbols']}")
        frame = warehouse.query(
            f"select {columns} from trades where run_id = $run {closed} {where} order by {order} {bound}",
            {"run": results.run_id, **given},
        )
    if asked.form == "table":
        write(table(frame, digits={"pnl": 2, "r": 2}), asked.out)
    else:
        emit(frame, asked.form, asked.out)
    return ExitCode.OK


def _chosen_trades(
    symbols: list[str] | None, bounds: dict[str, str | None], now: datetime
) -> tuple[str, dict[str, Any]]:
    """Give the conditions that trades are asked for by, and their values."""
    from bt.symbols import parse_many
    from bt.timeframes import moment

    given: dict[str, Any] = {name: moment(text, relative_to=now) for name, text in bounds.items() if text}
    if symbols:
        given["names"] = [each.name for each in parse_many(symbols)]
    known = {"names": "list_contains($names, symbol)", "first": "entry_ts >= $first", "end": "entry_ts < $end"}
    return "".join(f" and {known[name]}" for name in given), given


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
