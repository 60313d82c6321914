"""A stored run made again from what is stored of it: its request, and what happens now beside what happened then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bt.engine import Account, Costs, Execution
from bt.errors import BtError
from bt.results import differing, store
from bt.strategy.base import made
from bt.strategy.ground import Request
from bt.strategy.listening import Clock, Deaf, Listener
from bt.strategy.run import Test

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from bt.results import Record, Results
    from bt.strategy.base import BaseStrategy


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay came to: the first difference from what is stored, if any, and what may be why."""

    run_id: str
    compared: Mapping[str, int]  # rows of each table that were held against the stored ones
    difference: differing.Difference | None
    reasons: differing.Reasons
    trial: Mapping[str, Any] | None = None  # of which the difference is: fold, part, trial
    saved: str | None = None  # id of the run that it was stored as
    seconds: Mapping[str, float]


def replay(
    results: Results, strategy: type[BaseStrategy], *, save: bool = False, listener: Listener | None = None
) -> Replayed:
    """Make a run again with its stored request and parameters, and `strategy`; nothing is stored unless `save`."""
    row, clock = results.run, Clock(listener or Deaf())
    test = Test.begun(made(strategy, json.loads(row["params"])), results.warehouse, request_of(row), clock)
    done = test.trade()
    saved = None
    if save:
        record = test.record(done, tuple(test.seen_ahead()))
        saved = store(results.warehouse, record, done.simulation, clock.seconds)
    stored = differing.happened(results)
    now = differing.happening(done.simulation, stored)
    return Replayed(
        run_id=results.run_id, compared=heights(stored), difference=differing.first_difference(stored, now),
        reasons=since(row, test.head()), saved=saved, seconds=clock.seconds,
    )  # fmt: skip


def request_of(row: Mapping[str, Any]) -> Request:
    """Give what a run was asked to do, from its row of `runs`; it is not examined for look-ahead again."""
    config = json.loads(row["config"])
    span = config.get("span") or {"first": row["first_ts"].isoformat(), "end": row["end_ts"].isoformat()}
    costs = {name: value for name, value in config["costs"].items() if name != "rates"}
    try:
        return Request(
            symbols=tuple(row["symbols"].split(",")), timeframe=row["timeframe"],
            first=datetime.fromisoformat(span["first"]), end=datetime.fromisoformat(span["end"]),
            account=Account(**config["account"]), costs=Costs(**costs), execution=Execution(**config["execution"]),
            note=row["note"],  # a name tells one run from another
        )  # fmt: skip
    except TypeError as error:
        version = json.loads(row["versions"]).get("bt", "?")
        raise BtError(f"{row['run_id']} was told what this bt does not know: {error}", f"use bt {version}") from None


def since(row: Mapping[str, Any], record: Record) -> differing.Reasons:
    """Hold what is stored of a run against what it is made of now."""
    now = {**record.row(), "settings": row["settings"]}
    return differing.reasons(row, now)


def heights(frames: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Give how many rows each frame has."""
    return {name: frame.height for name, frame in frames.items()}
