"""A walk-forward: sets are chosen on each fold's training and judged on its test, which the choice never sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, get_args

import polars as pl

from bt.engine import Execution
from bt.errors import BtError
from bt.results import FoldRow, Run, Stitched, trials
from bt.strategy.caveats import Finished, caveats
from bt.strategy.run import envelope_of
from bt.strategy.signals import contained
from bt.sweep import Attempt, FoldPart, Sweep, under_way
from bt.sweep.arguments import in_utc, require_one_of, require_truth, told
from bt.sweep.calling import Call, Runnable
from bt.sweep.workers import require_reachable
from bt.walkforward.folds import Mode, plan, spelled
from bt.walkforward.stitch import segments, stitched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bt.engine import Told
    from bt.results.trials import Choice
    from bt.walkforward.folds import Fold


@dataclass(frozen=True, kw_only=True)
class WalkForward(Runnable):
    """How a span is cut into folds of training and test, and the sweep that each fold chooses from.

    `train`, `test`, `step` (None = test) and `purge` are lengths of time such as `180d`. A `rolling` training slides
    along, an `anchored` one grows. A last test that does not fit is left out, or cut to what there is (`partial`).

    `run` tries every set in each fold, in-sample and out-of-sample, chooses by in-sample figures, and trades the tests:
    a run of kind `walk`, whose fills, equity and days are the stitched out-of-sample run, in which each fold's chosen
    set begins flat with the equity of the fold before and ends flat (`fold_end`); a fold in which no set qualified
    stays flat. The last three chosen sets are examined for look-ahead.
    """

    train: str | timedelta
    test: str | timedelta
    step: str | timedelta | None = None
    mode: Mode = "rolling"
    purge: str | timedelta = "0d"
    partial: bool = False
    sweep: Sweep = field(default_factory=Sweep)

    def __post_init__(self) -> None:
        for name in _LENGTHS:
            _require_length(name, getattr(self, name), none=name == "step")
        require_one_of("mode", self.mode, get_args(Mode))
        require_truth("partial", self.partial)
        if not isinstance(self.sweep, Sweep):
            raise BtError(f"sweep must be a bt.Sweep, not {told(self.sweep)}", "sweep=bt.Sweep(search=…)")

    def folds(self, first: datetime, end: datetime, timeframe: str) -> tuple[Fold, ...]:
        """Give the folds of a span, `end` exclusive; see `bt.walkforward.folds.plan`."""
        return plan(
            in_utc("first", first), in_utc("end", end), train=self.train, test=self.test, timeframe=timeframe,
            step=self.step, mode=self.mode, purge=self.purge, partial=self.partial,
        )  # fmt: skip

    def _run(self, call: Call) -> Run:
        warehouse, clock, resume = call.warehouse, call.clock, call.resume
        require_reachable(self.sweep.executor)
        ends = replace(call.request.execution or Execution(), close_at_end=True)
        request = replace(call.request, execution=ends)
        attempt = Attempt.prepared(self.sweep, call.strategy, warehouse, request, clock)
        folds = self.folds(attempt.first, attempt.end, request.timeframe)
        tested = _between(attempt.ground.bars(), folds[0].test_first, folds[-1].stitched_end)
        rows = [FoldRow(**{name: getattr(fold, name) for name in _DATES}, fold=fold.number) for fold in folds]
        head = attempt.begun("walk", {"folds": self._described(attempt)}, tested, folds=rows, resume=resume)
        if not head.done:
            with under_way(warehouse, head.run_id):
                attempt.explore(head, [_parts(fold) for fold in folds])
                chosen = trials.choose(warehouse, head.run_id, self.sweep.select)
                _Stitching(attempt, head.run_id, folds, chosen, tested).store()
        return Run(warehouse, head.run_id, clock.seconds, known=head.done)

    def _described(self, attempt: Attempt) -> dict[str, Any]:
        lengths = {name: getattr(self, name) for name in _LENGTHS}
        return {
            **{name: None if length is None else spelled(length) for name, length in lengths.items()},
            "mode": self.mode,
            "partial": self.partial,
            "first": attempt.first.isoformat(),
            "end": attempt.end.isoformat(),
        }


def _require_length(name: str, given: Any, *, none: bool) -> None:
    if not isinstance(given, str | timedelta) and not (none and given is None):
        raise BtError(f"{name} must be a length of time, not {told(given)}", f"{name}='30d', or a timedelta")


_LENGTHS = ("train", "test", "step", "purge")
_EXAMINED: Final = 24  # folds at most whose chosen set is examined for look-ahead
_DATES = ("train_first", "train_end", "test_first", "test_end")


def _parts(fold: Fold) -> tuple[FoldPart, FoldPart]:
    return (
        FoldPart(fold.number, "in", fold.train_first, fold.train_end),
        FoldPart(fold.number, "out", fold.test_first, fold.test_end),
    )


def _between(bars: pl.DataFrame, first: datetime, end: datetime) -> pl.DataFrame:
    return bars.filter((pl.col("ts") >= first) & (pl.col("ts") < end))


@dataclass(frozen=True)
class _Stitching:
    """What is left to do when every set was tried and one was chosen for each fold."""

    attempt: Attempt
    run_id: str
    folds: Sequence[Fold]
    chosen: Mapping[int, Choice]  # by fold
    tested: pl.DataFrame

    def store(self) -> None:
        attempt, clock = self.attempt, self.attempt.clock
        with clock.stage("stitching"), contained(heard=False):
            parts = list(segments(self.folds, self._told()))
            done, ends = stitched(attempt.tape, parts)
            envelope = (
                envelope_of(attempt.tape, done.end_equity, lambda tape: stitched(tape, parts)[0].end_equity)
                if done.ambiguous
                else None
            )
            attempt.candles.require_unchanged()
        with clock.stage("look-ahead"), contained(heard=False):
            seen_ahead = self._seen_ahead()
        finished = Finished(
            done=done, bars=self.tested, length=attempt.ground.length, inputs=attempt.ground.inputs, envelope=envelope
        )
        warnings = (*seen_ahead, *self._idle(), *caveats(finished))
        trials.finish(
            attempt.warehouse, self.run_id, warnings=warnings, timings=clock.seconds,
            stitched=Stitched(done=done, folds=ends, envelope=envelope),
        )  # fmt: skip

    def _seen_ahead(self) -> tuple[str, ...]:
        """Examine the chosen sets at the ends of their tests, of some folds where there are many; each finding once."""
        numbers = sorted(self.chosen, reverse=True)
        ends: dict[str, list[datetime | None]] = {}
        for number in numbers[:: -(-len(numbers) // _EXAMINED) or 1]:
            ends.setdefault(self.chosen[number].params, []).append(self.folds[number - 1].stitched_end)
        found = (self.attempt.seen_ahead(params, some) for params, some in ends.items())
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    def _told(self) -> dict[int, Told]:
        """Give the signals of each fold's chosen set."""
        every = dict.fromkeys(choice.params for choice in self.chosen.values())
        signals = {params: self.attempt.signals(params) for params in every}
        return {fold: signals[choice.params] for fold, choice in self.chosen.items()}

    def _idle(self) -> list[str]:
        empty = [str(fold.number) for fold in self.folds if fold.number not in self.chosen]
        if not empty:
            return []
        return [f"no set qualified in fold {', '.join(empty)}: nothing was traded in its test"]
