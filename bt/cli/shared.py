"""Options that many commands take, and what is made of them."""

from __future__ import annotations

import os
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bt import config
from bt.output.narration import Narrator

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.warehouse import Warehouse

Answer = TypeVar("Answer")

Db = Annotated[str | None, typer.Option("--db", help="Warehouse file (env BT_DB).", metavar="PATH")]
Format = Annotated[str, typer.Option("--format", help="table, csv, json, jsonl, md or parquet.", metavar="FORM")]
Out = Annotated[Path | None, typer.Option("--out", "-O", help="Write here instead of to stdout.", metavar="FILE")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No narration on stderr.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; -vv shows tracebacks.")]
Progress = Annotated[str, typer.Option("--progress", help="auto, plain, json or none.", metavar="MODE")]
Symbols = Annotated[
    list[str] | None, typer.Option("--symbol", "-s", help="Symbol; repeats, or a comma list.", metavar="SYMBOL")
]
Timeframe = Annotated[
    str | None, typer.Option("--timeframe", "-t", help="1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w.", metavar="T")
]
First = Annotated[str | None, typer.Option("--from", help="ISO date, or 90d, 2y, ytd; UTC.", metavar="WHEN")]
End = Annotated[str | None, typer.Option("--to", help="ISO date or now; exclusive; UTC.", metavar="WHEN")]
RunArgument = Annotated[str, typer.Argument(help="Id, unique prefix, name, latest or latest~1.", metavar="RUN")]
Params = Annotated[list[str] | None, typer.Option("--param", "-p", help="Parameter: fast=20.", metavar="K=V")]


@dataclass(frozen=True)
class Session:
    """One call of `bt`: its settings, its narrator, its clock."""

    settings: config.Settings
    narrator: Narrator
    now: datetime

    def warehouse(self, *, create: bool = False) -> Warehouse:
        """Open the warehouse; only commands that bring data make a missing one."""
        from bt.warehouse import Warehouse

        return Warehouse(self.settings.db, create=create, sql=self.sql_folders(), wait=self.settings["wait"])

    def sql_folders(self) -> list[Path]:
        """Give the workspace's own `sql` folder, where it is not bt's."""
        from bt import assets

        own = self.settings.workspace / "sql"
        return [own] if own.is_dir() and own.resolve() != assets.folder("sql").resolve() else []


def span(
    first: str | None, end: str | None, *, warehouse: Warehouse, now: datetime, names: list[str] | None = None
) -> tuple[datetime | None, datetime | None]:
    """Read --from and --to; `--from 90d` counts back from --to, or from the last candle, of these symbols if named."""
    from bt.timeframes import moment

    until = moment(end, relative_to=now) if end else None
    if not first:
        return None, until
    own, parameters = (f"where symbol in ({', '.join('?' for _ in names)})", names) if names else ("", None)
    ending = f"select max(last_ts) + interval 1 minute as ending from candle_days {own}"
    last = until or warehouse.query(ending, parameters).item() or now
    return moment(first, relative_to=last), until


def stoppable(work: Callable[[], Answer]) -> Answer:
    """Do the work in a thread that dies with the process, so that Ctrl-C is heard while a database computes."""
    done: Future[Answer] = Future()

    def call() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.set_exception(error)

    Thread(target=call, daemon=True).start()
    while not wait([done], timeout=0.1).done:  # in slices, between which a signal is heard
        pass
    return done.result()


def session(
    flags: dict[str, Any] | None = None,
    *,
    form: str = "table",
    out: Path | None = None,
    quiet: bool = False,
    progress: str = "auto",
) -> Session:
    """Resolve the settings of this call; `flags` are those of its options that are settings, None where not given.

    What cannot be printed in the end is refused here, before any work.
    """
    from bt.output import check_output

    check_output(form, out)
    settings = config.resolve(flags or {}, os.environ, Path.cwd())
    return Session(settings, Narrator("none" if quiet else progress), datetime.now(UTC).replace(tzinfo=None))
