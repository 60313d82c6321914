"""The command diff: where two runs part, and whether data, code or configuration is why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt.cli.asking import OutputOptions, taking
from bt.cli.reasons import (
    NONE,
    Names,
    counted_rows,
    difference_facts,
    difference_lines,
    print_facts,
    reason_facts,
    reason_lines,
    rows_drawn,
)
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from bt.results import Results
    from bt.results.differing import Difference

_CHOICES: Final = "fold, test_first, test_end, trial, params"
_MOST_FOLDS: Final = 20  # that are listed


@taking(OutputOptions)
def diff(
    asked: OutputOptions,
    one: Annotated[str, typer.Argument(help="A run, sweep or walk-forward, as for bt show.", metavar="RUN")],
    two: Annotated[str, typer.Argument(help="Another one.", metavar="RUN")],
) -> int:
    """Find the first fill, fold or trial in which two runs differ, and why: data, code or configuration.

    JSON holds a, b, same, difference, folds, data, code, configuration, versions, remarks and metrics; csv and the
    like have a row for each reason. Exit 0 if they are the same, to the last bit, 1 if not.
    """
    from bt.output import wrapped
    from bt.results import find
    from bt.results.differing import first_difference, reasons

    call = asked.session()
    warehouse = call.warehouse()
    with warehouse.read():
        pair = [find(warehouse, each).get_results() for each in (one, two)]
        _require_alike(*pair)
        frames = [_frames(each) for each in pair]
        why = reasons(pair[0].run, pair[1].run)
        found = first_difference(*frames)
        folds = _folds(*pair)
        figures = _figures(*pair)
    same = found is None and not why.decisive and pair[0].run["status"] == pair[1].run["status"]
    if asked.form == "table":
        heads = [f"{name}  {_head(each)}" for name, each in zip("AB", pair, strict=True)]
        lines = [line for head in heads for line in wrapped(head, indent=3)]
        lines += ["", _verdict(frames[0], found, same=same)]
        lines += [*difference_lines(found, Names("A", "B")), *_fold_lines(folds)]
        lines += [*reason_lines(why, Names("A", "B")), *_figure_lines(pair, figures)]
        _write(lines, asked)
    else:
        facts = {
            **{key: _facts(each) for key, each in zip("ab", pair, strict=True)}, "same": same,
            "difference": difference_facts(found), "folds": folds, **reason_facts(why),
            "metrics": [{"key": name, "a": a, "b": b} for name, a, b in figures],
        }  # fmt: skip
        print_facts(facts, asked)
    return ExitCode.OK if same else ExitCode.INCOMPLETE


def _require_alike(one: Results, two: Results) -> None:
    """Refuse a sweep beside anything else: there is nothing to hold together."""
    if one.run["kind"] != two.run["kind"] and "sweep" in {one.run["kind"], two.run["kind"]}:
        raise BtError(
            f"{one.run_id} is a {one.run['kind']} and {two.run_id} a {two.run['kind']}: a sweep has trials of many "
            "sets, the other has the fills of one",
            "bt compare sets their figures side by side",
        )


def _frames(results: Results) -> dict[str, pl.DataFrame]:
    """Give what is held together: trials of a sweep, else what happened; of a walk-forward the folds before it."""
    from bt.results.differing import happened

    if results.run["kind"] == "sweep":
        return {"trials": results.sql(
            "select * exclude (run_id, seconds) from trials where run_id = $run order by fold, trial, part"
        )}  # fmt: skip
    return happened(results)


def _folds(one: Results, two: Results) -> list[dict[str, Any]]:
    """Give the folds of two walk-forwards that differ in span or choice."""
    if {one.run["kind"], two.run["kind"]} != {"walk"}:
        return []
    sides = [
        {row["fold"]: row for row in each.sql(f"select {_CHOICES} from folds where run_id = $run").to_dicts()}
        for each in (one, two)
    ]
    numbers = sorted({*sides[0], *sides[1]})
    pairs = [{"fold": number, "a": sides[0].get(number), "b": sides[1].get(number)} for number in numbers]
    return [pair for pair in pairs if pair["a"] != pair["b"]]


def _fold_lines(folds: list[dict[str, Any]]) -> list[str]:
    if not folds:
        return []

    def said(row: dict[str, Any] | None) -> str:
        return NONE if row is None else f"{row['test_first']:%Y-%m-%d} {row['params'] or 'none chosen'}"

    rows = [(str(each["fold"]), said(each["a"]), said(each["b"])) for each in folds[:_MOST_FOLDS]]
    more = [f"… {len(folds) - _MOST_FOLDS} folds more"] if len(folds) > _MOST_FOLDS else []
    return [*rows_drawn(("fold", "A chose", "B chose"), rows), *more, ""]


def _figures(one: Results, two: Results) -> list[tuple[str, Any, Any]]:
    """Give the metrics that differ."""
    both = [{name: value for name, value in each.figures.items() if name != "run_id"} for each in (one, two)]
    return [
        (name, both[0][name], both[1][name]) for name in both[0] if name in both[1] and both[0][name] != both[1][name]
    ]


def _figure_lines(pair: list[Results], figures: list[tuple[str, Any, Any]]) -> list[str]:
    from bt.cli.comparing import drawn, figure_lines

    names = {name for name, _, _ in figures}
    if not names:
        return []
    lines = figure_lines(pair[0].warehouse, [each.figures for each in pair])
    return [drawn(["A", "B", "difference"], [line for line in lines if line[0] in names], first="metric").rstrip()]


def _verdict(frames: Mapping[str, pl.DataFrame], found: Difference | None, *, same: bool) -> str:
    rows = counted_rows({name: frame.height for name, frame in frames.items()})
    if same:
        return f"the same, to the last bit: {rows}"
    return f"the same results, to the last bit, but not made alike: {rows}\n" if found is None else "not the same\n"


def _head(results: Results) -> str:
    from bt.output import title_of

    run = results.run
    called = f" {run['name']}" if run["name"] else ""
    return f"{run['kind']} {run['run_id']}{called} · {title_of(run)}"


def _facts(results: Results) -> dict[str, Any]:
    return {name: results.run[name] for name in ("run_id", "name", "kind", "status", "strategy", "created_ts")}


def _write(lines: list[str], asked: OutputOptions) -> None:
    from bt.output import write

    write("\n".join(lines).rstrip() + "\n", asked.out)
