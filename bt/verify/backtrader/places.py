"""What the strategy in Backtrader knows of a symbol: its feed, what its signals say, what it holds and has ordered."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.verify.backtrader.sizing import Levels, Purse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bt.engine import Account, Execution
    from bt.verify.case import Case, Rule

FLAGS: Final = ("enter_long", "enter_short", "exit_long", "exit_short")
_LEVELS: Final = ("stop_price", "stop_distance", "take_price", "take_distance", "trail_distance")
_ORDERS: Final = ("entry_limit", "entry_stop", "entry_bars", "size", "score", "max_bars")


@dataclass(frozen=True)
class Payment:
    """Funding due: at the open of a bar, or `inside` it."""

    rate: float
    mark: float | None  # None = the open
    inside: bool


@dataclass(frozen=True)
class Said:
    """What a symbol's signals say at one bar's close; None says nothing."""

    enter_long: bool
    enter_short: bool
    exit_long: bool
    exit_short: bool
    stop_price: float | None
    stop_distance: float | None
    take_price: float | None
    take_distance: float | None
    trail_distance: float | None
    entry_limit: float | None
    entry_stop: float | None
    entry_bars: int | None
    size: float | None
    score: float | None
    max_bars: int | None

    @property
    def conflicting(self) -> bool:
        """Say whether an entry contradicts the other one, or the exit of its own side."""
        both = self.enter_long and self.enter_short
        return both or (self.enter_long and self.exit_long) or (self.enter_short and self.exit_short)

    @property
    def side(self) -> int:
        """Give what it wants to enter: 1, -1, or 0 for nothing."""
        return 0 if self.conflicting else self.enter_long - self.enter_short

    def leaves(self, side: int) -> bool:
        """Say whether it is an exit from a side."""
        return self.exit_long if side > 0 else self.exit_short


@dataclass
class Held:
    """A position: `trade` is its row as far as it is known."""

    side: int
    qty: float
    entry: float
    levels: Levels
    best: float
    bar: int  # in which it was opened
    max_bars: int | None
    trade: dict[str, Any]
    inside: bool  # opened inside its bar, by an order that waited


@dataclass
class Waiting:
    """An entry that waits for its price."""

    side: int
    said: Said
    left: int  # bars to live


@dataclass
class Place:
    """One symbol while Backtrader runs."""

    symbol: str
    data: Any
    times: list[datetime]
    said: dict[int, Said]  # by bar; the others say nothing
    payments: dict[int, list[Payment]]  # by bar
    rules: list[Rule]
    bar: int = -1
    fresh: bool = False  # has a bar at this time
    mark: float = 0.0  # last close; after the open of its bar that open
    held: Held | None = None
    waiting: Waiting | None = None
    order: Any = None  # of `waiting`, for this bar
    stop: Any = None  # order
    take: Any = None  # order
    left_at_open: bool = False  # by a level that the open has passed
    due: float = 0.0  # quantity that pays the funding inside this bar
    payer: dict[str, Any] = field(default_factory=dict)  # the trade of that quantity

    @property
    def ended(self) -> bool:
        """Say whether this is the bar after the last one."""
        return self.bar == len(self.times)

    @property
    def ts(self) -> datetime:
        """Give the open time of its present bar; what is done after the last bar is done at its close."""
        return self.times[min(self.bar, len(self.times) - 1)]

    @property
    def leaving(self) -> bool:
        """Say whether nothing is held any more after this open's exits."""
        return self.fresh and not self.due

    def before(self) -> Said | None:
        """Give what was said at the close of the bar before; what the last bar says acts no more."""
        return None if self.ended else self.said.get(self.bar - 1)

    def rule(self) -> Rule:
        """Give the instrument's rules as they are in force at its present bar; the earliest holds before, too."""
        known = [self.ts >= row["valid_from"] for row in self.rules[1:] if row.get("valid_from")]  # type: ignore[operator]
        return self.rules[sum(known)] if self.rules else {}

    def ordered_exit(self, held: Held) -> str:
        """Give why the position is left at this open by order of the signals or the clock, nothing where it is not."""
        said = self.before()
        if self.ended:
            return "end_of_data"
        if said and said.leaves(held.side):
            return "signal"
        if said and said.side == -held.side:
            return "reverse"
        return "time" if held.max_bars and self.bar - held.bar >= held.max_bars else ""

    def end_order(self) -> None:
        """End a waiting entry that an exit signal of its side, another entry or the end of the data ends."""
        said = self.before()
        if self.waiting and (self.ended or (said and (said.leaves(self.waiting.side) or said.side))):
            self.waiting = None

    def see(self, held: Held) -> None:
        """Let the position know its bar; of the bar that it was opened inside of only the close came after it."""
        only_close = held.inside and held.bar == self.bar
        if held.side > 0:
            held.best = max(held.best, self.data.close[0] if only_close else self.data.high[0])
        else:
            held.best = min(held.best, self.data.close[0] if only_close else self.data.low[0])


def in_turn(found: Iterable[tuple[Place, Said | None]]) -> list[tuple[Place, Said]]:
    """Give those that enter by score, the higher first, and symbol."""
    entering = [(place, said) for place, said in found if said and said.side]
    return sorted(entering, key=lambda each: (-(each[1].score or 0.0), each[0].symbol))


def snapshot(account: Account, equity: float, places: list[Place]) -> Purse:
    """Take the account at an open; `places` are those that hold something through it."""
    values = [(place.held.side, place.held.qty * place.mark) for place in places if place.held]
    free = equity - sum(side * value for side, value in values)
    return Purse(account, equity, sum(value for _, value in values), free, len(values))


def levels_of(said: Said, fill: float, execution: Execution) -> Levels:
    """Give where a position is left: the price that was said, else the distance from the fill, else the share of it."""
    side = said.side
    stop, take = (
        _distance(given, share, fill)
        for given, share in ((said.stop_distance, execution.stop), (said.take_distance, execution.take))
    )
    stop_level = None if stop is None else fill - side * stop
    take_level = None if take is None else fill + side * take
    return Levels(
        stop=stop_level if said.stop_price is None else said.stop_price,
        take=take_level if said.take_price is None else said.take_price,
        trail=_distance(said.trail_distance, execution.trail, fill),
    )


def _distance(given: float | None, share: float | None, price: float) -> float | None:
    return price * share if given is None and share is not None else given


def places_of(case: Case, datas: list[Any]) -> list[Place]:
    """Give the symbols, in order of name, each with its feed."""
    bars = case.bars.partition_by("symbol", maintain_order=True)
    found = []
    for own, data in zip(bars, datas, strict=True):
        symbol, times = own["symbol"][0], own["ts"].to_list()
        said = _said(case.signals.filter(pl.col("symbol") == symbol), {ts: bar for bar, ts in enumerate(times)})
        found.append(
            Place(
                symbol=symbol, data=data, times=times, said=said, rules=case.rules.get(symbol, []),
                payments=_payments(case, symbol, times, own["close"].to_list()),
            )
        )  # fmt: skip
    return found


def _said(signals: pl.DataFrame, bars: dict[datetime, int]) -> dict[int, Said]:
    """Give what is said, by bar; a bar without any flag says nothing."""
    names = (*FLAGS, *_LEVELS, *_ORDERS)
    given = [pl.col(name) if name in signals.columns else pl.lit(None).alias(name) for name in names]
    flagged = signals.select("ts", *given).with_columns(pl.col(FLAGS).fill_null(value=False))
    rows = flagged.filter(pl.any_horizontal(FLAGS))
    return {bars[row[0]]: Said(*row[1:]) for row in rows.iter_rows()}


def _payments(case: Case, symbol: str, times: list[datetime], closes: list[float]) -> dict[int, list[Payment]]:
    """Give the funding due in each bar; what falls into a hole is due at the next bar, at the last close."""
    found: dict[int, list[Payment]] = {}
    if not case.terms.costs.funding:
        return found
    stamps = case.funding.filter(pl.col("symbol") == symbol)
    for ts, rate, mark in stamps.select("ts", "rate", "mark").iter_rows():
        bar = bisect_right(times, ts) - 1
        if bar < 0 or ts >= times[-1] + case.length:
            continue
        inside = times[bar] < ts < times[bar] + case.length
        if ts >= times[bar] + case.length:
            mark, bar = closes[bar] if mark is None else mark, bar + 1  # noqa: PLW2901
        found.setdefault(bar, []).append(Payment(rate, mark, inside))
    return found
