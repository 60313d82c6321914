"""One run, from candles to stored result: the only place that wires market, engine and results together."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from bt.engine.signals import SIGNALS
from bt.kernel import warm_up
from bt.results import Record, Run, RunRecord, standing, store
from bt.strategy.base import name_of, source_of
from bt.strategy.caveats import Finished, caveats
from bt.strategy.ground import Ground, Request
from bt.strategy.imports import imported
from bt.strategy.listening import Clock, Deaf, Listener
from bt.strategy.lookahead import sample
from bt.strategy.signals import signals_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.config import Intrabar
    from bt.engine import Simulation, Tape, Told
    from bt.strategy.base import BaseStrategy
    from bt.warehouse import Warehouse


def run(strategy: BaseStrategy, warehouse: Warehouse, request: Request, *, listener: Listener | None = None) -> Run:
    """Load bars and indicators, make signals, trade them, store the run; or give the one that is stored already."""
    clock = Clock(listener or Deaf())
    test = Test.begun(strategy, warehouse, request, clock)
    known = None if request.again else standing.finished(warehouse, test.head().content_hash())
    if known:
        found = Run(warehouse, known, clock.seconds, known=True)
        test.recognise(found)
        return found
    done = test.trade()
    warnings = test.seen_ahead()
    with clock.stage("storing"):
        run_id = store(warehouse, test.record(done, warnings), done.simulation, clock.seconds)
    return Run(warehouse, run_id, clock.seconds)


@dataclass(frozen=True)
class Traded:
    """What a run came to; `envelope` is the final equity stop first, target first, where an exit was ambiguous."""

    simulation: Simulation
    envelope: tuple[float, float] | None


@dataclass(frozen=True)
class Test:
    """A run whose data are read and whose signals are made, but of which nothing is traded yet."""

    strategy: BaseStrategy
    warehouse: Warehouse
    ground: Ground
    signals: pl.DataFrame
    facts: dict[str, Any]  # of its record
    clock: Clock

    @classmethod
    def begun(cls, strategy: BaseStrategy, warehouse: Warehouse, request: Request, clock: Clock) -> Test:
        """Read and make signals."""
        with clock.stage("data"):
            ground = Ground.read(name_of(type(strategy)), warehouse, request, warm_up=strategy.warm_up)
        warm_up()
        with clock.stage("signals"):
            signals = signals_of(strategy, ground.market)
            text = source_of(type(strategy))
            facts = ground.facts(ground.bars(), ground.market.read(), _said(signals)) | {
                "params": dataclasses.asdict(strategy) if dataclasses.is_dataclass(strategy) else {},
                "source": text,
                "imports": imported(text),
            }
        return cls(strategy, warehouse, ground, signals, facts, clock)

    def head(self) -> Record:
        """Give what is known before anything is traded."""
        return Record(**self.facts)

    def trade(self) -> Traded:
        """Run the loop."""
        with self.clock.stage("trades"):
            tape = self.ground.tape(self.clock.listener.say)
            with self.ground.named():
                told = tape.told(self.signals)
            done = tape.simulation(tape.trade(told))
            envelope = envelope_of(tape, done.end_equity, _ending(told)) if done.ambiguous else None
        return Traded(done, envelope)

    def seen_ahead(self) -> tuple[str, ...]:
        """Examine the signals for look-ahead, as often as was asked for; say what is wrong."""
        with self.clock.stage("look-ahead"):
            count, market = self.ground.request.lookahead, self.ground.market
            return tuple(sample(self.strategy, self.warehouse, market, self.signals, count=count))

    def record(self, done: Traded, warnings: tuple[str, ...]) -> RunRecord:
        """Give what is stored of the run beside what happened in it."""
        ground = self.ground
        finished = Finished(
            done=done.simulation, bars=ground.bars(), length=ground.length, inputs=ground.inputs, envelope=done.envelope
        )
        return RunRecord(**self.facts, envelope=done.envelope, warnings=(*warnings, *caveats(finished)))

    def recognise(self, known: Run) -> None:
        """Say that this is stored, and what the stored one does not: its name differs, or look-ahead was not found."""
        stored, say, name = known.get_results().run, self.clock.listener.say, self.ground.request.name
        say(recognised(stored, name))
        for warning in self.seen_ahead():
            if warning not in json.loads(stored["warnings"]):
                say(f"! {warning}")


def _said(signals: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Give the signals to take the fingerprint of: they may hang on what nobody sees, a file of the strategy's own."""
    sound = [name for name in SIGNALS if name in signals.columns and signals.schema[name].is_numeric()]
    sound += [name for name in SIGNALS if signals.schema.get(name) == pl.Boolean]
    return {"signals": signals.select("symbol", "ts", *sound)} if signals.schema["symbol"] == pl.String else {}


def recognised(stored: dict[str, Any], name: str | None) -> str:
    """Say that a run is stored already, in the words of its row of `runs`; `name` is what it was to be called now."""
    called = f", called {stored['name']}" if stored["name"] and stored["name"] != name else ""
    unnamed = f" (not named {name})" if name and stored["name"] != name else ""
    return (
        f"{stored['kind']} {stored['run_id']}{called} of {stored['created_ts']:%Y-%m-%d %H:%M}{unnamed} is finished "
        "already: data, strategy, settings and engine are the same; --again does it once more"
    )


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
