"""Replay bars and signals one event at a time: the slow, obvious twin that the compiled trade loop must equal.

Written from the contract (see `bt.simulate`), never from the kernel; the input counts as
validated. Prices and fees are quote currency, quantities base currency, `side` is +1 (long, buy) or -1 (short, sell).
`loop` is the order of events; `market` lays the input out in time, `book` holds the account and writes what happens.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.naive.book import Book, Outcome
from tests.naive.loop import replay
from tests.naive.market import Gap, Row, moments

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ACCOUNT", "COSTS", "EXECUTION", "Outcome", "simulate"]

ACCOUNT = {"cash": 10_000.0, "sizing": "risk", "size": 0.01, "leverage": 1.0, "max_positions": None}
ACCOUNT |= {"margin": "isolated", "mmr": 0.005}
COSTS = {"taker": None, "maker": None, "slippage": 0.0001, "slippage_ticks": 0, "funding": True}
EXECUTION = {"intrabar": "auto", "stop": None, "take": None, "trail": None, "take_fill": "market", "max_bars": None}
EXECUTION |= {"pyramiding": 0, "rebalance_band": 0.0, "max_volume_share": None, "level_delay": 0, "close_at_end": True}


def simulate(
    bars: Iterable[Row], signals: Iterable[Row], *, account: Row | None = None, costs: Row | None = None,
    execution: Row | None = None, instruments: dict[str, Row | list[Row]] | None = None,
    funding: Iterable[Row] = (), detail: Iterable[Row] | None = None, gaps: Iterable[Gap] = (),
    timeframe_minutes: int | None = None,
) -> Outcome:  # fmt: skip
    """Trade the signals on the bars; settings left out take the defaults above."""
    rules = {symbol: it if isinstance(it, list) else [it] for symbol, it in (instruments or {}).items()}
    book = Book(ACCOUNT | (account or {}), COSTS | (costs or {}), EXECUTION | (execution or {}), rules)
    said = list(signals)
    drilled = book.execution["intrabar"] in {"auto", "drill"} and detail is not None
    time = moments(
        bars, said, gaps=gaps, funding=funding if book.costs["funding"] else (), minutes=detail if drilled else (),
        length=None if timeframe_minutes is None else timedelta(minutes=timeframe_minutes),
    )  # fmt: skip
    return replay(book, time, by_target=any("target" in row for row in said))
