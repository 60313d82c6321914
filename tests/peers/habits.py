"""The habits in which peers differ from us by design: each has a name, a sentence, and the rule that recognises it.

A rule looks at bars, signals and both engines' trades, and holds only where the sentence is what happened.
"""

from __future__ import annotations

import numpy as np

from tests.peers.reconcile import Difference, Habit
from tests.peers.trades import SAME


def _stop_before_gapped_target(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other and mine.exit_bar is not None and mine.exit_bar == other.exit_bar):
        return False
    return (mine.how, mine.reason, other.how) == ("open", "take", "stop")


def _gapped_target_at_level(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other and mine.exit_bar is not None and mine.exit_bar == other.exit_bar):
        return False
    return (mine.how, mine.reason, other.how) == ("open", "take", "take")


def _gap_past_stop(found: Difference) -> bool:
    other = found.theirs
    if found.ours or not other:
        return False
    return other.side * found.level("stop", other) >= other.side * other.entry_price


def _target_in_the_bar_of_a_stop_entry(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other) or mine.entry_bar != other.entry_bar:
        return False
    by_stop = not np.isnan(found.market.said("entry_stop")[found.signal(other), 0])
    return by_stop and other.exit_bar == other.entry_bar != mine.exit_bar and other.how in {"take", "open"}


def _order_after_an_exit_at_the_open(found: Difference) -> bool:
    mine, left = found.ours, found.before
    if found.theirs or not mine or not left or left.how != "open":
        return False
    return left.exit_bar == found.signal(mine) + 1 and left.side == mine.side


def _one_order_a_row(found: Difference) -> bool:
    mine, left = found.ours, found.before
    if found.theirs or not mine or not left or left.exit_bar != mine.entry_bar or left.how != "open":
        return False
    opening = found.bar(mine.entry_bar)[0]
    return left.side * opening <= left.side * found.level("stop", left) or left.side * opening >= (
        left.side * found.level("take", left)
    )


def _level_before_signal(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other and mine.exit_bar is not None and mine.exit_bar == other.exit_bar):
        return False
    return mine.how == "open" and mine.reason in {"signal", "reverse"} and other.how in {"stop", "take"}


def _level_missed_by_a_digit(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other) or mine.entry_bar != other.entry_bar:
        return False
    opening, high, low = found.bar(min(trade.exit_bar for trade in (mine, other) if trade.exit_bar is not None))
    stop, take = found.level("stop", mine), found.level("take", mine)
    worst, best = (low, high) if mine.side > 0 else (high, low)
    near = ((stop, opening), (stop, worst), (take, opening), (take, best))
    return any(abs(price - level) <= SAME * price for level, price in near)


def _levels_from_the_next_bar(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other) or mine.entry_bar != other.entry_bar:
        return False
    return mine.exit_bar == mine.entry_bar and mine.how in {"stop", "take"} and other.exit_bar != mine.exit_bar


def _end_at_the_last_open(found: Difference) -> bool:
    mine, other = found.ours, found.theirs
    if not (mine and other) or mine.entry_bar != other.entry_bar or mine.reason != "end_of_data":
        return False
    return (other.exit_bar, other.how) == (mine.exit_bar, "open")


def _three_signals_at_once(found: Difference) -> bool:
    other = found.theirs
    if found.ours or not other:
        return False
    said = {name for name, flag in found.market.flags.items() if flag[other.entry_bar - 1, 0]}
    return {"enter_long", "enter_short"} < said


STOP_BEFORE_GAPPED_TARGET = Habit(
    name="stop_before_gapped_target",
    sentence="A bar that opens beyond the target and later trades through the stop is a stop there: the stop is always "
    "looked at first, although the open has already filled the target.",
    holds=_stop_before_gapped_target,
)
GAPPED_TARGET_AT_LEVEL = Habit(
    name="gapped_target_at_level",
    sentence="A bar that opens beyond the target fills at the target, not at the better open.",
    holds=_gapped_target_at_level,
)
GAP_PAST_STOP = Habit(
    name="gap_past_stop",
    sentence="An entry that fills beyond its own stop, as the open has gapped past it, is made and left at once; we "
    "refuse it (`stop_side`).",
    holds=_gap_past_stop,
)
TARGET_IN_THE_BAR_OF_A_STOP_ENTRY = Habit(
    name="target_in_the_bar_of_a_stop_entry",
    sentence="A stop entry may reach its target in the bar that fills it, unless its stop is touched there too; ours "
    "waits for the next bar.",
    holds=_target_in_the_bar_of_a_stop_entry,
)
ORDER_AFTER_AN_EXIT_AT_THE_OPEN = Habit(
    name="order_after_an_exit_at_the_open",
    sentence="A waiting entry that is signalled at the last close of a position which the next open stops out is never "
    "given, as the strategy still holds it; our order waits from the bar after that open on.",
    holds=_order_after_an_exit_at_the_open,
)
ONE_ORDER_A_ROW = Habit(
    name="one_order_a_row",
    sentence="Each row has one order: where the open has passed a level and the signal reverses there, the level takes "
    "the order, and the reversal's entry is lost.",
    holds=_one_order_a_row,
)
LEVEL_BEFORE_SIGNAL = Habit(
    name="level_before_signal",
    sentence="A level that is touched inside a bar comes before the signal that leaves at that bar's open, although "
    "nothing is held any more by then.",
    holds=_level_before_signal,
)
LEVEL_MISSED_BY_A_DIGIT = Habit(
    name="level_missed_by_a_digit",
    sentence="Levels are worked out as fill × (1 ± fraction), so that a bar that just touches one may miss it by the "
    "last digit, or the other way round.",
    holds=_level_missed_by_a_digit,
)
LEVELS_FROM_THE_NEXT_BAR = Habit(
    name="levels_from_the_next_bar",
    sentence="Stop and target are not looked at in the entry bar; our `Execution(level_delay=1)` does the same.",
    holds=_levels_from_the_next_bar,
)
END_AT_THE_LAST_OPEN = Habit(
    name="end_at_the_last_open",
    sentence="What is open at the end is closed at the last bar's open, which has long been, not at its close.",
    holds=_end_at_the_last_open,
)
THREE_SIGNALS_AT_ONCE = Habit(
    name="three_signals_at_once",
    sentence="Of long entry, short entry and an exit on one bar the exit cancels one entry and the other one is made; "
    "we make none (`conflict`).",
    holds=_three_signals_at_once,
)

BACKTESTING = (STOP_BEFORE_GAPPED_TARGET, GAP_PAST_STOP)
BACKTESTING_PENDING = (*BACKTESTING, TARGET_IN_THE_BAR_OF_A_STOP_ENTRY, ORDER_AFTER_AN_EXIT_AT_THE_OPEN)
VECTORBT_SPLIT = (ONE_ORDER_A_ROW, LEVEL_MISSED_BY_A_DIGIT, THREE_SIGNALS_AT_ONCE)
VECTORBT_NATIVE = (STOP_BEFORE_GAPPED_TARGET, LEVEL_BEFORE_SIGNAL, *VECTORBT_SPLIT)
RAPTORBT = (STOP_BEFORE_GAPPED_TARGET, GAPPED_TARGET_AT_LEVEL, LEVEL_MISSED_BY_A_DIGIT)
