"""The account: cash, positions, marks and rules in force; every fill, payment and refusal is written here.

Sums are loops because `sum` of floats compensates since Python 3.12.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.naive.grid import LONG, level_on_grid, price_on_grid
from tests.naive.market import Moment, Row, Stamp, known, rules_at
from tests.naive.positions import Order, Position, Touch

if TYPE_CHECKING:
    from datetime import datetime

FEES = {"linear": {"taker": 0.00055, "maker": 0.0002}, "spot": {"taker": 0.001, "maker": 0.001}}
BY_LEVEL = {"stop", "trail", "take", "liquidation"}
ORDERED = {"signal", "reverse", "rebalance"}


@dataclass
class Outcome:
    """Rows in the order of happening."""

    fills: list[Row] = field(default_factory=list)
    rejections: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    equity: list[Row] = field(default_factory=list)
    status: str = "finished"
    ambiguous: int = 0


class Book:
    """The state carried from one timestamp to the next."""

    now: Moment

    def __init__(self, account: Row, costs: Row, execution: Row, instruments: dict[str, list[Row]]) -> None:
        self.account, self.costs, self.execution, self.instruments = account, costs, execution, instruments
        self.cash = float(account["cash"])
        self.positions: dict[str, Position] = {}
        self.mark: dict[str, float] = {}  # a bar's open until its close, then that close
        self.number: dict[str, int] = {}  # of each symbol's latest bar row, from 0
        self.rules: dict[str, Row] = {}  # in force
        self.target: dict[str, float] = {}  # the latest wanted share of equity
        self.changed: set[str] = set()  # symbols whose target is new at this open
        self.blocked: set[str] = set()  # symbols that left without their target's order: nothing until it changes
        self.closed_by_level: set[str] = set()  # in this bar
        self.trades = 0
        self.entries = 0  # adds, too
        self.liquidated_at: datetime | None = None  # the account as a whole
        self.outcome = Outcome()

    def arrive(self, moment: Moment) -> None:
        self.now, self.closed_by_level, self.changed = moment, set(), set()
        self.number |= moment.number
        for symbol in {*moment.bar, *self.positions}:
            self.rules[symbol] = rules_at(self.instruments.get(symbol) or [{}], moment.ts)
        for symbol, bar in moment.bar.items():
            self.mark[symbol] = bar["open"]
            target = known(moment.signal[symbol], "target")
            if target is not None and target != self.target.get(symbol, 0.0):
                self.target[symbol] = target
                self.changed.add(symbol)
                self.blocked.discard(symbol)
        for position, _ in self.held_with_bar():
            position.gap_overlap |= position.symbol in moment.after_gap

    # Fills

    def enter(self, order: Order, quantity: float) -> float:
        """Open a position or add to it; return the fee."""
        self.entries += 1
        fee = quantity * order.price * order.rate
        if self.spot(order.symbol):
            self.cash -= quantity * order.price
        self.cash -= fee
        position = self.positions.get(order.symbol)
        if position is None:
            position = self.positions[order.symbol] = self.opened(order, quantity)
            position.opened_inside = self.now.ts if order.pending else None
        else:
            self.add(position, order, quantity)
        self.set_liquidation(position)
        self.blocked.discard(order.symbol)
        if order.pending:
            position.gap_overlap |= order.symbol in self.now.gap_inside
        stop = position.stop if position.stop is not None else position.trail
        row = {"price": order.price, "reference": order.reference, "fee": fee, "kind": order.kind}
        row |= {"reason": order.reason, "opens": True, "stop": stop}
        row |= {"worst": None, "best": None, "ambiguous": False, "gap_overlap": False, "minute": order.minute}
        self.write_fill(position, order.side, quantity, row)
        return fee

    def opened(self, order: Order, quantity: float) -> Position:
        self.trades += 1
        symbol, max_bars = order.symbol, known(order.signal, "max_bars")
        return Position(
            symbol, order.side, self.spot(symbol), self.trades, quantity, order.price, entry_bar=self.number[symbol],
            live_from=self.number[symbol] + self.execution["level_delay"],
            max_bars=self.execution["max_bars"] if max_bars is None else max_bars, stop=order.stop, take=order.take,
            trail_distance=order.trail_distance, trail=order.trail, worst=order.price, best=order.price,
        )  # fmt: skip

    def add(self, position: Position, order: Order, quantity: float) -> None:
        held, entry = position.quantity, position.entry_price
        position.entry_price = (held * entry + quantity * order.price) / (held + quantity)
        position.quantity = held + quantity
        position.adds += 1
        position.stop = position.stop if order.stop is None else order.stop
        position.take = position.take if order.take is None else order.take
        position.trail_distance = position.trail_distance if order.trail_distance is None else order.trail_distance
        position.see(order.price, tick=self.tick(order.symbol))

    def set_liquidation(self, position: Position) -> None:
        leverage, entry, side = self.leverage(position.symbol), position.entry_price, position.side
        position.liquidation = position.bankruptcy = None
        if self.account["margin"] == "isolated" and leverage > 1 and not position.spot:
            margin, tick = side * (1 / leverage), self.tick(position.symbol)
            position.liquidation = level_on_grid(entry * (1 - margin + side * self.account["mmr"]), side, tick)
            position.bankruptcy = price_on_grid(entry * (1 - margin), side, tick)  # towards the entry

    def close(self, position: Position, touch: Touch, *, minute: datetime | None = None) -> float:
        """End a position by order or at a level; return the fee."""
        reference, fill = self.exit_price(position, touch)
        kind = "stop" if touch.reason in {"stop", "trail", "liquidation"} else "market"
        rate = self.rate(position.symbol, "taker")
        if touch.reason == "take" and self.execution["take_fill"] == "limit":
            kind, rate = "limit", self.rate(position.symbol, "maker")
            fill = self.rounded_price(position.symbol, -position.side, reference, reference)
        del self.positions[position.symbol]
        if touch.reason in BY_LEVEL:
            self.closed_by_level.add(position.symbol)
        if touch.reason not in ORDERED:
            self.blocked.add(position.symbol)
        self.outcome.ambiguous += touch.ambiguous
        row = {"price": fill, "reference": reference, "kind": kind, "reason": touch.reason}
        row |= {"ambiguous": touch.ambiguous, "minute": minute}
        return self.leave(position, position.quantity, rate, row)

    def reduce(self, position: Position, quantity: float, price: float, reason: str) -> float:
        """Close a part at the open; return the fee."""
        row = {"price": price, "reference": self.mark[position.symbol], "kind": "market", "reason": reason}
        fee = self.leave(position, quantity, self.rate(position.symbol, "taker"), row)
        position.quantity -= quantity
        return fee

    def leave(self, position: Position, quantity: float, rate: float, row: Row) -> float:
        """Settle the exit of a quantity and write its fill; return the fee."""
        fill = row["price"]
        fee = quantity * fill * rate
        if position.spot:
            self.cash += quantity * fill
            self.cash -= fee
        else:
            self.cash += quantity * (fill - position.entry_price) * position.side - fee
        lowest, highest = min(position.worst, position.best, fill), max(position.worst, position.best, fill)
        worst, best = (lowest, highest) if position.side == LONG else (highest, lowest)
        row = {"ambiguous": False, "minute": None} | row | {"fee": fee, "opens": False, "stop": None}
        row |= {"worst": worst, "best": best, "gap_overlap": position.gap_overlap}
        self.write_fill(position, -position.side, quantity, row)
        return fee

    def exit_price(self, position: Position, touch: Touch) -> tuple[float, float]:
        """Return reference and market price; an isolated liquidation fills no worse than at bankruptcy."""
        symbol, side, reference = position.symbol, position.side, touch.reference
        if touch.reason != "liquidation" or position.bankruptcy is None:
            return reference, self.market_price(symbol, -side, reference)
        no_worse = max if side == LONG else min
        reference = no_worse(reference, position.bankruptcy)
        return reference, no_worse(self.market_price(symbol, -side, reference), position.bankruptcy)

    def write_fill(self, position: Position, side: int, quantity: float, row: Row) -> None:
        row |= {"ts": self.now.ts, "symbol": position.symbol, "side": "buy" if side == LONG else "sell"}
        row |= {"qty": quantity, "slippage": abs(row["price"] - row["reference"]) * quantity}
        row |= {"trade": position.trade, "n": len(self.outcome.fills) + 1, "bar": self.number[position.symbol]}
        self.outcome.fills.append(row)

    def pay(self, stamp: Stamp) -> None:
        """Settle funding with the position there is; spot pays nothing."""
        position = self.positions.get(stamp.symbol)
        if position is None or position.spot:
            return
        signed = position.side * position.quantity
        amount = -signed * stamp.mark * stamp.rate
        self.cash += amount
        row = {"symbol": stamp.symbol, "ts": stamp.ts, "trade": position.trade, "qty": signed}
        self.outcome.payments.append(row | {"mark": stamp.mark, "rate": stamp.rate, "amount": amount})

    def reject(self, symbol: str, side: int, reason: str, wanted: float | None = None, granted: float = 0.0) -> None:
        row = {"ts": self.now.ts, "symbol": symbol, "side": "long" if side == LONG else "short"}
        self.outcome.rejections.append(row | {"reason": reason, "wanted": wanted, "granted": granted})

    # Money and prices

    def equity(self, marks: dict[str, float] | None = None) -> float:
        equity, marks = self.cash, marks or self.mark
        for position in self.held():
            quantity, mark = position.side * position.quantity, marks[position.symbol]
            equity += quantity * mark if position.spot else quantity * (mark - position.entry_price)
        return equity

    def gross(self) -> float:
        gross = 0.0
        for position in self.held():
            gross += position.quantity * self.mark[position.symbol]
        return gross

    def net(self) -> float:
        net = 0.0
        for position in self.held():
            net += position.side * position.quantity * self.mark[position.symbol]
        return net

    def market_price(self, symbol: str, side: int, reference: float) -> float:
        price, tick = reference * (1 + side * self.costs["slippage"]), self.tick(symbol)
        if tick is not None:
            price += side * (self.costs["slippage_ticks"] * tick)
        return self.rounded_price(symbol, side, price, reference)

    def rounded_price(self, symbol: str, side: int, price: float, reference: float) -> float:
        """Round away from the trader where the tick is known."""
        rounded = price_on_grid(price, side, self.tick(symbol))
        return rounded if side == LONG else min(rounded, reference)  # below one tick, rounding up would be a gift

    def rate(self, symbol: str, role: str) -> float:
        """Return the fee of a taker or maker: as set, else by category."""
        given = self.costs[role]
        return FEES[self.known(symbol, "category") or "linear"][role] if given is None else given

    def leverage(self, symbol: str) -> float:
        most = self.known(symbol, "max_leverage")
        return self.account["leverage"] if most is None else min(self.account["leverage"], most)

    def spot(self, symbol: str) -> bool:
        return self.known(symbol, "category") == "spot"

    def tick(self, symbol: str) -> float | None:
        return self.known(symbol, "tick_size")

    def held(self) -> list[Position]:
        return [self.positions[symbol] for symbol in sorted(self.positions)]

    def held_with_bar(self) -> list[tuple[Position, Row]]:
        return [(held, self.now.bar[held.symbol]) for held in self.held() if held.symbol in self.now.bar]

    def known(self, symbol: str, name: str) -> Any:
        return known(self.rules[symbol], name)
