"""Cross margin: the account is liquidated as a whole."""

from bt.kernel.positions import AT_STOP, BY_LIQUIDATION, NO, YES, close, value
from bt.kernel.prices import compiled


@compiled
def excess(places, book, threatened, rules, instruments):
    """Give equity less maintenance margin, at the marks or at the threatened prices; 1 with no linear position."""
    equity, maintenance, linear = book.cash, 0.0, False
    for symbol in range(len(instruments)):
        place = places[symbol]
        if place.qty != 0.0:
            price = place.threat if threatened else place.mark
            equity += value(place, instruments[symbol].spot, price)
            if not instruments[symbol].spot:
                linear = True
                maintenance += rules.mmr * abs(place.qty) * price
    return equity - maintenance if linear else 1.0


@compiled
def liquidate(fills, book, places, share, rules, instruments):
    """Close everything at a share of the way from the marks to the threatened prices."""
    book.liquidated = book.time
    for symbol in range(len(instruments)):
        place = places[symbol]
        if place.qty != 0.0:
            reference = place.mark + share * (place.threat - place.mark)
            close(fills, book, place, reference, AT_STOP, BY_LIQUIDATION, NO, rules, instruments[symbol])
            place.level_exit = book.time


@compiled
def liquidate_at_open(fills, book, places, rules, instruments):
    """Liquidate the account where the open leaves less than the maintenance margin."""
    if excess(places, book, NO, rules, instruments) <= 0.0:
        for symbol in range(len(instruments)):
            places[symbol].threat = places[symbol].mark
        liquidate(fills, book, places, 0.0, rules, instruments)


@compiled
def liquidate_inside(fills, book, places, first, end, bars, rules, instruments):
    """Liquidate the account where all positions together do not survive the worst prices of the bar.

    Worst is the bar's extreme, or a stop before it. The prices are taken to go there in step: the account is closed
    where equity meets the maintenance margin on that way.
    """
    for symbol in range(len(instruments)):
        places[symbol].threat = places[symbol].mark
    moved = False
    for row in range(first, end):
        place = places[bars.symbol[row]]
        if place.qty != 0.0:
            moved = True
            place.gap_overlap |= bars.gap_inside[row]
        if place.qty > 0.0:
            place.threat = bars.low[row]
            if place.active > place.threat:  # false where there is none: NaN
                place.threat = min(place.mark, place.active)
        elif place.qty < 0.0:
            place.threat = bars.high[row]
            if place.active < place.threat:
                place.threat = max(place.mark, place.active)
    worst = excess(places, book, YES, rules, instruments)
    if moved and worst <= 0.0:
        now = excess(places, book, NO, rules, instruments)
        share = now / (now - worst) if now > 0.0 else 0.0
        liquidate(fills, book, places, share, rules, instruments)
