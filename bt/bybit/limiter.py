"""When the next request may go: evenly spaced below the exchange's limit, slower when the exchange asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LATE: Final = 10  # turns made up after the machine was busy: more would be a burst
_SLOWEST: Final = 1.0  # s between two requests
_RECOVERY: Final = 0.99  # of the distance, after each request that was served


class Limiter:
    """Give turns to all tasks of one client, in the order in which they ask.

    Turns are spaced evenly but for a few made up: a limit over any 5 seconds bears no burst. `per_second` is the
    pace at best; `clock` gives seconds and never goes back, `sleep` waits so many seconds.
    """

    def __init__(
        self, per_second: float, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._best = self._distance = 1.0 / per_second
        self._clock, self._sleep = clock, sleep
        self._next = self._held = self._slowed = float("-inf")
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may be sent."""
        async with self._queue:
            while (wait := max(self._next, self._held) - self._clock()) > 0:
                await self._sleep(wait)
            now = self._clock()
            self._next = max(self._next, now - _LATE * self._distance) + self._distance

    def hold(self, seconds: float) -> None:
        """Let nobody send for so long."""
        self._held = max(self._held, self._clock() + seconds)

    def slow_down(self, sent: float) -> None:
        """Halve the pace, to one request a second at the least; once for all that was sent before the last time."""
        if sent < self._slowed:
            return
        self._slowed = self._clock()
        self._distance = min(2 * self._distance, max(_SLOWEST, self._best))

    def recover(self) -> None:
        """Come a little nearer to the best pace."""
        self._distance = max(_RECOVERY * self._distance, self._best)
