"""By what a rule of ours is recognised where it sets two trades apart: each sign is a fact of what happened, no guess.

A pair is a trade as it was with the rule and without it; either may be absent. The tables beside it are those of the
simulation with the rule.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bt.verify.differences import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

Row = dict[str, Any]

_LEVELS: Final = {"stop", "trail", "take"}
_COURSE: Final = ("exit_ts", "entry_price", "exit_price", "exit_reason")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the simulation with the rule, by trade number and by symbol."""

    minutes: frozenset[int]  # trades of which a fill was found minute by minute
    ambiguous: frozenset[int]
    adds: frozenset[int]
    refused: Mapping[tuple[str, str], list[datetime]]  # by symbol and reason, rising
    unfit: frozenset[tuple[str, datetime]]  # symbol and time of entries refused for price or quantity
    ticks: Mapping[str, float]  # the most that a fill may be rounded and slipped by, in quote
    slippage: float  # fraction of a price that a market order pays more
    delay: int  # bars in which levels did not act yet


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A trade with the rule and without it."""

    ours: Row | None  # with it
    theirs: Row | None
    facts: Facts
    before: datetime  # the last exit of a trade of the symbol that both have, before these

    @property
    def one(self) -> Row:
        """Give the trade that there is, with the rule if there are both."""
        found = self.ours or self.theirs
        if found is None:
            raise ValueError("a pair of nothing")
        return found

    @property
    def reasons(self) -> set[str]:
        """Give what ended it, with the rule and without it."""
        return {each["exit_reason"] for each in (self.ours, self.theirs) if each}

    @property
    def unfit(self) -> bool:
        """Say whether its entry was refused for its price or its quantity, with the rule or without it."""
        return (self.one["symbol"], self.one["entry_ts"]) in self.facts.unfit

    def refused(self, reason: str, until: str) -> bool:
        """Say whether an order of the symbol was refused between the trade before and a time of this one."""
        times = self.facts.refused.get((self.one["symbol"], reason), [])
        place = bisect_right(times, self.one[until] or times[-1]) if times else 0
        since = self.one["entry_ts"] if self.ours and self.theirs else self.before
        return place > 0 and times[place - 1] >= since

    @property
    def room(self) -> float:
        """Give how far ticks may move a price of it, in quote."""
        return self.facts.ticks.get(self.one["symbol"], 0.0)

    @property
    def entered_alike(self) -> bool:
        """Say whether both have it, from one price on; with adds that is an average of another number of them."""
        if not (self.ours and self.theirs):
            return False
        return self.ours["entries"] != self.theirs["entries"] or alike(self.ours, self.theirs, ("entry_price",))

    def left_within(self, row: Row) -> bool:
        """Say whether its exit is a price that the bar of its exit had, slipped and rounded."""
        if row["exit_ts"] is None:
            return False
        low, high = row["low"] * (1.0 - self.facts.slippage), row["high"] * (1.0 + self.facts.slippage)
        room = self.room + TOLERANCE * high
        return bool(low - room <= row["exit_price"] <= high + room)


def drilled(pair: Pair) -> bool:
    """Say whether a minute gave it another course, or its funding was paid at a minute's price."""
    ours, theirs = pair.ours, pair.theirs
    if ours is None:
        return False
    if theirs is not None and alike(ours, theirs, _COURSE):
        return not in_proportion(ours, theirs, ("funding",))
    found = ours["trade"] in pair.facts.minutes and (theirs is not None or ours["entry_kind"] != "market")
    return found and (ours["exit_ts"] is None or pair.left_within(ours))


def target_first(pair: Pair) -> bool:
    """Say whether its exit touched stop and target both."""
    return pair.ours is not None and pair.ours["trade"] in pair.facts.ambiguous


def in_the_entry_bar(pair: Pair) -> bool:
    """Say whether it was left by a level in the bar of its entry."""
    early = max(pair.facts.delay, 1)
    both = [each for each in (pair.ours, pair.theirs) if each]
    found = [each for each in both if each["exit_reason"] in _LEVELS and each["bars"] < early]
    return pair.entered_alike and bool(found) and all(pair.left_within(each) for each in found)


def taken(pair: Pair) -> bool:
    """Say whether it was left at its target, the same one, for a price that slippage and ticks may set apart."""
    ours, theirs = pair.ours, pair.theirs
    if ours is None or theirs is None or ours["exit_reason"] != "take" or not pair.entered_alike:
        return False
    room = pair.room + (pair.facts.slippage + TOLERANCE) * max(ours["exit_price"], theirs["exit_price"] or 0.0)
    same = ours["exit_ts"] == theirs["exit_ts"] and theirs["exit_reason"] == "take"
    return bool(same and abs(ours["exit_price"] - theirs["exit_price"]) <= room)


def by_ticks(pair: Pair) -> bool:
    """Say whether prices differ by what rounding may do, or it decided whether a level was touched."""
    ours, theirs = pair.ours, pair.theirs
    room = pair.room
    if ours is None or theirs is None:
        return room > 0 and (pair.unfit or pair.one["entry_kind"] != "market")  # a price that was touched, or not
    near = abs(ours["entry_price"] - theirs["entry_price"]) <= room
    if None in {ours["exit_ts"], theirs["exit_ts"]}:
        return near and room > 0
    if ours["exit_ts"] == theirs["exit_ts"] and ours["exit_reason"] == theirs["exit_reason"]:
        return near and room > 0 and abs(ours["exit_price"] - theirs["exit_price"]) <= room
    return near and room > 0 and bool(pair.reasons & {*_LEVELS, "liquidation"})


def liquidated(pair: Pair) -> bool:
    """Say whether the exchange ended it."""
    return pair.ours is not None and pair.ours["exit_reason"] == "liquidation"


def at_a_gap(pair: Pair) -> bool:
    """Say whether its entry, or an add to it, was refused at a gap."""
    return pair.refused("gap", "exit_ts")


def by_volume(pair: Pair) -> bool:
    """Say whether its entry, or an add to it, was bounded by the volume of its bar."""
    return pair.refused("volume", "exit_ts") or (pair.ours is None and pair.unfit)


def added(pair: Pair) -> bool:
    """Say whether it was added to, or is of an order that was given while the one before was held."""
    ours = pair.ours
    waited = ours is not None and pair.theirs is None and ours["entry_kind"] != "market"
    return waited or (ours is not None and ours["trade"] in pair.facts.adds)


def left_open(pair: Pair) -> bool:
    """Say whether it was left open."""
    ours, theirs = pair.ours, pair.theirs
    closed = theirs is not None and theirs["exit_reason"] == "end_of_data"
    return ours is not None and (ours["exit_ts"] is None or (closed and ours["exit_reason"] != "end_of_data"))


def refused_while_held(reason: str) -> Callable[[Pair], bool]:
    """Give what says whether a trade that both have, or an add to it, was bounded for a reason, in its quantity."""
    return lambda pair: bool(pair.ours and pair.theirs and pair.refused(reason, "exit_ts"))


def alike(ours: Row, theirs: Row, names: Iterable[str]) -> bool:
    """Say whether columns are the same within the tolerance."""
    return all(_close(ours[name], theirs[name]) for name in names)


def in_proportion(ours: Row, theirs: Row, names: Iterable[str] = ("fees", "funding")) -> bool:
    """Say whether money differs as the quantity does."""
    return all(_close(ours[name] * theirs["qty"], theirs[name] * ours["qty"]) for name in names)


def _close(one: Any, two: Any) -> bool:
    if isinstance(one, float) and isinstance(two, float):
        return abs(one - two) <= TOLERANCE * max(abs(one), abs(two))
    return bool(one == two)
