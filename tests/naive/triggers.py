"""How a pending order fills inside a bar, and what may end the position in that same bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.naive.entries import attempt, with_levels
from tests.naive.grid import LONG
from tests.naive.inside import explained, walk
from tests.naive.market import priority
from tests.naive.positions import Touch

if TYPE_CHECKING:
    from tests.naive.book import Book
    from tests.naive.entries import Snapshot
    from tests.naive.market import Row
    from tests.naive.pending import Pending
    from tests.naive.positions import Order


def fill_pendings(book: Book, snapshot: Snapshot, pendings: dict[str, Pending]) -> bool:
    """Fill, refuse or age the pending orders by priority; return whether any filled."""
    before = book.entries
    here = [pending for symbol, pending in pendings.items() if symbol in book.now.bar]
    for pending in sorted(here, key=lambda it: priority(it.signal, it.symbol)):
        shut = pending.symbol in book.closed_by_level or book.liquidated_at == book.now.ts
        if not shut and trigger(book, snapshot, pending):
            del pendings[pending.symbol]
            continue
        pending.life -= 1
        over = book.execution["close_at_end"] and pending.symbol in book.now.last_bar
        if pending.life == 0 or over:
            book.reject(pending.symbol, pending.side, "expired")
            del pendings[pending.symbol]
    return book.entries > before


def trigger(book: Book, snapshot: Snapshot, pending: Pending) -> bool:
    """Fill or refuse the order where its price was met; return whether it was."""
    symbol, bar = pending.symbol, book.now.bar[pending.symbol]
    if pending.reference(bar) is None:
        return False
    minutes = book.now.minutes[symbol] if explained(book, symbol, bar) else []
    met = [place for place, minute in enumerate(minutes) if pending.reference(minute) is not None]
    candle = minutes[met[0]] if met else bar
    order, adds = priced(book, pending, candle), symbol in book.positions
    order.minute = candle["ts"] if met else None
    if not attempt(book, snapshot, order):
        return True
    exit_after_the_fill(book, order, candle)
    if met and symbol in book.positions:
        stamps = [] if adds else book.now.inside.get(symbol, [])  # what an add joins has paid already
        later = [stamp for stamp in stamps if stamp.ts > candle["ts"]]
        walk(book, book.positions[symbol], minutes[met[0] + 1 :], later)
    return True


def priced(book: Book, pending: Pending, candle: Row) -> Order:
    symbol, side, reference = pending.symbol, pending.side, pending.reference(candle)
    price, role = book.rounded_price(symbol, side, reference, reference), "maker"
    if pending.kind == "stop":
        price, role = book.market_price(symbol, side, reference), "taker"
    execution = (reference, price, book.rate(symbol, role), pending.kind, "signal")
    order = with_levels(book, symbol, side, pending.signal, execution)
    order.pending = True
    return order


def exit_after_the_fill(book: Book, order: Order, candle: Row) -> None:
    """End the position where the candle of the fill touches its stop side; the target is not live in it."""
    position = book.positions[order.symbol]
    worst = candle["low"] if position.side == LONG else candle["high"]
    for level in position.adverse_levels(book.number[order.symbol])[:1]:
        if position.side * worst <= position.side * level.price:
            no_better = min if position.side == LONG else max
            touch = Touch(no_better(level.price, order.reference), level.reason)
            book.close(position, touch, minute=order.minute)
