"""How the rows of bars hang together, read off in one pass."""

import numpy as np

from bt.kernel.layout import Rows
from bt.kernel.prices import kept

_MINUTE, _DAY = 60_000_000, 86_400_000_000  # microseconds


@kept
def linked(opened, symbol, count):
    """Link the rows, sorted by (time, symbol), of `count` symbols."""
    rows = len(opened)
    starts = np.empty(rows + 1, np.int64)
    before, after, number = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.int32)
    last, shortest = np.full(count, -1, np.int64), np.full(count, np.iinfo(np.int64).max)
    times = 0
    for row in range(rows):
        if row == 0 or opened[row] != opened[row - 1]:
            starts[times] = row
            times += 1
        own = symbol[row]
        earlier = last[own]
        last[own] = row
        before[row] = earlier
        after[row] = -1
        number[row] = 0
        if earlier >= 0:
            after[earlier] = row
            number[row] = number[earlier] + 1
            shortest[own] = min(shortest[own], opened[row] - opened[earlier])
    starts[times] = rows
    return Rows(starts[: times + 1], before, after, number, last, shortest)


@kept
def closing_days(opened, starts, length):
    """Give the number of the UTC day, from 0, in which the last minute of each bar time lies that is `length` long."""
    days = np.empty(len(starts) - 1, np.int32)
    length -= _MINUTE
    first = (opened[0] + length) // _DAY
    today, midnight = 0, (first + 1) * _DAY
    for time in range(len(days)):
        close = opened[starts[time]] + length
        if close >= midnight:
            today = close // _DAY - first
            midnight = (first + today + 1) * _DAY
        days[time] = today
    return days
