"""What a user may choose about account, costs and execution: named, checked, and stored with every run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Final, get_args

from bt.config import Intrabar, Margin, Sizing, TakeFill
from bt.errors import BtError, hint

FEES: Final = {"linear": (0.00055, 0.0002), "spot": (0.001, 0.001)}  # taker, maker: Bybit's lowest tier
_LARGEST: Final = 1e15  # cents vanish in a double beyond this
_MOST: Final = 1_000_000_000
_HIGHEST_COST: Final = 0.1  # fraction; beyond it is a slip of the pen
_MOST_TICKS: Final = 1_000
_PROFILES: Final[dict[str, dict[str, Any]]] = {
    "backtrader": {  # children become live one bar after their parent's fill, the stop before the target
        "level_delay": 1,
        "intrabar": "adverse",  # a bar is all that it sees
        "take_fill": "limit",  # a limit order is not slipped
    },
    "vectorbt": {"level_delay": 1},  # stops and targets are looked at from the bar after the entry
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Money and how much of it a position takes.

    `cash` is the start in quote currency. `size` is a fraction of equity for `risk` (lost when the stop is hit) and
    `equity` (notional), quote currency for `notional`, base for `quantity`. `max_positions` bounds open positions.
    `leverage` times equity bounds the gross notional (where an instrument's `max_leverage` is lower, that for it), and
    notional / leverage is the margin of a linear position. `margin="isolated"` liquidates a position by itself
    (leverage above 1 only), `"cross"` the account as a whole; `mmr` is the maintenance margin, a fraction of notional.
    """

    cash: float = 10_000.0
    sizing: Sizing = "risk"
    size: float = 0.01
    leverage: float = 1.0
    max_positions: int | None = None
    margin: Margin = "isolated"
    mmr: float = 0.005

    def __post_init__(self) -> None:
        _numbers(self, "cash", "size", "leverage", "mmr")
        _positive("cash", self.cash)
        _one_of("sizing", self.sizing, get_args(Sizing))
        _positive("size", self.size)
        if self.sizing in {"risk", "equity"} and self.size > 1:
            raise BtError(f"size {self.size} is more than the whole account", "write a fraction such as 0.01 or 1%")
        _positive("leverage", self.leverage)
        _whole(self, "max_positions")
        _one_of("margin", self.margin, get_args(Margin))
        if not 0 <= self.mmr < 1:
            raise BtError(f"mmr must lie in [0, 1), not {self.mmr}", "0.5% is 0.005")
        if self.mmr * self.leverage >= 1:
            raise BtError(
                f"leverage {self.leverage} leaves no room above the maintenance margin {self.mmr}: "
                "every position would be liquidated at its entry",
                f"with mmr {self.mmr} use a leverage below {1 / self.mmr:.0f}",
            )


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What trading costs.

    `taker` and `maker` are fractions of traded value; None = the symbol's category decides (linear 0.00055 and 0.0002,
    spot 0.001 and 0.001). `slippage` is a fraction of the price, `slippage_ticks` is added where the tick is known.
    `funding=False` leaves the funding of linear contracts out.
    """

    taker: float | None = None
    maker: float | None = None
    slippage: float = 0.0001
    slippage_ticks: float = 0
    funding: bool = True

    def __post_init__(self) -> None:
        for name in ("taker", "maker", "slippage"):
            if name == "slippage" or getattr(self, name) is not None:
                _numbers(self, name)
                if not 0 <= getattr(self, name) <= _HIGHEST_COST:
                    raise BtError(
                        f"{name} must lie in [0, {_HIGHEST_COST}], not {getattr(self, name)}", "0.055% is 0.00055"
                    )
        _numbers(self, "slippage_ticks")
        if not 0 <= self.slippage_ticks <= _MOST_TICKS:
            raise BtError(f"slippage_ticks must lie in [0, {_MOST_TICKS:,}], not {self.slippage_ticks}")
        _truth(self, "funding")

    def rates(self, category: str) -> tuple[float, float]:
        """Give taker and maker fee of a category."""
        taker, maker = FEES[category]
        return taker if self.taker is None else self.taker, maker if self.maker is None else self.maker


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How orders become fills.

    `intrabar` decides a bar that touches stop and target both: `adverse` takes the stop, `favourable` the target,
    `drill` asks the 1-minute candles of that bar, `auto` drills where there are any and else is adverse. `stop`, `take`
    and `trail` are fractions of the fill price, used where a signal brings no level. `take_fill="limit"` fills targets
    without slippage at the maker fee. `max_bars` ends a position at the open after so many bars. `pyramiding` is how
    often a position may be added to. `rebalance_band` is how far, as a share of equity, a position may drift from its
    `target` before it is brought back (0 = as far as it likes). `max_volume_share` bounds an entry to that share of the
    volume of the bar it fills in (which nobody knows at its open: it bounds fills, and is no signal). `level_delay` is
    the number of bars, from that of the entry, in which stop, trail and target do not act yet. `close_at_end` ends what
    is open at its last close.
    """

    intrabar: Intrabar = "auto"
    stop: float | None = None
    take: float | None = None
    trail: float | None = None
    take_fill: TakeFill = "market"
    max_bars: int | None = None
    pyramiding: int = 0
    rebalance_band: float = 0.0
    max_volume_share: float | None = None
    level_delay: int = 0
    close_at_end: bool = True

    def __post_init__(self) -> None:
        _one_of("intrabar", self.intrabar, get_args(Intrabar))
        _one_of("take_fill", self.take_fill, get_args(TakeFill))
        for name in ("stop", "take", "trail", "max_volume_share"):
            if getattr(self, name) is not None:
                _numbers(self, name)
                _positive(name, getattr(self, name))
        for name in ("stop", "trail"):
            if (getattr(self, name) or 0) >= 1:
                raise BtError(f"{name} must be a fraction below 1, not {getattr(self, name)}", "2% is 0.02")
        if (self.max_volume_share or 0) > 1:
            raise BtError(f"max_volume_share must be at most 1, not {self.max_volume_share}", "10% is 0.1")
        _whole(self, "max_bars")
        _whole(self, "pyramiding", least=0)
        _whole(self, "level_delay", least=0)
        _numbers(self, "rebalance_band")
        if self.rebalance_band < 0:
            raise BtError(f"rebalance_band must not be negative, but is {self.rebalance_band}", "5% is 0.05")
        _truth(self, "close_at_end")

    @property
    def drills(self) -> bool:
        """Say whether 1-minute candles are asked where there are any."""
        return self.intrabar in {"auto", "drill"}

    @classmethod
    def profile(cls, engine: str, **others: Any) -> Execution:
        """Give the settings that reproduce another engine's habits, for cross-checks only; `others` are set besides.

        `backtrader` and `vectorbt`: stop, trail and target become live one bar after the entry bar. `backtrader`: no
        bar is drilled, the stop comes first, and a target is a limit order.
        """
        _one_of("profile", engine, tuple(_PROFILES))
        return cls(**{**_PROFILES[engine], **others})


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a run is made under."""

    account: Account = field(default_factory=Account)
    costs: Costs = field(default_factory=Costs)
    execution: Execution = field(default_factory=Execution)


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


def _whole(settings: Any, name: str, least: int = 1) -> None:
    value = getattr(settings, name)
    if value is None and least:  # None is no bound
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= _MOST:
        raise BtError(f"{name} must be a whole number from {least} to {_MOST:,}, not {value!r:.40}")
    object.__setattr__(settings, name, int(value))


def _truth(settings: Any, name: str) -> None:
    if not isinstance(getattr(settings, name), bool):
        raise BtError(f"{name} must be true or false, not {getattr(settings, name)!r:.40}")


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BtError(f"{name} cannot be {value!r}", hint(str(value), known))
