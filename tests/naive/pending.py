"""Pending limit and stop entries: placed at an open, ended by gaps and signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.naive.grid import LONG, level_on_grid
from tests.naive.market import entry_side, exits_side, known

if TYPE_CHECKING:
    from tests.naive.book import Book
    from tests.naive.market import Row


@dataclass
class Pending:
    """An order that waits for its price; `life` in the symbol's own bars, the present one included."""

    symbol: str
    side: int
    kind: str
    level: float
    signal: Row
    life: int

    def reference(self, candle: Row) -> float | None:
        """Return the price at which a candle fills the order, None where it does not."""
        if (self.kind == "limit") == (self.side == LONG):  # waits below
            return min(candle["open"], self.level) if candle["low"] <= self.level else None
        return max(candle["open"], self.level) if candle["high"] >= self.level else None


def end_pendings(book: Book, pendings: dict[str, Pending]) -> None:
    """End what a gap, an exit signal or a new entry signal leaves no room for."""
    for symbol, pending in sorted(pendings.items()):
        if symbol not in book.now.bar:
            continue
        signal, reason = book.now.signal[symbol], None
        if symbol in book.now.after_gap:
            reason = "gap"
        elif exits_side(signal, pending.side):
            reason = "cancelled"
        elif entry_side(signal) != 0:
            reason = "replaced"
        if reason is not None:
            book.reject(symbol, pending.side, reason)
            del pendings[symbol]


def pending_order(book: Book, symbol: str, side: int) -> Pending | None:
    """Return the pending order that the symbol's signal asks for, None where it is a market entry."""
    signal = book.now.signal[symbol]
    for kind in ("limit", "stop"):
        price, bars = known(signal, f"entry_{kind}"), known(signal, "entry_bars")
        if price is not None:
            level = level_on_grid(price, -side, book.tick(symbol))  # a tie against the trader: a buy up
            return Pending(symbol, side, kind, level, signal, 1 if bars is None else bars)
    return None
