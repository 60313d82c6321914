"""What can be filled in: each field with its option, how it is read, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from bt import config, timeframes
from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT: Final = ""  # what is not filled in is as `bt config` has it


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the form: `read` refuses what the command line would refuse, in the same words."""

    name: str
    label: str
    read: Callable[[Any], Any]
    hint: str = ""
    words: tuple[str, ...] = ()  # to choose from
    walk: bool = False  # of walk-forwards alone

    @property
    def flag(self) -> str:
        """Give the option that it fills in."""
        return f"--{self.name.replace('_', '-')}"


def _setting(name: str, label: str, hint: str = "", words: tuple[str, ...] = ()) -> Field:
    return Field(name=name, label=label, read=config.SETTINGS[name].read, hint=hint, words=words)


def _any(value: Any) -> str:
    return str(value)


def _count(value: Any) -> int:
    try:
        return config.count(value)
    except BtError as error:
        raise BtError(error.what, error.cure or "write 0, 10 or more") from None


MONEY: Final = (
    _setting("cash", "Cash", "at the start"),
    Field(name="sizing", label="Size by", read=_any, hint="risk, if not chosen",
          words=get_args(config.Sizing)),
    Field(name="size", label="Size", read=config.size, hint="1% · 500"),
    _setting("leverage", "Leverage", "positions / equity"),
    _setting("max_positions", "Positions", "open at once, at most"),
)  # fmt: skip
COSTS: Final = (
    _setting("taker", "Taker fee", "0.055% · 5.5bp"),
    _setting("slippage", "Slippage", "1bp"),
    _setting("funding", "Funding", "of perpetuals", ("on", "off")),
)
ORDERS: Final = (
    _setting("stop", "Stop", "2%, where the strategy gives none"),
    _setting("take", "Target", "4%, likewise"),
    _setting("trail", "Trailing stop", "1%, likewise"),
)
WALK: Final = (
    Field(name="train", label="Train", read=timeframes.duration, hint="180d, in-sample", walk=True),
    Field(name="test", label="Test", read=timeframes.duration, hint="30d, out-of-sample", walk=True),
    Field(name="step", label="Step", read=timeframes.duration, hint="none = the test", walk=True),
    Field(name="sampler", label="Sampler", read=_any, hint="how sets are drawn",
          words=("grid", "random", "lhs", "tpe"), walk=True),
    Field(name="trials", label="Trials", read=config.whole, hint="sets at most", walk=True),
    Field(name="min_trades", label="Least trades", read=_count, hint="or a set does not qualify", walk=True),
    Field(name="objective", label="Objective", read=_any, hint="sharpe · calmar", walk=True),
)  # fmt: skip
SECTIONS: Final = {"Money and size": MONEY, "Costs": COSTS, "Orders": ORDERS, "Walk-forward": WALK}
FIELDS: Final = {field.name: field for fields in SECTIONS.values() for field in fields}
SPANS: Final = ("all", "2y", "1y", "90d", "ytd")  # presets of from and to
