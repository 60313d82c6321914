"""Where folds train and test: named plans, what is refused, and the laws that every plan keeps."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bt import BtError
from bt.walkforward.folds import plan

START = datetime(2024, 1, 1)  # a Monday
DAY = timedelta(days=1)


def day(number: float) -> datetime:
    return START + number * DAY


def days(fold) -> tuple[float, ...]:
    times = (fold.train_first, fold.train_end, fold.test_first, fold.test_end, fold.stitched_end)
    return tuple((time - START) / DAY for time in times)


def laid(length: float, timeframe: str = "1h", **given_: Any) -> list[tuple[float, ...]]:
    folds = plan(START, day(length), **({"train": "10d", "test": "5d", "timeframe": timeframe} | given_))
    assert [fold.number for fold in folds] == list(range(1, len(folds) + 1))
    assert not any(fold.partial for fold in folds[:-1])
    return [days(fold) + ((True,) if fold.partial else ()) for fold in folds]


PLANS: dict[str, tuple[float, dict[str, Any], list[tuple[float, ...]]]] = {
    "it fits exactly": (20, {}, [(0, 10, 10, 15, 15), (5, 15, 15, 20, 20)]),
    "what is left over is left out": (24, {}, [(0, 10, 10, 15, 15), (5, 15, 15, 20, 20)]),
    "one fold": (15, {}, [(0, 10, 10, 15, 15)]),
    "anchored": (20, {"mode": "anchored"}, [(0, 10, 10, 15, 15), (0, 15, 15, 20, 20)]),
    "purged": (22, {"purge": "2d"}, [(0, 10, 12, 17, 17), (5, 15, 17, 22, 22)]),
    "purged by hours": (15.5, {"purge": "12h"}, [(0, 10, 10.5, 15.5, 15.5)]),
    "anchored and purged": (22, {"mode": "anchored", "purge": "2d"}, [(0, 10, 12, 17, 17), (0, 15, 17, 22, 22)]),
    "no purge, said so": (15, {"purge": "0d"}, [(0, 10, 10, 15, 15)]),
    "no purge, a length": (15, {"purge": timedelta()}, [(0, 10, 10, 15, 15)]),
    "tests overlap": (17, {"step": "1d"}, [(0, 10, 10, 15, 11), (1, 11, 11, 16, 12), (2, 12, 12, 17, 17)]),
    "tests leave holes": (23, {"step": "8d"}, [(0, 10, 10, 15, 15), (8, 18, 18, 23, 23)]),
    "lengths instead of text": (15, {"train": 10 * DAY, "test": 5 * DAY, "step": DAY}, [(0, 10, 10, 15, 15)]),
    "the last is cut": (17, {"partial": True}, [(0, 10, 10, 15, 15), (5, 15, 15, 17, 17, True)]),
    "a quarter is enough": (16.25, {"partial": True}, [(0, 10, 10, 15, 15), (5, 15, 15, 16.25, 16.25, True)]),
    "less is not": (16.2, {"partial": True}, [(0, 10, 10, 15, 15)]),
    "nothing to cut": (20, {"partial": True}, [(0, 10, 10, 15, 15), (5, 15, 15, 20, 20)]),
    "only a cut one": (12, {"partial": True}, [(0, 10, 10, 12, 12, True)]),
    "of overlapping ones the first that does not fit is cut": (
        15.5, {"step": "1d", "partial": True}, [(0, 10, 10, 15, 11), (1, 11, 11, 15.5, 15.5, True)],
    ),
    "days": (15, {"timeframe": "1d"}, [(0, 10, 10, 15, 15)]),
    "weeks begin on Monday": (27, {"timeframe": "1w", "train": "2w", "test": "1w"}, [(0, 14, 14, 21, 21)]),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_plans(name):
    length, given_, expected = PLANS[name]
    assert laid(length, **given_) == expected


INSIDE = {  # the timeframe; the span in days; the first train and the last test it is cut to
    "1h": ((0.01, 20.99), (1 / 24, 20 + 23 / 24)),
    "4h": ((0.5 / 24, 21), (4 / 24, 21)),
    "1d": ((0.3, 21.9), (1, 21)),
    "1w": ((1, 34), (7, 28)),
}


@pytest.mark.parametrize("timeframe", INSIDE)
def test_a_span_that_cuts_bars_is_narrowed_to_whole_ones(timeframe):
    (first, end), (begin, stop) = INSIDE[timeframe]
    length = "1w" if timeframe == "1w" else "1d"
    folds = plan(day(first), day(end), train=length, test=length, timeframe=timeframe, partial=True)
    assert (folds[0].train_first, folds[-1].test_end) == (day(begin), day(stop))


REFUSED: dict[str, tuple[float, dict[str, Any], str, str]] = {
    "too short": (
        14,
        {},
        "2024-01-01 00:00 → 2024-01-15 00:00 is 14d, and one fold needs 15d: train 10d + test 5d",
        "--from",
    ),
    "too short for the purge": (
        15.5,
        {"purge": "1d"},
        "is 15d 12h, and one fold needs 16d: train 10d + purge 1d",
        "--train",
    ),
    "too short even when cut": (11, {"partial": True}, "is 11d, and one fold needs 15d", "--test"),
    "empty": (0, {}, "no whole bar between", "--from"),
    "backwards": (-5, {}, "no whole bar between", "--from"),
    "no train": (20, {"train": "0d"}, "train: not a duration: '0d'", "90d"),
    "no test": (20, {"test": timedelta()}, "test 0:00:00 is not a length above 0", "30d"),
    "a negative test": (20, {"test": -DAY}, "test -1 day, 0:00:00 is not a length above 0", "30d"),
    "no step": (20, {"step": timedelta()}, "step 0:00:00 is not a length above 0", "30d"),
    "no step, as text": (20, {"step": "0d"}, "step: not a duration", "90d"),
    "a negative purge": (20, {"purge": -DAY}, "purge -1 day", "30d"),
    "no length": (20, {"train": "6mo"}, "train: not a duration: '6mo'", "m h d w y"),
    "beyond the calendar": (20, {"train": "999999y"}, "up to 100 years", ""),
    "half a bar": (20, {"train": "90m"}, "train 90m is not a whole number of bars of 1h", "a multiple of 1h"),
    "less than a bar": (20, {"test": "12h", "timeframe": "1d"}, "test 12h is not a whole number of bars of 1d", "1d"),
    "a step of half a bar": (20, {"step": "30m"}, "step 30m is not a whole number", "1h"),
    "a purge of half a bar": (20, {"purge": "30m"}, "purge 30m is not a whole number", "1h"),
    "months are no weeks": (
        99,
        {"train": "30d", "timeframe": "1w"},
        "train 30d is not a whole number of bars of 7d",
        "7d",
    ),
    "a purge as long as the train": (40, {"purge": "10d"}, "purge 10d is as long as train 10d or longer", "shorter"),
    "an unknown mode": (20, {"mode": "anchor"}, "unknown mode 'anchor'", "did you mean 'anchored'"),
    "an unknown timeframe": (20, {"timeframe": "7m"}, "unknown timeframe '7m'", "1m 3m"),
    "more folds than anyone reads": (900, {"step": "1h"}, "a step of 1h makes 21,241 folds", "longer --step"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    length, given_, what, cure = REFUSED[name]
    with pytest.raises(BtError) as error:
        laid(length, **given_)
    assert what in error.value.what
    assert cure in error.value.cure


plans = some.fixed_dictionaries(
    {
        "train": some.integers(2, 60),
        "test": some.integers(1, 30),
        "step": some.integers(1, 40),
        "purge": some.integers(0, 8),
        "bars": some.integers(1, 300),
        "mode": some.sampled_from(["rolling", "anchored"]),
        "partial": some.booleans(),
        "timeframe": some.sampled_from(["1m", "1h", "1d", "1w"]),
    }
)
BAR = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": DAY, "1w": 7 * DAY}


@settings(deadline=None)
@given(plans, some.integers(0, 50))
def test_laws(made, shift):
    bar = BAR[made["timeframe"]]
    lengths = {name: made[name] * bar for name in ("train", "test", "step", "purge")}
    others = {name: made[name] for name in ("mode", "partial", "timeframe")}
    end = START + made["bars"] * bar
    fits = made["train"] + made["purge"] + made["test"] <= made["bars"]
    try:
        folds = plan(START, end, **lengths, **others)
    except BtError:
        left = made["bars"] - made["train"] - made["purge"]
        assert made["purge"] >= made["train"] or (not fits and not (made["partial"] and left * 4 >= made["test"]))
        return
    for fold in folds:
        assert START <= fold.train_first < fold.train_end <= fold.test_first < fold.stitched_end <= fold.test_end <= end
        assert fold.test_first - fold.train_end == lengths["purge"]
        assert (fold.test_end - fold.test_first == lengths["test"]) is not fold.partial
        assert fold.train_first == START or made["mode"] == "rolling"
        assert made["mode"] == "anchored" or fold.train_end - fold.train_first == lengths["train"]
        assert all((time - START) % bar == timedelta() for time in vars(fold).values() if isinstance(time, datetime))
    for before, after in pairwise(folds):
        assert after.test_first - before.test_first == lengths["step"]
        assert before.stitched_end == min(before.test_end, after.test_first)
    assert folds[-1].stitched_end == folds[-1].test_end
    if made["step"] == made["test"]:
        assert all(before.stitched_end == after.test_first for before, after in pairwise(folds))
    assert end - folds[-1].test_end < lengths["step"] + lengths["test"]
    moved = plan(START + shift * bar, end + shift * bar, **lengths, **others)
    for fold, other in zip(folds, moved, strict=True):
        assert {
            name: time + shift * bar if isinstance(time, datetime) else time for name, time in vars(fold).items()
        } == vars(other)
