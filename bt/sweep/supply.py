"""Indicator columns for parameter sets: each distinct one computed once, those of many sets in one query."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from bt.market import Columns, Handed, Indicator, Market
    from bt.strategy import BaseStrategy
    from bt.sweep.custody import Candles
    from bt.sweep.stage import Stage

Asked = dict["Indicator", None]  # in order

_BYTES: Final = 8  # of a value
_AT_ONCE: Final = 88_000_000  # bytes of columns computed in one query, which takes twice as much meanwhile
_ROUNDS: Final = 16  # a strategy may ask for bars so many times in a row


class Supply:
    """Give the columns that strategies ask for, keeping about `room` bytes of those last used."""

    def __init__(self, market: Market, stage: Stage, candles: Candles, *, room: int) -> None:
        self._market, self._stage, self._candles, self._room = market, stage, candles, room
        self._kept: OrderedDict[Indicator, Mapping[str, pl.Series]] = OrderedDict()
        self._refused: dict[Indicator, BtError] = {}

    def of(self, strategies: Sequence[BaseStrategy]) -> Iterator[Columns | BtError]:
        """Give the columns each strategy asks for, or why one of them cannot be; other faults show in trading.

        As many strategies as there is room for are looked at together, and what they miss is computed in one query.
        """
        begin = 0
        while begin < len(strategies):
            wanted = self._together(strategies, begin)
            for _ in range(_ROUNDS):
                new = self._new(wanted)
                if not new:
                    break
                self._compute(new)
                some = strategies[begin : begin + len(wanted)]
                wanted = [asked(each, self._stage.market(self._kept)) for each in some]
            found = [self._given(list(own)) for own in wanted]
            self._release()
            yield from found
            begin += len(wanted)

    def _together(self, strategies: Sequence[BaseStrategy], begin: int) -> list[Asked]:
        """Give what strategies from one on ask for, until as much is new as is computed in one query."""
        found: list[Asked] = []
        new: dict[Indicator, None] = {}
        for strategy in strategies[begin:]:
            own = asked(strategy, self._stage.market(self._kept))
            new.update(dict.fromkeys(self._new([own])))
            if found and len(new) > self._most:
                break
            found.append(own)
        return found

    def _new(self, some: Iterable[Asked]) -> list[Indicator]:
        wanted = dict.fromkeys(each for own in some for each in own)
        return [each for each in wanted if each not in self._kept and each not in self._refused]

    @property
    def _most(self) -> int:
        return max(1, _AT_ONCE // (_BYTES * max(1, self._stage.frame.height)))

    def _given(self, indicators: Sequence[Indicator]) -> Columns | BtError:
        refused = [self._refused[each] for each in indicators if each in self._refused]
        if refused:
            return refused[0]
        for each in indicators:
            if each in self._kept:
                self._kept.move_to_end(each)
        return {each: self._kept[each] for each in indicators if each in self._kept}

    def _compute(self, indicators: list[Indicator]) -> None:
        for begin in range(0, len(indicators), self._most):
            some = indicators[begin : begin + self._most]
            try:
                self._kept.update(self._market.columns(some))
            except WarehouseError:
                raise
            except BtError:
                self._candles.require_unchanged()
                self._compute_each(some)

    def _compute_each(self, indicators: list[Indicator]) -> None:
        """Compute one by one, so that one that cannot be spoils no other's set."""
        for each in indicators:
            try:
                self._kept.update(self._market.columns([each]))
            except WarehouseError:
                raise
            except BtError as error:
                self._refused[each] = error

    def _release(self) -> None:
        held = sum(map(size, self._kept.values()))
        while held > self._room and self._kept:
            held -= size(self._kept.popitem(last=False)[1])


def asked(strategy: BaseStrategy, market: Handed) -> Asked:
    """Give what a strategy asks for, until something is missing; how it fails is said where the set is traded."""
    with suppress(Exception, SystemExit):
        strategy.signals(market)  # type: ignore[arg-type]  # lazy: nothing is worked out
    return market.asked


def size(outputs: Mapping[str, pl.Series]) -> int:
    """Give about how many bytes the outputs of an indicator take."""
    return sum(_BYTES * len(values) for values in outputs.values())
