"""A sweep: many parameter sets on one span, every one of them kept, and one chosen by what it was worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from bt.errors import BtError, hint
from bt.results import Run, trials
from bt.strategy import Request
from bt.strategy.listening import Clock, Deaf
from bt.strategy.lookahead import SAMPLED
from bt.sweep.attempt import Attempt
from bt.sweep.custody import under_way
from bt.sweep.stage import FoldPart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bt.engine import Account, Costs, Execution
    from bt.strategy import BaseStrategy
    from bt.sweep.course import TrialListener
    from bt.warehouse import Warehouse

Sampler = Literal["grid", "random", "lhs", "tpe"]
Select = Literal["best", "plateau"]

_MOST: Final = 10**18  # the largest number that is asked for


class Unheard(Deaf):
    """Hear nothing of a sweep."""

    def tried(self, done: int, total: int | None, best: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is tried, and how it is judged.

    `search`: values of each parameter (a range, a list, or text such as `5:30:5` and `10,20,50`); what is not named is
    searched as the strategy's `search` says, else keeps its default. `constraint`: a condition on parameters, such as
    `fast < slow`; None = the strategy's. `sampler`: grid, random, lhs (Latin hypercube) or tpe (Optuna, which learns
    from one lot of 8 sets to the next); `trials` bounds the sets, `seed` decides the draws. `objective`: an SQL
    expression over the columns of `all_metrics`, higher is better; sets with fewer than `min_trades` closed trades, or
    for which `where` does not hold, do not qualify. `select`: the best set, or the one whose neighbours in the grid are
    best with it (plateau). `executor`: threads, processes or dask://HOST:PORT; `workers` at once, None = one a core.
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
        for name, known in (("sampler", get_args(Sampler)), ("select", get_args(Select))):
            if getattr(self, name) not in known:
                raise BtError(f"{name} cannot be {getattr(self, name)!r}", hint(str(getattr(self, name)), known))
        for name, least in (("trials", 1), ("workers", 1), ("min_trades", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST
            ):
                raise BtError(f"{name} must be a whole number from {least} to {_MOST:,}, not {value!r:.40}")
        if self.select == "plateau" and self.sampler != "grid":
            raise BtError(f"a plateau has neighbours in a grid, and sampler {self.sampler} leaves holes", "use grid")

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
        """Try every set from `first` (inclusive) to `end` (exclusive), UTC, and store all of it.

        The run is of kind `sweep`; its sets are rows of `trials`, their days rows of `days`. Stopped early, what was
        done is stored, and with `resume` the same call goes on where it ended. The chosen set is traded once more for
        what a run would warn of, and examined for look-ahead at `lookahead` of its last bars (0 = not). Raises
        `BtError` before anything runs when strategy, space, expressions or settings are wrong, or there are no candles.
        """
        request = Request(
            symbols=tuple(symbols), timeframe=timeframe, first=first, end=end, account=account, costs=costs,
            execution=execution, lookahead=lookahead, name=name, note=note,
        )  # fmt: skip
        clock = Clock(listener or Unheard())
        attempt = Attempt.prepared(self, strategy, warehouse, request, clock)
        part = FoldPart(0, "in", attempt.first, attempt.end)
        run_id, done = attempt.begun("sweep", {}, attempt.ground.bars(), resume=resume)
        if not done:
            with under_way(warehouse, run_id):
                attempt.explore(run_id, [(part,)])
                attempt.candles.require_unchanged()
                chosen = trials.choose(warehouse, run_id, self.select)
                warnings = attempt.warnings(run_id) if chosen else ()
                trials.finish(warehouse, run_id, warnings=warnings, timings=clock.seconds)
        return Run(warehouse, run_id, clock.seconds)
