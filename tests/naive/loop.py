"""The order of events at one bar time, as the contract has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.naive import inside
from tests.naive.book import Book, Outcome
from tests.naive.entries import Snapshot, enter_at_the_open, record_conflicts
from tests.naive.market import entry_side, exits_side
from tests.naive.pending import Pending, end_pendings
from tests.naive.positions import Position, Touch
from tests.naive.targets import follow_targets
from tests.naive.triggers import fill_pendings

if TYPE_CHECKING:
    from tests.naive.market import Moment


def replay(book: Book, moments: list[Moment], *, by_target: bool) -> Outcome:
    pendings: dict[str, Pending] = {}
    for moment in moments:
        book.arrive(moment)
        pay_what_is_due(book)
        inside.liquidate_at_the_open(book)
        exit_at_the_open(book, by_target=by_target)
        snapshot = Snapshot.of(book)
        if by_target:
            follow_targets(book, snapshot)
        else:
            end_pendings(book, pendings)
            record_conflicts(book)
            enter_at_the_open(book, snapshot, pendings)
        tag_gaps_inside(book)
        inside.liquidate_inside_the_bar(book)
        inside.exit_inside_the_bar(book)
        if fill_pendings(book, snapshot, pendings):
            inside.liquidate_inside_the_bar(book)
        move_to_the_close(book)
        close_at_the_end_of_data(book)
        close_if_ruined(book, pendings)
        record_equity(book)
        if book.outcome.status == "ruined":
            break
    return book.outcome


def pay_what_is_due(book: Book) -> None:
    for stamp in book.now.due:
        book.pay(stamp)


def exit_at_the_open(book: Book, *, by_target: bool) -> None:
    """Close what a liquidation, a signal, the clock or a level that the open has passed ends, in this order."""
    for position, bar in book.held_with_bar():
        opening = bar["open"]
        ordered = ordered_by_target(book, position) if by_target else ordered_by_signal(book, position)
        if ordered is None and time_is_up(book, position):
            ordered = "time"
        passed = position.passed_at(opening, book.number[position.symbol])
        touch = passed if ordered is None or position.liquidated_at(opening) else Touch(opening, ordered)
        if touch is not None:
            book.close(position, touch)


def ordered_by_signal(book: Book, position: Position) -> str | None:
    signal = book.now.signal[position.symbol]
    if exits_side(signal, position.side):
        return "signal"
    return "reverse" if entry_side(signal) == -position.side else None


def ordered_by_target(book: Book, position: Position) -> str | None:
    if position.symbol not in book.changed:
        return None
    share = position.side * book.target[position.symbol]
    return "signal" if share == 0 else "reverse" if share < 0 else None


def time_is_up(book: Book, position: Position) -> bool:
    age = book.number[position.symbol] - position.entry_bar
    return position.max_bars is not None and age >= position.max_bars


def tag_gaps_inside(book: Book) -> None:
    for position, _ in book.held_with_bar():
        position.gap_overlap |= position.symbol in book.now.gap_inside


def move_to_the_close(book: Book) -> None:
    book.mark |= {symbol: bar["close"] for symbol, bar in book.now.bar.items()}
    for position, bar in book.held_with_bar():
        tick = book.tick(position.symbol)
        if position.opened_inside == book.now.ts:
            position.see_close(bar, tick)
        else:
            position.see(bar["low"], bar["high"], tick=tick)


def close_at_the_end_of_data(book: Book) -> None:
    for position, _ in book.held_with_bar():
        if book.execution["close_at_end"] and position.symbol in book.now.last_bar:
            book.close(position, Touch(book.mark[position.symbol], "end_of_data"))


def close_if_ruined(book: Book, pendings: dict[str, Pending]) -> None:
    if book.equity() <= 0:
        book.outcome.status = "ruined"
        for position in book.held():
            book.close(position, Touch(book.mark[position.symbol], "ruin"))
        for symbol, pending in sorted(pendings.items()):
            book.reject(symbol, pending.side, "expired")


def record_equity(book: Book) -> None:
    row = {"ts": book.now.ts, "equity": book.equity(), "cash": book.cash, "gross": book.gross(), "net": book.net()}
    book.outcome.equity.append(row)
