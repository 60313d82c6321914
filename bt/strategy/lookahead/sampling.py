"""What a run looks for by itself: whether signals of its last bars hang on what comes later, at a few cuts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.errors import BtError, WarehouseError
from bt.strategy.base import name_of
from bt.strategy.lookahead.cuts import cuts
from bt.strategy.lookahead.examination import LEAST_BEFORE, by_chance, found_in, subject_of
from bt.strategy.lookahead.findings import LEAKS
from bt.strategy.lookahead.futures import Loaded
from bt.strategy.signals import signals_of
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bt.market import Market
    from bt.strategy.base import BaseStrategy
    from bt.warehouse import Warehouse

UNASKED: Final = "not examined for look-ahead, as was asked"
SAMPLED: Final = 4  # cuts of a run
_RECENT: Final = 400  # last bars of a run, in which they lie


def sample(
    strategy: BaseStrategy, warehouse: Warehouse, market: Market, signals: pl.DataFrame, *, count: int,
    until: datetime | None = None,
) -> Iterator[str]:  # fmt: skip
    """Examine a run at `count` of its last bars before `until`, on the frames it has loaded; say what is wrong."""
    if not count:
        yield UNASKED
        return
    bar = timedelta(minutes=minutes(market.timeframe))
    before = max(2 * strategy.warm_up, LEAST_BEFORE)
    last_end = until or market.end
    subject = subject_of(
        strategy, warehouse, market, signals, least=last_end - 2 * (_RECENT + before) * bar, end=last_end
    )
    timeline = subject.timeline
    recent = timeline.moments[max(len(timeline.moments) - _RECENT, timeline.tested) :]
    if not recent:
        return
    late = signals.filter(pl.col("ts") >= recent[0])
    chosen = cuts(late.filter(pl.col("ts").is_in(recent)), count=count, edges=0)
    if not chosen:
        return
    world, last = Loaded(warehouse, market), timeline.window(map(timeline.place, chosen), before=before)
    world.enter(last)
    try:
        one, two = (signals_of(strategy, world.market(), heard=False) for _ in range(2))
    except WarehouseError:
        raise
    except BtError as error:
        yield f"not examined for look-ahead: on the last bars alone, {error.what}"
        return
    chance = [row["column"] for row in by_chance(one, two)]
    if chance:
        yield f"two equal calls of signals() differ in {', '.join(chance)}: these figures cannot be had again"
        return
    examination = subject.examination()
    examination.examine(world, last)
    found = [row for row in found_in(examination, subject) if row["finding"] in LEAKS]
    if found:
        columns, first = ", ".join(row["column"] for row in found), found[0]
        yield (
            f"look-ahead in {columns}: {first['symbol']}, {first['detail']}; these figures cannot be had in trading: "
            f"bt lookahead {name_of(type(strategy))}"
        )
