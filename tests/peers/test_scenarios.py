"""The scenarios on which engines disagree, and what each peer makes of them, measured.

Hourly bars, numbered from 0; the long signal is known at the close of bar 2, the entry fills at 100 at the open of
bar 3, the stop is 95, the target 110. Peers get them as their users would give them: vectorbt one row a bar, with
signals moved to the next one. Scenario J (liquidation) is missing: none of them has it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import pytest

from tests.peers import habits
from tests.peers.markets import FLAGS, Market
from tests.peers.reconcile import Habit, compare
from tests.peers.trades import our_trades

pytestmark = pytest.mark.long

Ohlc: TypeAlias = tuple[float, float, float, float]
Exit: TypeAlias = tuple[int, float]  # bar, price

FLAT: Ohlc = (100.0, 101.0, 99.0, 100.0)
END: Ohlc = (100.0, 103.0, 99.0, 102.0)
BOTH: Ohlc = (100.0, 112.0, 94.0, 101.0)
HELD: Exit = (5, 102.0)  # to the last close

# name: bars 3 and 4, our exit, and the peers that differ: their exit, and the habit it comes from
SCENARIOS: dict[str, tuple[list[Ohlc], Exit, dict[str, tuple[Exit, Habit]]]] = {
    "A both levels in one bar": ([FLAT, BOTH], (4, 95), {}),
    "B gap through the stop, trades back": ([FLAT, (90, 97, 88, 92)], (4, 90), {}),
    "B gap through the stop, on to the target": ([FLAT, (90, 115, 88, 92)], (4, 90), {}),
    "C gap through the target": (
        [FLAT, (115, 118, 112, 116)],
        (4, 115),
        {"raptorbt": ((4, 110), habits.GAPPED_TARGET_AT_LEVEL)},
    ),
    "C gap through the target, on to the stop": (
        [FLAT, (115, 118, 80, 116)],
        (4, 115),
        {
            "backtesting": ((4, 95), habits.STOP_BEFORE_GAPPED_TARGET),
            "vectorbt": ((4, 95), habits.STOP_BEFORE_GAPPED_TARGET),
            "raptorbt": ((4, 95), habits.STOP_BEFORE_GAPPED_TARGET),
        },
    ),
    "D stop in the entry bar": (
        [(100, 101, 94, 99), FLAT],
        (3, 95),
        {"vectorbt": (HELD, habits.LEVELS_FROM_THE_NEXT_BAR)},
    ),
    "D target in the entry bar": (
        [(100, 111, 99, 99), FLAT],
        (3, 110),
        {"vectorbt": (HELD, habits.LEVELS_FROM_THE_NEXT_BAR)},
    ),
    "E both in the entry bar": ([BOTH, FLAT], (3, 95), {"vectorbt": (HELD, habits.LEVELS_FROM_THE_NEXT_BAR)}),
    "F low equal to the stop": ([FLAT, (100, 101, 95, 99)], (4, 95), {}),
    "F open equal to the stop": ([FLAT, (95, 101, 94, 99)], (4, 95), {}),
    "G high equal to the target": (
        [FLAT, (100, 110, 99, 99)],
        (4, 110),
        {
            "vectorbt": (HELD, habits.LEVEL_MISSED_BY_A_DIGIT),
            "raptorbt": (HELD, habits.LEVEL_MISSED_BY_A_DIGIT),
        },
    ),
    "G open equal to the target": ([FLAT, (110, 112, 99, 99)], (4, 110), {}),
    "H never touched": ([FLAT, FLAT], HELD, {"backtesting": ((5, 100), habits.END_AT_THE_LAST_OPEN)}),
    "I exit signal before the stop": (
        [FLAT, (97, 98, 94, 95)],
        (4, 97),
        {"vectorbt": ((4, 95), habits.LEVEL_BEFORE_SIGNAL)},
    ),
    "I exit signal at an open beyond the stop": ([FLAT, (90, 98, 88, 95)], (4, 90), {}),
    "I exit signal at an open beyond the target": (
        [FLAT, (115, 118, 88, 95)],
        (4, 115),
        {"vectorbt": ((4, 95), habits.LEVEL_BEFORE_SIGNAL)},
    ),
}
PEERS: dict[str, dict[str, Any]] = {"backtesting": {}, "vectorbt": {"feed": "native"}, "raptorbt": {}}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, peer: str) -> None:
    module: ModuleType = pytest.importorskip(f"tests.peers.with_{peer}", reason=f"{peer} is not installed")
    bars, expected, differing = SCENARIOS[name]
    market = staged(bars, leaving=name.startswith("I "))
    ours, theirs = our_trades(market, close_at_end=True), module.trades(market, finish=True, **PEERS[peer])
    their_exit, habit = differing.get(peer, (expected, None))
    assert [(trade.exit_bar, trade.exit_price) for trade in ours[0]] == [expected]
    assert [(trade.exit_bar, pytest.approx(trade.exit_price, rel=1e-12)) for trade in theirs[0]] == [their_exit]
    tally = compare(market, ours, theirs, [habit] if habit else [])
    assert (tally.equal, dict(tally.explained)) == ((0, {habit.name: 1}) if habit else (1, {}))


def staged(bars: list[Ohlc], *, leaving: bool) -> Market:
    """Make the market of a scenario."""
    prices = np.array([FLAT, FLAT, FLAT, *bars, END])[:, :, None]
    flags = {name: np.zeros(prices[:, 0].shape, np.bool_) for name in FLAGS}
    flags["enter_long"][2] = True
    flags["exit_long"][3] = leaving
    distances = {"stop_distance": 5.0, "take_distance": 10.0}
    return Market(
        open=prices[:, 0],
        high=prices[:, 1],
        low=prices[:, 2],
        close=prices[:, 3],
        flags=flags,
        levels={name: np.full(prices[:, 0].shape, away) for name, away in distances.items()},
    )
