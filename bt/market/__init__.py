"""Bars and indicators: SQL of the warehouse, composed and handed to strategies."""

from bt.market.indicators import Indicator
from bt.market.market import Market

__all__ = ["Indicator", "Market"]
