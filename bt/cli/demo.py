"""What `bt demo` plays: a market is made, imported, checked and traded, in a workspace of its own."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bt import config
from bt.cli import shared
from bt.cli.start import make_workspace
from bt.output.narration import Narrator

_ROWS: Final = {"candles": "candles", "funding": "funding rates"}
_RUNS: Final = (("ema_cross", "1h"), ("donchian_breakout", "1h"))


def play(folder: Path, *, quiet: bool, progress: str) -> None:
    """Play the demo in `folder`; a second time finds everything stored and runs again."""
    from bt.cli.testing import print_run, run_strategy

    make_workspace(folder)
    narrator = Narrator("none" if quiet else progress)
    call = _session(folder, narrator)
    _bring_data(call, folder / "candles")
    _check(call)
    for strategy, timeframe in _RUNS:
        call = _session(folder, narrator, timeframe=timeframe)
        call.narrator.say(f"\nbt run {strategy} -s {','.join(call.settings['symbols'])} -t {timeframe}")
        print_run(run_strategy(call, strategy, {}).get_results(), "table", None)
    call.narrator.say(
        f"\nthe workspace is {folder}: cd {folder}, then bt runs · bt trades · "
        'bt sql "select exit_reason, count(*), sum(pnl) from trades group by all"'
    )


def _session(folder: Path, narrator: Narrator, **flags: str) -> shared.Session:
    from bt.seeded import SYMBOLS

    environment = {key: value for key, value in os.environ.items() if not key.startswith("BT_")}
    settings = config.resolve({"symbols": ",".join(SYMBOLS), **flags}, environment, folder.resolve())
    return shared.Session(settings, narrator, datetime.now(UTC).replace(tzinfo=None))


def _bring_data(call: shared.Session, folder: Path) -> None:
    from bt import seeded, symbols
    from bt.ingest import ImportOptions, import_file

    folder.mkdir(exist_ok=True)
    warehouse = call.warehouse(create=True)
    for name in seeded.SYMBOLS:
        for kind, rows in (("candles", seeded.candles(name)), ("funding", seeded.funding(name))):
            file = folder / f"{name}-{kind}.parquet"
            rows.write_parquet(file)
            options = ImportOptions(source="bt demo: made up, seed 7")
            imported = import_file(warehouse, file, symbol=symbols.parse(name), kind=kind, options=options)
            call.narrator.say(
                f"imported {name}: {imported.stored:,} {_ROWS[kind]} stored, {imported.unchanged:,} were there"
            )


def _check(call: shared.Session) -> None:
    found = call.warehouse().query("select symbol, finding, found, detail from findings order by all")
    for symbol, finding, count, detail in found.rows():
        call.narrator.say(f"checked {symbol}: {count} {finding} ({detail})")
