"""What goes wrong, in one tree: every error says what, where and what to try, and carries its exit code.

BtError (2: usage, configuration, input file, or no such data)
├── WarehouseError (3: locked, corrupt, newer schema, not ours)
│   └── BusyError (another process has it open)
├── QueryError (4: SQL refused or stopped)
└── ExchangeError (5: exchange or network)
"""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means."""

    OK = 0
    INCOMPLETE = 1
    USAGE = 2
    WAREHOUSE = 3
    SQL = 4
    NETWORK = 5
    INTERRUPTED = 130
    TERMINATED = 143


class BtError(Exception):
    """Say what is wrong in one line and how to mend it in another (`cure`, may be empty)."""

    code = ExitCode.USAGE

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what}\n{self.cure}" if self.cure else self.what


class WarehouseError(BtError):
    """The warehouse file cannot be used."""

    code = ExitCode.WAREHOUSE


class BusyError(WarehouseError):
    """Another process has the warehouse open."""


class QueryError(BtError):
    """SQL was refused, failed or was stopped."""

    code = ExitCode.SQL


class ExchangeError(BtError):
    """The exchange or the network did not answer."""

    code = ExitCode.NETWORK


def hint(unknown: str, known: Iterable[str]) -> str:
    """Answer “did you mean …?”, or the known names where none is near."""
    names = sorted(known)
    near = get_close_matches(unknown, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
