"""How a sweep or walk-forward stands: what its sets are worth so far, and whether it is finished."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bt.results.trials import newest

if TYPE_CHECKING:
    from bt.warehouse import Warehouse

_WORTH = """
    select trial, any_value(params order by fold) as params, avg(objective order by fold) as worth
    from trials
    where run_id = $run and part = 'in' and qualified and objective is not null
        and trial between $first and $last
    group by trial
"""
_ALL = 2**31 - 1


def worth(warehouse: Warehouse, run_id: str, first: int, last: int) -> dict[int, float]:
    """Give the mean in-sample objective over folds of the sets `first` to `last` that qualified, by number."""
    rows = warehouse.query(f"select trial, worth from ({_WORTH})", {"run": run_id, "first": first, "last": last})
    return dict(rows.iter_rows())


def best(warehouse: Warehouse, run_id: str) -> str:
    """Say which set is best so far, by its mean in-sample objective; empty = none qualified."""
    asked = {"run": run_id, "first": 1, "last": _ALL}
    rows = warehouse.query(f"select params, worth from ({_WORTH}) order by worth desc, trial limit 1", asked)
    if rows.is_empty():
        return ""
    params = ", ".join(f"{name} {value}" for name, value in json.loads(rows["params"][0]).items())
    return f"{rows['worth'][0]:.4g} with {params}"


def finished(warehouse: Warehouse, content_hash: str) -> str | None:
    """Find the newest run of this content that is done."""
    return newest(warehouse, content_hash, ("finished", "ruined"))


def discard(warehouse: Warehouse, run_id: str) -> None:
    """Take back a head of which nothing was stored."""
    with warehouse.write() as connection:
        for table in ("folds", "runs"):
            connection.execute(
                f"delete from {table} where run_id = $run and not exists (from trials where run_id = $run)",
                {"run": run_id},
            )
