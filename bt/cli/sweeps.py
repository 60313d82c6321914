"""How sweeps are printed: the best sets, how all of them are spread, and what warns of believing the best."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bt.cli.testing import print_whole, run_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from bt.results import Results

_FEW: Final = 10  # percent of the sets


def print_sweep(results: Results, form: str, out: Path | None, *, top: int) -> None:
    """Print a sweep: its best sets and the verdict, or the whole as JSON, or every set as a row."""
    print_trials(results, form, out, facts=lambda: sweep_facts(results, top), lines=lambda: _lines(results, top))


def print_trials(
    results: Results,
    form: str,
    out: Path | None,
    *,
    facts: Callable[[], dict[str, Any]],
    lines: Callable[[], list[str]],
) -> None:
    """Print what has trials: its lines, or its facts as JSON, or every trial as a row."""
    from bt.output import emit, write

    with results.warehouse.read():  # one opening for all that is asked, and none while it is printed
        whole = facts() if form in {"json", "jsonl"} else None
        drawn = lines() if form == "table" else None
    if whole is not None:
        print_whole(whole, form, out)
    elif drawn is not None:
        write("\n".join(drawn) + "\n", out)
    else:
        emit(results.trials, form, out)


def sweep_facts(results: Results, top: int) -> dict[str, Any]:
    """Give what the JSON of a sweep holds."""
    row = run_row(results)
    row["warnings"] += cautions(results)
    return {
        "run": row,
        "sets": spread(results),
        "top": with_params(best_sets(results, top)),
        "overfitting": overfitting(results),
        "verdict": verdict(results),
    }


def best_sets(results: Results, top: int) -> pl.DataFrame:
    """Give the best qualified sets of a sweep in the order in which one is chosen."""
    plateau = settings_of(results)["select"] == "plateau"
    return results.sql(
        f"""
        select
            row_number() over (order by {"plateau" if plateau else "objective"} desc, trial asc) as rank,
            trial, params, chosen, objective, {"plateau," if plateau else ""}
            sharpe, total_return, max_drawdown, trades, profit_factor,
        from trials
        {"inner join (select run_id, trial, plateau from candidates) using (run_id, trial)" if plateau else ""}
        where run_id = $run and part = 'in' and qualified and objective is not null
        order by rank
        limit {top:d}
        """
    )


def spread(results: Results) -> dict[str, Any]:
    """Count the sets, in-sample: why some do not qualify, and how the objective is spread over all."""
    return results.sql("select * exclude (run_id) from tried_sets where run_id = $run").row(0, named=True)


def why_none(results: Results) -> tuple[str, str] | None:
    """Say why no set qualified, and what to do about it; None where one did."""
    found, settings = spread(results), settings_of(results)
    if found["qualified"] or not found["tried"]:
        return None
    per = " in any fold" if results.run["kind"] == "walk" else ""
    counts = {
        f"with fewer than {settings['min_trades']} trades": found["few_trades"],
        f"against --where {settings['where']!r}": found["refused"],
        f"with {settings['objective']} undefined": found["undefined"],
        "failed": found["failed"],
    }
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    cures = {
        "few_trades": "a longer span, other values, or a lower --min-trades",
        "refused": "a milder --where",
        "undefined": f"another --objective: {settings['objective']} divides by 0 here, or lacks days or trades",
        "failed": f"mend the strategy: {found['problem']}",
    }
    most = max(cures, key=lambda name: found[name])
    return f"none of {results.run['sets']:,} sets qualifies{per}: {told}", cures[most]


def cautions(results: Results) -> list[str]:
    """Say what else is to be known before the best set is believed."""
    from bt.output.sets import at_edge
    from bt.wording import counted

    found, said = spread(results), []
    if found["failed"]:
        said.append(f"{counted(found['failed'], 'set')} failed; the first: {found['problem']}")
    if 0 < 100 * found["qualified"] < _FEW * found["tried"]:
        said.append(f"only {found['qualified']:,} of {found['tried']:,} sets qualify")
    chosen = json.loads(results.run["params"])
    for name, value in chosen.items():
        if at_edge(settings_of(results)["search"].get(name), value):
            said.append(f"the chosen set lies at the edge of {name} ({value}): better ones may lie beyond")
    return said


def settings_of(results: Results) -> dict[str, Any]:
    """Give what the sweep or walk-forward was told."""
    settings: dict[str, Any] = json.loads(results.run["settings"])
    return settings


def with_params(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Give rows with their parameters as objects."""
    return [row | {"params": json.loads(row["params"]) if row["params"] else None} for row in frame.to_dicts()]


def overfitting(results: Results) -> list[dict[str, Any]]:
    """Give the figures that tell skill from luck."""
    return results.overfitting.drop("run_id").to_dicts()


def verdict(results: Results) -> dict[str, str] | None:
    """Give the verdict and its sentence; None where nothing can be judged yet."""
    rows = results.sql("select verdict, sentence from verdicts where run_id = $run")
    return rows.row(0, named=True) if rows.height else None


def head_lines(results: Results, *more: str) -> list[str]:
    """Say what was tested, and what was tried how."""
    from bt.output import title_of, wrapped
    from bt.output.sets import searched

    run, settings = results.run, settings_of(results)
    kind = {"sweep": "sweep", "walk": "walk-forward"}[run["kind"]]
    parts = [
        f"{kind} {run['run_id']}" + ("" if run["status"] in {"finished", "ruined"} else f", {run['status']}"),
        *more,
        f"{run['sets']:,} sets: {settings['sampler']} of {searched(settings['search'])}",
        *([settings["constraint"]] if settings["constraint"] else []),
        f"{settings['select']} {settings['objective']}",
        f"{settings['min_trades']} trades or more",
        *([settings["where"]] if settings["where"] else []),
    ]
    return [title_of(run), *wrapped(" · ".join(parts), indent=2)]


def _lines(results: Results, top: int) -> list[str]:
    from bt.output import warning_lines
    from bt.output.judging import LUCK, figure_lines, verdict_lines

    lines = [*head_lines(results), ""]
    best = best_sets(results, top)
    if best.height:
        lines += [_drawn(results, best), ""]
    lines += _spread_lines(results)
    judged = verdict(results)
    if judged:
        lines += [
            "",
            *figure_lines(overfitting(results), LUCK, marked=bool(best.height)),
            "",
            *verdict_lines(judged["sentence"]),
        ]
    return [*lines, *warning_lines([*json.loads(results.run["warnings"]), *cautions(results)])]


def _drawn(results: Results, best: pl.DataFrame) -> str:
    import polars as pl

    from bt.output.sets import drawn_sets, split_params

    settings = settings_of(results)
    after = best.select(
        *([] if settings["objective"] == "sharpe" else ["objective"]),
        *(["plateau"] if "plateau" in best.columns else []),
        "sharpe",
        (100 * pl.col("total_return")).alias("return %"),
        (100 * pl.col("max_drawdown")).alias("dd %"),
        "trades",
        pl.col("profit_factor").alias("pf"),
    )
    return drawn_sets(best.select("rank"), split_params(best, settings["search"]), after)


def _spread_lines(results: Results) -> list[str]:
    from bt.output import wrapped
    from bt.output.panel import ratio

    found = spread(results)
    said = f"{found['profitable']:,} of {found['tried']:,} sets profitable, {found['qualified']:,} qualify"
    if found["objective_median"] is None:
        return wrapped(said)
    low, middle, high = (ratio(found[f"objective_{name}"]) for name in ("lowest", "median", "highest"))
    return wrapped(f"{said}; {settings_of(results)['objective']} from {low} to {high}, median {middle}", indent=2)
