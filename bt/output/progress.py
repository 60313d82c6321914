"""How far long work is: bars on a terminal, lines elsewhere, events for programs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from bt.output.events import Progress
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.output.narration import Narrator

_EVERY: Final = 2.0  # s between two lines
_OFTEN: Final = 0.5  # s between two events
_LIVE: Final = 0.25  # s between two changes of a line on a terminal
_BAR: Final = 10  # columns
_SOON: Final = 90  # of seconds, or of minutes, that are told as such


class _Shown:
    """Narration above bars where stderr is a terminal; a context, so that a terminal is left as it was found."""

    def __init__(self, narrator: Narrator, bars: Callable[[], Any]) -> None:
        self._narrator = narrator
        self._told = self._began = time.monotonic()
        self._bars = bars() if narrator.mode == "auto" and sys.stderr and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, sentence: str) -> None:
        """Say a sentence above the bars."""
        if self._bars:
            self._bars.console.print(sentence, markup=False, highlight=False)
        else:
            self._narrator.say(sentence)

    def _due(self, every: float) -> bool:
        """Say whether it is time to tell again."""
        if time.monotonic() - self._told < every:
            return False
        self._told = time.monotonic()
        return True


class SymbolProgress(_Shown):
    """Show how many minutes of each symbol came; `asked` gives how many requests and retries there were so far."""

    def __init__(self, narrator: Narrator, asked: Callable[[], tuple[int, int]]) -> None:
        super().__init__(narrator, _symbol_bars)
        self._asked = asked
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._tasks: dict[str, Any] = {}

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
        elif self._due(_OFTEN if self._narrator.mode == "json" else _EVERY):
            self._tell()

    def _tell(self) -> None:
        requests, retries = self._asked()
        done, total = sum(self._done.values()), sum(self._totals.values())
        left = (self._told - self._began) * (total - done) / done if done else 0.0
        now = next((symbol for symbol, all_ in self._totals.items() if self._done[symbol] < all_), "")
        if self._narrator.mode == "json":
            self._narrator.event(
                Progress(
                    done=done, total=total, eta=round(left, 1), symbol=now or None, requests=requests, retries=retries
                )
            )
            return
        self._narrator.say(
            f"{done:,} of {total:,} candles, {left:.0f} s left, {requests:,} requests, {retries:,} retries; {now}"
        )


class TrialProgress(_Shown):
    """Show how many parameter sets were tried, how fast, how long it will still take, and the best so far.

    `done` and `total` are as last heard; nothing of the line on a terminal is left when the context ends.
    """

    def __init__(self, narrator: Narrator) -> None:
        super().__init__(narrator, _trial_bar)
        self.done = 0
        self.total: int | None = None
        self._first: int | None = None  # sets that an earlier sweep had tried
        self._told_done = 0
        self._task: Any = None

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""
        self._narrator.stage(name)

    def tried(self, done: int, total: int | None, best: str) -> None:
        """Hear how many sets are tried, of how many if that is known, and the best so far in words."""
        self.done, self.total = done, total
        if self._first is None:
            self._first = done
            self._began = self._told = time.monotonic()
        if self._bars:
            self._draw(self._bars, best)
        elif self._narrator.mode == "json":
            first_or_last = self._told_done <= self._first < done or done == total
            if done > self._told_done and (first_or_last or self._due(_OFTEN)):
                self._told_done = done
                self._narrator.event(Progress(done=done, total=total, eta=self._left(), best=best or None))
        elif self._due(_EVERY):
            self._narrator.say(self._sentence(best))

    def _draw(self, bars: Any, best: str) -> None:
        if self._task is None:
            self._task = bars.add_task("", total=self.total)
        elif not self._due(_LIVE) and self.done != self.total:
            return
        room = bars.console.width - _BAR - 1
        texts = [self._sentence(each) for each in (best, best.partition(" with ")[0], "")]
        shown = next((text for text in texts if len(text) <= room), texts[-1])
        bars.update(self._task, completed=self.done, total=self.total, description=shown)

    def _sentence(self, best: str) -> str:
        left = self._left()
        parts = [f"{self.done:,} of {counted(self.total, 'set')}" if self.total else counted(self.done, "set")]
        parts += [f"{self._rate():.3g} a second"] if self._rate() else []
        parts += [f"{lasting(left)} left"] if left else []
        parts += [f"best {best}"] if best else []
        return ", ".join(parts)

    def _rate(self) -> float:
        spent = time.monotonic() - self._began
        return (self.done - (self._first or 0)) / spent if spent > 0 else 0.0

    def _left(self) -> float | None:
        """Give the seconds it will still take, as far as that can be known."""
        rate = self._rate()
        return round((self.total - self.done) / rate, 1) if self.total and rate else None


def lasting(seconds: float) -> str:
    """Give a length of time as people say it: `5 s`, `12 min`, `3 h 20 min`."""
    if seconds < _SOON:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < _SOON else f"{minutes // 60} h {minutes % 60} min"


def _symbol_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=2 * _BAR),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[asked]}", markup=False),
        console=Console(stderr=True),
    )


def _trial_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    bar, text = BarColumn(bar_width=_BAR), TextColumn("{task.description}", markup=False)
    return Progress(bar, text, console=Console(stderr=True), transient=True)
