"""What the engine accepts: frames are checked here, before anything runs, and become the kernel's arrays."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from bt import kernel
from bt.engine.settings import FEES, Account, Costs, Execution
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

PRICES: Final = ("open", "high", "low", "close")
FLAGS: Final = {
    "enter_long": kernel.ENTER_LONG,
    "enter_short": kernel.ENTER_SHORT,
    "exit_long": kernel.EXIT_LONG,
    "exit_short": kernel.EXIT_SHORT,
}
LEVELS: Final = ("stop_price", "stop_distance", "take_price", "take_distance", "trail_distance", "size", "score")
SIGNALS: Final = (*FLAGS, *LEVELS, "max_bars")
_KEY: Final = ["symbol", "ts"]
_NEAR: Final = 0.85  # likeness from which a column's name counts as a misspelt signal


def checked_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Give the bars sorted by (ts, symbol), refusing missing columns, wrong types, bad prices and repeated rows."""
    _frame("bars", bars)
    _columns("bars", bars, [*_KEY, *PRICES, "volume"])
    if bars.is_empty():
        raise BtError("bars has no rows", "widen the span or import candles")
    _key_types("bars", bars)
    for name in (*PRICES, "volume"):
        _numeric("bars", bars, name)
        impossible = ~pl.col(name).is_finite() | pl.col(name).is_null()
        _refuse("bars", bars, name, impossible | ((pl.col(name) <= 0) if name != "volume" else (pl.col(name) < 0)))
    _refuse("bars", bars, "high", pl.col("high") < pl.max_horizontal("open", "low", "close"))
    _refuse("bars", bars, "low", pl.col("low") > pl.min_horizontal("open", "close"))
    _in_order("bars", bars)
    return bars.sort("ts", "symbol")


def checked_signals(signals: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Give the signal columns on the rows of `bars` (sorted), null where there is no signal."""
    _frame("signals", signals)
    _columns("signals", signals, _KEY)
    _key_types("signals", signals)
    for name in signals.columns:
        if name not in SIGNALS and name not in {*bars.columns, "stop", "take", "trail"}:
            _refuse_misspelt(name)
    used = [name for name in SIGNALS if name in signals.columns]
    if not {"enter_long", "enter_short"} & set(used):
        raise BtError("signals has no entries", "give a column enter_long or enter_short")
    for name in used:
        _check_signal(signals, name)
    _in_order("signals", signals)
    wanted = signals.select(*_KEY, *used)
    ordered = wanted.sort("ts", "symbol")
    if ordered.height == bars.height and ordered.select(_KEY).equals(bars.select(_KEY)):
        return ordered
    strange = ordered.join(bars.select(_KEY), on=_KEY, how="anti", maintain_order="left")
    if strange.height:
        row = strange.row(0, named=True)
        raise BtError(f"signals: {row['symbol']} at {row['ts']} is not a bar", "emit signals on the rows of the bars")
    return bars.select(_KEY).join(ordered, on=_KEY, how="left", maintain_order="left")


def bar_arrays(bars: pl.DataFrame, gaps: pl.DataFrame | None) -> kernel.Bars:
    """Lay checked bars out for the loop."""
    symbols = bars["symbol"].unique().sort()
    number = bars["symbol"].cast(pl.Enum(symbols)).to_physical().cast(pl.Int32).to_numpy()
    ts = bars["ts"].dt.timestamp("us").to_numpy()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ts)) + 1, [len(ts)])).astype(np.int64)
    length = step(bars)
    days = (bars["ts"].gather(starts[:-1]) + (length - timedelta(minutes=1))).dt.date().to_physical().to_numpy()
    last = np.zeros(len(symbols), np.int64)
    last[number] = np.arange(len(ts))  # the last assignment of a symbol stays
    return kernel.Bars(
        starts=starts,
        day=(days - days[0]).astype(np.int32),
        symbol=_own(number, np.int32),
        **{name: _floats(bars[name]) for name in PRICES},
        after_gap=_after_gap(bars, gaps, length),
        last=last,
    )


def signal_arrays(signals: pl.DataFrame) -> kernel.Signals:
    """Lay checked signals out for the loop."""
    flags = np.zeros(signals.height, np.uint8)
    for name, bit in FLAGS.items():
        if name in signals.columns:
            flags |= signals[name].fill_null(value=False).cast(pl.UInt8).to_numpy() * np.uint8(bit)
    levels = {name: _floats(signals[name]) if name in signals.columns else np.empty(0) for name in LEVELS}
    ages = signals["max_bars"].fill_null(0).cast(pl.Int64).to_numpy() if "max_bars" in signals.columns else None
    return kernel.Signals(
        flags=flags, **levels, max_bars=np.empty(0, np.int64) if ages is None else _own(ages, np.int64)
    )


def instrument_arrays(symbols: Iterable[str], instruments: pl.DataFrame | None, costs: Costs) -> kernel.Array:
    """Lay the rules and fees of the symbols out for the loop; what is unknown binds nobody."""
    known: dict[str, dict[str, Any]] = {}
    if instruments is not None:
        _frame("instruments", instruments)
        _columns("instruments", instruments, ["symbol"])
        known = {row["symbol"]: row for row in instruments.to_dicts()}
    rows = [known.get(symbol, {}) for symbol in symbols]
    categories = [row.get("category") or "linear" for row in rows]
    for symbol, category in zip(symbols, categories, strict=True):
        if category not in FEES:
            raise BtError(
                f"{symbol} is {category}: runs on such contracts are not built yet", "use linear or spot symbols"
            )
    rules = np.zeros(len(rows), kernel.INSTRUMENT)
    for place, (row, category) in enumerate(zip(rows, categories, strict=True)):
        rules[place] = (
            category == "spot",
            *_decimal(row.get("tick_size")),
            *_decimal(row.get("qty_step")),
            row.get("min_qty") or 0.0,
            row.get("min_notional") or 0.0,
            *costs.rates(category),
        )
    return rules


def rule_values(account: Account, costs: Costs, execution: Execution) -> kernel.Rules:
    """Turn the settings into the loop's numbers."""
    nan = float("nan")
    return kernel.Rules(
        cash=float(account.cash),
        sizing=kernel.SIZINGS.index(account.sizing),
        size=float(account.size),
        leverage=float(account.leverage),
        max_positions=account.max_positions or 0,
        slippage=float(costs.slippage),
        slippage_ticks=float(costs.slippage_ticks),
        favourable=execution.intrabar == "favourable",
        stop=nan if execution.stop is None else float(execution.stop),
        take=nan if execution.take is None else float(execution.take),
        trail=nan if execution.trail is None else float(execution.trail),
        take_limit=execution.take_fill == "limit",
        max_bars=execution.max_bars or 0,
        close_at_end=execution.close_at_end,
    )


def require_stop_source(signals: pl.DataFrame, account: Account, execution: Execution) -> None:
    """Refuse risk sizing when nothing can ever give a stop."""
    columns = {"stop_price", "stop_distance", "trail_distance"} & set(signals.columns)
    if account.sizing == "risk" and not columns and execution.stop is None and execution.trail is None:
        raise BtError(
            "risk sizing needs a stop, and neither the signals nor the settings give one",
            "add stop_price, stop_distance or trail_distance, set a stop (--stop 2%), or size by equity (--size 10%)",
        )


def closing_day(bars: pl.DataFrame) -> date:
    """Give the UTC day in which the first bar closes."""
    first: datetime = bars["ts"][0]
    return (first + step(bars) - timedelta(minutes=1)).date()


def step(bars: pl.DataFrame) -> timedelta:
    """Give the length of a bar: the smallest distance of two bars of one symbol, a minute where there is only one."""
    distance = bars.select(pl.col("ts").diff().over("symbol").min()).item()
    return distance or timedelta(minutes=1)


def _after_gap(bars: pl.DataFrame, gaps: pl.DataFrame | None, length: timedelta) -> kernel.Array:
    if gaps is None or gaps.is_empty():
        return np.zeros(bars.height, np.bool_)
    _columns("gaps", gaps, ["symbol", "first", "last"])
    marked = np.zeros(bars.height, np.bool_)
    spans = bars.select("symbol", "ts", expected=pl.col("ts").shift(1).over("symbol") + length).with_row_index("row")
    for (symbol,), holes in gaps.sort("symbol", "first").group_by("symbol", maintain_order=True):
        own = spans.filter(pl.col("symbol") == symbol).drop_nulls("expected")
        before = own["ts"].search_sorted(holes["first"], side="left")  # first bar at or after the hole's start
        for place, last in zip(before, holes["last"], strict=True):
            touched = own.slice(place).filter(pl.col("expected") <= last)
            marked[touched["row"].to_numpy()] = True
    return marked


def _check_signal(signals: pl.DataFrame, name: str) -> None:
    kind = signals.schema[name]
    if name in FLAGS:
        if kind not in {pl.Boolean(), pl.Null()}:
            raise BtError(f"signals: {name} must be true or false, but its type is {kind}", "write a comparison")
        return
    if kind == pl.Null():
        return
    _numeric("signals", signals, name)
    if name == "max_bars":
        if not kind.is_integer():
            raise BtError(
                f"signals: max_bars must be whole numbers, but its type is {kind}", "cast it: .cast(pl.Int64)"
            )
        _refuse("signals", signals, name, pl.col(name) < 1)
        return
    wrong = ~pl.col(name).is_finite()
    if name in {"size", "stop_price", "take_price"}:
        wrong |= pl.col(name) <= 0
    _refuse("signals", signals, name, wrong)


def _refuse_misspelt(name: str) -> None:
    from difflib import get_close_matches

    near = get_close_matches(name, SIGNALS, n=1, cutoff=_NEAR)
    if near:
        raise BtError(f"signals: column {name!r} means nothing to the engine", hint(name, SIGNALS))


def _refuse(frame_name: str, frame: pl.DataFrame, column: str, wrong: pl.Expr) -> None:
    """Refuse the first row where `wrong` holds, naming row, symbol, time and value."""
    bad = frame.lazy().with_row_index("row").filter(wrong).select("row", *_KEY, column).head(1).collect()
    if bad.height:
        row, symbol, ts, value = bad.row(0)
        raise BtError(f"{frame_name} row {row} ({symbol} {ts}): {column} is {value}", "correct or drop the row")


def _in_order(name: str, frame: pl.DataFrame) -> None:
    """Refuse times that do not rise strictly within each symbol."""
    late = pl.col("ts") <= pl.col("ts").shift(1).over("symbol")
    bad = frame.lazy().with_row_index("row").filter(late).select("row", *_KEY).head(1).collect()
    if bad.height:
        row, symbol, ts = bad.row(0)
        raise BtError(
            f"{name} row {row} ({symbol} {ts}) repeats or goes back in time", "sort by symbol and ts, drop duplicates"
        )


def _frame(name: str, frame: Any) -> None:
    if not isinstance(frame, pl.DataFrame):
        raise BtError(f"{name} must be a Polars DataFrame, not {type(frame).__name__}", "a LazyFrame wants .collect()")


def _columns(name: str, frame: pl.DataFrame, needed: Iterable[str]) -> None:
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise BtError(f"{name} lacks the column {missing[0]!r}", f"it has: {', '.join(frame.columns)}")


def _key_types(name: str, frame: pl.DataFrame) -> None:
    if frame.schema["symbol"] != pl.String():
        raise BtError(f"{name}: symbol must be text, but its type is {frame.schema['symbol']}")
    if frame.schema["ts"] != pl.Datetime("us"):
        raise BtError(
            f"{name}: ts must be Datetime('us') without a zone, but its type is {frame.schema['ts']}",
            "cast it: .dt.convert_time_zone('UTC').dt.replace_time_zone(None).dt.cast_time_unit('us')",
        )
    if frame.select(pl.any_horizontal(pl.col(_KEY).is_null().any())).item():
        raise BtError(f"{name}: symbol or ts is null in some row", "drop such rows")


def _numeric(name: str, frame: pl.DataFrame, column: str) -> None:
    if not frame.schema[column].is_numeric():
        raise BtError(f"{name}: {column} must be a number, but its type is {frame.schema[column]}")


def _decimal(value: float | None) -> tuple[float, float]:
    """Write a step as p / q with q a power of ten, (0, 0) where it is unknown."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return 0.0, 0.0
    if value <= 0:
        raise BtError(f"instruments: a step of {value} is not above 0")
    exact = Decimal(repr(float(value))).normalize()
    places = max(0, -int(exact.as_tuple().exponent))
    return float(exact.scaleb(places)), float(10**places)


def _floats(values: pl.Series) -> kernel.Array:
    return _own(values.cast(pl.Float64).fill_null(float("nan")).to_numpy(), np.float64)


def _own(values: kernel.Array, kind: type) -> kernel.Array:
    """Give a writable, contiguous array: to numba a read-only one is another type, compiled for all over again."""
    return np.require(values, dtype=kind, requirements=["C", "W"])
