"""Rows for tests of results: name only what matters, the rest of a row is dull; a sound run to break."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest

from bt.warehouse import Warehouse, registered

Row = dict[str, Any]

FIRST_DAY = date(2024, 1, 1)
START = datetime(2024, 1, 1)
DULL: dict[str, Row] = {
    "runs": {
        "run_id": "a", "content_hash": "", "repeat": 1, "kind": "run", "strategy": "", "params": "{}", "symbols": "X",
        "timeframe": "1h", "first_ts": START, "end_ts": START, "quote": "USDT", "start_cash": 1000.0, "config": "{}",
        "data_fingerprint": "", "strategy_source": "", "strategy_hash": "", "versions": "{}", "status": "finished",
        "bars": 0, "buy_hold": None, "ambiguous": 0, "warnings": "[]", "timings": "{}", "created_ts": START,
    },
    "days": {
        "run_id": "a", "fold": 0, "part": "run", "trial": 0, "day": FIRST_DAY, "start_cash": 1000.0, "equity": 1000.0,
        "high": 1000.0, "drawdown": 0.0, "bars": 1, "bars_in_market": 0, "fees": 0.0, "slippage": 0.0,
        "turnover": 0.0, "ambiguous": 0, "liquidations": 0, "slipped_value": 0.0, "funding": 0.0, "trades": 0,
        "longs": 0, "wins": 0, "gross_profit": 0.0,
        "gross_loss": 0.0, "pnl_squares": 0.0, "best": None, "worst": None, "r_trades": 0, "r_sum": 0.0,
        "trade_bars": 0,
    },
    "trials": {
        "run_id": "a", "fold": 0, "part": "in", "trial": 1, "params": "{}", "params_hash": "", "places": [0],
        "first_ts": START, "end_ts": START, "chosen": False, "objective": 1.0, "qualified": True, "status": "finished",
        "start_cash": 1000.0, "seconds": 0.0,
    },
    "run_metrics": {"run_id": "a"},
    "fills": {
        "run_id": "a", "n": 1, "symbol": "X", "ts": START, "minute": None, "bar": 0, "side": "buy", "qty": 1.0,
        "price": 100.0, "reference": 100.0, "fee": 0.0, "slippage": 0.0, "kind": "market", "reason": "signal",
        "trade": 1, "opens": True, "stop": None, "worst": None, "best": None, "ambiguous": False, "gap_overlap": False,
    },
    "equity": {"run_id": "a", "ts": START, "equity": 1000.0, "cash": 1000.0, "gross": 0.0, "net": 0.0},
    "funding_payments": {
        "run_id": "a", "symbol": "X", "ts": START, "trade": 1, "qty": 1.0, "mark": 100.0, "rate": 0.0, "amount": 0.0,
    },
    "candles": {
        "symbol": "X", "ts": START, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1.0,
        "turnover": None,
    },
    "funding": {"symbol": "X", "ts": START, "rate": 0.0001, "mark": None},
    "ingests": {
        "ingest_id": 1, "kind": "candles", "symbol": "X", "source": "x.csv", "asked_first": START, "asked_last": START,
        "first_ts": START, "last_ts": START, "rows_came": 1, "rows_stored": 1, "rows_changed": 0, "rows_rejected": 0,
        "content_hash": "", "written_ts": START,
    },
    "instruments": {
        "symbol": "X", "valid_from": datetime(1970, 1, 1), "exchange": "bybit", "category": "linear", "as_of": START,
        "source": "test",
    },
    "verifications": {
        "run_id": "a", "engine": "backtrader", "version": "1", "profile": "{}", "trades": 0, "differences": 0,
        "first_difference": None, "complaints": "[]", "bars": 0, "equity_gap": 0.0, "tolerance": 1e-9, "matches": True,
        "unexplained": 0, "rules": "[]", "created_ts": START,
    },
}  # fmt: skip


def frames(**tables: Iterable[Row]) -> dict[str, pl.DataFrame]:
    """Give each table's rows as a frame, completed by dull values."""
    return {table: _frame([DULL[table] | row for row in rows]) for table, rows in tables.items() if rows}


def _frame(complete: list[Row]) -> pl.DataFrame:
    frame = pl.DataFrame(complete, infer_schema_length=None)
    untyped = [name for name, kind in frame.schema.items() if kind == pl.Null]  # DuckDB cannot read a column of nothing
    return frame.with_columns(
        pl.col(name).cast(pl.Datetime("us") if name == "minute" else pl.Float64) for name in untyped
    )


@cache
def _warehouse() -> Warehouse:
    return Warehouse(":memory:")


def holding(**tables: Iterable[Row]) -> Warehouse:
    """Give the warehouse in memory that all tests share (making one takes long), holding these rows and no others."""
    warehouse = _warehouse()
    for table in DULL:
        with warehouse.write() as connection:
            connection.execute(f"delete from {table}")
    for table, frame in frames(**tables).items():
        with warehouse.write() as connection, registered(connection, given=frame):
            connection.execute(f"insert into {table} by name select * from given")
    return warehouse


def rows(warehouse: Warehouse, sql: str) -> list[Row]:
    """Give the rows of a query."""
    return warehouse.query(sql).to_dicts()


def near(expected: Any) -> Any:
    """Let the numbers in a row, or in rows, differ by 1e-12; everything else must be equal."""
    if isinstance(expected, dict):
        return {name: near(value) for name, value in expected.items()}
    if isinstance(expected, list | tuple):
        return type(expected)(near(value) for value in expected)
    return pytest.approx(expected, rel=1e-12, abs=1e-12) if isinstance(expected, float) else expected


def account(equities: Sequence[float], *, start: float = 1000.0, **keys: Any) -> list[Row]:
    """Give the days of an account by their last equities, one bar a day: high and drawdown follow."""
    highs = [max(start, *equities[: place + 1]) for place in range(len(equities))]
    return [
        {
            "day": FIRST_DAY + timedelta(days=place),
            "start_cash": start,
            "equity": float(equity),
            "high": float(high),
            "drawdown": equity / high - 1,
            **keys,
        }
        for place, (equity, high) in enumerate(zip(equities, highs, strict=True))
    ]


def sound_run() -> dict[str, list[Row]]:
    """Give the facts of one small run without a fault: a long over midnight that wins 18.8 after 0.2 of funding."""
    hours = [START + timedelta(hours=hour) for hour in (22, 23, 24, 25)]
    entry = {
        "n": 1, "ts": hours[1], "bar": 1, "qty": 2.0, "price": 100.5, "reference": 100.0, "fee": 0.5, "slippage": 1.0,
        "stop": 95.0,
    }  # fmt: skip
    leave = {
        "n": 2, "ts": hours[3], "bar": 3, "side": "sell", "qty": 2.0, "price": 110.5, "reference": 111.0, "fee": 0.5,
        "slippage": 1.0, "opens": False, "worst": 99.0, "best": 112.0,
    }  # fmt: skip
    ends = (1000.0, 1001.5, 1001.0, 1018.8)
    costs = {"fees": 0.5, "slippage": 1.0}
    won = {"trades": 1, "longs": 1, "wins": 1, "gross_profit": 18.8, "pnl_squares": 18.8**2, "best": 18.8}
    return {
        "runs": [{"buy_hold": 0.1}],
        "fills": [entry, leave],
        "funding_payments": [{"ts": hours[2], "qty": 2.0, "mark": 100.0, "rate": 0.001, "amount": -0.2}],
        "equity": [{"ts": ts, "equity": end} for ts, end in zip(hours, ends, strict=True)],
        "days": [
            {"equity": 1001.5, "high": 1001.5, "bars": 2, "bars_in_market": 1, "slipped_value": 201.0, **costs},
            {
                "day": FIRST_DAY + timedelta(days=1), "equity": 1018.8, "high": 1018.8,
                "drawdown": 1001.0 / 1001.5 - 1, "bars": 2, "bars_in_market": 1,
                "funding": -0.2, "slipped_value": 221.0, "worst": 18.8, "r_trades": 1, "r_sum": 18.8 / 11,
                "trade_bars": 2, **costs, **won,
            },
        ],
        "candles": [{"ts": ts} for ts in hours],
        "ingests": [{"first_ts": hours[0], "last_ts": hours[3], "rows_came": 4, "rows_stored": 4}],
    }  # fmt: skip
