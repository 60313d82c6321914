"""One form of a trade for every engine, and our own trades in it."""

from __future__ import annotations

from math import isclose
from typing import Any, NamedTuple

import polars as pl

import bt
from tests.peers.markets import HOUR, START, Market

MONEY = 1e9  # so much that no order is ever shrunk: then nothing but the signals decides
NEAR = 1e-9  # relative; engines multiply and add in different order
SAME = 1e-12  # relative; prices that differ by a last digit or two


class Trade(NamedTuple):
    """One trade from entry to flat; the fields of the exit are None while it is open."""

    side: int  # 1 long, -1 short
    qty: float
    entry_bar: int
    entry_price: float
    exit_bar: int | None = None
    exit_price: float | None = None
    how: str | None = None  # open (signal, time or a level that the open has passed), stop, take, end
    pnl: float | None = None  # net of fees and slippage
    reason: str | None = None  # our own word, where we know it

    def equals(self, other: Trade) -> bool:
        """Say whether two engines did the same."""
        told = ("side", "entry_bar", "exit_bar", "how")
        if any(getattr(self, name) != getattr(other, name) for name in told):
            return False
        money = NEAR * self.qty * self.entry_price
        return (
            isclose(self.qty, other.qty, rel_tol=NEAR)
            and isclose(self.entry_price, other.entry_price, rel_tol=NEAR)
            and isclose(self.exit_price or 0.0, other.exit_price or 0.0, rel_tol=NEAR)
            and isclose(self.pnl or 0.0, other.pnl or 0.0, rel_tol=0.0, abs_tol=money)
        )


def our_trades(market: Market, **execution: Any) -> list[list[Trade]]:
    """Simulate all series as symbols of one rich account, and give the trades of each."""
    bars, signals = market.frames()
    simulation = bt.simulate(
        bars,
        signals,
        account=bt.Account(cash=MONEY, sizing=market.sizing, size=market.size),
        costs=bt.Costs(taker=market.fee, maker=market.fee, slippage=market.slippage),
        execution=bt.Execution(**{"intrabar": "adverse", "close_at_end": False} | execution),
        timeframe="1h",
    )
    references = simulation.fills.filter(~pl.col("opens")).select("trade", "reference")
    found: list[list[Trade]] = [[] for _ in range(market.open.shape[1])]
    for row in simulation.trades.join(references, on="trade", how="left", maintain_order="left").to_dicts():
        column = int(row["symbol"][1:])
        found[column].append(_trade(row, market, column))
    return found


def _trade(row: dict[str, Any], market: Market, column: int) -> Trade:
    entry = Trade(1 if row["side"] == "long" else -1, row["qty"], _bar(row["entry_ts"]), row["entry_price"])
    if row["is_open"]:
        return entry
    bar = _bar(row["exit_ts"])
    how = {"take": "take", "end_of_data": "end"}.get(row["exit_reason"], "stop")
    if how != "end" and row["reference"] == market.open[bar, column]:
        how = "open"
    return entry._replace(
        exit_bar=bar, exit_price=row["exit_price"], how=how, pnl=row["pnl"], reason=row["exit_reason"]
    )


def _bar(ts: Any) -> int:
    return round((ts - START) / HOUR)
