"""What our engine is told about a run, and the rules of ours that another engine does not have: one by one put aside.

The chain begins with the run as it was and ends with what both engines can do: the profile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bt.engine import Execution, Tape
from bt.errors import BtError
from bt.verify.signs import (
    added,
    at_a_gap,
    by_ticks,
    by_volume,
    drilled,
    in_the_entry_bar,
    left_open,
    liquidated,
    refused_while_held,
    taken,
    target_first,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from bt.engine import Around, Terms
    from bt.verify.signs import Pair


@dataclass(frozen=True, kw_only=True, eq=False)
class Conduct:
    """Settings, and what of the market they look at besides bars."""

    terms: Terms
    around: Around

    def tape(self, bars: pl.DataFrame, timeframe: str) -> Tape:
        """Lay the bars out for our engine."""
        return Tape.laid(bars, self.around, self.terms, timeframe=timeframe)

    def executing(self, **changes: Any) -> Conduct:
        """Change how orders become fills."""
        return replace(self, terms=replace(self.terms, execution=replace(self.terms.execution, **changes)))

    def beside(self, **changes: Any) -> Conduct:
        """Change what is known besides bars."""
        return replace(self, around=replace(self.around, **changes))

    def same(self, other: Conduct) -> bool:
        """Say whether nothing was changed."""
        mine, theirs = self.around, other.around
        names = ("instruments", "funding", "detail", "gaps")
        return self.terms == other.terms and all(getattr(mine, name) is getattr(theirs, name) for name in names)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of ours: `without` puts it aside, `caused` says whether it is what sets two trades apart."""

    name: str
    sentence: str
    without: Callable[[Conduct], Conduct]
    caused: Callable[[Pair], bool]
    sizes: Callable[[Pair], bool] = lambda _: False  # says whether it is what sets quantities apart


def _undrilled(conduct: Conduct) -> Conduct:
    if not conduct.terms.execution.drills:
        return conduct
    return conduct.executing(intrabar="adverse").beside(detail=None)


def _stop_first(conduct: Conduct) -> Conduct:
    return conduct.executing(intrabar="adverse")


def _untouched_when_entered(conduct: Conduct) -> Conduct:
    return conduct.executing(level_delay=1)


def _limit_targets(conduct: Conduct) -> Conduct:
    return conduct.executing(take_fill="limit")


def _unrounded(conduct: Conduct) -> Conduct:
    rules = conduct.around.instruments
    if rules is None or "tick_size" not in rules.columns or not rules["tick_size"].count():
        return conduct
    costs = replace(conduct.terms.costs, slippage_ticks=0.0)
    return replace(conduct, terms=replace(conduct.terms, costs=costs)).beside(instruments=rules.drop("tick_size"))


def _unliquidated(conduct: Conduct) -> Conduct:
    """Let positions live while the account has anything; the caps of leverage stay."""
    account = conduct.terms.account
    alone = account.leverage <= 1.0
    if alone and account.margin == "isolated":
        return conduct
    account = replace(account, margin="isolated" if alone else "cross", mmr=0.0)
    return replace(conduct, terms=replace(conduct.terms, account=account))


def _gapless(conduct: Conduct) -> Conduct:
    gaps = conduct.around.gaps
    return conduct if gaps is None or gaps.is_empty() else conduct.beside(gaps=None)


def _any_volume(conduct: Conduct) -> Conduct:
    return conduct.executing(max_volume_share=None)


def _single(conduct: Conduct) -> Conduct:
    return conduct.executing(pyramiding=0)


def _closed(conduct: Conduct) -> Conduct:
    return conduct.executing(close_at_end=True, rebalance_band=0.0)


RULES: Final = (
    Rule(
        name="drill-down", without=_undrilled, caused=drilled,
        sentence="a bar that touches a level is walked minute by minute; Backtrader has the bar alone",
    ),
    Rule(
        name="target first", without=_stop_first, caused=target_first,
        sentence="of stop and target in one bar the run takes the target; the stop comes first there",
    ),
    Rule(
        name="entry-bar stop", without=_untouched_when_entered, caused=in_the_entry_bar,
        sentence="stop, trail and target act in the bar of the entry; there from the bar after it on",
    ),
    Rule(
        name="target as market", without=_limit_targets, caused=taken,
        sentence="a target pays slippage and the taker's fee; there it is a limit order that pays neither",
    ),
    Rule(
        name="tick rounding", without=_unrounded, caused=by_ticks,
        sentence="levels and fills lie on the instrument's ticks; there prices are not rounded",
    ),
    Rule(
        name="liquidation", without=_unliquidated, caused=liquidated,
        sentence="the exchange ends a position whose margin is used up; there nobody does",
    ),
    Rule(
        name="recorded gaps", without=_gapless, caused=at_a_gap, sizes=refused_while_held("gap"),
        sentence="no entry across a recorded gap; there a missing bar is none",
    ),
    Rule(
        name="volume share", without=_any_volume, caused=by_volume, sizes=refused_while_held("volume"),
        sentence="an entry is bounded by the volume of its bar; there it is not",
    ),
    Rule(
        name="pyramiding", without=_single, caused=added, sizes=added,
        sentence="a position may be added to; there one entry is one position",
    ),
    Rule(
        name="open at the end", without=_closed, caused=left_open,
        sentence="what is open at the end stays open; there it is closed",
    ),
)  # fmt: skip


def chain(conduct: Conduct) -> Iterator[tuple[Rule, Conduct]]:
    """Put one rule after the other aside; give those that the run has, each with what is left."""
    for rule in RULES:
        left = rule.without(conduct)
        if not left.same(conduct):
            yield rule, left
        conduct = left


def profiled(conduct: Conduct, engine: str) -> Conduct:
    """Put all rules aside that an engine does not have: what is left is what both engines follow."""
    left = conduct
    for _, left in chain(conduct):  # noqa: B007 - the last one
        pass
    own = left.terms.execution
    kept = {name: getattr(own, name) for name in ("stop", "take", "trail", "max_bars")}
    if own != Execution.profile(engine, **kept):
        raise BtError(f"{engine} is not reached by the rules that were put aside: {own}", "report it")
    return left
