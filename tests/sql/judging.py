"""Walks, sweeps and runs to judge, made of daily returns, with the rows that bt stores of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from bt.warehouse import Warehouse, registered
from tests.sql.given import DULL, START

Array = np.ndarray[Any, Any]

CASH = 1000.0
CONFIG = {"account": {"cash": CASH}, "costs": {}, "execution": {}, "instruments": []}
UNTRADED = {name: value for name, value in DULL["days"].items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Made:
    """One run and what belongs to it, table to rows."""

    tables: dict[str, pl.DataFrame]

    def store(self, warehouse: Warehouse) -> None:
        """Add the rows to a warehouse; metrics of runs and walks are materialised as bt does."""
        for table, full in self.tables.items():
            frame = full.drop(name for name, kind in full.schema.items() if kind == pl.Null)  # DuckDB cannot read those
            with warehouse.write() as connection, registered(connection, given=frame):
                connection.execute(f"insert into {table} by name select * from given")
        with warehouse.write() as connection:
            connection.execute(
                "insert into run_metrics by name select * from metrics where run_id = ?",
                [self.tables["runs"]["run_id"].item()],
            )


def day_rows(returns: Array, first: datetime, **keys: Any) -> pl.DataFrame:
    """Give the days of accounts, one for each column of returns; keys that are lists have a value for each of them."""
    days, accounts = returns.shape
    equity = CASH * np.cumprod(1 + returns, axis=0)
    high = np.maximum(np.maximum.accumulate(equity, axis=0), CASH)
    each = {name: np.repeat(value, days) for name, value in keys.items() if isinstance(value, list)}
    dates = pl.date_range(first, first + timedelta(days=days - 1), eager=True)
    return pl.DataFrame(
        {
            **{name: value for name, value in UNTRADED.items() if name not in {"start_cash", "day"}},
            **{name: value for name, value in keys.items() if name not in each},
            "day": pl.concat([dates] * accounts),
            "start_cash": CASH,
            "equity": equity.T.ravel(),
            "high": high.T.ravel(),
            "drawdown": (equity / high - 1).T.ravel(),
            **each,
        }
    )


def sharpes(returns: Array) -> Array:
    """Give the annual Sharpe ratio of each column; null (nan) where nothing varies."""
    deviation = returns.std(axis=0, ddof=1)
    return np.asarray(returns.mean(axis=0) / np.where(deviation > 1e-12, deviation, np.nan) * np.sqrt(365))


def trial_rows(
    run_id: str, fold: int, part: str, returns: Array, places: Array | None, first: datetime
) -> pl.DataFrame:
    """Give the rows of trials of one fold part, one for each column of returns; the objective is the Sharpe ratio."""
    days, sets = returns.shape
    objective = sharpes(returns)
    chosen = np.zeros(sets, dtype=bool)
    if part == "in" and not np.isnan(objective).all():
        chosen[np.nanargmax(objective)] = True
    end = CASH * np.prod(1 + returns, axis=0)
    centred = returns - returns.mean(axis=0)
    moment = np.where(np.isnan(objective), np.nan, np.mean(centred**2, axis=0))
    params = [json.dumps({"x": number}) for number in range(1, sets + 1)]
    hashes = [hashlib.sha256(each.encode()).hexdigest() for each in params]
    frame = pl.DataFrame(
        {
            "run_id": run_id, "fold": fold, "part": part, "trial": np.arange(1, sets + 1), "params": params,
            "params_hash": hashes, "first_ts": first, "end_ts": first + timedelta(days=days), "chosen": chosen,
            "objective": objective, "qualified": True, "status": "finished", "start_cash": CASH, "seconds": 0.0,
            "end_equity": end, "net_profit": end - CASH, "total_return": end / CASH - 1, "days": days,
            "sharpe": objective, "skew": np.mean(centred**3, axis=0) / moment**1.5,
            "kurtosis": np.mean(centred**4, axis=0) / moment**2, "max_drawdown": -0.1, "trades": 30,
        }
    ).fill_nan(None)  # fmt: skip
    return frame if places is None else frame.with_columns(places=pl.Series(places.tolist(), dtype=pl.List(pl.Int32)))


def run_row(run_id: str, kind: str, days: int, **changes: Any) -> pl.DataFrame:
    """Give the row of `runs`."""
    row = DULL["runs"] | {
        "run_id": run_id, "kind": kind, "end_ts": START + timedelta(days=days), "config": json.dumps(CONFIG),
        "timeframe": "1d",
    }  # fmt: skip
    return pl.DataFrame([row | changes]).drop("buy_hold")


def walk(
    returns: Array,
    *,
    run_id: str = "w",
    train: int = 180,
    test: int = 30,
    places: Array | None = None,
    in_days: bool = False,
    **changes: Any,
) -> Made:
    """Walk forward over returns by day and set: each fold uses the set with the highest in-sample Sharpe ratio."""
    sets = list(range(1, returns.shape[1] + 1))
    days, trials, folds, stitched = [], [], [], []
    equity = CASH
    for fold, place in enumerate(range(train, returns.shape[0] - test + 1, test), start=1):
        first, split = START + timedelta(days=place - train), START + timedelta(days=place)
        ins, outs = returns[place - train : place], returns[place : place + test]
        keys: dict[str, Any] = {"run_id": run_id, "fold": fold, "trial": sets}
        days += [day_rows(ins, first, part="in", **keys)] * in_days + [day_rows(outs, split, part="out", **keys)]
        inside = trial_rows(run_id, fold, "in", ins, places, first)
        outside = trial_rows(run_id, fold, "out", outs, places, split)
        chosen = inside.filter("chosen")
        number = None if chosen.is_empty() else int(chosen["trial"].item())
        trials += [inside, outside.with_columns(chosen=pl.col("trial").eq(number or 0))]
        stitched.append(np.zeros(test) if number is None else outs[:, number - 1])
        end = equity * float(np.prod(1 + stitched[-1]))
        folds.append({
            "run_id": run_id, "fold": fold, "train_first": first, "train_end": split, "test_first": split,
            "test_end": split + timedelta(days=test), "trial": number,
            "params": None if number is None else str(chosen["params"].item()),
            "stitched_end": split + timedelta(days=test), "start_equity": equity, "end_equity": end,
        })  # fmt: skip
        equity = end
    curve = day_rows(np.concatenate(stitched)[:, None], START + timedelta(days=train), run_id=run_id)
    head = run_row(run_id, "walk", returns.shape[0], **changes)
    return Made(tables={
        "runs": head, "folds": pl.DataFrame(folds, infer_schema_length=None),
        "trials": pl.concat(trials, how="diagonal_relaxed"),
        "days": pl.concat([*days, curve], how="diagonal_relaxed"),
    })  # fmt: skip


def sweep(returns: Array, *, run_id: str = "s", places: Array | None = None, **changes: Any) -> Made:
    """Try every set on all days: the one with the highest Sharpe ratio is chosen."""
    sets: Sequence[int] = list(range(1, returns.shape[1] + 1))
    return Made(tables={
        "runs": run_row(run_id, "sweep", returns.shape[0], **changes),
        "trials": trial_rows(run_id, 0, "in", returns, places, START),
        "days": day_rows(returns, START, run_id=run_id, part="in", trial=sets),
    })  # fmt: skip


def single(returns: Array, *, run_id: str = "r", **changes: Any) -> Made:
    """Run once."""
    return Made(tables={
        "runs": run_row(run_id, "run", len(returns), **changes),
        "days": day_rows(returns[:, None], START, run_id=run_id),
    })  # fmt: skip


def noise(random: np.random.Generator, *, sets: int, days: int, shared: float = 0.5, sharpe: float = 0.0) -> Array:
    """Give normal daily returns of 2 % by day and set, with this correlation of the sets and annual Sharpe ratio."""
    own, common = random.standard_normal((days, sets)), random.standard_normal((days, 1))
    return np.asarray(0.02 * (np.sqrt(shared) * common + np.sqrt(1 - shared) * own + sharpe / np.sqrt(365)))
