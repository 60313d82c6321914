"""Targets: the wanted signed share of equity, followed at the open when it changes or the share has drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.naive import entries
from tests.naive.grid import LONG, SHORT, floor_to_step
from tests.naive.market import priority
from tests.naive.positions import Touch

if TYPE_CHECKING:
    from tests.naive.book import Book
    from tests.naive.entries import Snapshot


def follow_targets(book: Book, snapshot: Snapshot) -> None:
    """Reduce first, then increase, by priority and by one snapshot."""
    if snapshot.equity <= 0:
        return
    directions = wanted_directions(book, snapshot)
    increases = []
    for symbol in sorted(directions, key=lambda symbol: priority(book.now.signal[symbol], symbol)):
        position = book.positions.get(symbol)
        if position is not None and directions[symbol] != position.side:
            decrease(book, snapshot, symbol)
        else:
            increases.append(symbol)
    snapshot.purse = book.cash
    for symbol in increases:
        increase(book, snapshot, symbol, directions[symbol])


def wanted_directions(book: Book, snapshot: Snapshot) -> dict[str, int]:
    """Return buy or sell for each symbol that is to be traded now."""
    found, band = {}, book.execution["rebalance_band"]
    for symbol, bar in book.now.bar.items():
        target, held, opening = book.target.get(symbol, 0.0), signed_quantity(book, symbol), bar["open"]
        drifted = band > 0 and abs(held * opening / snapshot.equity - target) > band
        if symbol in book.changed or (drifted and symbol not in book.blocked):
            missing = target * snapshot.equity / opening - held
            if missing != 0:
                found[symbol] = LONG if missing > 0 else SHORT
    return found


def signed_quantity(book: Book, symbol: str) -> float:
    position = book.positions.get(symbol)
    return 0.0 if position is None else position.side * position.quantity


def decrease(book: Book, snapshot: Snapshot, symbol: str) -> None:
    position, opening, reason = book.positions[symbol], book.now.bar[symbol]["open"], reason_of(book, symbol)
    held, price = position.quantity, book.market_price(symbol, -position.side, opening)
    surplus = held - abs(book.target[symbol]) * snapshot.equity / price
    if surplus <= 0:
        return
    quantity = floor_to_step(surplus, book.known(symbol, "qty_step"))
    if quantity >= held:  # never a part that is the whole
        quantity, fee = held, book.close(position, Touch(opening, reason))
    elif quantity <= 0 or quantity < (book.known(symbol, "min_qty") or 0.0):
        book.reject(symbol, position.side, "min_qty", surplus)
        return
    elif entries.too_little(book, symbol, quantity * price):
        book.reject(symbol, position.side, "min_notional", surplus)
        return
    else:
        fee = book.reduce(position, quantity, price, reason)
    snapshot.paid += fee
    snapshot.gross -= quantity * opening


def increase(book: Book, snapshot: Snapshot, symbol: str, side: int) -> None:
    order = entries.market_order(book, symbol, side, reason_of(book, symbol))
    held = abs(signed_quantity(book, symbol))
    missing = abs(book.target[symbol]) * snapshot.equity / order.price - held
    if missing <= 0:
        return
    if symbol in book.now.after_gap:
        book.reject(symbol, side, "gap")
    elif symbol in book.closed_by_level:
        book.reject(symbol, side, "reentry")
    else:
        entries.attempt(book, snapshot, order, missing)


def reason_of(book: Book, symbol: str) -> str:
    return "signal" if symbol in book.changed else "rebalance"
