"""Trying sets in another process, or on another machine: what is sent there once and kept, and what is asked for."""

from __future__ import annotations

import os
import pickle
import signal
from collections import OrderedDict
from dataclasses import replace
from multiprocessing import connection, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bt import __version__
from bt.errors import BtError
from bt.strategy.load import carried
from bt.sweep.stage import Stage, evaluate

if TYPE_CHECKING:
    from bt.market import Columns, Indicator
    from bt.sweep.stage import Candidacy, Trialed

_ROOM: Final = 256  # columns that are kept
_STAGES: Final[dict[str, Stage]] = {}  # of the sweep that this process works for: at most one
_COLUMNS: Final[OrderedDict[Indicator, Any]] = OrderedDict()  # of its indicators


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


def packed(stage: Stage) -> bytes:
    """Pickle a stage; a strategy that was loaded from a file goes along as its text."""
    portable = carried(stage.strategy)
    return pickle.dumps((replace(stage, strategy=None), portable), protocol=5)  # type: ignore[arg-type]


def answer(letter: Letter) -> Trialed | Wanting:
    """Try the set of a letter, or say what is wanting."""
    if letter.version != __version__:
        raise BtError(f"a worker has bt {__version__}, the sweep {letter.version}", "install the same version on both")
    if letter.stage is not None and letter.key not in _STAGES:
        _STAGES.clear()
        _COLUMNS.clear()
        bare, portable = pickle.loads(letter.stage)  # noqa: S301 - from our own coordinator
        _STAGES[letter.key] = replace(bare, strategy=portable.strategy())
    _keep(letter.columns)
    missing = tuple(each for each in letter.indicators if each not in _COLUMNS)
    if letter.key not in _STAGES or missing:
        return Wanting(letter.key not in _STAGES, missing)
    columns = {each: _COLUMNS[each] for each in letter.indicators}
    return evaluate(_STAGES[letter.key], columns, letter.number, letter.candidate)


def begin() -> None:
    """Make a child process deaf to Ctrl-C, which its parent hears, and let it end when its parent has."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _keep(columns: Columns) -> None:
    for indicator, outputs in columns.items():
        _COLUMNS[indicator] = outputs
        _COLUMNS.move_to_end(indicator)
    while len(_COLUMNS) > _ROOM:
        _COLUMNS.popitem(last=False)
