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
            with suppress(
                WarehouseError, duckdb.Error, RuntimeError
            ):  # it stays `running`, and can be resumed all the same
                if trials.stored(warehouse, run_id):
                    trials.interrupt(warehouse, run_id)
                else:
                    standing.discard(warehouse, run_id)
            if isinstance(error, Exception) and any(sign in str(error) for sign in _STOPPED):
                raise KeyboardInterrupt from error
            raise


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
    if warehouse.path is None:
        yield
        return
    real = warehouse.path.resolve()  # whatever name it is called by
    place = real.with_name(f"{real.name}.{run_id}")
    with ExitStack() as closing:
        try:
            closing.enter_context(lock.held(place, exclusive=True, wait=0.0))
        except WarehouseError:
            who = ", ".join(map(str, lock.holders(place))) or "another"
            raise BtError(f"run {run_id} is under way in process {who}", "wait until it has ended") from None
        yield
        with suppress(OSError):
            place.with_name(f"{place.name}.lock").unlink()
