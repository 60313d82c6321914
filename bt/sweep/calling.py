"""How sweeps and walk-forwards are called: what both take, written once, and checked before anything is read."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from bt import timeframes
from bt.engine import Terms
from bt.engine.checks import check_settings
from bt.errors import BtError
from bt.strategy import BaseStrategy, Request
from bt.strategy.listening import Clock, Deaf
from bt.strategy.lookahead import SAMPLED
from bt.sweep.arguments import in_utc, require_text, require_truth, require_whole, told
from bt.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from bt.engine import Account, Costs, Execution
    from bt.results import Run
    from bt.sweep.course import TrialListener

_MOST_CUTS = 100_000  # as of bt lookahead
_HEARS = ("stage", "say", "tried")


class Unheard(Deaf):
    """Hear nothing of a sweep."""

    def tried(self, done: int, total: int | None, best: str) -> None:
        """Do nothing."""


class Call(NamedTuple):
    """One call of a sweep or walk-forward, checked."""

    strategy: type[BaseStrategy]
    warehouse: Warehouse
    request: Request
    clock: Clock
    resume: bool
    again: bool


class Runnable(ABC):
    """What tries the parameter sets of a strategy on a span, and stores a run."""

    def run(  # noqa: PLR0913 - a run is made of these
        self,
        strategy: type[BaseStrategy],
        warehouse: Warehouse,
        *,
        symbols: Sequence[str] | str,
        timeframe: str,
        first: datetime | date | None = None,
        end: datetime | date | None = None,
        account: Account | None = None,
        costs: Costs | None = None,
        execution: Execution | None = None,
        lookahead: int = SAMPLED,
        name: str | None = None,
        note: str | None = None,
        resume: bool = False,
        again: bool = True,
        listener: TrialListener | None = None,
    ) -> Run:
        """Try every parameter set from `first` (inclusive) to `end` (exclusive), and store all of it as one run.

        Both are a datetime, UTC where it has no zone, or a date; None = as far as there are candles. Settings that are
        None take their defaults. What is chosen is examined for look-ahead at `lookahead` of its last bars (0 = not).
        Stopped early, what was done is stored, and with `resume` the same call goes on where it ended. Where the same
        is finished and stored already, it is tried and stored once more, or, without `again` or with `resume`, that run
        is given before anything is tried. Raises `BtError`
        before anything is read when strategy, space, expressions or settings are wrong, and where there are no candles.
        """
        _require_kinds(strategy, warehouse, listener)
        require_truth("resume", resume)
        require_truth("again", again)
        request = Request(
            symbols=_names(symbols), timeframe=timeframe, account=account, costs=costs, execution=execution,
            first=None if first is None else in_utc("first", first), end=None if end is None else in_utc("end", end),
            lookahead=lookahead, name=name, note=note, again=again,
        )  # fmt: skip
        _require_sound(request)
        return self._run(Call(strategy, warehouse, request, Clock(listener or Unheard()), resume, again))

    @abstractmethod
    def _run(self, call: Call) -> Run:
        """Do what was asked."""


def _require_kinds(strategy: Any, warehouse: Any, listener: Any) -> None:
    if isinstance(strategy, BaseStrategy):
        name = type(strategy).__name__
        raise BtError(
            f"strategy is a {name} that was made already, whose parameters are fixed", f"give the class: {name}"
        )
    if not isinstance(strategy, type) or not issubclass(strategy, BaseStrategy):
        raise BtError(f"{told(strategy)} is no strategy", "give a class that derives from bt.BaseStrategy")
    if inspect.isabstract(strategy):
        raise BtError(f"{strategy.__name__} has no signals()", "write def signals(self, market): …")
    if not isinstance(warehouse, Warehouse):
        raise BtError(f"warehouse must be a bt.Warehouse, not {told(warehouse)}", "bt.Warehouse('warehouse/bt.duckdb')")
    if listener is not None and not all(callable(getattr(listener, each, None)) for each in _HEARS):
        raise BtError(f"listener cannot hear: {told(listener)}", f"it needs the methods {', '.join(_HEARS)}")


def _require_sound(request: Request) -> None:
    require_text("timeframe", request.timeframe, example="1h")
    timeframes.minutes(request.timeframe)
    given = {name: getattr(request, name) for name in ("account", "costs", "execution")}
    check_settings(Terms(**{name: value for name, value in given.items() if value is not None}))
    require_whole(request, "lookahead", 0, example=SAMPLED, most=_MOST_CUTS)
    require_text("name", request.name, example="first try", none=True)
    require_text("note", request.note, example="after the fees rose", none=True)


def _names(symbols: Any) -> tuple[str, ...]:
    """Give the symbols as texts; one text is one symbol, or a comma list."""
    if isinstance(symbols, str):
        return (symbols,)
    if not isinstance(symbols, Iterable) or isinstance(symbols, Mapping | bytes):
        raise BtError(f"symbols must be a list of texts, not {told(symbols)}", "symbols=['BTCUSDT', 'ETHUSDT']")
    names = tuple(symbols)
    for each in names:
        if not isinstance(each, str):
            raise BtError(f"a symbol must be text, not {told(each)}", "symbols=['BTCUSDT', 'ETHUSDT']")
    return names
