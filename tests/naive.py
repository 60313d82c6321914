"""Replay bars and signals one event at a time: the slow, obvious twin that the compiled trade loop must equal.

Written from ENGINE.md and the conventions of this stage, never from the kernel; the input counts as validated.
Prices and fees are quote currency, quantities base currency, `side` is +1 (long, buy) or -1 (short, sell).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import ceil, floor, isnan
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Gap: TypeAlias = tuple[str, datetime, datetime]

ACCOUNT = {"cash": 10_000.0, "sizing": "risk", "size": 0.01, "leverage": 1.0, "max_positions": None}
COSTS = {"taker": 0.00055, "maker": 0.0002, "slippage": 0.0001, "slippage_ticks": 0}
EXECUTION = {"intrabar": "adverse", "stop": None, "take": None, "trail": None, "take_fill": "market"}
EXECUTION |= {"max_bars": None, "close_at_end": True}
LONG, SHORT = 1, -1
MINUTE = timedelta(minutes=1)
DUST = 1e-9  # of equity: what rounding leaves of full use buys nothing
SNAP = 1e-9  # steps; so near a step or a half step counts as on it


@dataclass
class Outcome:
    """Rows in the order of happening."""

    fills: list[Row] = field(default_factory=list)
    rejections: list[Row] = field(default_factory=list)
    equity: list[Row] = field(default_factory=list)
    status: str = "finished"
    ambiguous: int = 0


@dataclass
class Moment:
    """One timestamp, symbols ascending; `signal` is the row of each symbol's previous bar."""

    ts: datetime
    bar: dict[str, Row] = field(default_factory=dict)
    number: dict[str, int] = field(default_factory=dict)
    signal: dict[str, Row] = field(default_factory=dict)
    after_gap: set[str] = field(default_factory=set)
    gap_inside: set[str] = field(default_factory=set)
    last_bar: set[str] = field(default_factory=set)


@dataclass
class Position:
    """One position, from the moment an entry proposes it (`quantity` 0, `trade` 0) to its exit."""

    symbol: str
    side: int
    tick: float | None
    spot: bool
    reference: float
    entry_price: float
    entry_bar: int
    max_bars: int | None
    stop: float | None
    take: float | None
    trail_distance: float | None
    worst: float
    best: float  # of the entry fill and the closed bars while open: carries the trail
    quantity: float = 0.0
    trade: int = 0
    gap_overlap: bool = False

    def trail_level(self) -> float | None:
        if self.trail_distance is None:
            return None
        return level_on_grid(self.best - self.side * self.trail_distance, self.side, self.tick)

    def active_stop(self) -> tuple[float | None, str]:
        """Return the nearer of stop and trail with its reason; a tie is the stop."""
        trail = self.trail_level()
        if trail is not None and (self.stop is None or self.side * trail > self.side * self.stop):
            return trail, "trail"
        return self.stop, "stop"

    def reaches_stop(self, price: float) -> bool:
        stop, _ = self.active_stop()
        return stop is not None and self.side * price <= self.side * stop

    def reaches_take(self, price: float) -> bool:
        return self.take is not None and self.side * price >= self.side * self.take

    def passed_level(self, opening: float) -> str | None:
        """Return the reason of the level that the open is at or beyond."""
        if self.reaches_stop(opening):
            return self.active_stop()[1]
        return "take" if self.reaches_take(opening) else None

    def see(self, *prices: float) -> None:
        lowest, highest = min(self.worst, self.best, *prices), max(self.worst, self.best, *prices)
        self.worst, self.best = (lowest, highest) if self.side == LONG else (highest, lowest)


def simulate(
    bars: Iterable[Row], signals: Iterable[Row], *, account: Row | None = None, costs: Row | None = None,
    execution: Row | None = None, instruments: dict[str, Row] | None = None, gaps: Iterable[Gap] = (),
) -> Outcome:  # fmt: skip
    """Trade the signals on the bars; settings left out take the defaults above."""
    loop = Loop(ACCOUNT | (account or {}), COSTS | (costs or {}), EXECUTION | (execution or {}), instruments or {})
    if loop.account["leverage"] != 1.0:
        raise ValueError(f"leverage {loop.account['leverage']} is not built yet, use 1.0")
    for moment in moments(bars, signals, list(gaps)):
        loop.arrive(moment)
        closed_by_level = loop.exit_at_the_open()
        equity, gross = loop.equity(), loop.gross()  # the one snapshot that sizes every entry of this open
        loop.record_conflicts()
        loop.enter_at_the_open(equity, gross, closed_by_level)
        loop.exit_inside_the_bar()
        loop.move_to_the_close()
        loop.close_at_the_end_of_data()
        loop.close_if_ruined()
        loop.record_equity()
        if loop.outcome.status == "ruined":
            break
    return loop.outcome


class Loop:
    """The state carried from one timestamp to the next, and one method per step of the contract."""

    now: Moment

    def __init__(self, account: Row, costs: Row, execution: Row, instruments: dict[str, Row]) -> None:
        self.account, self.costs, self.execution, self.instruments = account, costs, execution, instruments
        self.cash = float(account["cash"])
        self.paid = 0.0  # fees of the entries at this open
        self.positions: dict[str, Position] = {}
        self.mark: dict[str, float] = {}  # a bar's open until its close, then that close
        self.number: dict[str, int] = {}  # of each symbol's latest bar row, from 0
        self.trades = 0
        self.outcome = Outcome()

    def arrive(self, moment: Moment) -> None:
        self.now = moment
        self.number |= moment.number
        self.mark |= {symbol: bar["open"] for symbol, bar in moment.bar.items()}

    # 1. Exits at the open

    def exit_at_the_open(self) -> set[str]:
        """Close what a signal, the clock or the open itself ends; return the symbols closed by a level."""
        closed_by_level = set()
        for position, bar in self.held_with_bar():
            position.gap_overlap |= position.symbol in self.now.after_gap
            ordered, passed = self.ordered_exit(position), position.passed_level(bar["open"])
            if ordered is not None:
                self.close(position, bar["open"], ordered)
            elif passed is not None:
                self.close(position, bar["open"], passed)
                closed_by_level.add(position.symbol)
        return closed_by_level

    def ordered_exit(self, position: Position) -> str | None:
        signal = self.now.signal[position.symbol]
        if signal.get("exit_long" if position.side == LONG else "exit_short"):
            return "signal"
        if entry_side(signal) == -position.side:
            return "reverse"
        age = self.number[position.symbol] - position.entry_bar
        return "time" if position.max_bars is not None and age >= position.max_bars else None

    # 3. Entries at the open (2 is the snapshot)

    def record_conflicts(self) -> None:
        for symbol, signal in self.now.signal.items():
            if (side := conflict_side(signal)) != 0:
                self.reject(symbol, side, "conflict")

    def enter_at_the_open(self, equity: float, gross: float, closed_by_level: set[str]) -> None:
        self.paid = 0.0
        for symbol, side in entries_by_priority(self.now):
            if symbol in self.positions:
                continue  # the same side, ignored: an opposite position has left in step 1
            if symbol in self.now.after_gap:
                self.reject(symbol, side, "gap")
            elif symbol in closed_by_level:
                self.reject(symbol, side, "reentry")
            else:
                position = self.propose(symbol, side)
                refused = self.refusal(position)
                if refused is not None:
                    self.reject(symbol, side, refused)
                elif self.sized(position, equity, gross):
                    self.open(position)
                    gross += position.quantity * position.entry_price

    def propose(self, symbol: str, side: int) -> Position:
        """Return the position an entry would open, with its levels but without a quantity."""
        signal, opening, tick = self.now.signal[symbol], self.now.bar[symbol]["open"], self.known(symbol, "tick_size")
        fill, trail = self.market_price(symbol, side, opening), known(signal, "trail_distance")
        if trail is None and self.execution["trail"] is not None:
            trail = self.execution["trail"] * fill
        max_bars = known(signal, "max_bars")
        return Position(
            symbol, side, tick, spot=self.known(symbol, "category") == "spot", reference=opening, entry_price=fill,
            entry_bar=self.number[symbol], max_bars=self.execution["max_bars"] if max_bars is None else max_bars,
            stop=level_on_grid(chosen_level(signal, "stop", fill, -side, self.execution), side, tick),
            take=level_on_grid(chosen_level(signal, "take", fill, side, self.execution), side, tick),
            trail_distance=trail, worst=fill, best=fill,
        )  # fmt: skip

    def refusal(self, position: Position) -> str | None:
        slots, levels = self.account["max_positions"], (position.stop, position.trail_level())
        if position.side == SHORT and position.spot:
            return "no_short"
        if slots is not None and len(self.positions) >= slots:
            return "slots"
        if self.account["sizing"] == "risk" and levels == (None, None):
            return "no_stop"
        entry = position.side * position.entry_price
        return "stop_side" if any(level is not None and position.side * level >= entry for level in levels) else None

    def sized(self, position: Position, equity: float, gross: float) -> bool:
        """Give the position its quantity; record and refuse what is too large for the money or too small to trade."""
        symbol, side, fill = position.symbol, position.side, position.entry_price
        wanted, cap = self.raw_quantity(position, equity), self.largest_quantity(position, equity, gross)
        quantity = floor_to_step(min(wanted, cap), self.known(symbol, "qty_step"))
        if wanted > cap and cap * fill <= DUST * equity:
            self.reject(symbol, side, "cash", wanted)
        elif quantity <= 0 or quantity < (self.known(symbol, "min_qty") or 0.0):
            self.reject(symbol, side, "min_qty", wanted)
        elif quantity * fill < (self.known(symbol, "min_notional") or 0.0):
            self.reject(symbol, side, "min_notional", wanted)
        else:
            if wanted > cap:
                self.reject(symbol, side, "cash", wanted, quantity)
            position.quantity = quantity
        return position.quantity > 0

    def raw_quantity(self, position: Position, equity: float) -> float:
        sizing, size, fill = self.account["sizing"], self.account["size"], position.entry_price
        multiple = known(self.now.signal[position.symbol], "size")
        multiple = 1.0 if multiple is None else multiple
        if sizing == "risk":
            return equity * size * multiple / abs(fill - position.active_stop()[0])
        if sizing == "equity":
            return equity * size * multiple / fill
        return size * multiple / fill if sizing == "notional" else size * multiple

    def largest_quantity(self, position: Position, equity: float, gross: float) -> float:
        leverage, taker = self.account["leverage"], self.costs["taker"]
        room = (leverage * (equity - self.paid) - gross) / (1 + leverage * taker)
        if position.spot:
            room = min(room, self.cash / (1 + taker))
        return room / position.entry_price

    # 4. Inside the bar

    def exit_inside_the_bar(self) -> None:
        for position, bar in self.held_with_bar():
            position.gap_overlap |= position.symbol in self.now.gap_inside
            passed = position.passed_level(bar["open"])
            if passed is not None:
                self.close(position, bar["open"], passed)
            else:
                self.exit_at_a_touched_level(position, bar)

    def exit_at_a_touched_level(self, position: Position, bar: Row) -> None:
        adverse, favourable = (bar["low"], bar["high"]) if position.side == LONG else (bar["high"], bar["low"])
        stop_touched, take_touched = position.reaches_stop(adverse), position.reaches_take(favourable)
        both = stop_touched and take_touched
        self.outcome.ambiguous += both
        if stop_touched and not (both and self.execution["intrabar"] == "favourable"):
            self.close(position, *position.active_stop(), ambiguous=both)
        elif take_touched:
            self.close(position, position.take, "take", ambiguous=both)

    # 5. At the close

    def move_to_the_close(self) -> None:
        self.mark |= {symbol: bar["close"] for symbol, bar in self.now.bar.items()}
        for position, bar in self.held_with_bar():
            position.see(bar["low"], bar["high"])

    def close_at_the_end_of_data(self) -> None:
        for position, _ in self.held_with_bar():
            if self.execution["close_at_end"] and position.symbol in self.now.last_bar:
                self.close(position, self.mark[position.symbol], "end_of_data")

    def close_if_ruined(self) -> None:
        if self.equity() <= 0:
            self.outcome.status = "ruined"
            for position in self.held():
                self.close(position, self.mark[position.symbol], "ruin")

    def record_equity(self) -> None:
        net = 0.0
        for position in self.held():
            net += position.side * position.quantity * self.mark[position.symbol]
        row = {"ts": self.now.ts, "equity": self.equity(), "cash": self.cash, "gross": self.gross(), "net": net}
        self.outcome.equity.append(row)

    # Fills and rejections

    def open(self, position: Position) -> None:
        fee = position.quantity * position.entry_price * self.costs["taker"]
        if position.spot:
            self.cash -= position.quantity * position.entry_price
        self.cash -= fee
        self.paid += fee
        self.trades += 1
        position.trade = self.trades
        self.positions[position.symbol] = position
        row = {"price": position.entry_price, "reference": position.reference, "fee": fee, "kind": "market"}
        stop, _ = position.active_stop()
        row |= {"reason": "signal", "stop": stop, "worst": None, "best": None}
        row |= {"ambiguous": False, "gap_overlap": False}
        self.write_fill(position, position.side, row)

    def close(self, position: Position, reference: float, reason: str, *, ambiguous: bool = False) -> None:
        kind = "stop" if reason in {"stop", "trail"} else "market"
        fill, rate = self.market_price(position.symbol, -position.side, reference), self.costs["taker"]
        if reason == "take" and self.execution["take_fill"] == "limit":
            kind, fill, rate = "limit", reference, self.costs["maker"]
        fee = position.quantity * fill * rate
        if position.spot:
            self.cash += position.quantity * fill
            self.cash -= fee
        else:
            self.cash += position.quantity * (fill - position.entry_price) * position.side - fee
        del self.positions[position.symbol]
        position.see(fill)
        row = {"price": fill, "reference": reference, "fee": fee, "kind": kind, "reason": reason, "stop": None}
        row |= {"worst": position.worst, "best": position.best, "ambiguous": ambiguous}
        row |= {"gap_overlap": position.gap_overlap}
        self.write_fill(position, -position.side, row)

    def write_fill(self, position: Position, side: int, row: Row) -> None:
        row |= {"ts": self.now.ts, "symbol": position.symbol, "side": "buy" if side == LONG else "sell"}
        row |= {"qty": position.quantity, "slippage": abs(row["price"] - row["reference"]) * position.quantity}
        row |= {"trade": position.trade, "n": len(self.outcome.fills) + 1, "bar": self.number[position.symbol]}
        self.outcome.fills.append(row)

    def reject(self, symbol: str, side: int, reason: str, wanted: float | None = None, granted: float = 0.0) -> None:
        row = {"ts": self.now.ts, "symbol": symbol, "side": "long" if side == LONG else "short"}
        self.outcome.rejections.append(row | {"reason": reason, "wanted": wanted, "granted": granted})

    # Money and prices; sums are loops because `sum` of floats compensates since Python 3.12

    def equity(self) -> float:
        equity = self.cash
        for position in self.held():
            quantity, mark = position.side * position.quantity, self.mark[position.symbol]
            equity += quantity * mark if position.spot else quantity * (mark - position.entry_price)
        return equity

    def gross(self) -> float:
        gross = 0.0
        for position in self.held():
            gross += position.quantity * self.mark[position.symbol]
        return gross

    def market_price(self, symbol: str, side: int, reference: float) -> float:
        """Return the slipped price, rounded away from the trader where the tick is known."""
        tick, price = self.known(symbol, "tick_size"), reference * (1 + side * self.costs["slippage"])
        if tick is None:
            return price
        rounded = price_on_grid(price + side * (self.costs["slippage_ticks"] * tick), side, tick)
        return rounded if side == LONG else min(rounded, reference)  # below one tick, rounding up would be a gift

    def held(self) -> list[Position]:
        return [self.positions[symbol] for symbol in sorted(self.positions)]

    def held_with_bar(self) -> list[tuple[Position, Row]]:
        return [(held, self.now.bar[held.symbol]) for held in self.held() if held.symbol in self.now.bar]

    def known(self, symbol: str, name: str) -> Any:
        return known(self.instruments.get(symbol) or {}, name)


def moments(bars: Iterable[Row], signals: Iterable[Row], gaps: list[Gap]) -> list[Moment]:
    """Return every distinct timestamp of the bars, ascending."""
    history: dict[str, list[Row]] = {}
    for bar in sorted(bars, key=lambda row: (row["symbol"], row["ts"])):
        history.setdefault(bar["symbol"], []).append(bar)
    step = {
        symbol: min((b["ts"] - a["ts"] for a, b in pairwise(rows)), default=None) for symbol, rows in history.items()
    }
    signal_at = {(row["symbol"], row["ts"]): row for row in signals}
    found: dict[datetime, Moment] = {}
    for symbol, rows in history.items():
        for number, (previous, bar) in enumerate(pairwise([None, *rows])):
            moment = found.setdefault(bar["ts"], Moment(bar["ts"]))
            moment.bar[symbol], moment.number[symbol] = bar, number
            moment.signal[symbol] = signal_at.get((symbol, previous["ts"]), {}) if previous else {}
            if any(
                name == symbol and first < bar["ts"] + (step[symbol] or MINUTE) and last >= bar["ts"]
                for name, first, last in gaps
            ):
                moment.gap_inside.add(symbol)
            if previous and any(
                name == symbol and first <= bar["ts"] and last >= previous["ts"] + step[symbol]
                for name, first, last in gaps
            ):
                moment.after_gap.add(symbol)
        found[rows[-1]["ts"]].last_bar.add(symbol)
    return [found[ts] for ts in sorted(found)]


# Reading a signal


def known(row: Row, name: str) -> Any:
    """Return a value, None where it is absent, null or NaN."""
    value = row.get(name)
    return None if isinstance(value, float) and isnan(value) else value


def conflict_side(signal: Row) -> int:
    if signal.get("enter_long") and (signal.get("enter_short") or signal.get("exit_long")):
        return LONG
    return SHORT if signal.get("enter_short") and signal.get("exit_short") else 0


def entry_side(signal: Row) -> int:
    """Return the side of an unconflicted entry, else 0."""
    if conflict_side(signal) != 0:
        return 0
    return LONG if signal.get("enter_long") else SHORT if signal.get("enter_short") else 0


def entries_by_priority(moment: Moment) -> list[tuple[str, int]]:
    entries = [(symbol, side) for symbol, signal in moment.signal.items() if (side := entry_side(signal)) != 0]
    return sorted(entries, key=lambda entry: (-(known(moment.signal[entry[0]], "score") or 0.0), entry[0]))


def chosen_level(signal: Row, name: str, fill: float, direction: int, execution: Row) -> float | None:
    """Choose absolute, else distance, else fraction of the fill; `direction` is where the level lies from the fill."""
    absolute, distance = known(signal, f"{name}_price"), known(signal, f"{name}_distance")
    if absolute is not None:
        return absolute
    if distance is not None:
        return fill + direction * distance
    return None if execution[name] is None else fill + direction * (fill * execution[name])


# The decimal grid


def price_on_grid(price: float, side: int, tick: float) -> float:
    steps = steps_in(price, tick)
    near = abs(steps - round(steps)) <= SNAP * max(1, abs(steps))
    nearest = round(steps) if near else ceil(steps) if side == LONG else floor(steps)
    return on_grid(max(nearest, 1), tick)  # no tick, however many slip, sells for nothing


def level_on_grid(price: float | None, side: int, tick: float | None) -> float | None:
    """Round a level to the nearest tick; a tie goes down where the level sells (long), up where it buys (short)."""
    if price is None or tick is None:
        return price
    steps = steps_in(price, tick)
    if abs(steps - floor(steps) - 0.5) <= SNAP * max(1, abs(steps)):
        return on_grid(floor(steps) if side == LONG else floor(steps) + 1, tick)
    return on_grid(floor(steps + 0.5), tick)


def floor_to_step(quantity: float, step: float | None) -> float:
    return quantity if step is None else on_grid(floor(quantity / step + SNAP), step)


@cache
def decimal_fraction(step: float) -> tuple[int, int]:
    """Return p and q of step = p / q, q the smallest power of ten that will do."""
    exact = Decimal(repr(float(step)))
    places = max(0, -exact.normalize().as_tuple().exponent)
    return int(exact.scaleb(places)), 10**places


def steps_in(price: float, step: float) -> float:
    p, q = decimal_fraction(step)
    return price * q / p


def on_grid(steps: int, step: float) -> float:
    p, q = decimal_fraction(step)
    return float(steps * p) / float(q)
