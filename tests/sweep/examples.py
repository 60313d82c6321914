"""A strategy with a parameter of every type, for tests of what is tried."""

from dataclasses import dataclass
from typing import Any, ClassVar

from bt import BaseStrategy
from bt.sweep.space import Space, space_of


@dataclass(kw_only=True)
class Every(BaseStrategy):
    fast: int = 20
    slow: int = 100
    stop: float = 2.0
    short: bool = False
    mode: str = "calm"

    search: ClassVar[Any] = {"fast": range(10, 60, 10), "slow": [100, 150, 200]}
    constraint: ClassVar[str] = "fast < slow"

    def signals(self, market: Any) -> Any:
        raise NotImplementedError


@dataclass(kw_only=True)
class Silent(Every):
    search: ClassVar[Any] = {}


PARAMETERS = ("fast", "slow", "stop", "short", "mode")


def space(**given: Any) -> Space:
    """Give the space of these parameters and of no others."""
    return space_of(Silent, given)
