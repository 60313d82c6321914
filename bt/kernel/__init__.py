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
from typing import TYPE_CHECKING

import numpy as np

from bt.kernel.layout import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    INSTRUMENT,
    KINDS,
    REASONS,
    REFUSALS,
    SIZINGS,
    Array,
    Bars,
    Outcome,
    Rules,
    Signals,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "ENTER_LONG",
    "ENTER_SHORT",
    "EXIT_LONG",
    "EXIT_SHORT",
    "INSTRUMENT",
    "KINDS",
    "REASONS",
    "REFUSALS",
    "SIZINGS",
    "Array",
    "Bars",
    "Outcome",
    "Rules",
    "Signals",
    "trade",
    "warm_up",
]


def trade(
    bars: Bars,
    signals: Signals,
    instruments: Array,
    rules: Rules,
    *,
    announce: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the loop; `announce` is told beforehand when it must be compiled first (once per machine and version)."""
    ready = _cache_folder() / "ready"
    if announce and not ready.exists():
        announce("compiling the trade loop, once: about 15 seconds")
    from bt.kernel import loop

    outcome: Outcome = loop.trade(bars, signals, instruments, rules)
    with suppress(OSError):  # a full disk must not cost the result
        ready.touch()
    return outcome


def warm_up() -> None:
    """Load the compiled loop in the background, where there is one: it takes as long as reading the data."""

    def load() -> None:
        if (_cache_folder() / "ready").exists():
            one, none = np.ones(1), np.empty(0)
            whole = np.zeros(1, np.int64)
            bars = Bars(
                np.arange(2), *(np.zeros(1, np.int32),) * 2, one, one, one, one, *(np.zeros(1, np.bool_),) * 2, whole
            )
            signals = Signals(np.zeros(1, np.uint8), *(none,) * 7, np.empty(0, np.int64))
            nan = float("nan")
            rules = Rules(1.0, 0, 1.0, 1.0, 0, 0.0, 0.0, False, nan, nan, nan, False, 0, True)
            with suppress(Exception):  # the run itself will meet it, and say it
                trade(bars, signals, np.zeros(1, INSTRUMENT), rules)

    threading.Thread(target=load).start()  # not a daemon: leaving in the middle of an import can crash


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
