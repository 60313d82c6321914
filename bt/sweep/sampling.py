"""Which parameter sets are tried, and in which order: the grid, a random sample of it, or a Latin hypercube.

Every order is a pure function of the space, the number of trials and the seed. It is made of BLAKE2 and whole numbers
only, so it is the same on every machine and in every version of Python and NumPy. No set comes twice, and nothing is
held but the sets that a hypercube has named.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Literal, get_args

from bt.errors import BtError, hint
from bt.sweep.expressions import holds
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bt.sweep.expressions import Expression
    from bt.sweep.space import Candidate, Space

Enumerated = Literal["grid", "random", "lhs"]

UNBOUNDED: Final = 100_000  # sets that are tried where no number of trials is given
_PATIENCE: Final = 100_000  # sets refused in a row by a constraint until it is taken to refuse all
_LARGEST_CUBE: Final = 1_000_000  # trials; their places are held
_DESIGNS: Final = 8  # hypercubes laid over one another before what is missing is drawn at random
_COUNTED: Final = 10_000  # sets that a constraint is asked about only to know how many it leaves
_BATCHES: Final = (64, 4096)  # sets, the first and the largest lot put to a constraint
_ROUNDS: Final = 6
_FINE: Final = 32  # bits of the place inside a stratum


def candidates(
    space: Space,
    sampler: str,
    *,
    trials: int | None,
    seed: int = 0,
    constraint: Expression | None = None,
    warn: Callable[[str], None] | None = None,
) -> Iterator[Candidate]:
    """Give distinct parameter sets one by one, at most `trials`, skipping those that the constraint refuses.

    `grid` goes through the space in order, `random` draws without replacement, `lhs` covers each parameter's values
    evenly and fills up what the constraint took. Where the constraint leaves fewer sets than `trials`, or refuses
    100,000 in a row, the sets end and `warn` is told. Raise BtError for an unknown sampler, for a number of trials that
    is missing or below 1, and, once asked for the first set, where the constraint leaves none.
    """
    _require(space, sampler, trials)
    wanted = min(trials or space.size, space.size)
    orders: dict[str, Callable[[], Iterable[Candidate]]] = {
        "grid": lambda: _in_order(space),
        "random": lambda: _shuffled(space, seed),
        "lhs": lambda: _distinct(_covering(space, wanted, seed)),
    }
    order = orders[sampler]()
    if constraint is None:
        return islice(order, wanted)
    return _kept(space, order, wanted, constraint, warn if trials else None)


def count(space: Space, *, trials: int | None, constraint: Expression | None = None) -> int | None:
    """Give how many sets `candidates` will give, or None where only going through them would tell."""
    wanted = min(trials or space.size, space.size)
    if constraint is None:
        return wanted
    if space.size > _COUNTED:
        return None
    return min(wanted, sum(holds(constraint, list(_in_order(space)), space.defaults)))


def require_bounded(space: Space, trials: int | None) -> None:
    """Refuse to try more sets than anybody waits for where no number of trials is given."""
    if trials is None and space.size > UNBOUNDED:
        raise BtError(f"{space.size:,} sets are too many to try all", "give --trials 500 --sampler random")


def _require(space: Space, sampler: str, trials: int | None) -> None:
    known = get_args(Enumerated)
    if sampler not in known:
        raise BtError(f"unknown sampler {sampler!r}", hint(sampler, known))
    if trials is not None and trials < 1:
        raise BtError(f"{trials} trials are none", "give --trials 1 or more")
    require_bounded(space, trials)
    if trials is None and sampler != "grid":
        raise BtError(f"the sampler {sampler} needs a number of trials", f"give --trials {min(500, space.size)}")
    if sampler == "lhs" and min(trials or 0, space.size) > _LARGEST_CUBE:
        raise BtError(f"{trials:,} trials are too many for lhs", "give fewer, or --sampler random")


def _in_order(space: Space) -> Iterator[Candidate]:
    number = 0
    while number < space.size:  # a range of more than 2^63 has no iterator that is quick
        yield space[number]
        number += 1


def _shuffled(space: Space, seed: int) -> Iterator[Candidate]:
    shuffle = _Shuffle(space.size, f"random {seed}")
    number = 0
    while number < space.size:
        yield space[shuffle[number]]
        number += 1


def _covering(space: Space, trials: int, seed: int) -> Iterator[Candidate]:
    """Give the sets of Latin hypercubes, and then every other set.

    In a hypercube each parameter's values are cut into as many strata as there are trials, each used once.
    """
    designs = (_design(space, trials, f"lhs {seed} {design}") for design in range(_DESIGNS))
    yield from chain.from_iterable(designs)
    yield from _shuffled(space, seed)


def _design(space: Space, trials: int, key: str) -> Iterator[Candidate]:
    lengths = [len(values) for values in space.values.values()]
    shuffles = [_Shuffle(trials, f"{key} {place}") for place in range(len(lengths))]
    for trial in range(trials):
        places = []
        for length, shuffle in zip(lengths, shuffles, strict=True):
            inside = _hashed(f"{shuffle.key} inside", trial) % 2**_FINE
            places.append((shuffle[trial] * 2**_FINE + inside) * length // (trials * 2**_FINE))
        yield space.at(tuple(places))


def _distinct(given: Iterable[Candidate]) -> Iterator[Candidate]:
    seen = set()
    for candidate in given:
        if candidate.places not in seen:
            seen.add(candidate.places)
            yield candidate


def _kept(
    space: Space,
    order: Iterable[Candidate],
    wanted: int,
    constraint: Expression,
    warn: Callable[[str], None] | None,
) -> Iterator[Candidate]:
    found = 0
    for candidate in islice(_accepted(space, order, constraint), wanted):
        found += 1
        yield candidate
    if not found:
        looked_at = f"the {counted(space.size, 'set')}" if space.size <= _PATIENCE else f"{_PATIENCE:,} sets looked at"
        raise BtError(f"constraint {constraint.text!r} leaves none of {looked_at}", "loosen it, or search elsewhere")
    if found < wanted and warn:
        warn(f"constraint {constraint.text!r} leaves {counted(found, 'set')} of the {wanted:,} asked for")


def _accepted(space: Space, order: Iterable[Candidate], constraint: Expression) -> Iterator[Candidate]:
    source, size, refused = iter(order), _BATCHES[0], 0
    while refused < _PATIENCE and (batch := list(islice(source, size))):
        for candidate, fine in zip(batch, holds(constraint, batch, space.defaults), strict=True):
            refused = 0 if fine else refused + 1
            if fine:
                yield candidate
        size = min(2 * size, _BATCHES[1])


@dataclass(frozen=True)
class _Shuffle:
    """The numbers below `size` in an order that hangs on the key, each known without the others.

    A Feistel network permutes the smallest even number of bits that holds `size`; what falls outside is put through
    again until it is inside ("cycle walking", Black and Rogaway 2002), which leaves a permutation.
    """

    size: int
    key: str

    @cached_property
    def _half(self) -> int:
        return max(1, ((self.size - 1).bit_length() + 1) // 2)

    def __getitem__(self, number: int) -> int:
        number = self._permuted(number)
        while number >= self.size:
            number = self._permuted(number)
        return number

    def _permuted(self, number: int) -> int:
        left, right = number >> self._half, number & (1 << self._half) - 1
        for turn in range(_ROUNDS):
            left, right = right, left ^ (_hashed(f"{self.key} {turn}", right) & (1 << self._half) - 1)
        return left << self._half | right


def _hashed(key: str, number: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{key} {number}".encode()).digest(), "little")
