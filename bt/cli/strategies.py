"""Commands about strategies: strategies, new."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from bt.cli import shared
from bt.errors import BtError, ExitCode


def strategies(
    name: Annotated[str | None, typer.Argument(help="Show this one's parameters.")] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """List the strategies, or the parameters, defaults, ranges and description of one."""
    import inspect

    import polars as pl

    from bt import strategy
    from bt.output import emit

    workspace = shared.session(form=form, out=out, quiet=quiet, progress=progress).settings.workspace
    if name is None:
        rows = [(known, _headline(path), str(path)) for known, path in strategy.names(workspace).items()]
        emit(pl.DataFrame(rows, schema=["strategy", "what", "file"], orient="row"), form, out)
        return ExitCode.OK
    found = strategy.load(name, workspace)
    described = inspect.getdoc(inspect.getmodule(found)) or inspect.getdoc(found) or ""
    if form == "table" and out is None:
        typer.echo(described + "\n")
    parameters = [
        (key, kind.__name__, str(default), _written(found.search.get(key)))
        for key, (kind, default) in strategy.parameters(found).items()
    ]
    schema = dict.fromkeys(("parameter", "type", "default", "search"), pl.String)
    emit(pl.DataFrame(parameters, schema=schema, orient="row"), form, out)
    return ExitCode.OK


def new(
    name: Annotated[str, typer.Argument(help="Name of the strategy: lower case, digits, _.")],
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Make a strategy file that runs, to be changed."""
    from bt.strategy import template

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise BtError(f"not a name for a strategy: {name!r}", "use lower case, digits and _, a letter first: my_idea")
    call = shared.session(quiet=quiet, progress=progress)
    path = call.settings.workspace / "strategies" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(name))
    except FileExistsError:
        raise BtError(f"{path} exists already", "choose another name") from None
    call.narrator.say(f"made {path}; run it: bt run {name} -s BTCUSDT")
    return ExitCode.OK


def _headline(path: Path) -> str:
    import ast

    try:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except (SyntaxError, ValueError, OSError):
        return "(not readable: bt strategies NAME says why)"
    return text.splitlines()[0] if text else ""


def _written(values: object) -> str:
    if isinstance(values, range):
        return f"{values[0]}:{values[-1]}:{values.step}" if values else ""
    return ",".join(map(str, values)) if isinstance(values, (list, tuple)) else ""
