"""What programs hear with `--progress json`: one JSON object a line on stderr, of five kinds; README describes them.

Every line is one of them, and the last one is `done` or `error`. Fields that are not known are null, none is left out;
fields may be added.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Another part of the work begins: the `index`-th, from 1, `of` so many, where that is known before."""

    name: str
    index: int | None = None
    of: int | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the current stage is: `done` of `total` bars, rows, candles, sets …, and `eta` seconds to go."""

    done: int
    total: int | None = None
    eta: float | None = None
    symbol: str | None = None  # at work on now
    best: str | None = None  # of the sets so far, in words
    requests: int | None = None  # to the exchange
    retries: int | None = None


@dataclass(frozen=True, kw_only=True)
class Log:
    """Something a person wants to know; of what failed while the rest goes on, how to mend it."""

    level: Level = "info"
    text: str
    cure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Done:
    """The command has its answer: `code` is the exit code, 0, or 1 where the answer is bad or incomplete.

    `run_id` is the run, sweep or walk-forward that was made or shown, `files` those written, `counts` what was counted.
    """

    code: int = 0
    run_id: str | None = None
    files: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Error:
    """The command has no answer: its exit code, what is wrong, and how to mend it (may be empty)."""

    code: int
    what: str
    cure: str


Event = Stage | Progress | Log | Done | Error
_KINDS: Final[dict[str, type[Event]]] = {
    "stage": Stage, "progress": Progress, "log": Log, "done": Done, "error": Error,
}  # fmt: skip


def written(event: Event) -> str:
    """Give an event as the line that it is on stderr."""
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)}, ensure_ascii=False)


def read(line: str) -> Event:
    """Read a line of stderr; one that is no event, a library's warning for one, is something said."""
    try:
        given = json.loads(line)
        kind = _KINDS[given["event"]]
        return kind(**{each.name: given[each.name] for each in fields(kind) if each.name in given})
    except (ValueError, TypeError, KeyError):
        return Log(text=line.rstrip())
