"""Bybit's public market data over HTTP: the only place that knows how the exchange speaks."""

from bt.bybit.answers import Instrument, Klines, Malformed, Settlement
from bt.bybit.client import CANDLES, HOST, MINUTE, PACE, SETTLEMENTS, Bybit, Counts, Manners
from bt.bybit.verdicts import ClosedError, UnknownSymbolError

__all__ = [
    "CANDLES",
    "HOST",
    "MINUTE",
    "PACE",
    "SETTLEMENTS",
    "Bybit",
    "ClosedError",
    "Counts",
    "Instrument",
    "Klines",
    "Malformed",
    "Manners",
    "Settlement",
    "UnknownSymbolError",
]
