"""Narration on stderr: stages, progress and warnings, so that stdout stays data."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint
from bt.output.events import Error, Log, Progress, Stage, written
from bt.output.tables import printable

if TYPE_CHECKING:
    from bt.output.events import Event

MODES: Final = ("auto", "plain", "json", "none")
_EVERY: Final = 1.0  # seconds between two progress lines
_OFTEN: Final = 0.25  # seconds between two progress events
_WARNS: Final = "! "  # begins a sentence that warns


@dataclass
class Narrator:
    """Tell what is going on: `plain` in sentences, `json` in event lines, `none` nothing; `auto` is plain."""

    mode: str = "auto"
    _expected: tuple[str, ...] = ()
    _last: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BtError(f"there is no progress mode {self.mode!r}", hint(self.mode, MODES))

    def expect(self, *stages: str) -> None:
        """Hear which stages will come, so that each can be told with its number."""
        self._expected = stages

    def stage(self, name: str, *, place: tuple[int, int] | None = None) -> None:
        """Say that a stage begins (JSON only: in plain words the stage times at the end say it better).

        `place` is which one of how many it is, where that is not known from `expect`.
        """
        if place is None and name in self._expected:
            place = self._expected.index(name) + 1, len(self._expected)
        self._began = time.monotonic()
        index, of = place or (None, None)
        self.event(Stage(name=name, index=index, of=of))

    def progress(self, done: int, total: int | None, symbol: str | None = None) -> None:
        """Say how far it is, at most once a second; programs hear it more often, and the end always."""
        now = time.monotonic()
        ended = self.mode == "json" and done == total
        if not done or (now - self._last < (_OFTEN if self.mode == "json" else _EVERY) and not ended):
            return
        self._last = now
        if self.mode == "json":
            eta = round((now - self._began) * (total - done) / done, 1) if total else None
            self.event(Progress(done=done, total=total, eta=eta, symbol=symbol))
        elif self.mode != "none":
            self._line(f"{done:,} of {total:,}" if total else f"{done:,}")

    def say(self, sentence: str) -> None:
        """Say a sentence; one that begins with `! ` warns."""
        if self.mode == "json":
            warns = sentence.startswith(_WARNS)
            self.event(Log(level="warning" if warns else "info", text=sentence.strip().removeprefix(_WARNS)))
        elif self.mode != "none":
            self._line(sentence)

    def event(self, event: Event) -> None:
        """Tell a program something; people are told by other words."""
        if self.mode == "json":
            self._line(written(event))

    def refused(self, what: str, cure: str) -> None:
        """Say what went wrong with a part, and how to mend it, while the rest goes on; this is said in every mode."""
        self._wrong(Log(level="error", text=what, cure=cure), what, cure)

    def failed(self, what: str, cure: str, code: int) -> None:
        """Say what ended the command, and how to mend it; this is said in every mode."""
        self._wrong(Error(code=int(code), what=what, cure=cure), what, cure)

    def _wrong(self, event: Event, what: str, cure: str) -> None:
        if self.mode == "json":
            self.event(event)
            return
        self._line(f"error: {what}")
        if cure:
            self._line(f"  try: {cure}")

    def _line(self, line: str) -> None:
        shown = "\n".join(printable(part) for part in line.split("\n"))
        with suppress(OSError, AttributeError):  # nobody listens: that is no reason to fail
            sys.stderr.write(shown + "\n")
            sys.stderr.flush()
