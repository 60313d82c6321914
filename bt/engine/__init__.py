"""The trade engine: settings, checks, `simulate`, and the tape on which many sets of signals are traded."""

from bt.engine.joined import Joined, join
from bt.engine.outcome import Simulation, day_columns
from bt.engine.settings import Account, Costs, Execution, Terms
from bt.engine.simulation import simulate
from bt.engine.tape import Around, Part, Tape, Told

__all__ = [
    "Account",
    "Around",
    "Costs",
    "Execution",
    "Joined",
    "Part",
    "Simulation",
    "Tape",
    "Terms",
    "Told",
    "day_columns",
    "join",
    "simulate",
]
