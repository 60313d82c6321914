"""One run, from candles to stored result: the only place that wires market, engine and results together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bt.kernel import warm_up
from bt.results import Run, RunRecord, store
from bt.strategy.base import name_of, source_of
from bt.strategy.caveats import Finished, caveats
from bt.strategy.ground import Ground, Request
from bt.strategy.listening import Clock, Deaf, Listener
from bt.strategy.lookahead import sample
from bt.strategy.signals import signals_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.config import Intrabar
    from bt.engine import Tape, Told
    from bt.strategy.base import BaseStrategy
    from bt.warehouse import Warehouse


def run(strategy: BaseStrategy, warehouse: Warehouse, request: Request, *, listener: Listener | None = None) -> Run:
    """Load bars and indicators, make signals, trade them, store the run."""
    clock = Clock(listener or Deaf())
    with clock.stage("data"):
        ground = Ground.read(name_of(type(strategy)), warehouse, request, warm_up=strategy.warm_up)
    warm_up()
    with clock.stage("signals"):
        signals = signals_of(strategy, ground.market)
        read, bars = ground.market.read(), ground.bars()
    with clock.stage("trades"):
        tape = ground.tape(clock.listener.say)
        with ground.named():
            told = tape.told(signals)
        done = tape.simulation(tape.trade(told))
        envelope = envelope_of(tape, done.end_equity, _ending(told)) if done.ambiguous else None
    with clock.stage("look-ahead"):
        seen_ahead = tuple(sample(strategy, warehouse, ground.market, signals, count=request.lookahead))
    with clock.stage("storing"):
        finished = Finished(done=done, bars=bars, length=ground.length, inputs=ground.inputs, envelope=envelope)
        record = RunRecord(
            **ground.facts(bars, read),
            params=dataclasses.asdict(strategy) if dataclasses.is_dataclass(strategy) else {},
            source=source_of(type(strategy)),
            envelope=envelope,
            warnings=(*seen_ahead, *caveats(finished)),
        )
        run_id = store(warehouse, record, done, clock.seconds)
    return Run(warehouse, run_id, clock.seconds)


def envelope_of(tape: Tape, end_equity: float, ending: Callable[[Tape], float]) -> tuple[float, float]:
    """Give the final equity with every bar that touches both levels taken stop first, then target first.

    `ending` trades on a tape and gives the final equity. Nothing is drilled in either; what was traded already, to
    `end_equity`, is one of them where it was not drilled.
    """
    own = "" if tape.drilled else tape.terms.execution.intrabar.replace("auto", "adverse")

    def final_equity(way: Intrabar) -> float:
        return end_equity if way == own else ending(tape.decided(way))

    return final_equity("adverse"), final_equity("favourable")


def _ending(told: Told) -> Callable[[Tape], float]:
    return lambda tape: tape.simulation(tape.trade(told, keep_equity=False)).end_equity
