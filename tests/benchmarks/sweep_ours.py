"""Our side of the sweep race: a sweep, a walk-forward, ready signals, and sets one after another, each in one process.

`python tests/benchmarks/sweep_ours.py JOB FOLDER ROUNDS` (JOB is JSON, the fields of `Job`) runs one in this process
and prints one line of JSON; `sweeps.py` and `growth.py` ask for all. The folder holds a warehouse `bt.duckdb` with the
candles; sweeps and walk-forwards store every trial there, within the time that is taken.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
from crosses import (
    CASH,
    DAY,
    FAST,
    FEE,
    NOTIONAL,
    PRICES,
    READY,
    SLIPPAGE,
    SLOW,
    STOP,
    TAKE,
    Found,
    Minutes,
    Ready,
    daily_sharpe,
    measured,
    told,
)  # fmt: skip
from ema_sma_cross import EmaSmaCross

import bt
from bt import seeded, symbols
from bt.engine import Around, Tape, Terms
from bt.ingest import ImportOptions, import_file
from bt.kernel import Outcome
from bt.market import Indicator, Market
from bt.warehouse import Warehouse

START = datetime(2024, 1, 1)
ACCOUNT = bt.Account(cash=CASH, sizing="notional", size=NOTIONAL)
COSTS = bt.Costs(taker=FEE, maker=FEE, slippage=SLIPPAGE)
EXECUTION = bt.Execution(stop=STOP, take=TAKE, level_delay=1, close_at_end=False)
TERMS = Terms(account=ACCOUNT, costs=COSTS, execution=EXECUTION)
FILE = "bt.duckdb"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one process does: `sweep`, `walk`, `ready` or `singly`."""

    kind: str
    fast: tuple[int, ...] = FAST
    slow: tuple[int, ...] = SLOW
    symbols: tuple[str, ...] = ("ALPHAUSDT",)
    workers: int = 2
    train: str = "120d"
    test: str = "20d"

    @property
    def sets(self) -> list[tuple[int, int]]:
        return list(product(self.fast, self.slow))

    def few(self) -> Job:
        """Give the same of few sets, to warm up."""
        return dataclasses.replace(self, fast=self.fast[:2], slow=self.slow[:1], train="1d", test="1d")


class AbsentError(Exception):
    """Say that the package cannot do this job yet."""


def stored(folder: Path, candles: dict[str, pl.DataFrame]) -> None:
    """Make a warehouse of these candles by symbol."""
    for name, frame in candles.items():
        frame.write_parquet(folder / "candles.parquet")
        import_file(
            Warehouse(folder / FILE), folder / "candles.parquet", symbol=symbols.parse(name), options=ImportOptions()
        )
    (folder / "candles.parquet").unlink()


def years(count: int, names: Iterable[str] = ("ALPHAUSDT",)) -> dict[str, pl.DataFrame]:
    """Give years of seeded candles by symbol."""
    return {name: seeded.candles(name, days=365 * count) for name in names}


def ours_swept(job: Job, folder: Path, end: datetime | None = None) -> Found:
    """Sweep through the public API, stored, and read what was stored."""
    if not hasattr(bt, "Sweep"):
        raise AbsentError("bt.Sweep is not there yet")
    run = _sweep(job).run(EmaSmaCross, Warehouse(folder / FILE), end=end, **_market(job))
    return _trials(run, job)


def ours_walked(job: Job, folder: Path, end: datetime | None = None) -> Found:
    """Walk forward through the public API, stored; what is found is of the stitched run."""
    if not hasattr(bt, "WalkForward"):
        raise AbsentError("bt.WalkForward is not there yet")
    walk = bt.WalkForward(train=job.train, test=job.test, sweep=_sweep(job))
    run = walk.run(EmaSmaCross, Warehouse(folder / FILE), end=end, **_market(job))
    figures = run.get_results().figures
    return Found([figures["trades"]], [figures["total_return"]], [figures["sharpe"]])


def ours_ready(minutes: Minutes, ready: Ready, workers: int) -> Found:
    """Trade ready signals. FOUNDER: the place to change where the tape's spec does; timed from arrays to Sharpe."""
    length = len(minutes.close)
    ts = pl.datetime_range(START, START + timedelta(minutes=length - 1), "1m", eager=True, time_unit="us")
    key = {"symbol": pl.Series(["S"]).new_from_index(0, length), "ts": ts}
    bars = pl.DataFrame(key | {name: getattr(minutes, name) for name in PRICES}).with_columns(volume=pl.lit(1.0))
    tape = Tape.laid(bars, Around(), TERMS, timeframe="1m")

    def one(place: int) -> tuple[int, float, float]:
        flags = {"enter_long": ready.enter[place], "exit_long": ready.leave[place]}
        return _facts(tape.trade(tape.told(pl.DataFrame(key | flags)), keep_equity=False))

    with ThreadPoolExecutor(workers) as pool:
        return Found.of(list(pool.map(one, range(len(ready.enter)))))


def ours_singly(job: Job, folder: Path, end: datetime | None = None) -> Found:
    """Ask the strategy and trade its signals set by set, as one run after another would, storing nothing."""
    names, most = list(job.symbols), end or START + timedelta(days=36_500)
    market = Market(
        Warehouse(folder / FILE), symbols=names, timeframe="1m", first=datetime(2000, 1, 1), end=most, warm_up=0
    )
    market.compute([*(Indicator("ema", n=n) for n in job.fast), *(Indicator("sma", n=n) for n in job.slow)])
    tape = Tape.laid(market.tested(), Around(), TERMS, timeframe="1m")
    rows = []
    for fast, slow in job.sets:
        signals = EmaSmaCross(fast=fast, slow=slow).signals(market).collect()
        rows.append(_facts(tape.trade(tape.told(signals), keep_equity=False)))
    return Found.of(rows)


def _sweep(job: Job) -> Any:
    search = {"fast": list(job.fast), "slow": list(job.slow)}
    return bt.Sweep(search=search, objective="sharpe", workers=job.workers)  # type: ignore[attr-defined]


def _market(job: Job) -> dict[str, Any]:
    return {
        "symbols": list(job.symbols), "timeframe": "1m", "account": ACCOUNT, "costs": COSTS, "execution": EXECUTION
    }  # fmt: skip


def _trials(run: Any, job: Job) -> Found:
    """Read what a sweep stored, in the order of the sets."""
    rows = run.warehouse.query(
        "select params, trades, total_return, sharpe from trials where run_id = $run", {"run": run.run_id}
    ).rows()
    found = {(params["fast"], params["slow"]): row for said, *row in rows for params in [json.loads(said)]}
    assert len(found) == len(job.sets), f"{len(found)} trials are stored, not {len(job.sets)}"
    return Found.of([tuple(found[pair]) for pair in job.sets])


def _facts(outcome: Outcome) -> tuple[int, float, float]:
    equity = outcome.days["equity"]
    return int((~outcome.fills["opens"]).sum()), equity[-1] / CASH - 1, float(daily_sharpe(equity[:, None])[0])


def result(job: Job, folder: Path, rounds: int) -> dict[str, Any]:
    """Measure a job in this process."""
    if job.kind == "ready":
        minutes, ready = Minutes.read(folder), Ready.read(folder)
        assert len(ready.enter) == len(READY)
        few, some = minutes.head(3 * DAY), ready.head(3 * DAY, 12)
        return measured(
            lambda: ours_ready(minutes, ready, job.workers), lambda: ours_ready(few, some, job.workers), rounds
        )
    does = {"sweep": ours_swept, "walk": ours_walked, "singly": ours_singly}[job.kind]
    return measured(lambda: does(job, folder), lambda: does(job.few(), folder, START + timedelta(days=3)), rounds)


def main() -> None:
    given = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(sys.argv[1]).items()
    }
    try:
        told(result(Job(**given), Path(sys.argv[2]), int(sys.argv[3])))
    except AbsentError as reason:
        told({"absent": str(reason)})


if __name__ == "__main__":
    main()
