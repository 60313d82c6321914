"""Whether signals hang on where the data begin: how long they take to settle, and what warm-up would be enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.market import Market
from bt.strategy.lookahead.differences import Difference, differences
from bt.strategy.signals import signals_of
from bt.timeframes import minutes

if TYPE_CHECKING:
    from datetime import datetime

    from bt.strategy.base import BaseStrategy
    from bt.strategy.inputs import Span
    from bt.warehouse import Warehouse

EARLIER: Final = 500  # bars that the second start lies before the first
_COMPARED: Final = 2_000  # bars after the start
_LEAST: Final = 100  # bars after the start without which nothing is said
_PROBED: Final = 20  # bars of a market that is made to see how many come before them
_NEVER: Final = 0.9  # of the compared bars: what differs still later does not settle
_BEGINNING: Final = """
    with beginnings as (
        select min(ts) as first
        from candles
        where list_contains($names, symbol)
        group by symbol
    )

    select max(first) as first
    from beginnings
"""


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """A column that differs when the data begin EARLIER bars before."""

    difference: Difference
    bars: int  # after the start, until it is the same; 0 = it does not settle in `compared` bars
    compared: int
    given: int  # bars before the start that the strategy has

    @property
    def enough(self) -> int | None:
        """Give the warm-up after which nothing would differ; None where that was not seen."""
        return self.given + self.bars if self.bars else None


def unsettled(
    strategy: BaseStrategy, warehouse: Warehouse, span: Span, timeframe: str
) -> tuple[list[Unsettled], int | None]:
    """Start at one bar and EARLIER bars before it; give the columns that differ from there on, and the bars compared.

    The bar is the first of the span from which that is possible; None bars where the candles are too few for it.
    """
    bar = timedelta(minutes=minutes(timeframe))

    def market(first: datetime, end: datetime) -> Market:
        return Market(
            warehouse, symbols=span.symbols, timeframe=timeframe, first=first, end=end, warm_up=max(strategy.warm_up, 1)
        )

    given = _given(strategy, market(max(span.end - _PROBED * bar, span.first), span.end))
    beginning: datetime = warehouse.query(_BEGINNING, {"names": list(span.symbols)}).item()
    start = max(span.first, beginning + (given + EARLIER + 1) * bar)
    compared = min((span.end - start) // bar, _COMPARED)
    if compared < _LEAST:
        return [], None
    end = start + compared * bar
    seen = signals_of(strategy, market(start, end), heard=False)
    known = signals_of(strategy, market(start - EARLIER * bar, end), heard=False)
    found = []
    for difference in differences(known.filter(pl.col("ts") >= start), seen):
        settles = (difference.last - start) // bar + 1
        settled = settles if settles <= _NEVER * compared else 0
        found.append(Unsettled(difference=difference, bars=settled, compared=compared, given=given))
    return found, compared


def _given(strategy: BaseStrategy, market: Market) -> int:
    """Count the bars that the market loads before its first one for this strategy."""
    signals_of(strategy, market, heard=False)
    counts = [frame.filter(pl.col("ts") < market.first)["symbol"].value_counts()["count"] for frame in market.read()]
    return max((count.max() for count in counts if len(count)), default=0)  # type: ignore[type-var,return-value]
