"""What goes into the trade loop and what comes out: arrays only, named, in one layout.

Rows are bars sorted by (time, symbol); `starts[t] : starts[t + 1]` are the rows of bar time t, symbols ascending.
An optional column that nobody uses has length 0 and reads as NaN (levels), 1 (size) or 0 (score, max_bars).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

ENTER_LONG: Final = 1
ENTER_SHORT: Final = 2
EXIT_LONG: Final = 4
EXIT_SHORT: Final = 8

SIZINGS: Final = ("risk", "equity", "notional", "quantity")
KINDS: Final = ("market", "stop", "limit")
REASONS: Final = ("signal", "reverse", "stop", "trail", "take", "time", "end_of_data", "ruin")
REFUSALS: Final = (
    "conflict",
    "gap",
    "reentry",
    "no_short",
    "slots",
    "no_stop",
    "stop_side",
    "cash",
    "min_qty",
    "min_notional",
)


class Bars(NamedTuple):
    """Bars of all symbols, one account."""

    starts: Array  # int64, one more than there are bar times
    day: Array  # int32 per bar time: number of the UTC day in which the bar closes, from 0
    symbol: Array  # int32 per row
    open: Array  # float64 per row, likewise high, low, close
    high: Array
    low: Array
    close: Array
    after_gap: Array  # bool per row: a recorded gap lies between the symbol's previous bar and this one
    gap_inside: Array  # bool per row: a recorded gap lies inside this bar
    last: Array  # int64 per symbol: its last row


class Signals(NamedTuple):
    """Signals known at the close of the row's bar."""

    flags: Array  # uint8 per row: sum of ENTER_LONG … EXIT_SHORT
    stop_price: Array  # float64 per row or length 0, likewise all below
    stop_distance: Array
    take_price: Array
    take_distance: Array
    trail_distance: Array
    size: Array
    score: Array
    max_bars: Array  # int64 per row or length 0; 0 = none


class Rules(NamedTuple):
    """Account, costs and execution as numbers; NaN or 0 where a field is not set."""

    cash: float
    sizing: int
    size: float
    leverage: float
    max_positions: int
    slippage: float
    slippage_ticks: float
    favourable: bool
    stop: float
    take: float
    trail: float
    take_limit: bool
    max_bars: int
    close_at_end: bool


class Outcome(NamedTuple):
    """What happened."""

    fills: Array  # FILL
    rejections: Array  # REJECTION
    equity: Array  # float64, (bar times, 4): equity, cash, gross, net
    days: Array  # float64, (days, 5): equity, high, drawdown, bars, bars in market
    ruined: bool
    ambiguous: int


FILL: Final = np.dtype(
    [
        ("time", np.int32),  # number of the bar time
        ("symbol", np.int32),
        ("bar", np.int32),  # number of the symbol's own bar
        ("trade", np.int32),
        ("side", np.int8),  # +1 buy, -1 sell
        ("kind", np.int8),
        ("reason", np.int8),
        ("opens", np.bool_),
        ("ambiguous", np.bool_),
        ("gap_overlap", np.bool_),
        ("qty", np.float64),
        ("price", np.float64),
        ("reference", np.float64),
        ("fee", np.float64),
        ("slippage", np.float64),
        ("stop", np.float64),
        ("worst", np.float64),
        ("best", np.float64),
    ],
    align=True,
)

INSTRUMENT: Final = np.dtype(  # one per symbol; a decimal step is p / q with q a power of ten, q = 0 where unknown
    [
        ("spot", np.bool_),
        ("tick_p", np.float64),
        ("tick_q", np.float64),
        ("step_p", np.float64),
        ("step_q", np.float64),
        ("min_qty", np.float64),  # 0 where unknown
        ("min_notional", np.float64),
        ("taker", np.float64),  # fraction
        ("maker", np.float64),
    ],
    align=True,
)

REJECTION: Final = np.dtype(
    [
        ("time", np.int32),
        ("symbol", np.int32),
        ("side", np.int8),
        ("reason", np.int8),
        ("wanted", np.float64),
        ("granted", np.float64),
    ],
    align=True,
)
