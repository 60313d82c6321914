"""The command walk: sets are chosen on each fold's training and traded on its test, which the choice never sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bt.cli.asking import command_line, taking
from bt.cli.sweeping import ANSWER, Prepared, SweepOptions, exit_code, resumable
from bt.cli.testing import say_times
from bt.errors import ExitCode
from bt.output import Done

if TYPE_CHECKING:
    from bt.walkforward import WalkForward

STAGES: Final = ("data", "trials", "stitching", "look-ahead")  # of a walk-forward
_FOLDS: Final = "Folds"  # panel of the help


@dataclass(frozen=True, kw_only=True)
class WalkOptions(SweepOptions):
    """What a walk-forward takes."""

    train: Annotated[
        str, typer.Option(help="In-sample length of a fold: 180d.", metavar="LENGTH", rich_help_panel=_FOLDS)
    ]
    test: Annotated[
        str, typer.Option(help="Out-of-sample length of a fold: 30d.", metavar="LENGTH", rich_help_panel=_FOLDS)
    ]
    step: Annotated[
        str | None,
        typer.Option(help="From one fold to the next; none = the test.", metavar="LENGTH", rich_help_panel=_FOLDS),
    ] = None
    mode: Annotated[
        str, typer.Option(help="Training slides (rolling) or grows (anchored).", metavar="WORD", rich_help_panel=_FOLDS)
    ] = "rolling"
    purge: Annotated[
        str, typer.Option(help="Left out between training and test.", metavar="LENGTH", rich_help_panel=_FOLDS)
    ] = "0d"
    partial: Annotated[
        bool, typer.Option("--partial", help="Cut a last test that does not fit.", rich_help_panel=_FOLDS)
    ] = False

    def walk_forward(self) -> WalkForward:
        """Make the walk-forward that these options describe."""
        from bt.walkforward import WalkForward

        names = ("train", "test", "step", "mode", "purge", "partial")
        return WalkForward(**{name: getattr(self, name) for name in names}, sweep=self.sweep())


@taking(WalkOptions)
def walk(asked: WalkOptions) -> int | Done:
    """Choose parameters on each fold's training, trade its test: what would have been earned.

    The folds are listed, with what tells skill from luck, then the stitched out-of-sample run. JSON holds run, metrics
    and by_symbol of that run, folds, sets, top, overfitting and verdict; csv and parquet have a row per set and fold
    part. Exit 1 if no set qualifies in any fold.
    """
    from bt.cli import planning, walks

    walk_forward = asked.walk_forward()
    call = asked.session()
    call.narrator.expect(*STAGES)
    prepared = Prepared.of(call, asked)
    if asked.dry_run:
        planning.print_folds(prepared, walk_forward, asked.form, asked.out)
        return ExitCode.OK
    with resumable(call, command_line("walk", asked, WalkOptions, without=ANSWER)) as progress:
        done = walk_forward.run(
            prepared.strategy, prepared.warehouse, **prepared.terms(), resume=asked.resume, listener=progress
        )
    results = done.get_results()
    walks.print_walk(results, asked.form, asked.out, top=asked.top)
    say_times(call, done)
    call.narrator.say(f"next: bt report {results.run_id} · bt show {results.run_id} --by fold")
    call.narrator.say(f"or bt trades {results.run_id} · bt replay {results.run_id}")
    return Done(code=exit_code(call, results), run_id=results.run_id, counts={"sets": results.run["sets"]})
