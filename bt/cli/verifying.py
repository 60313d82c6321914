"""The command verify: a stored run's signals traded by another engine, trade by trade, and what sets the run apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt.cli.asking import OutputOptions, taking
from bt.cli.replaying import executed_strategy
from bt.cli.shared import RunArgument
from bt.errors import ExitCode
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bt.output.narration import Narrator
    from bt.results import Results

_EVERY: Final = 2.0  # s between two sentences
_DIGITS: Final = {"equity": 2, "without": 2, "changed": 0, "follow": 0, "unexplained": 0}
_COLUMNS: Final = ("exit_ts", "entry_price", "exit_price", "qty", "exit_reason", "fees", "funding", "pnl")


@taking(OutputOptions)
def verify(
    asked: OutputOptions,
    run: RunArgument = "latest",
    engine: Annotated[str, typer.Option(help="The other engine: backtrader.")] = "backtrader",
    stored: Annotated[
        bool, typer.Option("--stored", help="Execute the stored source, though no file here is the same.")
    ] = False,
    current: Annotated[bool, typer.Option("--current", help="Execute the strategy's file as it is today.")] = False,
) -> Done:
    r"""Trade a stored run's signals in another engine, and hold every entry, exit and equity against ours.

    Both follow the rules that the other engine has; then each rule that it lacks is put aside by itself, to tell which
    trades of the run change because of it. The result is stored and shown with the run. Exit 0 if every trade matches
    and every change has its rule, 1 if not. Backtrader is under the GPL and an extra:
    pip install 'bt-warehouse\[verify]'
    """
    from bt import verify as verifying
    from bt.results import find, verifications

    call = asked.session()
    other = verifying.engine(engine)
    results = find(call.warehouse(), run).get_results()
    stages = ("stitching", "rules") if results.run["kind"] == "walk" else ("signals", "rules")
    call.narrator.expect("data", *stages, engine)
    with executed_strategy(call, results, stored=stored, current=current) as strategy:
        try:
            found = verifying.verify(
                results, strategy, other, listener=call.narrator, heard=_told(call.narrator, engine)
            )  # fmt: skip
        except verifying.ChangedError:
            verifications.drop(results.warehouse, results.run_id, engine)  # what it said is of another run
            raise
    row = found.row()
    verifications.keep(results.warehouse, row)
    _print(asked, results, row)
    code = ExitCode.OK if found.matches and not found.unexplained else ExitCode.INCOMPLETE
    counts = {name: row[name] for name in ("trades", "differences", "unexplained")}
    return Done(code=code, run_id=results.run_id, counts=counts)


def _told(narrator: Narrator, engine: str) -> Callable[[int, int], None]:
    """Say how far the other engine is: events for programs, for people a sentence with the time that is left."""
    from bt.output.progress import lasting

    began = last = 0.0

    def heard(done: int, total: int) -> None:
        nonlocal began, last
        if not began:  # all that is before is reading
            began = last = time.monotonic()
        if narrator.mode == "json":
            narrator.progress(done, total)
            return
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            left = lasting((now - began) * (total - done) / done)
            narrator.say(f"{engine}: {done:,} of {total:,} bars, {left} left")

    return heard


def _print(asked: OutputOptions, results: Results, row: Mapping[str, Any]) -> None:
    from bt.cli.testing import print_whole
    from bt.output import emit, write
    from bt.results import verifications

    if asked.form in {"json", "jsonl"}:
        [kept] = [each for each in verifications.of(results) if each["engine"] == row["engine"]]
        print_whole({"run_id": results.run_id, **kept}, asked.form, asked.out)
    elif asked.form == "table":
        write("\n".join(_lines(results, row)).rstrip() + "\n", asked.out)
    else:
        rules = "select * exclude (run_id) from verified_rules where run_id = $run order by engine, place"
        emit(results.sql(rules), asked.form, asked.out)


def _lines(results: Results, row: Mapping[str, Any]) -> Iterator[str]:
    from bt.output import title_of, wrapped
    from bt.results import verifications

    yield from wrapped(f"{title_of(results.run)} · {results.run['kind']} {results.run_id}")
    yield ""
    yield from wrapped(verifications.sentence(row), indent=2)
    yield from _difference_lines(row["first_difference"], row["engine"])
    for complaint in row["complaints"][:3]:
        yield from wrapped(f"! {complaint}", indent=2)
    yield ""
    yield from _rule_lines(row)


def _difference_lines(first: Mapping[str, Any] | None, engine: str) -> Iterator[str]:
    from bt.cli.reasons import rows_drawn
    from bt.output import wrapped

    if first is None:
        return
    one = first["ours"] or first["theirs"]
    traded = "symbol" in one
    where = f"{one['symbol']} {one['side']} entered {_text(one['entry_ts'])}" if traded else f"bar {_text(one['ts'])}"
    if first["columns"]:
        where += f", which begins with {first['columns'][0]}" if traded else ", equity"
    absent = "ours" if first["ours"] is None else engine if first["theirs"] is None else ""
    yield ""
    if absent:
        where += f"; {absent} has no such {'trade' if traded else 'bar'}"
    yield from wrapped(f"The first difference: {where}", indent=2)
    sides = [first["ours"] or {}, first["theirs"] or {}]
    chosen = first["columns"] or (_COLUMNS if traded else ("equity",))
    yield from rows_drawn(
        ("column", "ours", engine), [(name, *(_text(side.get(name)) for side in sides)) for name in chosen]
    )  # fmt: skip


def _rule_lines(row: Mapping[str, Any]) -> Iterator[str]:
    import polars as pl

    from bt.output import table, wrapped

    if not row["rules"]:
        yield from wrapped(f"The run has no rule that {row['engine']} lacks: this is the run itself.")
        return
    said = f"Rules of the run that {row['engine']} lacks, put aside one after the other: trades of the run"
    yield from wrapped(f"{said} that change because of it, that only follow from an earlier change, and the end equity")
    yield ""
    shown = {"rule": "rule", "changed": "changed", "follow": "follow", "unexplained": "unexplained"}
    shown |= {"end_equity": "equity", "end_equity_without": "without"}
    rows = [{head: rule[name] for name, head in shown.items()} for rule in row["rules"]]
    yield table(pl.DataFrame(rows), digits=_DIGITS).rstrip()
    yield ""
    for rule in row["rules"]:
        if rule["changed"]:
            yield from wrapped(f"{rule['rule']}: {rule['sentence']}", indent=2)
            yield from _example_lines(rule["first"], "first, ")
        if rule["unexplained"]:
            yield from _example_lines(rule["first_unexplained"], f"! not explained by {rule['rule']}: ")


def _example_lines(found: Mapping[str, Any], begin: str) -> Iterator[str]:
    """Say what of a trade is not the same with a rule and without it."""
    from bt.output import wrapped

    ours, theirs = found["with"], found["without"]
    one = ours or theirs
    said = f"  {begin}{one['symbol']} {one['side']} entered {_text(one['entry_ts'])}: "
    if not (ours and theirs):
        said += "only with it" if ours else "only without it"
    else:
        unlike = [name for name in _COLUMNS if ours[name] != theirs[name]]
        told = [name for name in unlike if name in {"exit_ts", "exit_reason", "entry_price", "exit_price"}] or unlike
        said += ", ".join(f"{name} {_short(ours[name])} → {_short(theirs[name])}" for name in told)
    yield from wrapped(said, indent=4)


def _short(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    """Give a value with all its digits."""
    from bt.cli.reasons import text_of

    return text_of(value)
