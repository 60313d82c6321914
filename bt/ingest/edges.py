"""Where a symbol's candles begin and end inside a span: nobody asks a thousand times before a listing.

Minutes count as absent only where a candle beyond them came: an empty list proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.bybit import MINUTE_MS, Bybit, Candles, Malformed
from bt.errors import ExchangeError
from bt.ingest.planning import Span

if TYPE_CHECKING:
    from bt.symbols import Symbol

_TIMES: Final = 2  # an edge is asked for, where it is not the span's own


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Ask one exchange about one symbol; `now` is the running minute."""

    client: Bybit
    symbol: Symbol
    code: str
    now: int
    closed: bool  # trade has ended

    async def within(self, span: Span, *, oldest: bool, newest: bool) -> tuple[Span | None, list[Span]]:
        """Cut a span to where there are candles, at the ends that are asked for; None where there are none.

        Give also what the exchange certainly does not have: what lies before its first candle, or after the last one
        of a symbol that is closed. Where trade goes on, later candles may only be late.
        """
        first, last = span
        if oldest:
            begin = await self._agreed(span, oldest=True)
            if begin is None:
                await self._require_an_end_before(span)
                return None, [span] if self.closed else []
            if begin > last:
                return None, [span]
            first = begin
        end = await self._agreed(span, oldest=False) if newest else last
        if end is None or (oldest and end < first):
            raise self._contradiction()
        after = [Span(max(end + 1, first), last)] if self.closed and end < last else []
        before = [Span(span.first, first - 1)] if first > span.first else []
        return (Span(first, end) if end >= first else None), [*before, *after]

    async def proves_silence(self, span: Span) -> bool:
        """Say whether a candle before a span and none in it came, or one after it: an empty list proves nothing."""
        newest = await self._one(span, oldest=False)
        if newest is not None:
            return newest < span.first
        oldest = await self._one(span, oldest=True)  # there may be none before, where it was not listed yet
        return oldest is not None and oldest > span.last

    async def _require_an_end_before(self, span: Span) -> None:
        """Refuse to believe that a symbol without a candle from a span on has none before it either."""
        end = await self._agreed(span, oldest=False)
        if end is None or end >= span.first:
            raise self._contradiction()

    async def _agreed(self, span: Span, *, oldest: bool) -> int | None:
        """Give the first candle from the beginning of a span on, or the last one up to its end; asked twice."""
        found = []
        for _ in range(_TIMES):
            found.append(await self._one(span, oldest=oldest))
            if found[-1] == (span.first if oldest else span.last):
                break
        known = [minute for minute in found if minute is not None]
        return (min if oldest else max)(known, default=None)

    async def _one(self, span: Span, *, oldest: bool) -> int | None:
        possible = Span(span.first, self.now) if oldest else Span(0, span.last)

        def check(found: Candles) -> int | None:
            came = [row[0] // MINUTE_MS for row in found.rows]
            minutes = [minute for minute in came if possible.first <= minute <= possible.last]
            if came and not minutes:
                raise Malformed(f"{self.symbol}: a candle that was not asked for")
            return (min if oldest else max)(minutes, default=None)

        bounds = {"start": span.first * MINUTE_MS} if oldest else {"end": span.last * MINUTE_MS}
        return await self.client.candles(self.symbol.category, self.code, **bounds, limit=1, check=check)

    def _contradiction(self) -> ExchangeError:
        return ExchangeError(
            f"{self.symbol}: the exchange contradicts itself about where its candles begin and end",
            "the same command asks again",
        )
