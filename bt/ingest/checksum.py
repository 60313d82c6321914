"""Whether a file is the one its publisher meant: the `.CHECKSUM` beside it, as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from bt.errors import BtError

if TYPE_CHECKING:
    from pathlib import Path

_LINE: Final = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_LONGEST: Final = 1 << 16  # bytes of a list of checksums
_SHOWN: Final = 12  # letters of a checksum that tell two apart


def verified(path: Path, name: str) -> str | None:
    """Compare a file with the `.CHECKSUM` beside it and say so, None where there is none; a difference is refused."""
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if not beside.is_file():
        return None
    wanted = _wanted(beside, path.name, name)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise BtError(
            f"{name}: its SHA-256 is {found[:_SHOWN]}…, the .CHECKSUM beside it says {wanted[:_SHOWN]}…",
            "the file is damaged or was replaced by its publisher: fetch both again",
        )
    return "SHA-256 verified: it is what the .CHECKSUM beside it says"


def _wanted(beside: Path, file: str, name: str) -> str:
    """Give the checksum of `file`: that of the line that names it, or of the only line."""
    try:
        with beside.open("rb") as opened:
            lines = opened.read(_LONGEST).decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        lines = []
    found = [match for line in lines if (match := _LINE.fullmatch(line.strip()))]
    named = [match for match in found if match[2] == file] or found
    if len(named) != 1:
        raise BtError(
            f"{name}: the .CHECKSUM beside it has no SHA-256 of it", "fetch it again, or remove it to import unverified"
        )
    return named[0][1].lower()
