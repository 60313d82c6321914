"""The trade loop: bar time after bar time, in the order of events of the contract."""

from math import isnan

import numpy as np

from bt.kernel.borrowing import borrowed
from bt.kernel.entries import EXPIRED, refuse
from bt.kernel.facts import days_of
from bt.kernel.inside import hold_through, pay, stamps_of, try_orders
from bt.kernel.layout import (
    FILL,
    PAYMENT,
    REJECTION,
    Bars,
    Changes,
    Detail,
    Funding,
    Outcome,
    Rules,
    Signals,
)
from bt.kernel.margin import liquidate_at_open, liquidate_inside
from bt.kernel.opening import end_orders, enter_all, exit_at_open, snapshot
from bt.kernel.positions import (
    AT_MARKET,
    BOOK,
    BY_END,
    BY_RUIN,
    NO,
    POSITION,
    close,
    close_at_level,
    exposure,
    reached,
    see,
    set_live_levels,
    timed_out,
)
from bt.kernel.prices import compiled, kept
from bt.kernel.quiet import begin_day, hold_quietly, note, quiet_until, stay_flat
from bt.kernel.targets import retarget_all, unblock


@compiled
def ruin(fills, rejections, book, places, rules, instruments):
    """Close every position at its last close and end every order: nothing is left."""
    for symbol in range(len(instruments)):
        place = places[symbol]
        if place.qty != 0.0:
            close(fills, book, place, place.mark, AT_MARKET, BY_RUIN, NO, rules, instruments[symbol])
        if place.order >= 0:
            refuse(rejections, book, symbol, place.order_side, EXPIRED, np.nan, 0.0)


@compiled
def prepared(count, last, close_at_end):
    """Give a flat position for each symbol, and one more as a draft."""
    places = np.zeros(count + 1, POSITION)
    for symbol in range(count):
        places[symbol].symbol = symbol
        places[symbol].level_exit = -1
        places[symbol].order = -1
        places[symbol].last = last[symbol] if close_at_end else -1
    return places


@compiled
def walk_through(
    bars, signals, instruments, changes, funding, detail, rules, places, books, fills, rejections, payments, account,
    days, queue, gaps,
):  # fmt: skip
    """Take the account through all bar times; give how many there were, the last day, and whether it was ruined."""
    bars, signals, instruments, changes = borrowed(bars), borrowed(signals), borrowed(instruments), borrowed(changes)
    funding, detail, places, books = borrowed(funding), borrowed(detail), borrowed(places), borrowed(books)
    fills, rejections, payments = borrowed(fills), borrowed(rejections), borrowed(payments)
    account, days, queue, gaps = borrowed(account), borrowed(days), borrowed(queue), borrowed(gaps)
    starts, day_of, symbols, before, numbers = bars.starts, bars.day, bars.symbol, bars.before, bars.number
    opens, highs, lows, closes, volumes = bars.open, bars.high, bars.low, bars.close, bars.volume
    after_gap, gap_inside = bars.after_gap, bars.gap_inside
    flags, orders, settled, changing = signals.flags, signals.orders, funding.row, changes.time
    times, count = len(starts) - 1, len(instruments)
    alone = count == 1 and not rules.cross
    drilled = len(detail.first) > 0
    book = books[0]
    high = max(rules.cash, rules.high)
    days[0, 1] = high
    zero = int(np.int64(0))  # no literal
    today, time, act, change, due = zero, zero, zero, zero, zero
    ruined = False
    while time < times and not ruined:
        while act < len(orders) and orders[act].time < time:
            act += 1
        next_act = orders[act].time if act < len(orders) else times
        if book.open == 0 and book.pending == 0 and next_act > time:
            today = stay_flat(account, days, today, day_of, time, next_act, book.cash, high, rules)
            time = next_act
            continue
        first, end = starts[time], starts[time + 1]
        while due < len(settled) and settled[due] < first:
            due += 1
        if alone and book.open == 1 and book.pending == 0:
            until = min(times if due == len(settled) else settled[due], next_act if rules.targets else times)
            until = quiet_until(places[0], time, until, rules)
            if time < until:
                began = time
                time, today, high = hold_quietly(
                    places[0], instruments[0].spot, rules.pyramiding > 0 or rules.targets, book.cash, high, time, until,
                    today, flags, lows, highs, closes, gaps, account, days, day_of, rules.keep_equity,
                )  # fmt: skip
                if time > began:
                    continue
        book.time = time
        while change < len(changing) and changing[change] <= time:
            instruments[changes.symbol[change]] = changes.instrument[change]
            change += 1
        stamps = due
        while stamps < len(settled) and settled[stamps] < end:
            stamps += 1
        acted = act
        while acted < len(orders) and orders[acted].time == time:
            acted += 1

        quiet = acted == act and stamps == due and book.pending == 0 and not rules.cross
        if book.open > 0:
            moved = False
            for row in range(first, end):
                place = places[symbols[row]]
                if place.qty == 0.0:
                    continue
                moved = True
                place.mark = opens[row]
                place.bar += 1
                place.gap_overlap |= after_gap[row]
                if timed_out(place) or flags[before[row]] != 0 or reached(place, lows[row], highs[row]):
                    quiet = False
        if not quiet:
            if rules.targets:
                unblock(places, orders, act, acted)
            if book.open > 0:
                for stamp in range(due, stamps):
                    if not funding.inside[stamp]:
                        symbol = symbols[settled[stamp]]
                        pay(payments, book, places[symbol], stamp, funding, instruments[symbol])
                if rules.cross and moved:
                    liquidate_at_open(fills, book, places, rules, instruments)
                for row in range(first, end):
                    symbol = symbols[row]
                    place = places[symbol]
                    if place.qty == 0.0:
                        continue
                    said = flags[before[row]]
                    if timed_out(place) or said != 0 or reached(place, opens[row], opens[row]):
                        exit_at_open(fills, book, place, opens[row], said, rules, instruments[symbol])

            if book.pending > 0:
                end_orders(rejections, book, places, first, end, symbols, before, after_gap, flags)
            if acted > act or book.pending > 0:
                snapshot(book, places, instruments)
            if rules.targets:
                retarget_all(
                    fills, rejections, book, places, orders, act, acted, opens, after_gap, volumes, numbers, rules,
                    instruments,
                )  # fmt: skip
            else:
                enter_all(
                    fills, rejections, book, places, orders, act, acted, opens, after_gap, volumes, numbers, rules,
                    instruments,
                )  # fmt: skip

            if rules.cross and book.open > 0:
                liquidate_inside(fills, book, places, first, end, bars, rules, instruments)
            if book.open > 0:
                for row in range(first, end):
                    symbol = symbols[row]
                    place = places[symbol]
                    if place.qty == 0.0:
                        continue
                    place.gap_overlap |= gap_inside[row]
                    if stamps > due or drilled:
                        begin, last = stamps_of(row, due, stamps, funding)
                        hold_through(
                            fills, payments, book, place, row, opens[row], highs[row], lows[row], begin, last, funding,
                            detail, rules, instruments[symbol],
                        )  # fmt: skip
                    elif reached(place, lows[row], highs[row]):
                        close_at_level(
                            fills, book, place, opens[row], highs[row], lows[row], rules, instruments[symbol]
                        )
                        place.level_exit = time
            if book.pending > 0:
                book.entered_inside = False
                try_orders(
                    fills, rejections, payments, book, places, orders, first, end, bars, due, stamps, funding, detail,
                    rules, instruments, queue,
                )  # fmt: skip
                if rules.cross and book.entered_inside:
                    liquidate_inside(fills, book, places, first, end, bars, rules, instruments)
        act = acted

        if book.open > 0:
            for row in range(first, end):
                symbol = symbols[row]
                place = places[symbol]
                if place.qty == 0.0:
                    continue
                place.gap_overlap |= gap_inside[row]
                place.mark = closes[row]
                up = closes[row] if place.inside and place.side > 0 else highs[row]  # what came before it opened
                down = closes[row] if place.inside and place.side < 0 else lows[row]  # is not its own
                place.inside = False
                see(place, up, down)
                if not isnan(place.trail) or place.bar + 1 - place.entry_bar == rules.level_delay:
                    set_live_levels(place, place.bar + 1, rules, instruments[symbol])
                if row == place.last:
                    close(fills, book, place, closes[row], AT_MARKET, BY_END, NO, rules, instruments[symbol])
        equity, gross, net = book.cash, 0.0, 0.0
        if book.open > 0:
            equity, gross, net = exposure(places, instruments, book.cash)
        if equity <= 0.0:
            ruin(fills, rejections, book, places, rules, instruments)
            equity, gross, net = book.cash, 0.0, 0.0
            ruined = True
        if rules.keep_equity:
            account[time, 0] = equity
            account[time, 1] = book.cash
            account[time, 2] = gross
            account[time, 3] = net
        high = max(high, equity)
        if day_of[time] > today:
            today = begin_day(days, today, day_of[time])
        note(days, today, equity, high, 1.0, 1.0 if book.open > 0 else 0.0)
        time += 1
    return time, today, ruined


@kept
def trade(
    bars: Bars,
    signals: Signals,
    instruments: np.ndarray,
    changes: Changes,
    funding: Funding,
    detail: Detail,
    rules: Rules,
) -> Outcome:
    """Trade the signals on the bars from the first bar time to the last, or to ruin."""
    times, count, orders = len(bars.starts) - 1, len(instruments), len(signals.orders)
    places = prepared(count, bars.last, rules.close_at_end)
    books = np.zeros(1, BOOK)
    books[0].cash = rules.cash
    books[0].minute = -1
    books[0].liquidated = -1
    fills = np.empty(3 * orders, FILL)  # a bound: an order opens, adds or reduces once, and an opening closes once
    rejections = np.empty(orders, REJECTION)  # one an order at most; pages that stay untouched take no memory
    payments = np.empty(len(funding.row), PAYMENT)
    account = np.empty((times if rules.keep_equity else 0, 4))
    days = np.zeros((bars.day[times - 1] + 1, 5))
    instruments, queue, gaps = instruments.copy(), np.empty(count, np.int64), bars.after_gap | bars.gap_inside
    time, today, ruined = walk_through(
        bars, signals, instruments, changes, funding, detail, rules, places, books, fills, rejections, payments,
        account, days, queue, gaps,
    )  # fmt: skip
    done, paid = fills[: books[0].fills], payments[: books[0].payments]
    return Outcome(
        done,
        rejections[: books[0].rejections],
        paid,
        account[:time],
        days_of(days[: today + 1], done, paid, funding.row, bars.starts, bars.day),
        ruined,
        books[0].ambiguous,
    )
