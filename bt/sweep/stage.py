"""What is the same for every parameter set, and trading one set on it: what a worker does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import polars as pl

from bt.errors import BtError
from bt.market import Handed
from bt.strategy import made
from bt.strategy.signals import asked

if TYPE_CHECKING:
    from datetime import date, datetime

    from bt.engine import Part, Tape, Told
    from bt.kernel import Array
    from bt.market import Columns
    from bt.strategy import BaseStrategy

Candidacy = tuple[Mapping[str, Any], tuple[int, ...]]  # a set, and the places of its values in the space

_KEPT: Final = 50_000_000  # rows of all parts together whose layout (20 bytes a row) is kept between parameter sets


class FoldPart(NamedTuple):
    """One part of a fold, UTC, `end` exclusive; `in` is in-sample, `out` out-of-sample; fold 0 is a whole span."""

    fold: int
    part: Literal["in", "out"]
    first: datetime
    end: datetime


class PartDone(NamedTuple):
    """What a set did in one part: the facts of its days (`bt.kernel.DAY`), the first of which is `first_day`."""

    part: FoldPart
    first_day: date | None
    days: Array | None
    ruined: bool


class Trialed(NamedTuple):
    """What one set did in all parts; `problem` says why it could not be tried."""

    number: int
    params: Mapping[str, Any]
    places: tuple[int, ...]
    parts: tuple[PartDone, ...]
    problem: str | None
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """Bars, tape and parts that every parameter set of a strategy is tried on; `frame` begins before `first`."""

    key: str  # tells it from every other stage
    strategy: type[BaseStrategy]
    symbols: tuple[str, ...]
    timeframe: str
    first: datetime
    end: datetime
    warm_up: int
    frame: pl.DataFrame
    tape: Tape
    parts: tuple[FoldPart, ...]

    @cached_property
    def cuts(self) -> tuple[Part, ...]:
        """Give the tape of each part, laid out where that does not take too much memory."""
        cuts = tuple(self.tape.part(part.first, part.end) for part in self.parts)
        if sum(cut.rows for cut in cuts) <= _KEPT:
            for cut in cuts:
                cut.keep()
        return cuts

    def market(self, columns: Columns) -> Handed:
        """Give what a strategy sees."""
        return Handed(
            symbols=self.symbols, timeframe=self.timeframe, first=self.first, end=self.end, frame=self.frame,
            columns=columns,
        )  # fmt: skip

    def strategy_of(self, params: Mapping[str, Any]) -> BaseStrategy:
        """Make the strategy of a parameter set; one that looks back farther than was read is refused."""
        strategy = made(self.strategy, params)
        if strategy.warm_up > self.warm_up:
            raise BtError(
                f"warm_up is {strategy.warm_up} for this set, but {self.warm_up} bars were read",
                "make warm_up a number that is enough for every set",
            )
        return strategy

    def told(self, params: Mapping[str, Any], columns: Columns) -> Told:
        """Give the signals of a parameter set over the whole span."""
        rows = asked(self.strategy_of(params), self.market(columns))
        return self.tape.told(rows.filter(pl.col("ts") >= self.first))


def evaluate(stage: Stage, columns: Columns, number: int, candidate: Candidacy) -> Trialed:
    """Try one parameter set on every part: signals once over the whole span, the loop for each part.

    What a strategy or the engine refuses is its `problem`.
    """
    params, places = candidate
    began, problem = time.perf_counter(), None
    parts: tuple[PartDone, ...]
    try:
        told = stage.told(params, columns)
        parts = tuple(_traded(part, cut, told) for part, cut in zip(stage.parts, stage.cuts, strict=True))
    except BtError as error:
        problem = error.what
        parts = tuple(PartDone(part, None, None, ruined=False) for part in stage.parts)
    return Trialed(number, params, places, parts, problem, time.perf_counter() - began)


def _traded(part: FoldPart, cut: Part, told: Told) -> PartDone:
    if not cut.rows:
        return PartDone(part, None, None, ruined=False)
    done = cut.tape.trade(cut.told(told), keep_equity=False)
    return PartDone(part, cut.first_day, done.days, bool(done.ruined))
