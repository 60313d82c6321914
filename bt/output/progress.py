"""How far an ingest is: a bar for each symbol on a terminal, lines elsewhere, events for programs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.output.narration import Narrator

_EVERY: Final = 2.0  # s between two lines or events


class SymbolProgress:
    """Show how many minutes of each symbol came; a context, so that a terminal is left as it was found.

    `asked` gives how many requests and retries there were so far.
    """

    def __init__(self, narrator: Narrator, asked: Callable[[], tuple[int, int]]) -> None:
        self._narrator, self._asked = narrator, asked
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._tasks: dict[str, Any] = {}
        self._told = self._began = time.monotonic()
        self._bars = _bars() if narrator.mode == "auto" and sys.stderr and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bars:
            self._bars.stop()

    def planned(self, symbol: str, minutes: int) -> None:
        """Say how much is to come."""
        self._totals[symbol], self._done[symbol] = minutes, 0
        if self._bars and minutes:
            self._tasks[symbol] = self._bars.add_task(symbol, total=minutes, asked="")

    def came(self, symbol: str, minutes: int) -> None:
        """Say that more came."""
        self._done[symbol] += minutes
        if self._bars:
            self._bars.update(self._tasks[symbol], advance=minutes, asked=counted(self._asked()[1], "retry", "retries"))
        elif time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            self._tell()

    def say(self, sentence: str) -> None:
        """Say a sentence above the bars."""
        if self._bars:
            self._bars.console.print(sentence, markup=False, highlight=False)
        else:
            self._narrator.say(sentence)

    def _tell(self) -> None:
        requests, retries = self._asked()
        if self._narrator.mode == "json":
            for symbol, total in self._totals.items():
                event = {"event": "progress", "symbol": symbol, "done": self._done[symbol], "total": total}
                self._narrator.event(event | {"requests": requests, "retries": retries})
            return
        done, total = sum(self._done.values()), sum(self._totals.values())
        left = (self._told - self._began) * (total - done) / done if done else 0.0
        now = next((symbol for symbol, all_ in self._totals.items() if self._done[symbol] < all_), "")
        self._narrator.say(
            f"{done:,} of {total:,} candles, {left:.0f} s left, {requests:,} requests, {retries:,} retries; {now}"
        )


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[asked]}", markup=False),
        console=Console(stderr=True),
    )
