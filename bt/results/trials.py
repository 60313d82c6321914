"""How the trials of a sweep or a walk-forward are stored, batch by batch, and how a set is chosen from them.

A batch holds whole parameter sets, all folds and parts of each, in order of their numbers; or, where a sampler learns
in each fold anew, both parts of sets of one fold, in the order in which they were asked for. So what is stored is
always the first so many of them, and the rest can follow later.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import polars as pl

from bt.results.records import as_json
from bt.results.store import endings, insert_outcome, insert_run, narrated
from bt.warehouse import query, registered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from bt.results.records import FoldEnd, FoldRow, HeadRecord, Judging, Stitched, TrialRow
    from bt.warehouse import Warehouse

_KEYS: Final = ("run_id", "fold", "part", "trial", "symbol")  # of all_metrics
_COLUMNS: Final[dict[str, Any]] = {
    "fold": pl.Int32, "part": pl.String, "trial": pl.Int32, "params": pl.String, "params_hash": pl.String,
    "places": pl.List(pl.Int32), "first_ts": pl.Datetime("us"), "end_ts": pl.Datetime("us"), "start_cash": pl.Float64,
    "status": pl.String, "problem": pl.String, "seconds": pl.Float64,
}  # fmt: skip
_CHOSEN: Final = (  # what follows from the rows of `picked`, one a fold
    """
    update trials set chosen = not chosen
    where run_id = $run and chosen <> ((fold, trial) in (select (fold, trial) from picked))
    """,
    "update folds set trial = null, params = null where run_id = $run",
    """
    update folds set trial = picked.trial, params = picked.params
    from picked
    where folds.run_id = $run and folds.fold = picked.fold
    """,
    """
    update runs set params = coalesce((select params from picked where fold = 0), '{}')
    where run_id = $run and kind = 'sweep'
    """,
)


def judged_by(warehouse: Warehouse) -> tuple[str, ...]:
    """Name the columns that an objective and a condition may be made of."""
    names = warehouse.query("select column_name from (describe all_metrics)").to_series().to_list()
    return tuple(name for name in names if name not in _KEYS)


def begin(warehouse: Warehouse, record: HeadRecord, folds: Sequence[FoldRow] = ()) -> str:
    """Write the row of `runs`, its status running, and the folds of a walk-forward; give its id."""
    begun = {"status": "running", "ambiguous": 0} | narrated((), {})
    with warehouse.write() as connection:
        run_id = insert_run(connection, record, begun)
        if folds:
            with registered(connection, new_folds=pl.DataFrame([vars(fold) for fold in folds])):
                connection.execute("insert into folds by name select $run as run_id, * from new_folds", {"run": run_id})
    return run_id


def unfinished(warehouse: Warehouse, content_hash: str) -> str | None:
    """Find the newest run of this content that is still running or was interrupted."""
    return newest(warehouse, content_hash, ("running", "interrupted"))


def newest(warehouse: Warehouse, content_hash: str, statuses: Sequence[str]) -> str | None:
    """Find the newest run of this content that has one of the statuses."""
    found = warehouse.query(
        "select run_id from runs where content_hash = $content and list_contains($statuses, status) "
        "order by repeat desc limit 1",
        {"content": content_hash, "statuses": list(statuses)},
    )
    return None if found.is_empty() else str(found.item())


def stored(warehouse: Warehouse, run_id: str, *, by_fold: bool = False) -> int:
    """Count the parameter sets that are stored, each with all its folds; `by_fold`: the sets of every fold."""
    counted = "count(distinct (fold, trial))" if by_fold else "coalesce(max(trial), 0)"
    return int(warehouse.query(f"select {counted} from trials where run_id = ?", [run_id]).item())


def add(warehouse: Warehouse, run_id: str, trials: Iterable[TrialRow], days: pl.DataFrame, judging: Judging) -> None:
    """Write a batch in one transaction: each trial with its metrics and what they are worth.

    `days`: one row per trial and UTC day, columns `fold, part, trial` and those of the table `days` after them, where
    `start_cash` is taken from the trial. A trial that failed has none. An objective that is no number is stored as
    null. About 3 µs a day of a trial.
    """
    rows = _frame(trials)
    if rows.is_empty():
        return
    held = days.drop("start_cash", strict=False)
    with warehouse.write() as connection, registered(connection, new_trials=rows, new_days=held):
        connection.execute(
            """
            insert into days by name
            select $run as run_id, new_trials.start_cash, new_days.*
            from new_days
            inner join new_trials using (trial, fold, part)
            order by new_days.trial, new_days.fold, new_days.part, new_days.day
            """,
            {"run": run_id},
        )
        _judge(connection, judging, run_id, rows)


class Choice(NamedTuple):
    """A parameter set that was chosen: its number, and its parameters as JSON."""

    trial: int
    params: str


def choose(warehouse: Warehouse, run_id: str, select: Literal["best", "plateau"] = "best") -> dict[int, Choice]:
    """Choose a set for each fold by its in-sample objective; give it by fold, without folds where none qualified.

    Marks the trials, and writes the folds of a walk-forward or the parameters of a sweep. The rule is the view
    `choices`; choosing again forgets what was chosen before.
    """
    with warehouse.write() as connection:
        chosen = query(
            connection,
            "select fold, trial, params from choices where run_id = $run and way = $way order by fold",
            {"run": run_id, "way": select},
        )
        with registered(connection, picked=chosen):
            for statement in _CHOSEN:
                connection.execute(statement, {"run": run_id})
    return {fold: Choice(trial, params) for fold, trial, params in chosen.iter_rows()}


def finish(
    warehouse: Warehouse,
    run_id: str,
    *,
    warnings: Iterable[str],
    timings: Mapping[str, float],
    stitched: Stitched | None = None,
) -> None:
    """Say that a sweep, or a walk-forward with its stitched run, is done: all of it in one transaction."""
    ended = endings(stitched.done, stitched.envelope) if stitched else {"status": "finished"}
    with warehouse.write() as connection:
        _set_status(connection, run_id, ended | narrated(warnings, timings))
        if stitched:
            [(cash,)] = connection.execute("select start_cash from runs where run_id = ?", [run_id]).fetchall()
            insert_outcome(connection, run_id, stitched.done, cash)
            _stitch(connection, run_id, stitched.folds)


def interrupt(warehouse: Warehouse, run_id: str) -> None:
    """Say that a sweep or walk-forward was stopped; what is stored of it stays, and can be continued."""
    with warehouse.write() as connection:
        _set_status(connection, run_id, {"status": "interrupted"})


def resume(warehouse: Warehouse, run_id: str) -> None:
    """Say that a sweep or walk-forward that was stopped goes on."""
    with warehouse.write() as connection:
        _set_status(connection, run_id, {"status": "running"})


def _frame(trials: Iterable[TrialRow]) -> pl.DataFrame:
    """Give the rows of `trials`, without run and metrics."""
    return pl.DataFrame([_row(each) for each in trials], schema=_COLUMNS, orient="row")


def _row(trial: TrialRow) -> tuple[Any, ...]:
    params, all_ = as_json(trial.params), as_json({**trial.defaults, **trial.params})
    return (
        trial.fold, trial.part, trial.trial, params, hashlib.sha256(all_.encode()).hexdigest(),
        None if trial.places is None else list(trial.places), trial.first, trial.end, trial.start_cash,
        trial.status, trial.problem, trial.seconds,
    )  # fmt: skip


def _judge(connection: duckdb.DuckDBPyConnection, judging: Judging, run_id: str, rows: pl.DataFrame) -> None:
    """Insert the trials of a batch, registered as `new_trials`, with their metrics.

    An expression that fails, the logarithm of 0 for one, is undefined.
    """
    folds = rows.select(first_fold=pl.col("fold").min(), last_fold=pl.col("fold").max()).row(0, named=True)
    where = f"coalesce(try({judging.where}), false)" if judging.where else "true"
    connection.execute(
        f"""
        insert into trials by name
        with measured as (
            select
                *,
                try(({judging.objective})::double) as worth,
                trades >= $min_trades and {where} as holds,
            from all_metrics
            where run_id = $run and part in ('in', 'out') and symbol is null
                and fold between $first_fold and $last_fold and ({_spans(rows["trial"])})
        )

        select
            $run as run_id,
            new_trials.*,
            false as chosen,
            case when isfinite(measured.worth) and status = 'finished' then measured.worth end as objective,
            coalesce(measured.holds, false) and status = 'finished' as qualified,
            measured.* exclude ({", ".join((*_KEYS, "start_cash", "worth", "holds"))}),
        from new_trials
        left join measured using (trial, fold, part)
        order by new_trials.trial, new_trials.fold, new_trials.part
        """,
        {"run": run_id, **folds, "min_trades": judging.min_trades},
    )


def _spans(numbers: pl.Series) -> str:
    """Give the condition that a trial is one of these, in terms that reach the days before they are measured."""
    known = numbers.unique().sort()
    apart = known.to_frame("trial").group_by(known - pl.int_range(len(known), eager=True), maintain_order=True)
    spans = apart.agg(pl.col("trial").min().alias("first"), pl.col("trial").max().alias("last"))
    return " or ".join(f"trial between {first:d} and {last:d}" for _, first, last in spans.iter_rows())


def _set_status(connection: duckdb.DuckDBPyConnection, run_id: str, changes: Mapping[str, Any]) -> None:
    """Change the row of a run that is not finished yet, and count its sets."""
    [(changed,)] = connection.execute(
        f"""
        update runs
        set {", ".join(f"{name} = ${name}" for name in changes)},
            sets = (select count(distinct params_hash) from trials where run_id = $run)
        where run_id = $run and status in ('running', 'interrupted')
        """,
        {"run": run_id, **changes},
    ).fetchall()
    if not changed:
        raise RuntimeError(f"{run_id} is finished, or there is no such run")


def _stitch(connection: duckdb.DuckDBPyConnection, run_id: str, folds: Sequence[FoldEnd]) -> None:
    for fold in folds:
        connection.execute(
            "update folds set stitched_end = $stitched_end, start_equity = $start_equity, end_equity = $end_equity "
            "where run_id = $run and fold = $fold",
            {"run": run_id, **vars(fold)},
        )
