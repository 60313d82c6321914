"""The command that puts the warehouse's candles in order on disk, and what bringing candles does about it: compact."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bt.cli import shared
from bt.errors import ExitCode, WarehouseError

if TYPE_CHECKING:
    from bt.warehouse import Warehouse

_MEGABYTE = 1e6


def compact(
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Write the warehouse anew with its candles in order: a smaller file that answers sooner.

    Ingests and imports do it by themselves once a quarter of the candles lies in pieces. It needs as much free disk as
    the new file takes, and nobody else may have the warehouse open; ended at any moment, it leaves the old file whole.
    """
    call = shared.session({"db": db}, quiet=quiet, progress=progress)
    warehouse = call.warehouse()
    found = warehouse.layout()
    if found.in_order and not found.wasteful:
        call.narrator.say(f"{warehouse.path}: in order, {found.bytes_each:.1f} bytes a candle: nothing to do")
        return ExitCode.OK
    _put_in_order(call, warehouse)
    return ExitCode.OK


def put_in_order(call: shared.Session, warehouse: Warehouse) -> None:
    """Put candles that came in pieces in order where that pays; where it cannot be done, they stay as they came."""
    if warehouse.path is None:
        return
    try:
        if warehouse.layout().due:
            _put_in_order(call, warehouse)
    except WarehouseError as error:
        call.narrator.say(f"the candles stay in the order in which they came: {error.what}; later: bt compact")


def _put_in_order(call: shared.Session, warehouse: Warehouse) -> None:
    began = time.monotonic()
    call.narrator.stage("ordering")

    def told(symbol: str, done: int, total: int) -> None:
        call.narrator.progress(done, total, symbol or None)

    done = warehouse.compact(told)
    sizes = " → ".join(f"{size / _MEGABYTE:,.1f}" for size in (done.size_before, done.size_after))
    each = " → ".join(f"{one.bytes_each:.1f}" for one in (done.before, done.after))
    seconds = time.monotonic() - began
    call.narrator.say(f"{warehouse.path}: put in order in {seconds:.1f} s, {sizes} MB, {each} bytes a candle")
