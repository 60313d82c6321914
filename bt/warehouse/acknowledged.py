"""The number of the newest acknowledged page, kept beside the warehouse.

The manifest `ingests` lies in the same file as what it vouches for: a warehouse that lost its newest pages, its log
torn or an older copy in its place, is sound in itself. Only what lies outside can tell.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_LOST: Final = re.compile(r"lost ([0-9]{1,18}) ([0-9]{1,18})")
_MODE: Final = 0o644


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """The newest `ingest_id` committed, and spans of numbers, inclusive, that were gone when later pages came."""

    newest: int
    lost: tuple[tuple[int, int], ...] = ()


def beside(path: Path) -> Path:
    """Give where the number of the warehouse at `path` is kept, whatever name it is called by."""
    return Path(f"{path.resolve()}.acknowledged")


def read(path: Path) -> Acknowledged | None:
    """Give what was acknowledged of the warehouse at `path`; None where nothing is known.

    Raise ValueError where the file holds something else, OSError where it cannot be read.
    """
    try:
        number, *further = beside(path).read_text(encoding="ascii").splitlines() or [""]
    except FileNotFoundError:
        return None
    lost = [_LOST.fullmatch(line) for line in further]
    if not _NUMBER.fullmatch(number) or not all(lost):
        raise ValueError(f"{beside(path)} does not hold the number of a page")
    return Acknowledged(newest=int(number), lost=tuple((int(span[1]), int(span[2])) for span in lost if span))


def newest(connection: duckdb.DuckDBPyConnection) -> int:
    """Give the highest `ingest_id` of a warehouse; 0 for none."""
    ((number,),) = connection.execute("select coalesce(max(ingest_id), 0) from ingests").fetchall()
    return int(number)


def note(path: Path, before: int, after: int) -> None:
    """Keep that `after` is now the newest page; the caller holds the warehouse's lock and has committed.

    `before` was the newest one when the transaction began: what was acknowledged above it is remembered as lost. A
    folder that takes no file costs the number, not the commit.
    """
    known = None
    with suppress(OSError, ValueError):
        known = read(path)
    lost = known.lost if known else ()
    if known and known.newest > before:
        lost = (*lost, (before + 1, known.newest))
    text = "".join([f"{after}\n", *(f"lost {first} {last}\n" for first, last in lost)])
    place = beside(path)
    temporary = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        temporary.touch(_MODE)
        temporary.write_text(text, encoding="ascii")
        temporary.replace(place)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def forget(path: Path) -> None:
    """Remove what is kept beside `path`: a new warehouse begins there."""
    with suppress(OSError):
        beside(path).unlink()
