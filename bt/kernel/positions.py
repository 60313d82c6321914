"""What a position is while the loop runs, how its levels lie, and how it is left."""

from math import isnan

import numpy as np

from bt.kernel.prices import away, compiled, inlined, level, limit, market

# NumPy's integers and booleans are no literals to numba: with literals it would compile a function for each of them.
AT_MARKET, AT_STOP, AT_LIMIT = np.arange(3)  # KINDS
BY_SIGNAL, BY_REVERSE, BY_REBALANCE, BY_STOP, BY_TRAIL, BY_TAKE, BY_LIQUIDATION, BY_TIME, BY_END, BY_RUIN = np.arange(
    10
)  # REASONS
NO, YES = np.bool_(0), np.bool_(1)

POSITION = np.dtype(
    [
        ("qty", np.float64),  # signed; 0 = flat
        ("side", np.float64),  # +1 long, -1 short
        ("active", np.float64),  # live level of loss: the nearest of stop, trail and liquidation; NaN = none
        ("aim", np.float64),  # live target
        ("liquidation", np.float64),  # NaN = none
        ("entry", np.float64),  # fill price, averaged over adds
        ("mark", np.float64),  # last close; at the open of a bar, that open
        ("worst", np.float64),
        ("best", np.float64),  # of the fill and the closed bars since: carries the trail
        ("stop", np.float64),  # NaN = none, likewise take and trail
        ("take", np.float64),
        ("trail", np.float64),  # distance
        ("bankruptcy", np.float64),  # where the margin is gone, rounded towards the entry
        ("threat", np.float64),  # cross margin: the worst price of the present bar
        ("bar", np.int64),  # number of the symbol's own latest bar
        ("entry_bar", np.int64),
        ("max_bars", np.int64),  # 0 = none
        ("trade", np.int64),
        ("adds", np.int64),
        ("last", np.int64),  # row at whose close the position ends, -1 = never
        ("level_exit", np.int64),  # number of the bar time of the last exit by level
        ("symbol", np.int64),
        ("by", np.int64),  # what the active level is: BY_STOP, BY_TRAIL or BY_LIQUIDATION
        ("direction", np.int64),  # what its target calls for at this open: +1 more, -1 less
        ("gap_overlap", np.bool_),
        ("inside", np.bool_),  # it was opened inside the present bar
        ("blocked", np.bool_),  # its target acts only when it changes
        ("order", np.int64),  # number of its pending order, -1 = none
        ("order_side", np.int64),
        ("order_left", np.int64),  # bars to live, the present one included
        ("order_price", np.float64),
        ("order_stops", np.bool_),  # a stop entry, else a limit entry
    ],
    align=True,
)

BOOK = np.dtype(
    [
        ("cash", np.float64),
        ("equity", np.float64),  # snapshot of the present open: what sizes its entries, and those inside the bar
        ("gross", np.float64),  # of the snapshot and of what was entered since
        ("free", np.float64),  # cash at the snapshot, less what was spent since
        ("paid", np.float64),  # fees since the snapshot
        ("taken", np.int64),  # positions at the snapshot and opened since
        ("time", np.int64),  # number of the present bar time
        ("minute", np.int64),  # of the candle that is walked, -1 = none
        ("fills", np.int64),
        ("rejections", np.int64),
        ("payments", np.int64),
        ("trades", np.int64),
        ("open", np.int64),  # positions
        ("pending", np.int64),  # orders
        ("ambiguous", np.int64),
        ("liquidated", np.int64),  # number of the bar time at which the account was last liquidated as a whole
        ("entered_inside", np.bool_),  # a pending order filled in the present bar
    ],
    align=True,
)


@compiled
def trail_level(place, instrument):
    """Give the level of the trail, NaN without one."""
    return level(place.best - place.side * place.trail, place.side, instrument.tick_p, instrument.tick_q)


@compiled
def first_stop(place, instrument):
    """Give the level that counts as the stop: the stop, or the trail where there is no other."""
    return trail_level(place, instrument) if isnan(place.stop) else place.stop


@compiled
def nearest_stop(place, instrument):
    """Give the nearer of stop and trail, NaN without either; a tie is the stop."""
    trailed = trail_level(place, instrument)
    if isnan(place.stop) or place.side * trailed > place.side * place.stop:
        return trailed
    return place.stop


@compiled
def set_live_levels(place, bar, rules, instrument):
    """Set what acts in the symbol's bar of that number."""
    place.active = np.nan
    place.aim = np.nan
    place.by = BY_STOP
    if bar - place.entry_bar >= rules.level_delay:
        place.active = nearest_stop(place, instrument)
        place.aim = place.take
        if place.active != place.stop:
            place.by = BY_TRAIL
    if isnan(place.active) or place.side * place.liquidation > place.side * place.active:
        place.active = place.liquidation
        place.by = BY_LIQUIDATION


@compiled
def set_liquidation(place, rules, instrument):
    """Set where the exchange ends the position by itself, and where its margin is gone."""
    leverage = min(rules.leverage, instrument.max_leverage)
    place.liquidation = np.nan
    if leverage > 1.0 and not rules.cross and not instrument.spot:
        margin = place.side * (1.0 / leverage)
        liquidation = place.entry * (1.0 - margin + place.side * rules.mmr)
        place.liquidation = level(liquidation, place.side, instrument.tick_p, instrument.tick_q)
        bankruptcy = place.entry * (1.0 - margin)
        place.bankruptcy = away(bankruptcy, place.side > 0, instrument.tick_p, instrument.tick_q)


@compiled
def see(place, high, low):
    """Let a position know the extremes of a closed bar, or a fill."""
    if place.side > 0:
        place.worst, place.best = min(place.worst, low), max(place.best, high)
    else:
        place.worst, place.best = max(place.worst, high), min(place.best, low)


@compiled
def reached(place, low, high):
    """Say whether prices from low to high touch the active level or the target (false where there is none: NaN)."""
    if place.side > 0:
        return low <= place.active or high >= place.aim
    return high >= place.active or low <= place.aim


@compiled
def value(place, spot, price):
    """Give what a position adds to equity at a price."""
    return place.qty * price if spot else place.qty * (price - place.entry)


@inlined
def timed_out(place):
    """Say whether the time stop ends a position at the open of its present bar."""
    return place.max_bars > 0 and place.bar - place.entry_bar >= place.max_bars


@inlined
def exposure(places, instruments, cash):
    """Give equity, gross and net exposure of cash and all positions at their marks."""
    equity, gross, net = cash, 0.0, 0.0
    for symbol in range(len(instruments)):
        place = places[symbol]  # a flat one adds 0: that costs less than a branch that nothing foretells
        equity += value(place, instruments[symbol].spot, place.mark)
        gross += abs(place.qty) * place.mark
        net += place.qty * place.mark
    return equity, gross, net


@compiled
def write_fill(fills, book, place, side, qty, kind, reason, reference, price, rate):
    """Write one fill and give its fee."""
    fill = fills[book.fills]
    book.fills += 1
    fill.time = book.time
    fill.symbol = place.symbol
    fill.bar = place.bar
    fill.trade = place.trade
    fill.minute = book.minute
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
def leave(fills, book, place, qty, reference, kind, reason, ambiguous, rules, instrument):
    """Leave a position, or part of it, at a reference price, settle it in cash and give the fee."""
    buys = place.side < 0
    if kind == AT_LIMIT:
        price, rate = limit(reference, buys, instrument), instrument.maker
    else:
        price, rate = market(reference, buys, instrument, rules), instrument.taker
    if reason == BY_LIQUIDATION and not isnan(place.liquidation):  # the margin is all that can be lost
        price = min(price, place.bankruptcy) if buys else max(price, place.bankruptcy)
    fee = write_fill(fills, book, place, 1 if buys else -1, qty, kind, reason, reference, price, rate)
    fill = fills[book.fills - 1]
    fill.ambiguous = ambiguous
    fill.gap_overlap = place.gap_overlap
    if place.side > 0:
        fill.worst, fill.best = min(place.worst, price), max(place.best, price)
    else:
        fill.worst, fill.best = max(place.worst, price), min(place.best, price)
    if instrument.spot:
        book.cash += qty * price
        book.cash -= fee
    else:
        book.cash += qty * (price - place.entry) * place.side - fee
    if qty >= abs(place.qty):
        place.qty = 0.0
        book.open -= 1
    else:
        place.qty -= place.side * qty
    place.blocked |= reason > BY_REBALANCE
    return fee


@compiled
def close(fills, book, place, reference, kind, reason, ambiguous, rules, instrument):
    """Leave a whole position."""
    leave(fills, book, place, abs(place.qty), reference, kind, reason, ambiguous, rules, instrument)


@compiled
def close_at_active(fills, book, place, opening, ambiguous, rules, instrument):
    """Leave a position at its active level, or at an open beyond it (NaN = none)."""
    side = place.side
    reference = opening if side * opening <= side * place.active else place.active
    if place.by == BY_LIQUIDATION and side * reference < side * place.bankruptcy:
        reference = place.bankruptcy
    close(fills, book, place, reference, AT_STOP, place.by, ambiguous, rules, instrument)


@compiled
def close_at_level(fills, book, place, opening, high, low, rules, instrument):
    """Leave a position whose level the open has passed or the bar (high, low) touches; say whether."""
    side = place.side
    take_kind = AT_LIMIT if rules.take_limit else AT_MARKET
    if side * opening <= side * place.liquidation:  # false where there is none: NaN; it beats a nearer stop
        place.active = place.liquidation
        place.by = BY_LIQUIDATION
    if side * opening <= side * place.active:
        close_at_active(fills, book, place, opening, NO, rules, instrument)
        return True
    if side * opening >= side * place.aim:
        close(fills, book, place, opening, take_kind, BY_TAKE, NO, rules, instrument)
        return True
    adverse, favourable = (low, high) if side > 0 else (high, low)
    lost = side * adverse <= side * place.active
    taken = side * favourable >= side * place.aim
    both = lost and taken
    if both:
        book.ambiguous += 1
    if lost and not (both and rules.favourable):
        close_at_active(fills, book, place, np.nan, both, rules, instrument)
    elif taken:
        close(fills, book, place, place.aim, take_kind, BY_TAKE, both, rules, instrument)
    return lost or taken
