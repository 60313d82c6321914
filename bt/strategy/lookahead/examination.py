"""A strategy under examination: what it says of cut markets, held against what it says of the whole one."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError, WarehouseError
from bt.strategy.load import anew
from bt.strategy.lookahead.cuts import Timeline
from bt.strategy.lookahead.differences import differences
from bt.strategy.lookahead.findings import Tally, about_chance, about_failures, about_future
from bt.strategy.lookahead.futures import Cut
from bt.strategy.signals import signals_of
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from bt.market import Market
    from bt.strategy.base import BaseStrategy
    from bt.strategy.lookahead.cuts import Window
    from bt.strategy.lookahead.futures import World
    from bt.warehouse import Warehouse

LEAST_BEFORE: Final = 200  # bars before those that are compared, at least
_EARLY: Final = 50  # bars, or the strategy's warm-up: with fewer it may fail without a fault


def _nobody() -> None:
    """Hear nothing."""


@dataclass
class Examination:
    """Recompute a strategy at cuts and keep count of what differs; `progress` is called after each cut."""

    strategy: BaseStrategy
    bar: timedelta
    progress: Callable[[], None] = _nobody
    done: int = 0  # cuts
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)  # by part (signals, indicators) and column
    failures: dict[datetime, str] = field(default_factory=dict)  # cuts at which the strategy fails

    def examine(self, world: World, window: Window, *, by_turns: bool = False) -> None:
        """Recompute a window at its cuts with nothing and with noise behind them, or only one of them by turns."""
        if not world.enter(window):
            return
        whole = world.market()
        try:
            signals = signals_of(anew(self.strategy), whole, heard=False)
        except WarehouseError:
            raise
        except BtError:  # for lack of a symbol that has no candles here: the whole span was computed already
            return
        for at in window.cuts:
            number = self.done // 2 if by_turns else self.done  # so that each kind of noise has its turn
            cuts = (Cut(at=at), Cut(at=at, noise=number))
            for cut in (cuts[self.done % 2],) if by_turns else cuts:
                self._recompute(signals, whole, world.market(cut), cut)
            self.done += 1
            self.progress()

    def _recompute(self, signals: pl.DataFrame, whole: Market, market: Market, cut: Cut) -> None:
        try:
            seen = signals_of(anew(self.strategy), market, heard=False)
        except WarehouseError:
            raise
        except BtError as error:
            if cut.noise is None:  # noise may be too wild for a sound strategy
                self.failures[cut.at] = error.what
            return
        self._count("signals", signals, seen, cut)
        for known, frame in zip(whole.read(), market.read(), strict=False):
            if known.columns == frame.columns:
                self._count("indicators", known, frame, cut)

    def _count(self, part: str, whole: pl.DataFrame, seen: pl.DataFrame, cut: Cut) -> None:
        known = whole.filter(pl.col("ts") <= cut.at)
        if cut.noise is not None:
            seen = seen.filter(pl.col("ts") <= cut.at)
        for found in differences(known, seen):
            tally = self.tallies.setdefault((part, found.column), Tally(example=found, cut=cut.at))
            tally.add(found, cut.at, self.bar, noise=cut.noise is not None)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A strategy with the market it was asked on, what it said, and the bars that are loaded."""

    strategy: BaseStrategy
    warehouse: Warehouse
    market: Market
    signals: pl.DataFrame
    timeline: Timeline

    def examination(self) -> Examination:
        """Begin to count."""
        return Examination(self.strategy, timedelta(minutes=minutes(self.market.timeframe)))


def subject_of(
    strategy: BaseStrategy,
    warehouse: Warehouse,
    market: Market,
    signals: pl.DataFrame,
    *,
    least: datetime | None = None,
    end: datetime | None = None,
) -> Subject:
    """Bring together what is known of a strategy; bars before `least` and from `end` on are of no interest."""
    frames = market.read() or [market.bars().collect()]
    found = frames[0]["ts"]
    found = found if least is None else found.filter(found >= least)
    moments = (found if end is None else found.filter(found < end)).unique().sort().to_list()
    timeline = Timeline(moments, bisect_left(moments, market.first))
    return Subject(strategy=strategy, warehouse=warehouse, market=market, signals=signals, timeline=timeline)


def by_chance(one: pl.DataFrame, two: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Give a finding for each column in which two equal calls differ."""
    return map(about_chance, differences(one, two))


def found_in(examination: Examination, subject: Subject) -> Iterator[dict[str, Any]]:
    """Give a finding for each column that differs, indicators first, and those for failures."""
    places = {name: place for place, name in enumerate(subject.signals.columns)}
    ordered = sorted(examination.tallies.items(), key=lambda item: (item[0][0], places.get(item[0][1], -1)))
    faulty = {column for part, column in examination.tallies if part == "indicators"}
    for (part, column), tally in ordered:
        if part == "indicators" or column not in faulty:
            yield about_future(part, tally, bar=examination.bar)
    least = min(max(subject.strategy.warm_up, _EARLY), len(subject.timeline.moments) - 1)
    for severity, is_early in (("error", False), ("warning", True)):
        failures = {
            at: what for at, what in examination.failures.items() if (at < subject.timeline.moments[least]) is is_early
        }
        if failures:
            yield about_failures(failures, severity=severity)
