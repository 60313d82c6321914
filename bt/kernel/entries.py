"""How signals become positions: what is refused, what is shrunk, what is bought."""

from math import isnan

import numpy as np

from bt.kernel.layout import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from bt.kernel.positions import AT_MARKET, BY_SIGNAL, exposure, set_active_stop, write_fill
from bt.kernel.prices import column, compiled, floored, level, market

RISK, EQUITY, NOTIONAL = 0, 1, 2  # SIZINGS
CONFLICT, GAP, REENTRY, NO_SHORT, SLOTS, NO_STOP, STOP_SIDE, CASH, MIN_QTY, MIN_NOTIONAL = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)  # REFUSALS
DUST = 1e-9  # of equity: what is left of full use is rounding, and buys nothing


@compiled
def conflicting(flags):
    """Say whether the entries of a signal contradict the rest of it."""
    both = ENTER_LONG | ENTER_SHORT
    return (
        flags & both == both
        or flags & (ENTER_LONG | EXIT_LONG) == ENTER_LONG | EXIT_LONG
        or flags & (ENTER_SHORT | EXIT_SHORT) == ENTER_SHORT | EXIT_SHORT
    )


@compiled
def long_conflict(flags):
    """Say whether a contradicting entry counts as a long one."""
    return flags & ENTER_LONG != 0 and flags & (ENTER_SHORT | EXIT_LONG) != 0


@compiled
def refuse(rejections, book, time, symbol, side, reason, wanted, granted):
    """Write one refused or shrunk order."""
    row = rejections[book.rejections]
    book.rejections += 1
    row.time = time
    row.symbol = symbol
    row.side = side
    row.reason = reason
    row.wanted = wanted
    row.granted = granted


@compiled
def set_levels(place, row, side, fill, signals, rules, instrument):
    """Give a proposed position its stop, target, trail and time stop from the signal of `row` and the fill price."""
    p, q = instrument.tick_p, instrument.tick_q
    distance = column(signals.stop_distance, row, np.nan)
    stop = fill - side * (fill * rules.stop) if isnan(distance) else fill - side * distance
    place.stop = level(column(signals.stop_price, row, stop), side, p, q)
    distance = column(signals.take_distance, row, np.nan)
    take = fill + side * (fill * rules.take) if isnan(distance) else fill + side * distance
    place.take = level(column(signals.take_price, row, take), side, p, q)
    place.trail = column(signals.trail_distance, row, rules.trail * fill)
    place.max_bars = rules.max_bars
    if len(signals.max_bars) > 0 and signals.max_bars[row] > 0:
        place.max_bars = signals.max_bars[row]
    place.side = side
    place.entry = fill
    place.worst = fill
    place.best = fill
    set_active_stop(place, instrument)


@compiled
def raw_quantity(place, equity, multiple, rules):
    """Give the wanted quantity before caps and steps."""
    if rules.sizing == RISK:
        return equity * rules.size * multiple / abs(place.entry - place.active)
    if rules.sizing == EQUITY:
        return equity * rules.size * multiple / place.entry
    if rules.sizing == NOTIONAL:
        return rules.size * multiple / place.entry
    return rules.size * multiple


@compiled
def sized(rejections, book, place, time, symbol, equity, gross, wanted, rules, instrument):
    """Give the quantity that money and the instrument allow, 0 where none; write what was refused or shrunk."""
    side = int(place.side)
    taker = instrument.taker
    room = (rules.leverage * (equity - book.paid) - gross) / (1.0 + rules.leverage * taker)
    if instrument.spot:
        room = min(room, book.cash / (1.0 + taker))
    cap = room / place.entry
    qty = floored(min(wanted, cap), instrument.step_p, instrument.step_q)
    if wanted > cap and room <= DUST * equity:
        refuse(rejections, book, time, symbol, side, CASH, wanted, 0.0)
    elif qty <= 0.0 or qty < instrument.min_qty:
        refuse(rejections, book, time, symbol, side, MIN_QTY, wanted, 0.0)
    elif qty * place.entry < instrument.min_notional:
        refuse(rejections, book, time, symbol, side, MIN_NOTIONAL, wanted, 0.0)
    else:
        if wanted > cap:
            refuse(rejections, book, time, symbol, side, CASH, wanted, qty)
        return qty
    return 0.0


@compiled
def refusal(place, book, rules, instrument):
    """Give the reason that forbids a proposed position before its size is known, -1 where none does."""
    if place.side < 0 and instrument.spot:
        return NO_SHORT
    if rules.max_positions > 0 and book.open >= rules.max_positions:
        return SLOTS
    if rules.sizing == RISK and isnan(place.active):
        return NO_STOP
    entry = place.side * place.entry
    if place.side * place.stop >= entry or place.side * place.active >= entry:
        return STOP_SIDE
    return -1


@compiled
def enter_at_open(
    fills, rejections, book, place, time, symbol, opening, after_gap, equity, gross, signals, rules, instrument
):
    """Open a position from the signal of the symbol's previous bar, or write why not; give its notional."""
    if place.qty != 0.0:  # the same side: an opposite position has left at this open
        return 0.0
    known = place.previous
    side = 1 if signals.flags[known] & ENTER_LONG else -1
    if after_gap:
        refuse(rejections, book, time, symbol, side, GAP, np.nan, 0.0)
        return 0.0
    if place.level_exit == time:
        refuse(rejections, book, time, symbol, side, REENTRY, np.nan, 0.0)
        return 0.0
    fill = market(opening, side > 0, instrument, rules)
    set_levels(place, known, float(side), fill, signals, rules, instrument)
    reason = refusal(place, book, rules, instrument)
    if reason >= 0:
        refuse(rejections, book, time, symbol, side, reason, np.nan, 0.0)
        return 0.0
    wanted = raw_quantity(place, equity, column(signals.size, known, 1.0), rules)
    qty = sized(rejections, book, place, time, symbol, equity, gross, wanted, rules, instrument)
    if qty <= 0.0:
        return 0.0
    book.trades += 1
    book.open += 1
    place.qty = side * qty
    place.trade = book.trades
    place.entry_bar = place.bar
    place.gap_overlap = False
    taker = instrument.taker
    fee = write_fill(fills, book, time, symbol, place, side, AT_MARKET, BY_SIGNAL, opening, fill, taker)
    fills[book.fills - 1].opens = True
    fills[book.fills - 1].stop = place.active
    if instrument.spot:
        book.cash -= qty * fill
    book.cash -= fee
    book.paid += fee
    return qty * fill


@compiled
def enter_all(
    fills, rejections, book, places, time, first, end, symbols, opens, after_gap, signals, rules, instruments, queue
):
    """Refuse contradicting signals, then open positions by score and symbol from one snapshot of the account."""
    flags, scores = signals.flags, signals.score
    waiting = 0
    for row in range(first, end):
        known = places[symbols[row]].previous
        if known < 0 or flags[known] & (ENTER_LONG | ENTER_SHORT) == 0:
            continue
        if conflicting(flags[known]):
            side = 1 if long_conflict(flags[known]) else -1
            refuse(rejections, book, time, symbols[row], side, CONFLICT, np.nan, 0.0)
            continue
        score = column(scores, known, 0.0)
        turn = waiting  # insertion sort: stable, so that equal scores stay in symbol order
        while turn > 0 and column(scores, places[symbols[queue[turn - 1]]].previous, 0.0) < score:
            queue[turn] = queue[turn - 1]
            turn -= 1
        queue[turn] = row
        waiting += 1
    if waiting == 0:
        return
    equity, gross, _ = exposure(places, instruments, book.cash)
    book.paid = 0.0
    for row in queue[:waiting]:
        symbol = symbols[row]
        gross += enter_at_open(
            fills, rejections, book, places[symbol], time, symbol, opens[row], after_gap[row], equity, gross,
            signals, rules, instruments[symbol],
        )  # fmt: skip
