"""What happens at the open: exits, the orders that end, the account's snapshot, entries by priority."""

from math import isnan

import numpy as np

from bt.kernel import layout
from bt.kernel.entries import CANCELLED, CONFLICT, GAP, PYRAMIDING, REENTRY, REPLACED, enter, refuse
from bt.kernel.layout import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from bt.kernel.positions import (
    AT_MARKET,
    BY_REVERSE,
    BY_SIGNAL,
    BY_TIME,
    NO,
    close,
    close_at_level,
    exposure,
    timed_out,
)
from bt.kernel.prices import compiled, level

conflicting = compiled(layout.conflicting)


@compiled
def ordered_exit(place, flags):
    """Give why a position is left at the open by order of the signal or the clock, -1 where it is not."""
    if flags & (EXIT_LONG if place.side > 0 else EXIT_SHORT):
        return BY_SIGNAL
    if flags & (ENTER_SHORT if place.side > 0 else ENTER_LONG) and not conflicting(flags):
        return BY_REVERSE
    if timed_out(place):
        return BY_TIME
    return -1


@compiled
def exit_at_open(fills, book, place, opening, flags, rules, instrument):
    """Leave a position by exit signal, reversal, time stop, or a level that the open has passed."""
    reason = ordered_exit(place, flags)
    if reason >= 0 and not place.side * opening <= place.side * place.liquidation:
        close(fills, book, place, opening, AT_MARKET, reason, NO, rules, instrument)
    elif close_at_level(fills, book, place, opening, opening, opening, rules, instrument):
        place.level_exit = book.time


@compiled
def snapshot(book, places, instruments):
    """Take the account as it is at the open: it serves all entries of this bar time."""
    book.equity, book.gross, _ = exposure(places, instruments, book.cash)
    book.free = book.cash
    book.paid = 0.0
    book.taken = book.open


@compiled
def end_of_order(place, flags, after_gap):
    """Give why a pending order ends before its bar, -1 where it lives on."""
    if after_gap:
        return GAP
    if flags & (EXIT_LONG if place.order_side > 0 else EXIT_SHORT):
        return CANCELLED
    if flags & (ENTER_LONG | ENTER_SHORT) and not conflicting(flags):
        return REPLACED
    return -1


@compiled
def end_orders(rejections, book, places, first, end, symbols, before, after_gap, flags):
    """End the pending orders that a gap, an exit signal or a new entry signal ends."""
    for row in range(first, end):
        place = places[symbols[row]]
        if place.order < 0:
            continue
        reason = end_of_order(place, flags[before[row]], after_gap[row])
        if reason >= 0:
            refuse(rejections, book, place.symbol, place.order_side, reason, np.nan, 0.0)
            place.order = -1
            book.pending -= 1


@compiled
def place_order(place, number, order, instrument, book):
    """Make an entry signal with a price a pending order; say whether it has one."""
    if isnan(order.entry_limit) and isnan(order.entry_stop):
        return False
    place.order = number
    place.order_side = order.side
    place.order_stops = isnan(order.entry_limit)
    price = order.entry_stop if place.order_stops else order.entry_limit
    place.order_price = level(price, -float(order.side), instrument.tick_p, instrument.tick_q)  # a tie is a loss
    place.order_left = order.entry_bars
    book.pending += 1
    return True


@compiled
def enter_at_open(fills, rejections, book, place, draft, number, order, opening, after_gap, volume, rules, instrument):
    """Act on the entry signal of a symbol's previous bar, or write why not."""
    side = order.side
    if order.conflict:
        refuse(rejections, book, place.symbol, side, CONFLICT, np.nan, 0.0)
    elif place.qty != 0.0 and rules.pyramiding == 0:
        return  # the same side: an opposite position has left at this open
    elif place.qty != 0.0 and place.adds >= rules.pyramiding:
        refuse(rejections, book, place.symbol, side, PYRAMIDING, np.nan, 0.0)
    elif after_gap:
        refuse(rejections, book, place.symbol, side, GAP, np.nan, 0.0)
    elif place_order(place, number, order, instrument, book):
        return
    elif place.level_exit == book.time:
        refuse(rejections, book, place.symbol, side, REENTRY, np.nan, 0.0)
    else:
        place.mark = opening
        enter(
            fills, rejections, book, place, draft, order, side, opening, AT_MARKET, BY_SIGNAL, np.nan, volume, rules,
            instrument,
        )  # fmt: skip


@compiled
def enter_all(
    fills, rejections, book, places, orders, first, end, opens, after_gap, volumes, numbers, rules, instruments
):
    """Act on the entry signals of one bar time, in their order."""
    draft = places[len(instruments)]
    for number in range(first, end):
        order = orders[number]
        row, symbol = order.row, order.symbol
        place = places[symbol]
        place.bar = numbers[row]
        enter_at_open(
            fills, rejections, book, place, draft, number, order, opens[row], after_gap[row],
            volumes[row] if len(volumes) > 0 else 1.0, rules, instruments[symbol],
        )  # fmt: skip
