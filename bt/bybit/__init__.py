"""Bybit's public market data over HTTP: the only place that knows how the exchange speaks."""

from bt.bybit.answers import Candles, Instrument, Malformed, Settlement
from bt.bybit.client import CANDLES, HOST, MINUTE_MS, PACE, SETTLEMENTS, Bybit, Counts, Manners, is_local
from bt.bybit.verdicts import ClosedError, UnknownSymbolError

__all__ = [
    "CANDLES",
    "HOST",
    "MINUTE_MS",
    "PACE",
    "SETTLEMENTS",
    "Bybit",
    "Candles",
    "ClosedError",
    "Counts",
    "Instrument",
    "Malformed",
    "Manners",
    "Settlement",
    "UnknownSymbolError",
    "is_local",
]
