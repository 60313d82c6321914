"""Inside the bar: funding, liquidation, stop, trail and target, by the bar itself or minute by minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.naive.grid import LONG
from tests.naive.positions import Touch

if TYPE_CHECKING:
    from tests.naive.book import Book
    from tests.naive.market import Row, Stamp
    from tests.naive.positions import Position


def exit_inside_the_bar(book: Book) -> None:
    for position, bar in book.held_with_bar():
        stamps = book.now.inside.get(position.symbol, [])
        touch = position.ended_by(bar, book.number[position.symbol], favourable=favourable(book))
        if touch is not None and explained(book, position.symbol, bar):
            walk(book, position, book.now.minutes[position.symbol], stamps)
            if position.symbol not in book.positions:
                continue
        else:
            pay_all(book, stamps)
        if touch is not None:
            book.close(position, touch)


def favourable(book: Book) -> bool:
    return book.execution["intrabar"] == "favourable"


def explained(book: Book, symbol: str, bar: Row) -> bool:
    """Say whether the bar's minutes are there and reach both of its extremes."""
    minutes = book.now.minutes.get(symbol, [])
    if not minutes:
        return False
    return min(it["low"] for it in minutes) <= bar["low"] and max(it["high"] for it in minutes) >= bar["high"]


def walk(book: Book, position: Position, minutes: list[Row], stamps: list[Stamp]) -> None:
    """Take the minutes in order, paying what is due by then, until a level ends the position."""
    waiting = list(stamps)
    for minute in minutes:
        while waiting and waiting[0].ts <= minute["ts"]:
            book.pay(waiting.pop(0))
        touch = position.ended_by(minute, book.number[position.symbol])
        if touch is not None:
            book.close(position, touch, minute=minute["ts"])
            return
    pay_all(book, waiting)


def pay_all(book: Book, stamps: list[Stamp]) -> None:
    for stamp in stamps:
        book.pay(stamp)


# Cross margin: one account, one test


def liquidate_at_the_open(book: Book) -> None:
    if watched(book) and book.equity() <= maintenance(book, book.mark):
        book.liquidated_at = book.now.ts
        for position in book.held():
            book.close(position, Touch(book.mark[position.symbol], "liquidation"))


def liquidate_inside_the_bar(book: Book) -> None:
    """Move all positions to their worst price at once; where that is too much, all end on the way there."""
    if not watched(book):
        return
    start = book.mark | {it.symbol: it.entry_price for it in book.held() if it.opened_inside == book.now.ts}
    worst = start | {it.symbol: worst_price(book, it, bar, start[it.symbol]) for it, bar in book.held_with_bar()}
    at_start = book.equity(start) - maintenance(book, start)
    at_worst = book.equity(worst) - maintenance(book, worst)
    if at_worst > 0:
        return
    book.liquidated_at = book.now.ts
    way = 0.0 if at_start <= 0 else min(max(at_start / (at_start - at_worst), 0.0), 1.0)
    for position in book.held():
        begin = start[position.symbol]
        book.close(position, Touch(begin + way * (worst[position.symbol] - begin), "liquidation"))


def watched(book: Book) -> bool:
    """Say whether cross margin has anything to look at: a linear position, and one that has moved."""
    moved = len(book.held_with_bar()) > 0  # a stranger's bar is no event for the account
    return book.account["margin"] == "cross" and moved and any(not position.spot for position in book.held())


def maintenance(book: Book, prices: dict[str, float]) -> float:
    total = 0.0
    for position in book.held():
        if not position.spot:
            total += book.account["mmr"] * position.quantity * prices[position.symbol]
    return total


def worst_price(book: Book, position: Position, bar: Row, start: float) -> float:
    """Return the extreme, or where the start or a live stop or trail would have ended the position before it."""
    levels = position.adverse_levels(book.number[position.symbol])
    if not levels:
        return bar["low"] if position.side == LONG else bar["high"]
    if position.side == LONG:
        return max(bar["low"], min(start, levels[0].price))
    return min(bar["high"], max(start, levels[0].price))
