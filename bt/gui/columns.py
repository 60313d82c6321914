"""The columns of the window's tables: trades, runs, symbols, folds and sets."""

from __future__ import annotations

import json
from typing import Any, Final

from bt.gui.tables import Column

KINDS: Final = {"run": "run", "sweep": "sweep", "walk": "walk-forward"}


def _money(value: float) -> str:
    return f"{value + 0.0:,.2f}"


def _price(value: float) -> str:
    return f"{value:,.8g}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _minute(value: str) -> str:
    return value[:16].replace("T", " ")


def _day(value: str) -> str:
    return value[:10]


def _params(value: Any) -> str:
    given = json.loads(value) if isinstance(value, str) else value
    return " ".join(f"{name}={each}" for name, each in given.items())


TRADES: Final = (
    Column("trade", "#", 40, str, number=True),
    Column("symbol", "Symbol", 92),
    Column("side", "Side", 46),
    Column("entry_ts", "Entry", 118, _minute),
    Column("entry_price", "Price", 76, _price, number=True),
    Column("exit_ts", "Exit", 118, _minute),
    Column("exit_price", "Price", 76, _price, number=True),
    Column("pnl", "PnL", 76, _money, number=True),
    Column("r", "R", 46, _ratio, number=True),
    Column("exit_reason", "Why", 60),
    Column("bars", "Bars", 46, _count, number=True),
)
RUNS: Final = (
    Column("run", "Run", 112),
    Column("kind", "Kind", 90, lambda kind: KINDS.get(kind, kind)),
    Column("strategy", "Strategy", 134),
    Column("symbols", "Symbols", 110),
    Column("timeframe", "TF", 36),
    Column("net_profit", "Net profit", 84, _money, number=True),
    Column("sharpe", "Sharpe", 56, _ratio, number=True),
    Column("max_drawdown", "Drawdown", 72, _percent, number=True),
    Column("trades", "Trades", 54, _count, number=True),
    Column("name", "Name", 70),
    Column("status", "Status", 72),
    Column("created", "Made", 118, _minute),
)
SYMBOLS: Final = (
    Column("symbol", "Symbol", 110),
    Column("trades", "Trades", 70, _count, number=True),
    Column("win_rate", "Wins", 70, _percent, number=True),
    Column("pnl", "Net PnL", 100, _money, number=True),
    Column("profit_factor", "Profit factor", 90, _ratio, number=True),
    Column("expectancy_r", "Mean R", 70, _ratio, number=True),
    Column("avg_bars", "Bars", 60, _ratio, number=True),
    Column("costs", "Costs", 90, _money, number=True),
)
FOLDS: Final = (
    Column("fold", "Fold", 46, str, number=True),
    Column("test_first", "Test from", 86, _day),
    Column("test_end", "Test to", 86, _day),
    Column("params", "Chosen", 130, _params),
    Column("in_sharpe", "In Sharpe", 66, _ratio, number=True),
    Column("out_sharpe", "Out Sharpe", 76, _ratio, number=True),
    Column("in_return", "In return", 70, _percent, number=True),
    Column("out_return", "Out return", 74, _percent, number=True),
    Column("out_drawdown", "Drawdown", 74, _percent, number=True),
    Column("out_trades", "Trades", 54, _count, number=True),
)
SETS: Final = (
    Column("rank", "Rank", 50, str, number=True),
    Column("params", "Parameters", 260, _params),
    Column("objective", "Objective", 84, _ratio, number=True),
    Column("sharpe", "Sharpe", 76, _ratio, number=True),
    Column("total_return", "Return", 84, _percent, number=True),
    Column("max_drawdown", "Drawdown", 84, _percent, number=True),
    Column("trades", "Trades", 70, _count, number=True),
    Column("profit_factor", "Profit factor", 90, _ratio, number=True),
)
