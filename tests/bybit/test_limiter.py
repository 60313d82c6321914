"""When requests may go, on a clock that moves only where somebody sleeps."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

import pytest

from bt.bybit import PACE
from bt.bybit.limiter import Limiter

ALLOWED, WINDOW = 600, 5.0  # requests in so many seconds, by Bybit's rules
MADE_UP = 11  # turns that may come at once: the first, and those made up for


class Clock:
    """Seconds that pass where somebody sleeps; `oversleeps` is by how much a busy machine wakes too late."""

    def __init__(self, oversleeps: Callable[[], float] = lambda: 0.0) -> None:
        self.now, self._oversleeps = 1000.0, oversleeps

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self._oversleeps()


def limiter(pace: float, clock: Clock) -> Limiter:
    return Limiter(pace, clock=clock, sleep=clock.sleep)


def turns(made: Limiter, clock: Clock, count: int, between: Callable[[int], None] = lambda _: None) -> list[float]:
    """Take turns one after the other; give when each came."""

    async def take() -> list[float]:
        moments = []
        for number in range(count):
            between(number)
            await made.turn()
            moments.append(clock.now)
        return moments

    return asyncio.run(take())


def most_in_a_window(moments: list[float], seconds: float = WINDOW) -> int:
    return max(place + 1 - bisect_left(moments, moment - seconds) for place, moment in enumerate(moments))


def test_turns_are_evenly_spaced():
    clock = Clock()
    moments = turns(limiter(10, clock), clock, 100)
    steps = [late - early for early, late in pairwise(moments)]
    assert max(steps) == pytest.approx(0.1)
    assert steps[MADE_UP:] == pytest.approx([0.1] * (99 - MADE_UP))


def every(number: int, work: Callable[[], None]) -> Callable[[int], None]:
    return lambda turn: work() if turn % number == number - 1 else None


@pytest.mark.parametrize("pace", [1, 7.5, PACE])
@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda _made, _clock: None, id="nothing"),
        pytest.param(lambda _made, clock: clock.__dict__.update(now=clock.now + 0.3), id="late by a little"),
        pytest.param(lambda _made, clock: clock.__dict__.update(now=clock.now + 60), id="late by a minute"),
        pytest.param(lambda made, _clock: made.hold(2.0), id="held"),
        pytest.param(lambda made, _clock: made.hold(600.0), id="banned"),
        pytest.param(lambda made, clock: made.slow_down(clock()), id="slowed down"),
        pytest.param(lambda made, clock: (made.slow_down(clock()), made.hold(1.0), made.recover()), id="all of it"),
    ],
)
@pytest.mark.parametrize("number", [1, 10, 300])
def test_never_above_the_pace_whatever_happens(pace, happens, number):
    clock = Clock()
    made = limiter(pace, clock)
    moments = turns(made, clock, 1500, every(number, lambda: happens(made, clock)))
    assert most_in_a_window(moments) <= min(pace * WINDOW + MADE_UP, ALLOWED)


def test_never_above_the_limit_where_sleep_is_late():
    late = iter([0.0, 0.2, 0.001, 3.0, 0.01] * 2000)
    clock = Clock(lambda: next(late))
    moments = turns(limiter(PACE, clock), clock, 5000)
    assert most_in_a_window(moments) <= ALLOWED


def test_a_little_lateness_is_made_up_for():
    """Sleeps that last a millisecond too long must not cost pace: the mean stays what was asked for."""
    clock = Clock(lambda: 0.001)
    moments = turns(limiter(PACE, clock), clock, 2001 + MADE_UP)[MADE_UP:]
    assert 2000 / (moments[-1] - moments[0]) == pytest.approx(PACE, rel=0.01)


def test_a_hold_holds_everybody():
    clock = Clock()
    made = limiter(10, clock)

    async def crowd() -> list[float]:
        moments: list[float] = []

        async def one(number: int) -> None:
            await made.turn()
            moments.append(clock.now)
            if number == 29:
                made.hold(30)
                made.hold(5)  # a shorter one changes nothing

        await asyncio.gather(*map(one, range(50)))
        return moments

    before, after = (moments := asyncio.run(crowd()))[:30], moments[30:]
    assert min(after) >= before[-1] + 30


def test_turns_come_in_the_order_of_asking():
    clock = Clock()
    made = limiter(10, clock)
    order: list[int] = []

    async def one(number: int) -> None:
        await made.turn()
        order.append(number)

    async def crowd() -> None:
        await asyncio.gather(*map(one, range(50)))

    asyncio.run(crowd())
    assert order == list(range(50))


def distance(made: Limiter, clock: Clock) -> float:
    """Give the seconds between two turns, now."""
    first, last = (moments := turns(made, clock, MADE_UP + 3))[-2], moments[-1]
    return last - first


@pytest.mark.parametrize(("slower", "expected"), [(0, 0.01), (1, 0.02), (2, 0.04), (6, 0.64), (7, 1.0), (100, 1.0)])
def test_the_pace_is_halved_down_to_one_a_second(slower, expected):
    clock = Clock()
    made = limiter(100, clock)
    for _ in range(slower):
        made.slow_down(clock())
    assert distance(made, clock) == pytest.approx(expected)


def test_many_answers_of_one_moment_halve_the_pace_once():
    clock = Clock()
    made = limiter(100, clock)
    for _ in range(40):
        made.slow_down(clock() - 0.1)  # all were sent before the first of them was answered
    assert distance(made, clock) == pytest.approx(0.02)


def test_a_pace_below_one_a_second_is_not_made_faster():
    clock = Clock()
    made = limiter(0.2, clock)
    made.slow_down(clock())
    assert distance(made, clock) == pytest.approx(5.0)


def test_it_recovers_slowly_and_never_beyond():
    clock = Clock()
    made = limiter(100, clock)
    made.slow_down(clock())
    made.slow_down(clock())
    seen = []
    for _ in range(200):
        made.recover()
        seen.append(distance(made, clock))
    assert seen == sorted(seen, reverse=True)
    assert seen[49] > 0.02
    assert seen[-1] == pytest.approx(0.01)
