"""What a strategy says of cut markets, held against what it says of the whole one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from bt.errors import BtError, WarehouseError
from bt.strategy.differences import differences
from bt.strategy.findings import Tally
from bt.strategy.futures import Cut
from bt.strategy.signals import signals_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from bt.market import Market
    from bt.strategy.base import BaseStrategy
    from bt.strategy.cuts import Window
    from bt.strategy.futures import World


def _nobody() -> None:
    """Hear nothing."""


@dataclass
class Examination:
    """Recompute a strategy at cuts and keep count of what differs; `progress` is called after each cut."""

    strategy: BaseStrategy
    bar: timedelta
    progress: Callable[[], None] = _nobody
    done: int = 0  # cuts
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)  # by part (signals, indicators) and column
    failures: dict[datetime, str] = field(default_factory=dict)  # cuts at which the strategy fails

    def examine(self, world: World, window: Window, *, by_turns: bool = False) -> None:
        """Recompute a window at its cuts with nothing and with noise behind them, or only one of them by turns."""
        if not world.enter(window):
            return
        whole = world.market()
        try:
            signals = signals_of(self.strategy, whole, heard=False)
        except WarehouseError:
            raise
        except BtError:  # for lack of a symbol that has no candles here: the whole span was computed already
            return
        for at in window.cuts:
            cuts = (Cut(at=at), Cut(at=at, noise=self.done))
            for cut in (cuts[self.done % 2],) if by_turns else cuts:
                self._recompute(signals, whole, world.market(cut), cut)
            self.done += 1
            self.progress()

    def _recompute(self, signals: pl.DataFrame, whole: Market, market: Market, cut: Cut) -> None:
        try:
            seen = signals_of(self.strategy, market, heard=False)
        except WarehouseError:
            raise
        except BtError as error:
            if cut.noise is None:  # noise may be too wild for a sound strategy
                self.failures[cut.at] = error.what
            return
        self._count("signals", signals, seen, cut)
        for known, frame in zip(whole.read(), market.read(), strict=False):
            if known.columns == frame.columns:
                self._count("indicators", known, frame, cut)

    def _count(self, part: str, whole: pl.DataFrame, seen: pl.DataFrame, cut: Cut) -> None:
        known = whole.filter(pl.col("ts") <= cut.at)
        if cut.noise is not None:
            seen = seen.filter(pl.col("ts") <= cut.at)
        for found in differences(known, seen):
            tally = self.tallies.setdefault((part, found.column), Tally(example=found, cut=cut.at))
            tally.add(found, cut.at, self.bar, noise=cut.noise is not None)
