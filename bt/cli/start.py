"""Commands to begin with: init, demo, config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.errors import BtError, ExitCode
from bt.output import Done

_TOML = """# Settings of this workspace; `bt config` lists them all with their meaning and origin.
# db = "warehouse/bt.duckdb"
# timeframe = "1h"
# symbols = ["BTCUSDT", "ETHUSDT"]
# cash = 10000
# risk = "1%"
"""
_GITIGNORE = "warehouse/\nreports/out/\n__pycache__/\n"


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the workspace.")] = Path(),
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Make a workspace: an example strategy, settings, and a warehouse."""
    from bt.output import Narrator

    make_workspace(folder)
    Narrator("none" if quiet else progress).say(
        f"workspace {folder.resolve()}: next, bt ingest BTCUSDT, then bt run example -s BTCUSDT"
    )
    return ExitCode.OK


def make_workspace(folder: Path) -> None:
    """Make the files of a workspace; what is there stays as it is."""
    from bt.strategy import template
    from bt.warehouse import Warehouse

    files = {
        folder / "bt.toml": _TOML,
        folder / ".gitignore": _GITIGNORE,
        folder / "strategies" / "example.py": template("example"),
    }
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(text, encoding="utf-8")
        (folder / "reports").mkdir(exist_ok=True)
    except OSError as error:
        raise BtError(f"cannot make a workspace in {folder}: {error.strerror}", "choose another folder") from None
    Warehouse(folder / "warehouse" / "bt.duckdb")


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the demo's workspace.")] = Path("bt-demo"),
    data: Annotated[bool, typer.Option("--data", help="Bring the made-up market, and stop.")] = False,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> Done:
    """Show the whole chain offline: a made-up market is ingested, checked, traded and walked forward."""
    from bt.cli.demo import bring, play
    from bt.output import Narrator

    narrator = Narrator("none" if quiet else progress)
    return bring(folder, narrator, db) if data else play(folder, narrator, db)


@taking(OutputOptions)
def config(asked: OutputOptions) -> int:
    """Show every setting with its value and where it came from."""
    import polars as pl

    from bt.config import SETTINGS
    from bt.output import emit

    settings = asked.session().settings
    rows = [
        (name, _written(settings[name]), settings.origins[name], setting.meaning) for name, setting in SETTINGS.items()
    ]
    emit(pl.DataFrame(rows, schema=["setting", "value", "origin", "meaning"], orient="row"), asked.form, asked.out)
    return ExitCode.OK


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
