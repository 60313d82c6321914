"""The trade engine: settings, checks and `simulate`."""

from bt.engine.outcome import Simulation
from bt.engine.settings import Account, Costs, Execution
from bt.engine.simulation import simulate

__all__ = ["Account", "Costs", "Execution", "Simulation", "simulate"]
