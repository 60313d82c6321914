"""A case in Backtrader: feeds, broker and strategy put together, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from backtrader import Cerebro

from bt.verify.backtrader.broker import Broker, fees
from bt.verify.backtrader.feeds import feed_of
from bt.verify.backtrader.trader import Trader
from bt.verify.case import EQUITY, TRADE, Opinion

if TYPE_CHECKING:
    from bt.verify.case import Case


def trade(case: Case) -> Opinion:
    """Let Backtrader trade a case."""
    cerebro = Cerebro(stdstats=False, cheat_on_open=True, preload=True, runonce=True)
    broker = Broker(cash=case.cash)
    cerebro.setbroker(broker)
    for bars in case.bars.partition_by("symbol", maintain_order=True):
        symbol = bars["symbol"][0]
        category = str((case.rules.get(symbol) or [{}])[0].get("category") or "linear")
        broker.addcommissioninfo(fees(*case.terms.costs.rates(category)), name=symbol)
        cerebro.adddata(feed_of(bars, case.length), name=symbol)
    cerebro.addstrategy(Trader, case=case)
    [trader] = cerebro.run()
    return Opinion(
        trades=_trades(trader.trades), complaints=tuple(trader.complaints),
        equity=pl.DataFrame(list(trader.equity.items()), schema=EQUITY, orient="row"),
    )  # fmt: skip


def _trades(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give the trades by entry; profit and loss net of fees and funding."""
    net = pl.col("pnl") - pl.col("fees") + pl.col("funding")
    return pl.DataFrame(rows, schema=TRADE).with_columns(pnl=net).sort("entry_ts", "symbol", maintain_order=True)
