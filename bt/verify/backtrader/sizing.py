"""How much a Backtrader strategy buys: the contract's sizes and caps, asked when an order fills and its price is known.

Written from the contract for a strategy in another engine; the compiled loop has its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bt.engine import Account
    from bt.verify.case import Rule

_NEAR: Final = 1e-9  # of a step, or of an amount: what lies this near to it is it
_DIGITS: Final = 1e-14  # of a number of steps: the last ones of what was worked out


@dataclass
class Levels:
    """Where a position is left, worked out from its fill; None = there is none."""

    stop: float | None
    take: float | None
    trail: float | None  # distance

    def first_stop(self, side: int, best: float) -> float | None:
        """Give what counts as the stop: the trail where there is no other."""
        return self.stop if self.stop is not None else self.trailed(side, best)

    def trailed(self, side: int, best: float) -> float | None:
        """Give the level of the trail below the best price."""
        return None if self.trail is None else best - side * self.trail

    def nearest(self, side: int, best: float) -> tuple[float | None, str]:
        """Give the nearer of stop and trail and which it is; a tie is the stop."""
        trailed = self.trailed(side, best)
        if self.stop is None:
            return trailed, "trail"
        if trailed is not None and side * trailed > side * self.stop:
            return trailed, "trail"
        return self.stop, "stop"


@dataclass
class Purse:
    """The account as it is at one open, after funding and exits: it serves all entries of this bar time."""

    account: Account
    equity: float
    gross: float
    free: float  # cash of which spot is paid
    taken: int  # positions
    paid: float = 0.0  # fees

    def granted(self, side: int, price: float, levels: Levels, rule: Rule, order: tuple[float, float]) -> float:
        """Give the quantity that an entry gets at its price, 0 where it is refused; `order`: multiple, fee rate."""
        multiple, rate = order
        spot = rule.get("category") == "spot"
        most = self.account.max_positions
        if (spot and side < 0) or (most is not None and self.taken >= most) or _wrong(side, price, levels):
            return 0.0
        wanted = self._wanted(side, price, levels, multiple)
        leverage = min(self.account.leverage, _number(rule, "max_leverage", math.inf))
        room = (leverage * (self.equity - self.paid) - self.gross) / (1.0 + leverage * rate)
        room = min(room, self.free / (1.0 + rate)) if spot else room
        if wanted is None or (wanted > room / price and room <= _NEAR * self.equity):
            return 0.0
        qty = stepped(min(wanted, room / price), rule.get("qty_step"))
        if qty <= 0.0 or qty < _number(rule, "min_qty", 0.0):
            return 0.0
        if qty * price < _number(rule, "min_notional", 0.0) * (1.0 - _NEAR):
            return 0.0
        self._spend(qty, price, rate, spot=spot)
        return qty

    def _wanted(self, side: int, price: float, levels: Levels, multiple: float) -> float | None:
        account = self.account
        if account.sizing == "risk":
            stop = levels.first_stop(side, price)
            return None if stop is None else self.equity * account.size * multiple / abs(price - stop)
        if account.sizing == "equity":
            return self.equity * account.size * multiple / price
        return account.size * multiple / price if account.sizing == "notional" else account.size * multiple

    def _spend(self, qty: float, price: float, rate: float, *, spot: bool) -> None:
        fee = qty * price * rate
        self.gross += qty * price
        self.paid += fee
        self.free -= fee + (qty * price if spot else 0.0)
        self.taken += 1


def stepped(qty: float, step: object) -> float:
    """Round a quantity down to a multiple of a step; None is no step."""
    if not isinstance(step, float) or not math.isfinite(qty):
        return qty
    steps = qty / step
    whole = math.floor(steps + _NEAR + _DIGITS * abs(steps))
    return float(Decimal(whole) * Decimal(repr(step)))


def _wrong(side: int, price: float, levels: Levels) -> bool:
    """Say whether a stop or trail lies on the wrong side of the fill."""
    found = (levels.stop, levels.trailed(side, price))
    return any(level is not None and side * level >= side * price for level in found)


def _number(rule: Rule, name: str, absent: float) -> float:
    value = rule.get(name)
    return float(value) if isinstance(value, (int, float)) else absent
