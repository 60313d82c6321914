"""One run, from candles to stored result: the only place that wires market, engine and results together."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import sys
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
from bt.strategy.caveats import caveats
from bt.strategy.load import described, line_in
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

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
class Order:
    """What a run is asked to do; None = the default, or as far as there are candles."""

    symbols: tuple[str, ...]
    timeframe: str
    first: datetime | None = None
    end: datetime | None = None
    account: Account | None = None
    costs: Costs | None = None
    execution: Execution | None = None
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


def run(strategy: BaseStrategy, warehouse: Warehouse, order: Order, *, listener: Listener | None = None) -> Run:
    """Load bars and indicators, make signals, trade them, store the run."""
    clock = _Clock(listener or _Deaf())
    name = name_of(type(strategy))
    execution = order.execution or Execution()
    with clock.stage("data"), warehouse.read():  # one opening for all that is asked here
        names = sorted(parsed.name for parsed in symbol_names.parse_many(order.symbols))
        first, end = _span(warehouse, names, order)
        instruments = _instruments(warehouse, names, first)
        quote = _quote(instruments)
        gaps = _gaps(warehouse, names, first, end)
        market = Market(
            warehouse, symbols=names, timeframe=order.timeframe, first=first, end=end,
            warm_up=max(strategy.warm_up, 1),
        )  # fmt: skip
    warm_up()
    with clock.stage("signals"):
        signals = _signals(strategy, market)
        bars = market.tested()
        if bars.is_empty():
            raise BtError(f"no finished {order.timeframe} bar from {first} to {end}", "widen the span or import more")
        account, costs = order.account or Account(), order.costs or Costs()
        trading = _Trading(name, order.timeframe, bars, signals, account, costs, instruments, gaps)
    with clock.stage("trades"):
        done = trading.simulate(execution, clock.listener.say)
        envelope = trading.envelope(execution, done) if done.ambiguous else None
    with clock.stage("storing"):
        first_bar, last_bar = bars.select(pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last")).row(0)
        record = RunRecord(
            strategy=name,
            params=dataclasses.asdict(strategy) if dataclasses.is_dataclass(strategy) else {},
            source=source_of(type(strategy)),
            symbols=tuple(names),
            timeframe=order.timeframe,
            first=first_bar,
            end=last_bar + timedelta(minutes=minutes(order.timeframe)),
            quote=quote,
            config=_config(trading, execution),
            fingerprint=fingerprint([*market.read(), gaps]),
            name=order.name,
            note=order.note,
            bars=bars.height,
            envelope=envelope,
            warnings=tuple(caveats(done, trading.bars, gaps, instruments, envelope)),
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
    instruments: pl.DataFrame
    gaps: pl.DataFrame

    def simulate(self, execution: Execution, announce: Callable[[str], None] | None = None) -> Simulation:
        """Trade the signals; signals before the first tested bar never act."""
        try:
            return simulate(
                self.bars, self.signals, account=self.account, costs=self.costs, execution=execution,
                instruments=self.instruments, gaps=self.gaps, timeframe=self.timeframe, announce=announce,
            )  # fmt: skip
        except BtError as error:
            raise BtError(f"{self.strategy}: {error.what}", error.cure) from error

    def envelope(self, execution: Execution, done: Simulation) -> tuple[float, float]:
        """Give the final equity with every ambiguous bar taken the adverse, then the favourable way; `done` is one."""
        if execution.intrabar == "favourable":
            return self.simulate(dataclasses.replace(execution, intrabar="adverse")).end_equity, done.end_equity
        return done.end_equity, self.simulate(dataclasses.replace(execution, intrabar="favourable")).end_equity


def _span(warehouse: Warehouse, names: list[str], order: Order) -> tuple[datetime, datetime]:
    own = warehouse.query(
        "select symbol, first_ts, last_ts from coverage where list_contains($names, symbol)", {"names": names}
    )
    for name in sorted(set(names) - set(own["symbol"])):
        known = warehouse.query("select distinct symbol from candle_days order by symbol")["symbol"].to_list()
        have = f"there are: {', '.join(known)}; " if known else "the warehouse has no candles yet; "
        raise BtError(f"there are no candles of {name}", f"{have}bring them: bt import FILE --symbol {name}")
    least: datetime = own["first_ts"].min()  # type: ignore[assignment]
    most: datetime = own["last_ts"].max() + timedelta(minutes=1)  # type: ignore[assignment,operator]
    first = max(order.first, least) if order.first else least
    end = min(order.end, most) if order.end else most
    if order.first and order.end and order.first >= order.end:
        raise BtError(f"from {order.first} must be before to {order.end}", "swap them")
    if first >= end:
        raise BtError(
            f"there are candles from {least} to {most}, none from {order.first or least} to {order.end or most}",
            "choose a span inside, or import more",
        )
    return first, end


def _instruments(warehouse: Warehouse, names: list[str], first: datetime) -> pl.DataFrame:
    """Give the rules that were valid when the run begins, else the earliest known."""
    return warehouse.query(
        """
        select symbol, category, quote, tick_size, qty_step, min_qty, min_notional, as_of
        from instruments
        where list_contains($names, symbol)
        qualify row_number() over (
            partition by symbol
            order by valid_from <= $first desc, abs(epoch_us(valid_from) - epoch_us($first::timestamp))
        ) = 1
        order by symbol
        """,
        {"names": names, "first": first},
    )


def _quote(instruments: pl.DataFrame) -> str:
    quotes = instruments["quote"].unique().sort().to_list()
    if len(quotes) > 1:
        raise BtError(
            f"these symbols are priced in {' and '.join(str(quote) for quote in quotes)}",
            "one run has one quote currency",
        )
    return str(quotes[0]) if quotes and quotes[0] else "?"


def _signals(strategy: BaseStrategy, market: Market) -> pl.DataFrame:
    path = inspect.getsourcefile(type(strategy)) or ""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is data
            frame: Any = strategy.signals(market)
            if isinstance(frame, pl.LazyFrame):
                frame = frame.collect()
    except BtError:
        raise
    except (Exception, SystemExit) as error:
        where = f", line {line}" if (line := line_in(path, error)) else ""
        raise BtError(f"{name_of(type(strategy))}.signals{where}: {described(error)}", "mend the strategy") from error
    if not isinstance(frame, pl.DataFrame):
        raise BtError(
            f"{name_of(type(strategy))}.signals gave {type(frame).__name__}, not a frame",
            "return market.bars(…).with_columns(…)",
        )
    if "ts" not in frame.columns or frame.schema["ts"] != pl.Datetime("us"):
        raise BtError(
            f"{name_of(type(strategy))}.signals gave no column ts as in market.bars(…)",
            f"it has: {', '.join(frame.columns)}",
        )
    return frame.filter(pl.col("ts") >= market.first)


def _gaps(warehouse: Warehouse, names: list[str], first: datetime, end: datetime) -> pl.DataFrame:
    return warehouse.query(
        "select symbol, first_ts as first, last_ts as last from gaps "
        "where list_contains($names, symbol) and last_ts >= $first and first_ts < $end order by symbol, first_ts",
        {"names": names, "first": first, "end": end},
    )


def _config(trading: _Trading, execution: Execution) -> dict[str, Any]:
    """Give everything the engine was told, with the fees as they were charged."""
    categories = sorted(set(trading.instruments["category"].to_list()) & set(FEES)) or ["linear"]
    rates = {
        category: dict(zip(("taker", "maker"), trading.costs.rates(category), strict=True)) for category in categories
    }
    return {
        "account": dataclasses.asdict(trading.account),
        "costs": dataclasses.asdict(trading.costs) | {"rates": rates},
        "execution": dataclasses.asdict(execution),
        "instruments": trading.instruments.drop("quote").with_columns(pl.col("as_of").dt.to_string("iso")).to_dicts(),
    }
