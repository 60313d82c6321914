"""The trade engine: settings, checks and `simulate`."""

from bt.engine.settings import Account, Costs, Execution
from bt.engine.simulation import Simulation, simulate

__all__ = ["Account", "Costs", "Execution", "Simulation", "simulate"]
