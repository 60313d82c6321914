"""Thousands of random series through other engines: the same trades, or a difference that has a name.

Stops, targets, exit signals, reversals, fees, long and short, with each peer; slippage, trailing stops, time stops and
entries that wait for a price where it has them. Trades are compared by side, quantity, bars, prices, what ended them,
and profit after all costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from tests.peers import habits
from tests.peers.markets import Market, random_market
from tests.peers.reconcile import Habit, Tally, compare
from tests.peers.trades import Trade, our_trades

pytestmark = pytest.mark.long

Peer: TypeAlias = Callable[[Market], list[list[Trade]]]

MOST_SHADOWED = 0.12  # of our trades: behind a difference the engines hold other positions for a while


def meet_backtesting(seed: int, intrabar: str = "adverse") -> Tally:
    peer = pytest.importorskip("tests.peers.with_backtesting", reason="backtesting.py is not installed")
    market = random_market(seed, kind="trails" if seed % 2 else "")
    market = market.only(peer.placeable(market))
    return compare(market, our_trades(market, intrabar=intrabar), peer.trades(market), habits.BACKTESTING)


def meet_backtesting_with_waiting_entries(seed: int, intrabar: str = "adverse") -> Tally:
    peer = pytest.importorskip("tests.peers.with_backtesting", reason="backtesting.py is not installed")
    market = random_market(seed, kind="pending")
    market = market.only(peer.placeable(market))
    ours = our_trades(market, intrabar=intrabar, level_delay=1)  # its levels live from the bar after such a fill on
    return compare(market, ours, peer.trades(market), habits.BACKTESTING_PENDING)


def meet_vectorbt(seed: int, intrabar: str = "adverse", engine: str | None = None) -> Tally:
    peer = pytest.importorskip("tests.peers.with_vectorbt", reason="vectorbt is not installed")
    chosen = ({}, {"slippage": 0.003}, {"sizing": "notional", "size": 1000.0})[seed % 3]
    market = random_market(seed, **chosen)
    market = market.only(peer.placeable(market))
    theirs = peer.trades(market, engine=engine or peer.ENGINES[0])
    return compare(market, our_trades(market, intrabar=intrabar), theirs, habits.VECTORBT_SPLIT)


def meet_vectorbt_as_its_users_do(seed: int, intrabar: str = "adverse") -> Tally:
    peer = pytest.importorskip("tests.peers.with_vectorbt", reason="vectorbt is not installed")
    market = random_market(seed, slippage=0.003 * (seed % 2))
    market = market.only(peer.placeable(market))
    ours = our_trades(market, intrabar=intrabar, level_delay=1)
    return compare(market, ours, peer.trades(market, feed="native"), habits.VECTORBT_NATIVE)


def meet_raptorbt(seed: int, intrabar: str = "adverse") -> Tally:
    peer = pytest.importorskip("tests.peers.with_raptorbt", reason="raptorbt is not installed")
    market = random_market(seed, slippage=0.003 * (seed % 2))
    draw = np.random.default_rng(seed)
    fractions = draw.choice([0.005, 0.01, 0.03, 0.06], (2, market.open.shape[1]))
    market = peer.sayable(market, *fractions)
    return compare(market, our_trades(market, intrabar=intrabar), peer.trades(market), habits.RAPTORBT)


# name: (how it is met, its habits, random markets of 50 series by default, and when slow)
PEERS: dict[str, tuple[Callable[..., Tally], tuple[Habit, ...], int, int]] = {
    "backtesting.py": (meet_backtesting, habits.BACKTESTING, 2, 60),
    "backtesting.py, waiting entries": (
        meet_backtesting_with_waiting_entries,
        habits.BACKTESTING_PENDING,
        2,
        40,
    ),
    "vectorbt": (meet_vectorbt, habits.VECTORBT_SPLIT, 2, 120),
    "vectorbt, as its users feed it": (meet_vectorbt_as_its_users_do, habits.VECTORBT_NATIVE, 2, 80),
    "raptorbt": (meet_raptorbt, habits.RAPTORBT, 2, 80),
}


def meet(name: str, seeds: range) -> Tally:
    met, _, _, _ = PEERS[name]
    total = Tally()
    for seed in seeds:
        tally = met(seed)
        total.equal += tally.equal
        total.explained += tally.explained
        total.shadowed += tally.shadowed
    print(f"{name}, {50 * len(seeds)} series: {total}")
    return total


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_trades_the_same(name: str) -> None:
    seeds = PEERS[name][2]
    total = meet(name, range(seeds))
    assert total.equal > 100 * seeds
    assert total.shadowed < MOST_SHADOWED * total.equal


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_trades_the_same_over_thousands_of_series(name: str) -> None:
    total = meet(name, range(1_000, 1_000 + PEERS[name][3]))
    assert total.shadowed < MOST_SHADOWED * total.equal
    assert set(total.explained) == {habit.name for habit in PEERS[name][1]}  # a habit that nobody has is no excuse


@pytest.mark.slow
def test_vectorbts_engines_trade_the_same() -> None:
    for seed in range(6):
        assert str(meet_vectorbt(seed, engine="numba")) == str(meet_vectorbt(seed))


@pytest.mark.parametrize("name", PEERS)
def test_what_has_no_name_fails(name: str) -> None:
    """Take the target first in bars that touch both levels, which no peer does."""
    met = PEERS[name][0]
    with pytest.raises(AssertionError, match="ours .*take(.|\n)*theirs .*stop"):
        _ = [met(seed, intrabar="favourable") for seed in range(4)]
