"""Strategies: what one is, where they are found, and how one is run."""

from bt.strategy.base import BaseStrategy, made, name_of, parameters
from bt.strategy.load import load, names, template
from bt.strategy.run import Request, run

__all__ = ["BaseStrategy", "Request", "load", "made", "name_of", "names", "parameters", "run", "template"]
