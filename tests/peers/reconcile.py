"""Lay two engines' trades side by side: equal, different by a habit of the peer that has a name, or a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tests.peers.markets import Market
from tests.peers.trades import Trade


class Difference(NamedTuple):
    """Where two engines first part in a series: their trades at that place, None where one has none."""

    market: Market  # one series
    ours: Trade | None
    theirs: Trade | None
    before: Trade | None  # the last trade that both had

    def level(self, kind: str, trade: Trade) -> float:
        """Give the stop or take level of a trade, as its entry signal placed it."""
        return float(self.market.placed(kind)[self.signal(trade), 0])

    def signal(self, trade: Trade) -> int:
        """Give the bar whose signal opened a trade: the last of its side, as a new signal replaces a waiting one."""
        return int(np.flatnonzero(self.market.side[: trade.entry_bar, 0] == trade.side)[-1])

    def bar(self, number: int) -> tuple[float, float, float]:
        """Give open, high and low of a bar."""
        return tuple(float(getattr(self.market, name)[number, 0]) for name in ("open", "high", "low"))  # type: ignore[return-value]


@dataclass(frozen=True, kw_only=True)
class Habit:
    """A way in which a peer differs from us by design, and the rule by which we know it."""

    name: str
    sentence: str
    holds: Callable[[Difference], bool]


@dataclass
class Tally:
    """What a comparison found."""

    equal: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    shadowed: int = 0  # trades of ours in which the engines could not be compared, as they held different positions

    def __str__(self) -> str:
        named = ", ".join(f"{name}: {count}" for name, count in sorted(self.explained.items()))
        return f"{self.equal} equal, {self.shadowed} shadowed, explained: {named or 'none'}"


def compare(market: Market, ours: list[list[Trade]], theirs: list[list[Trade]], habits: Iterable[Habit]) -> Tally:
    """Compare all series of a market; a difference that no habit explains fails."""
    tally = Tally()
    known = tuple(habits)
    for column, (mine, others) in enumerate(zip(ours, theirs, strict=True)):
        try:
            _compare(market.series(column), mine, others, known, tally)
        except AssertionError as problem:
            raise AssertionError(f"series {column}: {problem}") from None
    return tally


def _compare(market: Market, ours: list[Trade], theirs: list[Trade], habits: tuple[Habit, ...], tally: Tally) -> None:
    here = there = 0
    before: Trade | None = None
    while here < len(ours) or there < len(theirs):
        mine = ours[here] if here < len(ours) else None
        other = theirs[there] if there < len(theirs) else None
        if mine and other and mine.equals(other):
            tally.equal += 1
            here, there, before = here + 1, there + 1, mine
            continue
        difference = _parted(market, mine, other, before)
        habit = next((habit for habit in habits if habit.holds(difference)), None)
        assert habit, f"\nours   {mine}\ntheirs {other}\n{_story(market, mine, other)}"
        tally.explained[habit.name] += 1
        end = _settled(market, [*ours[here:], *theirs[there:]])
        skipped = [trade for trade in ours[here:] if trade.entry_bar <= end]
        tally.shadowed += max(len(skipped) - 1, 0)
        here, there = here + len(skipped), there + sum(trade.entry_bar <= end for trade in theirs[there:])
        before = skipped[-1] if skipped else before


def _parted(market: Market, mine: Trade | None, other: Trade | None, before: Trade | None) -> Difference:
    """Give the difference; of two trades that entered at different bars only the earlier one belongs to it."""
    if mine and other and mine.entry_bar != other.entry_bar:
        if mine.entry_bar < other.entry_bar:
            other = None
        else:
            mine = None
    return Difference(market, mine, other, before)


def _settled(market: Market, trades: list[Trade]) -> float:
    """Give the first bar from the first trade's entry on at whose close neither engine holds or awaits anything.

    Sizes do not depend on the account, so from there on both engines are in the same state again.
    """
    first = min(trade.entry_bar for trade in trades)
    busy = [(trade.entry_bar, float("inf") if trade.exit_bar is None else trade.exit_bar) for trade in trades]
    if "entry_bars" in market.counts:
        lives = np.maximum(market.counts["entry_bars"][:, 0], 1)
        busy += [(bar, bar + lives[bar]) for bar in np.flatnonzero(market.side[:, 0]) if bar + lives[bar] >= first]
    end = float(first)
    for begins, ends in sorted(busy):
        if begins <= end:
            end = max(end, float(ends))
    return end


def _story(market: Market, mine: Trade | None, other: Trade | None) -> str:
    """Print the bars and signals around a difference."""
    places = [place for trade in (mine, other) if trade for place in (trade.entry_bar, trade.exit_bar) if place]
    lines = []
    for place in range(max(min(places) - 2, 0), min(max(places) + 2, len(market.open))):
        prices = [float(getattr(market, name)[place, 0]) for name in ("open", "high", "low", "close")]
        said = [name for name, flag in market.flags.items() if flag[place, 0]]
        said += [f"{name} {values[place, 0]}" for name, values in market.levels.items() if values[place, 0] > 0]
        said += [f"{name} {values[place, 0]}" for name, values in market.counts.items() if values[place, 0]]
        lines.append(f"{place:>4} {prices} {' '.join(said)}")
    return "\n".join(lines)
