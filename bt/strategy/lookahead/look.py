"""Whether a strategy knows more than its bar: its signals and indicators again, on data whose future is cut or noise.

What is computed at a bar must not change when everything after it is taken away, or is another. Bars, indicators and
signals are made anew from candles at some cuts; signals alone, which is quick, at several times as many.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from bt import symbols as symbol_names
from bt.errors import BtError
from bt.market import Market
from bt.strategy.base import source_of
from bt.strategy.inputs import read_span
from bt.strategy.lookahead.cuts import cuts
from bt.strategy.lookahead.differences import differences
from bt.strategy.lookahead.examination import LEAST_BEFORE, by_chance, found_in, subject_of
from bt.strategy.lookahead.findings import LEAKS, about_start, framed, suspicious
from bt.strategy.lookahead.futures import Loaded, Rebuilt
from bt.strategy.lookahead.warming import EARLIER, unsettled
from bt.strategy.signals import signals_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bt.market import Indicator
    from bt.strategy.base import BaseStrategy
    from bt.strategy.lookahead.examination import Examination, Subject
    from bt.strategy.lookahead.futures import World
    from bt.warehouse import Warehouse

CUTS: Final = 200
_MORE: Final = 5  # times as many cuts for signals alone
_WHOLE: Final = 8  # of those are of the whole span, not of a window
_REBUILT_WINDOWS: Final = 30
_MOST_BEFORE: Final = 4_000  # bars before the rows that are compared, at most


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is examined; None = as far as there are candles."""

    symbols: tuple[str, ...]
    timeframe: str
    first: datetime | None = None
    end: datetime | None = None
    cuts: int = CUTS


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, worst first, and how much was looked at."""

    findings: pl.DataFrame  # columns: FINDINGS
    rebuilt: int = 0  # cuts at which bars, indicators and signals were made anew from candles
    recomputed: int = 0  # cuts at which signals were
    warmed: int | None = None  # bars compared with those of an earlier start; None = not done
    lines: tuple[tuple[int, str], ...] = ()  # of the source that look ahead at first sight, where something does
    seconds: float = 0.0


class _Watched(Market):
    """A market that remembers which indicators it was asked for."""

    asked: frozenset[Indicator] = frozenset()

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give the bars as `Market.bars` does."""
        self.asked |= frozenset(indicators.values())
        return super().bars(**indicators)

    def others(self) -> list[str]:
        """Give the symbols that indicators were asked of, beside its own."""
        return sorted({name for one in self.asked if (name := getattr(one, "symbol", None))} - set(self.symbols))


def look(
    strategy: BaseStrategy,
    warehouse: Warehouse,
    question: Question,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Examine a strategy at `question.cuts` bars, and its warm-up; `progress` hears cuts done and cuts in all.

    Numbers count as equal within 1e-9 of each other, or 1e-12 of their column's median. Raises `BtError` when there are
    no candles, or the strategy fails on all of them.
    """
    began = time.perf_counter()
    names = sorted(parsed.name for parsed in symbol_names.parse_many(question.symbols))
    span = read_span(warehouse, names, question.first, question.end)
    market = _Watched(
        warehouse, symbols=names, timeframe=question.timeframe, first=span.first, end=span.end,
        warm_up=max(strategy.warm_up, 1),
    )  # fmt: skip
    subject = subject_of(strategy, warehouse, market, signals_of(strategy, market))
    rows = list(by_chance(subject.signals, signals_of(strategy, market, heard=False)))
    if rows:  # all else would be meaningless
        return Report(findings=framed(rows), seconds=time.perf_counter() - began)
    examination = subject.examination()
    recomputed, rebuilt = _examine(examination, subject, question.cuts, market.others, progress)
    rows = list(found_in(examination, subject))
    warmed = None
    lines = suspicious(source_of(type(strategy))) if any(row["finding"] in LEAKS for row in rows) else []
    if not any(row["severity"] == "error" for row in rows):  # else it would say the same once more, or fail again
        late, warmed = unsettled(strategy, warehouse, span, question.timeframe)
        rows = [*rows, *(about_start(one, EARLIER) for one in late)]
    return Report(
        findings=framed(rows), rebuilt=rebuilt, recomputed=recomputed, warmed=warmed, lines=tuple(lines),
        seconds=time.perf_counter() - began,
    )  # fmt: skip


def _examine(
    examination: Examination,
    subject: Subject,
    count: int,
    others: Callable[[], list[str]],
    progress: Callable[[int, int], None] | None,
) -> tuple[int, int]:
    """Recompute signals at several times `count` cuts, then all from candles at `count`; give how many it were."""
    timeline = subject.timeline
    chosen = cuts(subject.signals.filter(pl.col("ts").is_in(timeline.moments)), count=_MORE * count)
    if not chosen:
        raise BtError(f"fewer than two finished {subject.market.timeframe} bars have signals", "widen the span")
    most = min(count, len(chosen))
    if progress:
        examination.progress = lambda: progress(examination.done, len(chosen) + most)
    loaded = Loaded(subject.warehouse, subject.market)
    before = _before(subject, loaded, least=max(subject.strategy.warm_up, LEAST_BEFORE), exact=True)
    parts = timeline.windows(chosen[_WHOLE:], before=before, count=len(chosen) - _WHOLE, most=len(chosen))
    for part in (timeline.whole(chosen[:_WHOLE]), *parts):
        examination.examine(loaded, part)
    recomputed = examination.done
    rebuilt = Rebuilt(subject.warehouse, subject.market, others=others())
    before = _before(subject, rebuilt, least=before, exact=False)
    for part in timeline.windows(chosen, before=before, count=most, most=_REBUILT_WINDOWS):
        examination.examine(rebuilt, part, by_turns=True)
    return recomputed, examination.done - recomputed


def _before(subject: Subject, world: World, *, least: int, exact: bool) -> int:
    """Find how many bars before a window give it the values that it has in the whole span; or nulls where it has.

    Nulls are enough where indicators are made anew: they need long to forget their start, which is the same here.
    """
    timeline = subject.timeline
    place = (timeline.tested + 2 * (len(timeline.moments) - 1)) // 3
    before, nulls = least, 0
    while before < min(_MOST_BEFORE, place):
        part = timeline.window([place], before=before)
        world.enter(part)
        try:
            seen = signals_of(subject.strategy, world.market(), heard=False)
        except BtError:
            seen = subject.signals.clear()
        known = subject.signals.filter(pl.col("ts").is_between(part.first, part.last))
        if seen.height == known.height and seen.null_count().equals(known.null_count()):
            nulls = nulls or before
            if not exact or next(differences(known, seen), None) is None:
                return before
        before *= 2
    return nulls or before
