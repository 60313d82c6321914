"""A tape is laid out once for many signals; a part of it is what a simulation of that part alone would be given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

import bt
from bt.engine import Around, Tape, Terms
from tests.engine.cases import random_case


def of(case: Any) -> tuple[Terms, dict[str, Any]]:
    """Give the terms of a case, and what its market has besides bars."""
    given = case.simulate_arguments()
    terms = Terms(account=given.pop("account"), costs=given.pop("costs"), execution=given.pop("execution"))
    return terms, given


def frames_of(simulation: bt.Simulation) -> list[pl.DataFrame]:
    names = ("fills", "rejections", "funding_payments", "equity", "days")
    return [getattr(simulation, name) for name in names]


def cut(frame: pl.DataFrame, first: datetime, end: datetime) -> pl.DataFrame:
    return frame.filter((pl.col("ts") >= first) & (pl.col("ts") < end))


def law(seed: int) -> bool:
    """Trading a part of the tape is simulating the bars and signals of that part alone; say whether there was one."""
    case = random_case(seed)
    bars, signals = case.frames()
    terms, given = of(case)
    timeframe = given.pop("timeframe")
    tape = Tape.laid(bars, Around(**given), terms, timeframe=timeframe)
    told = tape.told(signals)
    times = tape.grid.times
    generator = np.random.default_rng(seed)
    first, last = sorted(generator.integers(0, len(times), 2).tolist())
    begin, end = times[first], times[last]
    if timeframe is None or cut(bars, begin, end)["symbol"].n_unique() < bars["symbol"].n_unique():
        return False
    part = tape.part(begin, end)
    alone = bt.simulate(
        cut(bars, begin, end), cut(signals, begin, end), account=terms.account, costs=terms.costs,
        execution=terms.execution, timeframe=timeframe, **given,
    )  # fmt: skip

    traded = part.tape.simulation(part.tape.trade(part.told(told)))

    assert traded.status == alone.status
    for found, wanted in zip(frames_of(traded), frames_of(alone), strict=True):
        assert found.equals(wanted), (seed, found, wanted)
    return True


def test_a_part_is_a_market_of_its_own() -> None:
    assert sum(law(seed) for seed in range(60)) > 10


@pytest.mark.slow
def test_a_part_is_a_market_of_its_own_a_thousand_times() -> None:
    for seed in range(60, 1500):
        law(seed)


def test_without_equity_the_days_are_the_same() -> None:
    for seed in range(20):
        case = random_case(seed)
        bars, signals = case.frames()
        terms, given = of(case)
        tape = Tape.laid(bars, Around(**{k: v for k, v in given.items() if k != "timeframe"}), terms)
        told = tape.told(signals)

        kept, bare = tape.trade(told), tape.trade(told, keep_equity=False)

        assert len(bare.equity) == 0
        assert str(bare.days.tolist()) == str(kept.days.tolist())
        assert str(bare.fills.tolist()) == str(kept.fills.tolist())
