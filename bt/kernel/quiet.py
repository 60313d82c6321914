"""The stretches in which nothing happens, and what every bar leaves in the account and in its day."""

from math import isnan

from bt.kernel.layout import ENTER_LONG, ENTER_SHORT
from bt.kernel.prices import compiled, inlined


@compiled
def begin_day(days, today, day):
    """Begin a day and give it; days without a bar keep the last equity."""
    while today < day:
        today += 1
        days[today, 0] = days[today - 1, 0]
        days[today, 1] = days[today - 1, 1]
        days[today, 2] = days[today, 0] / days[today, 1] - 1.0
    return today


@inlined
def note(days, today, equity, high, bars, in_market):
    """Add bars that close at an equity to their day."""
    days[today, 0] = equity
    days[today, 1] = high
    days[today, 2] = min(days[today, 2], equity / high - 1.0)
    days[today, 3] += bars
    days[today, 4] += in_market


@compiled
def stay_flat(account, days, today, day_of, time, until, cash, high, rules):
    """Write the bar times during which there is nothing but cash; give the day."""
    for row in range(time, until if rules.keep_equity else time):
        account[row, 0] = cash
        account[row, 1] = cash
        account[row, 2] = 0.0
        account[row, 3] = 0.0
    while time < until:
        next_day = time + 1
        while next_day < until and day_of[next_day] == day_of[time]:
            next_day += 1
        today = begin_day(days, today, day_of[time])
        note(days, today, cash, high, next_day - time, 0)
        time = next_day
    return today


@inlined
def hold_quietly(
    place, spot, pyramiding, cash, high, time, until, today, flags, lows, highs, closes, gaps, account, days, day_of,
    keep,
):  # fmt: skip
    """Take the only symbol's position through the bars in which nothing happens to it; give bar time, day and high."""
    side, active, aim, qty, entry = place.side, place.active, place.aim, place.qty, place.entry
    worst, best, mark = place.worst, place.best, place.mark
    own = 0 if pyramiding else (ENTER_LONG if side > 0 else ENTER_SHORT)  # asks for what is there already
    began = time
    while time < until and flags[time - 1] & ~own == 0:
        low, top = lows[time], highs[time]
        equity = cash + (qty * closes[time] if spot else qty * (closes[time] - entry))
        if side > 0:
            if low <= active or top >= aim or equity <= 0.0:
                break
            worst, best = min(worst, low), max(best, top)
        else:
            if top >= active or low <= aim or equity <= 0.0:
                break
            worst, best = max(worst, top), min(best, low)
        mark = closes[time]
        high = max(high, equity)
        if keep:
            account[time, 0] = equity
            account[time, 1] = cash
            account[time, 2] = abs(qty) * mark
            account[time, 3] = qty * mark
        if day_of[time] > today:
            today = begin_day(days, today, day_of[time])
        note(days, today, equity, high, 1.0, 1.0)
        place.gap_overlap |= gaps[time]
        time += 1
    place.worst, place.best, place.mark = worst, best, mark
    place.bar += time - began
    return time, today, high


@compiled
def quiet_until(place, time, until, rules):
    """Give the bar time before `until` from which something other than prices acts on the only symbol's position."""
    if not isnan(place.trail) or place.bar + 1 - place.entry_bar < rules.level_delay:
        return time
    if place.last >= 0:
        until = min(until, place.last)
    if place.max_bars > 0:
        until = min(until, time + place.entry_bar + place.max_bars - place.bar - 1)
    return until
