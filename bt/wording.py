"""How numbers, spans and foreign text appear in sentences for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

_SECOND: Final = 1_000_000  # µs
LONGEST: Final = 60  # characters of a cell or a name that a message repeats
_SPANS: Final = ((3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"))  # µs


def shown(text: object) -> str:
    """Give foreign text on one line: cut, and without characters that a terminal would act on."""
    if text is None or not str(text).strip():
        return "(empty)"
    cut = str(text)[: LONGEST + 1]
    safe = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)
    return safe if len(cut) <= LONGEST else safe[:LONGEST] + "…"


def counted(number: int, noun: str, several: str = "") -> str:
    """Give `1 row`, `2,010 rows`."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def span(microseconds: int) -> str:
    """Give a length of time in the largest unit that divides it: `5m`, `36h`, `20.799s`, `3ms`."""
    for size, unit in _SPANS:
        if microseconds % size == 0 and microseconds >= size:
            return f"{microseconds // size}{unit}"
    return f"{microseconds / 1e6:.6g}s" if microseconds > _SECOND else f"{microseconds / 1e3:g}ms"


def minute(moment: datetime) -> str:
    """Give a moment to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"
