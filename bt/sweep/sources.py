"""Which sets come next: from an order known beforehand, or from a proposer that learns from what the last ones gave."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bt.sweep.space import Candidate
    from bt.sweep.tpe import Proposer


class Source(Protocol):
    """Give sets, a lot at a time."""

    learns: bool  # the next lot hangs on what the last gave

    def next(self, most: int) -> list[Candidate]:
        """Give the next sets, none at the end."""

    def tell(self, candidates: Sequence[Candidate], values: Sequence[float | None]) -> None:
        """Take what the sets of a lot gave, in their order; None = undefined or not qualified."""


class Ordered:
    """Sets in an order known beforehand."""

    learns = False

    def __init__(self, candidates: Iterator[Candidate]) -> None:
        self._candidates = candidates

    def next(self, most: int) -> list[Candidate]:
        """Give the next sets, none at the end."""
        return list(islice(self._candidates, most))

    def tell(self, candidates: Sequence[Candidate], values: Sequence[float | None]) -> None:
        """Learn nothing."""


class Learning:
    """Sets that a proposer makes of the values of those before, `trials` in all."""

    learns = True

    def __init__(self, proposer: Proposer, trials: int) -> None:
        self._proposer, self._left = proposer, trials

    def next(self, most: int) -> list[Candidate]:
        """Give the next lot, none at the end."""
        lot = self._proposer.ask(min(most, self._left))
        self._left -= len(lot)
        return lot

    def tell(self, candidates: Sequence[Candidate], values: Sequence[float | None]) -> None:
        """Tell the proposer."""
        for candidate, value in zip(candidates, values, strict=True):
            self._proposer.tell(candidate, value)
