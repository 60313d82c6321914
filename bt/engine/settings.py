"""What a user may choose about account, costs and execution: named, checked, and stored with every run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final, Literal

from bt.errors import BtError, hint

Sizing = Literal["risk", "equity", "notional", "quantity"]
Intrabar = Literal["auto", "adverse", "favourable"]
TakeFill = Literal["market", "limit"]

FEES: Final = {"linear": (0.00055, 0.0002), "spot": (0.001, 0.001)}  # taker, maker: Bybit's lowest tier
_LARGEST: Final = 1e15  # cents vanish in a double beyond this
_MOST: Final = 1_000_000_000
_HIGHEST_COST: Final = 0.1  # fraction; beyond it is a slip of the pen


@dataclass(frozen=True, kw_only=True)
class Account:
    """Money and how much of it a position takes.

    `cash` is the start in quote currency. `size` is a fraction of equity for `risk` (lost when the stop is hit) and
    `equity` (notional), quote currency for `notional`, base for `quantity`. `max_positions` bounds open positions.
    """

    cash: float = 10_000.0
    sizing: Sizing = "risk"
    size: float = 0.01
    leverage: float = 1.0
    max_positions: int | None = None

    def __post_init__(self) -> None:
        _numbers(self, "cash", "size", "leverage")
        _positive("cash", self.cash)
        _one_of("sizing", self.sizing, ("risk", "equity", "notional", "quantity"))
        _positive("size", self.size)
        if self.sizing in {"risk", "equity"} and self.size > 1:
            raise BtError(f"size {self.size} is more than the whole account", "write a fraction such as 0.01 or 1%")
        _positive("leverage", self.leverage)
        if self.leverage != 1:
            raise BtError(f"leverage {self.leverage} is not offered: liquidation is not modelled yet", "use leverage 1")
        _whole(self, "max_positions")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What trading costs.

    `taker` and `maker` are fractions of traded value; None = the symbol's category decides (linear 0.00055 and 0.0002,
    spot 0.001 and 0.001). `slippage` is a fraction of the price, `slippage_ticks` is added where the tick is known.
    """

    taker: float | None = None
    maker: float | None = None
    slippage: float = 0.0001
    slippage_ticks: float = 0

    def __post_init__(self) -> None:
        for name in ("taker", "maker", "slippage"):
            if name == "slippage" or getattr(self, name) is not None:
                _numbers(self, name)
                if not 0 <= getattr(self, name) <= _HIGHEST_COST:
                    raise BtError(
                        f"{name} must lie in [0, {_HIGHEST_COST}], not {getattr(self, name)}", "0.055% is 0.00055"
                    )
        _numbers(self, "slippage_ticks")
        if self.slippage_ticks < 0:
            raise BtError(f"slippage_ticks must not be negative, but is {self.slippage_ticks}")

    def rates(self, category: str) -> tuple[float, float]:
        """Give taker and maker fee of a category."""
        taker, maker = FEES[category]
        return taker if self.taker is None else self.taker, maker if self.maker is None else self.maker


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How orders become fills.

    `intrabar` decides a bar that touches stop and target both: `adverse` takes the stop, `favourable` the target,
    `auto` is adverse as long as there are no finer bars. `stop`, `take` and `trail` are fractions of the fill price,
    used where a signal brings no level. `take_fill="limit"` fills targets without slippage at the maker fee.
    `max_bars` ends a position at the open after so many bars. `close_at_end` ends what is open at its last close.
    """

    intrabar: Intrabar = "auto"
    stop: float | None = None
    take: float | None = None
    trail: float | None = None
    take_fill: TakeFill = "market"
    max_bars: int | None = None
    close_at_end: bool = True

    def __post_init__(self) -> None:
        _one_of("intrabar", self.intrabar, ("auto", "adverse", "favourable"))
        _one_of("take_fill", self.take_fill, ("market", "limit"))
        for name in ("stop", "take", "trail"):
            if getattr(self, name) is not None:
                _numbers(self, name)
                _positive(name, getattr(self, name))
        for name in ("stop", "trail"):
            if (getattr(self, name) or 0) >= 1:
                raise BtError(f"{name} must be a fraction below 1, not {getattr(self, name)}", "2% is 0.02")
        _whole(self, "max_bars")
        if not isinstance(self.close_at_end, bool):
            raise BtError(f"close_at_end must be true or false, not {self.close_at_end!r}")


def _numbers(settings: Any, *names: str) -> None:
    """Make these fields floats, whichever kind of number they are; refuse what is none, or not finite."""
    for name in names:
        value = getattr(settings, name)
        try:
            number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise BtError(f"{name} must be a finite number, not {value!r:.40}")
        object.__setattr__(settings, name, number)


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise BtError(f"{name} must be above 0, not {value}")
    if value > _LARGEST:
        raise BtError(f"{name} is too large: {value}")


def _whole(settings: Any, name: str) -> None:
    value = getattr(settings, name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= _MOST:
        raise BtError(f"{name} must be a whole number from 1 to {_MOST:,}, not {value!r:.40}")
    object.__setattr__(settings, name, int(value))


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BtError(f"{name} cannot be {value!r}", hint(str(value), known))
