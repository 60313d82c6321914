"""How a sweep or walk-forward stands: what its sets are worth so far, and whether it is finished."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bt.errors import BusyError
from bt.results.trials import newest
from bt.warehouse import lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bt.warehouse import Warehouse


def worth(warehouse: Warehouse, run_id: str, fold: int, numbers: Sequence[int]) -> dict[int, float]:
    """Give the in-sample objective in a fold of those of the sets that qualified there, by number."""
    rows = warehouse.query(
        "select trial, objective from trials where run_id = $run and fold = $fold and part = 'in' "
        "and qualified and objective is not null and list_contains($numbers, trial)",
        {"run": run_id, "fold": fold, "numbers": list(numbers)},
    )
    return dict(rows.iter_rows())


def best(warehouse: Warehouse, run_id: str) -> str:
    """Say which set is best so far, by its mean in-sample objective; empty = none qualified."""
    rows = warehouse.query(
        """
        select any_value(params order by fold) as params, avg(objective order by fold) as worth
        from trials
        where run_id = ? and part = 'in' and qualified and objective is not null
        group by trial
        order by worth desc, trial asc
        limit 1
        """,
        [run_id],
    )
    if rows.is_empty():
        return ""
    params = ", ".join(f"{name} {value}" for name, value in json.loads(rows["params"][0]).items())
    return f"{rows['worth'][0]:.4g} with {params}"


def finished(warehouse: Warehouse, content_hash: str) -> str | None:
    """Find the newest run of this content that is done."""
    return newest(warehouse, content_hash, ("finished", "ruined"))


def abandoned(warehouse: Warehouse) -> set[str]:
    """Give the runs that are stored as running, but that no process works on: it was killed; each can be resumed."""
    with warehouse.read():  # meanwhile nobody removes a run's lock
        running = warehouse.query("select run_id from runs where status = 'running'")["run_id"].to_list()
        return {run_id for run_id in running if not _is_held(place_of(warehouse, run_id))}


def place_of(warehouse: Warehouse, run_id: str) -> Path | None:
    """Give the path beside which the lock of a run under way lies; None in memory, where there is none."""
    if warehouse.path is None:
        return None
    real = warehouse.path.resolve()  # whatever name it is called by
    return real.with_name(f"{real.name}.{run_id}")


def _is_held(place: Path | None) -> bool:
    if place is None or lock.holders(place):
        return True
    if not place.with_name(f"{place.name}.lock").exists():
        return False
    try:
        with lock.held(place, exclusive=False, wait=0.0):
            return False
    except BusyError:  # by this very process, or where the system does not tell by whom
        return True


def discard(warehouse: Warehouse, run_id: str) -> None:
    """Take back a head of which nothing was stored."""
    with warehouse.write() as connection:
        for table in ("folds", "runs"):
            connection.execute(
                f"delete from {table} where run_id = $run and not exists (from trials where run_id = $run)",
                {"run": run_id},
            )
