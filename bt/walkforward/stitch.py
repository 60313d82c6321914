"""The stitched out-of-sample run: each chosen set on its test, beginning with what the one before ended with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bt.engine import Joined, Told, join
from bt.kernel import ORDER, Signals
from bt.results import FoldEnd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bt.engine import Part, Simulation, Tape
    from bt.walkforward.folds import Fold


@dataclass(frozen=True)
class Segment:
    """Part of the stitched run's time: the number of its fold and the signals of its set, None = it stays flat."""

    first: datetime
    end: datetime
    fold: int | None
    told: Told | None


def segments(folds: Sequence[Fold], told: Mapping[int, Told]) -> Iterator[Segment]:
    """Give the parts of the time from the first test to the end of the last, flat between folds that lie apart."""
    before: Fold | None = None
    for fold in folds:
        if before is not None and before.stitched_end < fold.test_first:
            yield Segment(before.stitched_end, fold.test_first, None, None)
        yield Segment(fold.test_first, fold.stitched_end, fold.number, told.get(fold.number))
        before = fold


def stitched(tape: Tape, parts: Sequence[Segment]) -> tuple[Joined, list[FoldEnd]]:
    """Trade the segments one after the other on one account; give what happened, and what each fold made of it.

    Each begins flat, with the equity of the one before. After ruin nothing follows.
    """
    cash = high = tape.terms.account.cash
    done: list[Simulation] = []
    ends = []
    for segment in parts:
        part = tape.part(segment.first, segment.end)
        if part.rows and not (done and done[-1].status == "ruined"):
            own = part.tape
            outcome = own.trade(_told(part, segment.told), cash=cash, high=high)
            done.append(own.simulation(outcome))
            began, cash, high = cash, done[-1].end_equity, float(outcome.days["high"][-1])
        else:
            began = cash
        if segment.fold is not None:
            ends.append(FoldEnd(fold=segment.fold, stitched_end=segment.end, start_equity=began, end_equity=cash))
    joined = join(done)
    return replace(joined, days=_whole(joined.days)), ends


def _whole(days: pl.DataFrame) -> pl.DataFrame:
    """Add the days without a bar that lie between two segments; they keep the last equity, as inside a segment."""
    every = days.select(pl.date_range(pl.col("day").min(), pl.col("day").max(), "1d").alias("day"))
    if every.height == days.height:
        return days
    found = every.join(days, on="day", how="left", maintain_order="left")
    found = found.with_columns(pl.col("equity", "high").forward_fill())
    still = pl.exclude("day", "equity", "high", "drawdown", "best", "worst")
    return found.with_columns(pl.col("drawdown").fill_null(pl.col("equity") / pl.col("high") - 1), still.fill_null(0))


def _told(part: Part, told: Told | None) -> Told:
    """Give the signals of a segment; none where it stays flat."""
    if told is not None:
        return part.told(told)
    frame = part.tape.grid.bars.select("symbol", "ts")
    return Told(frame, Signals(np.zeros(part.rows, np.uint8), np.empty(0, ORDER)))
