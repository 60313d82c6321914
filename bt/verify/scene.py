"""A stored run made ready to be traded again, by our engine under any conduct or by another one, part after part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from bt.engine import Around
from bt.errors import BtError
from bt.strategy.again import request_of
from bt.strategy.base import made
from bt.strategy.listening import Clock
from bt.strategy.run import Test
from bt.verify.attribution import Played
from bt.verify.case import EQUITY, TRADE, Case, Columns, Opinion
from bt.verify.conduct import Conduct
from bt.walkforward.again import Stitching
from bt.walkforward.stitch import Segment, stitched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bt.results import Results
    from bt.strategy import BaseStrategy, Ground
    from bt.strategy.listening import Listener


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a run was: market, conduct, and its parts with their signals; a walk-forward has one for each fold."""

    ground: Ground
    bars: pl.DataFrame
    conduct: Conduct
    parts: tuple[Segment, ...]
    stitched: bool

    @classmethod
    def read(cls, results: Results, strategy: type[BaseStrategy], listener: Listener) -> Scene:
        """Read a run as it was read, and ask the strategy for its signals."""
        row = results.run
        if row["kind"] == "sweep":
            raise BtError(f"{results.run_id} is a sweep of parameter sets, not one run", "bt run one of them with -p")
        if row["kind"] == "walk":
            again = Stitching.prepared(results, strategy, listener)
            return cls._of(again.attempt.ground, again.parts, stitched=True)
        chosen = made(strategy, json.loads(row["params"]))
        test = Test.begun(chosen, results.warehouse, request_of(row), Clock(listener))
        tape = test.ground.tape(listener.say)
        times: Any = tape.grid.times
        part = Segment(times[0], times[-1] + test.ground.length, 1, tape.told(test.signals))
        return cls._of(test.ground, (part,), stitched=False)

    @classmethod
    def _of(cls, ground: Ground, parts: tuple[Segment, ...], *, stitched: bool) -> Scene:
        if any(part.told is not None and part.told.targets for part in parts):
            raise BtError(
                f"{ground.strategy} holds targets (shares of equity), which are no orders of another engine",
                "runs of entries and exits can be verified",
            )
        given = ground.inputs
        around = Around(
            instruments=given.instruments, funding=given.funding, gaps=given.gaps,
            detail=given.detail if ground.terms.execution.drills else None,
        )  # fmt: skip
        conduct = Conduct(terms=ground.terms, around=around)
        if around.detail is None and ground.terms.execution.drills:
            conduct = conduct.executing(intrabar="adverse")  # which is what it then means
        return cls(ground=ground, bars=ground.bars(), conduct=conduct, parts=parts, stitched=stitched)

    def play(self, conduct: Conduct) -> Played:
        """Let our engine trade it."""
        tape = conduct.tape(self.bars, self.ground.request.timeframe)
        done: Any
        if self.stitched:
            done, _ = stitched(tape, self.parts)
        else:
            told = self.parts[0].told
            done = tape.simulation(tape.trade(told)) if told else None
        return Played(
            conduct=conduct, done=done, trades=done.trades, end_equity=done.end_equity, bars=self.bars
        )  # fmt: skip

    def ask(self, engine: Callable[[Case], Opinion], conduct: Conduct, heard: Callable[[int], None]) -> Opinion:
        """Let another engine trade it, part after part, each with what it made of the one before."""
        cash, opinions, told = conduct.terms.account.cash, list[Opinion](), 0
        for case in self.cases(conduct):
            begun = told
            given = case(cash, lambda done, begun=begun: heard(begun + done))  # type: ignore[misc]
            opinion = engine(given) if given.says_anything else still(given)
            opinions.append(opinion)
            cash, told = opinion.end_equity, told + opinion.equity.height
        return Opinion(
            trades=pl.concat(each.trades for each in opinions), equity=pl.concat(each.equity for each in opinions),
            complaints=tuple(complaint for each in opinions for complaint in each.complaints),
        )  # fmt: skip

    def cases(self, conduct: Conduct) -> Iterator[Callable[[float, Callable[[int], None]], Case]]:
        """Give the parts as what another engine takes, each once its cash is known."""
        rules: dict[str, list[dict[str, Any]]] = {}
        for row in conduct.around.instruments.to_dicts() if conduct.around.instruments is not None else ():
            rules.setdefault(row["symbol"], []).append(row)
        funding = conduct.around.funding
        rates = funding.with_columns(pl.col("ts").dt.truncate("1m")) if funding is not None else _no_rates()
        ordered = self.bars.sort("symbol", "ts")
        for part in self.parts:
            within = (pl.col("ts") >= part.first) & (pl.col("ts") < part.end)
            bars = ordered.filter(within)
            signals = part.told.frame.filter(within) if part.told else bars.select("symbol", "ts")
            if bars.height:
                yield lambda cash, heard, bars=bars, signals=signals: Case(  # type: ignore[misc]
                    bars=bars, signals=signals, terms=conduct.terms, cash=cash, rules=rules, funding=rates,
                    length=self.ground.length, heard=heard,
                )  # fmt: skip

    @property
    def symbols(self) -> list[str]:
        """Name the symbols."""
        return self.bars["symbol"].unique().sort().to_list()

    @property
    def times(self) -> int:
        """Give how many bar times there are in all parts."""
        within = pl.any_horizontal((pl.col("ts") >= part.first) & (pl.col("ts") < part.end) for part in self.parts)
        return self.bars.filter(within)["ts"].n_unique()

    @property
    def longest_wait(self) -> int:
        """Give the most bars that an order waits, 0 where none does."""
        found = [0]
        for part in self.parts:
            frame = part.told.frame if part.told else pl.DataFrame()
            if {"entry_limit", "entry_stop"} & set(frame.columns):
                most: Any = frame["entry_bars"].max() if "entry_bars" in frame.columns else None
                found.append(most or 1)
        return max(found)


def _no_rates() -> pl.DataFrame:
    kinds: Columns = {"symbol": pl.String, "ts": pl.Datetime("us"), "rate": pl.Float64, "mark": pl.Float64}
    return pl.DataFrame(schema=kinds)


def still(case: Case) -> Opinion:
    """Give the opinion of an engine that is told nothing: the account as it was."""
    times = case.bars["ts"].unique().sort()
    equity = pl.DataFrame({"ts": times, "equity": [case.cash] * len(times)}, schema=EQUITY)
    return Opinion(trades=pl.DataFrame(schema=TRADE), equity=equity)
