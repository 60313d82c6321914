"""A stored walk-forward made again: its stitched run from the sets that its folds chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bt.errors import BtError
from bt.results import differing
from bt.strategy.again import Replayed, heights
from bt.strategy.signals import contained
from bt.sweep.again import Again
from bt.walkforward.folds import Fold
from bt.walkforward.stitch import segments, stitched

if TYPE_CHECKING:
    from bt.results import Results
    from bt.strategy import BaseStrategy
    from bt.strategy.listening import Listener

_DATES = ("train_first", "train_end", "test_first", "test_end", "stitched_end")


def replay(results: Results, strategy: type[BaseStrategy], *, listener: Listener | None = None) -> Replayed:
    """Trade the sets that the folds chose, one test after the other, with `strategy`; nothing is stored."""
    again = Again.prepared(results, strategy, listener)
    attempt, rows = again.attempt, results.sql("from folds where run_id = $run order by fold")
    if rows["stitched_end"].null_count():
        raise BtError(f"{results.run_id} is not stitched yet", "bt walk … --resume goes on with it")
    folds = [Fold(number=row["fold"], **{name: row[name] for name in _DATES}) for row in rows.to_dicts()]
    with again.clock.stage("stitching"), contained(heard=False):
        chosen = {row["fold"]: row["params"] for row in rows.to_dicts() if row["params"]}
        told = {fold: attempt.signals(params) for fold, params in chosen.items()}
        done, _ = stitched(attempt.tape, list(segments(folds, told)))
    stored = differing.happened(results)
    tested = attempt.ground.bars().filter(
        (pl.col("ts") >= folds[0].test_first) & (pl.col("ts") < folds[-1].stitched_end)
    )
    return Replayed(
        run_id=results.run_id, compared=heights(stored), reasons=again.reasons(tested), seconds=again.clock.seconds,
        difference=differing.first_difference(stored, differing.happening(done, stored)),
    )  # fmt: skip
