"""The command `bt gui`: a window for what `bt run` and `bt walk` do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bt.cli import shared
from bt.errors import ExitCode


def gui(
    scale: Annotated[
        float | None, typer.Option(help="Size of everything: 2 = twice; none = as the screen says.", min=0.5, max=4)
    ] = None,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Open a window: choose, run, walk forward, look at what came out.

    It does nothing that the command line does not: each button starts a `bt` and shows what it says, and Copy command
    gives the line to paste.
    """
    from bt.gui import open_window

    shared.session({"db": db}, quiet=quiet, progress=progress)  # what is wrong with the settings is said here
    open_window(Path.cwd(), db=db, scale=scale)
    return ExitCode.OK
