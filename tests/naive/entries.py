"""Entries and adds: the price and levels an order would have, who refuses it, and how much it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.naive.grid import LONG, SHORT, floor_to_step, level_on_grid
from tests.naive.market import Row, conflict_side, entry_side, known, priority
from tests.naive.pending import Pending, pending_order
from tests.naive.positions import Order

if TYPE_CHECKING:
    from tests.naive.book import Book

DUST = 1e-9  # of equity: what rounding leaves of full use buys nothing


@dataclass
class Snapshot:
    """The account as every entry of one bar time sees it: after the exits at the open, and what was entered since."""

    equity: float
    gross: float
    slots: int
    purse: float  # cash; what exits inside the bar free comes too late
    paid: float = 0.0  # fees

    @classmethod
    def of(cls, book: Book) -> Snapshot:
        return cls(book.equity(), book.gross(), len(book.positions), book.cash)


def record_conflicts(book: Book) -> None:
    for symbol, signal in book.now.signal.items():
        if (side := conflict_side(signal)) != 0:
            book.reject(symbol, side, "conflict")


def enter_at_the_open(book: Book, snapshot: Snapshot, pendings: dict[str, Pending]) -> None:
    signals = book.now.signal
    sides = {symbol: side for symbol, signal in signals.items() if (side := entry_side(signal)) != 0}
    for symbol in sorted(sides, key=lambda symbol: priority(signals[symbol], symbol)):
        side, held = sides[symbol], book.positions.get(symbol)
        if held is not None and book.execution["pyramiding"] == 0:
            continue  # the same side, ignored: an opposite position has left at this open
        if held is not None and held.adds >= book.execution["pyramiding"]:
            book.reject(symbol, side, "pyramiding")
        elif symbol in book.now.after_gap:
            book.reject(symbol, side, "gap")
        elif (pending := pending_order(book, symbol, side)) is not None:
            pendings[symbol] = pending
        elif symbol in book.closed_by_level:
            book.reject(symbol, side, "reentry")
        else:
            attempt(book, snapshot, market_order(book, symbol, side, "signal"))


def market_order(book: Book, symbol: str, side: int, reason: str) -> Order:
    opening = book.now.bar[symbol]["open"]
    price = book.market_price(symbol, side, opening)
    rate = book.rate(symbol, "taker")
    return with_levels(book, symbol, side, book.now.signal[symbol], (opening, price, rate, "market", reason))


def with_levels(
    book: Book, symbol: str, side: int, signal: Row, execution: tuple[float, float, float, str, str]
) -> Order:
    """Anchor the levels that a signal or the settings give on the price of the fill."""
    reference, fill, rate, kind, reason = execution
    tick, distance = book.tick(symbol), known(signal, "trail_distance")
    if distance is None and book.execution["trail"] is not None:
        distance = book.execution["trail"] * fill
    best = best_price(book, symbol, side, fill)
    return Order(
        symbol, side, signal, reference, fill, rate, kind, reason,
        stop=level_on_grid(chosen_level(signal, "stop", fill, -side, book.execution), side, tick),
        take=level_on_grid(chosen_level(signal, "take", fill, side, book.execution), side, tick),
        trail_distance=distance,
        trail=None if distance is None else level_on_grid(best - side * distance, side, tick),
    )  # fmt: skip


def best_price(book: Book, symbol: str, side: int, fill: float) -> float:
    """Return the best price of what the order would make of the position; an add's trail holds from it."""
    held = book.positions.get(symbol)
    if held is None:
        return fill
    return max(held.best, fill) if side == LONG else min(held.best, fill)


def chosen_level(signal: Row, name: str, fill: float, direction: int, execution: Row) -> float | None:
    """Choose absolute, else distance, else fraction of the fill; `direction` is where the level lies from the fill."""
    absolute, distance = known(signal, f"{name}_price"), known(signal, f"{name}_distance")
    if absolute is not None:
        return absolute
    if distance is not None:
        return fill + direction * distance
    return None if execution[name] is None else fill + direction * (fill * execution[name])


def attempt(book: Book, snapshot: Snapshot, order: Order, wanted: float | None = None) -> bool:
    """Check, size and fill an order; return whether it filled. Targets say themselves what is `wanted`."""
    refused = refusal(book, snapshot, order, needs_stop=wanted is None and book.account["sizing"] == "risk")
    if refused is not None:
        book.reject(order.symbol, order.side, refused)
        return False
    quantity = granted(book, snapshot, order, raw_quantity(book, snapshot, order) if wanted is None else wanted)
    if quantity <= 0:
        return False
    snapshot.slots += order.symbol not in book.positions
    fee = book.enter(order, quantity)
    snapshot.gross += quantity * order.price
    snapshot.paid += fee
    if book.spot(order.symbol):
        snapshot.purse -= quantity * order.price
    snapshot.purse -= fee
    return True


def refusal(book: Book, snapshot: Snapshot, order: Order, *, needs_stop: bool) -> str | None:
    slots, held = book.account["max_positions"], book.positions.get(order.symbol)
    if order.side == SHORT and book.spot(order.symbol):
        return "no_short"
    if held is None and slots is not None and snapshot.slots >= slots:
        return "slots"
    levels = stops(book, order)
    if needs_stop and not levels:
        return "no_stop"
    return "stop_side" if any(order.side * level >= order.side * order.price for level in levels) else None


def stops(book: Book, order: Order) -> list[float]:
    """Return the order's stop and trail, an add's without either those of its position; the first is what is risked."""
    own = [level for level in (order.stop, order.trail) if level is not None]
    held = book.positions.get(order.symbol)
    if own or held is None:
        return own
    return [level for level in (held.stop, held.trail_by(book.tick(order.symbol))) if level is not None]


def raw_quantity(book: Book, snapshot: Snapshot, order: Order) -> float:
    sizing, size, fill = book.account["sizing"], book.account["size"], order.price
    multiple = known(order.signal, "size")
    multiple = 1.0 if multiple is None else multiple
    if sizing == "risk":
        return snapshot.equity * size * multiple / abs(fill - stops(book, order)[0])
    if sizing == "equity":
        return snapshot.equity * size * multiple / fill
    return size * multiple / fill if sizing == "notional" else size * multiple


def granted(book: Book, snapshot: Snapshot, order: Order, wanted: float) -> float:
    """Return the quantity to fill, 0 if none; record what is too large for money or volume, or too small to trade."""
    symbol, side, fill, share = order.symbol, order.side, order.price, book.execution["max_volume_share"]
    room = room_for(book, snapshot, order)
    cap, scarce = room / fill, "cash"
    if share is not None and share * book.now.bar[symbol]["volume"] < cap:
        cap, scarce = share * book.now.bar[symbol]["volume"], "volume"
    nothing = room <= DUST * snapshot.equity if scarce == "cash" else cap <= 0
    quantity = floor_to_step(min(wanted, cap), book.known(symbol, "qty_step"))
    if wanted > cap and nothing:
        book.reject(symbol, side, scarce, wanted)
    elif quantity <= 0 or quantity < (book.known(symbol, "min_qty") or 0.0):
        book.reject(symbol, side, "min_qty", wanted)
    elif too_little(book, symbol, quantity * fill):
        book.reject(symbol, side, "min_notional", wanted)
    else:
        if wanted > cap:
            book.reject(symbol, side, scarce, wanted, quantity)
        return quantity
    return 0.0


def too_little(book: Book, symbol: str, notional: float) -> bool:
    least = book.known(symbol, "min_notional") or 0.0
    return notional < least * (1 - 1e-9)


def room_for(book: Book, snapshot: Snapshot, order: Order) -> float:
    """Return the notional that leverage and, on spot, money allow with the fee of the order."""
    leverage = book.leverage(order.symbol)
    room = (leverage * (snapshot.equity - snapshot.paid) - snapshot.gross) / (1 + leverage * order.rate)
    if book.spot(order.symbol):
        room = min(room, min(snapshot.purse, book.cash) / (1 + order.rate))
    return room
