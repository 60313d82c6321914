"""The ground a strategy is tested on: span, candles, rules and minutes of one state of the warehouse."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from bt import symbols as symbol_names
from bt.engine import Around, Tape, Terms
from bt.engine.settings import FEES
from bt.errors import BtError
from bt.market import Market
from bt.market.chains import BARS
from bt.results import digests
from bt.strategy.inputs import Inputs, Span, read_inputs, read_span
from bt.strategy.lookahead import SAMPLED
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from bt.engine import Account, Costs, Execution
    from bt.warehouse import Warehouse


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
    again: bool = True  # tested whatever is stored; False = where the same is stored already, that is given

    @property
    def terms(self) -> Terms:
        """Give account, costs and execution; `drill` is adverse on 1-minute bars, which are their own minutes."""
        given = {name: getattr(self, name) for name in ("account", "costs", "execution")}
        terms = Terms(**{name: value for name, value in given.items() if value is not None})
        if self.timeframe == "1m" and terms.execution.intrabar == "drill":
            terms = dataclasses.replace(terms, execution=dataclasses.replace(terms.execution, intrabar="adverse"))
        return terms


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What was read for a request; bars and indicators are read when the market is asked for them."""

    strategy: str  # its name
    request: Request
    terms: Terms
    span: Span
    inputs: Inputs
    market: Market

    @classmethod
    def read(cls, strategy: str, warehouse: Warehouse, request: Request, *, warm_up: int) -> Ground:
        """Read all but bars and indicators; refuse symbols without candles, spans without a minute, two currencies."""
        terms = request.terms
        drill = request.timeframe != "1m" and terms.execution.drills
        with warehouse.read():  # one opening for all that is asked here
            names = sorted(parsed.name for parsed in symbol_names.parse_many(request.symbols))
            span = read_span(warehouse, names, request.first, request.end)
            inputs = read_inputs(warehouse, span, funding=terms.costs.funding, drill=drill)
            _ = inputs.quote  # refused here, where there is no single one
            market = Market(
                warehouse, symbols=names, timeframe=request.timeframe, first=span.first, end=span.end,
                warm_up=max(warm_up, 1),
            )  # fmt: skip
        return cls(strategy=strategy, request=request, terms=terms, span=span, inputs=inputs, market=market)

    def bars(self) -> pl.DataFrame:
        """Give the bars to trade."""
        bars = self.market.tested()
        if bars.is_empty():
            raise BtError(
                f"no finished {self.request.timeframe} bar from {self.span.first} to {self.span.end}",
                "widen the span or import more",
            )
        return bars

    def tape(self, announce: Callable[[str], None] | None = None) -> Tape:
        """Lay the bars out with what is around them."""
        given = self.inputs
        around = Around(
            instruments=given.instruments, funding=given.funding, gaps=given.gaps,
            detail=given.detail if self.terms.execution.drills else None,
        )  # fmt: skip
        with self.named():
            return Tape.laid(self.bars(), around, self.terms, timeframe=self.request.timeframe, announce=announce)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the strategy's name before what the engine refuses."""
        try:
            yield
        except BtError as error:
            raise type(error)(f"{self.strategy}: {error.what}", error.cure) from error

    @property
    def length(self) -> timedelta:
        """Give the length of a bar."""
        return timedelta(minutes=minutes(self.request.timeframe))

    def facts(
        self, bars: pl.DataFrame, read: Sequence[pl.DataFrame], more: Mapping[str, pl.DataFrame] | None = None
    ) -> dict[str, Any]:
        """Give what `bt.results.Record` holds of any run of these `bars`; `read` is all that signals were made of.

        `more` are further frames to take the fingerprint of, by what they are.
        """
        first: Any = bars["ts"].min()
        last: Any = bars["ts"].max()
        return {
            "strategy": self.strategy,
            "symbols": self.span.symbols,
            "timeframe": self.request.timeframe,
            "first": first,
            "end": last + self.length,
            "quote": self.inputs.quote,
            "config": self.config(),
            "parts": digests({**self._seen(bars, read), **self.inputs.seen(), **(more or {})}),
            "name": self.request.name,
            "note": self.request.note,
            "bars": bars.height,
        }

    def _seen(self, bars: pl.DataFrame, read: Sequence[pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Give apart the bars, those before the span, and indicators: the last two hang on the strategy as well."""
        if not read:
            return {"bars": bars}
        names = [name for name in read[0].columns if name in BARS]
        values = [frame.drop(set(names) - {"symbol", "ts"}) for frame in read]
        asked = [frame for frame in values if set(frame.columns) > {"symbol", "ts"}]
        tested = pl.col("ts") >= self.market.first
        return {
            "bars": read[0].select(names).filter(tested),
            "warm-up": read[0].select(names).filter(~tested),
            **{f"indicators {place + 1}" if place else "indicators": frame for place, frame in enumerate(asked)},
        }

    def config(self) -> dict[str, Any]:
        """Give everything the engine was told, with the fees as they were charged."""
        instruments, costs = self.inputs.instruments, self.terms.costs
        categories = sorted(set(instruments["category"].to_list()) & set(FEES)) or ["linear"]
        rates = {category: dict(zip(("taker", "maker"), costs.rates(category), strict=True)) for category in categories}
        times = pl.col("valid_from", "as_of").dt.to_string("iso")
        return {
            "account": dataclasses.asdict(self.terms.account),
            "costs": dataclasses.asdict(costs) | {"rates": rates},
            "execution": dataclasses.asdict(self.terms.execution),
            "drilled": self.inputs.detail is not None,
            "instruments": instruments.drop("quote").with_columns(times).to_dicts(),
            "span": {"first": self.span.first.isoformat(), "end": self.span.end.isoformat()},
        }
