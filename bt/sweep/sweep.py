"""A sweep: many parameter sets on one span, every one of them kept, and one chosen by what it was worth."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from bt.errors import BtError, hint
from bt.kernel import warm_up
from bt.results import HeadRecord, Judging, Run, standing, trials
from bt.strategy import Ground, Request, made, name_of
from bt.strategy.base import source_of
from bt.strategy.listening import Clock, Deaf
from bt.strategy.signals import contained
from bt.sweep.course import Course
from bt.sweep.custody import Candles, under_way
from bt.sweep.expressions import checked
from bt.sweep.sampling import candidates, count
from bt.sweep.sources import Learning, Ordered, Source
from bt.sweep.space import described, space_of
from bt.sweep.stage import FoldPart, Stage
from bt.sweep.supply import Supply
from bt.sweep.workers import Workers, workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bt.engine import Account, Costs, Execution, Tape, Told
    from bt.results import FoldRow
    from bt.strategy import BaseStrategy
    from bt.sweep.course import TrialListener
    from bt.sweep.expressions import Expression
    from bt.sweep.space import Space
    from bt.warehouse import Warehouse

Sampler = Literal["grid", "random", "lhs", "tpe"]
Select = Literal["best", "plateau"]

_ROOM: Final = 256_000_000  # bytes of indicator columns that are kept between sets


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
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise BtError(f"{name} must be a whole number from {least}, not {value!r}")
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
        name: str | None = None,
        note: str | None = None,
        resume: bool = False,
        listener: TrialListener | None = None,
    ) -> Run:
        """Try every set from `first` (inclusive) to `end` (exclusive), UTC, and store all of it.

        The run is of kind `sweep`; its sets are rows of `trials`, their days rows of `days`. Stopped early, what was
        done is stored, and with `resume` the same call goes on where it ended. Raises `BtError` before anything runs
        when strategy, space, expressions or settings are wrong, or there are no candles.
        """
        request = Request(
            symbols=tuple(symbols), timeframe=timeframe, first=first, end=end, account=account, costs=costs,
            execution=execution, name=name, note=note,
        )  # fmt: skip
        clock = Clock(listener or Unheard())
        attempt = Attempt.prepared(self, strategy, warehouse, request, clock)
        part = FoldPart(0, "in", attempt.first, attempt.end)
        run_id, done = attempt.begun("sweep", {}, attempt.ground.bars(), resume=resume)
        if not done:
            with under_way(warehouse, run_id):
                attempt.explore(run_id, [(part,)])
                attempt.candles.require_unchanged()
                trials.choose(warehouse, run_id, self.select)
                trials.finish(warehouse, run_id, warnings=(), timings=clock.seconds)
        return Run(warehouse, run_id, clock.seconds)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A sweep that was checked and read for, but has not begun: what sweeps and walk-forwards have in common."""

    settings: Sweep
    strategy: type[BaseStrategy]
    warehouse: Warehouse
    clock: Clock
    space: Space
    constraint: Expression | None
    judging: Judging
    ground: Ground
    stage: Stage  # without parts
    candles: Candles
    supply: Supply

    @classmethod
    def prepared(
        cls, settings: Sweep, strategy: type[BaseStrategy], warehouse: Warehouse, request: Request, clock: Clock
    ) -> Attempt:
        """Check what can be checked before data are read, then read and lay them out."""
        space = space_of(strategy, settings.search)
        text = strategy.constraint if settings.constraint is None else settings.constraint
        constraint = checked(text, (*space.values, *space.defaults), what="constraint") if text else None
        columns = trials.judged_by(warehouse)
        judging = Judging(
            objective=checked(settings.objective, columns, what="objective").sql,
            min_trades=settings.min_trades,
            where=checked(settings.where, columns, what="where").sql if settings.where else None,
        )
        if settings.sampler != "tpe":  # refuses what cannot be sampled
            candidates(space, settings.sampler, trials=settings.trials, seed=settings.seed, constraint=constraint)
        warm_up()
        with clock.stage("data"), warehouse.read():  # one opening for all of it
            default = made(strategy, {})
            ground = Ground.read(name_of(strategy), warehouse, request, warm_up=default.warm_up)
            candles = Candles.seen(warehouse, ground.market.symbols, ground.market.end)
            frame = ground.market.bars().collect()
            tape = ground.tape(clock.listener.say)
        stage = Stage(
            key=uuid.uuid4().hex, strategy=strategy, symbols=ground.market.symbols, timeframe=request.timeframe,
            first=ground.market.first, end=ground.market.end, warm_up=max(default.warm_up, 1), frame=frame, tape=tape,
            parts=(),
        )  # fmt: skip
        supply = Supply(ground.market, stage, candles, room=_ROOM)
        return cls(
            settings=settings, strategy=strategy, warehouse=warehouse, clock=clock, space=space, constraint=constraint,
            judging=judging, ground=ground, stage=stage, candles=candles, supply=supply,
        )  # fmt: skip

    @property
    def tape(self) -> Tape:
        """Give the whole span's tape."""
        return self.stage.tape

    @property
    def first(self) -> datetime:
        """Give the open of the first bar."""
        moment: datetime = self.tape.grid.times[0]
        return moment

    @property
    def end(self) -> datetime:
        """Give the end of the last bar."""
        moment: datetime = self.tape.grid.times[-1]
        return moment + self.ground.length

    def begun(
        self, kind: str, more: Mapping[str, Any], bars: Any, *, folds: Sequence[FoldRow] = (), resume: bool
    ) -> tuple[str, bool]:
        """Give the id of a new head in `runs`, or of the unfinished one to go on with, and whether it is done already.

        `bars` are those that the run's span is taken from.
        """
        settings = self.settings
        record = HeadRecord(
            **self.ground.facts(bars, [self.stage.frame, self.candles.digest]), source=source_of(self.strategy),
            kind=kind, seed=None if settings.sampler == "grid" else settings.seed,
            settings={
                "search": described(self.space),
                "constraint": self.constraint.text if self.constraint else None,
                **{name: getattr(settings, name) for name in ("sampler", "trials", "seed", "objective", "min_trades")},
                **{name: getattr(settings, name) for name in ("where", "select")},
                **more,
            },
        )  # fmt: skip
        if resume:
            known = trials.unfinished(self.warehouse, record.content_hash())
            if known:
                trials.resume(self.warehouse, known)
                return known, False
            finished = standing.finished(self.warehouse, record.content_hash())
            if finished:
                self.clock.listener.say(f"run {finished} of this is finished already")
                return finished, True
            self.clock.listener.say("nothing of this is unfinished: it begins anew")
        return trials.begin(self.warehouse, record, folds), False

    def signals(self, params: str) -> Told:
        """Give the signals of a stored set (JSON) over the whole span."""
        given = json.loads(params)
        [columns] = self.supply.of([self.stage.strategy_of(given)])
        if isinstance(columns, BtError):
            raise columns
        return self.stage.told(given, columns)

    def explore(self, run_id: str, parts: Sequence[Sequence[FoldPart]]) -> None:
        """Try every set on all parts, or, where the sampler learns, as many sets on the parts of each fold."""
        settings, clock = self.settings, self.clock
        with clock.stage("trials"), contained(heard=False), workers(settings.executor, settings.workers) as crew:
            self._explore(run_id, parts, crew)

    def _explore(self, run_id: str, parts: Sequence[Sequence[FoldPart]], crew: Workers) -> None:
        learns = self.settings.sampler == "tpe"
        total = count(self.space, trials=self.settings.trials, constraint=self.constraint)
        course = Course(
            warehouse=self.warehouse, run_id=run_id, judging=self.judging, workers=crew,
            listener=self.clock.listener,  # type: ignore[arg-type]
            cash=self.ground.terms.account.cash, defaults=self.space.defaults,
            total=total and total * (len(parts) if learns else 1), stored=trials.stored(self.warehouse, run_id),
        )  # fmt: skip
        together = [tuple(part for fold in parts for part in fold)]
        for number, fold in enumerate(parts if learns else together):
            stage = replace(self.stage, parts=tuple(fold), key=f"{self.stage.key} {number}")
            course.take(self._source(), stage, self.supply)

    def _source(self) -> Source:
        settings = self.settings
        if settings.sampler == "tpe":
            from bt.sweep.tpe import Proposer

            proposer = Proposer(self.space, seed=settings.seed, constraint=self.constraint)
            return Learning(proposer, min(settings.trials or self.space.size, self.space.size))
        return Ordered(self._candidates())

    def _candidates(self) -> Iterator[Any]:
        settings = self.settings
        return candidates(
            self.space, settings.sampler, trials=settings.trials, seed=settings.seed, constraint=self.constraint,
            warn=self.clock.listener.say,
        )  # fmt: skip
