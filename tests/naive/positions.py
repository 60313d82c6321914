"""What is held, what would be: a position with the levels that end it, and the order that opens or adds to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.naive.grid import LONG, level_on_grid

if TYPE_CHECKING:
    from datetime import datetime

    from tests.naive.market import Row


class Level(NamedTuple):
    """A price that ends a position, and the reason it gives."""

    price: float
    reason: str


class Touch(NamedTuple):
    """An exit by level: the reference price of its fill, and whether a bar that touched both sides was decided."""

    reference: float
    reason: str
    ambiguous: bool = False


@dataclass
class Order:
    """An entry that has its price and levels, but no quantity yet."""

    symbol: str
    side: int
    signal: Row
    reference: float
    price: float
    rate: float  # fee, fraction
    kind: str
    reason: str
    stop: float | None
    take: float | None
    trail_distance: float | None
    trail: float | None  # level
    minute: datetime | None = None
    pending: bool = False


@dataclass
class Position:
    """One position, from its first entry to its last exit."""

    symbol: str
    side: int
    spot: bool
    trade: int
    quantity: float
    entry_price: float  # average by quantity
    entry_bar: int
    live_from: int  # bar number from which stop, trail and target act
    max_bars: int | None
    stop: float | None
    take: float | None
    trail_distance: float | None
    trail: float | None
    worst: float
    best: float  # of the entry fills and the closed bars while open: carries the trail
    liquidation: float | None = None
    bankruptcy: float | None = None
    adds: int = 0
    opened_inside: datetime | None = None  # time of the bar in which a pending order opened it
    gap_overlap: bool = False

    def adverse_levels(self, bar: int) -> list[Level]:
        """Return the levels to lose by that act in this bar, the nearest first; liquidation is always live."""
        stop, trail = (self.stop, self.trail) if bar >= self.live_from else (None, None)
        levels = level_if(stop, "stop"), level_if(trail, "trail"), level_if(self.liquidation, "liquidation")
        return nearest_first(self.side, *levels)

    def target(self, bar: int) -> float | None:
        return self.take if bar >= self.live_from else None

    def liquidated_at(self, price: float) -> bool:
        return self.liquidation is not None and self.side * price <= self.side * self.liquidation

    def passed_at(self, opening: float, bar: int) -> Touch | None:
        """Return the exit of an open at or beyond a level: liquidation first, then the stop side, then the target."""
        if self.liquidated_at(opening):
            return Touch(opening, "liquidation")
        for level in self.adverse_levels(bar)[:1]:
            if self.side * opening <= self.side * level.price:
                return Touch(opening, level.reason)
        take = self.target(bar)
        return Touch(opening, "take") if take is not None and self.side * opening >= self.side * take else None

    def touched_in(self, row: Row, bar: int, *, favourable: bool) -> Touch | None:
        """Return the exit that a candle's prices give after its open; adverse where it touched both sides."""
        worst, best = (row["low"], row["high"]) if self.side == LONG else (row["high"], row["low"])
        losing = next((it for it in self.adverse_levels(bar)[:1] if self.side * worst <= self.side * it.price), None)
        take = self.target(bar)
        winning = take is not None and self.side * best >= self.side * take
        both = losing is not None and winning
        if losing is not None and not (both and favourable):
            return Touch(losing.price, losing.reason, ambiguous=both)
        return Touch(take, "take", ambiguous=both) if winning else None

    def ended_by(self, row: Row, bar: int, *, favourable: bool = False) -> Touch | None:
        return self.passed_at(row["open"], bar) or self.touched_in(row, bar, favourable=favourable)

    def trail_by(self, tick: float | None) -> float | None:
        """Return the trail's level by a tick; it is set at each entry and close, an add that borrows it asks anew."""
        if self.trail_distance is None:
            return None
        return level_on_grid(self.best - self.side * self.trail_distance, self.side, tick)

    def see(self, *prices: float, tick: float | None) -> None:
        """Learn prices; the trail is set anew by the rules in force."""
        lowest, highest = min(self.worst, self.best, *prices), max(self.worst, self.best, *prices)
        self.worst, self.best = (lowest, highest) if self.side == LONG else (highest, lowest)
        self.trail = self.trail_by(tick)

    def see_close(self, row: Row, tick: float | None) -> None:
        """Learn a bar in which a pending order opened: what was best before the fill, nobody knows."""
        self.see(row["close"], tick=tick)
        self.worst = min(self.worst, row["low"]) if self.side == LONG else max(self.worst, row["high"])


def level_if(price: float | None, reason: str) -> Level | None:
    return None if price is None else Level(price, reason)


def nearest_first(side: int, *levels: Level | None) -> list[Level]:
    """Sort the levels that exist, those that a falling (short: rising) price meets first in front; ties as given."""
    return sorted((level for level in levels if level is not None), key=lambda level: -side * level.price)
