"""A walk-forward: sets are chosen on each fold's training and judged on its test, which the choice never sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from bt.engine import Execution
from bt.results import FoldRow, Run, Stitched, trials
from bt.strategy import Request
from bt.strategy.caveats import Finished, caveats
from bt.strategy.listening import Clock
from bt.strategy.lookahead import SAMPLED
from bt.strategy.run import envelope_of
from bt.strategy.signals import contained
from bt.sweep import Attempt, FoldPart, Sweep, Unheard, under_way
from bt.walkforward.folds import Mode, plan
from bt.walkforward.stitch import segments, stitched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from bt.engine import Account, Costs, Told
    from bt.strategy import BaseStrategy
    from bt.sweep import TrialListener
    from bt.walkforward.folds import Fold
    from bt.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """How a span is cut into folds of training and test, and the sweep that each fold chooses from.

    `train`, `test`, `step` (None = test) and `purge` are lengths of time such as `180d`. A `rolling` training slides
    along, an `anchored` one grows. A last test that does not fit is left out, or cut to what there is (`partial`).
    """

    train: str | timedelta
    test: str | timedelta
    step: str | timedelta | None = None
    mode: Mode = "rolling"
    purge: str | timedelta = "0d"
    partial: bool = False
    sweep: Sweep = field(default_factory=Sweep)

    def folds(self, first: datetime, end: datetime, timeframe: str) -> tuple[Fold, ...]:
        """Give the folds of a span, `end` exclusive; see `bt.walkforward.folds.plan`."""
        return plan(
            first, end, train=self.train, test=self.test, timeframe=timeframe, step=self.step, mode=self.mode,
            purge=self.purge, partial=self.partial,
        )  # fmt: skip

    def run(  # noqa: PLR0913 - a run is made of these
        self,
        strategy: type[BaseStrategy],
        warehouse: Warehouse,
        *,
        symbols: Sequence[str],
        timeframe: str,
        first: datetime | None = None,
        end: datetime | None = None,
        account: Account | None = None,
        costs: Costs | None = None,
        execution: Execution | None = None,
        lookahead: int = SAMPLED,
        name: str | None = None,
        note: str | None = None,
        resume: bool = False,
        listener: TrialListener | None = None,
    ) -> Run:
        """Try every set in each fold, in-sample and out-of-sample; choose by in-sample figures; trade the tests.

        The run is of kind `walk`: its fills, equity and days are the stitched out-of-sample run, in which each fold's
        chosen set begins flat with the equity of the fold before and ends flat (`fold_end`); a fold in which no set
        qualified stays flat. The last three chosen sets are examined for look-ahead at `lookahead` of the last bars
        (0 = not). Stopped early, it can be resumed as a sweep can. Raises as `Sweep.run` does, and where no fold fits.
        """
        request = Request(
            symbols=tuple(symbols), timeframe=timeframe, first=first, end=end, account=account, costs=costs,
            execution=replace(execution or Execution(), close_at_end=True), lookahead=lookahead, name=name, note=note,
        )  # fmt: skip
        clock = Clock(listener or Unheard())
        attempt = Attempt.prepared(self.sweep, strategy, warehouse, request, clock)
        folds = self.folds(attempt.first, attempt.end, timeframe)
        tested = _between(attempt.ground.bars(), folds[0].test_first, folds[-1].stitched_end)
        rows = [FoldRow(**{name: getattr(fold, name) for name in _DATES}, fold=fold.number) for fold in folds]
        run_id, done = attempt.begun("walk", {"folds": self._described(attempt)}, tested, folds=rows, resume=resume)
        if not done:
            with under_way(warehouse, run_id):
                attempt.explore(run_id, [_parts(fold) for fold in folds])
                chosen = trials.choose(warehouse, run_id, self.sweep.select)
                _Stitching(attempt, run_id, folds, chosen, tested).store()
        return Run(warehouse, run_id, clock.seconds)

    def _described(self, attempt: Attempt) -> dict[str, Any]:
        lengths = {name: getattr(self, name) for name in ("train", "test", "step", "purge")}
        return {
            **{name: None if length is None else str(length) for name, length in lengths.items()},
            "mode": self.mode,
            "partial": self.partial,
            "first": attempt.first.isoformat(),
            "end": attempt.end.isoformat(),
        }


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
    chosen: dict[int, int]  # fold to trial
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
        """Examine the last few sets that were chosen; each finding once."""
        last = """
            select params from folds where run_id = ? and trial is not null
            group by params order by max(fold) desc limit 3
        """
        params = self.attempt.warehouse.query(last, [self.run_id]).to_series().to_list()
        return tuple(dict.fromkeys(found for each in params for found in self.attempt.seen_ahead(each)))

    def _told(self) -> dict[int, Told]:
        """Give the signals of each fold's chosen set."""
        rows = self.attempt.warehouse.query(
            "select fold, params from folds where run_id = ? and trial is not null", [self.run_id]
        )
        return {fold: self.attempt.signals(params) for fold, params in rows.iter_rows()}

    def _idle(self) -> list[str]:
        empty = [str(fold.number) for fold in self.folds if fold.number not in self.chosen]
        if not empty:
            return []
        return [f"no set qualified in fold {', '.join(empty)}: nothing was traded in its test"]
