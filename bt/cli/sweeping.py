"""The command sweep: many parameter sets on one span, the best of them, and how far that can be believed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt import cli
from bt.cli import shared
from bt.cli.asking import StrategyOptions, command_line, taking, with_params
from bt.cli.testing import request_of, require_symbols, say_times
from bt.errors import BtError, ExitCode, WarehouseError
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.output.progress import TrialProgress
    from bt.results import Results, Run
    from bt.strategy import BaseStrategy, Request
    from bt.sweep import Sweep
    from bt.warehouse import Warehouse

TOP: Final = 10  # rows of a table of sets
_STAGES: Final = ("data", "trials", "look-ahead")
_TRIED, _JUDGED, _WORK = "What is tried", "How it is judged", "How it is done"  # panels of the help
ANSWER: Final = {"name", "note", "form", "out", "progress", "quiet", "verbose", "resume", "again", "top", "dry_run"}


@dataclass(frozen=True, kw_only=True)
class SweepOptions(StrategyOptions):
    """What a sweep takes."""

    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Values: fast=5:30:5, slow=50,100, stop=2.", metavar="K=V"),
    ] = None
    constraint: Annotated[
        str | None, typer.Option(help="Condition on parameters: fast < slow.", metavar="EXPR", rich_help_panel=_TRIED)
    ] = None
    sampler: Annotated[str, typer.Option(help="grid, random, lhs or tpe.", metavar="WORD", rich_help_panel=_TRIED)] = (
        "grid"
    )
    trials: Annotated[
        int | None, typer.Option(help="Parameter sets at most.", metavar="NUMBER", rich_help_panel=_TRIED)
    ] = None
    seed: Annotated[int, typer.Option(help="Decides the draws.", metavar="NUMBER", rich_help_panel=_TRIED)] = 0
    objective: Annotated[
        str,
        typer.Option(help="Higher is better: SQL over bt schema all_metrics.", metavar="EXPR", rich_help_panel=_JUDGED),
    ] = "sharpe"
    min_trades: Annotated[
        int, typer.Option(help="Sets with fewer do not qualify.", metavar="NUMBER", rich_help_panel=_JUDGED)
    ] = 30
    where: Annotated[
        str | None,
        typer.Option(help="Others do not qualify: max_drawdown > -0.3.", metavar="EXPR", rich_help_panel=_JUDGED),
    ] = None
    select: Annotated[
        str,
        typer.Option(help="best, or plateau: best with its neighbours.", metavar="WORD", rich_help_panel=_JUDGED),
    ] = "best"
    executor: Annotated[
        str, typer.Option(help="threads, processes or dask://HOST:PORT.", metavar="WORD", rich_help_panel=_WORK)
    ] = "threads"
    workers: Annotated[
        int | None, typer.Option(help="Sets tried at once; none = one a core.", metavar="N", rich_help_panel=_WORK)
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same was stopped.", rich_help_panel=_WORK)
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be tried, and stop.", rich_help_panel=_WORK)
    ] = False
    top: Annotated[int, typer.Option(help="Sets that are listed.", metavar="N", min=1)] = TOP

    def sweep(self) -> Sweep:
        """Make the sweep that these options describe."""
        from bt.sweep import Sweep

        names = ("constraint", "sampler", "trials", "seed", "objective", "min_trades", "where", "select", "executor")
        given = {name: getattr(self, name) for name in (*names, "workers")}
        return Sweep(search=self.params, **given)


@dataclass(frozen=True)
class Prepared:
    """What a sweep or a walk-forward is called with."""

    call: shared.Session
    strategy: type[BaseStrategy]
    warehouse: Warehouse
    request: Request

    @classmethod
    def of(cls, call: shared.Session, asked: SweepOptions) -> Prepared:
        """Load the strategy and read the settings."""
        from bt import strategy as strategies

        chosen = strategies.load(asked.strategy, call.settings.workspace)
        require_symbols(call.settings)
        warehouse = call.warehouse()
        return cls(
            call, chosen, warehouse, request_of(call, warehouse, name=asked.name, note=asked.note, again=asked.again)
        )

    def terms(self) -> dict[str, Any]:
        """Give what the library calls take by name."""
        names = (
            "symbols",
            "timeframe",
            "first",
            "end",
            "account",
            "costs",
            "execution",
            "lookahead",
            "name",
            "note",
            "again",
        )
        return {name: getattr(self.request, name) for name in names}


@taking(SweepOptions)
def sweep(asked: SweepOptions) -> int | Done:
    """Try many parameter sets on one span and store every one.

    The best are listed, with what tells skill from luck. JSON holds run, sets (how all of them did), top, overfitting
    and verdict; csv and parquet have a row per set. Exit 1 if no set qualifies.
    """
    from bt.cli import planning, sweeps

    search = asked.sweep()
    call = asked.session()
    call.narrator.expect(*_STAGES)
    if asked.dry_run:
        planning.print_search(call, asked, search)
        return ExitCode.OK
    prepared = Prepared.of(call, asked)
    with resumable(call, command_line("sweep", asked, SweepOptions, without=ANSWER)) as progress:
        done = search.run(
            prepared.strategy, prepared.warehouse, **prepared.terms(), resume=asked.resume, listener=progress
        )
    results = done.get_results()
    sweeps.print_sweep(results, asked.form, asked.out, top=asked.top)
    _say_next(call, done, asked)
    return Done(code=exit_code(call, results), run_id=results.run_id, counts={"sets": results.run["sets"]})


@contextmanager
def resumable(call: shared.Session, command: str) -> Iterator[TrialProgress]:
    """Show how far it is; whatever ends it early, say how many sets are stored and what goes on with them."""
    from bt.output.progress import TrialProgress

    progress = TrialProgress(call.narrator)
    try:
        with progress:
            yield progress
    except BaseException as error:
        if not progress.done:
            raise
        stored = f"{progress.done:,} of {progress.total:,}" if progress.total else f"{progress.done:,}"
        told = f"{stored} sets are stored; {command} --resume goes on"
        if cli.is_stopped():
            raise cli.Stopped(f"stopped: {told}", "") from None
        if not isinstance(error, BtError):  # one with a cure of its own may want what cannot be gone on with
            call.narrator.say(told)
        elif "--resume" in error.cure and not isinstance(error, WarehouseError):  # which says itself what is stored
            raise type(error)(error.what, told) from error
        raise


def exit_code(call: shared.Session, results: Results) -> ExitCode:
    """Say so where no set qualified, with the reasons; that is no good answer."""
    from bt.cli import sweeps

    told = sweeps.why_none(results)
    if told is None:
        return ExitCode.OK
    call.narrator.refused(*told)
    return ExitCode.INCOMPLETE


def run_again(asked: SweepOptions, params: dict[str, Any]) -> str:
    """Write the `bt run` of one set."""
    line = command_line("run", asked, StrategyOptions, without={"param", *ANSWER})
    return f"{line} {with_params(params)}".rstrip()


def _say_next(call: shared.Session, done: Run, asked: SweepOptions) -> None:
    import json

    say_times(call, done)
    run = done.get_results().run
    params = json.loads(run["params"])
    if not params:
        return
    call.narrator.say(f"next: {run_again(asked, params)}")
    days = (run["end_ts"] - run["first_ts"]).days
    train, test = (180, 30) if days >= 300 else (max(days // 3, 1), max(days // 9, 1))  # noqa: PLR2004 - days
    line = command_line("walk", asked, SweepOptions, without=ANSWER)
    call.narrator.say(f"or {line} --train {train}d --test {test}d")
    call.narrator.say(f"or bt report {done.run_id} · bt leaderboard")
