"""The trials of a stored sweep or walk-forward made again: each set on the same parts, held against the stored days."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.engine import day_columns
from bt.errors import BtError
from bt.results import differing
from bt.strategy.again import Replayed, request_of, since
from bt.strategy.listening import Clock
from bt.strategy.signals import contained
from bt.sweep.attempt import Attempt
from bt.sweep.calling import Unheard
from bt.sweep.stage import FoldPart, PartDone, Stage, evaluate
from bt.sweep.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bt.results import Results
    from bt.strategy import BaseStrategy
    from bt.strategy.listening import Listener

_JUDGED: Final = ("constraint", "sampler", "trials", "seed", "objective", "min_trades", "where", "select")
_SETS: Final = """
    select trial, any_value(params) as params
    from trials
    where run_id = $run and status <> 'failed' and {which}
    group by trial
    order by trial
"""
_PARTS: Final = """
    select fold, part, first_ts, end_ts
    from trials
    where run_id = $run and trial = $trial
    order by fold, part
"""
_DAYS: Final = """
    select * exclude (run_id, fold, part, trial, start_cash)
    from days
    where run_id = $run and trial = $trial and fold = $fold and part = $part
    order by day
"""


@dataclass(frozen=True)
class Again:
    """A stored sweep or walk-forward that was read for once more."""

    results: Results
    attempt: Attempt
    clock: Clock
    stages: dict[tuple[FoldPart, ...], Stage] = field(default_factory=dict)  # the last one that was tried on

    @classmethod
    def prepared(cls, results: Results, strategy: type[BaseStrategy], listener: Listener | None) -> Again:
        """Read as it was read; the strategy is the stored one, or one to try in its place."""
        clock = Clock(listener or Unheard())
        told = json.loads(results.run["settings"])
        search = {name: _values(values) for name, values in told["search"].items()}
        given = {name: told[name] for name in _JUDGED} | {"constraint": told["constraint"] or ""}
        settings = Sweep(search=search, **given)
        request = request_of(results.run)
        return cls(results, Attempt.prepared(settings, strategy, results.warehouse, request, clock), clock)

    def trials(self, *, all_: bool) -> Replayed:
        """Try the chosen sets again, or all of them, and hold their days against the stored ones."""
        rows = self.results.sql(_SETS.format(which="true" if all_ else "chosen"))
        if rows.is_empty():
            raise BtError(f"no set of {self.results.run_id} was chosen", "--all replays every set")
        with self.clock.stage("trials"), contained(heard=False), self.results.warehouse.read():
            found, trial, days = self._first(rows.rows())
        run = self.results.run
        bars = self.attempt.ground.bars().filter((pl.col("ts") >= run["first_ts"]) & (pl.col("ts") < run["end_ts"]))
        return Replayed(
            run_id=self.results.run_id, compared={"trials": rows.height, "days": days}, difference=found,
            reasons=self.reasons(bars), trial=trial, seconds=self.clock.seconds,
        )  # fmt: skip

    def _first(self, sets: Sequence[tuple[int, str]]) -> tuple[differing.Difference | None, dict[str, Any] | None, int]:
        """Give the first difference of a day of a set, which trial it is of, and how many days were held together."""
        days = 0
        for number, params in sets:
            for part, stored, now in self._tried(number, json.loads(params)):
                days += stored.height
                found = differing.first_difference({"days": stored}, {"days": now})
                if found:
                    return found, {"fold": part.fold, "part": part.part, "trial": number}, days
        return None, None, days

    def reasons(self, bars: pl.DataFrame) -> differing.Reasons:
        """Hold what is stored against what there is now; `bars` are those that the run's span is taken from."""
        run = self.results.run
        more = {name: value for name, value in json.loads(run["settings"]).items() if name == "folds"}
        return since(run, self.attempt.record(run["kind"], more, bars))

    def _tried(self, number: int, params: Mapping[str, Any]) -> Iterator[tuple[FoldPart, pl.DataFrame, pl.DataFrame]]:
        """Give each part of a set with its days as stored and as they are now."""
        attempt, run_id = self.attempt, self.results.run_id
        ask = attempt.warehouse.query
        parts = tuple(FoldPart(*row) for row in ask(_PARTS, {"run": run_id, "trial": number}).iter_rows())
        if parts not in self.stages:  # most sets have the same
            self.stages.clear()
            self.stages[parts] = replace(attempt.stage, parts=parts, key=f"{attempt.stage.key} {number}")
        for done in _evaluated(self.stages[parts], attempt, number, params):
            key = {"run": run_id, "trial": number, "fold": done.part.fold, "part": done.part.part}
            stored = ask(_DAYS, key)
            yield done.part, stored, _frame(done, stored)


def _evaluated(stage: Stage, attempt: Attempt, number: int, params: Mapping[str, Any]) -> Sequence[PartDone]:
    [columns] = attempt.supply.of([stage.strategy_of(params)])
    if isinstance(columns, BtError):
        raise columns
    done = evaluate(stage, columns, number, (params, ()))
    if done.problem:
        raise BtError(f"set {number} cannot be tried any more: {done.problem}", "bt replay --stored runs what did")
    return done.parts


def _frame(done: PartDone, stored: pl.DataFrame) -> pl.DataFrame:
    if done.days is None or done.first_day is None:
        return stored.clear()
    frame, last = day_columns(done.days), done.first_day + timedelta(days=len(done.days) - 1)
    day = pl.date_range(done.first_day, last, "1d", eager=True).alias("day")
    return frame.with_columns(day).select(stored.columns).cast(stored.schema)


def _values(values: Any) -> Any:
    """Give what is searched as a sweep is told it; a range of numbers as text."""
    return f"{values['first']}:{values['last']}:{values['step']}" if isinstance(values, dict) else values
