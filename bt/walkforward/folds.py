"""Where each fold of a walk-forward trains and tests: pure dates, known before anything is run.

    rolling    |train 1|purge|test 1|                 anchored   |train 1|purge|test 1|
                  |train 2|purge|test 2|                         |train 2   |purge|test 2|

Every boundary is the open of a bar, every end is exclusive, and no test ever touches the training before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NoReturn, get_args

from bt.errors import BtError, hint
from bt.timeframes import duration, minutes
from bt.wording import counted, minute, span

Mode = Literal["rolling", "anchored"]

_MONDAY: Final = datetime(2001, 1, 1)  # where bars of every timeframe begin to be counted, weeks too
_LEAST: Final = 4  # a last test is cut to no less than this part of a whole one
_MOST: Final = 10_000  # folds
_DAY: Final = timedelta(days=1)
_NONE: Final = timedelta()
_LONGEST: Final = timedelta(days=36_500)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One step of a walk-forward; times are opens of bars in UTC, ends exclusive."""

    number: int  # from 1
    train_first: datetime
    train_end: datetime
    test_first: datetime  # train_end and the purge
    test_end: datetime
    stitched_end: datetime  # the stitched run uses this fold from test_first to here
    partial: bool = False  # the span ended before the test did


@dataclass(frozen=True)
class _Lengths:
    train: timedelta
    test: timedelta
    step: timedelta
    purge: timedelta

    @property
    def whole(self) -> timedelta:
        return self.train + self.purge + self.test


def plan(  # noqa: PLR0913 - folds are made of these
    first: datetime,
    end: datetime,
    *,
    train: str | timedelta,
    test: str | timedelta,
    timeframe: str,
    step: str | timedelta | None = None,
    mode: str = "rolling",
    purge: str | timedelta = "0d",
    partial: bool = False,
) -> tuple[Fold, ...]:
    """Lay folds over the bars from `first` (inclusive) to `end` (exclusive), both UTC, oldest first.

    Each fold trains over `train`, leaves out `purge`, and tests over `test`; the next begins `step` (default: `test`)
    later, with a training part that slides along (`rolling`) or has the same beginning and grows (`anchored`). A span
    that begins or ends inside a bar is cut to whole bars. A last fold whose test does not fit is left out, or, where
    `partial`, ends with the span if a quarter of its test is left. With a step shorter than the test, tests overlap,
    and the stitched run uses each fold only until the next one's test begins; with a longer one it stays flat between.

    Raise BtError for lengths that are not whole bars or not above 0, a purge as long as the training, an unknown mode
    and a span that no fold fits into.
    """
    if mode not in get_args(Mode):
        raise BtError(f"unknown mode {mode!r}", hint(mode, get_args(Mode)))
    bar = timedelta(minutes=minutes(timeframe))
    lengths = _lengths(train, test, test if step is None else step, purge, bar)
    begin, stop = first + (_MONDAY - first) % bar, end - (end - _MONDAY) % bar
    count = max((stop - begin - lengths.whole) // lengths.step + 1, 0)
    if count > _MOST:
        raise BtError(f"a step of {_said(lengths.step)} makes {counted(count, 'fold')}", "give a longer --step")
    made = [_fold(number, begin, lengths, mode) for number in range(1, count + 1)]
    left = stop - begin - count * lengths.step - lengths.train - lengths.purge
    if partial and left >= max(lengths.test / _LEAST, bar):
        made.append(replace(_fold(count + 1, begin, lengths, mode), test_end=stop, stitched_end=stop, partial=True))
    if not made:
        _refuse(begin, stop, lengths)
    ends = [min(fold.test_end, after.test_first) for fold, after in pairwise(made)]
    return tuple(replace(fold, stitched_end=each) for fold, each in zip(made, [*ends, made[-1].test_end], strict=True))


def _fold(number: int, begin: datetime, lengths: _Lengths, mode: str) -> Fold:
    shift = (number - 1) * lengths.step
    train_end = begin + shift + lengths.train
    test_first = train_end + lengths.purge
    return Fold(
        number=number,
        train_first=begin if mode == "anchored" else begin + shift,
        train_end=train_end,
        test_first=test_first,
        test_end=test_first + lengths.test,
        stitched_end=test_first + lengths.test,
    )


def _lengths(
    train: str | timedelta, test: str | timedelta, step: str | timedelta, purge: str | timedelta, bar: timedelta
) -> _Lengths:
    lengths = _Lengths(
        train=_length("train", train, bar),
        test=_length("test", test, bar),
        step=_length("step", step, bar),
        purge=_NONE if _is_none(purge) else _length("purge", purge, bar),
    )
    if lengths.purge >= lengths.train:
        raise BtError(
            f"purge {_said(lengths.purge)} is as long as train {_said(lengths.train)} or longer",
            "it only keeps what a trade at the end of the training knows out of the test: give a shorter one",
        )
    return lengths


def _is_none(length: str | timedelta) -> bool:
    return length == _NONE or (isinstance(length, str) and bool(re.fullmatch(r"\s*0[mhdwy]?\s*", length)))


def spelled(length: str | timedelta) -> str:
    """Give a length in one spelling, whatever it was given in: `20d` for 480h."""
    return "0d" if _is_none(length) else _said(duration(length) if isinstance(length, str) else length)


def _length(name: str, given: str | timedelta, bar: timedelta) -> timedelta:
    try:
        length = duration(given) if isinstance(given, str) else given
    except BtError as error:
        raise BtError(f"{name}: {error.what}", error.cure) from None
    if not _NONE < length <= _LONGEST:
        raise BtError(f"{name} {length} is not a length above 0 and up to 100 years", "write 30d, 12h or 26w")
    if length % bar:
        raise BtError(
            f"{name} {_said(length)} is not a whole number of bars of {_said(bar)}", f"write a multiple of {_said(bar)}"
        )
    return length


def _refuse(begin: datetime, stop: datetime, lengths: _Lengths) -> NoReturn:
    cure = "begin earlier (--from), or shorten --train or --test"
    if stop <= begin:
        raise BtError(f"there is no whole bar between {minute(begin)} and {minute(stop)}", cure)
    parts = {"train": lengths.train, "purge": lengths.purge, "test": lengths.test}
    sum_ = " + ".join(f"{name} {_said(length)}" for name, length in parts.items() if length)
    raise BtError(
        f"{minute(begin)} → {minute(stop)} is {_said(stop - begin)}, and one fold needs {_said(lengths.whole)}: {sum_}",
        cure,
    )


def _said(length: timedelta) -> str:
    days, rest = divmod(length, _DAY)
    return " ".join([f"{days}d"] * bool(days) + [span(rest // timedelta(microseconds=1))] * bool(rest or not days))
