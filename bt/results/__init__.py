"""Results: storing runs and trials, and reading them back through the warehouse's views."""

from bt.results import standing, trials, verifications
from bt.results.read import Results, Run, find
from bt.results.records import FoldEnd, FoldRow, HeadRecord, Judging, Record, RunRecord, Stitched, TrialRow
from bt.results.store import digests, store

__all__ = [
    "FoldEnd",
    "FoldRow",
    "HeadRecord",
    "Judging",
    "Record",
    "Results",
    "Run",
    "RunRecord",
    "Stitched",
    "TrialRow",
    "digests",
    "find",
    "standing",
    "store",
    "trials",
    "verifications",
]
