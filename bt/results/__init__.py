"""Results: storing a run and reading it back through the warehouse's views."""

from bt.results.read import Results, Run, find
from bt.results.store import RunRecord, fingerprint, store

__all__ = ["Results", "Run", "RunRecord", "find", "fingerprint", "store"]
