"""What happens inside a bar: funding at its minute, exits at levels, pending orders; on the bar or on its minutes."""

import numpy as np

from bt.kernel.entries import EXPIRED, enter, refuse
from bt.kernel.positions import (
    AT_LIMIT,
    AT_STOP,
    BY_SIGNAL,
    NO,
    close_at_active,
    close_at_level,
    reached,
)
from bt.kernel.prices import compiled


@compiled
def pay(payments, book, place, stamp, funding, instrument):
    """Settle one funding stamp of an open position in cash."""
    if place.qty == 0.0 or instrument.spot:
        return
    payment = payments[book.payments]
    book.payments += 1
    payment.funding = stamp
    payment.symbol = place.symbol
    payment.trade = place.trade
    payment.qty = place.qty
    payment.amount = -place.qty * funding.mark[stamp] * funding.rate[stamp]
    book.cash += payment.amount


@compiled
def stamps_of(row, due, until, funding):
    """Give the settlements inside a bar as a range of those from `due` to `until`."""
    while due < until and (not funding.inside[due] or funding.row[due] < row):
        due += 1
    end = due
    while end < until and funding.row[end] == row:
        end += 1
    return due, end


@compiled
def explained(detail, row, low, high):
    """Say whether a bar has minutes and they reach its extremes."""
    if len(detail.first) == 0:
        return False
    least, most = np.inf, -np.inf
    for minute in range(detail.first[row], detail.end[row]):
        least, most = min(least, detail.low[minute]), max(most, detail.high[minute])
    return least <= low and most >= high


@compiled
def walk(fills, payments, book, place, candle, until, due, last, funding, detail, rules, instrument):
    """Take an open position through candles, minute by minute; settlements `due` to `last` fall in between."""
    for minute in range(candle, until):
        while due < last and funding.minute[due] <= detail.minute[minute]:
            pay(payments, book, place, due, funding, instrument)
            due += 1
        if reached(place, detail.low[minute], detail.high[minute]):
            book.minute = detail.minute[minute]
            close_at_level(
                fills, book, place, detail.open[minute], detail.high[minute], detail.low[minute], rules, instrument
            )
            book.minute = -1
            place.level_exit = book.time
            break
    for stamp in range(due, last):
        pay(payments, book, place, stamp, funding, instrument)


@compiled
def hold_through(fills, payments, book, place, row, opening, high, low, due, last, funding, detail, rules, instrument):
    """Take an open position through its bar."""
    touched = reached(place, low, high)
    if touched and explained(detail, row, low, high):
        walk(
            fills, payments, book, place, detail.first[row], detail.end[row], due, last, funding, detail, rules,
            instrument,
        )  # fmt: skip
    else:
        for stamp in range(due, last):
            pay(payments, book, place, stamp, funding, instrument)
    if touched and place.qty != 0.0:
        close_at_level(fills, book, place, opening, high, low, rules, instrument)
        place.level_exit = book.time


@compiled
def triggered(place, low, high):
    """Say whether prices from low to high reach the pending order."""
    if (place.order_side > 0) == place.order_stops:
        return high >= place.order_price
    return low <= place.order_price


@compiled
def fill_order(fills, rejections, book, place, draft, order, opening, high, low, holed, volume, rules, instrument):
    """Fill a triggered order and say whether it stands; its stop is live at once, its target is not yet."""
    price, side = place.order_price, place.order_side
    reference = max(opening, price) if place.order_stops == (side > 0) else min(opening, price)
    kind = AT_STOP if place.order_stops else AT_LIMIT
    place.order = -1
    book.pending -= 1
    opens = place.qty == 0.0
    if not enter(
        fills, rejections, book, place, draft, order, side, reference, kind, BY_SIGNAL, np.nan, volume, rules,
        instrument,
    ):  # fmt: skip
        return False
    book.entered_inside = True
    place.inside = opens
    if opens:
        place.mark = place.entry
    place.gap_overlap |= holed
    adverse = low if side > 0 else high
    if place.side * adverse <= place.side * place.active:
        close_at_active(fills, book, place, reference, NO, rules, instrument)
        place.level_exit = book.time
        return False
    return True


@compiled
def try_order(
    fills, rejections, payments, book, place, draft, order, row, opening, high, low, holed, volume, due, last,
    funding, detail, rules, instrument,
):  # fmt: skip
    """Take a pending order through a bar; without a fill it has one bar less to live."""
    shut = book.time in (place.level_exit, book.liquidated)
    if shut or not triggered(place, low, high):
        place.order_left -= 1
        if place.order_left == 0 or row == place.last:
            refuse(rejections, book, place.symbol, place.order_side, EXPIRED, np.nan, 0.0)
            place.order = -1
            book.pending -= 1
        return
    candle, until = 0, 0
    if explained(detail, row, low, high):
        candle, until = detail.first[row], detail.end[row]
    while candle < until and not triggered(place, detail.low[candle], detail.high[candle]):
        candle += 1
    if candle == until:  # there are no minutes
        fill_order(fills, rejections, book, place, draft, order, opening, high, low, holed, volume, rules, instrument)
        return
    book.minute = detail.minute[candle]
    adds = place.qty != 0.0
    stands = fill_order(
        fills, rejections, book, place, draft, order, detail.open[candle], detail.high[candle], detail.low[candle],
        holed, volume, rules, instrument,
    )  # fmt: skip
    book.minute = -1
    if stands:
        while due < last and (adds or funding.minute[due] <= detail.minute[candle]):
            due += 1  # what an add joins has paid for all of the bar
        walk(fills, payments, book, place, candle + 1, until, due, last, funding, detail, rules, instrument)


@compiled
def try_orders(
    fills, rejections, payments, book, places, orders, first, end, bars, due, until, funding, detail, rules,
    instruments, queue,
):  # fmt: skip
    """Take all pending orders of symbols with a bar through it, by score and symbol."""
    symbols, volumes = bars.symbol, bars.volume
    waiting = 0
    for row in range(first, end):
        number = places[symbols[row]].order
        if number < 0:
            continue
        turn = waiting  # insertion sort: stable, so that equal scores stay in symbol order
        while turn > 0 and orders[places[symbols[queue[turn - 1]]].order].score < orders[number].score:
            queue[turn] = queue[turn - 1]
            turn -= 1
        queue[turn] = row
        waiting += 1
    draft = places[len(instruments)]
    for row in queue[:waiting]:
        symbol = symbols[row]
        place = places[symbol]
        place.bar = bars.number[row]
        begin, last = stamps_of(row, due, until, funding)
        try_order(
            fills, rejections, payments, book, place, draft, orders[place.order], row, bars.open[row], bars.high[row],
            bars.low[row], bars.gap_inside[row], volumes[row] if len(volumes) > 0 else 1.0, begin, last, funding,
            detail, rules, instruments[symbol],
        )  # fmt: skip
