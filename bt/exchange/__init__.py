"""A stand-in for Bybit on loopback: its endpoints, its quirks, its limits, and faults on request."""

from bt.exchange.faults import FAULTS, Rule, read_rules
from bt.exchange.limits import Limits
from bt.exchange.listings import Listing, Market, market_from_files, seeded_market
from bt.exchange.server import Exchange, Options, listening

__all__ = [
    "FAULTS",
    "Exchange",
    "Limits",
    "Listing",
    "Market",
    "Options",
    "Rule",
    "listening",
    "market_from_files",
    "read_rules",
    "seeded_market",
]
