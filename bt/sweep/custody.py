"""What has to hold while a sweep is under way: one process alone works on it, and its candles stay what they were."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb
import polars as pl

from bt.errors import BtError, WarehouseError
from bt.results import standing, trials
from bt.warehouse import lock
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bt.warehouse import Warehouse

_DIGEST: Final = """
    select
        $symbol as symbol, count(*) as candles, bit_xor(hash(ts, open, high, low, close, volume, turnover)) as content,
    from candles
    where symbol = $symbol and ts < $end
"""
_WAIT: Final = 10.0  # seconds for the warehouse
_GLANCE: Final = 0.5  # seconds; longer than somebody looks whether a run is under way
_LEAVING: Final = 1.0  # seconds for the warehouse when the lock is removed; else its file stays, held by nobody
_STOPPED: Final = ("KeyboardInterrupt", "Query interrupted")  # how DuckDB says that the user did


@contextmanager
def under_way(warehouse: Warehouse, run_id: str) -> Iterator[None]:
    """Keep a sweep or walk-forward to this process; one that stops early is interrupted, or taken back where empty.

    Raises `BtError` where another process works on it.
    """
    with _alone(warehouse, run_id):
        try:
            yield
        except BaseException as error:
            stored = None
            with suppress(
                WarehouseError, duckdb.Error, RuntimeError
            ):  # it stays `running`, and can be resumed all the same
                stored = trials.stored(warehouse, run_id)
                if stored:
                    trials.interrupt(warehouse, run_id)
                else:
                    standing.discard(warehouse, run_id)
            if isinstance(error, Exception) and any(sign in str(error) for sign in _STOPPED):
                raise KeyboardInterrupt from error
            if isinstance(error, WarehouseError):
                note_stored(error, stored)
            raise


def note_stored(error: WarehouseError, stored: int | None) -> None:
    """Let what stopped a sweep say how many sets are stored (None = that cannot be asked) and how it goes on."""
    if stored == 0 or "--resume" in error.cure:
        return
    many = f"{counted(stored, 'set')} {'is' if stored == 1 else 'are'} stored" if stored else "what was tried is stored"
    error.what, error.cure = f"{error.what}; {many}", f"{error.cure}; then go on with --resume"


@dataclass(frozen=True, eq=False)
class Candles:
    """The candles of some symbols before `end`, also those that indicators are warmed up with, as a hash of each."""

    warehouse: Warehouse
    symbols: tuple[str, ...]
    end: datetime
    digest: pl.DataFrame

    @classmethod
    def seen(cls, warehouse: Warehouse, symbols: tuple[str, ...], end: datetime) -> Candles:
        """Look at them now."""
        with warehouse.read():
            found = [warehouse.query(_DIGEST, {"symbol": symbol, "end": end}) for symbol in symbols]
        return cls(warehouse, symbols, end, pl.concat(found))

    def require_unchanged(self) -> None:
        """Refuse to go on where they are no longer what they were."""
        if not Candles.seen(self.warehouse, self.symbols, self.end).digest.equals(self.digest):
            names = ", ".join(self.symbols)
            raise BtError(f"the candles of {names} changed while they were tried on", "run the command again")


@contextmanager
def _alone(warehouse: Warehouse, run_id: str) -> Iterator[None]:
    """Hold the run's lock, and remove its file at the end.

    A file is opened and locked while the warehouse is held shared, removed and let go while it is held alone: nobody
    can lock a file that is removed already, beside whom another would lock a new one of the same name.
    """
    place = standing.place_of(warehouse, run_id)
    if warehouse.path is None or place is None:
        yield
        return
    with ExitStack() as closing:
        with lock.held(warehouse.path, exclusive=False, wait=_WAIT):
            try:
                closing.enter_context(lock.held(place, exclusive=True, wait=_GLANCE))
            except WarehouseError:
                who = ", ".join(map(str, lock.holders(place))) or "another"
                raise BtError(f"run {run_id} is under way in process {who}", "wait until it has ended") from None
        try:
            yield
        finally:
            with suppress(OSError, WarehouseError), lock.held(warehouse.path, exclusive=True, wait=_LEAVING):
                place.with_name(f"{place.name}.lock").unlink(missing_ok=True)
                closing.close()
