"""The compiled trade loop: NumPy arrays in, NumPy arrays out; knows nothing of frames, files or strategies."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bt.kernel.layout import (
    DAY,
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    INSTRUMENT,
    KINDS,
    ORDER,
    REASONS,
    REFUSALS,
    SIZINGS,
    Array,
    Bars,
    Changes,
    Detail,
    Funding,
    Inputs,
    Outcome,
    Rows,
    Rules,
    Signals,
    conflicting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "DAY",
    "ENTER_LONG",
    "ENTER_SHORT",
    "EXIT_LONG",
    "EXIT_SHORT",
    "INSTRUMENT",
    "KINDS",
    "ORDER",
    "REASONS",
    "REFUSALS",
    "SIZINGS",
    "Array",
    "Bars",
    "Changes",
    "Detail",
    "Funding",
    "Inputs",
    "Outcome",
    "Rows",
    "Rules",
    "Signals",
    "closing_days",
    "conflicting",
    "kept",
    "linked",
    "load",
    "make_ready",
    "trade",
    "warm_up",
]

_WARMING: list[threading.Thread] = []  # that load the loop


def make_ready(announce: Callable[[str], None] | None = None) -> None:
    """Compile the loop if need be (once per machine and version): `announce` is told beforehand."""
    ready = _cache_folder() / "ready"
    if ready.exists():
        return
    if announce:
        announce("compiling the trade loop, once: 15 to 30 seconds")
    load()
    with suppress(OSError):  # a full disk must not cost the result
        ready.touch()


def kept() -> tuple[Path | None, bool]:
    """Give the folder that keeps the compiled loop (None: none can, each process compiles it), and whether it is in."""
    import numba

    folder = _cache_folder()
    return folder if folder.name == _identity(numba.__version__) else None, (folder / "ready").exists()


def trade(inputs: Inputs) -> Outcome:
    """Run the loop."""
    _settled()
    _cache_folder()
    from bt.kernel import loop

    outcome: Outcome = loop.trade(*_frozen(inputs))
    return outcome


def linked(opened: Array, symbol: Array, count: int) -> Rows:
    """Link rows sorted by (time, symbol): `opened` in microseconds since 1970, `symbol` the number of each row's."""
    _settled()
    _cache_folder()
    from bt.kernel import rows

    found: Rows = rows.linked(_frozen(opened), _frozen(symbol), count)
    return found


def closing_days(opened: Array, starts: Array, length: int) -> Array:
    """Give the number of the UTC day, from 0, in which each bar time ends, `length` microseconds after it began."""
    _settled()
    _cache_folder()
    from bt.kernel import rows

    days: Array = rows.closing_days(_frozen(opened), _frozen(starts), length)
    return days


def warm_up() -> None:
    """Load the compiled loop in the background, where there is one: it takes as long as reading the data."""

    def background() -> None:
        if (_cache_folder() / "ready").exists():
            with suppress(Exception):  # the run itself will meet it, and say it
                load()

    thread = threading.Thread(target=background)  # not a daemon: leaving in the middle of an import can crash
    _WARMING[:] = [thread]
    thread.start()


def _settled() -> None:
    """Wait for what loads in the background: a Ctrl-C while two threads compile leaves numba locked for good."""
    for thread in tuple(_WARMING):
        if thread is not threading.current_thread():
            thread.join()


def load() -> None:
    """Run all that is compiled on the smallest input there is: one flat bar without a signal."""
    opened, symbol = np.zeros(1, np.int64), np.zeros(1, np.int32)
    rows = linked(opened, symbol, 1)
    trade(_least(rows, closing_days(opened, rows.starts, 1), symbol))


def _least(rows: Rows, day: Array, symbol: Array) -> Inputs:
    one, none, no = np.ones(1), np.empty(0), np.zeros(1, np.bool_)
    nothing, minutes, unknown = np.empty(0, np.int64), np.empty(0, np.int32), float("nan")
    return Inputs(
        bars=Bars(rows.starts, day, symbol, one, one, one, one, none, rows.before, rows.number, no, no, rows.last),
        signals=Signals(np.zeros(1, np.uint8), np.empty(0, ORDER)),
        instruments=np.zeros(1, INSTRUMENT),
        changes=Changes(nothing, nothing, np.empty(0, INSTRUMENT)),
        funding=Funding(nothing, minutes, np.empty(0, np.bool_), none, none),
        detail=Detail(nothing, nothing, minutes, none, none, none),
        rules=Rules(
            cash=1.0, sizing=0, size=1.0, leverage=1.0, max_positions=0, cross=False, mmr=0.0, slippage=0.0,
            slippage_ticks=0.0, favourable=False, stop=unknown, take=unknown, trail=unknown, take_limit=False,
            max_bars=0, pyramiding=0, targets=False, band=0.0, volume_share=unknown, level_delay=0, close_at_end=True,
            high=0.0, keep_equity=True,
        ),
    )  # fmt: skip


def _frozen(value: Any) -> Any:
    """Give read-only views of arrays, for one and all: to numba a writable one is another type, compiled once more."""
    if isinstance(value, tuple):
        return type(value)(*map(_frozen, value))
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


@cache
def _cache_folder() -> Path:
    """Point numba to a writable folder of this very loop: the user's cache, else a temporary folder.

    One folder per version of the sources, because numba looks only at the file a function stands in, not at what that
    file imports, and fails on a cache whose types are gone.
    """
    import numba

    folder = next(filter(_is_ours, _candidates(_identity(numba.__version__))), None)
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="bt-warehouse-"))
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return folder


def _candidates(identity: str) -> Iterator[Path]:
    """Give where the compiled loop may be kept: where numba was told, in the user's cache, in the temporary folder."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given) / "bt-warehouse" / identity
    with suppress(RuntimeError):  # no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bt-warehouse" / identity
    yield Path(tempfile.gettempdir()) / f"bt-warehouse-{_user()}" / identity


def _is_ours(folder: Path) -> bool:
    """Make the folder and say whether it is this user's alone to write: what lies there is run as code."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = folder.stat()
    except OSError:
        return False
    mine = not hasattr(os, "getuid") or state.st_uid == os.getuid()
    return mine and not state.st_mode & stat.S_IWOTH and os.access(folder, os.W_OK)


def _user() -> str:
    """Give a name for this user that needs no entry anywhere."""
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _identity(numba_version: str) -> str:
    """Tell one compiled loop from another: by sources, place, Python and numba."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{here} {sys.version} {numba_version}".encode())
    for source in sorted(here.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
