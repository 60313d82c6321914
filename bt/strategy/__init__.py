"""Strategies: what one is, where they are found, how one is run, and whether it looks ahead."""

from bt.strategy.base import BaseStrategy, made, name_of, parameters
from bt.strategy.expressions import previous
from bt.strategy.ground import Ground, Request
from bt.strategy.load import load, names, template
from bt.strategy.lookahead import LEAKS, Question, Report, look
from bt.strategy.run import run

__all__ = [
    "LEAKS",
    "BaseStrategy",
    "Ground",
    "Question",
    "Report",
    "Request",
    "load",
    "look",
    "made",
    "name_of",
    "names",
    "parameters",
    "previous",
    "run",
    "template",
]
