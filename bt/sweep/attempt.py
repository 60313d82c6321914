"""A sweep or walk-forward that was checked and read for: what both have in common, from reading to the last trial."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bt.errors import BtError
from bt.kernel import warm_up
from bt.results import HeadRecord, Judging, Results, standing, trials
from bt.strategy import Ground, made, name_of
from bt.strategy.base import source_of
from bt.strategy.caveats import Finished, caveats
from bt.strategy.imports import imported
from bt.strategy.lookahead import UNASKED, sample
from bt.strategy.run import recognised
from bt.strategy.signals import contained, signals_of
from bt.sweep.course import Course
from bt.sweep.custody import Candles
from bt.sweep.expressions import checked
from bt.sweep.sampling import candidates, count, require_bounded
from bt.sweep.sources import Learning, Ordered, Source
from bt.sweep.space import described, space_of
from bt.sweep.stage import FoldPart, Stage
from bt.sweep.supply import Supply, asked
from bt.sweep.workers import Workers, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from bt.engine import Tape, Told
    from bt.market import Columns
    from bt.results import FoldRow
    from bt.strategy import BaseStrategy, Request
    from bt.strategy.listening import Clock
    from bt.sweep.expressions import Expression
    from bt.sweep.space import Candidate, Space
    from bt.sweep.sweep import Sweep
    from bt.warehouse import Warehouse

_ROOM: Final = 256_000_000  # bytes of indicator columns that are kept between sets


def searched(settings: Sweep, strategy: type[BaseStrategy]) -> tuple[Space, Expression | None]:
    """Give what a sweep tries, and its constraint; refuse what cannot be sampled, and a constraint that leaves none."""
    space = space_of(strategy, settings.search)
    text = strategy.constraint if settings.constraint is None else settings.constraint
    constraint = checked(text, (*space.values, *space.defaults), what="constraint") if text else None
    require_bounded(space, settings.trials)
    if settings.sampler != "tpe":
        next(_sampled(settings, space, constraint))
    return space, constraint


def _sampled(
    settings: Sweep, space: Space, constraint: Expression | None, warn: Callable[[str], None] | None = None
) -> Iterator[Candidate]:
    return candidates(
        space, settings.sampler, trials=settings.trials, seed=settings.seed, constraint=constraint, warn=warn
    )


def judged(settings: Sweep, warehouse: Warehouse) -> Judging:
    """Give how the trials of a sweep are judged; refuse an objective or condition that is none."""
    columns = trials.judged_by(warehouse)
    return Judging(
        objective=checked(settings.objective, columns, what="objective").sql,
        min_trades=settings.min_trades,
        where=checked(settings.where, columns, what="where").sql if settings.where else None,
    )


def _others(stage: Stage, default: BaseStrategy, space: Space) -> set[str]:
    """Give the symbols that indicators are asked for by name, by the default set or for a value that is a word."""
    found = [default]
    for name, values in space.values.items():
        for value in values if isinstance(values, tuple) else ():  # a range has numbers only
            if isinstance(value, str):
                with suppress(BtError):  # said where the set is tried
                    found.append(made(stage.strategy, {name: value}))
    with contained(heard=False):
        return {each.symbol for strategy in found for each in asked(strategy, stage.market({})) if each.symbol}


class Head(NamedTuple):
    """The row of `runs` that a sweep stores its trials under; `stored` of what is asked for are there already."""

    run_id: str
    stored: int = 0
    done: bool = False


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
        space, constraint = searched(settings, strategy)
        warm_up()
        with clock.stage("data"), warehouse.read():  # one opening for all of it
            judging = judged(settings, warehouse)
            default = made(strategy, {})
            ground = Ground.read(name_of(strategy), warehouse, request, warm_up=default.warm_up)
            frame = ground.market.bars().collect()
            tape = ground.tape(clock.listener.say)
            stage = Stage(
                key=uuid.uuid4().hex, strategy=strategy, symbols=ground.market.symbols, timeframe=request.timeframe,
                first=ground.market.first, end=ground.market.end, warm_up=max(default.warm_up, 1), frame=frame,
                tape=tape, parts=(),
            )  # fmt: skip
            seen = tuple(sorted({*stage.symbols, *_others(stage, default, space)}))
            candles = Candles.seen(warehouse, seen, ground.market.end)
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
    ) -> Head:
        """Give a new head in `runs`, or the unfinished one to go on with, or one that is finished already.

        `bars` are those that the run's span is taken from.
        """
        record = self.record(kind, more, bars)
        content, say = record.content_hash(), self.clock.listener.say
        learns = self.settings.sampler == "tpe"
        with self.warehouse.hold():
            unfinished = trials.unfinished(self.warehouse, content)
            if resume and unfinished:
                trials.resume(self.warehouse, unfinished)
                return Head(unfinished, stored=trials.stored(self.warehouse, unfinished, by_fold=learns))
            finished = standing.finished(self.warehouse, content)
            if finished and (resume or not self.ground.request.again):
                say(recognised(Results(self.warehouse, finished).run, record.name))
                return Head(finished, done=True)
            if resume:
                say("nothing of this is unfinished: it begins anew")
            elif unfinished and not self.ground.request.again:
                say(
                    f"{kind} {unfinished} is the same and was not finished: --resume would go on with it; "
                    "this begins anew"
                )
            return Head(trials.begin(self.warehouse, record, folds))

    def record(self, kind: str, more: Mapping[str, Any], bars: Any) -> HeadRecord:
        """Give the head of a run of this; `bars` are those that its span is taken from."""
        settings, text = self.settings, source_of(self.strategy)
        return HeadRecord(
            **self.ground.facts(bars, [self.stage.frame], {"candles": self.candles.digest}),
            source=text, imports=imported(text),
            kind=kind, seed=None if settings.sampler == "grid" else settings.seed,
            settings={
                "search": described(self.space),
                "constraint": self.constraint.text if self.constraint else None,
                **{name: getattr(settings, name) for name in ("sampler", "trials", "seed", "objective", "min_trades")},
                **{name: getattr(settings, name) for name in ("where", "select")},
                **more,
            },
        )  # fmt: skip

    def signals(self, params: str) -> Told:
        """Give the signals of a stored set (JSON) over the whole span."""
        given = json.loads(params)
        return self.stage.told(given, self._columns(self.stage.strategy_of(given)))

    def _columns(self, strategy: BaseStrategy) -> Columns:
        [columns] = self.supply.of([strategy])
        if isinstance(columns, BtError):
            raise columns
        return columns

    def warnings(self, params: str) -> tuple[str, ...]:
        """Say what a run of a sweep's chosen set (JSON) would warn of."""
        with self.clock.stage("look-ahead"), contained(heard=False):
            seen_ahead = self.seen_ahead(params)
            tape = self.tape
            done = tape.simulation(tape.trade(self.signals(params)))
        bars, inputs = self.ground.bars(), self.ground.inputs
        finished = Finished(done=done, bars=bars, length=self.ground.length, inputs=inputs)
        return (*seen_ahead, *(f"the chosen set: {sentence}" for sentence in caveats(finished)))

    def seen_ahead(self, params: str, ends: Sequence[datetime | None] = (None,)) -> tuple[str, ...]:
        """Examine a stored set (JSON) for look-ahead at some of the last bars before each end; say what is wrong."""
        count, market = self.ground.request.lookahead, self.ground.market
        if not count:
            return (UNASKED,)
        strategy = self.stage.strategy_of(json.loads(params))
        market.take(self._columns(strategy))
        signals = signals_of(strategy, market, heard=False)
        found = (sample(strategy, self.warehouse, market, signals, count=count, until=end) for end in ends)
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    def explore(self, head: Head, parts: Sequence[Sequence[FoldPart]]) -> None:
        """Try every set on all parts, or, where the sampler learns, as many sets on the parts of each fold."""
        settings, clock = self.settings, self.clock
        crew = workers(settings.executor, settings.workers, clock.listener.say)
        with clock.stage("trials"), contained(heard=False), crew as working:
            self._explore(head, parts, working)

    def _explore(self, head: Head, parts: Sequence[Sequence[FoldPart]], crew: Workers) -> None:
        learns = self.settings.sampler == "tpe"
        total = count(self.space, trials=self.settings.trials, constraint=self.constraint)
        course = Course(
            warehouse=self.warehouse, run_id=head.run_id, judging=self.judging, workers=crew,
            listener=self.clock.listener,  # type: ignore[arg-type]
            cash=self.ground.terms.account.cash, defaults=self.space.defaults,
            total=total and total * (len(parts) if learns else 1),
            stored=head.stored,
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
        return Ordered(_sampled(settings, self.space, self.constraint, self.clock.listener.say))
