"""Bars and indicators: SQL of the warehouse, composed and handed to strategies."""

from bt.market.handed import Columns, Handed, MissingError
from bt.market.indicators import Indicator
from bt.market.market import Market

__all__ = ["Columns", "Handed", "Indicator", "Market", "MissingError"]
