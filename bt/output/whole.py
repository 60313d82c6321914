"""A file is seen whole or not at all: it grows under a temporary name beside its own and is renamed at the end."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEPT: Final = 40  # characters of the name that a growing file shows; systems allow 255 bytes


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that becomes `path`, replacing what is there, when the block ends without an error."""
    growing = path.with_name(f".{path.name[:_KEPT]}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with growing.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # a rename may outlive a power cut that the bytes do not
        growing.replace(path)
    except OSError as error:
        raise BtError(
            f"cannot write {path}: {error.strerror or error}", "choose another folder, or make room"
        ) from error
    finally:
        with suppress(OSError):
            growing.unlink(missing_ok=True)


def require_free(path: Path, *, force: bool = False) -> None:
    """Refuse to write where something is: a file unless `force`; a folder, a link or a device always."""
    try:
        found = path.is_symlink() or path.exists()
    except OSError as error:
        raise BtError(f"cannot write {path}: {error.strerror}", "choose another name") from None
    if not found:
        return
    if path.is_dir():
        raise BtError(f"{path} is a folder", f"name a file: {path / 'NAME'}")
    if path.is_symlink() or not path.is_file():
        raise BtError(f"{path} is no plain file but a link or a device", "choose another name")
    if not force:
        raise BtError(f"{path} exists already", "choose another name, or --force to replace it")
