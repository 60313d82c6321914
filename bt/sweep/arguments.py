"""What the settings of a sweep or walk-forward may be: each kind of value is checked in one place, and named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 10**18  # the largest number that is asked for
_REPEATED: Final = 40  # characters of a value that a message repeats
_SEEN: Final = (int, float, str, bytes, list, dict, type)  # types whose values show what they are


def require_whole(settings: Any, name: str, least: int, *, example: int, most: int = MOST, none: bool = False) -> None:
    """Make a field an int, whichever kind of whole number it is; refuse another value, and None where it is none."""
    value = getattr(settings, name)
    if value is None and none:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise BtError(
            f"{name} must be a whole number from {least} to {most:,}, not {told(value)}", f"such as {example}"
        )
    object.__setattr__(settings, name, int(value))


def require_text(name: str, value: Any, *, example: str, none: bool = False) -> None:
    """Refuse what is not text, and None where it is none."""
    if not isinstance(value, str) and not (value is None and none):
        raise BtError(f"{name} must be text, not {told(value)}", f"give text, such as {example!r}")


def require_truth(name: str, value: Any) -> None:
    """Refuse what is not true or false."""
    if not isinstance(value, bool):
        raise BtError(f"{name} must be True or False, not {told(value)}", "write True or False")


def require_one_of(name: str, value: Any, known: Sequence[str]) -> None:
    """Refuse a word that is not known."""
    if not isinstance(value, str) or value not in known:
        raise BtError(f"{name} cannot be {told(value)}", hint(str(value), known))


def in_utc(name: str, value: Any) -> datetime:
    """Give a moment as plain UTC: a datetime without a zone is UTC already, a date begins at midnight."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC).replace(tzinfo=None) if value.utcoffset() is not None else value
        except (OverflowError, ValueError):  # of pandas.NaT the latter
            raise BtError(f"{name} {value} is out of range", "choose one that has candles") from None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    raise BtError(
        f"{name} must be a datetime or date, not {told(value)}", "give one, such as datetime(2024, 1, 31, 12), in UTC"
    )


def told(value: Any) -> str:
    """Repeat a value in a message: cut, and with its type where that is not seen."""
    text = repr(value)
    cut = text if len(text) <= _REPEATED else text[:_REPEATED] + "…"
    return cut if value is None or isinstance(value, _SEEN) else f"{cut} ({type(value).__name__})"
