"""What `--dry-run` prints: the sets that a sweep would try, the folds that a walk-forward would have."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bt.cli.testing import print_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bt.cli import shared
    from bt.cli.sweeping import Prepared, SweepOptions
    from bt.strategy import BaseStrategy
    from bt.sweep import Sweep
    from bt.walkforward import WalkForward

_SPANS: Final = ("train_first", "train_end", "test_first", "test_end")
_DAY: Final = timedelta(days=1)


def print_search(call: shared.Session, asked: SweepOptions, search: Sweep) -> None:
    """Print what a sweep would try: a row per parameter, and how many sets that makes."""
    import polars as pl

    from bt import strategy as strategies
    from bt.output import emit, table, write
    from bt.output.sets import searched
    from bt.sweep.attempt import judged

    space, plan = _plan(search, strategies.load(asked.strategy, call.settings.workspace))
    if Path(call.settings.db).exists():  # it says what an objective may be made of
        judged(search, call.warehouse())
    rows = [(name, searched({name: plan["search"][name]})[len(name) + 1 :], len(space[name])) for name in space]
    frame = pl.DataFrame(rows, schema=["parameter", "values", "count"], orient="row")
    if asked.form in {"json", "jsonl"}:
        print_whole(plan, asked.form, asked.out)
    elif asked.form == "table":
        write(f"{table(frame)}\n{_plan_said(plan)}\n", asked.out)
    else:
        emit(frame, asked.form, asked.out)


def print_folds(prepared: Prepared, walk_forward: WalkForward, form: str, out: Path | None) -> None:
    """Print the folds that a walk-forward would have, with the bars of all symbols in them, without running it."""
    import polars as pl

    from bt.output import emit, table, write
    from bt.output.sets import moments
    from bt.sweep.attempt import judged, searched
    from bt.timeframes import minutes

    searched(walk_forward.sweep, prepared.strategy)
    judged(walk_forward.sweep, prepared.warehouse)
    timeframe, times = prepared.request.timeframe, _times(prepared)
    folds = walk_forward.folds(times[0], times[-1] + timedelta(minutes=minutes(timeframe)), timeframe)
    frame = pl.DataFrame(
        [
            {
                "fold": fold.number,
                **{name: getattr(fold, name) for name in _SPANS},
                "days": (fold.test_end - fold.train_first) / _DAY,
                "bars": bisect_left(times, fold.test_end) - bisect_left(times, fold.train_first),
            }
            for fold in folds
        ]
    )
    if form != "table":
        emit(frame, form, out)
        return
    named = {name: name.replace("_first", " from").replace("_end", " to") for name in _SPANS}
    write(table(frame.with_columns(moments(frame, name) for name in _SPANS).rename(named)), out)


def _times(prepared: Prepared) -> list[datetime]:
    """Give the times of the bars of all symbols in order."""
    from bt.engine import Execution
    from bt.strategy import Ground, name_of

    request = replace(prepared.request, execution=Execution(intrabar="adverse"))  # minutes are not needed
    ground = Ground.read(name_of(prepared.strategy), prepared.warehouse, request, warm_up=1)
    return ground.bars()["ts"].sort().to_list()


def _plan(search: Sweep, strategy: type[BaseStrategy]) -> tuple[Mapping[str, Sequence[Any]], dict[str, Any]]:
    """Give the values of every parameter, and what the JSON of a plan holds; refuse what cannot be sampled."""
    from bt.sweep.attempt import searched
    from bt.sweep.sampling import count
    from bt.sweep.space import described

    space, constraint = searched(search, strategy)
    return space.values, {
        "search": described(space),
        "constraint": constraint.text if constraint else None,
        "sampler": search.sampler,
        "combinations": space.size,
        "sets": count(space, trials=search.trials, constraint=constraint),
    }


def _plan_said(plan: dict[str, Any]) -> str:
    from bt.wording import counted

    tried = "as many sets as the constraint leaves" if plan["sets"] is None else counted(plan["sets"], "set")
    parts = [f"{tried} of {counted(plan['combinations'], 'combination')}", plan["sampler"], plan["constraint"]]
    return " · ".join(filter(None, parts))
