"""A command in a process of its own: its events are heard by threads, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, TYPE_CHECKING, Final

from bt.output import events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATIENCE: Final = (5.0, 5.0)  # s from a clean stop to a hard one, and from that to the end
_LADDER: Final = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command is over: its exit code, and what it wrote to stdout."""

    code: int
    out: str


class Child:
    """One `bt …`, started at once; `poll` gives what was heard since it was asked last."""

    def __init__(self, words: list[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.words = words
        self.began = time.monotonic()
        self.over = False
        self._heard: SimpleQueue[events.Event | Ended] = SimpleQueue()
        self._step = 0  # of _LADDER
        self._due = 0.0
        found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **(environment or {})}
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "bt", *words], cwd=folder, env=found, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
            start_new_session=True,
        )  # fmt: skip
        Thread(target=self._listen, daemon=True).start()

    def poll(self) -> list[events.Event | Ended]:
        """Give what came; the last of all is `Ended`. A stop that was asked for and did not come is asked harder."""
        if self._step and not self.over and time.monotonic() > self._due:
            self.cancel()
        found: list[events.Event | Ended] = []
        with suppress(Empty):
            while True:
                found.append(self._heard.get_nowait())
        self.over = self.over or any(isinstance(each, Ended) for each in found)
        return found

    def cancel(self) -> None:
        """Ask for a clean stop; asked again, or where it does not come, for a harder one."""
        if self.over or self._step == len(_LADDER):
            return
        self._signal(_LADDER[self._step])
        self._due = time.monotonic() + _PATIENCE[min(self._step, len(_PATIENCE) - 1)]
        self._step += 1

    def end(self) -> None:
        """End it at once, whatever it does."""
        self._signal(_LADDER[-1])

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is not None:  # its number may be another's by now
            return
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _listen(self) -> None:
        process = self._process
        said: list[str] = []
        assert process.stdout is not None  # noqa: S101 - for the type checker
        assert process.stderr is not None  # noqa: S101
        reader = Thread(target=_collect, args=(process.stdout, said), daemon=True)
        reader.start()
        for line in process.stderr:
            if line.strip():
                self._heard.put(events.read(line))
        reader.join()
        code = process.wait()
        process.stdout.close()
        process.stderr.close()
        self._heard.put(Ended(code=code, out="".join(said)))


def _collect(pipe: IO[str], into: list[str]) -> None:
    into.append(pipe.read())
