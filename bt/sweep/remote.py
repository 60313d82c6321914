"""Trying sets in another process, or on another machine: what is sent there once and kept, and what is asked for."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from multiprocessing import connection, parent_process
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bt import __version__
from bt.errors import BtError
from bt.strategy.load import carried
from bt.sweep.printed import Printed
from bt.sweep.stage import Stage, evaluate
from bt.sweep.supply import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.market import Columns, Indicator
    from bt.sweep.stage import Candidacy, Trialed

_ROOM: Final = 256_000_000  # bytes of columns that are kept


@dataclass(frozen=True, eq=False)
class _Desk:
    """What was sent here: the stage of a sweep, and columns of its indicators, those last used at the end."""

    stage: Stage
    columns: OrderedDict[Indicator, Any] = field(default_factory=OrderedDict)


_DESKS: Final[dict[str, _Desk]] = {}  # by the stage's key: at most one, of the sweep that this process works for
_GUARD: Final = Lock()  # a worker of a cluster may have several threads, and work for several sweeps


class Wanting(NamedTuple):
    """What has to be sent along before a set can be tried here."""

    stage: bool
    indicators: tuple[Indicator, ...]


class Letter(NamedTuple):
    """One set to try on the stage of a key, with as much of stage (pickled) and columns as is thought necessary."""

    key: str
    version: str
    number: int
    candidate: Candidacy
    indicators: tuple[Indicator, ...]
    stage: bytes | None
    columns: Columns


class Aloud(NamedTuple):
    """An answer, and what strategies printed in this process since the last one."""

    answer: Trialed | Wanting
    printed: tuple[str, ...]


def packed(stage: Stage) -> bytes:
    """Pickle a stage; a strategy that was loaded from a file goes along as its text."""
    portable = carried(stage.strategy)
    return pickle.dumps((replace(stage, strategy=None), portable), protocol=5)  # type: ignore[arg-type]


def answer(letter: Letter) -> Trialed | Wanting:
    """Try the set of a letter, or say what is wanting."""
    if letter.version != __version__:
        raise BtError(f"a worker has bt {__version__}, the sweep {letter.version}", "install the same version on both")
    with _GUARD:
        if letter.stage is not None and letter.key not in _DESKS:
            _DESKS.clear()
            bare, portable = pickle.loads(letter.stage)  # noqa: S301 - from our own coordinator
            _DESKS[letter.key] = _Desk(replace(bare, strategy=portable.strategy()))
        desk = _DESKS.get(letter.key)
        if desk is None:
            return Wanting(True, letter.indicators)
        _keep(desk.columns, letter)
        missing = tuple(each for each in letter.indicators if each not in desk.columns)
        if missing:
            return Wanting(False, missing)
        columns = {each: desk.columns[each] for each in letter.indicators}
    return evaluate(desk.stage, columns, letter.number, letter.candidate)


def answer_aloud(letter: Letter) -> Aloud:
    """Answer in a process that `begin` prepared."""
    given = answer(letter)
    return Aloud(given, sys.stdout.drained() if isinstance(sys.stdout, Printed) else ())


def versions_there() -> Callable[[], dict[str, str | None]]:
    """Give what tells the versions of that on which results hang, also where there is no bt: None = not there."""

    def versions() -> dict[str, str | None]:  # goes to a worker as its code, for it cannot be imported everywhere
        import platform
        from importlib import import_module

        found: dict[str, str | None] = {"python": platform.python_version()}
        for name in ("bt", "polars", "duckdb"):
            try:
                found[name] = str(import_module(name).__version__)
            except ImportError:
                found[name] = None
        return found

    return versions


def begin() -> None:
    """Make a child deaf to Ctrl-C, which its parent hears; keep what it prints; let it end when its parent has."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = Printed()
    warnings.simplefilter("ignore")
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _keep(columns: OrderedDict[Indicator, Any], letter: Letter) -> None:
    """Keep what came with a letter, and of the rest what was last used, as far as there is room."""
    columns.update(letter.columns)
    for indicator in letter.indicators:
        if indicator in columns:
            columns.move_to_end(indicator)
    held = sum(map(size, columns.values()))
    while held > _ROOM and len(columns) > len(letter.indicators):
        held -= size(columns.popitem(last=False)[1])
