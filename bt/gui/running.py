"""The one job that is under way: what it tells is shown while it runs, and what ended it is said where it belongs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bt.gui.model import RUN, TRIED, field_of, shell
from bt.gui.work import Job
from bt.output.events import Done, Error, Log, Progress, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.gui.child import Ended
    from bt.gui.frame import MainFrame
    from bt.gui.model import Command
    from bt.gui.work import Work
    from bt.output.events import Event

_INTERRUPTED: Final = 128  # exit codes from here on are of signals
_LOCKED: Final = 3
_MINUTE: Final = 60  # s
_NAMES: Final = {  # of stages, as they are said
    "data": "reading candles", "signals": "computing signals", "trades": "simulating",
    "look-ahead": "looking for look-ahead", "storing": "storing", "trials": "trying parameter sets",
    "stitching": "stitching the tests", "downloading": "downloading", "ordering": "putting candles in order",
    "asking": "reading the run", "writing": "writing", "checking": "checking",
}  # fmt: skip


class Running:
    """Start a job, show how far it is, and say how it ended; `command` is what was tested last."""

    def __init__(self, view: MainFrame, work: Work) -> None:
        self._view, self._work = view, work
        self.command: Command = "run"
        self.done = Done()  # what the last job came to
        self._stage = self._detail = ""
        self._share: float | None = None  # of the bar; None: it goes to and fro
        self._began = 0.0
        self._before = (0, 1)  # how many stages are over, of how many

    def start(self, line: list[str], then: Callable[[Ended], None], *, told: list[str] | None = None) -> None:
        """Start a command line; `told` is it as the user would type it, `then` hears of a good end."""
        if self._work.busy:
            return

        def ended(end: Ended, error: Error | None) -> None:
            self._ended(error, lambda: then(end), lambda: self.start(line, then, told=told))

        self._view.notice.clear()
        self._view.results.log.say(f"$ {shell(told or line)}", "command")
        self._stage, self._detail, self._share, self.done = "starting", "", None, Done()
        self._began = time.monotonic()
        self._work.start(Job(words=line, hear=self._hear, ended=ended))
        self._view.working(busy=True)
        self.show()

    def cancel(self) -> None:
        """Ask what is under way to stop."""
        if self._work.busy:
            self._work.cancel()
            self._stage, self._detail, self._share = "stopping", "", None

    def show(self) -> None:
        """Show how far it is."""
        if self._work.busy:
            seconds = int(self._work.seconds)
            self._view.say(f"Running… {self._stage}" + (f" · {self._detail}" if self._detail else ""))
            self._view.elapsed.configure(text=f"{seconds // _MINUTE}:{seconds % _MINUTE:02d}")
            self._view.advance(self._share)

    def _hear(self, event: Event) -> None:
        say = self._view.results.log.say
        if isinstance(event, Progress):
            if event.total:
                stages, of = self._before
                self._share = (stages + event.done / event.total) / of
            self._detail = " · ".join(_details(event))
        elif isinstance(event, Stage):
            place = f" ({event.index}/{event.of})" if event.index and event.of else ""
            self._stage, self._detail = f"{_NAMES.get(event.name, event.name)}{place}", ""
            self._before = (event.index - 1, event.of) if event.index and event.of else (0, 1)
            self._share = self._before[0] / self._before[1] if event.index else None
            say(f"  {self._stage}")
        elif isinstance(event, Log):
            say(f"  {event.text}", event.level)
        elif isinstance(event, Done):
            self.done = event

    def _ended(self, error: Error | None, then: Callable[[], None], again: Callable[[], None]) -> None:
        view = self._view
        view.working(busy=False)
        view.advance(0)
        view.elapsed.configure(text="")
        if error is None:
            view.say(f"done in {time.monotonic() - self._began:.1f} s")
            then()
            return
        view.results.log.say(f"  {sentence(error)}", "error")
        if error.code >= _INTERRUPTED or error.code < 0:
            view.say(f"stopped: {error.cure or error.what}")
            return
        view.say("not done: see what is wrong above, or the log")
        name, texts = field_of(error.what, self.command) or "", view.form.rows.texts
        if name.startswith(TRIED) and name in texts and not texts[name].get().strip():  # it is held as in a run
            name = RUN + name.removeprefix(TRIED)
        if name in view.form.rows.wrongs:
            view.form.say_wrong({name: sentence(error)})
        else:
            view.notice.say(sentence(error), {"Try again": again} if error.code == _LOCKED else None)


def sentence(error: Error) -> str:
    """Say an error and its cure on one line."""
    return f"{error.what}; try: {error.cure}" if error.cure else error.what


def _details(event: Progress) -> list[str]:
    said = [f"{event.done:,} of {event.total:,}" if event.total else f"{event.done:,}"]
    said += [event.symbol] if event.symbol else []
    said += [f"{event.eta:.0f} s left"] if event.eta else []
    return said + ([f"best {event.best}"] if event.best else [])
