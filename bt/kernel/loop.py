"""The trade loop: signals and bars in, fills, refusals and equity out; the order of events is the code.

The contract is the docstring of `bt.simulate`; `tests/naive.py` is the slow twin that this must equal.
"""

from math import isnan

import numpy as np

from bt.kernel.entries import conflicting, enter_all
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
from bt.kernel.positions import (
    AT_MARKET,
    BOOK,
    BY_END,
    BY_REVERSE,
    BY_RUIN,
    BY_SIGNAL,
    BY_TIME,
    POSITION,
    close,
    close_at_level,
    exposure,
    reached,
    see,
    set_active_stop,
)
from bt.kernel.prices import compiled


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
    opens, highs, lows, closes = bars.open, bars.high, bars.low, bars.close
    after_gap, gap_inside = bars.after_gap, bars.gap_inside
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
                if place.qty == 0.0:
                    continue
                place.gap_overlap |= gap_inside[row]
                if reached(place, lows[row], highs[row]):
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
