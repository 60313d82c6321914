"""What is under way: questions that are asked two at a time, and one job at most, whose events are passed on."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.gui.child import Child, Ended
from bt.output.events import Error

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
        self._errors: dict[int, Error] = {}  # by child
        self._job: tuple[Child, Job] | None = None

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
        for child, question in list(self._asked):
            for each in child.poll():
                self._answered(child, question, each)
        while self._waiting and len(self._asked) < AT_ONCE:
            question = self._waiting.popleft()
            waits = {} if os.environ.get("BT_WAIT") else {"BT_WAIT": _WAIT}
            line = [*question.words, "--progress", "json"]
            self._asked.append((Child(line, folder=self._folder, environment=waits), question))
        if self._job:
            child, job = self._job
            for heard in child.poll():
                self._told(child, job, heard)

    def _answered(self, child: Child, question: Question, heard: Event | Ended) -> None:
        if isinstance(heard, Error):
            self._errors[id(child)] = heard
        if not isinstance(heard, Ended):
            return
        if (child, question) in self._asked:  # it was not forgotten
            self._asked.remove((child, question))
            error = self._errors.pop(id(child), None) or _silent(heard)
            if error is None:
                question.then(heard.out)
            else:
                question.failed(error)

    def _told(self, child: Child, job: Job, heard: Event | Ended) -> None:
        if isinstance(heard, Ended):
            self._job = None
            job.ended(heard, self._errors.pop(id(child), None) or _silent(heard))
            return
        if isinstance(heard, Error):
            self._errors[id(child)] = heard
        job.hear(heard)


def _silent(ended: Ended) -> Error | None:
    """Say that a command ended without a word, killed for one; exit codes 0 and 1 are answers."""
    if ended.code in {0, 1}:
        return None
    return Error(code=ended.code, what=f"the command ended with exit code {ended.code}", cure="the log may say more")
