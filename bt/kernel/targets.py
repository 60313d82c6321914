"""The other style: bring each position to its wanted share of equity."""

import numpy as np

from bt.kernel.entries import GAP, MIN_NOTIONAL, MIN_QTY, NEARLY, REENTRY, enter, refuse
from bt.kernel.positions import AT_MARKET, BY_REBALANCE, BY_SIGNAL, NO, leave
from bt.kernel.prices import compiled, floored, market


@compiled
def unblock(places, orders, first, end):
    """Let changed targets act again."""
    for number in range(first, end):
        if orders[number].changed:
            places[orders[number].symbol].blocked = False


@compiled
def direction(place, order, opening, book, rules):
    """Give +1 where the target wants more of a position (or one at all), -1 where less, 0 where nothing is to do."""
    drift = order.target - place.qty * opening / book.equity
    if not order.changed and (rules.band == 0.0 or place.blocked or abs(drift) <= rules.band):
        return 0
    change = order.target * book.equity / opening - place.qty
    if change == 0.0:
        return 0
    return 1 if change * (place.qty if place.qty != 0.0 else order.target) > 0.0 else -1


@compiled
def reduce(fills, rejections, book, place, order, opening, rules, instrument):
    """Leave as much of a position as its target wants less of it."""
    held = abs(place.qty)
    price = market(opening, place.side < 0, instrument, rules)
    wanted = held - abs(order.target) * book.equity / price
    if wanted <= 0.0:
        return
    qty = min(floored(wanted, instrument.step_p, instrument.step_q), held)
    whole = qty == held  # an exit is never refused
    if qty <= 0.0 or (qty < instrument.min_qty and not whole):
        refuse(rejections, book, place.symbol, int(place.side), MIN_QTY, wanted, 0.0)
    elif qty * price < instrument.min_notional * NEARLY and not whole:
        refuse(rejections, book, place.symbol, int(place.side), MIN_NOTIONAL, wanted, 0.0)
    else:
        reason = BY_SIGNAL if order.changed else BY_REBALANCE
        book.paid += leave(fills, book, place, qty, opening, AT_MARKET, reason, NO, rules, instrument)
        book.gross -= qty * opening


@compiled
def increase(fills, rejections, book, place, draft, order, opening, after_gap, volume, rules, instrument):
    """Open or add to a position as its target wants, or write why not."""
    side = 1 if order.target > 0.0 else -1
    price = market(opening, side > 0, instrument, rules)
    delta = abs(order.target) * book.equity / price - abs(place.qty)
    if delta <= 0.0:
        return
    if after_gap:
        refuse(rejections, book, place.symbol, side, GAP, np.nan, 0.0)
    elif place.level_exit == book.time:
        refuse(rejections, book, place.symbol, side, REENTRY, np.nan, 0.0)
    else:
        place.mark = opening
        reason = BY_SIGNAL if order.changed else BY_REBALANCE
        enter(
            fills, rejections, book, place, draft, order, side, opening, AT_MARKET, reason, delta, volume, rules,
            instrument,
        )  # fmt: skip


@compiled
def retarget_all(
    fills, rejections, book, places, orders, first, end, opens, after_gap, volumes, numbers, rules, instruments
):
    """Bring positions to the targets of one bar time: reductions first, then increases, each in their order."""
    if book.equity <= 0.0:
        return
    for number in range(first, end):
        order = orders[number]
        place, opening = places[order.symbol], opens[order.row]
        place.direction = direction(place, order, opening, book, rules)
        if place.direction < 0 and place.qty != 0.0:
            reduce(fills, rejections, book, place, order, opening, rules, instruments[order.symbol])
    book.free = book.cash
    draft = places[len(instruments)]
    for number in range(first, end):
        order = orders[number]
        row, symbol = order.row, order.symbol
        place = places[symbol]
        place.bar = numbers[row]
        if place.direction > 0:
            increase(
                fills, rejections, book, place, draft, order, opens[row], after_gap[row],
                volumes[row] if len(volumes) > 0 else 1.0, rules, instruments[symbol],
            )  # fmt: skip
