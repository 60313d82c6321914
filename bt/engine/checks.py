"""Which bars, candles, rules, rates and gaps the engine accepts: every frame is checked before anything runs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from bt.engine.frames import (
    KEY,
    NEAR,
    Fault,
    as_numbers,
    by_symbol,
    in_order,
    key_faults,
    refuse,
    require_columns,
    require_key,
    require_plain_times,
    require_text_symbols,
)
from bt.engine.grid import MICROSECONDS
from bt.engine.settings import FEES, Account, Costs, Execution
from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bt.engine.grid import Grid
    from bt.engine.settings import Terms

PRICES: Final = ("open", "high", "low", "close")
STEPS: Final = ("tick_size", "qty_step")
LEAST: Final = ("min_qty", "min_notional")

_FUNDING: Final = {"symbol": pl.String(), "ts": pl.Datetime("us"), "rate": pl.Float64(), "mark": pl.Float64()}
_LEAST_PRICE, _MOST = 1e-15, 1e18  # beyond, it is a slip, and doubles run out of digits
_ENOUGH_BARS: Final = 30  # of which no two lie side by side: then they are longer than the others
_NUMBERS: Final = (*STEPS, *LEAST, "max_leverage")
_RULES: Final = ("symbol", "category", *_NUMBERS, "valid_from")
_ELSEWHERE: Final = {"tick": "tick_size", "step": "qty_step", "lot_size": "qty_step", "leverage": "max_leverage"}
_OTHER_RULES: Final = ("quote", "base", "exchange", "as_of", "launch_ts")  # known, and not needed here


def check_settings(terms: Terms) -> None:
    """Refuse settings of another kind."""
    for name, kind in (("account", Account), ("costs", Costs), ("execution", Execution)):
        given = getattr(terms, name)
        if not isinstance(given, kind):
            raise BtError(f"{name} must be a bt.{kind.__name__}, not {type(given).__name__}", f"bt.{kind.__name__}(…)")


def checked_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Give the bars sorted by (ts, symbol), refusing missing columns, wrong types, bad prices and repeated rows."""
    require_columns("bars", bars, [*KEY, *PRICES, "volume"])
    if bars.is_empty():
        raise BtError("bars has no rows", "widen the span or import candles")
    return in_order("bars", _checked_prices("bars", bars, (*PRICES, "volume")))


def require_apart(grid: Grid) -> None:
    """Refuse bars that lie closer together than they are long."""
    for place in np.flatnonzero(grid.rows.shortest < grid.lengths):
        symbol, rows, opened, length = grid.own_rows[place]
        close = rows[np.flatnonzero(np.diff(opened) < length)[0]]
        raise BtError(
            f"bars: {symbol} has a bar at {grid.bars['ts'][int(close)]} and another before that one ends",
            "is timeframe= that of the bars?",
        )
    counts = grid.rows.number[grid.rows.last] + 1
    known = zip(grid.symbols, grid.lengths, counts, strict=True)
    lengths = {symbol: length for symbol, length, count in known if count >= _ENOUGH_BARS}
    for symbol, length in lengths.items():
        if length > min(lengths.values()):
            raise BtError(
                f"bars: those of {symbol} are {length // MICROSECONDS:,} min apart, "
                f"others {min(lengths.values()) // MICROSECONDS:,} min: all must be of one length",
                "resample them, or give timeframe= where bars are only missing",
            )


def checked_detail(detail: pl.DataFrame | None) -> pl.DataFrame | None:
    """Give the 1-minute candles sorted by (symbol, ts), refusing what `checked_bars` refuses."""
    if detail is None:
        return None
    numbers = _checked_prices("detail", detail, PRICES).select(*KEY, *PRICES)
    refuse("detail", numbers, [Fault("ts", pl.col("ts") != pl.col("ts").dt.truncate("1m"), "not on the minute")])
    return by_symbol("detail", numbers)


def checked_funding(funding: pl.DataFrame | None) -> pl.DataFrame:
    """Give symbol, ts (floored to the minute), rate and mark, sorted by symbol and ts; None is no funding."""
    if funding is None:
        return pl.DataFrame(schema=_FUNDING)
    require_columns("funding", funding, [*KEY, "rate"])
    require_key("funding", funding)
    marked = funding if "mark" in funding.columns else funding.with_columns(mark=pl.lit(None, pl.Float64))
    numbers = as_numbers("funding", marked, ["rate", "mark"]).select(list(_FUNDING))
    floored = numbers.with_columns(pl.col("ts").dt.truncate("1m"))
    slip = ~pl.col("rate").is_finite() | pl.col("rate").is_null() | (pl.col("rate").abs() >= 1)
    faults = [
        *key_faults(),
        Fault("rate", slip, "no fraction of a position's value"),
        Fault("mark", ~pl.col("mark").is_finite() | (pl.col("mark") <= 0), "no price"),
        Fault("ts", pl.struct(KEY).is_duplicated(), "two settlements in one minute"),
    ]
    refuse("funding", floored, faults)
    return floored.sort(KEY)


def checked_gaps(gaps: pl.DataFrame | None) -> pl.DataFrame:
    """Give the gaps sorted by symbol and first minute; None is no gap."""
    if gaps is None:
        return pl.DataFrame(schema={"symbol": pl.String, "first": pl.Datetime("us"), "last": pl.Datetime("us")})
    require_columns("gaps", gaps, ["symbol", "first", "last"])
    require_text_symbols("gaps", gaps)
    for name in ("first", "last"):
        require_plain_times("gaps", gaps, name)
    faults = [Fault(name, pl.col(name).is_null()) for name in ("symbol", "first", "last")]
    faults.append(Fault("last", pl.col("last") < pl.col("first"), "before first"))
    refuse("gaps", gaps, faults, shown=["symbol", "first"])
    return gaps.select("symbol", "first", "last").sort("symbol", "first", "last")


def checked_instruments(instruments: pl.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    """Give the rules of each symbol in order of `valid_from`, null (has always been) first; None is no rule."""
    if instruments is None:
        return {}
    require_columns("instruments", instruments, ["symbol"])
    require_text_symbols("instruments", instruments)
    for name in instruments.columns:
        near = [_ELSEWHERE[name]] if name in _ELSEWHERE else get_close_matches(name, _RULES, n=1, cutoff=NEAR)
        if name not in (*_RULES, *_OTHER_RULES) and near:
            raise BtError(f"instruments: column {name!r} means nothing to the engine", f"did you mean {near[0]!r}?")
    rules = _with_beginnings(instruments)
    rules = as_numbers("instruments", rules, [name for name in _NUMBERS if name in instruments.columns])
    for name in _NUMBERS:
        if name in rules.columns:
            low, high = (0.0, 1e300) if name in LEAST else (1e-12, 1e12)  # beyond, it is a slip
            wrong = Fault(name, ~pl.col(name).is_between(low, high), "no such rule")
            refuse("instruments", rules, [wrong], shown=["symbol"])
    for row in rules.to_dicts():
        if (row.get("category") or "linear") not in FEES:
            raise BtError(
                f"instruments: {row['symbol']} is {row['category']}: such contracts are not traded yet",
                "use linear or spot symbols",
            )
    return _by_symbol(rules)


def _by_symbol(rules: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rules.fill_nan(None).sort("symbol", "valid_from", nulls_last=False).to_dicts():
        found.setdefault(row["symbol"], []).append(row)
    for symbol, periods in found.items():
        if len({row.get("category") or "linear" for row in periods}) > 1:
            raise BtError(f"instruments: {symbol} changes its category", "an instrument is linear or spot, for good")
    return found


def _checked_prices(name: str, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Give a frame of bars with numbers in `columns`, refusing bad prices."""
    wanted = list(columns)
    require_columns(name, frame, [*KEY, *wanted])
    require_key(name, frame)
    numbers = as_numbers(name, frame, wanted)
    above, below = pl.max_horizontal("open", "low", "close"), pl.min_horizontal("open", "close")
    faults = [
        *key_faults(),
        *(Fault(column, _impossible(column)) for column in wanted),
        Fault("high", pl.col("high") < above, "below open, low or close"),
        Fault("low", pl.col("low") > below, "above open or close"),
    ]
    refuse(name, numbers, faults)
    return numbers


def _impossible(column: str) -> pl.Expr:
    value = pl.col(column)
    possible = value.is_between(0.0, _MOST) if column == "volume" else value.is_between(_LEAST_PRICE, _MOST)
    return ~possible | value.is_null()  # NaN lies above all numbers


def _with_beginnings(instruments: pl.DataFrame) -> pl.DataFrame:
    """Give the rules with a column `valid_from`; one symbol may have several, but not from one time on."""
    if "valid_from" not in instruments.columns:
        instruments = instruments.with_columns(valid_from=pl.lit(None, pl.Datetime("us")))
    elif instruments.schema["valid_from"] == pl.Null():
        instruments = instruments.with_columns(pl.col("valid_from").cast(pl.Datetime("us")))
    require_plain_times("instruments", instruments, "valid_from")
    again = pl.struct("symbol", "valid_from").is_duplicated()
    faults = [Fault("symbol", pl.col("symbol").is_null()), Fault("symbol", again, "there twice")]
    refuse("instruments", instruments, faults, shown=["symbol"])
    return instruments
