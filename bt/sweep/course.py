"""A sweep under way: sets go out to the workers and come back to the warehouse in order, as many as are done."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, Final, Protocol

import duckdb
import numpy as np
import polars as pl

from bt import kernel
from bt.engine import day_columns
from bt.errors import BtError, BusyError, WarehouseError
from bt.results import TrialRow, standing, trials
from bt.strategy.listening import Listener
from bt.sweep.custody import note_stored
from bt.sweep.stage import PartDone, Trialed
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bt.results import Judging
    from bt.sweep.sources import Source
    from bt.sweep.space import Candidate
    from bt.sweep.stage import Stage
    from bt.sweep.supply import Supply
    from bt.sweep.workers import Workers
    from bt.warehouse import Warehouse

_LOT: Final = 128  # sets that are looked at together
_AHEAD: Final = 64  # sets that are out, or back and not stored yet, beside one for each worker
_STORED_AT: Final = 200_000  # days of trials that are stored at once
_HELD: Final = 2_000_000  # days of trials that are held while another process has the warehouse
_PATIENCE: Final = 60  # times that is asked again then, each as long as the warehouse is waited for
_STORED_EVERY: Final = 10.0  # seconds until what is back is stored, however little it is


class TrialListener(Listener, Protocol):
    """Hear how a sweep comes along."""

    def tried(self, done: int, total: int | None, best: str) -> None:
        """Hear how many sets are tried, of how many if that is known, and the best of those stored in words.

        First heard with those that an earlier sweep stored, and last, however it ends, with all that are stored.
        """


@dataclass
class Course:
    """Try what sources give on stages, one after the other; what is stored already is passed over.

    What is asked for is counted, 1, 2, …: sets, or, of a source that learns, sets of a fold. A set keeps the number
    that it got when it was first asked for, so that one number is one set in all folds.
    """

    warehouse: Warehouse
    run_id: str
    judging: Judging
    workers: Workers
    listener: TrialListener
    cash: float
    defaults: Mapping[str, Any]  # of the parameters that are not searched
    total: int | None
    stored: int = 0  # of what is asked for, in the warehouse
    _asked: int = 0
    _numbers: dict[tuple[int, ...], int] = field(default_factory=dict)  # of the sets of a source that learns
    _out: deque[Future[Trialed]] = field(default_factory=deque)
    _back: list[Trialed] = field(default_factory=list)
    _held: int = 0  # days of what is back
    _best: str = ""
    _stored_at: float = field(default_factory=time.monotonic)

    def take(self, source: Source, stage: Stage, supply: Supply) -> None:
        """Try all sets of the source and store them; whatever stops this, what is done is stored first."""
        self._tell()
        try:
            while lot := source.next(_LOT):
                if source.learns:
                    for each in lot:
                        self._numbers.setdefault(each.places, len(self._numbers) + 1)
                self._begin([each for each in self._counted(lot) if each[0] > self.stored], stage, supply)
                if source.learns:
                    self._store_all()
                    source.tell(lot, self._values(lot, stage.parts[0].fold))
            self._store_all(last=True)
        except BaseException as error:
            with suppress(WarehouseError, duckdb.Error, RuntimeError):  # which would hide what stopped it
                self._rescue()
            if isinstance(error, WarehouseError):
                note_stored(error, self.stored)
            raise

    def _counted(self, lot: Sequence[Candidate]) -> list[tuple[int, Candidate]]:
        begin, self._asked = self._asked + 1, self._asked + len(lot)
        return list(enumerate(lot, begin))

    def _trial(self, trialed: Trialed) -> int:
        return self._numbers.get(trialed.places, trialed.number)

    def _begin(self, lot: list[tuple[int, Candidate]], stage: Stage, supply: Supply) -> None:
        """Send a lot out, taking back what is done while too many are out."""
        made: list[Any] = []
        for _, candidate in lot:
            try:
                made.append(stage.strategy_of(candidate.params))
            except BtError as error:
                made.append(error)
        columns = supply.of([each for each in made if not isinstance(each, BtError)])
        for (number, candidate), strategy in zip(lot, made, strict=True):
            given = strategy if isinstance(strategy, BtError) else next(columns)
            if isinstance(given, BtError):
                self._out.append(_failed(number, candidate, stage, given))
            else:
                candidacy = (candidate.params, candidate.places)
                self._out.append(self.workers.submit(stage, given, number, candidacy))
            while len(self._out) > _AHEAD + self.workers.count:
                self._take_back()

    def _take_back(self) -> None:
        self._back.append(self._out[0].result())
        self._out.popleft()
        self._held += _days(self._back[-1])
        self.listener.tried(self._back[-1].number, self.total, self._best)
        if self._held >= _STORED_AT or time.monotonic() - self._stored_at >= _STORED_EVERY:
            self._store()

    def _store_all(self, *, last: bool = False) -> None:
        while self._out:
            self._take_back()
        self._store(last=last, wait=True)

    def _store(self, *, last: bool = False, wait: bool = False) -> None:
        """Store what is back; where no set could be tried so far, wait for one that can, and at the end refuse all."""
        if not self._back:
            return
        if not self.stored and all(each.problem for each in self._back):
            if last:
                problem = self._back[0].problem
                raise BtError(f"no parameter set can be tried: {problem}", "mend the strategy or the search")
            return
        for patience in range(_PATIENCE, -1, -1):
            try:
                self._add()
                break
            except BusyError as error:
                if not patience:
                    raise
                self._stored_at = time.monotonic()
                self.listener.say(f"{error.what}: {counted(len(self._back), 'set')} wait to be stored")
                if not wait and self._held < _HELD:
                    break

    def _add(self) -> None:
        rows = [row for each in self._back for row in self._rows(each)]
        frame = _frame([(self._trial(each), each) for each in self._back])
        with self.warehouse.hold():
            trials.add(self.warehouse, self.run_id, rows, frame, self.judging)
            self.stored = self._back[-1].number
            self._back.clear()
            self._held = 0
            self._tell()
        self._stored_at = time.monotonic()

    def _tell(self) -> None:
        with suppress(BusyError):  # it is said the next time
            self._best = standing.best(self.warehouse, self.run_id) if self.stored else ""
        self.listener.tried(self.stored, self.total, self._best)

    def _rescue(self) -> None:
        """Store what has come back in order, and forget the rest, whatever step was broken off in its midst."""
        while self._out and self._out[0].done() and not self._out[0].cancelled() and not self._out[0].exception():
            self._back.append(self._out.popleft().result())
        for future in self._out:
            future.cancel()
        self._out.clear()
        self.stored = trials.stored(self.warehouse, self.run_id, by_fold=bool(self._numbers))
        known = {each.number: each for each in self._back}
        self._back = [known[number] for number in takewhile(known.__contains__, count(self.stored + 1))]
        self._store()
        self.listener.tried(self.stored, self.total, self._best)

    def _values(self, lot: Sequence[Candidate], fold: int) -> list[float | None]:
        """Give the in-sample objective of each set in a fold, None where it did not qualify."""
        numbers = [self._numbers[each.places] for each in lot]
        worth = standing.worth(self.warehouse, self.run_id, fold, numbers)
        return [worth.get(number) for number in numbers]

    def _rows(self, trialed: Trialed) -> Iterator[TrialRow]:
        for done in trialed.parts:
            yield TrialRow(
                fold=done.part.fold, part=done.part.part, trial=self._trial(trialed), params=trialed.params,
                defaults=self.defaults, places=trialed.places or None, first=done.part.first, end=done.part.end,
                start_cash=self.cash, status="failed" if trialed.problem else "ruined" if done.ruined else "finished",
                problem=trialed.problem, seconds=trialed.seconds / len(trialed.parts),
            )  # fmt: skip


def _failed(number: int, candidate: Candidate, stage: Stage, error: BtError) -> Future[Trialed]:
    parts = tuple(PartDone(part, None, None, ruined=False) for part in stage.parts)
    future: Future[Trialed] = Future()
    future.set_result(Trialed(number, candidate.params, candidate.places, parts, error.what, 0.0))
    return future


def _days(trialed: Trialed) -> int:
    return sum(0 if part.days is None else len(part.days) for part in trialed.parts)


def _frame(batch: Sequence[tuple[int, Trialed]]) -> pl.DataFrame:
    """Give the days of a batch, each with its set's number, with fold, part and trial before them."""
    found = [(number, done) for number, each in batch for done in each.parts if done.days is not None]
    lengths = [len(done.days) for _, done in found]  # type: ignore[arg-type]
    facts = np.concatenate([done.days for _, done in found] or [np.empty(0, kernel.DAY)])
    first = pl.Series([done.first_day for _, done in found], dtype=pl.Date).cast(pl.Int32).to_numpy()
    place = np.arange(len(facts)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    keys = [
        pl.Series("fold", np.repeat([done.part.fold for _, done in found], lengths), pl.Int32),
        pl.Series("part", [done.part.part for _, done in found], pl.String).gather(
            np.repeat(np.arange(len(found)), lengths)
        ),
        pl.Series("trial", np.repeat([number for number, _ in found], lengths), pl.Int32),
        pl.Series("day", (np.repeat(first, lengths) + place).astype(np.int32)).cast(pl.Date),
    ]
    return pl.concat([pl.DataFrame(keys), day_columns(facts)], how="horizontal")
