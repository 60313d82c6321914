"""What goes into the trade loop and what comes out: arrays only, named, in one layout.

Rows are bars sorted by (time, symbol); `starts[t] : starts[t + 1]` are the rows of bar time t, symbols ascending.
Minutes are counted from 1970.
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
REASONS: Final = (
    "signal",
    "reverse",
    "rebalance",
    "stop",
    "trail",
    "take",
    "liquidation",
    "time",
    "end_of_data",
    "ruin",
)
REFUSALS: Final = (
    "conflict",
    "gap",
    "reentry",
    "no_short",
    "slots",
    "no_stop",
    "stop_side",
    "cash",
    "volume",
    "min_qty",
    "min_notional",
    "expired",
    "cancelled",
    "replaced",
    "pyramiding",
)


def conflicting(flags: Any) -> Any:
    """Say whether the entries of a signal contradict the rest of it; of one row's flags, or of many."""
    both, long, short = ENTER_LONG | ENTER_SHORT, ENTER_LONG | EXIT_LONG, ENTER_SHORT | EXIT_SHORT
    return (flags & both == both) | (flags & long == long) | (flags & short == short)


class Rows(NamedTuple):
    """How rows of bars hang together; -1 where there is no such row."""

    starts: Array  # int64, one more than there are bar times
    before: Array  # int32 per row: the symbol's previous row
    after: Array  # int32 per row: the symbol's next row
    number: Array  # int32 per row: number of the symbol's own bar, from 0
    last: Array  # int64 per symbol: its last row
    shortest: Array  # int64 per symbol: the smallest distance of two of its bars in microseconds; huge if it has one


class Bars(NamedTuple):
    """Bars of all symbols, one account."""

    starts: Array  # int64, one more than there are bar times
    day: Array  # int32 per bar time: number of the UTC day in which the bar closes, from 0
    symbol: Array  # int32 per row
    open: Array  # float64 per row, likewise high, low, close
    high: Array
    low: Array
    close: Array
    volume: Array  # float64 per row, or length 0 where it bounds nothing
    before: Array  # int32 per row: the symbol's previous row, -1 before its first
    number: Array  # int32 per row: number of the symbol's own bar, from 0
    after_gap: Array  # bool per row: a recorded gap lies between the symbol's previous bar and this one
    gap_inside: Array  # bool per row: a recorded gap lies inside this bar
    last: Array  # int64 per symbol: its last row


class Signals(NamedTuple):
    """What is known at the close of bars.

    A changed target stands in the flags, too: as an entry to its side, or, if it is 0, as an exit of both.
    """

    flags: Array  # uint8 per row: sum of ENTER_LONG … EXIT_SHORT
    orders: Array  # ORDER, by (time, not conflict, score descending, symbol)


class Funding(NamedTuple):
    """Settlements by bar time; of one bar time those at or before its open by (minute, row), then the others by row."""

    row: Array  # int64: of the bar it falls in, or of the next one where it falls into a hole
    minute: Array  # int32
    inside: Array  # bool: after the bar's open
    mark: Array  # float64
    rate: Array  # float64


class Detail(NamedTuple):
    """1-minute candles, sorted by (symbol, minute); all of length 0 where there is no drilling."""

    first: Array  # int64 per bar: its first candle; one more than its last is `end`
    end: Array
    minute: Array  # int32
    open: Array  # float64
    high: Array
    low: Array


class Changes(NamedTuple):
    """Instruments that come into force later, sorted by (time, symbol)."""

    time: Array  # int64: number of the first bar time at which it is in force
    symbol: Array  # int64
    instrument: Array  # INSTRUMENT


class Rules(NamedTuple):
    """Account, costs and execution as numbers; NaN or 0 where a field is not set."""

    cash: float
    sizing: int
    size: float
    leverage: float
    max_positions: int
    cross: bool
    mmr: float
    slippage: float
    slippage_ticks: float
    favourable: bool
    stop: float
    take: float
    trail: float
    take_limit: bool
    max_bars: int
    pyramiding: int
    targets: bool  # the signals give targets, not entries and exits
    band: float
    volume_share: float
    level_delay: int
    close_at_end: bool
    high: float  # quote; highest equity so far, where the account began earlier
    keep_equity: bool  # else only the days are worked out


class Inputs(NamedTuple):
    """All that the loop is given, in its order."""

    bars: Bars
    signals: Signals
    instruments: Array  # INSTRUMENT per symbol
    changes: Changes
    funding: Funding
    detail: Detail
    rules: Rules


class Outcome(NamedTuple):
    """What happened."""

    fills: Array  # FILL
    rejections: Array  # REJECTION
    payments: Array  # PAYMENT
    equity: Array  # float64, (bar times, 4): equity, cash, gross, net; empty where it is not kept
    days: Array  # DAY
    ruined: bool
    ambiguous: int


FILL: Final = np.dtype(
    [
        ("time", np.int32),  # number of the bar time
        ("symbol", np.int32),
        ("bar", np.int32),  # number of the symbol's own bar
        ("trade", np.int32),
        ("minute", np.int32),  # -1 = the bar was not drilled
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
        ("max_leverage", np.float64),  # infinite where unknown
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

ORDER: Final = np.dtype(  # an entry signal, or a target, that acts at the open of its symbol's next bar
    [
        ("time", np.int32),  # number of the bar time at whose open it acts
        ("row", np.int32),  # that acts: of that bar
        ("symbol", np.int32),
        ("side", np.int64),  # +1 long, -1 short
        ("conflict", np.bool_),
        ("changed", np.bool_),  # the target is another than the symbol's one before
        ("entry_bars", np.int32),
        ("max_bars", np.int32),  # 0 = none
        ("stop_price", np.float64),  # NaN = none, likewise all below
        ("stop_distance", np.float64),
        ("take_price", np.float64),
        ("take_distance", np.float64),
        ("trail_distance", np.float64),
        ("entry_limit", np.float64),
        ("entry_stop", np.float64),
        ("size", np.float64),  # 1 where nothing is said
        ("score", np.float64),  # 0 where nothing is said
        ("target", np.float64),
    ],
    align=True,
)

PAYMENT: Final = np.dtype(
    [
        ("funding", np.int64),  # which settlement
        ("symbol", np.int32),
        ("trade", np.int32),
        ("qty", np.float64),
        ("amount", np.float64),
    ],
    align=True,
)

DAY: Final = np.dtype(  # one per UTC day; the columns of the table days
    [
        ("equity", np.float64),
        ("high", np.float64),
        ("drawdown", np.float64),
        ("bars", np.int64),
        ("bars_in_market", np.int64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("turnover", np.float64),
        ("slipped_value", np.float64),
        ("funding", np.float64),
        ("trades", np.int64),
        ("longs", np.int64),
        ("wins", np.int64),
        ("gross_profit", np.float64),
        ("gross_loss", np.float64),
        ("pnl_squares", np.float64),
        ("best", np.float64),  # NaN = no trade, likewise worst
        ("worst", np.float64),
        ("r_trades", np.int64),
        ("r_sum", np.float64),
        ("trade_bars", np.int64),
        ("ambiguous", np.int64),
        ("liquidations", np.int64),
    ],
    align=True,
)

TRADE: Final = np.dtype(  # what the fills and payments of one trade add up to
    [
        ("direction", np.int64),
        ("first_bar", np.int64),
        ("bars", np.int64),
        ("day", np.int64),  # of the last exit
        ("entered", np.float64),
        ("exited", np.float64),
        ("price_pnl", np.float64),
        ("fees", np.float64),
        ("funding", np.float64),
        ("risk", np.float64),
        ("has_stop", np.bool_),
        ("ambiguous", np.bool_),
        ("liquidated", np.bool_),
    ],
    align=True,
)
