"""Which parameter sets Optuna's TPE sampler proposes, in batches, so that no result hangs on which trial ended first.

A batch is proposed when every set of the batch before it has its value, and the values are told in the order of the
proposals. So the same seed and the same values give the same sets, however many workers there are; told the values
stored by an interrupted sweep, a new proposer stands where the old one stood. (Another version of Optuna may propose
other sets.)
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError
from bt.sweep.expressions import holds
from bt.sweep.sampling import candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna

    from bt.sweep.expressions import Expression
    from bt.sweep.space import Candidate, Space

_BATCH: Final = 8  # sets
_AT_RANDOM: Final = 16  # first sets, drawn before there is anything to learn from
_TRIES: Final = 10  # rounds of proposals for a batch; what is missing then is drawn at random


class Proposer:
    """Proposes parameter sets whose values it is told, higher being better; no set comes twice."""

    def __init__(
        self, space: Space, *, seed: int = 0, constraint: Expression | None = None, batch: int = _BATCH
    ) -> None:
        """Raise BtError where Optuna is not installed or the constraint leaves no set."""
        self._space = space
        self._constraint = constraint
        self._size = batch
        self._study = _study(seed)
        self._distributions = _distributions(space)
        self._random = candidates(space, "random", trials=space.size, seed=seed, constraint=constraint)
        self._seen: set[tuple[int, ...]] = set()
        self._batch: dict[tuple[int, ...], tuple[Candidate, optuna.trial.Trial | None]] = {}
        self._waiting: list[Candidate] = []
        self._values: dict[tuple[int, ...], float | None] = {}
        self._advance()

    def ask(self, n: int) -> list[Candidate]:
        """Give at most `n` sets: fewer at a batch's end, then none until its values are told; none when exhausted."""
        given, self._waiting = self._waiting[:n], self._waiting[n:]
        return given

    @property
    def exhausted(self) -> bool:
        """Say whether every set of the space was proposed and has its value."""
        return not self._batch

    def tell(self, candidate: Candidate, value: float | None) -> None:
        """Take the value of a set of this batch, asked for or not (stored by an earlier sweep); None = undefined."""
        places = candidate.places
        if places not in self._batch or places in self._values:
            raise BtError(
                f"the set {dict(candidate.params)} is not one that is proposed now",
                "resume with the seed, space, constraint and version of Optuna that the sweep began with",
            )
        self._values[places] = value
        self._waiting = [each for each in self._waiting if each.places != places]
        if len(self._values) == len(self._batch):
            self._learn()
            self._advance()

    def _learn(self) -> None:
        from optuna.trial import TrialState, create_trial

        for places, (_, trial) in self._batch.items():
            value = self._values[places]
            known = value is not None and math.isfinite(value)
            state = TrialState.COMPLETE if known else TrialState.PRUNED  # TPE ranks what was pruned last
            if trial is not None:
                self._study.tell(trial, value if known else None, state=state)
                continue
            params = {name: places[int(name)] for name in self._distributions}
            made = create_trial(
                params=params, distributions=self._distributions, value=value if known else None, state=state
            )
            self._study.add_trial(made)

    def _advance(self) -> None:
        self._batch, self._values = {}, {}
        if self._distributions and len(self._seen) >= _AT_RANDOM:
            for _ in range(_TRIES):
                if missing := self._size - len(self._batch):
                    self._propose(missing)
        while len(self._batch) < self._size and (drawn := self._drawn()):
            self._take(drawn, None)
        self._waiting = [candidate for candidate, _ in self._batch.values()]

    def _propose(self, missing: int) -> None:
        """Ask TPE for what is missing in the batch; take what is new and fits the constraint."""
        from optuna.trial import TrialState

        trials = [self._study.ask(self._distributions) for _ in range(missing)]
        proposed = [self._candidate(trial) for trial in trials]
        fits = holds(self._constraint, proposed, self._space.defaults) if self._constraint else [True] * missing
        for trial, candidate, fine in zip(trials, proposed, fits, strict=True):
            if fine and candidate.places not in self._seen:
                self._take(candidate, trial)
            else:  # what is refused ranks last; that a set came twice teaches nothing
                self._study.tell(trial, state=TrialState.FAIL if fine else TrialState.PRUNED)

    def _candidate(self, trial: optuna.trial.Trial) -> Candidate:
        return self._space.at(tuple(trial.params.get(str(place), 0) for place in range(len(self._space.values))))

    def _take(self, candidate: Candidate, trial: optuna.trial.Trial | None) -> None:
        self._seen.add(candidate.places)
        self._batch[candidate.places] = (candidate, trial)

    def _drawn(self) -> Candidate | None:
        return next((each for each in self._random if each.places not in self._seen), None)


def _study(seed: int) -> optuna.Study:
    try:
        import optuna
    except ImportError:
        raise BtError("the sampler tpe needs Optuna", "pip install 'bt-warehouse[optuna]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of experimental options
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _distributions(space: Space) -> dict[str, Any]:
    """Let Optuna choose positions, by the parameter's number; near ones are alike where the values rise or fall."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        str(place): IntDistribution(0, len(values) - 1)
        if _ordered(values)
        else CategoricalDistribution(tuple(range(len(values))))
        for place, values in enumerate(space.values.values())
        if len(values) > 1
    }


def _ordered(values: Sequence[Any]) -> bool:
    if not isinstance(values, tuple):
        return True  # a range
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return numbers and list(values) in (sorted(values), sorted(values, reverse=True))
