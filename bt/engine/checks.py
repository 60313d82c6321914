"""What the engine accepts: every frame is checked before anything runs; a refusal names row, symbol and column."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt import kernel
from bt.engine.settings import FEES, Account, Costs, Execution
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Iterable

PRICES: Final = ("open", "high", "low", "close")
FLAGS: Final = {
    "enter_long": kernel.ENTER_LONG,
    "enter_short": kernel.ENTER_SHORT,
    "exit_long": kernel.EXIT_LONG,
    "exit_short": kernel.EXIT_SHORT,
}
LEVELS: Final = ("stop_price", "stop_distance", "take_price", "take_distance", "trail_distance", "size", "score")
SIGNALS: Final = (*FLAGS, *LEVELS, "max_bars")
STEPS: Final = ("tick_size", "qty_step")
LEAST: Final = ("min_qty", "min_notional")
MOST_BARS: Final = 1_000_000_000  # the largest max_bars

_KEY: Final = ["symbol", "ts"]
_NEAR: Final = 0.85  # likeness from which a column's name counts as a misspelt one
_NOT_YET: Final = ("target", "entry_limit", "entry_stop", "entry_bars")
_ELSEWHERE: Final = {  # what other engines call it
    "stop_loss": "stop_price or stop_distance",
    "take_profit": "take_price or take_distance",
    "trailing_stop": "trail_distance",
}
_EARLIEST, _LATEST = datetime(1970, 1, 1), datetime(2262, 1, 1)
_RULES: Final = ("symbol", "category", *STEPS, *LEAST)
_OTHER_RULES: Final = ("quote", "base", "exchange", "as_of", "max_leverage", "launch_ts")  # known, and not needed here


def check_settings(account: Account, costs: Costs, execution: Execution) -> None:
    """Refuse settings of another kind."""
    for name, given, kind in (
        ("account", account, Account),
        ("costs", costs, Costs),
        ("execution", execution, Execution),
    ):
        if not isinstance(given, kind):
            raise BtError(f"{name} must be a bt.{kind.__name__}, not {type(given).__name__}", f"bt.{kind.__name__}(…)")


def checked_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Give the bars sorted by (ts, symbol), refusing missing columns, wrong types, bad prices and repeated rows."""
    _frame("bars", bars, [*_KEY, *PRICES, "volume"])
    if bars.is_empty():
        raise BtError("bars has no rows", "widen the span or import candles")
    _key("bars", bars)
    numbers = _as_numbers("bars", bars, (*PRICES, "volume"))
    for name in (*PRICES, "volume"):
        impossible = ~pl.col(name).is_finite() | pl.col(name).is_null()
        _refuse("bars", numbers, name, impossible | ((pl.col(name) <= 0) if name != "volume" else (pl.col(name) < 0)))
    _refuse(
        "bars", numbers, "high", pl.col("high") < pl.max_horizontal("open", "low", "close"), "below open, low or close"
    )
    _refuse("bars", numbers, "low", pl.col("low") > pl.min_horizontal("open", "close"), "above open or close")
    _in_order("bars", numbers)
    return numbers.sort("ts", "symbol")


def checked_signals(signals: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Give the signal columns on the rows of `bars` (sorted), null where there is no signal."""
    _frame("signals", signals, _KEY)
    _key("signals", signals)
    for name in signals.columns:
        _refuse_meaningless(name, bars.columns)
    used = [name for name in SIGNALS if name in signals.columns]
    if not {"enter_long", "enter_short"} & set(used):
        raise BtError("signals has no entries", "give a column enter_long or enter_short")
    wanted = _as_numbers("signals", signals.select(*_KEY, *used), [name for name in LEVELS if name in used])
    for name in used:
        _check_signal(wanted, name)
    _in_order("signals", wanted)
    ordered = wanted.sort("ts", "symbol")
    if ordered.height == bars.height and ordered.select(_KEY).equals(bars.select(_KEY)):
        return ordered
    strange = ordered.join(bars.select(_KEY), on=_KEY, how="anti", maintain_order="left")
    if strange.height:
        row = strange.row(0, named=True)
        raise BtError(f"signals: {row['symbol']} at {row['ts']} is not a bar", "emit signals on the rows of the bars")
    return bars.select(_KEY).join(ordered, on=_KEY, how="left", maintain_order="left")


def checked_gaps(gaps: pl.DataFrame | None) -> pl.DataFrame:
    """Give the gaps sorted by symbol and first minute; None is no gap."""
    if gaps is None:
        return pl.DataFrame(schema={"symbol": pl.String, "first": pl.Datetime("us"), "last": pl.Datetime("us")})
    _frame("gaps", gaps, ["symbol", "first", "last"])
    _text_symbols("gaps", gaps)
    for name in ("first", "last"):
        _plain_times("gaps", gaps, name)
    for name in ("symbol", "first", "last"):
        _refuse("gaps", gaps, name, pl.col(name).is_null(), shown=["symbol", "first"])
    return gaps.select("symbol", "first", "last").sort("symbol", "first", "last")


def checked_instruments(instruments: pl.DataFrame | None) -> dict[str, dict[str, Any]]:
    """Give the rules by symbol; None is no rule."""
    if instruments is None:
        return {}
    _frame("instruments", instruments, ["symbol"])
    _text_symbols("instruments", instruments)
    for name in instruments.columns:
        near = get_close_matches(name, _RULES, n=1, cutoff=_NEAR)
        if name not in (*_RULES, *_OTHER_RULES) and near:
            raise BtError(f"instruments: column {name!r} means nothing to the engine", f"did you mean {near[0]!r}?")
    _refuse("instruments", instruments, "symbol", pl.col("symbol").is_duplicated(), "there twice", shown=["symbol"])
    rules = _as_numbers("instruments", instruments, [name for name in (*STEPS, *LEAST) if name in instruments.columns])
    for name in STEPS:
        if name in rules.columns:
            wrong = (pl.col(name) < 1e-12) | (pl.col(name) > 1e12)  # noqa: PLR2004 - beyond, a step is a slip
            _refuse("instruments", rules, name, wrong, "no step", shown=["symbol"])
    for name in LEAST:
        if name in rules.columns:
            wrong = (pl.col(name) < 0) | pl.col(name).is_infinite()
            _refuse("instruments", rules, name, wrong, "no least amount", shown=["symbol"])
    for row in rules.to_dicts():
        if (row.get("category") or "linear") not in FEES:
            raise BtError(
                f"instruments: {row['symbol']} is {row['category']}: such contracts are not traded yet",
                "use linear or spot symbols",
            )
    return {row["symbol"]: row for row in rules.fill_nan(None).to_dicts()}


def require_stop_source(signals: pl.DataFrame, account: Account, execution: Execution) -> None:
    """Refuse risk sizing when nothing can ever give a stop."""
    columns = {"stop_price", "stop_distance", "trail_distance"} & set(signals.columns)
    if account.sizing == "risk" and not columns and execution.stop is None and execution.trail is None:
        raise BtError(
            "risk sizing needs a stop, and neither the signals nor the settings give one",
            "add stop_price, stop_distance or trail_distance, set a stop (--stop 2%), or size by equity (--size 10%)",
        )


def _check_signal(signals: pl.DataFrame, name: str) -> None:
    kind = signals.schema[name]
    if name in FLAGS:
        if kind not in {pl.Boolean(), pl.Null()}:
            raise BtError(f"signals: {name} must be true or false, but its type is {kind}", "write a comparison")
    elif name == "max_bars":
        if not kind.is_integer() and kind != pl.Null():
            raise BtError(
                f"signals: max_bars must be whole numbers, but its type is {kind}", "cast it: .cast(pl.Int64)"
            )
        _refuse("signals", signals, name, (pl.col(name) < 1) | (pl.col(name) > MOST_BARS))
    else:
        wrong = ~pl.col(name).is_finite()
        if name in {"size", "stop_price", "take_price"}:
            wrong |= pl.col(name) <= 0
        _refuse("signals", signals, name, wrong)


def _refuse_meaningless(name: str, known: Iterable[str]) -> None:
    """Refuse a column that looks like a signal and is none: it would be passed over in silence."""
    if name in _NOT_YET:
        raise BtError(
            f"signals: column {name!r} is not offered yet", "use market entries, or call the column another name"
        )
    if name in _ELSEWHERE:
        raise BtError(f"signals: column {name!r} means nothing to the engine", f"here it is {_ELSEWHERE[name]}")
    if name in SIGNALS or name in set(known):
        return
    if name.lower() in SIGNALS or get_close_matches(name, SIGNALS, n=1, cutoff=_NEAR):
        raise BtError(f"signals: column {name!r} means nothing to the engine", hint(name.lower(), SIGNALS))


def _refuse(
    frame_name: str, frame: pl.DataFrame, column: str, wrong: pl.Expr, why: str = "", *, shown: list[str] = _KEY
) -> None:
    """Refuse the first row where `wrong` holds, naming row, symbol, time and value."""
    found = frame.lazy().with_row_index("row").filter(wrong).head(1)
    bad = found.with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S")).collect()
    if bad.height:
        row = bad.row(0, named=True)
        where = " ".join(str(row[name]) for name in shown)
        reason = f", {why}" if why else ""
        raise BtError(
            f"{frame_name} row {row['row']} ({where}): {column} is {row[column]}{reason}", "correct or drop the row"
        )


def _in_order(name: str, frame: pl.DataFrame) -> None:
    """Refuse times that do not rise strictly within each symbol."""
    late = pl.col("ts") <= pl.col("ts").shift(1).over("symbol")
    bad = frame.lazy().with_row_index("row").filter(late).select("row", *_KEY).head(1).collect()
    if bad.height:
        row, symbol, ts = bad.row(0)
        raise BtError(
            f"{name} row {row} ({symbol} {ts}) repeats or goes back in time", "sort by symbol and ts, drop duplicates"
        )


def _frame(name: str, frame: Any, needed: Iterable[str]) -> None:
    if not isinstance(frame, pl.DataFrame):
        raise BtError(f"{name} must be a Polars DataFrame, not {type(frame).__name__}", "a LazyFrame wants .collect()")
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise BtError(f"{name} lacks the column {missing[0]!r}", f"it has: {', '.join(frame.columns) or 'none'}")


def _key(name: str, frame: pl.DataFrame) -> None:
    _text_symbols(name, frame)
    _plain_times(name, frame, "ts")
    for column in _KEY:
        _refuse(name, frame, column, pl.col(column).is_null())
    _refuse(
        name, frame, "ts", ~pl.col("ts").is_between(_EARLIEST, _LATEST), "no time of a market: were the units mixed up?"
    )


def _text_symbols(name: str, frame: pl.DataFrame) -> None:
    if frame.schema["symbol"] != pl.String():
        raise BtError(
            f"{name}: symbol must be text, but its type is {frame.schema['symbol']}", "cast it: .cast(pl.String)"
        )


def _plain_times(name: str, frame: pl.DataFrame, column: str) -> None:
    if frame.schema[column] != pl.Datetime("us"):
        raise BtError(
            f"{name}: {column} must be Datetime('us') without a zone, but its type is {frame.schema[column]}",
            "cast it: .dt.convert_time_zone('UTC').dt.replace_time_zone(None).dt.cast_time_unit('us')",
        )


def _as_numbers(name: str, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Give the columns as Float64; what is not a number is refused."""
    wanted = list(columns)
    for column in wanted:
        kind = frame.schema[column]
        if not kind.is_numeric() and kind != pl.Null():
            symbols = f" ({', '.join(frame['symbol'].unique().sort().head(3))})" if name == "instruments" else ""
            raise BtError(
                f"{name}{symbols}: {column} must be a number, but its type is {kind}", "cast it: .cast(pl.Float64)"
            )
    return frame.with_columns(pl.col(wanted).cast(pl.Float64))
