"""How walk-forwards are printed: their folds, what they come to, how far it can be believed, and the stitched run."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from bt.cli import sweeps
from bt.cli.testing import run_facts, run_lines

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from bt.results import Results

_SPARED: Final = ((), ("days",), ("days", "in %"))  # columns that a narrow screen is spared, in this order
_HALF: Final = 0.5


def print_walk(results: Results, form: str, out: Path | None, *, top: int) -> None:
    """Print a walk-forward: folds, judgement and stitched run, or the whole as JSON, or every trial as a row."""
    facts, lines = (lambda: walk_facts(results, top)), (lambda: _lines(results, top))
    sweeps.print_trials(results, form, out, facts=facts, lines=lines)


def walk_facts(results: Results, top: int) -> dict[str, Any]:
    """Give what the JSON of a walk-forward holds: that of its stitched run, and what it was made of."""
    whole = run_facts(results)
    whole["run"]["warnings"] += cautions(results)
    return whole | {
        "folds": sweeps.with_params(results.folds.drop("run_id")),
        "sets": sweeps.spread(results),
        "top": sweeps.with_params(_best_sets(results, top)),
        "overfitting": sweeps.overfitting(results),
        "verdict": sweeps.verdict(results),
    }


def print_by_fold(results: Results, form: str, out: Path | None) -> None:
    """Print the folds alone."""
    from bt.output import emit, write

    if form == "table":
        write(_drawn_folds(results) + "\n", out)
    else:
        emit(results.folds.drop("run_id"), form, out)


def _lines(results: Results, top: int) -> list[str]:
    from bt.output import warning_lines
    from bt.output.judging import DRIFT, LUCK, RULES, figure_lines, verdict_lines

    folds = sweeps.settings_of(results)["folds"]
    lengths = [
        f"{name} {folds[name]}" for name in ("train", "test", "step", "purge") if folds[name] not in {None, "0d"}
    ]
    head = sweeps.head_lines(results, f"{results.folds.height} folds", f"{', '.join(lengths)}, {folds['mode']}")
    figures, judged, best = sweeps.overfitting(results), sweeps.verdict(results), _best_sets(results, top)
    any_chosen = bool(results.folds["params"].count())
    lines = [
        *head,
        "",
        _drawn_folds(results),
        "",
        *figure_lines(figures, (*RULES, *LUCK, *DRIFT), marked=any_chosen),
        "",
    ]
    lines += [*verdict_lines(judged["sentence"]), ""] if judged else []
    if best.height:
        lines += ["Sets by their mean in-sample objective over the folds in which they qualify"]
        lines += [_drawn_sets(results, best), ""]
    lines += run_lines(results)
    return [*lines, *warning_lines([*json.loads(results.run["warnings"]), *cautions(results)])]


def _drawn_folds(results: Results) -> str:
    """Draw one row per fold and one for the stitched run, with as many columns as the screen has room for."""
    import polars as pl

    from bt.output.sets import beside, first_that_fits, moments, split_params

    folds, figures = results.folds, results.figures
    before = pl.DataFrame({"fold": folds["fold"].cast(pl.String), "test from": moments(folds, "test_first")})
    before = before.with_columns(days=(folds["test_end"] - folds["test_first"]).dt.total_seconds() / 86_400)
    stitched_days = (folds["stitched_end"] - folds["test_first"]).dt.total_seconds().sum() / 86_400
    after = folds.select(
        pl.col("in_sharpe").alias("in sharpe"), pl.col("out_sharpe").alias("sharpe"),
        (100 * pl.col("in_return")).alias("in %"), (100 * pl.col("out_return")).alias("return %"),
        (100 * pl.col("out_drawdown")).alias("dd %"), pl.col("out_trades").alias("trades"),
    )  # fmt: skip
    whole = pl.DataFrame(
        {
            "fold": "all", "test from": before["test from"][0], "days": stitched_days,
            "sharpe": figures["sharpe"], "return %": 100 * figures["total_return"],
            "dd %": 100 * figures["max_drawdown"], "trades": figures["trades"],
        },
    )  # fmt: skip
    frames = [
        pl.concat([frame, whole], how="diagonal_relaxed")
        for frame in beside(before, split_params(folds, sweeps.settings_of(results)["search"]), after)
    ]
    return first_that_fits([frame.drop(spared) for spared, frame in product(_SPARED, frames)])


def _best_sets(results: Results, top: int) -> pl.DataFrame:
    """Give the best sets over all folds."""
    return results.top.filter(fold=0).head(top).drop("run_id", "fold")


def _drawn_sets(results: Results, best: pl.DataFrame) -> str:
    import polars as pl

    from bt.output.sets import drawn_sets, split_params

    settings = sweeps.settings_of(results)
    after = best.select(
        "folds",
        *([] if settings["objective"] == "sharpe" else ["objective"]),
        pl.col("sharpe").alias("in sharpe"), pl.col("out_sharpe").alias("out sharpe"),
        (100 * pl.col("total_return")).alias("in %"), (100 * pl.col("out_total_return")).alias("out %"),
        pl.col("out_trades").alias("trades"),
    )  # fmt: skip
    return drawn_sets(best.select("rank"), split_params(best, settings["search"]), after)


def cautions(results: Results) -> list[str]:
    """Say what else is to be known before the choices are believed."""
    from bt.output.sets import at_edge
    from bt.wording import counted

    found, said = sweeps.spread(results), []
    if found["failed"]:
        said.append(f"{counted(found['failed_sets'], 'set')} failed; the first: {found['problem']}")
    chosen = [json.loads(params) for params in results.folds["params"] if params]
    for name, values in sweeps.settings_of(results)["search"].items():
        edged = sum(at_edge(values, params[name]) for params in chosen)
        if edged > _HALF * len(chosen):
            said.append(f"{edged} of {len(chosen)} folds choose {name} at the edge of what is searched")
    return said
