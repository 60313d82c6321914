"""The market as laid out for the loop, once for any number of signals, as a whole or in parts of its time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bt import kernel
from bt.engine import arrays, checks
from bt.engine.grid import Grid
from bt.engine.minutes import detail_arrays, funding_arrays
from bt.engine.orders import signal_arrays
from bt.engine.outcome import Simulation
from bt.engine.signals import checked_signals, require_stop_source
from bt.errors import BtError
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    import polars as pl

    from bt.config import Intrabar
    from bt.engine.settings import Terms


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a market has besides bars, as frames in the form that `simulate` takes; None is nothing."""

    instruments: pl.DataFrame | None = None
    funding: pl.DataFrame | None = None
    detail: pl.DataFrame | None = None
    gaps: pl.DataFrame | None = None


class Told(NamedTuple):
    """Signals on the rows of a tape: as frame, and as the loop reads them."""

    frame: pl.DataFrame
    signals: kernel.Signals

    @property
    def targets(self) -> bool:
        """Say whether the signals are targets, not entries and exits."""
        return "target" in self.frame.columns


@dataclass(frozen=True, kw_only=True, eq=False)
class Tape:
    """Bars, rules, funding, minutes and gaps in the loop's layout; `laid` makes one, `part` cuts one."""

    grid: Grid
    bars: kernel.Bars
    instruments: kernel.Array
    changes: kernel.Changes
    funding: kernel.Funding
    rates: pl.DataFrame  # what `funding` is made of
    detail: kernel.Detail
    terms: Terms

    @classmethod
    def laid(
        cls,
        bars: pl.DataFrame,
        around: Around,
        terms: Terms,
        *,
        timeframe: str | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> Tape:
        """Check frames and settings and lay everything out but signals; for what they must be see `simulate`."""
        checks.check_settings(terms)
        execution = terms.execution
        sorted_bars = checks.checked_bars(bars)
        kernel.make_ready(announce)
        grid = Grid(sorted_bars, timedelta(minutes=minutes(timeframe)) if timeframe else None)
        checks.require_apart(grid)
        if execution.intrabar == "drill" and (around.detail is None or around.detail.is_empty()):
            raise BtError("intrabar drill needs 1-minute candles, and detail has none", "give detail=, or use auto")
        instruments = checks.checked_instruments(around.instruments)
        rates, detail = checks.checked_funding(around.funding), checks.checked_detail(around.detail)
        gaps = checks.checked_gaps(around.gaps)
        rates = rates if terms.costs.funding else rates.clear()
        within = detail_arrays(grid, detail if execution.drills else None)
        rules, changes = arrays.instrument_arrays(grid, instruments, terms.costs)
        return cls(
            grid=grid,
            bars=arrays.bar_arrays(grid, gaps, with_volume=execution.max_volume_share is not None),
            instruments=rules,
            changes=changes,
            funding=funding_arrays(grid, rates, within),
            rates=rates,
            detail=within,
            terms=terms,
        )

    def told(self, signals: pl.DataFrame) -> Told:
        """Check signals and lay them out on the rows of this tape."""
        frame = checked_signals(signals, self.grid)
        require_stop_source(frame, self.terms)
        return Told(frame, signal_arrays(self.grid, frame, every_target=self.terms.execution.rebalance_band > 0))

    def inputs(
        self, told: Told, *, cash: float | None = None, high: float = 0.0, keep_equity: bool = True
    ) -> kernel.Inputs:
        """Give all that the loop is given; for the settings see `trade`."""
        rules = arrays.rule_values(self.terms, targets=told.targets)
        rules = rules._replace(cash=rules.cash if cash is None else cash, high=high, keep_equity=keep_equity)
        return kernel.Inputs(
            bars=self.bars, signals=told.signals, instruments=self.instruments, changes=self.changes,
            funding=self.funding, detail=self.detail, rules=rules,
        )  # fmt: skip

    def trade(
        self, told: Told, *, cash: float | None = None, high: float = 0.0, keep_equity: bool = True
    ) -> kernel.Outcome:
        """Run the loop, from the account's cash or another; `high` is the highest equity of what went before."""
        return kernel.trade(self.inputs(told, cash=cash, high=high, keep_equity=keep_equity))

    @property
    def drilled(self) -> bool:
        """Say whether there are minutes to look into bars with."""
        return len(self.detail.first) > 0

    def decided(self, way: Intrabar) -> Tape:
        """Give the tape with every bar that touches stop and target decided one way, and none drilled."""
        terms = replace(self.terms, execution=replace(self.terms.execution, intrabar=way))
        bare = detail_arrays(self.grid, None)
        return replace(self, terms=terms, detail=bare, funding=funding_arrays(self.grid, self.rates, bare))

    def simulation(self, outcome: kernel.Outcome) -> Simulation:
        """Give what happened as frames."""
        return Simulation(
            status="ruined" if outcome.ruined else "finished",
            ambiguous=int(outcome.ambiguous),
            _outcome=outcome,
            _grid=self.grid,
            _funding=self.funding,
        )

    def part(self, first: datetime, end: datetime) -> Part:
        """Give the bars that open from `first` to before `end` as a tape of their own."""
        begin, stop = (int(self.grid.times.search_sorted(moment, side="left")) for moment in (first, end))
        return Part(self, begin, stop)


class Part:
    """The bar times from `begin` to before `end` of a tape, as a tape of their own."""

    def __init__(self, whole: Tape, begin: int, end: int) -> None:
        self.whole, self.begin, self.end = whole, begin, end
        starts = whole.bars.starts
        self._rows = slice(int(starts[begin]), int(starts[end]))
        self._first_day = int(whole.bars.day[begin]) if begin < end else 0
        self._kept: Tape | None = None

    @property
    def rows(self) -> int:
        """Give how many bars there are."""
        return self._rows.stop - self._rows.start

    @property
    def first_day(self) -> date:
        """Give the UTC day in which the first bar closes."""
        return self.whole.grid.first_day + timedelta(days=self._first_day)

    def keep(self) -> None:
        """Keep the layout between uses: 20 bytes a row."""
        self._kept = self.tape

    @property
    def tape(self) -> Tape:
        """Give the tape; prices and minutes are views of the whole's."""
        if self._kept is not None:
            return self._kept
        whole, rows, times = self.whole, self._rows, slice(self.begin, self.end)
        grid = Grid(whole.grid.bars.slice(rows.start, self.rows), whole.grid.length, names=whole.grid.symbols)
        bars, due = whole.bars, (whole.funding.row >= rows.start) & (whole.funding.row < rows.stop)
        funding = kernel.Funding(*(column[due] for column in whole.funding))
        mine = {name: getattr(bars, name)[rows] for name in ("symbol", "open", "high", "low", "close", "volume")}
        return replace(
            whole, grid=grid,
            bars=kernel.Bars(
                starts=grid.rows.starts, day=bars.day[times] - np.int32(self._first_day), before=grid.rows.before,
                number=grid.rows.number, last=grid.rows.last, after_gap=bars.after_gap[rows],
                gap_inside=bars.gap_inside[rows], **mine,
            ),
            changes=whole.changes._replace(time=whole.changes.time - self.begin),
            funding=funding._replace(row=funding.row - rows.start),
            detail=whole.detail._replace(first=whole.detail.first[rows], end=whole.detail.end[rows]),
        )  # fmt: skip

    def told(self, told: Told) -> Told:
        """Give those of the whole's signals that are known and act within this part."""
        rows = self._rows
        frame = told.frame.slice(rows.start, self.rows)
        if told.targets:  # the first target in a part is a change, whatever was before
            every = self.whole.terms.execution.rebalance_band > 0
            return Told(frame, signal_arrays(self.tape.grid, frame, every_target=every))
        orders = told.signals.orders
        near = orders[np.searchsorted(orders["time"], self.begin) : np.searchsorted(orders["time"], self.end)]
        acting = near[self.whole.bars.before[near["row"]] >= rows.start].copy()
        acting["time"] -= self.begin
        acting["row"] -= rows.start
        return Told(frame, kernel.Signals(flags=told.signals.flags[rows], orders=acting))
