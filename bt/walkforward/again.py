"""A stored walk-forward made again: its stitched run from the sets that its folds chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bt.errors import BtError
from bt.results import differing
from bt.strategy.again import Replayed, heights
from bt.strategy.signals import contained
from bt.sweep.again import Again
from bt.walkforward.folds import Fold
from bt.walkforward.stitch import Segment, segments, stitched

if TYPE_CHECKING:
    from bt.results import Results
    from bt.strategy import BaseStrategy
    from bt.strategy.listening import Listener
    from bt.sweep.attempt import Attempt

_DATES = ("train_first", "train_end", "test_first", "test_end", "stitched_end")


@dataclass(frozen=True)
class Stitching:
    """A stored walk-forward that was read for once more: its parts with the signals of the sets that were chosen."""

    again: Again
    folds: list[Fold]
    parts: tuple[Segment, ...]

    @classmethod
    def prepared(cls, results: Results, strategy: type[BaseStrategy], listener: Listener | None) -> Stitching:
        """Read as it was read, and ask the strategy for the signals of each fold's set."""
        again = Again.prepared(results, strategy, listener)
        rows = results.sql("from folds where run_id = $run order by fold")
        if rows["stitched_end"].null_count():
            raise BtError(f"{results.run_id} is not stitched yet", "bt walk … --resume goes on with it")
        folds = [Fold(number=row["fold"], **{name: row[name] for name in _DATES}) for row in rows.to_dicts()]
        with again.clock.stage("stitching"), contained(heard=False):
            chosen = {row["fold"]: row["params"] for row in rows.to_dicts() if row["params"]}
            told = {fold: again.attempt.signals(params) for fold, params in chosen.items()}
        return cls(again, folds, tuple(segments(folds, told)))

    @property
    def attempt(self) -> Attempt:
        """Give what was read."""
        return self.again.attempt


def replay(results: Results, strategy: type[BaseStrategy], *, listener: Listener | None = None) -> Replayed:
    """Trade the sets that the folds chose, one test after the other, with `strategy`; nothing is stored."""
    read = Stitching.prepared(results, strategy, listener)
    again, folds = read.again, read.folds
    done, _ = stitched(again.attempt.tape, read.parts)
    stored = differing.happened(results)
    tested = again.attempt.ground.bars().filter(
        (pl.col("ts") >= folds[0].test_first) & (pl.col("ts") < folds[-1].stitched_end)
    )
    return Replayed(
        run_id=results.run_id, compared=heights(stored), reasons=again.reasons(tested), seconds=again.clock.seconds,
        difference=differing.first_difference(stored, differing.happening(done, stored)),
    )  # fmt: skip
