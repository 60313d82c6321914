"""How many requests the exchange bears: the limit per address with its ban, and the limit per second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

_SECOND: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Hold the limits of one address; 0 requests means no limit.

    Source: Bybit v5 rate limit rules, 600 requests in 5 s, beyond that refused for ten minutes.
    """

    requests: int = 600
    window: float = 5.0  # s
    ban: float = 600.0  # s
    per_second: int = 0  # beyond that retCode 10006


class Verdict(Enum):
    """What is to be done with a request."""

    SERVE = "serve"
    WAIT = "wait"  # 10006
    BANNED = "banned"  # 403


class Gate:
    """Count the requests of one address; moments are seconds of a clock that never goes back."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._recent: deque[float] = deque()
        self._second: deque[float] = deque()
        self._banned_until = float("-inf")
        self.most = 0  # requests inside one window, so far

    def judge(self, moment: float) -> Verdict:
        """Count one request and say what is to be done with it."""
        if moment < self._banned_until:
            return Verdict.BANNED
        if self._limits.requests and not _fits(self._recent, moment, self._limits.window, self._limits.requests):
            self._banned_until = moment + self._limits.ban
            self._recent.clear()
            return Verdict.BANNED
        self.most = max(self.most, len(self._recent))
        if self._limits.per_second and not _fits(self._second, moment, _SECOND, self._limits.per_second):
            return Verdict.WAIT
        return Verdict.SERVE

    def headers(self, moment: float, now: int) -> dict[str, str]:
        """Give the headers of the limit per second, none where there is no such limit; `now` is server time in ms."""
        if not self._limits.per_second:
            return {}
        left = self._limits.per_second - len(self._second)
        wait = 0.0 if left or not self._second else max(self._second[0] + _SECOND - moment, 0.0)
        return {
            "X-Bapi-Limit": str(self._limits.per_second),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str(now + round(wait * 1000)),
        }


def _fits(recent: deque[float], moment: float, window: float, most: int) -> bool:
    while recent and recent[0] <= moment - window:
        recent.popleft()
    if len(recent) >= most:
        return False
    recent.append(moment)
    return True
