"""What a run reads from the warehouse beside bars and indicators: span, rules, gaps, funding, minutes; of one state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError
from bt.symbols import bring
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bt.warehouse import Warehouse

_COVERED: Final = "select symbol, first_ts, last_ts from coverage where symbol = $symbol"
_GAPS: Final = """
    select symbol, first_ts as first, last_ts as last
    from gaps
    where symbol = $symbol and last_ts >= $first and first_ts < $end
    order by first_ts
"""
_INSTRUMENTS: Final = """
    with beginnings as (
        select
            symbol,
            coalesce(max(valid_from) filter (where valid_from <= $first), min(valid_from)) as beginning,
        from instruments
        where list_contains($names, symbol)
        group by symbol
    )

    select
        symbol, category, quote, tick_size, qty_step, min_qty, min_notional, max_leverage, valid_from, as_of,
    from instruments
    inner join beginnings using (symbol)
    where valid_from = beginning or (valid_from > beginning and valid_from < $end)
    order by symbol, valid_from
"""
_FUNDING: Final = """
    select symbol, ts, rate, mark
    from funding
    where list_contains($names, symbol) and ts >= $first and ts < $end
    order by symbol, ts
"""
_FUNDING_GAPS: Final = """
    select symbol, place, first_ts as first, last_ts as last, settlements
    from funding_gaps
    where symbol = $symbol and last_ts >= $first and first_ts < $end
    order by first_ts
"""
_MINUTES: Final = """
    from candles
    where symbol = $symbol and ts >= $first and ts < $end
"""
_DIGEST: Final = f"""
    select $symbol as symbol, count(*) as minutes, bit_xor(hash(ts, open, high, low, close)) as content
    {_MINUTES}
"""
_DETAIL: Final = f"select ts, open, high, low, close {_MINUTES}"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which symbols are tested from when (inclusive) to when (exclusive), UTC."""

    symbols: tuple[str, ...]
    first: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Hold what the engine is given besides bars and signals, and what is known to be absent."""

    linear: tuple[str, ...]  # the symbols that pay funding
    instruments: pl.DataFrame  # rules in force somewhere in the span, by symbol and valid_from
    gaps: pl.DataFrame  # symbol, first, last
    funding: pl.DataFrame | None = None  # symbol, ts, rate, mark of linear symbols; None = left out
    funding_gaps: pl.DataFrame | None = None  # symbol, place, first, last, settlements, where they touch the span
    detail: pl.DataFrame | None = (
        None  # 1-minute candles: symbol, ts, open, high, low, close; None = nothing is drilled
    )
    digest: pl.DataFrame | None = None  # a hash of detail for each symbol

    @property
    def quote(self) -> str:
        """Give the one currency of prices and profit."""
        quotes = self.instruments["quote"].unique().sort().to_list()
        if len(quotes) > 1:
            raise BtError(
                f"these symbols are priced in {' and '.join(str(quote) for quote in quotes)}",
                "one run has one quote currency",
            )
        return str(quotes[0]) if quotes and quotes[0] else "?"

    def seen(self) -> dict[str, pl.DataFrame]:
        """Give what the result hangs on, as frames to take the fingerprint of; minutes by their digest."""
        frames = {"gaps": self.gaps, "funding": self.funding, "minutes": self.digest}
        return {kind: frame for kind, frame in frames.items() if frame is not None}


def read_span(
    warehouse: Warehouse, names: Sequence[str], first: datetime | None = None, end: datetime | None = None
) -> Span:
    """Cut the wanted span to where there are candles; refuse symbols without any and spans without a minute."""
    if not names:
        raise BtError("no symbol is named", "name at least one")
    own = pl.concat(warehouse.query(_COVERED, {"symbol": name}) for name in names)
    for name in sorted(set(names) - set(own["symbol"])):
        known = warehouse.query("select distinct symbol from candle_days order by symbol")["symbol"].to_list()
        have = f"there are: {', '.join(known)}; " if known else "the warehouse has no candles yet; "
        raise BtError(f"there are no candles of {name}", f"{have}bring them: {bring(name)}")
    least: datetime = own["first_ts"].min()  # type: ignore[assignment]
    most: datetime = own["last_ts"].max() + timedelta(minutes=1)  # type: ignore[assignment,operator]
    if first and end and first >= end:
        raise BtError(f"from {first} must be before to {end}", "swap them")
    begin, stop = max(first or least, least), min(end or most, most)
    if begin >= stop:
        raise BtError(
            f"there are candles from {least} to {most}, none from {first or least} to {end or most}",
            "choose a span inside, or import more",
        )
    return Span(symbols=tuple(names), first=begin, end=stop)


def read_inputs(warehouse: Warehouse, span: Span, *, funding: bool, drill: bool) -> Inputs:
    """Read what a run over `span` needs; `drill` brings the 1-minute candles, 56 bytes for each."""
    parameters = {"names": list(span.symbols), "first": span.first, "end": span.end}
    instruments = warehouse.query(_INSTRUMENTS, parameters)
    linear = _linear(span, instruments)
    found: dict[str, Any] = {
        "linear": linear,
        "instruments": instruments,
        "gaps": _of_each(warehouse, _GAPS, span.symbols, span),
    }
    if funding:
        found["funding"] = warehouse.query(_FUNDING, parameters | {"names": list(linear)})
        found["funding_gaps"] = _of_each(warehouse, _FUNDING_GAPS, linear, span)
    if drill:
        found["digest"] = _of_each(warehouse, _DIGEST, span.symbols, span)
        found["detail"] = _detail(warehouse, span)
    return Inputs(**found)


def _linear(span: Span, instruments: pl.DataFrame) -> tuple[str, ...]:
    """Give the symbols that pay funding: those of which nothing is known too, as in the engine."""
    others = instruments.filter(pl.col("category") != "linear")["symbol"].to_list()
    return tuple(symbol for symbol in span.symbols if symbol not in others)


def _of_each(warehouse: Warehouse, sql: str, symbols: Sequence[str], span: Span) -> pl.DataFrame | None:
    """Ask for one symbol at a time: then only its part of the candles is read."""
    frames = [warehouse.query(sql, {"symbol": symbol, "first": span.first, "end": span.end}) for symbol in symbols]
    return pl.concat(frames) if frames else None


def _detail(warehouse: Warehouse, span: Span) -> pl.DataFrame:
    """Read the minutes without sorting them (candles lie in order) and without carrying each row's symbol along."""
    frames = []
    with warehouse.read() as connection:
        for symbol in span.symbols:
            minutes = query(connection, _DETAIL, {"symbol": symbol, "first": span.first, "end": span.end})
            ordered = minutes if minutes["ts"].is_sorted() else minutes.sort("ts")
            frames.append(ordered.select(pl.lit(symbol).alias("symbol"), pl.all()))
    return pl.concat(frames)
