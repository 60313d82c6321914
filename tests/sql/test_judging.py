"""The judgement of runs, sweeps and walks: slow twins, literal rows, and a reason where there is no figure."""

from __future__ import annotations

import itertools
import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy import stats

from bt.warehouse import Warehouse
from tests.benchmarks.overfitting_noise import overfitting_probability
from tests.sql.given import START, Row
from tests.sql.judging import CASH, Array, Made, day_rows, noise, run_row, single, sweep, walk
from tests.sql.test_significance import draw

TABLES = ("runs", "folds", "trials", "days", "run_metrics")
FIGURES = (
    "attempts", "sharpe", "t_statistic", "probabilistic_sharpe", "expected_max_sharpe", "deflated_sharpe",
    "min_track_record", "min_backtest_length", "overfitting_probability", "out_of_sample_profit", "efficiency",
    "profitable_folds", "best_fold_share", "out_of_sample_drawdown", "parameter_drift", "rank_correlation", "plateau",
)  # fmt: skip
SHARED = Warehouse()


def holding(*made: Made) -> Warehouse:
    """Give the warehouse in memory that all tests here share, with these runs and no others."""
    with SHARED.write() as connection:
        for table in TABLES:
            connection.execute(f"delete from {table}")
    for each in made:
        each.store(SHARED)
    return SHARED


def seeded(seed: int, **how: Any) -> Array:
    return noise(np.random.default_rng(seed), **how)


def figures(warehouse: Warehouse, run_id: str) -> dict[str, Row]:
    found = warehouse.query("from overfitting where run_id = ?", [run_id]).to_dicts()
    assert tuple(row["figure"] for row in found) == FIGURES
    return {row["figure"]: row for row in found}


def sharpe(returns: Array) -> float:
    """Give the Sharpe ratio a day."""
    return float(returns.mean() / returns.std(ddof=1))


def stitched(made: Made) -> Array:
    """Give the out-of-sample daily returns of a walk."""
    ends = made.tables["days"].filter(pl.col("part") == "run").sort("day")["equity"].to_numpy()
    return np.asarray(np.diff([CASH, *ends]) / np.array([CASH, *ends[:-1]]))


# ---- what a run is judged by


def test_a_walk_is_judged_by_its_stitched_days_a_sweep_by_the_chosen_set_and_a_run_by_itself() -> None:
    returns = seeded(1, sets=4, days=240)
    walked, swept, ran = walk(returns, train=90), sweep(returns), single(returns[:, 2])
    best = returns[:, np.argmax([sharpe(returns[:, place]) for place in range(4)])]

    warehouse = holding(walked, swept, ran)

    for run_id, expected in {"w": stitched(walked), "s": best, "r": returns[:, 2]}.items():
        found = warehouse.query('select "return" from judged_days where run_id = ? order by day', [run_id])
        assert found.to_series().to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-12)
        curve = warehouse.query("select days, sharpe, kurtosis from judged_curves where run_id = ?", [run_id]).row(0)
        assert curve == pytest.approx((len(expected), sharpe(expected), stats.kurtosis(expected, fisher=False)))


def test_significance_of_the_judged_curve() -> None:
    made = walk(seeded(2, sets=5, days=270, sharpe=3.0), train=90)
    curve = stitched(made)

    warehouse = holding(made)
    found = figures(warehouse, "w")
    variance = made.tables["trials"].filter(pl.col("part") == "in").group_by("trial").agg(pl.col("sharpe").mean())
    spread = float(np.var(variance["sharpe"].to_numpy() / math.sqrt(365), ddof=1))
    (expected,) = warehouse.query("select expected_max_sharpe(?, 5) as expected", [spread]).row(0)
    lucks = warehouse.query("select basis, attempts, expected from judged_luck").rows()
    assert ("one", 1.0, 0.0) in lucks
    assert ("all", 5.0, pytest.approx(expected)) in lucks
    parts = [sharpe(curve), len(curve), stats.skew(curve), stats.kurtosis(curve, fisher=False)]
    assert warehouse.query("select expected, effective_expected < expected from judged_sharpe").row(0) == (
        pytest.approx(expected), True
    )  # fmt: skip
    certainty = "probabilistic_sharpe($1, $5, $2, $3, $4)"

    assert found["sharpe"]["value"] == pytest.approx(sharpe(curve) * math.sqrt(365))
    assert found["t_statistic"]["value"] == pytest.approx(stats.ttest_1samp(curve, 0).statistic)
    assert found["expected_max_sharpe"]["value"] == pytest.approx(expected * math.sqrt(365))
    for name, benchmark in {"probabilistic_sharpe": 0.0, "deflated_sharpe": expected}.items():
        (probability,) = warehouse.query(f"select {certainty} as p", [*parts, benchmark]).row(0)
        assert found[name]["value"] == pytest.approx(probability)
        assert found[name]["holds"] == (probability >= 0.95)
    (days, years) = warehouse.query(
        "select min_track_record($1, 0, $3, $4, 0.95), min_backtest_length($1 * sqrt(365), 5) + 0 * $2", parts
    ).row(0)
    assert (found["min_track_record"]["value"], found["min_track_record"]["threshold"]) == pytest.approx((days, 180))
    assert found["min_backtest_length"]["value"] == pytest.approx(years)


def resampled(returns: Array) -> list[float]:
    """Draw the resamples of the stationary bootstrap day by day."""
    days, found = len(returns), []
    for resample in range(500):
        picked, source = [], 0
        for day in range(days):
            counter = 131072 * resample + 2 * day
            starts = day == 0 or draw(counter) < 0.1
            source = math.floor(days * draw(counter + 1)) if starts else (source + 1) % days
            picked.append(returns[source])
        found.append(sharpe(np.array(picked)) * math.sqrt(365))
    return found


def test_the_interval_is_that_of_the_stationary_bootstrap() -> None:
    returns = seeded(3, sets=1, days=45)[:, 0]

    found = holding(single(returns)).query("select low, high from judged_interval").row(0)

    assert found == pytest.approx(tuple(np.quantile(resampled(returns), [0.025, 0.975])), rel=1e-9)


# ---- sets beside sets


def test_compared_days_of_a_walk_follow_each_other_and_overlap_nowhere() -> None:
    folds = [(10, 20), (15, 25), (30, 40)]  # days of the tests: the second begins inside the first; then a hole
    rows: list[Row] = [
        {"run_id": "w", "fold": fold, "train_first": START, "train_end": START,
         "test_first": START + timedelta(days=first), "test_end": START + timedelta(days=end)}
        for fold, (first, end) in enumerate(folds, start=1)
    ]  # fmt: skip
    days = [day_rows(seeded(fold, sets=1, days=10), row["test_first"], run_id="w", fold=fold, part="out", trial=[1])
            for fold, row in enumerate(rows, start=1)]  # fmt: skip
    made = Made(tables={"runs": run_row("w", "walk", 40), "folds": pl.DataFrame(rows), "days": pl.concat(days)})

    warehouse = holding(made)

    spans = warehouse.query("select fold, first_day, last_day, days_before, days from compared_folds order by fold")
    assert [(fold, (first - START.date()).days, (last - START.date()).days, before, days)
            for fold, first, last, before, days in spans.rows()] == [
        (1, 10, 14, 0, 25), (2, 15, 24, 5, 25), (3, 30, 39, 15, 25)]  # fmt: skip
    blocks = warehouse.query("select fold, block, count(*) as n from compared_returns group by all order by all").rows()
    assert sum(n for *_, n in blocks) == 25
    assert [block for _, block, _ in blocks] == list(range(10))
    assert {n for *_, n in blocks} == {2, 3}


@pytest.mark.parametrize(("sets", "shared"), [(2, 0.0), (7, 0.3), (12, 0.9)])
def test_probability_of_overfitting_and_effective_sets_have_twins(sets: int, shared: float) -> None:
    returns = seeded(sets, sets=sets, days=150, shared=shared)
    correlations = np.corrcoef(returns.T)[np.triu_indices(sets, 1)]

    warehouse = holding(sweep(returns), walk(returns, train=30))

    found = warehouse.query("select run_id, probability, sets from odds_of_overfitting order by run_id").rows()
    assert found == [("s", overfitting_probability(returns), sets), ("w", overfitting_probability(returns[30:]), sets)]
    (correlation, effective) = warehouse.query(
        "select correlation, effective_sets from compared_sets where run_id = 's'"
    ).row(0)
    assert correlation == pytest.approx(correlations.mean())
    rho = max(0, correlations.mean())
    assert effective == pytest.approx(rho + (1 - rho) * sets)


def test_splits_and_winners_of_three_sets() -> None:
    early, late = np.tile([0.03, -0.01], 25), np.tile([-0.03, 0.01], 25)
    returns = np.array([[*early, *late], [*late, *early], np.zeros(100)]).T  # better first; better later; idle

    warehouse = holding(sweep(returns))

    split = warehouse.query("select trial, in_sharpe, out_sharpe from compared_splits where half = 31 order by trial")
    expected = sharpe(early)
    assert split.to_numpy().ravel() == pytest.approx([1, expected, -expected, 2, -expected, expected, 3, 0, 0])
    assert warehouse.query("select rank, sets, out_sharpe from compared_winners where half in (31, 992)").rows() == [
        (1.0, 3, pytest.approx(-expected))
    ] * 2  # fmt: skip


def test_equals_share_their_places_and_the_first_of_them_wins() -> None:
    one = seeded(4, sets=1, days=100)

    warehouse = holding(sweep(np.hstack([one, one, one - 0.05])))

    assert set(warehouse.query("select rank, sets from compared_winners").rows()) == {(2.5, 3)}


def at(fold: int, trial: int, **more: Any) -> Row:
    return {"run_id": "w", "fold": fold, "part": "in", "trial": trial, "params": json.dumps({"x": trial}),
            "params_hash": str(trial), "first_ts": START, "end_ts": START, "chosen": False, "objective": 1.0,
            "qualified": True, "status": "finished", "start_cash": CASH, "seconds": 0.0, **more}  # fmt: skip


def given(trials: list[Row], folds: list[Row] | None = None, kind: str = "walk") -> Warehouse:
    """Give a warehouse with a run of these trials and folds, without days."""
    frame = pl.DataFrame(trials, infer_schema_length=None)
    dates = {"train_first": START, "train_end": START + timedelta(days=10), "test_first": START + timedelta(days=10),
             "test_end": START + timedelta(days=15), "run_id": "w"}  # fmt: skip
    tables = {"runs": run_row("w", kind, 40), "trials": frame}
    return holding(Made(tables=tables | ({"folds": pl.DataFrame([dates | fold for fold in folds])} if folds else {})))


PLACES = [(0, 0), (2, 0), (2, 2), (2, 2)]  # of the set chosen in each fold, of lists of 3 and 5 values


def test_drift_in_places_and_without_them() -> None:
    grid = [at(1, trial, places=list(places)) for trial, places in enumerate(itertools.product(range(3), range(5)))]
    chosen = [at(fold, 99, chosen=True, places=list(places)) for fold, places in enumerate(PLACES, start=1)]
    apart = [
        {**row, "places": None, "params": json.dumps({"a": fold // 2, "b": "x"})} for fold, row in enumerate(chosen)
    ]

    drifts = [given(rows).query("select drift from chosen_drift").to_series().to_list()
              for rows in ([*grid, *chosen], apart, [*grid, chosen[0]])]  # fmt: skip

    assert drifts == [[pytest.approx((2 / 3 + 2 / 5) / 6)], [pytest.approx(1 / 6)], [None]]


def test_plateau_is_the_neighbours_mean_over_the_chosen_sets_own_objective() -> None:
    rows = [
        at(0, 1, places=[0, 0], objective=2.0, chosen=True), at(0, 2, places=[1, 0], objective=1.0),
        at(0, 3, places=[0, 1], objective=None), at(0, 4, places=[1, 1], objective=9.0),
    ]  # fmt: skip

    assert given(rows, kind="sweep").query("select plateau from chosen_plateau").rows() == [(0.5,)]


def test_rank_correlation_is_spearmans() -> None:
    ins, outs = [1.0, 2.0, 2.0, 4.0, 5.0], [0.3, 0.1, 0.9, 0.9, 0.2]
    rows = [
        at(fold, trial, part=part, objective=objective)
        for fold, second in ((1, outs), (2, ins))
        for part, objectives in (("in", ins), ("out", second))
        for trial, objective in enumerate(objectives)
    ]

    (found,) = given(rows).query("select rank_correlation from chosen_ranks").row(0)

    assert found == pytest.approx((stats.spearmanr(ins, outs).statistic + 1) / 2)


def test_gains_of_folds() -> None:
    rows = [at(1, 1, chosen=True, end_equity=1100.0, sharpe=1.0), at(2, 1, chosen=True, end_equity=1300.0, sharpe=1.0)]
    split = START + timedelta(days=15)
    folds: list[Row] = [
        {"fold": 1, "trial": 1, "stitched_end": split, "start_equity": 1000.0, "end_equity": 1050.0},
        {"fold": 2, "trial": 1, "stitched_end": split, "start_equity": 1050.0, "end_equity": 1040.0},
        {"fold": 3, "trial": None, "stitched_end": split, "start_equity": 1040.0, "end_equity": 1040.0},
    ]

    found = given(rows, folds).query("from fold_gains").to_dicts()

    assert found == [
        {"run_id": "w", "folds": 3, "profitable": 1, "profit": pytest.approx(40.0), "best_profit": pytest.approx(50.0),
         "ruined": False, "out_growth": pytest.approx(365 * math.log(1.04) / 15),
         "in_growth": pytest.approx(365 * math.log(1.1 * 1.3) / 20)}
    ]  # fmt: skip


# ---- how often it was tried


def other(run_id: str, **changes: Any) -> Made:
    return Made(tables={"runs": run_row(run_id, "run", 100, **changes)})


CONFIGS = ("account", "costs", "execution", "instruments")
SAME = {"params": '{"x": 1}', "config": json.dumps({each: {} for each in CONFIGS})}
TRIED = [
    ("the same set again", {}, 0),
    ("other parameters", {"params": '{"x": 9}'}, 1),
    ("another strategy", {"strategy_hash": "b"}, 1),
    ("another timeframe", {"timeframe": "1h"}, 1),
    *((f"other {name}", {"config": json.dumps({**{each: {} for each in CONFIGS}, name: [1]})},
       int(name != "instruments")) for name in CONFIGS),
    ("on a longer span", {"end_ts": START + timedelta(days=101)}, 1),
    ("on a shorter span", {"first_ts": START + timedelta(days=1)}, 1),
    ("on a symbol more", {"params": '{"x": 9}', "symbols": "W,X"}, 1),
    ("on another symbol", {"params": '{"x": 9}', "symbols": "XY"}, 0),
    ("at another time", {"params": '{"x": 9}', "first_ts": START + timedelta(days=160),
                         "end_ts": START + timedelta(days=190)}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "more"), [case[1:] for case in TRIED], ids=[case[0] for case in TRIED])
def test_every_set_ever_tried_on_the_data_counts_once(changes: dict[str, Any], more: int) -> None:
    warehouse = holding(other("w", **SAME), other("o", **SAME | changes))

    assert warehouse.query("select attempts from attempts where run_id = 'w'").item() == 1 + more


def test_a_run_is_a_try_beside_the_sets_of_a_walk() -> None:
    warehouse = holding(walk(seeded(1, sets=3, days=60), train=30, test=10), other("o", **SAME))

    assert warehouse.query("select attempts from attempts where run_id = 'w'").item() == 3 + 1


# ---- walks and the best of them


def test_walk_forward_and_top_configs() -> None:
    returns = seeded(5, sets=12, days=90)
    made = walk(returns, train=40, test=20, in_days=True)
    trials, folds = made.tables["trials"], made.tables["folds"]

    warehouse = holding(made)

    for row in warehouse.query("from walk_forward order by fold").to_dicts():
        both = trials.filter(fold=row["fold"], trial=row["trial"]).sort("part").to_dicts()
        assert [row["in_sharpe"], row["out_sharpe"]] == [each["sharpe"] for each in both]
        assert [row["in_return"], row["out_return"]] == [each["total_return"] for each in both]
        assert row["stitched_return"] == pytest.approx(both[1]["total_return"])
    assert warehouse.query("select count(*) as n from walk_forward").item() == folds.height == 2
    top = warehouse.query("from top_configs order by fold, rank").to_dicts()
    assert [(row["fold"], row["rank"]) for row in top] == [(fold, rank) for fold in range(3) for rank in range(1, 11)]
    inside = trials.filter(part="in")
    mean = inside.group_by("trial").agg(pl.col("objective").mean())
    for fold, rows in {0: mean, 1: inside.filter(fold=1), 2: inside.filter(fold=2)}.items():
        best = rows.sort("objective", descending=True).head(10)
        assert [row["trial"] for row in top if row["fold"] == fold] == best["trial"].to_list()
    assert warehouse.query("select count(*) as n, count(distinct part) as parts from trial_days").row(0) == (1440, 2)


def test_sets_that_do_not_qualify_or_have_no_objective_are_no_top_configs() -> None:
    rows = [
        at(0, 1, objective=9.0, qualified=False),
        at(0, 2, objective=None),
        at(0, 3),
        at(0, 4),
        at(0, 5, objective=2.0),
    ]

    found = given(rows, kind="sweep").query("select rank, trial, objective, out_sharpe from top_configs order by rank")

    assert found.rows() == [(1, 5, 2.0, None), (2, 3, 1.0, None), (3, 4, 1.0, None)]


def test_a_set_that_rarely_qualified_is_not_the_best_over_all() -> None:
    rows = [at(fold, 1, objective=1.0) for fold in (1, 2, 3)]
    rows += [at(1, 2, objective=9.0), at(1, 3, objective=2.0), at(2, 3, objective=2.0)]

    found = given(rows, kind="walk").query("select trial, folds from top_configs where fold = 0 order by rank")

    assert found.rows() == [(3, 2), (1, 3), (2, 1)]


# ---- degenerate input


def emptied(made: Made, *tables: str, **changes: Any) -> Made:
    left = {name: frame for name, frame in made.tables.items() if name not in tables}
    return Made(tables=left | {"runs": made.tables["runs"].with_columns(**{k: pl.lit(v) for k, v in changes.items()})})


FEW = seeded(6, sets=3, days=100)
RUIN = np.vstack([FEW[:50], np.full((1, 3), -1.0), np.zeros((49, 3))])
DEGENERATE: dict[str, tuple[Made, dict[str, str]]] = {
    "a walk that runs": (
        emptied(walk(FEW, train=40), "days", "trials", "folds", status="running"),
        {"sharpe": "not finished", "efficiency": "not finished", "out_of_sample_profit": "not finished"},
    ),
    "a sweep without trials": (
        emptied(sweep(FEW), "days", "trials"),
        {"sharpe": "no set qualified", "overfitting_probability": "fewer than two sets, or fewer than ten days"},
    ),
    "one set": (sweep(FEW[:, :1]), {"overfitting_probability": "fewer than two sets, or fewer than ten days"}),
    "sets that are one": (sweep(FEW[:, [0, 0]]), {"overfitting_probability": "all sets do the same"}),
    "no trades": (
        walk(np.zeros((100, 3)), train=40, test=20),
        {"sharpe": "the daily returns do not vary", "overfitting_probability": "all sets do the same"},
    ),
    "constant returns": (single(np.full(100, 0.001)), {"sharpe": "the daily returns do not vary"}),
    "29 days": (single(FEW[:29, 0]), {"sharpe": "fewer than 30 days", "t_statistic": "fewer than 30 days"}),
    "five days": (sweep(FEW[:5]), {"overfitting_probability": "fewer than two sets, or fewer than ten days"}),
    "one day": (sweep(FEW[:2]), {"sharpe": "fewer than 30 days"}),
    "ruined": (
        walk(RUIN, train=40, test=20, status="ruined"),
        {"sharpe": "ruined", "deflated_sharpe": "ruined", "best_fold_share": "there is no profit"},
    ),
    "one fold": (walk(FEW, train=60, test=40), {"best_fold_share": "only one fold"}),
    "a loss": (single(FEW[:, 0] - 0.01), {"min_track_record": "the Sharpe ratio is not above 0"}),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
def test_what_cannot_be_said_is_null_with_a_reason(name: str) -> None:
    made, reasons = DEGENERATE[name]
    run_id = made.tables["runs"]["run_id"].item()

    warehouse = holding(made)
    found = figures(warehouse, run_id)

    assert {figure: found[figure]["reason"] for figure in reasons} == reasons
    for row in found.values():
        assert (row["value"] is None) == (row["reason"] is not None)
        assert row["holds"] is None or row["value"] is not None
        numbers = [row[name] for name in ("value", "low", "high", "threshold") if row[name] is not None]
        assert all(math.isfinite(number) for number in numbers)
    verdict, sentence = warehouse.query("select verdict, sentence from verdicts").row(0)
    assert verdict == "no evidence"
    assert sentence.startswith("no evidence: ")


def test_failed_trials_are_left_out() -> None:
    made = sweep(FEW)
    trials = pl.concat(
        [made.tables["trials"], pl.DataFrame([at(0, 4, run_id="s", status="failed", objective=None, qualified=False)])],
        how="diagonal_relaxed",
    )

    warehouse = holding(Made(tables=made.tables | {"trials": trials}))

    assert warehouse.query("select sets, probability from odds_of_overfitting").rows() == [
        (3, overfitting_probability(FEW))
    ]
    assert figures(warehouse, "s")["attempts"]["value"] == 4  # it was tried


def test_tried_sets_are_counted_by_why_they_do_not_qualify() -> None:
    rows = [
        at(1, 1, objective=2.0, trades=5, total_return=0.1), at(2, 1, objective=3.0, trades=5, total_return=-0.1),
        at(1, 2, qualified=False, objective=None, trades=1), at(2, 2, qualified=False, trades=9),
        at(1, 3, qualified=False, status="failed", objective=None, problem="odd"), at(2, 3, objective=None, trades=4),
        at(2, 4, status="ruined", qualified=False, objective=None, trades=0), at(2, 4, part="out", objective=9.0),
    ]  # fmt: skip
    made = run_row("w", "walk", 40).with_columns(settings=pl.lit('{"min_trades": 3}'))

    found = holding(Made(tables={"runs": made, "trials": pl.DataFrame(rows, infer_schema_length=None)})).query(
        "from tried_sets"
    )

    assert found.to_dicts() == [
        {
            "run_id": "w", "sets": 4, "tried": 7, "failed": 1, "failed_sets": 1, "ruined": 1, "idle": 1, "qualified": 2,
            "few_trades": 2, "refused": 1, "undefined": 1, "profitable": 1, "objective_lowest": 1.0,
            "objective_median": 2.0, "objective_highest": 3.0, "problem": "odd",
        }
    ]  # fmt: skip


def test_a_sweep_that_stored_nothing_yet_has_tried_none() -> None:
    assert given([at(1, 1, run_id="x")], kind="sweep").query("select run_id, sets, tried from tried_sets").rows() == [
        ("w", 0, 0)
    ]


# ---- verdicts


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (walk(seeded(11, sets=20, days=400, sharpe=6.0), train=100), "evidence"),
        (walk(seeded(16, sets=20, days=400), train=100), "no evidence"),
        (sweep(seeded(13, sets=20, days=400)), "no evidence"),
        (sweep(seeded(14, sets=20, days=400, sharpe=6.0)), "weak evidence"),
        (single(seeded(15, sets=1, days=400, sharpe=6.0)[:, 0]), "weak evidence"),
    ],
    ids=["an edge, walked", "noise, walked", "noise, swept", "an edge, swept", "an edge, run once"],
)
def test_verdicts(made: Made, expected: str) -> None:
    verdict, sentence = holding(made).query("select verdict, sentence from verdicts").row(0)

    assert verdict == expected
    assert sentence.startswith(f"{expected}: ")


RULES = ("out_of_sample_profit", "efficiency", "profitable_folds", "best_fold_share", "out_of_sample_drawdown")
WALKS = {  # with those of the rules' figures that have no value
    "one fold": (walk(FEW, train=60, test=40), ["efficiency", "best_fold_share"]),
    "a loss": (walk(seeded(4, sets=20, days=200), train=60), ["best_fold_share"]),
    "all known": (walk(seeded(2, sets=20, days=200), train=60), []),
}


@pytest.mark.parametrize("name", WALKS)
def test_a_verdict_tells_what_fails_from_what_is_not_known(name: str) -> None:
    made, undefined = WALKS[name]
    warehouse = holding(made)

    found = figures(warehouse, "w")
    unknown = [rule for rule in RULES if found[rule]["holds"] is None]
    fails = [rule for rule in RULES if found[rule]["holds"] is False]
    sentence = warehouse.query("select sentence from verdicts").item()

    assert unknown == undefined
    told = {"fails": fails, "not known": unknown}
    lists = [f"{words}: {', '.join(rules).replace('_', ' ')}" for words, rules in told.items() if rules]
    assert sentence.split("; ")[-len(lists) :] == lists
    assert len(fails) + len(unknown) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("annual", "passes"), [(0.0, (0, 4)), (3.0, (34, 40))])
def test_noise_passes_rarely_and_an_edge_mostly(annual: float, passes: tuple[int, int]) -> None:
    found = [
        holding(walk(seeded(seed, sets=50, days=720, sharpe=annual))).query("select verdict from verdicts").item()
        for seed in range(40)
    ]

    assert passes[0] <= sum(verdict != "no evidence" for verdict in found) <= passes[1]


# ---- the same at any number of threads, and for one run as for all


def test_figures_do_not_depend_on_threads_nor_on_other_runs(tmp_path: Path) -> None:
    file = tmp_path / "bt.duckdb"
    warehouse = Warehouse(file)
    for made in (walk(seeded(1, sets=30, days=200), train=60, test=20, run_id="a"), sweep(seeded(2, sets=30, days=200)),
                 walk(seeded(3, sets=30, days=200), train=60, test=20, run_id="b")):  # fmt: skip
        made.store(warehouse)

    answers = []
    for threads in (1, 4):
        with duckdb.connect(str(file), read_only=True, config={"threads": threads}) as connection:
            answers.append(connection.execute("from overfitting where run_id = 'b'").fetchall())
    everything = warehouse.query("from overfitting").rows()
    answers.append([row for row in everything if row[0] == "b"])

    assert len(answers[0]) == len(FIGURES)
    assert all(answer == answers[0] for answer in answers)
