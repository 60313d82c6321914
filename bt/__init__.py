"""Backtest crypto strategies on candles in one DuckDB file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bt.engine import Account, Costs, Execution, Simulation, simulate
    from bt.errors import BtError
    from bt.market import Indicator, Market
    from bt.results import Results
    from bt.strategy import BaseStrategy, previous
    from bt.sweep import Sweep
    from bt.walkforward import WalkForward
    from bt.warehouse import Warehouse

__all__ = [
    "Account",
    "BaseStrategy",
    "BtError",
    "Costs",
    "Execution",
    "Indicator",
    "Market",
    "Results",
    "Simulation",
    "Sweep",
    "WalkForward",
    "Warehouse",
    "previous",
    "simulate",
]

_HOMES: Final = {
    "Account": "bt.engine",
    "BaseStrategy": "bt.strategy",
    "BtError": "bt.errors",
    "Costs": "bt.engine",
    "Execution": "bt.engine",
    "Indicator": "bt.market",
    "Market": "bt.market",
    "Results": "bt.results",
    "Simulation": "bt.engine",
    "Sweep": "bt.sweep",
    "WalkForward": "bt.walkforward",
    "Warehouse": "bt.warehouse",
    "previous": "bt.strategy",
    "simulate": "bt.engine",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `bt --help` loads nothing heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bt' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
