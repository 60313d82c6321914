"""Narration on stderr: stages, progress and warnings, so that stdout stays data."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from bt.errors import BtError, hint
from bt.output.tables import printable

MODES: Final = ("auto", "plain", "json", "none")
_EVERY: Final = 1.0  # seconds between two progress lines


@dataclass
class Narrator:
    """Tell what is going on: `plain` in sentences, `json` in event lines, `none` nothing; `auto` is plain."""

    mode: str = "auto"
    _last: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BtError(f"there is no progress mode {self.mode!r}", hint(self.mode, MODES))

    def stage(self, name: str) -> None:
        """Say that a stage begins (JSON only: in plain words the stage times at the end say it better)."""
        if self.mode == "json":
            self._line(json.dumps({"event": "stage", "name": name}))

    def progress(self, done: int, total: int | None) -> None:
        """Say how far it is, at most once a second."""
        now = time.monotonic()
        if now - self._last < _EVERY or not done:
            return
        self._last = now
        if self.mode == "json":
            self._line(json.dumps({"event": "progress", "done": done, "total": total}))
        elif self.mode != "none":
            self._line(f"{done:,} of {total:,}" if total else f"{done:,}")

    def say(self, sentence: str) -> None:
        """Say a sentence."""
        if self.mode == "json":
            self._line(json.dumps({"event": "log", "message": sentence}, ensure_ascii=False))
        elif self.mode != "none":
            self._line(sentence)

    def event(self, facts: dict[str, object]) -> None:
        """Tell a program something; people are told by other words."""
        if self.mode == "json":
            self._line(json.dumps(facts, ensure_ascii=False))

    def failed(self, what: str, cure: str, code: int) -> None:
        """Say what went wrong and how to mend it; this is said in every mode."""
        if self.mode == "json":
            self._line(json.dumps({"event": "error", "message": what, "cure": cure, "code": code}, ensure_ascii=False))
            return
        self._line(f"error: {what}")
        if cure:
            self._line(f"  try: {cure}")

    def _line(self, line: str) -> None:
        shown = "\n".join(printable(part) for part in line.split("\n"))
        with suppress(OSError, AttributeError):  # nobody listens: that is no reason to fail
            sys.stderr.write(shown + "\n")
            sys.stderr.flush()
