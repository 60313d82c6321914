"""The command `bt doctor`: what this installation and this warehouse consist of, and what is wrong with them."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bt.cli.asking import OutputOptions, taking
from bt.errors import ExitCode, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import polars as pl

    from bt.warehouse import Condition

_PACKAGES: Final = ("duckdb", "polars", "numpy", "numba", "aiohttp")
_LONGEST_WAIT: Final = 2.0  # seconds: whoever asks a doctor wants to be told that it is locked
_GIGABYTE: Final = 1e9
_ROOM: Final = {"bad": 0.1 * _GIGABYTE, "warning": _GIGABYTE}  # bytes free on the disk, below which it is this
_SHOWN: Final = 10  # symbols that are short
_EPOCH: Final = 2020  # a clock before this year was never set


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and what mends it (empty: nothing needs to)."""

    check: str
    state: Literal["ok", "warning", "bad"]
    detail: str
    cure: str = ""


@taking(OutputOptions)
def doctor(asked: OutputOptions) -> int:
    """Look at versions, warehouse, lock, disk, Tk and compiled loop; hold the manifest against the content."""
    import polars as pl

    from bt.output import emit, table, write
    from bt.wording import counted

    call = asked.session()
    usable, stored = look_at_warehouse(call.settings.db, wait=min(call.settings["wait"], _LONGEST_WAIT))
    found = [*versions(), *stored, tk(), trade_loop(), clock(call.now)]
    if asked.form == "table":
        write(table(_wrapped(found), width=10_000), asked.out)
    else:
        emit(pl.DataFrame([asdict(one) for one in found]), asked.form, asked.out)
    bad = sum(one.state == "bad" for one in found)
    warned = sum(one.state == "warning" for one in found)
    call.narrator.say(f"{'unsound' if bad else 'sound'}: {bad} bad, {counted(warned, 'warning')}")
    return ExitCode.WAREHOUSE if not usable else ExitCode.INCOMPLETE if bad else ExitCode.OK


def versions() -> Iterator[Finding]:
    """Give the versions of Python, of bt and of what it stands on."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from bt import __version__

    yield Finding("python", "ok", platform.python_version())
    yield Finding("bt", "ok", __version__)
    for name in _PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "bad", "not installed", "pip install bt-warehouse")


def look_at_warehouse(db: str, *, wait: float) -> tuple[bool, list[Finding]]:
    """Look at a warehouse without changing it; say first whether it can be used, or made."""
    from bt.warehouse import examine
    from bt.warehouse.file import local

    if db == ":memory:":
        return True, [Finding("warehouse", "warning", "in memory: nothing lasts", "name a file with --db")]
    path = local(db)
    if not path.exists():
        return True, [_missing(path), _disk(path)]
    try:
        condition = examine(path, wait=wait)
    except WarehouseError as error:
        return False, [Finding("warehouse", "bad", error.what, error.cure), *_around(path)]
    whole = _file(path, condition)
    inside = [*_manifest(condition), _acknowledged(path, condition)]
    return True, [whole, _schema(condition), *_around(path), *inside]


def tk() -> Finding:
    """Say whether windows can be drawn; a display is not needed to tell."""
    try:
        from tkinter import TkVersion
    except ImportError:
        cure = "only bt gui needs it; Debian, Ubuntu: apt install python3-tk; else a Python built with Tk"
        return Finding("tk", "warning", "this Python has no tkinter", cure)
    return Finding("tk", "ok", f"{TkVersion}")


def trade_loop() -> Finding:
    """Say whether the loop is compiled, and where that is kept."""
    from bt import kernel

    folder, compiled = kernel.kept()
    if folder is None:
        cure = "make your cache folder writable, or name one: NUMBA_CACHE_DIR"
        return Finding("trade loop", "warning", "no folder to keep it in: every run compiles it, 15 to 30 s", cure)
    if compiled:
        return Finding("trade loop", "ok", f"compiled, in {folder}")
    return Finding("trade loop", "ok", f"the first run compiles it, 15 to 30 s, into {folder}")


def clock(now: datetime) -> Finding:
    """Say whether the system's clock was ever set."""
    said = f"{now:%Y-%m-%d %H:%M} UTC"
    if now.year >= _EPOCH:
        return Finding("clock", "ok", said)
    return Finding("clock", "bad", f"{said}: no exchange can be reached", "set it: timedatectl set-ntp true")


def _missing(path: Path) -> Finding:
    from bt.warehouse import acknowledged

    beside = acknowledged.beside(path)
    if beside.exists():
        cure = f"restore it from a copy; was it removed on purpose, remove {beside} too"
        return Finding("warehouse", "bad", f"gone from {path}: its pages were acknowledged", cure)
    return Finding("warehouse", "warning", f"there is none at {path}", "bt init, bt demo or bt import makes one")


def _file(path: Path, condition: Condition) -> Finding:
    """Say how large the file is, and whether it is larger, and slower, than its candles make it."""
    found = condition.layout
    said = f"{path}, {_size(path.stat().st_size)}, {found.bytes_each:.1f} bytes a candle"
    if found.due:
        return Finding("warehouse", "warning", f"{said}: {found.scattered:,} candles lie in pieces", "bt compact")
    if found.wasteful:
        return Finding("warehouse", "warning", f"{said}: {_size(found.free)} of it hold nothing", "bt compact")
    return Finding("warehouse", "ok", said)


def _schema(condition: Condition) -> Finding:
    if condition.version == condition.known:
        return Finding("schema", "ok", f"version {condition.version}")
    older = f"version {condition.version}, this bt has {condition.known}"
    return Finding("schema", "warning", older, "the next command that opens it brings it up to date: bt data")


def _around(path: Path) -> Iterator[Finding]:
    """Look at what lies and happens beside the file."""
    from bt.warehouse import lock

    log = Path(f"{path}.wal")
    if log.exists():
        left = f"{_size(log.stat().st_size)} in {log.name}: a writer is at work, or was ended by force"
        yield Finding("log", "warning", left, "copy both files or none; the next command that writes takes it in")
    else:
        yield Finding("log", "ok", "none: all is in the file")
    processes = ", ".join(map(str, lock.holders(path)))
    yield Finding("lock", "ok", f"held by process {processes}" if processes else "nobody has it open")
    yield _disk(path)


def _disk(path: Path) -> Finding:
    here = path.absolute()
    folder = next(place for place in (here, *here.parents) if place.is_dir())
    free = shutil.disk_usage(folder).free
    said = f"{_size(free)} free"
    if free >= _ROOM["warning"]:
        return Finding("disk", "ok", said)
    cure = f"free some space on the disk of {folder}"
    return Finding("disk", "bad" if free < _ROOM["bad"] else "warning", said, cure)


def _manifest(condition: Condition) -> Iterator[Finding]:
    from bt.wording import counted

    short = condition.short
    if short.is_empty():
        said = f"{counted(condition.pages, 'page')}, and all they brought is there"
        yield Finding("manifest", "ok", said if condition.pages else "no pages yet")
    for row in short.head(_SHOWN).to_dicts():
        symbol, kind = row["symbol"], " --kind funding" if row["kind"] == "funding" else ""
        again = f"bt ingest {symbol} --from {row['first_ts']:%Y-%m-%d}"
        cure = f"{again}, or the same bt import FILE --symbol {symbol}{kind} as before"
        yield Finding("manifest", "bad", f"{symbol}: {row['problem']}", cure)
    if short.height > _SHOWN:
        yield Finding("manifest", "bad", f"and {short.height - _SHOWN} more", "bt check, then as above")


def _acknowledged(path: Path, condition: Condition) -> Finding:
    """Hold the manifest against the number beside the file: the file itself cannot tell that its end is gone."""
    from bt.warehouse import acknowledged

    beside = acknowledged.beside(path)
    try:
        known = acknowledged.read(path)
    except (OSError, ValueError) as error:
        return Finding("acknowledged", "warning", str(error), f"remove {beside}: the next ingest or import makes it")
    if known is None:
        return Finding("acknowledged", "ok", "nothing beside the file to compare with")
    again = "the same ingest or import again"
    if known.newest > condition.newest:
        lost = f"lost {_pages((condition.newest + 1, known.newest))}: acknowledged, and not there any more"
        return Finding("acknowledged", "bad", lost, f"{again}; is an older copy wanted, remove {beside}")
    if known.lost:
        lost = ", ".join(map(_pages, known.lost))
        detail = f"lost {lost} before later ones came"
        return Finding("acknowledged", "warning", detail, f"{again}, where that was not done; then remove {beside}")
    return Finding("acknowledged", "ok", f"page {condition.newest} is the newest, here and beside the file")


def _pages(span: tuple[int, int]) -> str:
    first, last = span
    return f"page {first}" if first == last else f"pages {first} to {last}"


def _size(count: float) -> str:
    return f"{count / _GIGABYTE:,.1f} GB" if count >= _GIGABYTE else f"{1000 * count / _GIGABYTE:,.1f} MB"


def _wrapped(found: Sequence[Finding]) -> pl.DataFrame:
    """Break details and cures into lines for the terminal."""
    import textwrap

    import polars as pl

    from bt.output import printable
    from bt.output.tables import screen_width

    names, states = (max(len(getattr(one, name)) for one in found) for name in ("check", "state"))
    room = max(screen_width() - names - max(states, len("state")) - 4, 20)
    rows = []
    for one in found:
        texts = [one.detail, *([f"try: {one.cure}"] if one.cure else [])]
        lines = [line for text in texts for line in textwrap.wrap(printable(text), room, break_on_hyphens=False)]
        rows += [(one.check, one.state, lines[0]), *(("", "", line) for line in lines[1:])]
    return pl.DataFrame(rows, schema=["check", "state", "detail"], orient="row")
