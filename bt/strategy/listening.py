"""Hearing how a run comes along, and how long each stage of it took."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener(Protocol):
    """Hear how a run comes along."""

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""

    def say(self, sentence: str) -> None:
        """Hear something a person wants to know."""


class Deaf:
    """Hear nothing."""

    def stage(self, name: str) -> None:
        """Do nothing."""

    def say(self, sentence: str) -> None:
        """Do nothing."""


@dataclass
class Clock:
    """Tell the listener the stages and keep how long each took, in seconds."""

    listener: Listener
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        self.listener.stage(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
