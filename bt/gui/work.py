"""What is under way: questions that are asked two at a time, and one job at most, whose events are passed on."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from bt.gui.child import Child, Ended
from bt.output.events import Done, Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bt.output.events import Event

AT_ONCE: Final = 2  # questions
_WAIT: Final = "2"  # s that a question waits for a warehouse in use: it can be asked again


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that is asked: `then` hears what it wrote, `failed` why it did not."""

    words: list[str]
    then: Callable[[str], None]
    failed: Callable[[Error], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something that is done: `hear` hears its events, `ended` what it wrote and the error that ended it, if any."""

    words: list[str]
    hear: Callable[[Event], None]
    ended: Callable[[Ended, Error | None], None]


class Work:
    """The processes of one window."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: deque[Question] = deque()
        self._asked: list[tuple[Child, Question]] = []
        self._ends: dict[Child, Done | Error] = {}  # what each said of its end
        self._job: tuple[Child, Job] | None = None
        self._heard: deque[Callable[[], None]] = deque()  # not passed on yet: should one fail, the others are kept

    @property
    def busy(self) -> bool:
        """Say whether a job is under way."""
        return self._job is not None

    @property
    def idle(self) -> bool:
        """Say whether nothing is under way at all."""
        return not (self._job or self._asked or self._waiting)

    @property
    def seconds(self) -> float:
        """Give how long the job is at work."""
        return time.monotonic() - self._job[0].began if self._job else 0.0

    def ask(self, question: Question) -> None:
        """Ask as soon as there is room."""
        self._waiting.append(question)

    def forget(self) -> None:
        """Ask nothing more of what waits, and do not wait for what was asked."""
        self._waiting.clear()
        for child, _ in self._asked:
            child.end()
            self._ends.pop(child, None)
        self._asked = []

    def start(self, job: Job) -> None:
        """Start the job; there is one at a time."""
        self._job = Child([*job.words, "--progress", "json"], folder=self._folder), job

    def cancel(self) -> None:
        """Ask the job to stop; again: harder."""
        if self._job:
            self._job[0].cancel()

    def close(self) -> None:
        """End everything."""
        self.forget()
        if self._job:
            self._job[0].end()

    def poll(self) -> None:
        """Pass on what was heard since."""
        for child, question in self._asked:
            self._heard += [partial(self._answered, child, question, each) for each in child.poll()]
        while self._waiting and len(self._asked) < AT_ONCE:
            question = self._waiting.popleft()
            waits = {} if os.environ.get("BT_WAIT") else {"BT_WAIT": _WAIT}
            line = [*question.words, "--progress", "json"]
            self._asked.append((Child(line, folder=self._folder, environment=waits), question))
        if self._job:
            child, job = self._job
            self._heard += [partial(self._told, child, job, each) for each in child.poll()]
        while self._heard:
            self._heard.popleft()()

    def _answered(self, child: Child, question: Question, heard: Event | Ended) -> None:
        if (child, question) not in self._asked:  # it was forgotten
            return
        if isinstance(heard, Done | Error):
            self._ends[child] = heard
        elif isinstance(heard, Ended):
            self._asked.remove((child, question))
            error = _error(heard, self._ends.pop(child, None))
            if error is None:
                question.then(heard.out)
            else:
                question.failed(error)

    def _told(self, child: Child, job: Job, heard: Event | Ended) -> None:
        if isinstance(heard, Ended):
            self._job = None
            job.ended(heard, _error(heard, self._ends.pop(child, None)))
            return
        if isinstance(heard, Done | Error):
            self._ends[child] = heard
        job.hear(heard)


def _error(ended: Ended, said: Done | Error | None) -> Error | None:
    """Give what ended a command; one that did not say that it is done, killed for one, has no answer."""
    if said:
        return said if isinstance(said, Error) else None
    what = f"the command ended with exit code {ended.code}"
    return Error(code=ended.code or 1, what=what, cure="the log may say more")
