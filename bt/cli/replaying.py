"""The command replay: whether a stored run comes out the same today, and if not, what has changed since."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt.cli.asking import OutputOptions, taking
from bt.cli.shared import RunArgument
from bt.cli.testing import say_times
from bt.errors import BtError, ExitCode
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.cli import shared
    from bt.results import Results
    from bt.strategy import BaseStrategy
    from bt.strategy.again import Replayed

_SHOWN: Final = 12  # digits of a hash


@taking(OutputOptions)
def replay(
    asked: OutputOptions,
    run: RunArgument = "latest",
    stored: Annotated[
        bool, typer.Option("--stored", help="Execute the stored source, though no file here is the same.")
    ] = False,
    current: Annotated[bool, typer.Option("--current", help="Execute the strategy's file as it is today.")] = False,
    save: Annotated[bool, typer.Option("--save", help="Store what comes out as another run.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every set of a sweep or walk-forward, not the chosen.")] = False,
) -> Done:
    """Make a run again from what is stored of it, and hold the two together bit by bit; nothing is stored by it.

    A walk-forward is stitched again from its folds' choices, a sweep's chosen set is tried again. The strategy is the
    stored source, executed only if the file here is the same, or with --stored. Exit 0 if the same comes out, 1 if not.
    """
    from bt.results import find

    call = asked.session()
    results = find(call.warehouse(), run).get_results()
    kind = results.run["kind"]
    if (save and kind != "run") or (all_ and kind == "run"):
        raise BtError(f"{results.run_id} is a {kind}: {'--save' if save else '--all'} is not for it", "leave it out")
    with executed_strategy(call, results, stored=stored, current=current) as strategy:
        done = _replayed(call, results, strategy, save=save, all_=all_)
    _print(asked, results, done)
    if done.saved:
        call.narrator.say(f"stored as run {done.saved}")
    say_times(call, done)
    code = ExitCode.OK if done.difference is None else ExitCode.INCOMPLETE
    return Done(code=code, run_id=done.saved or results.run_id)


def _replayed(
    call: shared.Session, results: Results, strategy: type[BaseStrategy], *, save: bool, all_: bool
) -> Replayed:
    from bt.output.progress import TrialProgress

    kind = results.run["kind"]
    if kind == "run":
        from bt.strategy import again

        call.narrator.expect("data", "signals", "trades", *(("storing",) if save else ()))
        return again.replay(results, strategy, save=save, listener=call.narrator)
    with TrialProgress(call.narrator) as progress:
        stitched = kind == "walk" and not all_
        call.narrator.expect("data", "stitching" if stitched else "trials")
        if stitched:
            from bt.walkforward import again as walks

            return walks.replay(results, strategy, listener=progress)
        from bt.sweep.again import Again

        return Again.prepared(results, strategy, progress).trials(all_=all_)


@contextmanager
def executed_strategy(
    call: shared.Session, results: Results, *, stored: bool, current: bool
) -> Iterator[type[BaseStrategy]]:
    """Give the strategy to execute: the stored source is code that somebody else may have written."""
    from bt import strategy as strategies
    from bt.strategy.load import from_text

    if stored and current:
        raise BtError("--stored and --current exclude each other", "give one of them")
    run = results.run
    name, text = run["strategy"], run["strategy_source"]
    path = strategies.names(call.settings.workspace).get(name)
    today = path.read_text(encoding="utf-8", errors="replace") if path else None
    look = f"bt show {results.run_id} --source"
    if current and path is None:
        raise BtError(f"there is no strategy {name} here", f"look at the stored one with {look}; --stored executes it")
    if current or today == text:
        yield strategies.load(name, call.settings.workspace)
    elif stored:
        call.narrator.say(f"executing the stored source of {name}, SHA-256 {run['strategy_hash'][:_SHOWN]}: {look}")
        with from_text(name, text) as strategy:
            yield strategy
    else:
        here = f"{path} is another text, {_hash(today)}" if today is not None else f"no strategy {name} is here"
        raise BtError(
            f"the source of {name} stored with {results.run_id}, SHA-256 {run['strategy_hash'][:_SHOWN]}, is not "
            f"executed unasked: {here}",
            f"look at it with {look}, then --stored executes it" + ("; --current the file" if path else ""),
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHOWN]


def _print(asked: OutputOptions, results: Results, done: Replayed) -> None:
    from bt.cli.reasons import Names, counted_rows, difference_lines, print_facts, reason_facts, reason_lines
    from bt.output import wrapped, write

    if asked.form != "table":
        print_facts(_facts(done) | reason_facts(done.reasons), asked)
        return
    names, rows = Names("stored", "now"), counted_rows(done.compared)
    head = f"{results.run['kind']} {done.run_id} again: "
    where = " · ".join(f"{key} {value}" for key, value in (done.trial or {}).items())
    same = f"{head}the same, to the last bit: {rows}" if done.difference is None else f"{head}not the same"
    lines = wrapped(same, indent=2)
    lines += [f"in {where}"] if where else []
    lines += ["", *difference_lines(done.difference, names)]
    changed = reason_lines(done.reasons, names)
    if changed:
        lines += ["Since then changed:" if done.difference else "Since then changed, without any effect:", *changed]
    elif done.difference:
        lines += wrapped(
            "nothing of data, strategy, settings or versions has changed: does the strategy draw or keep anything?"
        )
    write("\n".join(lines).rstrip() + "\n", asked.out)


def _facts(done: Replayed) -> dict[str, Any]:
    from bt.cli.reasons import difference_facts

    return {
        "run_id": done.run_id, "same": done.difference is None, "compared": dict(done.compared), "trial": done.trial,
        "difference": difference_facts(done.difference), "saved": done.saved,
    }  # fmt: skip
