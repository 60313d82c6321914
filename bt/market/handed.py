"""A market of bars and indicators that are at hand: what a strategy sees where there is no warehouse to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from bt.errors import BtError
from bt.market.compose import named
from bt.market.indicators import Indicator

if TYPE_CHECKING:
    from datetime import datetime

Columns = Mapping[Indicator, Mapping[str, pl.Series]]  # what indicators say on the rows of the bars, by output


class MissingError(BtError):
    """A strategy asks for indicators that are not at hand."""

    def __init__(self, indicators: tuple[Indicator, ...]) -> None:
        super().__init__(f"not at hand: {', '.join(map(repr, indicators))}", "")
        self.indicators = indicators


@dataclass(frozen=True, kw_only=True)
class Handed:
    """Give `frame`, the rows of a market's `bars()`, with those of `columns` that a strategy asks for.

    Looks to a strategy like the `Market` that frame and columns are from. `asked` collects what was asked for.
    """

    symbols: tuple[str, ...]
    timeframe: str
    first: datetime
    end: datetime
    frame: pl.DataFrame
    columns: Columns
    asked: dict[Indicator, None] = field(default_factory=dict)

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give the bars with indicators beside; see `Market.bars`. Raises `MissingError`, naming all that are."""
        self.asked.update(dict.fromkeys(indicators.values()))
        missing = tuple(each for each in dict.fromkeys(indicators.values()) if each not in self.columns)
        if missing:
            raise MissingError(missing)
        names = named({alias: tuple(self.columns[each]) for alias, each in indicators.items()})
        return self.frame.lazy().with_columns(
            self.columns[indicators[alias]][output].alias(name) for name, (alias, output) in names.items()
        )
