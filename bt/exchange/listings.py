"""What is traded at the stand-in: symbols with their candles and funding, from files or made up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from bt import seeded, symbols
from bt.errors import BtError
from bt.exchange.series import MINUTE, Series, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_CANDLES: Final = ("ts", "open", "high", "low", "close", "volume", "turnover")
_RATES: Final = ("rate", "funding_rate")
_SILENCE: Final = 86_400_000  # ms without candles after which a symbol counts as delisted
_TAIL: Final = 5000  # candles whose decimals tell the tick


@dataclass(kw_only=True)
class Listing:
    """Hold one symbol: `candles` (ts, open, high, low, close, volume, turnover) and `funding` (ts, rate), ordered."""

    symbol: symbols.Symbol
    candles: pl.DataFrame
    funding: pl.DataFrame
    _series: dict[str, Series] = field(default_factory=dict)

    def series(self, interval: str) -> Series:
        """Give the candles of one interval; written at the first call."""
        if interval not in self._series:
            self._series[interval] = Series(self.candles, interval)
        return self._series[interval]

    @property
    def code(self) -> str:
        """Give the exchange's own name, without our prefix."""
        return self.symbol.name.rpartition(":")[2]

    @property
    def first(self) -> int:
        """Give the start of the first candle in ms."""
        return int(self.candles["ts"].dt.epoch("ms")[0])

    @property
    def end(self) -> int:
        """Give the end of the last candle in ms."""
        return int(self.candles["ts"].dt.epoch("ms")[-1]) + MINUTE

    def is_closed(self, now: int) -> bool:
        """Say whether trading has ended long before `now` (ms)."""
        return self.end < now - _SILENCE

    def decimals(self) -> int:
        """Give the decimals that the prices are quoted in."""
        text = plain(self.candles["close"].tail(_TAIL)).str.split(".").list.get(1, null_on_oob=True)
        return int(text.fill_null("").str.len_bytes().max() or 0)  # type: ignore[arg-type]

    def stamps(self) -> NDArray[np.int64]:
        """Give the times of the funding rates in ms."""
        return self.funding["ts"].dt.epoch("ms").to_numpy()


class Market:
    """Hold every listing by category and name."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._listings = {(one.symbol.category, one.code): one for one in listings}
        if not self._listings:
            raise BtError("there are no candles to serve", "bt exchange --data FILE…, or none for the made-up market")

    def find(self, category: str, code: str) -> Listing | None:
        """Find a symbol; as at Bybit, `inverse` also answers for linear symbols."""
        found = self._listings.get((category, code))
        return self._listings.get(("linear", code)) if found is None and category == "inverse" else found

    def listed(self, category: str) -> list[Listing]:
        """Give the listings of a category in the order of their names."""
        return [one for (kind, _), one in sorted(self._listings.items()) if kind == category]

    @property
    def end(self) -> int:
        """Give the end of the last candle of all in ms."""
        return max(one.end for one in self._listings.values())


def seeded_market(*, days: int | None = None) -> Market:
    """Make the market that is the same for everyone."""
    return Market(
        Listing(
            symbol=symbols.parse(name),
            candles=seeded.candles(name, days=days),
            funding=seeded.funding(name, days=days),
        )
        for name in seeded.SYMBOLS
    )


def market_from_files(files: Iterable[Path]) -> Market:
    """Read Parquet files of 1-minute candles or funding rates; several may hold parts of one symbol."""
    candles: dict[str, list[pl.DataFrame]] = {}
    funding: dict[str, list[pl.DataFrame]] = {}
    for file in files:
        name, rows = _read(file)
        (candles if "open" in rows.columns else funding).setdefault(name, []).append(rows)
    alone = sorted(set(funding) - set(candles))
    if alone:
        raise BtError(f"{alone[0]} has funding rates and no candles", "give a file of its candles too")
    no_funding = pl.DataFrame(schema={"ts": pl.Datetime("us"), "rate": pl.Float64})
    return Market(
        Listing(
            symbol=symbols.parse(name), candles=_joined(parts), funding=_joined([no_funding, *funding.get(name, [])])
        )
        for name, parts in candles.items()
    )


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).unique("ts", keep="last").sort("ts")


def _read(file: Path) -> tuple[str, pl.DataFrame]:
    if not file.is_file():
        raise BtError(f"there is no file {file}", "bt exchange --data FILE, Parquet with 1-minute candles or funding")
    try:
        rows = pl.read_parquet(file)
    except pl.exceptions.PolarsError as error:
        raise BtError(f"{file} is no Parquet file", str(error).splitlines()[0]) from None
    if "interval" in rows.columns and (rows["interval"] != "1m").any():
        raise BtError(f"{file} holds other than 1-minute candles", "every longer interval is made of these")
    if "ts" not in rows.columns or not rows.schema["ts"].is_temporal() or rows.is_empty():
        raise BtError(f"{file} has no rows with a time `ts`", f"columns: {', '.join(rows.columns)}")
    rows = rows.with_columns(pl.col("ts").dt.replace_time_zone(None).cast(pl.Datetime("us")))
    name = _symbol(file, rows)
    if set(_CANDLES[:-1]) <= set(rows.columns):
        return name, _with_turnover(rows, symbols.parse(name).category)
    rate = next((one for one in _RATES if one in rows.columns), None)
    if rate is None:
        raise BtError(f"{file} holds neither candles nor funding", f"columns: {', '.join(rows.columns)}")
    return name, rows.select("ts", pl.col(rate).alias("rate"))


def _symbol(file: Path, rows: pl.DataFrame) -> str:
    if "symbol" not in rows.columns:
        match = re.match(r"[A-Z0-9]+", file.name)
        return match[0] if match else file.stem
    names = rows["symbol"].unique()
    if len(names) != 1:
        raise BtError(f"{file} holds {len(names)} symbols", "one symbol a file")
    return str(names[0])


def _with_turnover(rows: pl.DataFrame, category: str) -> pl.DataFrame:
    if "turnover" not in rows.columns:
        price = (pl.col("high") + pl.col("low") + pl.col("close")) / 3
        traded = pl.col("volume") / price if category == "inverse" else pl.col("volume") * price
        rows = rows.with_columns(traded.round(4).alias("turnover"))
    return rows.select("ts", *(pl.col(name).cast(pl.Float64) for name in _CANDLES[1:]))
