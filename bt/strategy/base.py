"""What a strategy is: typed parameters and one lazy frame of signals; everything else is bt's work."""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - parameters() evaluates the annotations
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from bt.config import fitted
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import polars as pl

    from bt.engine import Account, Costs, Execution
    from bt.market import Market
    from bt.results import Run
    from bt.strategy.listening import Listener
    from bt.warehouse import Warehouse

_KINDS = (int, float, str, bool)


class BaseStrategy(ABC):
    """Subclass this as a keyword-only dataclass whose fields are the parameters, and write `signals`.

    `search` names the values a sweep tries; `constraint`, an SQL expression over the parameters such as `fast < slow`,
    says which combinations of them make sense. `warm_up` is how many bars before the tested span the signals' own
    expressions look back; what indicators need comes on top by itself. Beside fields and `signals` a strategy has no
    loop, no state, no costs and no shift for execution: what is known at a bar's close acts at the next open.
    """

    search: ClassVar[Mapping[str, Sequence[Any]]] = {}
    constraint: ClassVar[str] = ""
    warm_up: ClassVar[int] = 50

    @abstractmethod
    def signals(self, market: Market) -> pl.LazyFrame:
        """Give one row per (symbol, ts) of `market.bars(…)` with signal columns beside.

        Columns, null says nothing: `enter_long, enter_short, exit_long, exit_short` (true or false); `entry_limit` or
        `entry_stop` (quote) make the entry a pending order that lives `entry_bars` bars; `stop_price, take_price,
        stop_distance, take_distance, trail_distance` (quote); `size`, `score`, `max_bars`. Or, instead of entries and
        exits, `target`: the signed share of equity to hold. `bt.simulate` says exactly what each does.
        """

    def run(  # noqa: PLR0913 - a run is made of these
        self,
        warehouse: Warehouse,
        *,
        symbols: Sequence[str],
        timeframe: str,
        first: datetime | None = None,
        end: datetime | None = None,
        account: Account | None = None,
        costs: Costs | None = None,
        execution: Execution | None = None,
        lookahead: int = 4,
        name: str | None = None,
        note: str | None = None,
        again: bool = True,
        listener: Listener | None = None,
    ) -> Run:
        """Test this strategy and store the run in the warehouse.

        From `first` (inclusive) to `end` (exclusive), UTC; None = as far as there are candles. Settings that are None
        take their defaults. At `lookahead` of its last bars the run is examined for look-ahead, which becomes one of
        its warnings; 0 = not. Where the same is stored already (data, source, settings and engine decide), it is stored
        once more, or, without `again`, that run is given before anything is traded. Raises `BtError` when there are no
        candles, or when signals or settings are wrong.
        """
        from bt.strategy.ground import Request
        from bt.strategy.run import run

        request = Request(
            symbols=(symbols,) if isinstance(symbols, str) else tuple(symbols), timeframe=timeframe, first=first,
            end=end, account=account, costs=costs, execution=execution, lookahead=lookahead, name=name, note=note,
            again=again,
        )  # fmt: skip
        return run(self, warehouse, request, listener=listener)


def name_of(strategy: type[BaseStrategy]) -> str:
    """Give the name a strategy is called by: its file's."""
    module = strategy.__module__.rsplit(".", 1)[-1]
    return module if module != "__main__" else strategy.__name__


def source_of(strategy: type[BaseStrategy]) -> str:
    """Give the text of the strategy's file, or of its class where it has no file (a notebook)."""
    try:
        path = inspect.getsourcefile(strategy)
        return Path(path).read_text(encoding="utf-8") if path else inspect.getsource(strategy)
    except (OSError, TypeError):
        return f"# the source of {strategy.__qualname__} is not at hand"


@lru_cache(maxsize=64)  # a sweep makes its strategy again and again
def parameters(strategy: type[BaseStrategy]) -> Mapping[str, tuple[type, Any]]:
    """Give each parameter's type and default; a field of another type than int, float, str or bool is refused."""
    kinds = get_type_hints(strategy)
    found: dict[str, tuple[type, Any]] = {}
    fields: tuple[dataclasses.Field[Any], ...] = (
        dataclasses.fields(strategy) if dataclasses.is_dataclass(strategy) else ()
    )
    for field in fields:
        kind = kinds[field.name]
        if kind not in _KINDS:
            raise BtError(
                f"{strategy.__name__}: parameter {field.name!r} has the type {kind}", "use int, float, str or bool"
            )
        if field.default is dataclasses.MISSING:
            raise BtError(f"{strategy.__name__}: parameter {field.name!r} has no default", "give it one")
        found[field.name] = (kind, field.default)
    return MappingProxyType(found)


def made(strategy: type[BaseStrategy], given: Mapping[str, Any]) -> BaseStrategy:
    """Make a strategy from parameters, given as values or as text; unknown or unfit ones are refused with a hint."""
    known = require_known(strategy, given)
    values = {key: fitted(key, value, known[key][0]) for key, value in given.items()}
    try:
        return strategy(**values)
    except BtError:
        raise
    except Exception as error:
        raise BtError(f"{name_of(strategy)} refuses {values}: {error}", "choose other parameters") from error


def require_known(strategy: type[BaseStrategy], names: Iterable[str]) -> Mapping[str, tuple[type, Any]]:
    """Give each parameter's type and default, once all `names` are parameters; another is refused with a hint."""
    known = parameters(strategy)
    for key in names:
        if key not in known:
            raise BtError(f"{name_of(strategy)} has no parameter {key!r}", hint(key, known) if known else "it has none")
    return known
