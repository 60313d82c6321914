"""Which signals the engine accepts: columns by name, each of one kind; what would be passed over is refused."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import polars as pl

from bt import kernel
from bt.engine.frames import KEY, NEAR, Fault, as_numbers, in_order, key_faults, refuse, require_columns, require_key
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bt.engine.grid import Grid
    from bt.engine.settings import Terms

FLAGS: Final = {
    "enter_long": kernel.ENTER_LONG,
    "enter_short": kernel.ENTER_SHORT,
    "exit_long": kernel.EXIT_LONG,
    "exit_short": kernel.EXIT_SHORT,
}
LEVELS: Final = (
    "stop_price",
    "stop_distance",
    "take_price",
    "take_distance",
    "trail_distance",
    "entry_limit",
    "entry_stop",
    "size",
    "score",
    "target",
)
COUNTS: Final = {"max_bars": 0, "entry_bars": 1}  # and what they are where nothing is said
SIGNALS: Final = (*FLAGS, *LEVELS, *COUNTS)
MOST_BARS: Final = 1_000_000_000  # the largest max_bars and entry_bars

_ABOVE_ZERO: Final = {"size", "stop_price", "take_price", "entry_limit", "entry_stop"}
_BESIDE_TARGET: Final = (*FLAGS, "entry_limit", "entry_stop", "entry_bars", "size")
_ELSEWHERE: Final = {  # what other engines call it
    theirs: ours
    for ours, names in {
        "stop_price or stop_distance": "stop stop_pct stop_loss stoploss sl sl_price sl_stop",
        "take_price or take_distance": "take take_pct take_profit takeprofit tp tp_price tp_stop",
        "trail_distance": "trail trail_stop trailing_stop tsl tsl_stop",
        "entry_limit": "limit limit_price",
        "enter_long": "enter entries long_entries buy",
        "exit_long": "exit exits long_exits sell",
        "enter_short": "short short_entries",
        "exit_short": "short_exits",
        "size": "qty quantity amount",
        "target": "target_percent weight weights",
    }.items()
    for theirs in names.split()
}


def checked_signals(signals: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """Give the signal columns on the rows of the grid's bars, null where there is no signal."""
    bars = grid.bars
    require_columns("signals", signals, KEY)
    require_key("signals", signals)
    for name in signals.columns:
        _refuse_meaningless(name, bars.columns)
    used = [name for name in SIGNALS if name in signals.columns]
    _require_one_style(used)
    wanted = as_numbers("signals", signals.select(*KEY, *used), [name for name in LEVELS if name in used])
    faults = [fault for name in used for fault in _faults(wanted, name)]
    if {"entry_limit", "entry_stop"} <= set(used):
        both = pl.col("entry_limit").is_not_null() & pl.col("entry_stop").is_not_null()
        faults.append(Fault("entry_stop", both, "and entry_limit is given too: one order has one price"))
    if _on_same_rows(wanted, bars):  # then what holds of the bars' rows holds of these
        refuse("signals", wanted, faults)
        return wanted
    if _on_same_rows(wanted, grid.by_symbol.bars):
        refuse("signals", wanted, faults)
        return bars.select(KEY).with_columns(wanted[name].gather(grid.by_symbol.places) for name in used)
    refuse("signals", wanted, [*key_faults(), *faults])
    return _on_rows_of(in_order("signals", wanted), bars)


def _on_same_rows(signals: pl.DataFrame, bars: pl.DataFrame) -> bool:
    """Say whether signals stand row by row on the bars."""
    if signals.height != bars.height or not signals["ts"].equals(bars["ts"]):
        return False
    lone = _lone(bars["symbol"])
    return (lone is not None and lone == _lone(signals["symbol"])) or signals["symbol"].equals(bars["symbol"])


def _lone(symbols: pl.Series) -> str | None:
    """Give the one value of a column that says of itself that it is sorted, None where there may be more."""
    alone = len(symbols) > 0 and symbols.flags["SORTED_ASC"] and symbols[0] == symbols[-1]
    return str(symbols[0]) if alone else None


def _on_rows_of(signals: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Give signals in order on the rows of the bars."""
    if _on_same_rows(signals, bars):
        return signals
    strange = signals.join(bars.select(KEY), on=KEY, how="anti", maintain_order="left")
    if strange.height:
        row = strange.row(0, named=True)
        raise BtError(f"signals: {row['symbol']} at {row['ts']} is not a bar", "emit signals on the rows of the bars")
    return bars.select(KEY).join(signals, on=KEY, how="left", maintain_order="left")


def require_stop_source(signals: pl.DataFrame, terms: Terms) -> None:
    """Refuse risk sizing when nothing can ever give a stop."""
    account, execution = terms.account, terms.execution
    columns = {"stop_price", "stop_distance", "trail_distance"} & set(signals.columns)
    sized_by_risk = account.sizing == "risk" and "target" not in signals.columns
    if sized_by_risk and not columns and execution.stop is None and execution.trail is None:
        raise BtError(
            "risk sizing needs a stop, and neither the signals nor the settings give one",
            "add stop_price, stop_distance or trail_distance, set a stop (--stop 2%), or size by equity (--size 10%)",
        )


def _require_one_style(used: list[str]) -> None:
    """Refuse signals without entries, and entries beside a target."""
    beside = [name for name in _BESIDE_TARGET if name in used]
    if "target" in used and beside:
        raise BtError(
            f"signals has both target and {beside[0]}: a strategy either enters and exits or holds a target",
            "drop one of them",
        )
    if not {"enter_long", "enter_short", "target"} & set(used):
        raise BtError("signals has no entries", "give a column enter_long, enter_short or target")


def _faults(signals: pl.DataFrame, name: str) -> Iterator[Fault]:
    """Refuse a signal column of another type; give what may be wrong with its values."""
    kind = signals.schema[name]
    if name in FLAGS:
        if kind not in {pl.Boolean(), pl.Null()}:
            raise BtError(f"signals: {name} must be true or false, but its type is {kind}", "write a comparison")
    elif name in COUNTS:
        if not kind.is_integer() and kind != pl.Null():
            raise BtError(f"signals: {name} must be whole numbers, but its type is {kind}", "cast it: .cast(pl.Int64)")
        yield Fault(name, (pl.col(name) < 1) | (pl.col(name) > MOST_BARS))
    else:
        wrong = ~pl.col(name).is_finite()
        yield Fault(name, wrong | (pl.col(name) <= 0) if name in _ABOVE_ZERO else wrong)


def _refuse_meaningless(name: str, known: Iterable[str]) -> None:
    """Refuse a column that looks like a signal and is none: it would be passed over in silence."""
    if name in _ELSEWHERE:
        raise BtError(f"signals: column {name!r} means nothing to the engine", f"here it is {_ELSEWHERE[name]}")
    if name in SIGNALS or name in set(known):
        return
    if _nearly_a_signal(name):
        raise BtError(f"signals: column {name!r} means nothing to the engine", hint(name.lower(), SIGNALS))


@lru_cache(maxsize=256)  # a sweep asks again and again of the same columns
def _nearly_a_signal(name: str) -> bool:
    return name.lower() in SIGNALS or bool(get_close_matches(name, SIGNALS, n=1, cutoff=NEAR))
