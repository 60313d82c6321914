"""A stored run and its results: every frame is a query of the warehouse's views."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError, hint
from bt.results import standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from bt.warehouse import Warehouse

_NONE: Final = "–"  # noqa: RUF001 - what is undefined
_LATEST: Final = re.compile(r"latest(?:~(\d+))?")


@dataclass(frozen=True)
class Run:
    """One stored run."""

    warehouse: Warehouse
    run_id: str
    seconds: Mapping[str, float] = field(default_factory=dict)  # stage to wall time, of a run just made
    known: bool = False  # it was stored before, and nothing was tried anew

    def get_results(self) -> Results:
        """Give the run's results, read from the warehouse's views."""
        return Results(self.warehouse, self.run_id)


class Results:
    """Read what a run did; each frame is a query that is made when it is first asked for."""

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        self.warehouse = warehouse
        self.run_id = run_id

    def sql(self, query: str) -> pl.DataFrame:
        """Run a SELECT on the warehouse, with `$run` standing for this run's id."""
        return self.warehouse.query(query, {"run": self.run_id} if "$run" in query else None)

    def to_polars(self, relation: str) -> pl.DataFrame:
        """Give the rows of any table or view that are of this run, such as `trades`, `drawdowns` or `trials`.

        Raises `BtError` where there is no such relation, or none with a `run_id`.
        """
        known = self.sql("select distinct table_name from duckdb_columns() where column_name = 'run_id'")
        names = sorted(known["table_name"].to_list())
        if relation not in names:
            raise BtError(f"there is no relation {relation!r} with rows of runs", hint(relation, names))
        return self.sql(f"from {relation} where run_id = $run")

    @cached_property
    def run(self) -> dict[str, Any]:
        """Give the row of `runs`; one that is stored as running, but that no process works on, is interrupted."""
        row = self._rows("runs").row(0, named=True)
        if row["status"] == "running":
            row["sets"] = self.sql("select count(distinct trial) from trials where run_id = $run").item()
            if self.run_id in standing.abandoned(self.warehouse):
                row["status"] = "interrupted"
        return row

    @cached_property
    def metrics(self) -> pl.DataFrame:
        """Give one row with every metric, null where it is undefined; the view's comments define them."""
        return self._rows("metrics")

    @property
    def figures(self) -> dict[str, Any]:
        """Give the metrics by name, None where undefined; none at all where nothing was traded to the end."""
        return self.metrics.row(0, named=True) if self.metrics.height else {}

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Give one row per trade, in order of entry."""
        return self._rows("trades", "trade")

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Give one row per fill, in order of happening."""
        return self._rows("fills", "n")

    @cached_property
    def rejections(self) -> pl.DataFrame:
        """Give one row per refused or shrunk order."""
        return self._rows("rejections", "n")

    @cached_property
    def funding_payments(self) -> pl.DataFrame:
        """Give one row per funding payment, in order of time."""
        return self._rows("funding_payments", "ts, symbol, trade")

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Give one row per bar time."""
        return self._rows("equity", "ts")

    @cached_property
    def returns(self) -> pl.DataFrame:
        """Give one row per UTC day."""
        return self.sql("from returns where run_id = $run and part = 'run' order by day")

    @cached_property
    def by_symbol(self) -> pl.DataFrame:
        """Give one row per symbol traded."""
        return self._rows("metrics_by_symbol", "symbol")

    @cached_property
    def monthly(self) -> pl.DataFrame:
        """Give one row per calendar month."""
        return self._rows("monthly", "month")

    @cached_property
    def trials(self) -> pl.DataFrame:
        """Give one row per parameter set and fold part: its parameters and the metrics it was judged by."""
        return self._rows("trials", "fold, trial, part")

    @cached_property
    def folds(self) -> pl.DataFrame:
        """Give one row per fold: what was chosen in it, and how it did in-sample and out-of-sample."""
        return self._rows("walk_forward", "fold")

    @cached_property
    def top(self) -> pl.DataFrame:
        """Give the best parameter sets of each fold, and over all folds (fold 0), by their in-sample objective."""
        return self._rows("top_configs", "fold, rank")

    @cached_property
    def overfitting(self) -> pl.DataFrame:
        """Give one row per figure that tells skill from luck, with its threshold and why it may be undefined."""
        return self._rows("overfitting", "figure")

    @property
    def verdict(self) -> str:
        """Say in a sentence what the figures come to."""
        return str(self._rows("verdicts")["sentence"].item())

    def __repr__(self) -> str:
        lines = [f"{self.run['strategy']} · {self.run['symbols']} · {self.run['timeframe']} · run {self.run_id}"]
        if self.run["sets"] is not None:
            lines += [f"{self.run['kind']}, {self.run['status']}", f"{'sets':<24}{self.run['sets']}"]
        lines += [f"{name:<24}{_figure(value)}" for name, value in self.figures.items() if name != "run_id"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from bt.results.shown import as_html

        return as_html(self)

    def _rows(self, relation: str, order: str = "run_id") -> pl.DataFrame:
        return self.sql(f"from {relation} where run_id = $run order by {order}")


def find(warehouse: Warehouse, wanted: str) -> Run:
    """Find a run by id, unique prefix, name, `latest` or `latest~1`."""
    match = _LATEST.fullmatch(wanted)
    if match:
        back = int(match[1] or 0)
        rows = warehouse.query("select run_id from runs order by created_ts desc, run_id limit 1 offset ?", [back])
        if rows.is_empty():
            raise BtError(f"there is no run {wanted}", "bt runs lists them; bt run makes one")
        return Run(warehouse, rows.item())
    rows = warehouse.query(
        "select run_id, run_id = $it or name = $it as exact from runs "
        "where starts_with(run_id, $it) or name = $it order by exact desc, created_ts desc",
        {"it": wanted},
    )
    exact = rows.filter(rows["exact"].fill_null(value=False))
    found = (exact if exact.height else rows)["run_id"].to_list()
    if not found or not wanted:
        raise BtError(f"there is no run {wanted!r}", "bt runs lists them")
    if len(found) > 1:
        raise BtError(f"{len(found)} runs begin with or are named {wanted!r}", f"say which: {', '.join(found[:5])}")
    return Run(warehouse, found[0])


def _figure(value: Any) -> str:
    if value is None:
        return _NONE
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
