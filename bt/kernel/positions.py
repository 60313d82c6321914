"""What a position is while the loop runs, and how one is closed."""

from math import isnan

import numpy as np

from bt.kernel.prices import compiled, level, market

AT_MARKET, AT_STOP, AT_LIMIT = 0, 1, 2  # KINDS
BY_SIGNAL, BY_REVERSE, BY_STOP, BY_TRAIL, BY_TAKE, BY_TIME, BY_END, BY_RUIN = 0, 1, 2, 3, 4, 5, 6, 7  # REASONS

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
        ("paid", np.float64),  # fees of the entries at the present open
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
