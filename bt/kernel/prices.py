"""Prices and quantities on an instrument's decimal grid, and the price a market order pays."""

from math import ceil, floor, isnan

import numpy as np
from numba import njit

from bt.kernel.layout import Rules

# No fastmath, no prange: the same bits every time. One body in machine code: a call would copy all arrays' headers.
compiled = njit(nogil=True, error_model="numpy", forceinline=True)
kept = njit(cache=True, nogil=True, error_model="numpy")  # for the outermost only: its file holds all that it calls
inlined = njit(inline="always", error_model="numpy")  # sooner still, before types: for what a quiet bar needs


@compiled
def snap(steps: float) -> float:
    """Give how near a step, or the middle between two, counts as on it: some last digits of what was worked out."""
    return 1e-9 + 1e-14 * abs(steps)


@compiled
def otherwise(value: float, fallback: float) -> float:
    """Give a value, or the fallback where it is missing (NaN)."""
    return fallback if isnan(value) else value


@compiled
def away(price: float, buys: bool, p: float, q: float) -> float:
    """Round a fill price to the grid p / q, up for a buyer and down for a seller, but never to 0."""
    if q == 0.0:
        return price
    steps = price * q / p
    nearest = np.rint(steps)
    if abs(steps - nearest) > snap(steps):
        nearest = ceil(steps) if buys else floor(steps)
    return max(nearest, 1.0) * p / q


@compiled
def level(price: float, side: float, p: float, q: float) -> float:
    """Round a position's level to the nearest step; a tie goes against the trader."""
    if q == 0.0 or isnan(price):
        return price
    steps = price * q / p
    below = floor(steps)
    if abs(steps - below - 0.5) > snap(steps):
        return floor(steps + 0.5) * p / q
    return (below if side > 0 else below + 1.0) * p / q


@compiled
def floored(qty: float, p: float, q: float) -> float:
    """Round a quantity down to a multiple of p / q."""
    if q == 0.0:
        return qty
    steps = qty / (p / q)
    return floor(steps + snap(steps)) * p / q


@compiled
def limit(reference: float, buys: bool, instrument: np.record) -> float:
    """Give the price that a limit order pays or gets: on the grid, rounded away from the trader."""
    rounded = away(reference, buys, instrument.tick_p, instrument.tick_q)
    return rounded if buys else min(rounded, reference)  # a price below one tick: rounding up would be a gift


@compiled
def market(reference: float, buys: bool, instrument: np.record, rules: Rules) -> float:
    """Give the price that a market order pays or gets: slipped, then rounded away from the trader."""
    side = 1.0 if buys else -1.0
    price = reference * (1.0 + side * rules.slippage)
    p, q = instrument.tick_p, instrument.tick_q
    if q == 0.0:
        return price
    rounded = away(price + side * (rules.slippage_ticks * (p / q)), buys, p, q)
    return rounded if buys else min(rounded, reference)
