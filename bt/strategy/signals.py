"""Asking a strategy for its signals: what it prints and how it fails is kept in bounds here."""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from bt.errors import BtError
from bt.strategy.base import name_of
from bt.strategy.load import described, line_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.market import Handed, Market
    from bt.strategy.base import BaseStrategy


@contextlib.contextmanager
def contained(*, heard: bool = True) -> Iterator[None]:
    """Keep what strategies print away from stdout, which is data: it goes to stderr, or, with warnings, nowhere.

    For the whole process: not for threads to enter each by itself.
    """
    with contextlib.redirect_stdout(sys.stderr if heard else io.StringIO()), warnings.catch_warnings():
        if not heard:
            warnings.simplefilter("ignore")
        yield


def signals_of(strategy: BaseStrategy, market: Market, *, heard: bool = True) -> pl.DataFrame:
    """Give the strategy's rows from the market's `first` on; what it prints goes to stderr, or is not `heard`.

    Raises `BtError` naming the line when the strategy fails, or gives something else than bars with columns beside.
    """
    with contained(heard=heard):
        return asked(strategy, market).filter(pl.col("ts") >= market.first)


def asked(strategy: BaseStrategy, market: Market | Handed) -> pl.DataFrame:
    """Give all rows of the strategy, warm-up too; raise as `signals_of` does."""
    try:
        frame: Any = strategy.signals(cast("Market", market))
        if isinstance(frame, pl.LazyFrame):
            frame = frame.collect(engine="in-memory")  # a third of the time of streaming, where all is in memory
    except BtError:
        raise
    except (Exception, SystemExit) as error:
        path = inspect.getsourcefile(type(strategy)) or ""
        where = f", line {line}" if (line := line_in(path, error)) else ""
        raise BtError(f"{name_of(type(strategy))}.signals{where}: {described(error)}", "mend the strategy") from error
    if not isinstance(frame, pl.DataFrame):
        raise BtError(
            f"{name_of(type(strategy))}.signals gave {type(frame).__name__}, not a frame",
            "return market.bars(…).with_columns(…)",
        )
    if frame.schema.get("ts") != pl.Datetime("us"):
        raise BtError(
            f"{name_of(type(strategy))}.signals gave no column ts as in market.bars(…)",
            f"it has: {', '.join(frame.columns)}",
        )
    if "symbol" not in frame.columns:
        raise BtError(
            f"{name_of(type(strategy))}.signals gave no column 'symbol' as in market.bars(…)",
            f"it has: {', '.join(frame.columns)}",
        )
    return frame
