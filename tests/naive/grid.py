"""Where prices and quantities may lie: on the decimal grid of a tick or step, where one is known."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from math import ceil, floor

LONG, SHORT = 1, -1
SNAP, DIGITS = 1e-9, 1e-14  # steps, of the steps: so near a step or a half step counts as on it


def price_on_grid(price: float, side: int, tick: float | None) -> float:
    """Round up for a side of +1, down for -1."""
    if tick is None:
        return price
    steps = steps_in(price, tick)
    near = abs(steps - round(steps)) <= tolerance(steps)
    nearest = round(steps) if near else ceil(steps) if side == LONG else floor(steps)
    return on_grid(max(nearest, 1), tick)  # no tick, however many slip, sells for nothing


def level_on_grid(price: float | None, side: int, tick: float | None) -> float | None:
    """Round a level to the nearest tick; a tie goes down where the level sells (long), up where it buys (short)."""
    if price is None or tick is None:
        return price
    steps = steps_in(price, tick)
    if abs(steps - floor(steps) - 0.5) <= tolerance(steps):
        return on_grid(floor(steps) if side == LONG else floor(steps) + 1, tick)
    return on_grid(floor(steps + 0.5), tick)


def floor_to_step(quantity: float, step: float | None) -> float:
    return quantity if step is None else on_grid(floor(quantity / step + tolerance(quantity / step)), step)


def tolerance(steps: float) -> float:
    return SNAP + DIGITS * abs(steps)


@cache
def decimal_fraction(step: float) -> tuple[int, int]:
    """Return p and q of step = p / q, q the smallest power of ten that will do."""
    exact = Decimal(repr(float(step)))
    places = max(0, -exact.normalize().as_tuple().exponent)
    return int(exact.scaleb(places)), 10**places


def steps_in(price: float, step: float) -> float:
    p, q = decimal_fraction(step)
    return price * q / p


def on_grid(steps: int, step: float) -> float:
    p, q = decimal_fraction(step)
    return float(steps * p) / float(q)
