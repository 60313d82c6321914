"""What an import is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    Progress = Callable[[int, int], None]

EXAMPLES: Final = 5  # rejected or changed rows that an answer shows


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Say how a file is to be read and what to do with rows that are bad or contradict the warehouse.

    `columns` maps our column names to the file's where they are not found by themselves. `tz` is the zone of times
    that carry none (`Asia/Seoul`), None UTC or the clock that an archive is known to be written on;
    `force:Asia/Seoul` overrides the zone that the file states, for files that state a wrong one. `source` is recorded
    with what is stored, the file's name where it is None.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    tz: str | None = None
    skip_bad: bool = False
    replace: bool = False
    source: str | None = None


DEFAULTS: Final = ImportOptions()


@dataclass(frozen=True, kw_only=True)
class RejectedRow:
    """One row of a file that is not stored; `row` counts data rows from 1, `column` None means the whole row."""

    row: int
    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """One stored row that the file contradicts: the first column that differs, close before the others."""

    ts: datetime
    column: str
    stored: float
    found: float


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of a file: rows = stored + unchanged + changed + rejected.

    `changed` rows contradict what is stored; they are replaced only where the options say so. `first_ts` and
    `last_ts` are of the file's sound rows, plain UTC. `notes` are sentences for people.
    """

    symbol: str
    kind: str
    rows: int
    stored: int
    unchanged: int
    changed: int
    rejected: int
    first_ts: datetime
    last_ts: datetime
    rejected_examples: tuple[RejectedRow, ...]
    changed_examples: tuple[ChangedRow, ...]
    notes: tuple[str, ...]
