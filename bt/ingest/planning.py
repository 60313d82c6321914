"""What is still to be asked for: from what is wanted and what is known to the smallest list of questions; pure.

Minutes are whole numbers, counted from 1970; a span holds both its ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Span(NamedTuple):
    """Minutes from first to last, inclusive."""

    first: int
    last: int

    @property
    def minutes(self) -> int:
        """Count them."""
        return self.last - self.first + 1


def joined(spans: Iterable[Span]) -> list[Span]:
    """Give the same minutes as spans that neither touch nor overlap, ascending."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last + 1:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        elif span.minutes > 0:
            found.append(span)
    return found


def without(wanted: Iterable[Span], known: Iterable[Span]) -> list[Span]:
    """Give the minutes of `wanted` that are in none of `known`, as spans, ascending."""
    left: list[Span] = []
    known, begin = joined(known), 0
    for span in joined(wanted):
        first = span.first
        while begin < len(known) and known[begin].last < first:
            begin += 1
        place = begin
        while place < len(known) and known[place].first <= span.last:
            if known[place].first > first:
                left.append(Span(first, known[place].first - 1))
            first = known[place].last + 1
            place += 1
        if first <= span.last:
            left.append(Span(first, span.last))
    return left


def grouped(spans: Iterable[Span], most: int) -> list[list[Span]]:
    """Give ascending spans in groups, each for one question: from its first minute to its last at most `most`."""
    groups: list[list[Span]] = []
    for span in spans:
        first = span.first
        while first <= span.last:
            if not groups or first >= groups[-1][0].first + most:
                groups.append([])
            begin = groups[-1][0].first if groups[-1] else first
            groups[-1].append(Span(first, min(span.last, begin + most - 1)))
            first = groups[-1][-1].last + 1
    return groups


def runs(minutes: Iterable[int]) -> list[Span]:
    """Give ascending minutes as spans."""
    return joined(Span(minute, minute) for minute in minutes)
