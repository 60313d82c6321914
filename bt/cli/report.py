"""The command that writes the report of a run: report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt.cli import shared
from bt.errors import BtError, ExitCode
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.results import Results

_SUFFIXES = {".html", ".htm"}


def report(
    run: shared.RunArgument = "latest",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-O", help="File, or folder; without it reports/out/ID.html.", metavar="FILE"),
    ] = None,
    name: Annotated[
        str, typer.Option("--report", help="Folder in reports/ whose .sql files are the sections.", metavar="NAME")
    ] = "standard",
    standalone: Annotated[bool, typer.Option("--standalone", help="One file: plotly's script inside it.")] = False,
    opened: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace whatever file is there.")] = False,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> Done:
    """Write a run, sweep or walk-forward as an HTML page that needs no network, and print its path.

    Sections are reports/NAME/*.sql, of bt and of the workspace. An older report of the same run is replaced. Exit
    code 1 where a section could not be made; the others stand.
    """
    from bt.results import find

    call = shared.session({"db": db}, quiet=quiet, progress=progress)
    results = find(call.warehouse(), run).get_results()
    path, broken = write_report(call, results, out, name=name, standalone=standalone, force=force)
    typer.echo(str(path))
    if opened:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    code = ExitCode.INCOMPLETE if broken else ExitCode.OK
    return Done(code=code, run_id=results.run_id, files=(str(path),))


def write_report(
    call: shared.Session, results: Results, out: Path | None = None, *, name: str = "standard",
    standalone: bool = False, force: bool = False,
) -> tuple[Path, bool]:  # fmt: skip
    """Write the report of a run; give its path, and whether a section could not be made, which is said."""
    from bt.report import answered, folders, sections

    places = folders(name, call.settings.workspace)
    path = _path(out, call, results.run_id, force=force)
    call.narrator.expect("asking", "writing")
    call.narrator.stage("asking")
    with results.warehouse.read() as connection:
        row = results.run
        warnings = _warnings(results)
        answers = shared.stoppable(lambda: answered(connection, sections(places, row["kind"]), results.run_id))
    call.narrator.stage("writing")
    _write(path, row, answers, warnings=warnings, standalone=standalone)
    broken = [answer for answer in answers if answer.problem]
    for answer in broken:
        call.narrator.refused(f"section {answer.section.path.name}: {answer.problem}", f"mend {answer.section.path}")
    return path, bool(broken)


def _path(out: Path | None, call: shared.Session, run_id: str, *, force: bool) -> Path:
    """Decide the file; one that is there must be a report of the same run, or be given up by --force."""
    from bt.output import require_free
    from bt.report import belongs_to, file_name

    path = out if out is not None else call.settings.workspace / "reports" / "out" / file_name(run_id)
    if path.is_dir():
        path /= file_name(run_id)
    if path.suffix.lower() not in _SUFFIXES:
        raise BtError(f"a report is an HTML file, not {path.name!r}", f"name it {path.with_suffix('.html').name}")
    if out is not None and not path.parent.is_dir():
        raise BtError(f"cannot write {path}: there is no folder {path.parent}", "make it first, or choose another")
    require_free(path, force=force or belongs_to(path, run_id))
    return path


def _warnings(results: Results) -> list[str]:
    """Give what the terminal warns of."""
    from bt.cli import sweeps, walks

    said: list[str] = json.loads(results.run["warnings"])
    if results.run["kind"] == "sweep":
        return said + sweeps.cautions(results)
    if results.run["kind"] == "walk" and results.figures:
        return said + walks.cautions(results)
    return said


def _write(path: Path, row: Mapping[str, Any], answers: Any, *, warnings: list[str], standalone: bool) -> None:
    from bt.output import written_whole
    from bt.report import command, page, script_beside

    path.parent.mkdir(parents=True, exist_ok=True)
    script = None if standalone else script_beside(path.parent)
    text = page(row, answers, command=command(row), warnings=warnings, script=script)
    with written_whole(path) as file:
        file.write(text.encode("utf-8", "replace"))
