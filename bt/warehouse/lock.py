"""Who may have the warehouse open: one writer or many readers, with a bounded wait and the holder named.

DuckDB's own lock is dropped silently when this process closes any other descriptor of the file, so a lock on a file
beside it is held as well.
"""

from __future__ import annotations

import os
import random
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bt.errors import BusyError

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX: DuckDB's own lock must do
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_PAUSE: Final = 0.02  # seconds
_LONGEST_PAUSE: Final = 0.5  # seconds


@contextmanager
def held(path: Path, *, exclusive: bool, wait: float) -> Iterator[None]:
    """Hold the lock beside `path` inside the block; wait at most `wait` seconds for it."""
    real = path.resolve()  # whatever name it is called by
    descriptor = _open(_beside(real))
    if fcntl is None or descriptor is None:
        yield
        return
    try:
        for pause in pauses(wait):
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if pause is None:
                    raise busy(path, _holder(real, descriptor)) from None
                time.sleep(pause)
        if exclusive:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def pauses(wait: float) -> Iterator[float | None]:
    """Give the seconds to sleep before each new try, doubling with jitter; None when the time is up."""
    end = time.monotonic() + wait
    pause = _FIRST_PAUSE
    while time.monotonic() < end:
        yield min(pause * random.uniform(0.5, 1.0), max(end - time.monotonic(), 0.0))  # noqa: S311
        pause = min(2 * pause, _LONGEST_PAUSE)
    yield None


def busy(path: Path, holder: str) -> BusyError:
    """Say in one sentence who has the warehouse open and what to do."""
    pid = re.search(r"PID (\d+)", holder)
    who = f"process {pid[1]}" if pid else "another program"
    return BusyError(
        f"the warehouse {path} is in use by {who}",
        "wait for it or end it; `wait` in bt config says how long bt waits",
    )


def is_beside(path: Path) -> bool:
    """Say whether there is a lock's file beside `path`: then it was opened as a warehouse before."""
    return _beside(path.resolve()).exists()


def holders(path: Path) -> list[int]:
    """Give the other processes that have the warehouse at `path` open, by PID; none where the system does not tell."""
    real = path.resolve()
    places = set()
    for name in (real, _beside(real)):
        with suppress(OSError):
            state = name.stat()  # opened and closed, the file would lose the lock of this very process
            places.add(f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}")
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    held = [line.split() for line in lines if "->" not in line]  # without those who wait
    return sorted({int(fields[4]) for fields in held if fields[5] in places} - {os.getpid()})


def _beside(real: Path) -> Path:
    return Path(f"{real}.lock")


def _open(lock: Path) -> int | None:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:  # a read-only folder: nobody can write there either
        return None


def _holder(real: Path, descriptor: int) -> str:
    """Give the PID of who holds the lock; of its last writer, where the system does not tell."""
    if others := holders(real):
        return f"PID {others[0]}"
    text = os.pread(descriptor, 20, 0).decode(errors="replace")
    return f"PID {text}" if text.isdigit() else ""
