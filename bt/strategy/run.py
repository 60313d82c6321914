"""One run, from candles to stored result: the only place that wires market, engine and results together."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from bt import symbols as symbol_names
from bt.engine import Account, Costs, Execution, Simulation, simulate
from bt.engine.settings import FEES
from bt.errors import BtError
from bt.kernel import warm_up
from bt.market import Market
from bt.results import Run, RunRecord, fingerprint, store
from bt.strategy.base import name_of, source_of
from bt.strategy.caveats import Finished, caveats
from bt.strategy.inputs import Inputs, read_inputs, read_span
from bt.strategy.lookahead import SAMPLED, sample
from bt.strategy.signals import signals_of
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from bt.config import Intrabar
    from bt.strategy.base import BaseStrategy
    from bt.warehouse import Warehouse


class Listener(Protocol):
    """Hear how a run comes along."""

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""

    def say(self, sentence: str) -> None:
        """Hear something a person wants to know."""


class _Deaf:
    def stage(self, name: str) -> None:
        """Do nothing."""

    def say(self, sentence: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a run is asked to do; None = the default, or as far as there are candles."""

    symbols: tuple[str, ...]
    timeframe: str
    first: datetime | None = None
    end: datetime | None = None
    account: Account | None = None
    costs: Costs | None = None
    execution: Execution | None = None
    lookahead: int = SAMPLED  # cuts at which the run is examined for look-ahead; 0 = none
    name: str | None = None
    note: str | None = None


@dataclass
class _Clock:
    """Tell the listener the stages and keep how long each took, in seconds."""

    listener: Listener
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.listener.stage(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def run(strategy: BaseStrategy, warehouse: Warehouse, request: Request, *, listener: Listener | None = None) -> Run:
    """Load bars and indicators, make signals, trade them, store the run."""
    clock = _Clock(listener or _Deaf())
    account, costs = request.account or Account(), request.costs or Costs()
    execution = _executed(request.execution or Execution(), request.timeframe)
    drill = request.timeframe != "1m" and execution.drills
    with clock.stage("data"), warehouse.read():  # one opening for all that is asked here
        names = sorted(parsed.name for parsed in symbol_names.parse_many(request.symbols))
        span = read_span(warehouse, names, request.first, request.end)
        inputs = read_inputs(warehouse, span, funding=costs.funding, drill=drill)
        quote = inputs.quote
        market = Market(
            warehouse, symbols=names, timeframe=request.timeframe, first=span.first, end=span.end,
            warm_up=max(strategy.warm_up, 1),
        )  # fmt: skip
    warm_up()
    with clock.stage("signals"):
        signals = signals_of(strategy, market)
        read, bars = market.read(), market.tested()
        if bars.is_empty():
            raise BtError(
                f"no finished {request.timeframe} bar from {span.first} to {span.end}", "widen the span or import more"
            )
        trading = _Trading(name_of(type(strategy)), request.timeframe, bars, signals, account, costs, inputs)
    with clock.stage("trades"):
        done = trading.simulate(execution, clock.listener.say)
        envelope = trading.envelope(execution, done) if done.ambiguous else None
    with clock.stage("look-ahead"):
        seen_ahead = tuple(sample(strategy, warehouse, market, signals, count=request.lookahead))
    with clock.stage("storing"):
        first_bar, last_bar = bars.select(pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last")).row(0)
        length = timedelta(minutes=minutes(request.timeframe))
        finished = Finished(done=done, bars=bars, length=length, inputs=inputs, envelope=envelope)
        record = RunRecord(
            strategy=trading.strategy,
            params=dataclasses.asdict(strategy) if dataclasses.is_dataclass(strategy) else {},
            source=source_of(type(strategy)),
            symbols=span.symbols,
            timeframe=request.timeframe,
            first=first_bar,
            end=last_bar + length,
            quote=quote,
            config=_config(trading, execution),
            fingerprint=fingerprint([*read, *inputs.seen()]),
            name=request.name,
            note=request.note,
            bars=bars.height,
            envelope=envelope,
            warnings=(*seen_ahead, *caveats(finished)),
        )
        run_id = store(warehouse, record, done, clock.seconds)
    return Run(warehouse, run_id, clock.seconds)


@dataclass(frozen=True)
class _Trading:
    """What the engine is given, apart from how orders become fills."""

    strategy: str
    timeframe: str
    bars: pl.DataFrame
    signals: pl.DataFrame
    account: Account
    costs: Costs
    inputs: Inputs

    def simulate(self, execution: Execution, announce: Callable[[str], None] | None = None) -> Simulation:
        """Trade the signals; signals before the first tested bar never act."""
        given = self.inputs
        try:
            return simulate(
                self.bars, self.signals, account=self.account, costs=self.costs, execution=execution,
                instruments=given.instruments, funding=given.funding,
                detail=given.detail if execution.drills else None, gaps=given.gaps,
                timeframe=self.timeframe, announce=announce,
            )  # fmt: skip
        except BtError as error:
            raise BtError(f"{self.strategy}: {error.what}", error.cure) from error

    def envelope(self, execution: Execution, done: Simulation) -> tuple[float, float]:
        """Give the final equity with every bar that touches both levels taken stop first, then target first.

        Nothing is drilled in either; the run itself, `done`, is one of them where it was not drilled.
        """
        own = "" if self.inputs.detail is not None else execution.intrabar.replace("auto", "adverse")

        def final_equity(way: Intrabar) -> float:
            return (done if way == own else self.simulate(dataclasses.replace(execution, intrabar=way))).end_equity

        return final_equity("adverse"), final_equity("favourable")


def _executed(execution: Execution, timeframe: str) -> Execution:
    """Take `drill` for what it comes to on 1-minute bars, which are their own minutes: adverse."""
    if timeframe == "1m" and execution.intrabar == "drill":
        return dataclasses.replace(execution, intrabar="adverse")
    return execution


def _config(trading: _Trading, execution: Execution) -> dict[str, Any]:
    """Give everything the engine was told, with the fees as they were charged."""
    instruments = trading.inputs.instruments
    categories = sorted(set(instruments["category"].to_list()) & set(FEES)) or ["linear"]
    rates = {
        category: dict(zip(("taker", "maker"), trading.costs.rates(category), strict=True)) for category in categories
    }
    times = pl.col("valid_from", "as_of").dt.to_string("iso")
    return {
        "account": dataclasses.asdict(trading.account),
        "costs": dataclasses.asdict(trading.costs) | {"rates": rates},
        "execution": dataclasses.asdict(execution),
        "drilled": trading.inputs.detail is not None,
        "instruments": instruments.drop("quote").with_columns(times).to_dicts(),
    }
