"""Indicator columns for parameter sets: each distinct one computed once, those of many sets in one query."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from bt.errors import BtError
from bt.market import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from bt.market import Columns, Indicator, Market
    from bt.strategy import BaseStrategy
    from bt.sweep.stage import Stage

_BYTES: Final = 8  # of a value
_AT_ONCE: Final = 128_000_000  # bytes of columns computed in one query, which takes twice as much meanwhile
_ROUNDS: Final = 16  # a strategy may ask for bars so many times in a row


class Supply:
    """Give the columns that strategies ask for, keeping about `room` bytes of those last used."""

    def __init__(self, market: Market, stage: Stage, *, room: int) -> None:
        self._market, self._stage, self._room = market, stage, room
        self._kept: OrderedDict[Indicator, Mapping[str, pl.Series]] = OrderedDict()
        self._refused: dict[Indicator, BtError] = {}

    def of(self, strategies: Sequence[BaseStrategy]) -> list[Columns | BtError]:
        """Give the columns each strategy asks for, or why one of them cannot be; other faults show in trading."""
        for _ in range(_ROUNDS):
            asked, missing = zip(*map(self._asked, strategies), strict=True)
            new = dict.fromkeys(each for some in missing for each in some if each not in self._refused)
            if not new:
                break
            self._compute(list(new))
        found = [self._given(list(own)) for own in asked]
        self._release()
        return found

    def _asked(self, strategy: BaseStrategy) -> tuple[dict[Indicator, None], tuple[Indicator, ...]]:
        """Give what a strategy asked for, and what of it was missing."""
        market = self._stage.market(self._kept)
        try:
            strategy.signals(market)  # type: ignore[arg-type]  # lazy: nothing is worked out
        except MissingError as error:
            return market.asked, error.indicators
        except (Exception, SystemExit):  # noqa: BLE001 - it is said where the set is traded
            return market.asked, ()
        return market.asked, ()

    def _given(self, indicators: Sequence[Indicator]) -> Columns | BtError:
        refused = [self._refused[each] for each in indicators if each in self._refused]
        if refused:
            return refused[0]
        for each in indicators:
            if each in self._kept:
                self._kept.move_to_end(each)
        return {each: self._kept[each] for each in indicators if each in self._kept}

    def _compute(self, indicators: list[Indicator]) -> None:
        most = max(1, _AT_ONCE // (_BYTES * max(1, self._stage.frame.height)))
        for begin in range(0, len(indicators), most):
            some = indicators[begin : begin + most]
            try:
                self._kept.update(self._market.columns(some))
            except BtError:
                self._compute_each(some)

    def _compute_each(self, indicators: list[Indicator]) -> None:
        """Compute one by one, so that one that cannot be spoils no other's set."""
        for each in indicators:
            try:
                self._kept.update(self._market.columns([each]))
            except BtError as error:
                self._refused[each] = error

    def _release(self) -> None:
        held = sum(map(_size, self._kept.values()))
        while held > self._room and self._kept:
            held -= _size(self._kept.popitem(last=False)[1])


def _size(outputs: Mapping[str, pl.Series]) -> int:
    return sum(_BYTES * len(values) for values in outputs.values())
