"""What strategies print while many sets are tried: kept away from stdout, which is data, and told in a few lines."""

from __future__ import annotations

import io
from threading import Lock, local
from typing import TYPE_CHECKING, Final

from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT: Final = 5  # different lines
_LONGEST: Final = 200  # characters of a line


class Printed(io.TextIOBase):
    """A stream that keeps the first different lines written to it, whatever threads write, and drops the rest."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}
        self._more = False
        self._begun = local()  # the line that each thread has begun
        self._guard = Lock()

    def write(self, text: str) -> int:
        """Take text; a line counts when it ends."""
        *whole, rest = (getattr(self._begun, "line", "") + text).split("\n")
        self._begun.line = rest[:_LONGEST]
        self.take(whole)
        return len(text)

    def take(self, lines: Iterable[str]) -> None:
        """Take whole lines."""
        with self._guard:
            for line in filter(None, (each[:_LONGEST].strip() for each in lines)):
                if line not in self._lines:
                    self._more = self._more or len(self._lines) == _KEPT
                    if not self._more:
                        self._lines[line] = None

    def drained(self) -> tuple[str, ...]:
        """Give the lines so far, and forget them."""
        with self._guard:
            lines, self._lines, self._more = tuple(self._lines), {}, False
        return lines

    def sentences(self) -> list[str]:
        """Say what was printed."""
        said = [f"signals printed: {shown(line)}" for line in self._lines]
        return [*said, "signals printed more, which is not shown"] if self._more else said
