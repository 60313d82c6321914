"""What a strategy sees: bars of some symbols on one timeframe with indicators beside them, as a lazy frame."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.market.chains import BARS
from bt.market.compose import columns
from bt.market.indicators import Indicator, resolve
from bt.market.reading import THREADS, Reader, changed, earlier, outputs, side_by_side
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import duckdb

    from bt.market.handed import Columns
    from bt.market.reading import Place
    from bt.warehouse import Warehouse

_OLDEST: Final = 3  # bars of another timeframe or symbol ago, at most, that a value seen now is from


class Market:
    """Give bars of `symbols` on `timeframe`, from `warm_up` bars before `first`, to `end` (exclusive).

    A bar that has not ended by `end`, or by its symbol's last candle, is left out. What indicators need before these
    bars is read as well, so that every value is the same wherever the span begins, to the last bit (where there are
    candles enough). Indicators are bt's own and those of the warehouse's further `sql` folders. Each distinct one is
    computed once, whatever it is called.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        symbols: Sequence[str],
        timeframe: str,
        first: datetime,
        end: datetime,
        warm_up: int = 0,
    ) -> None:
        self._warehouse = warehouse
        self._warm_up = warm_up
        self._bars: list[pl.DataFrame] = []  # for each symbol
        self._columns: dict[Indicator, list[pl.DataFrame]] = {}  # outputs on these bars, for each symbol
        self._known: dict[tuple[tuple[str, Indicator], ...], pl.DataFrame] = {}
        self._length = timedelta(minutes=minutes(timeframe))
        self.symbols = tuple(sorted(set(symbols)))
        self.timeframe = timeframe
        self.first = first
        self.end = end
        self._reader = Reader(warehouse.sql, end)

    def bars(self, **indicators: Indicator) -> pl.LazyFrame:
        """Give one row per (symbol, ts), sorted: symbol, ts (the bar's open, UTC), open, high, low, close, volume,
        turnover, candles (how many 1-minute candles it is made of), and a column per indicator and output.

        An indicator with one output becomes the column it is called here, one with several `name_output` each; null
        before its first value. One of another timeframe or symbol is seen as of the last of its bars that had ended
        when this bar ended, if that was no more than three of its bars ago. Bars before `first` are there for warm-up:
        signals on them never act.
        """  # noqa: D205 - the columns are one sentence
        key = tuple(sorted(indicators.items()))
        if key not in self._known:
            named = columns(indicators, self._warehouse.sql)
            asked = {alias: self._whole(indicator) for alias, indicator in indicators.items()}
            self.compute(asked.values())
            self._known[key] = pl.concat(
                bars.with_columns(
                    self._columns[asked[alias]][place][output].alias(name) for name, (alias, output) in named.items()
                )
                for place, bars in enumerate(self._bars)
            )
        return self._known[key].lazy()

    def columns(self, indicators: Iterable[Indicator]) -> dict[Indicator, dict[str, pl.Series]]:
        """Give what indicators say on the rows of `bars()`, output by output; none of it is kept."""
        asked = {each: self._whole(each) for each in indicators}
        self.compute(asked.values())
        found = {each: pl.concat(self._columns[whole]).to_dict() for each, whole in asked.items()}
        for whole in set(asked.values()):
            del self._columns[whole]
        return found

    def take(self, known: Columns) -> None:
        """Take what `columns()` gave back, so that `bars()` need not compute it again."""
        begins = accumulate((bars.height for bars in self._bars), initial=0)
        places = [(begin, bars.height) for begin, bars in zip(begins, self._bars, strict=False)]
        for each, found in known.items():
            frame = pl.DataFrame(dict(found))
            self._columns[self._whole(each)] = [frame.slice(*place) for place in places]

    def compute(self, indicators: Iterable[Indicator]) -> None:
        """Compute those of the indicators that are not known yet, all of one symbol and timeframe in one query."""
        asked = dict.fromkeys(self._whole(each) for each in indicators)
        new = [each for each in asked if each not in self._columns]
        if self._bars and not new:
            return
        places: dict[tuple[str | None, str], list[Indicator]] = {} if self._bars else {(None, self.timeframe): []}
        for each in new:
            places.setdefault((each.symbol, each.timeframe or self.timeframe), []).append(each)
        with self._warehouse.read() as connection:
            for (symbol, timeframe), wanted in places.items():
                own = symbol is None and timeframe == self.timeframe
                frames = self._own(connection, wanted) if own else self._seen(connection, symbol, timeframe, wanted)
                if own:
                    self._keep([frame.select(BARS) for frame in frames])
                for each, names in outputs(wanted, self._warehouse.sql):
                    self._columns[each] = [frame.select(**names) for frame in frames]

    def _whole(self, indicator: Indicator) -> Indicator:
        """Give an indicator with all its arguments: what is the same is then equal."""
        _, arguments = resolve(indicator, self._warehouse.sql)
        return Indicator(
            indicator.name,
            timeframe=None if indicator.timeframe == self.timeframe else indicator.timeframe,
            symbol=indicator.symbol,
            **arguments,
        )

    def _keep(self, bars: list[pl.DataFrame]) -> None:
        for symbol, known, now in zip(self.symbols, self._bars, bars, strict=False):
            if not known.equals(now):
                raise changed(symbol)
        self._bars = bars

    def read(self) -> list[pl.DataFrame]:
        """Give every frame that was handed out so far."""
        return list(self._known.values())

    def tested(self) -> pl.DataFrame:
        """Give the bars to trade: those from `first` on, without indicators."""
        self.compute(())
        return pl.concat(self._bars).filter(pl.col("ts") >= self.first).select(
            "symbol", "ts", "open", "high", "low", "close", "volume"
        )  # fmt: skip

    def _own(self, connection: duckdb.DuckDBPyConnection, wanted: Sequence[Indicator]) -> list[pl.DataFrame]:
        """Give the tested bars of each symbol with indicators of them."""

        def load(cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
            place = (symbol, self.timeframe)
            begin = self._reader.begin(cursor, place, self.first, self._warm_up)
            return self._beside(cursor, place, begin, wanted)

        return self._each(connection, load)

    def _seen(
        self, connection: duckdb.DuckDBPyConnection, other: str | None, timeframe: str, wanted: Sequence[Indicator]
    ) -> list[pl.DataFrame]:
        """Give what each tested bar sees of indicators of other bars: of one symbol, or of each one's own."""
        length = timedelta(minutes=minutes(timeframe))
        begins = [bars["ts"][0] for bars in self._bars if bars.height]
        since = earlier(min(begins, default=self.first), _OLDEST + 1, minutes(timeframe))

        def load(cursor: duckdb.DuckDBPyConnection, symbol: str) -> pl.DataFrame:
            frame = self._beside(cursor, (symbol, timeframe), since, wanted)
            return frame.select(pl.col("ts") + length, pl.exclude(BARS))

        seen = [load(connection, other)] * len(self._bars) if other else self._each(connection, load)
        return [
            bars.select(ts=pl.col("ts") + self._length).join_asof(ended, on="ts", tolerance=_OLDEST * length)
            for bars, ended in zip(self._bars, seen, strict=True)
        ]

    def _each(
        self, connection: duckdb.DuckDBPyConnection, load: Callable[[duckdb.DuckDBPyConnection, str], pl.DataFrame]
    ) -> list[pl.DataFrame]:
        """Load each symbol by itself; a lone one may have the threads to itself."""
        if len(self.symbols) == 1:
            return [load(connection, self.symbols[0])]
        return side_by_side(connection, load, [(symbol,) for symbol in self.symbols])

    def _beside(
        self, connection: duckdb.DuckDBPyConnection, place: Place, begin: datetime, wanted: Sequence[Indicator]
    ) -> pl.DataFrame:
        alone = len(self.symbols) == 1
        return self._reader.beside(connection, place, begin, wanted, queries=THREADS if alone else 1)
