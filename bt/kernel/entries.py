"""How a wish becomes a position: what is refused, what is shrunk, what is bought."""

from math import isnan

import numpy as np

from bt.kernel.positions import AT_LIMIT, first_stop, nearest_stop, see, set_liquidation, set_live_levels, write_fill
from bt.kernel.prices import compiled, floored, level, limit, market, otherwise

RISK, EQUITY, NOTIONAL = 0, 1, 2  # SIZINGS
(
    CONFLICT, GAP, REENTRY, NO_SHORT, SLOTS, NO_STOP, STOP_SIDE, CASH, VOLUME, MIN_QTY, MIN_NOTIONAL,
    EXPIRED, CANCELLED, REPLACED, PYRAMIDING,
) = np.arange(15)  # REFUSALS, and no literals  # fmt: skip
NEARLY = 1.0 - 1e-9  # 0.57 * 100 is 56.99999999999999
DUST = 1e-9  # of equity: what is left of full use is rounding, and buys nothing


@compiled
def refuse(rejections, book, symbol, side, reason, wanted, granted):
    """Write one refused or shrunk order."""
    row = rejections[book.rejections]
    book.rejections += 1
    row.time = book.time
    row.symbol = symbol
    row.side = side
    row.reason = reason
    row.wanted = wanted
    row.granted = granted


@compiled
def propose(draft, order, side, fill, rules, instrument):
    """Set side, fill price and own levels of a draft as an order wants them."""
    p, q = instrument.tick_p, instrument.tick_q
    stop = fill - side * otherwise(order.stop_distance, fill * rules.stop)
    take = fill + side * otherwise(order.take_distance, fill * rules.take)
    draft.stop = level(otherwise(order.stop_price, stop), side, p, q)
    draft.take = level(otherwise(order.take_price, take), side, p, q)
    draft.trail = otherwise(order.trail_distance, rules.trail * fill)
    draft.side = side
    draft.entry = fill
    draft.best = fill


@compiled
def refusal(place, draft, nearest, book, rules, instrument):
    """Give the reason that forbids an entry before its size is known, -1 where none does."""
    if draft.side < 0 and instrument.spot:
        return NO_SHORT
    if place.qty == 0.0 and rules.max_positions > 0 and book.taken >= rules.max_positions:
        return SLOTS
    if rules.sizing == RISK and isnan(nearest) and not rules.targets:
        return NO_STOP
    entry = draft.side * draft.entry
    if draft.side * draft.stop >= entry or draft.side * nearest >= entry:
        return STOP_SIDE
    return -1


@compiled
def wanted_quantity(fill, stop, equity, multiple, rules):
    """Give the wanted quantity before caps and steps."""
    if rules.sizing == RISK:
        return equity * rules.size * multiple / abs(fill - stop)
    if rules.sizing == EQUITY:
        return equity * rules.size * multiple / fill
    if rules.sizing == NOTIONAL:
        return rules.size * multiple / fill
    return rules.size * multiple


@compiled
def granted_quantity(rejections, book, symbol, draft, wanted, rate, volume, rules, instrument):
    """Give the quantity that money, volume and the instrument allow, 0 where none; write what was refused or shrunk."""
    side = int(draft.side)
    leverage = min(rules.leverage, instrument.max_leverage)
    room = (leverage * (book.equity - book.paid) - book.gross) / (1.0 + leverage * rate)
    if instrument.spot:
        room = min(room, min(book.free, book.cash) / (1.0 + rate))
    cap, reason = room / draft.entry, CASH
    spent = room <= DUST * book.equity
    if rules.volume_share * volume < cap:
        cap, reason = rules.volume_share * volume, VOLUME
        spent = cap <= 0.0
    qty = floored(min(wanted, cap), instrument.step_p, instrument.step_q)
    if wanted > cap and spent:
        refuse(rejections, book, symbol, side, reason, wanted, 0.0)
    elif qty <= 0.0 or qty < instrument.min_qty:
        refuse(rejections, book, symbol, side, MIN_QTY, wanted, 0.0)
    elif qty * draft.entry < instrument.min_notional * NEARLY:
        refuse(rejections, book, symbol, side, MIN_NOTIONAL, wanted, 0.0)
    else:
        if wanted > cap:
            refuse(rejections, book, symbol, side, reason, wanted, qty)
        return qty
    return 0.0


@compiled
def adopt(place, draft, qty, order, book, rules):
    """Open a position as drafted, or add the draft to it."""
    if place.qty == 0.0:
        book.trades += 1
        book.open += 1
        book.taken += 1
        place.trade = book.trades
        place.side = draft.side
        place.entry = draft.entry
        place.stop = draft.stop
        place.take = draft.take
        place.trail = draft.trail
        place.worst = draft.entry
        place.best = draft.entry
        place.entry_bar = place.bar
        place.max_bars = order.max_bars if order.max_bars > 0 else rules.max_bars
        place.adds = 0
        place.gap_overlap = False
        place.inside = False
    else:
        held = abs(place.qty)
        place.entry = (held * place.entry + qty * draft.entry) / (held + qty)
        place.stop = place.stop if isnan(draft.stop) else draft.stop
        place.take = place.take if isnan(draft.take) else draft.take
        place.trail = place.trail if isnan(draft.trail) else draft.trail
        see(place, draft.entry, draft.entry)
        place.adds += 1
    place.qty += draft.side * qty
    place.blocked = False


@compiled
def enter(
    fills, rejections, book, place, draft, order, side, reference, kind, reason, delta, volume, rules, instrument
):
    """Open or add to a position as an order wants it (`delta` is a target's quantity, else NaN), or write why not."""
    limited = kind == AT_LIMIT
    fill = limit(reference, side > 0, instrument) if limited else market(reference, side > 0, instrument, rules)
    rate = instrument.maker if limited else instrument.taker
    propose(draft, order, float(side), fill, rules, instrument)
    if place.qty != 0.0:  # the trail of an add holds from the best price of all
        draft.best = max(place.best, fill) if side > 0 else min(place.best, fill)
    stop, nearest = first_stop(draft, instrument), nearest_stop(draft, instrument)
    if place.qty != 0.0 and isnan(stop):
        stop, nearest = first_stop(place, instrument), nearest_stop(place, instrument)
    refused = refusal(place, draft, nearest, book, rules, instrument)
    if refused >= 0:
        refuse(rejections, book, place.symbol, side, refused, np.nan, 0.0)
        return False
    wanted = otherwise(delta, wanted_quantity(fill, stop, book.equity, order.size, rules))
    qty = granted_quantity(rejections, book, place.symbol, draft, wanted, rate, volume, rules, instrument)
    if qty <= 0.0:
        return False
    adopt(place, draft, qty, order, book, rules)
    set_liquidation(place, rules, instrument)
    set_live_levels(place, place.bar, rules, instrument)
    fee = write_fill(fills, book, place, side, qty, kind, reason, reference, fill, rate)
    fills[book.fills - 1].opens = True
    fills[book.fills - 1].stop = first_stop(place, instrument)
    spent = qty * fill if instrument.spot else 0.0
    book.cash -= spent
    book.cash -= fee
    book.free -= spent
    book.free -= fee
    book.paid += fee
    book.gross += qty * fill
    return True
