"""What a sweep may try: the values of each parameter, and every combination of them by its number.

Nothing is written out: a range is its first value, its step and how many there are, and a combination is made when it
is asked for. A space of 10^12 combinations takes no more memory than one of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from bt.config import fitted
from bt.errors import BtError
from bt.strategy.base import name_of, require_known
from bt.sweep.arguments import require_text, told
from bt.wording import counted, shown

if TYPE_CHECKING:
    from bt.strategy import BaseStrategy

_NUMBERS: Final = (int, float)
_EXACT: Final = 2**53  # whole numbers beyond this are no longer told apart as double
_SHOWN: Final = 6  # values of a list that its description writes out


@dataclass(frozen=True)
class Stepped(Sequence[Any]):
    """Numbers in equal steps, exact: from 0.1 in steps of 0.1 the third is 0.3."""

    first: int  # in parts of 1 / scale, likewise step
    step: int
    scale: int
    length: int
    kind: type  # int or float

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(self.length))]
        if not -self.length <= place < self.length:
            raise IndexError(place)
        return self._value(self.first + (place % self.length) * self.step)

    @property
    def distance(self) -> Any:
        """Give the step as a value."""
        return self._value(self.step)

    def _value(self, parts: int) -> Any:
        return parts // self.scale if self.kind is int else parts / self.scale  # the double nearest to the decimal


@dataclass(frozen=True)
class Candidate:
    """One set of the searched parameters, and the position of each value in its list, in the order of the space."""

    params: Mapping[str, Any]
    places: tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """The values of every searched parameter, and the defaults of those that are not searched."""

    values: Mapping[str, Sequence[Any]]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """Give how many combinations there are."""
        return math.prod(map(len, self.values.values()))

    def __getitem__(self, number: int) -> Candidate:
        """Give a combination by its number, from 0; the last parameter's value changes first."""
        if not 0 <= number < self.size:
            raise IndexError(number)
        places = []
        for values in reversed(list(self.values.values())):
            number, place = divmod(number, len(values))
            places.append(place)
        return self.at(tuple(reversed(places)))

    def at(self, places: tuple[int, ...]) -> Candidate:
        """Give the combination of the values at these positions."""
        chosen = zip(self.values.items(), places, strict=True)
        return Candidate({name: values[place] for (name, values), place in chosen}, places)

    def __str__(self) -> str:
        each = " × ".join(_said(name, values) for name, values in self.values.items())  # noqa: RUF001
        return f"{each} = {counted(self.size, 'set')}"


def space_of(strategy: type[BaseStrategy], given: Mapping[str, Any]) -> Space:
    """Give what a sweep of a strategy tries, its parameters in the order of its fields.

    `given` says for a parameter `5:30:5` (both ends, and the step, which only whole numbers may leave out),
    `10,20,50`, `20`, or a Python range, list or value; for others the strategy's `search` counts, and one in neither
    keeps its default. Raise BtError for an unknown parameter, values that are not of its type or come twice, a range
    that does not rise, and where there is nothing to search.
    """
    require_search(f"search of {name_of(strategy)}", strategy.search)
    wanted = {**strategy.search, **given}
    known = require_known(strategy, wanted)
    if not wanted:
        example = "; it has no parameters" if not known else f": -p {next(iter(known))}=10,20,50 or -p …=10:50:10"
        raise BtError(f"{name_of(strategy)} does not say what to search", f"name the values{example}")
    values = {}
    for name, (kind, _) in known.items():
        if name in given:
            values[name] = _values(name, given[name], kind)
        elif name in wanted:
            values[name] = _searched(strategy, name, kind)
    return Space(values, {name: default for name, (_, default) in known.items() if name not in values})


def require_search(what: str, search: Any) -> None:
    """Refuse what does not name values for parameters."""
    if not isinstance(search, Mapping):
        raise BtError(f"{what} must name parameters, not {told(search)}", "{'fast': [10, 20], 'slow': '50:200:50'}")
    for name in search:
        require_text(f"a parameter in {what}", name, example="fast")


def described(space: Space) -> dict[str, Any]:
    """Give a space as JSON can hold it: a list of values for each parameter, or first, last and step of a range."""
    return {name: _plain(values) for name, values in space.values.items()}


def _searched(strategy: type[BaseStrategy], name: str, kind: type) -> Sequence[Any]:
    try:
        return _values(name, strategy.search[name], kind)
    except BtError as error:
        raise BtError(f"search of {name_of(strategy)}: {error.what}", error.cure) from None


def _values(name: str, given: Any, kind: type) -> Sequence[Any]:
    if isinstance(given, str):
        return _read(name, given, kind)
    if isinstance(given, range) and kind in _NUMBERS and len(given):
        return _stepped(name, (given[0], given[-1], given.step), kind, str(given))
    if not isinstance(given, Iterable):
        return _listed(name, [given], kind)
    unfit = isinstance(given, AbstractSet | Mapping | bytes) or not isinstance(given, Sized)  # no order, or no end
    if unfit or (isinstance(given, range) and len(given)):
        raise BtError(f"parameter {name}: {shown(given)} is no list of values", "give a list, or a range of numbers")
    return _listed(name, given, kind)


def _read(name: str, text: str, kind: type) -> Sequence[Any]:
    parts = [part.strip() for part in text.split(":")]
    if kind in _NUMBERS and not all(each.strip() for part in parts for each in part.split(",")):
        raise BtError(f"parameter {name}={shown(text)} leaves a value out", f"write {name}=10,20,50 or {name}=10:50:10")
    if kind not in _NUMBERS or len(parts) == 1:
        return _listed(name, [part.strip() for part in text.split(",")], kind)
    if len(parts) == 2 and kind is int:  # noqa: PLR2004 - first and last
        parts.append("1")
    if len(parts) != 3:  # noqa: PLR2004 - first, last and step
        example = "5:30:5" if kind is int else "0.5:2:0.5"
        raise BtError(f"parameter {name}={shown(text)} is not first:last:step", f"write {name}={example}")
    return _stepped(name, tuple(fitted(name, part, kind) for part in parts), kind, text)


def _stepped(name: str, bounds: tuple[Any, ...], kind: type, text: str) -> Sequence[Any]:
    first, last, step = (Fraction(repr(kind(each))) for each in bounds)
    far = max(abs(first), abs(last))
    if step <= 0 or first > last:
        low, high = sorted(bounds[:2])
        raise BtError(
            f"parameter {name}={shown(text)} is not a rising range", f"write {name}={low}:{high}:{abs(bounds[2]) or 1}"
        )
    if far > _EXACT or float(far - step) == float(far):
        raise BtError(
            f"parameter {name}={shown(text)}: its steps are too small, or its numbers too large to tell apart",
            "choose smaller numbers, or a larger step",
        )
    scale = math.lcm(first.denominator, step.denominator)
    return Stepped(int(first * scale), int(step * scale), scale, (last - first) // step + 1, kind)


def _listed(name: str, given: Iterable[Any], kind: type) -> Sequence[Any]:
    found: dict[Any, None] = {}
    for each in given:
        value = fitted(name, each, kind)
        if value in found:
            raise BtError(f"parameter {name} names {shown(value)} twice", "name each value once")
        found[value] = None
    if not found:
        raise BtError(f"parameter {name} has no values to try", f"write {name}=10,20,50, or leave it out")
    return tuple(found)


def _plain(values: Sequence[Any]) -> Any:
    if isinstance(values, Stepped):
        return {"first": values[0], "last": values[-1], "step": values.distance}
    return list(values)


def _said(name: str, values: Sequence[Any]) -> str:
    if len(values) == 1:
        return f"{name} {shown(values[0])}"
    if isinstance(values, Stepped):
        return f"{name} {values[0]}…{values[-1]} step {values.distance} ({len(values):,})"
    texts = [shown(each) for each in values]
    kept = texts if len(texts) <= _SHOWN else [*texts[: _SHOWN // 2], "…", texts[-1]]
    return f"{name} {', '.join(kept)} ({len(values):,})"
