"""A file is seen whole or not at all: it grows under a temporary name beside its own and is renamed at the end."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that becomes `path`, replacing what is there, when the block ends without an error."""
    growing = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
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
        growing.unlink(missing_ok=True)
