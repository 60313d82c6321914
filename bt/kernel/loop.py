"""The trade loop: signals and bars in, fills, refusals and equity out; the order of events is the code.

`docs`: the contract is the docstring of `bt.simulate`; `tests/naive.py` is the slow twin that this must equal.
"""

from math import isnan

import numpy as np

from bt.kernel.layout import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    FILL,
    REJECTION,
    Bars,
    Outcome,
    Rules,
    Signals,
)
from bt.kernel.prices import column, compiled, floored, level, market

RISK, EQUITY, NOTIONAL = 0, 1, 2  # SIZINGS
AT_MARKET, AT_STOP, AT_LIMIT = 0, 1, 2  # KINDS
BY_SIGNAL, BY_REVERSE, BY_STOP, BY_TRAIL, BY_TAKE, BY_TIME, BY_END, BY_RUIN = 0, 1, 2, 3, 4, 5, 6, 7  # REASONS
CONFLICT, GAP, REENTRY, NO_SHORT, SLOTS, NO_STOP, STOP_SIDE, CASH, MIN_QTY, MIN_NOTIONAL = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9

POSITION = np.dtype(
    [
        ("qty", np.float64),  # signed; 0 = flat
        ("side", np.float64),  # +1 long, -1 short
        ("entry", np.float64),  # fill price
        ("stop", np.float64),  # NaN = none, likewise take and trail
        ("take", np.float64),
        ("trail", np.float64),  # distance
        ("active", np.float64),  # the nearer of stop and trail level in the coming bar
        ("worst", np.float64),
        ("best", np.float64),  # of the fill and the closed bars since: carries the trail
        ("mark", np.float64),  # last close; at the open of a bar, that open
        ("bar", np.int64),  # number of the symbol's own latest bar, -1 before the first
        ("entry_bar", np.int64),
        ("max_bars", np.int64),  # 0 = none
        ("previous", np.int64),  # row of the symbol's previous bar, -1 before the first
        ("trade", np.int64),
        ("last", np.int64),  # row at whose close the position ends, -1 = never
        ("level_exit", np.int64),  # number of the bar time of the last exit by level at an open
        ("trailed", np.bool_),  # the active stop is the trail
        ("gap_overlap", np.bool_),
    ],
    align=True,
)

BOOK = np.dtype(
    [
        ("cash", np.float64),
        ("fills", np.int64),
        ("rejections", np.int64),
        ("trades", np.int64),
        ("open", np.int64),  # positions
        ("ambiguous", np.int64),
    ],
    align=True,
)


@compiled
def set_active_stop(place, instrument):
    """Choose the nearer of stop and trail for the coming bar, NaN without either; a tie is the stop."""
    place.active = place.stop
    place.trailed = False
    if not isnan(place.trail):
        p, q = instrument.tick_p, instrument.tick_q
        trailed = level(place.best - place.side * place.trail, place.side, p, q)
        if isnan(place.stop) or place.side * trailed > place.side * place.stop:
            place.active = trailed
            place.trailed = True


@compiled
def see(place, high, low):
    """Let a position know a closed bar's extremes."""
    if place.side > 0:
        place.worst, place.best = min(place.worst, low), max(place.best, high)
    else:
        place.worst, place.best = max(place.worst, high), min(place.best, low)


@compiled
def reached(place, low, high):
    """Say whether prices from low to high touch the active stop or the target (false where there is none: NaN)."""
    if place.side > 0:
        return low <= place.active or high >= place.take
    return high >= place.active or low <= place.take


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
def write_fill(fills, book, time, symbol, place, side, kind, reason, reference, price, rate):
    """Write one fill of the whole position and give its fee."""
    qty = abs(place.qty)
    fill = fills[book.fills]
    book.fills += 1
    fill.time = time
    fill.symbol = symbol
    fill.bar = place.bar
    fill.trade = place.trade
    fill.side = side
    fill.kind = kind
    fill.reason = reason
    fill.opens = False
    fill.ambiguous = False
    fill.gap_overlap = False
    fill.qty = qty
    fill.price = price
    fill.reference = reference
    fill.fee = qty * price * rate
    fill.slippage = abs(price - reference) * qty
    fill.stop = np.nan
    fill.worst = np.nan
    fill.best = np.nan
    return fill.fee


@compiled
def close(fills, book, place, time, symbol, reference, kind, reason, ambiguous, rules, instrument):
    """Close a position at a reference price and settle it in cash."""
    buys = place.side < 0
    if kind == AT_LIMIT:
        price, rate = reference, instrument.maker
    else:
        price, rate = market(reference, buys, instrument, rules), instrument.taker
    fee = write_fill(fills, book, time, symbol, place, 1 if buys else -1, kind, reason, reference, price, rate)
    fill = fills[book.fills - 1]
    fill.ambiguous = ambiguous
    fill.gap_overlap = place.gap_overlap
    if place.side > 0:
        fill.worst, fill.best = min(place.worst, price), max(place.best, price)
    else:
        fill.worst, fill.best = max(place.worst, price), min(place.best, price)
    if instrument.spot:
        book.cash += fill.qty * price
        book.cash -= fee
    else:
        book.cash += fill.qty * (price - place.entry) * place.side - fee
    place.qty = 0.0
    book.open -= 1


@compiled
def value(place, spot, mark):
    """Give what a position adds to equity at a mark."""
    return place.qty * mark if spot else place.qty * (mark - place.entry)


@compiled
def exposure(places, instruments, cash):
    """Give equity, gross and net exposure of cash and all positions at their marks."""
    equity, gross, net = cash, 0.0, 0.0
    for symbol in range(len(places)):
        place = places[symbol]
        if place.qty != 0.0:
            equity += value(place, instruments[symbol].spot, place.mark)
            gross += abs(place.qty) * place.mark
            net += place.qty * place.mark
    return equity, gross, net


@compiled
def close_at_level(fills, book, place, time, symbol, opening, high, low, rules, instrument):
    """Close a position whose stop, trail or target the open has passed or the bar (high, low) touches; say whether."""
    side = place.side
    stop = place.active
    by_stop = BY_TRAIL if place.trailed else BY_STOP
    take_kind = AT_LIMIT if rules.take_limit else AT_MARKET
    if side * opening <= side * stop:  # false where there is none: NaN
        close(fills, book, place, time, symbol, opening, AT_STOP, by_stop, False, rules, instrument)
        return True
    if side * opening >= side * place.take:
        close(fills, book, place, time, symbol, opening, take_kind, BY_TAKE, False, rules, instrument)
        return True
    adverse, favourable = (low, high) if side > 0 else (high, low)
    stopped = side * adverse <= side * stop
    taken = side * favourable >= side * place.take
    both = stopped and taken
    if both:
        book.ambiguous += 1
    if stopped and not (both and rules.favourable):
        close(fills, book, place, time, symbol, stop, AT_STOP, by_stop, both, rules, instrument)
    elif taken:
        close(fills, book, place, time, symbol, place.take, take_kind, BY_TAKE, both, rules, instrument)
    return stopped or taken


@compiled
def exit_at_open(fills, book, place, time, symbol, opening, flags, rules, instrument):
    """Close a position by exit signal, reversal, time stop, or a level that the open has passed."""
    reason = -1
    if flags & (EXIT_LONG if place.side > 0 else EXIT_SHORT):
        reason = BY_SIGNAL
    elif flags & (ENTER_SHORT if place.side > 0 else ENTER_LONG) and not conflicting(flags):
        reason = BY_REVERSE
    elif place.max_bars > 0 and place.bar - place.entry_bar >= place.max_bars:
        reason = BY_TIME
    if reason >= 0:
        close(fills, book, place, time, symbol, opening, AT_MARKET, reason, False, rules, instrument)
    elif close_at_level(fills, book, place, time, symbol, opening, opening, opening, rules, instrument):
        place.level_exit = time


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
    room = (rules.leverage * equity - gross) / (1.0 + rules.leverage * taker)
    if instrument.spot:
        room = min(room, book.cash / (1.0 + taker))
    cap = room / place.entry
    qty = floored(min(wanted, cap), instrument.step_p, instrument.step_q)
    if wanted > cap and cap <= 0.0:
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
    for row in queue[:waiting]:
        symbol = symbols[row]
        gross += enter_at_open(
            fills, rejections, book, places[symbol], time, symbol, opens[row], after_gap[row], equity, gross,
            signals, rules, instruments[symbol],
        )  # fmt: skip


@compiled
def ruin(fills, book, places, time, rules, instruments):
    """Close every position at its last close: nothing is left."""
    for symbol in range(len(places)):
        if places[symbol].qty != 0.0:
            place = places[symbol]
            close(fills, book, place, time, symbol, place.mark, AT_MARKET, BY_RUIN, False, rules, instruments[symbol])


@compiled
def trade(bars: Bars, signals: Signals, instruments: np.ndarray, rules: Rules) -> Outcome:
    """Trade the signals on the bars from the first bar time to the last, or to ruin."""
    # Arrays are taken out of their tuples here: reading one through its tuple costs a reference count each time.
    starts, day_of, symbols = bars.starts, bars.day, bars.symbol
    opens, highs, lows, closes, after_gap = bars.open, bars.high, bars.low, bars.close, bars.after_gap
    flags = signals.flags
    times, count = len(starts) - 1, len(instruments)
    places = np.zeros(count, POSITION)
    for symbol in range(count):
        places[symbol].bar = -1
        places[symbol].previous = -1
        places[symbol].level_exit = -1
        places[symbol].last = bars.last[symbol] if rules.close_at_end else -1
    books = np.zeros(1, BOOK)  # used again at the end: a record does not keep its array alive
    book = books[0]
    book.cash = rules.cash
    entries = np.count_nonzero(flags & (ENTER_LONG | ENTER_SHORT))
    fills = np.empty(2 * entries, FILL)  # a bound, not a need: pages that stay untouched take no memory
    rejections = np.empty(entries, REJECTION)
    account = np.empty((times, 4))
    days = np.zeros((day_of[times - 1] + 1, 5))
    queue = np.empty(count, np.int64)
    high = rules.cash
    today = 0
    time = 0
    ruined = False
    while time < times and not ruined:
        first, end = starts[time], starts[time + 1]
        signalled = False
        for row in range(first, end):
            place = places[symbols[row]]
            place.bar += 1
            place.mark = opens[row]
            if place.previous >= 0:
                place.gap_overlap |= after_gap[row]
                signalled |= flags[place.previous] & (ENTER_LONG | ENTER_SHORT) != 0
        if book.open > 0:
            for row in range(first, end):
                symbol = symbols[row]
                place = places[symbol]
                if place.qty == 0.0:
                    continue
                said = flags[place.previous]
                timed_out = place.max_bars > 0 and place.bar - place.entry_bar >= place.max_bars
                if timed_out or said != 0 or reached(place, opens[row], opens[row]):
                    exit_at_open(fills, book, place, time, symbol, opens[row], said, rules, instruments[symbol])
        if signalled:
            enter_all(
                fills, rejections, book, places, time, first, end, symbols, opens, after_gap, signals, rules,
                instruments, queue,
            )  # fmt: skip
        if book.open > 0:
            for row in range(first, end):
                symbol = symbols[row]
                place = places[symbol]
                if place.qty != 0.0 and reached(place, lows[row], highs[row]):
                    close_at_level(
                        fills, book, place, time, symbol, opens[row], highs[row], lows[row], rules, instruments[symbol]
                    )
        for row in range(first, end):
            place = places[symbols[row]]
            place.mark = closes[row]
            place.previous = row
            if place.qty != 0.0:
                see(place, highs[row], lows[row])
                if not isnan(place.trail):
                    set_active_stop(place, instruments[symbols[row]])
                if row == place.last:
                    instrument = instruments[symbols[row]]
                    close(
                        fills, book, place, time, symbols[row], closes[row], AT_MARKET, BY_END, False, rules, instrument
                    )
        equity, gross, net = exposure(places, instruments, book.cash) if book.open > 0 else (book.cash, 0.0, 0.0)
        if equity <= 0.0:
            ruin(fills, book, places, time, rules, instruments)
            equity, gross, net = book.cash, 0.0, 0.0
            ruined = True
        account[time, 0] = equity
        account[time, 1] = book.cash
        account[time, 2] = gross
        account[time, 3] = net
        while today < day_of[time]:  # days without a bar keep the last equity
            today += 1
            days[today, 0] = days[today - 1, 0]
            days[today, 1] = high
            days[today, 2] = days[today, 0] / high - 1.0
        high = max(high, equity)
        days[today, 0] = equity
        days[today, 1] = high
        days[today, 2] = min(days[today, 2], equity / high - 1.0)
        days[today, 3] += 1.0
        days[today, 4] += 1.0 if book.open > 0 else 0.0
        time += 1
    return Outcome(
        fills[: books[0].fills].copy(),
        rejections[: books[0].rejections].copy(),
        account[:time],
        days[: today + 1],
        ruined,
        books[0].ambiguous,
    )
