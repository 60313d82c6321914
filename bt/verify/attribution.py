"""Which trades change because of a rule, which only follow from an earlier change, and which nothing explains."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.verify.differences import KEY, PRICES, SHOWN, TIMES
from bt.verify.signs import Facts, Pair, alike, in_proportion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bt.results.store import Outcome
    from bt.verify.conduct import Conduct, Rule

_WANTING: Final = ("slots", "cash", "volume", "min_qty", "min_notional")  # refusals that hang on the account
_UNFIT: Final = ("stop_side", "min_qty", "min_notional")  # refusals that hang on the price
_BEGIN, _NEVER = datetime(1, 1, 1), datetime(9999, 12, 31)
_WORKED_OUT: Final = ("qty", "fees", "funding", "pnl")
_COURSE: Final = (*TIMES, *PRICES)
_COLUMNS: Final = (*SHOWN, "trade", "entry_kind", "bars")

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What our engine made of the run under some conduct."""

    conduct: Conduct
    done: Outcome
    trades: pl.DataFrame
    end_equity: float
    bars: pl.DataFrame


@dataclass
class Effect:
    """What a rule comes to: trades that change because of it, that follow, that nothing explains, and the first."""

    rule: Rule
    before: float  # end equity with the rule, quote
    after: float  # without it
    changed: int = 0
    follow: int = 0
    unexplained: int = 0
    first: tuple[Row | None, Row | None] | None = None  # with the rule and without it, of a trade that it changes
    first_unexplained: tuple[Row | None, Row | None] | None = None

    def facts(self) -> dict[str, Any]:
        """Give it as it is stored; see the view `verified_rules`."""
        return {
            "rule": self.rule.name, "sentence": self.rule.sentence, "changed": self.changed, "follow": self.follow,
            "unexplained": self.unexplained, "end_equity": self.before, "end_equity_without": self.after,
            "first": _both(self.first), "first_unexplained": _both(self.first_unexplained),
        }  # fmt: skip


@dataclass
class _Course:
    """What is known while the trades are looked at in order of entry."""

    effect: Effect
    facts: Facts
    refused: tuple[dict[str, list[datetime]], ...]  # by the account, with the rule and without it
    slack: timedelta  # how long an order may wait
    cross: bool  # liquidation looks at the whole account
    ended: datetime  # bar in which one of the accounts was ruined
    reach: dict[str, datetime] = field(default_factory=dict)  # how long a symbol's positions have not been the same
    settled: dict[str, datetime] = field(default_factory=dict)  # last exit of a trade that both have
    began: datetime = _NEVER  # entry of the first trade that the rule changes
    left: list[tuple[Row | None, Row | None]] = field(default_factory=list)

    def take(self, ours: Row | None, theirs: Row | None) -> None:
        """Say what sets a pair apart, if anything does."""
        one = ours or theirs or {}
        symbol = one["symbol"]
        pair = Pair(ours=ours, theirs=theirs, facts=self.facts, before=self.settled.get(symbol, _BEGIN))
        effect, by_size = self.effect, False
        if ours and theirs and alike(ours, theirs, _COURSE):
            self.settled[symbol] = ours["exit_ts"] or _NEVER
            by_size = bool(self.reach) and in_proportion(ours, theirs) and not effect.rule.sizes(pair)
            if alike(ours, theirs, _WORKED_OUT):
                return
        if by_size:
            effect.follow += 1
        elif effect.rule.caused(pair):
            effect.changed += 1
            effect.first = effect.first or (ours, theirs)
            self.began = min(self.began, one["entry_ts"])
        elif self._follows(ours, theirs):
            effect.follow += 1
        else:
            self.left.append((ours, theirs))
        exits = [each["exit_ts"] or _NEVER for each in (ours, theirs) if each]
        self.reach[symbol] = max(self.reach.get(symbol, _BEGIN), *exits)

    def end(self) -> None:
        """Judge what was left: a trade may change after its entry, with the account."""
        for ours, theirs in self.left:
            until = (ours or theirs or {})["exit_ts"] or _NEVER
            account = self.began <= until and ours and theirs and self._hangs_on_the_account(ours, theirs)
            if account or (self.began < _NEVER and self.ended <= until) or self._of_one_open(ours, theirs):
                self.effect.follow += 1
                continue
            self.effect.unexplained += 1
            self.effect.first_unexplained = self.effect.first_unexplained or (ours, theirs)

    def _of_one_open(self, ours: Row | None, theirs: Row | None) -> bool:
        """Say whether its size alone differs, and another entry of the same open is another."""
        both = ours and theirs and alike(ours, theirs, _COURSE)
        return bool(both and ours and self.began <= ours["entry_ts"])

    def _hangs_on_the_account(self, ours: Row, theirs: Row) -> bool:
        """Say whether its prices do: they are averages over adds, or the account was liquidated as a whole."""
        ended = self.cross and "liquidation" in {ours["exit_reason"], theirs["exit_reason"]}
        return ended or max(ours["entries"], theirs["entries"]) > 1

    def _follows(self, ours: Row | None, theirs: Row | None) -> bool:
        """Say whether a difference follows from one before: of size alone, or of who held or could pay what."""
        if not self.reach:  # nothing differs before
            return False
        one = ours or theirs or {}
        until = self.reach.get(one["symbol"], _BEGIN)
        within = until == _NEVER or (until > _BEGIN and one["entry_ts"] <= until + self.slack)
        if ours and theirs:
            if alike(ours, theirs, _COURSE):
                return True
            return self._hangs_on_the_account(ours, theirs) or (within and bool(self.slack))
        if within:
            return True
        other = self.refused[1 if ours else 0].get(one["symbol"], [])
        place = bisect_right(other, one["entry_ts"])
        return place > 0 and other[place - 1] >= one["entry_ts"] - self.slack


def effects(plays: list[tuple[Rule | None, Played]], length: timedelta, longest: int) -> Iterator[Effect]:
    """Hold each simulation against the one before it, which has one rule more; `longest`: bars an order may wait."""
    for (_, ours), (rule, theirs) in pairwise(plays):
        if rule is None:
            continue
        effect = Effect(rule, ours.end_equity, theirs.end_equity)
        both = tuple(_wanting(each.done.rejections) for each in (ours, theirs))
        ended = min(_ruin(each.done) for each in (ours, theirs))
        cross = ours.conduct.terms.account.margin == "cross"
        course = _Course(effect, _facts(ours, theirs), both, slack=length * longest, cross=cross, ended=ended)
        for one, two in _pairs(ours, theirs):
            course.take(one, two)
        course.end()
        yield effect


def _pairs(ours: Played, theirs: Played) -> Iterator[tuple[Row | None, Row | None]]:
    """Give trades of one symbol, side and entry time together, in order of entry."""
    found: dict[tuple[Any, ...], list[Row | None]] = {}
    for place, played in enumerate((ours, theirs)):
        entries = Counter(played.done.fills.filter(pl.col("opens"))["trade"].to_list())
        for row in _seen(played).iter_rows(named=True):
            row["entries"] = entries[row["trade"]]
            found.setdefault((*(row[name] for name in KEY), row["turn"]), [None, None])[place] = row
    for key in sorted(found, key=lambda key: (key[2], key[0], key[1], key[3])):
        one, two = found[key]
        yield one, two


def _seen(played: Played) -> pl.DataFrame:
    """Give its trades with the range of the bar of the exit, and `turn`: which of those of one key it is."""
    ranges = played.bars.select("symbol", pl.col("ts").alias("exit_ts"), "low", "high")
    turn = pl.int_range(pl.len()).over(KEY).alias("turn")
    return played.trades.select(*_COLUMNS, turn).join(ranges, on=("symbol", "exit_ts"), how="left")


def _both(found: tuple[Row | None, Row | None] | None) -> dict[str, Row | None] | None:
    return {"with": found[0], "without": found[1]} if found else None


def _wanting(rejections: pl.DataFrame) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for symbol, ts in rejections.filter(pl.col("reason").is_in(_WANTING)).select("symbol", "ts").iter_rows():
        found.setdefault(symbol, []).append(ts)
    return found


def _ruin(done: Outcome) -> datetime:
    last: datetime = done.equity["ts"][-1]
    return last if done.status == "ruined" else _NEVER


def _facts(played: Played, other: Played) -> Facts:
    fills, rejections = played.done.fills, played.done.rejections
    unfit = [each.done.rejections.filter(pl.col("reason").is_in(_UNFIT)) for each in (played, other)]
    adds: Mapping[int, int] = Counter(fills.filter(pl.col("opens"))["trade"].to_list())
    refused: dict[tuple[str, str], list[datetime]] = {}
    for symbol, reason, ts in rejections.select("symbol", "reason", "ts").sort("ts").iter_rows():
        refused.setdefault((symbol, reason), []).append(ts)
    return Facts(
        minutes=frozenset(fills.filter(pl.col("minute").is_not_null())["trade"]),
        ambiguous=frozenset(fills.filter(pl.col("ambiguous"))["trade"]),
        adds=frozenset(trade for trade, count in adds.items() if count > 1),
        refused=refused, ticks=_ticks(played.conduct), slippage=played.conduct.terms.costs.slippage,
        delay=played.conduct.terms.execution.level_delay,
        unfit=frozenset(row for frame in unfit for row in frame.select("symbol", "ts").iter_rows()),
    )  # fmt: skip


def _ticks(conduct: Conduct) -> dict[str, float]:
    """Give how far rounding and slippage in ticks may move a price: a level by half a tick, a fill by one."""
    rules = conduct.around.instruments
    if rules is None or "tick_size" not in rules.columns:
        return {}
    known = rules.drop_nulls("tick_size").group_by("symbol").agg(pl.col("tick_size").max())
    steps = 2.0 + conduct.terms.costs.slippage_ticks
    return {symbol: steps * tick for symbol, tick in known.select("symbol", "tick_size").iter_rows()}
