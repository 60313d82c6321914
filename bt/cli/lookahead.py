"""The command `bt lookahead`: whether a strategy's signals change when the future is cut off or is another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, pairs, taking
from bt.errors import BtError, ExitCode
from bt.output import Done

if TYPE_CHECKING:
    from bt.output.narration import Narrator
    from bt.strategy import Report

_SHOWN = ("finding", "column", "symbol", "first", "size", "cuts", "ahead")
_MOST_CUTS = 100_000
_DIGITS = 6


@taking(OutputOptions)
def lookahead(
    asked: OutputOptions,
    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or a path to one.")],
    symbol: shared.Symbols = None,
    timeframe: shared.Timeframe = None,
    first: shared.First = None,
    end: shared.End = None,
    param: shared.Params = None,
    cuts: Annotated[
        int, typer.Option(help="Bars at which all is made anew from candles; signals alone at 5 times as many.", min=1)
    ] = 200,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings too make the exit code 1.")] = False,
) -> Done:
    """Recompute signals and indicators on data cut at many bars, and with noise for a future: nothing may change.

    Rows are columns that do. Exit 1 if the strategy looks ahead, or two equal calls differ; that its signals hang on
    where the data begin is a warning. Numbers are equal within 1e-9 of each other. What a strategy reads elsewhere, a
    file for one, cannot be cut.
    """
    from bt import strategy as strategies
    from bt.output import emit

    flags = {
        "symbols": ",".join(symbol) if symbol else None, "timeframe": timeframe, "from": first, "to": end,
    }  # fmt: skip
    call = asked.session(flags)
    settings = call.settings
    if cuts > _MOST_CUTS:
        raise BtError(f"{cuts:,} cuts are too many", f"--cuts {_MOST_CUTS} at most")
    chosen = strategies.made(strategies.load(strategy, settings.workspace), pairs(param or []))
    if not settings["symbols"]:
        raise BtError("no symbol to test", "name some: -s BTCUSDT,ETHUSDT (bt data lists them)")
    warehouse = call.warehouse()
    begin, until = shared.span(settings["from"], settings["to"], warehouse=warehouse, now=call.now)
    question = strategies.Question(
        symbols=settings["symbols"], timeframe=settings["timeframe"], first=begin, end=until, cuts=cuts
    )
    call.narrator.stage("examining", place=(1, 1))
    report = strategies.look(chosen, warehouse, question, progress=call.narrator.progress)
    shown = report.findings.select(_SHOWN).with_columns(report.findings["size"].round_sig_figs(_DIGITS))
    emit(shown if asked.form == "table" else report.findings, asked.form, asked.out)
    code = _told(report, call.narrator, strict=strict)
    return Done(code=code, counts={"findings": report.findings.height, "cuts": report.rebuilt})


def _told(report: Report, narrator: Narrator, *, strict: bool) -> ExitCode:
    """Say each finding in a sentence, then the verdict; give the exit code."""
    from bt.wording import counted

    for row in report.findings.to_dicts():
        narrator.say(f"{row['severity']}: {row['column']}: {row['detail']}; try: {row['cure']}")
    if report.lines:
        seen = ", ".join(f"line {line}: {what}" for line, what in report.lines)
        narrator.say(f"at first sight these look ahead: {seen}")
    errors = report.findings.filter(report.findings["severity"] == "error").height
    warned = report.findings.height - errors
    if report.rebuilt or report.recomputed:
        warmed = f"; started earlier, compared over {counted(report.warmed, 'bar')}" if report.warmed else ""
        narrator.say(
            f"made anew from candles at {counted(report.rebuilt, 'cut')}, signals alone at {report.recomputed:,}"
            f"{warmed} ({report.seconds:.1f} s)"
        )
    if not report.warmed and not errors:
        narrator.say("warm-up was not looked at: the candles are too few for a start 500 bars earlier")
    verdict = "unsound" if errors or (strict and warned) else "sound"
    narrator.say(f"{verdict}: {counted(errors, 'error')}, {counted(warned, 'warning')}")
    return ExitCode.INCOMPLETE if verdict == "unsound" else ExitCode.OK
