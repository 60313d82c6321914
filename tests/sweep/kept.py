"""What a sweep or walk-forward left in the warehouse, as frames that can be compared bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

import bt
from bt import BaseStrategy, assets
from tests.sweep.strategies import Cross, Gambler, Pending, Weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.warehouse import Warehouse

SYMBOLS = ("ALPHAUSDT", "BETAUSDT")
KEYS = ("run_id", "fold", "part", "trial")
CLOCKS = {"runs": ("created_ts", "timings"), "trials": ("seconds",)}
ORDERS = {
    "runs": "run_id",
    "folds": "fold",
    "trials": "trial, fold, part",
    "days": "trial, fold, part, day",
    "fills": "n",
    "rejections": "n",
    "funding_payments": "ts, symbol, trade",
    "equity": "ts",
    "run_metrics": "run_id",
}

SETTINGS: dict[str, tuple[type[BaseStrategy], dict[str, Any]]] = {  # a strategy and how it is tested
    "entries, drilled": (
        Cross,
        {"symbols": SYMBOLS, "timeframe": "1h", "account": bt.Account(sizing="equity", size=0.4)},
    ),
    "targets": (
        Weights,
        {"symbols": SYMBOLS, "timeframe": "15m", "execution": bt.Execution(rebalance_band=0.02)},
    ),
    "pending, one slot": (
        Pending,
        {
            "symbols": SYMBOLS, "timeframe": "1h", "account": bt.Account(sizing="risk", max_positions=1, leverage=3.0),
            "execution": bt.Execution(intrabar="favourable", max_volume_share=0.01),
        },
    ),
    "ruined": (
        Gambler,
        {
            "symbols": SYMBOLS[:1], "timeframe": "1h",
            "account": bt.Account(sizing="notional", size=5_000, leverage=100, margin="cross", mmr=0.0),
            "costs": bt.Costs(taker=0.03),
        },
    ),
    "4h, no funding": (
        Cross,
        {
            "symbols": SYMBOLS[1:], "timeframe": "4h", "account": bt.Account(sizing="quantity", size=1.0),
            "execution": bt.Execution(stop=0.02, take=0.03, trail=0.02, close_at_end=False),
            "costs": bt.Costs(funding=False, slippage_ticks=1),
        },
    ),
}  # fmt: skip


def kept(warehouse: Warehouse, run_id: str, *without: str) -> dict[str, pl.DataFrame]:
    """Give all tables of a run, in order, without wall clocks and the columns `without`."""
    found = {}
    with warehouse.read():
        for table, order in ORDERS.items():
            frame = warehouse.query(f"from {table} where run_id = ? order by {order}", [run_id])
            found[table] = frame.drop(*CLOCKS.get(table, ()), *without, strict=False)
    return found


def alike(one: Mapping[str, pl.DataFrame], two: Mapping[str, pl.DataFrame]) -> None:
    """Say where two runs differ, if they do."""
    for table, frame in one.items():
        assert frame.equals(two[table]), (table, frame, two[table])


def unsound(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of every check that found something."""
    files = sorted((assets.folder("sql") / "checks").glob("*.sql"))
    found = {file.stem: warehouse.query(file.read_text(encoding="utf-8")).rows() for file in files}
    return {name: rows for name, rows in found.items() if rows}


def as_run(strategy: BaseStrategy, warehouse: Warehouse, **settings: Any) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Run one set by itself; give its days and metrics as a trial has them."""
    run = strategy.run(warehouse, lookahead=0, **settings)
    with warehouse.read():
        days = warehouse.query("from days where run_id = ? order by day", [run.run_id]).drop(*KEYS)
        [metrics] = warehouse.query(
            "select * exclude (run_id, fold, part, trial, symbol, start_cash) from all_metrics "
            "where run_id = ? and part = 'run' and symbol is null",
            [run.run_id],
        ).to_dicts()
    return days, metrics
