"""A run shown to another engine: whether it trades the same, and which of our rules set the run apart from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError, ExitCode
from bt.results import differing
from bt.verify.attribution import effects
from bt.verify.conduct import chain, profiled
from bt.verify.differences import TOLERANCE, Curves, Difference, curves, difference_of, paired
from bt.verify.differences import differing as those_that_differ
from bt.verify.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bt.results import Results
    from bt.strategy import BaseStrategy
    from bt.strategy.listening import Listener
    from bt.verify.attribution import Effect, Played
    from bt.verify.case import Opinion
    from bt.verify.conduct import Conduct, Rule
    from bt.verify.engines import Engine

_ONE_KIND: Final = 1
_EXPRESSIBLE: Final = {"signal", "reverse", "stop", "trail", "take", "time", "end_of_data", "fold_end"}


class ChangedError(BtError):
    """The run does not come out as it is stored."""

    code = ExitCode.INCOMPLETE


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of it; the profile is what both engines followed.

    `trades` counts those of either engine, `differences` those of them that are not the same in both.
    """

    run_id: str
    engine: str
    version: str
    profile: dict[str, Any]
    trades: int
    differences: int
    first: Difference | None
    curves: Curves
    complaints: tuple[tuple[datetime, str], ...]
    effects: tuple[Effect, ...]
    tolerance: float = TOLERANCE

    @property
    def matches(self) -> bool:
        """Say whether every entry and exit matches, and equity at every bar."""
        return not self.differences and self.curves.same and not self.complaints

    @property
    def unexplained(self) -> int:
        """Give how many trades of the run differ from the profile's without a rule that explains it."""
        return sum(effect.unexplained for effect in self.effects)

    def row(self) -> dict[str, Any]:
        """Give it as the columns of `verifications`, JSON not written yet."""
        first = self.first or self.curves.difference
        return {
            "run_id": self.run_id, "engine": self.engine, "version": self.version, "profile": self.profile,
            "trades": self.trades, "differences": self.differences,
            "first_difference": dataclasses.asdict(first) if first else None,
            "complaints": [f"{ts} {said}" for ts, said in self.complaints],
            "bars": self.curves.bars, "equity_gap": self.curves.gap, "tolerance": self.tolerance,
            "matches": self.matches, "unexplained": self.unexplained,
            "rules": [effect.facts() for effect in self.effects],
        }  # fmt: skip


def verify(
    results: Results, strategy: type[BaseStrategy], engine: Engine, *, listener: Listener,
    heard: Callable[[int, int], None],
) -> Verification:  # fmt: skip
    """Trade a stored run's signals in another engine and in ours, and hold both together; nothing is stored.

    `heard` is told how many bar times of how many the other engine has done. Raises `BtError` where the run does not
    come out as stored any more, or has what the other engine cannot express and that cannot be put aside.
    """
    scene = Scene.read(results, strategy, listener)
    _require_sayable(scene)
    listener.stage("rules")
    plays = _plays(scene)
    _require_same(results, plays[0][1])
    profile = profiled(scene.conduct, engine.name)
    last = plays[-1][1]
    _require_expressible(last, engine.name)
    listener.stage(engine.name)
    total = scene.times
    opinion = scene.ask(engine.trade, profile, lambda done: heard(done, total))
    found = tuple(effects(plays, scene.ground.length, scene.longest_wait))
    return _held_together(results.run_id, engine, (last, opinion), found)


def _plays(scene: Scene) -> list[tuple[Rule | None, Played]]:
    """Give the run as it was, and after each rule that is put aside."""
    plays: list[tuple[Rule | None, Played]] = [(None, scene.play(scene.conduct))]
    plays += [(rule, scene.play(conduct)) for rule, conduct in chain(scene.conduct)]
    return plays


def _held_together(
    run_id: str, engine: Engine, both: tuple[Played, Opinion], found: tuple[Effect, ...]
) -> Verification:
    ours, theirs = both
    pairs = paired(ours.trades, theirs.trades, ours.conduct.terms.account.cash)
    unlike = those_that_differ(pairs)
    return Verification(
        run_id=run_id, engine=engine.name, version=engine.version, profile=_profile(ours.conduct), trades=pairs.height,
        differences=unlike.height, first=difference_of(unlike.row(0, named=True)) if unlike.height else None,
        curves=curves(ours.done.equity, theirs.equity), complaints=theirs.complaints, effects=found,
    )  # fmt: skip


def _profile(conduct: Conduct) -> dict[str, Any]:
    """Give what both engines followed, as it is stored."""
    return {name: dataclasses.asdict(getattr(conduct.terms, name)) for name in ("account", "costs", "execution")}


def _require_same(results: Results, played: Played) -> None:
    stored = differing.happened(results)
    if differing.first_difference(stored, differing.happening(played.done, stored)):
        raise ChangedError(
            f"{results.run_id} does not come out as it is stored: data, strategy, settings or bt have changed",
            f"bt replay {results.run_id} says what",
        )


def _require_sayable(scene: Scene) -> None:
    rules = scene.conduct.around.instruments
    kinds = rules["category"].unique().drop_nulls() if rules is not None else pl.Series(dtype=pl.String)
    if (kinds == "spot").any() and (len(kinds) > _ONE_KIND or rules["symbol"].n_unique() < len(scene.symbols)):  # type: ignore[index]
        raise BtError(
            "spot and contracts share one account in this run: another engine has one kind of cash for each",
            "verify a run of either",
        )


def _require_expressible(played: Played, engine: str) -> None:
    """Refuse a run whose account came to nothing: Backtrader would trade on."""
    strange = set(played.done.fills.filter(~pl.col("opens"))["reason"]) - _EXPRESSIBLE
    if played.done.status == "ruined" or strange:
        raise BtError(
            f"without liquidations the account is ruined, which {engine} has no word for: it would trade on",
            "verify a run with less leverage or size",
        )
