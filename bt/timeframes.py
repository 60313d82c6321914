"""Timeframes, durations and moments: what a user may write, and what it means in UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bt.errors import BtError

MINUTES: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "12h": 720,
    "1d": 1440,
    "1w": 10080,
}
_UNITS: Final = {"m": 1, "h": 60, "d": 1440, "w": 10080, "y": 525_600}  # minutes
_EARLIEST: Final = datetime(2009, 1, 3)


def minutes(timeframe: str) -> int:
    """Give a timeframe's length in minutes; an unknown one is refused with a hint."""
    if timeframe not in MINUTES:
        raise BtError(f"unknown timeframe {timeframe!r}", f"known: {' '.join(MINUTES)}")
    return MINUTES[timeframe]


def duration(text: str) -> timedelta:
    """Read `90d`, `12h`, `2y` (365 days each) as a length of time."""
    match = re.fullmatch(r"(\d{1,6})([mhdwy])", text.strip())
    if not match or int(match[1]) == 0:
        raise BtError(f"not a duration: {text!r}", "write a number and one of m h d w y, such as 90d")
    return timedelta(minutes=int(match[1]) * _UNITS[match[2]])


def moment(text: str, *, relative_to: datetime) -> datetime:
    """Read an ISO date or datetime, `now`, `ytd`, or a duration before `relative_to`; give plain UTC."""
    text = text.strip()
    if text == "now":
        return relative_to
    if text == "ytd":
        return datetime(relative_to.year, 1, 1)
    if re.fullmatch(r"\d{1,6}[mhdwy]", text):
        length = duration(text)
        return _possible(relative_to - length if length < relative_to - _EARLIEST else datetime.min, text)  # noqa: DTZ901
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BtError(
            f"not a date: {text!r}", "write 2024-01-31, 2024-01-31T12:00, 90d, 2y, ytd or now (UTC)"
        ) from None
    try:
        plain = read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except OverflowError:
        plain = datetime.min  # noqa: DTZ901
    return _possible(plain, text)


def _possible(when: datetime, text: str) -> datetime:
    if when < _EARLIEST:
        raise BtError(f"date out of range: {text!r}", f"nothing traded before {_EARLIEST:%Y-%m-%d}")
    return when
