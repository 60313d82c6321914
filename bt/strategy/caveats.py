"""What a reader of a run's figures should know before believing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.symbols import bring
from bt.wording import counted, minute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.engine import Joined, Simulation
    from bt.strategy.inputs import Inputs

FEW_TRADES: Final = 30  # below this, hardly any figure means much
MOST_STRETCHES: Final = 20  # named one by one; the view funding_gaps has them all

_AT_THE_OPEN: Final = ("signal", "reverse", "rebalance", "time")  # exits that funding inside their bar does not reach
_PENDING: Final = {
    "expired": "{} expired unfilled",
    "cancelled": "{} cancelled by an exit signal",
    "replaced": "{} replaced by a newer one",
}


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Hold a run that is done, with what it was made of; `envelope` is the final equity stop first, target first."""

    done: Simulation | Joined
    bars: pl.DataFrame
    length: timedelta  # of a bar
    inputs: Inputs
    envelope: tuple[float, float] | None = None


def caveats(run: Finished) -> Iterator[str]:
    """Say in sentences what a reader of the figures should know."""
    done, gaps = run.done, run.inputs.gaps
    won = done.trades["pnl"].drop_nulls()
    if done.status == "ruined":
        yield "the account was ruined: everything was closed and the run ended there"
    if done.trades.is_empty():
        yield "nothing was traded"
    elif len(won) < FEW_TRADES:
        yield f"only {counted(len(won), 'trade')}: too few to judge by"
    if held := done.trades.filter("is_open").height:
        yield f"{counted(held, 'position')} still open at the end: what they gained or lost is in no trade"
    if won.sum() > 0 and won.max() > won.sum() / 2 and len(won) > 1:  # type: ignore[operator]
        yield f"one trade made {won.max() / won.sum():.0%} of the profit"  # type: ignore[operator]
    liquidated = done.trades.filter(pl.col("exit_reason") == "liquidation")
    if liquidated.height:
        yield f"{counted(liquidated.height, 'trade')} ended by liquidation, net {liquidated['pnl'].sum():+,.2f}"
    yield from _about_funding(run)
    if gaps.height:
        names = ", ".join(gaps["symbol"].unique().sort())
        yield f"{counted(gaps.height, 'gap')} in the candles of {names}; see bt check"
    yield from _about_ambiguity(run)
    late = run.bars.group_by("symbol").agg(pl.col("ts").min()).filter(pl.col("ts") > run.bars["ts"].min())
    for symbol, ts in late.sort("symbol").rows():
        yield f"{symbol} has bars only from {minute(ts)}"
    yield from _about_orders(done)


def _about_ambiguity(run: Finished) -> Iterator[str]:
    if run.envelope is None:
        return
    exits = run.done.fills.filter(~pl.col("opens")).height
    where = "minutes" if run.inputs.detail is not None else "bars"
    yield (
        f"{run.done.ambiguous:,} of {counted(exits, 'exit')} ({run.done.ambiguous / exits:.1%}) in {where} that "
        f"touched stop and target both: final equity {run.envelope[0]:,.2f} if every bar is taken stop first, "
        f"{run.envelope[1]:,.2f} if target first"
    )


def _about_funding(run: Finished) -> Iterator[str]:
    """Name every stretch in which a position was held and its funding is not known."""
    if run.inputs.funding is None:
        if run.inputs.linear:
            yield "funding was left out, as asked: positions of perpetuals neither paid nor received any"
        return
    gaps = run.inputs.funding_gaps
    if gaps is None or gaps.is_empty():
        return
    met = gaps.join_where(
        _holdings(run).rename({"symbol": "holder"}),
        pl.col("symbol") == pl.col("holder"),
        pl.col("since") < pl.col("last"),
        pl.col("till") >= pl.col("first"),
    )
    stretches = met.select(gaps.columns).unique().sort("symbol", "first")
    without = stretches.filter(pl.col("place") == "all")["symbol"].to_list()
    if without:
        yield (
            f"no funding rates of {', '.join(without)}: what positions there paid or received is unknown and was not "
            f"charged; {bring(*without)}"
        )
    for (symbol,), found in stretches.filter(pl.col("place") != "all").group_by("symbol", maintain_order=True):
        yield (
            f"{symbol} was held while funding rates were missing, {_listed(run, found)}: its funding there is unknown "
            "and was not charged"
        )


def _holdings(run: Finished) -> pl.DataFrame:
    """Give symbol, since and till of each trade: a settlement in (since, till] was its to pay."""
    at_open = pl.col("reason").is_in(_AT_THE_OPEN) & (pl.col("kind") == "market")
    last = (
        pl.when(at_open).then("ts").otherwise(pl.coalesce("minute", pl.col("ts") + run.length - timedelta(minutes=1)))
    )
    signed = pl.when("opens").then("qty").otherwise(-pl.col("qty"))
    ends = run.done.fills.group_by("symbol", "trade").agg(
        pl.coalesce("minute", "ts").first().alias("since"),
        last.last().alias("till"),
        (signed.sum() > 1e-9 * pl.col("qty").sum()).alias("is_open"),  # as in the view trades
    )
    end_of_run = run.bars["ts"].max() + run.length  # type: ignore[operator]
    return ends.select("symbol", "since", till=pl.when("is_open").then(pl.lit(end_of_run)).otherwise("till"))


def _listed(run: Finished, stretches: pl.DataFrame) -> str:
    begin: Any = run.bars["ts"].min()
    end: Any = run.bars["ts"].max() + run.length  # type: ignore[operator]
    cut = stretches.select(pl.col("first").clip(begin, end), pl.col("last").clip(begin, end))
    said = [
        f"at {minute(first)}" if first == last else f"from {minute(first)} to {minute(last)}"
        for first, last in cut.head(MOST_STRETCHES).rows()
    ]
    more = cut.height - len(said)
    return ", ".join(said) + (f" and {more:,} times more (see funding_gaps)" if more else "")


def _about_orders(done: Simulation | Joined) -> Iterator[str]:
    left = done.fills.filter(pl.col("reason") == "end_of_data")
    if left.height:
        yield f"{counted(left.height, 'position')} closed only because the data ended"
    for reason, why in (("cash", "lack of money"), ("volume", "lack of volume")):
        shrunk = done.rejections.filter((pl.col("granted") > 0) & (pl.col("reason") == reason))
        if shrunk.height:
            yield f"{counted(shrunk.height, 'order')} shrunk for {why}; see rejections"
    refused: list[tuple[Any, ...]] = (
        done.rejections.filter(pl.col("granted") == 0)["reason"]
        .value_counts()
        .sort("count", "reason", descending=[True, False])
        .rows()
    )
    faults = [f"{count:,} {reason}" for reason, count in refused if reason not in _PENDING]
    if faults:
        yield f"orders refused: {', '.join(faults)}; see rejections"
    ended = [_PENDING[reason].format(f"{count:,}") for reason, count in refused if reason in _PENDING]
    if ended:  # what limit orders are like, and no fault
        yield f"pending orders that never traded: {', '.join(ended)}"
