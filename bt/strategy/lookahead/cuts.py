"""At which bars the data are cut: seeded, spread over the span, and aimed at where a look ahead would show."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

SEED: Final = 20  # the same cuts every time
_BODY: Final = 300  # bars of a window in which cuts may lie
_COMPARED: Final = 100  # bars before the first cut that are compared too
_AFTER: Final = 150  # bars after the last cut: who looks further ahead is caught on the whole span
_EDGE: Final = 3  # bars at either end of the span
_FEW: Final = 20  # a column with at most so many different values has events: rows where it changes
_BAR_LENGTHS: Final = ("1h", "4h", "1d", "1w")  # of bars that a strategy may look at; a week begins on Monday


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of bars to recompute: loaded from `begin`, compared from `first`, up to and with `last`.

    All are opening times of bars; a cut is the last bar that is known.
    """

    begin: datetime
    first: datetime
    last: datetime
    cuts: tuple[datetime, ...]  # from last to first


def cuts(signals: pl.DataFrame, *, count: int, edges: int = _EDGE) -> list[datetime]:
    """Choose `count` bars (or all there are), the most telling first; never the last bar, which has no future.

    First come `edges` bars at either end, then by turns bars where a signal begins or ends, any, and ends of days.
    """
    moments = signals["ts"].unique().sort()
    most = len(moments) - 1
    if most < 1:
        return []
    draw = np.random.default_rng(SEED)
    ends = (place for step in range(edges) for place in (step, most - 1 - step))
    kinds = [_events(signals.sort("symbol", "ts"), moments, draw), _spread(most, draw), _boundaries(moments, draw)]
    turns = (place for places in zip_longest(*kinds) for place in places if place is not None)
    places: dict[int, None] = {}  # a set that keeps its order
    for place in chain(ends, turns, range(most)):
        if len(places) == count:
            break
        if 0 <= place < most:
            places[place] = None
    return moments.gather(list(places)).to_list()


@dataclass(frozen=True)
class Timeline:
    """The bars that are loaded, of which those from place `tested` on are compared."""

    moments: Sequence[datetime]
    tested: int

    def place(self, moment: datetime) -> int:
        """Give the place of a bar."""
        return bisect_left(self.moments, moment)

    def whole(self, chosen: Iterable[datetime]) -> Window:
        """Give everything as one window."""
        first, last = self.moments[self.tested], self.moments[-1]
        return Window(begin=self.moments[0], first=first, last=last, cuts=tuple(sorted(chosen, reverse=True)))

    def window(self, places: Iterable[int], *, before: int) -> Window:
        """Give the window around cuts at these places, with `before` bars more than are compared."""
        ordered = sorted(places, reverse=True)
        first = max(ordered[-1] - _COMPARED, self.tested)
        return Window(
            begin=self.moments[max(first - before, 0)],
            first=self.moments[first],
            last=self.moments[min(ordered[0] + _AFTER, len(self.moments) - 1)],
            cuts=tuple(self.moments[place] for place in ordered),
        )

    def windows(self, chosen: Iterable[datetime], *, before: int, count: int, most: int) -> list[Window]:
        """Put `count` cuts into at most `most` windows, the first ones chosen, passing over what needs one more.

        Where too few are left, others inside the windows take their places.
        """
        groups: dict[int, list[int]] = {}
        for place in map(self.place, chosen):
            near = place // _BODY
            if count and (near in groups or len(groups) < most):
                groups.setdefault(near, []).append(place)
                count -= 1
        for step in _spread(_BODY, np.random.default_rng(SEED)):
            for near, places in groups.items():
                place = near * _BODY + step
                if count and place not in places and self.tested <= place < len(self.moments) - 1:
                    places.append(place)
                    count -= 1
        return [self.window(groups[near], before=before) for near in sorted(groups)]


def _spread(most: int, draw: np.random.Generator) -> list[int]:
    """Give places in an order in which any beginning of it is spread evenly."""
    golden = (np.arange(most) * 0.6180339887498949 + draw.random()) % 1
    found: list[int] = (golden * most).astype(int).tolist()
    return found


def _events(signals: pl.DataFrame, moments: pl.Series, draw: np.random.Generator) -> list[int]:
    """Give the rows where a column of few values changes or is true, and those before, taking columns by turns."""
    lists = []
    for name, kind in signals.schema.items():
        if name in {"symbol", "ts"} or (kind != pl.Boolean() and signals[name].n_unique() > _FEW):
            continue
        changes = pl.col(name).ne_missing(pl.col(name).shift(1).over("symbol"))
        is_event = changes | pl.col(name) if kind == pl.Boolean() else changes
        found = signals.filter(is_event.fill_null(False))["ts"].unique()
        places = moments.search_sorted(found).to_numpy().copy()
        draw.shuffle(places)
        lists.append([place for at in places.tolist() for place in (at, at - 1)])
    return [place for places in zip_longest(*lists) for place in places if place is not None]


def _boundaries(moments: pl.Series, draw: np.random.Generator) -> list[int]:
    """Give the first bars of longer bars, with the bars before and after, taking lengths by turns."""
    lists = []
    for length in _BAR_LENGTHS:
        longer = moments.dt.truncate(length)
        starts = (longer != longer.shift(1)).fill_null(False).arg_true().to_numpy().copy()
        if len(starts) < len(moments) - 1:  # else its bars are no longer than these
            draw.shuffle(starts)
            lists.append([at + step for at in starts.tolist() for step in (-1, 0, 1)])
    return [place for places in zip_longest(*lists) for place in places if place is not None]
