"""What `bt demo` plays: a made-up market is ingested over HTTP, checked, traded, walked forward and reported."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bt import config
from bt.cli import shared
from bt.cli.start import make_workspace
from bt.errors import ExchangeError
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.output import Narrator
    from bt.results import Results

_PACE: Final = 10_000.0  # requests a second: the stand-in has no limit here
_RUNS: Final = (("ema_cross", "1h"), ("donchian_breakout", "1h"))


def bring(folder: Path, narrator: Narrator, db: str | None) -> Done:
    """Make the workspace and bring the made-up market into it, or into the warehouse `db`."""
    make_workspace(folder)
    call = _session(folder, narrator, db=db)
    _bring_data(call)
    stored = call.warehouse().query("select count(*) as symbols, sum(candles)::bigint as candles from coverage")
    return Done(counts=stored.row(0, named=True))


def play(folder: Path, narrator: Narrator, db: str | None) -> Done:
    """Play the demo in `folder`; a second time finds everything stored, runs too."""
    from bt.cli.report import write_report
    from bt.cli.testing import print_run, run_strategy

    make_workspace(folder)
    call = _session(folder, narrator, db=db)
    _bring_data(call)
    _check(call)
    for strategy, timeframe in _RUNS:
        call = _session(folder, narrator, timeframe=timeframe, db=db)
        call.narrator.say(f"\nbt run {strategy} -s {','.join(call.settings['symbols'])} -t {timeframe}")
        print_run(run_strategy(call, strategy, {}).get_results(), "table", None)
    call = _session(folder, narrator, timeframe=_RUNS[0][1], db=db)
    walked = _walk_forward(call, _RUNS[0][0])
    path, _ = write_report(call, walked)
    call.narrator.say(f"\nbt report latest\nthe report of the walk-forward is {path}")
    call.narrator.say(
        f"\nthe workspace is {folder}: cd {folder}, then bt runs · bt trades · "
        'bt sql "select exit_reason, count(*), sum(pnl) from trades group by all"'
    )
    return Done(run_id=walked.run_id, files=(str(path),))


def _walk_forward(call: shared.Session, strategy: str) -> Results:
    """Let each fold choose among the sets that the strategy names."""
    from bt.cli.asking import command_line
    from bt.cli.sweeping import TOP, Prepared, resumable
    from bt.cli.walking import STAGES, WalkOptions
    from bt.cli.walks import print_walk

    asked = WalkOptions(
        strategy=strategy, symbol=[",".join(call.settings["symbols"])], timeframe=call.settings["timeframe"],
        train="60d", test="30d", min_trades=10,
    )  # fmt: skip
    line = command_line("walk", asked, WalkOptions)
    call.narrator.say(f"\n{line}")
    call.narrator.expect(*STAGES)
    prepared = Prepared.of(call, asked)
    with resumable(call, line) as progress:
        done = asked.walk_forward().run(prepared.strategy, prepared.warehouse, **prepared.terms(), listener=progress)
    results = done.get_results()
    print_walk(results, "table", None, top=TOP)
    return results


def _session(folder: Path, narrator: Narrator, **flags: str | None) -> shared.Session:
    from bt.seeded import SYMBOLS

    environment = {key: value for key, value in os.environ.items() if not key.startswith("BT_")}
    settings = config.resolve({"symbols": ",".join(SYMBOLS), **flags}, environment, folder.resolve())
    return shared.Session(settings, narrator, datetime.now(UTC).replace(tzinfo=None))


def _bring_data(call: shared.Session) -> None:
    """Ingest the made-up market over HTTP from a stand-in that runs beside us."""
    from bt import symbols
    from bt.cli.ingest import bring_in, client_of
    from bt.seeded import DAYS, START, SYMBOLS

    call.narrator.say(f"bt ingest {' '.join(SYMBOLS)} --from {START:%Y-%m-%d}")
    with _exchange() as address:
        wish = {"first": f"{START:%Y-%m-%d}", "end": "now", "funding": True, "repair": False, "replace": False}
        there = replace(call, now=START + timedelta(days=DAYS))  # the stand-in's time, which stands still
        client = client_of(there, address, _PACE)
        bring_in(there, call.warehouse(create=True), client, symbols.parse_many(SYMBOLS), wish)


@contextmanager
def _exchange() -> Iterator[str]:
    """Run `bt exchange` as a process of its own; give its address."""
    command = [sys.executable, "-m", "bt", "exchange", "--port", "0", "--rate", "0"]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the same bt, installed or not
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=found) as process:  # noqa: S603 - this very program
        try:
            said = process.stderr.readline() if process.stderr else ""
            if "http" not in said:
                raise ExchangeError("the stand-in exchange did not start", "bt exchange shows why")
            yield said.split()[-1]
        finally:
            process.terminate()


def _check(call: shared.Session) -> None:
    call.narrator.stage("checking")
    found = call.warehouse().query("select symbol, finding, found, detail from findings order by all")
    for symbol, finding, count, detail in found.rows():
        call.narrator.say(f"checked {symbol}: {count} {finding} ({detail})")
