"""A sweep: many parameter sets on one span, every one of them kept, and one chosen by what it was worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from bt.errors import BtError
from bt.results import Run, trials
from bt.sweep.arguments import require_one_of, require_text, require_whole
from bt.sweep.attempt import Attempt
from bt.sweep.calling import Call, Runnable, Unheard
from bt.sweep.custody import under_way
from bt.sweep.expressions import EXAMPLES
from bt.sweep.space import require_search
from bt.sweep.stage import FoldPart
from bt.sweep.workers import require_executor, require_reachable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sampler", "Select", "Sweep", "Unheard"]

Sampler = Literal["grid", "random", "lhs", "tpe"]
Select = Literal["best", "plateau"]

_MOST_WORKERS: Final = 1024  # sets that are tried at once


@dataclass(frozen=True, kw_only=True)
class Sweep(Runnable):
    """What is tried, and how it is judged.

    `search`: values of each parameter (a range, a list, or text such as `5:30:5` and `10,20,50`); what is not named is
    searched as the strategy's `search` says, else keeps its default. `constraint`: a condition on parameters, such as
    `fast < slow`; None = the strategy's. `sampler`: grid, random, lhs (Latin hypercube) or tpe (Optuna, which learns
    from one lot of 8 sets to the next); `trials` bounds the sets, `seed` decides the draws. `objective`: an SQL
    expression over the columns of `all_metrics`, higher is better; sets with fewer than `min_trades` closed trades, or
    for which `where` does not hold, do not qualify. `select`: the best set, or the one whose neighbours in the grid are
    best with it (plateau). `executor`: threads, processes or dask://HOST:PORT; `workers` at once, None = one a core.

    `run` stores a run of kind `sweep`; its sets are rows of `trials`, their days rows of `days`. The chosen set is
    traded once more for what a run would warn of.
    """

    search: Mapping[str, Any] = field(default_factory=dict)
    constraint: str | None = None
    sampler: Sampler = "grid"
    trials: int | None = None
    seed: int = 0
    objective: str = "sharpe"
    min_trades: int = 30
    where: str | None = None
    select: Select = "best"
    executor: str = "threads"
    workers: int | None = None

    def __post_init__(self) -> None:
        require_search("search", self.search)
        require_one_of("sampler", self.sampler, get_args(Sampler))
        require_one_of("select", self.select, get_args(Select))
        for name, example in EXAMPLES.items():
            require_text(name, getattr(self, name), example=example, none=name != "objective")
        require_whole(self, "trials", 1, example=500, none=True)
        require_whole(self, "workers", 1, example=4, most=_MOST_WORKERS, none=True)
        require_whole(self, "min_trades", 0, example=30)
        require_whole(self, "seed", 0, example=0)
        require_executor(self.executor)
        if self.select == "plateau" and self.sampler != "grid":
            raise BtError(f"a plateau has neighbours in a grid, and sampler {self.sampler} leaves holes", "use grid")

    def _run(self, call: Call) -> Run:
        warehouse, clock = call.warehouse, call.clock
        require_reachable(self.executor)
        attempt = Attempt.prepared(self, call.strategy, warehouse, call.request, clock)
        part = FoldPart(0, "in", attempt.first, attempt.end)
        head = attempt.begun("sweep", {}, attempt.ground.bars(), resume=call.resume)
        run_id = head.run_id
        if not head.done:
            with under_way(warehouse, run_id):
                attempt.explore(head, [(part,)])
                with warehouse.hold():
                    attempt.candles.require_unchanged()
                    chosen = trials.choose(warehouse, run_id, self.select)
                warnings = [_stored(each) for one in chosen.values() for each in attempt.warnings(one.params)]
                trials.finish(warehouse, run_id, warnings=warnings, timings=clock.seconds)
        return Run(warehouse, run_id, clock.seconds, known=head.done)


def _stored(warning: str) -> str:
    """Say of a warning about the chosen set where what it names is kept: a sweep has no orders of its own."""
    return warning.replace("; see rejections", "; bt run of that set keeps them")
