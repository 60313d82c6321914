"""By what a rule of ours is recognised where it sets two trades apart: each sign is a fact of what happened, no guess.

A pair is a trade as it was with the rule and without it; either may be absent. The tables beside it are those of the
simulation with the rule.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Row = dict[str, Any]

_LEVELS: Final = {"stop", "trail", "take"}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the simulation with the rule, by trade number and by symbol."""

    minutes: frozenset[int]  # trades of which a fill was found minute by minute
    ambiguous: frozenset[int]
    adds: frozenset[int]
    refused: Mapping[tuple[str, str], list[datetime]]  # by symbol and reason, rising
    unfit: frozenset[tuple[str, datetime]]  # symbol and time of entries refused for price or quantity
    ticks: Mapping[str, float]  # the most that a fill may be rounded and slipped by, in quote
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
        return place > 0 and times[place - 1] >= self.before


def drilled(pair: Pair) -> bool:
    """Say whether a fill of it was found in a minute, or its funding was paid at a minute's price."""
    if pair.ours and pair.ours["trade"] in pair.facts.minutes:
        return True
    both = pair.ours and pair.theirs
    return bool(both and pair.ours["funding"] != pair.theirs["funding"] and _same_course(pair))  # type: ignore[index]


def target_first(pair: Pair) -> bool:
    """Say whether its exit touched stop and target both."""
    return pair.ours is not None and pair.ours["trade"] in pair.facts.ambiguous


def in_the_entry_bar(pair: Pair) -> bool:
    """Say whether it was left by a level in the bar of its entry."""
    early = max(pair.facts.delay, 1)
    both = [each for each in (pair.ours, pair.theirs) if each]
    return any(each["exit_reason"] in _LEVELS and each["bars"] < early for each in both)


def taken(pair: Pair) -> bool:
    """Say whether it was left at its target."""
    return pair.ours is not None and pair.ours["exit_reason"] == "take"


def by_ticks(pair: Pair) -> bool:
    """Say whether prices differ by what rounding may do, or it decided whether a level was touched."""
    ours, theirs = pair.ours, pair.theirs
    room = pair.facts.ticks.get(pair.one["symbol"], 0.0)
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


def _same_course(pair: Pair) -> bool:
    names = ("exit_ts", "entry_price", "exit_price", "qty")
    return bool(pair.ours and pair.theirs and all(pair.ours[name] == pair.theirs[name] for name in names))
