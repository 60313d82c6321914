"""A strategy under examination: its market, its signals, the bars it can be cut at, and what to say of it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bt.strategy.cuts import Timeline
from bt.strategy.differences import differences
from bt.strategy.examination import Examination
from bt.strategy.findings import about_chance, about_failures, about_future
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import polars as pl

    from bt.market import Market
    from bt.strategy.base import BaseStrategy
    from bt.warehouse import Warehouse

LEAST_BEFORE: Final = 200  # bars before those that are compared, at least
_EARLY: Final = 50  # bars, or the strategy's warm-up: with fewer it may fail without a fault


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
) -> Subject:
    """Bring together what is known of a strategy; bars before `least` are of no interest."""
    frames = market.read() or [market.bars().collect()]
    found = frames[0]["ts"]
    moments = (found if least is None else found.filter(found >= least)).unique().sort().to_list()
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
