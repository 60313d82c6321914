"""What a reader of a run's figures should know before believing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.engine import Simulation

FEW_TRADES: Final = 30  # below this, hardly any figure means much


def caveats(
    done: Simulation,
    bars: pl.DataFrame,
    gaps: pl.DataFrame,
    instruments: pl.DataFrame,
    envelope: tuple[float, float] | None,
) -> Iterator[str]:
    """Say in sentences what a reader of the figures should know."""
    trades = int(done.fills["opens"].sum())
    if done.status == "ruined":
        yield "the account was ruined: everything was closed and the run ended there"
    if trades < FEW_TRADES:
        yield f"only {counted(trades, 'trade')}: too few to judge by"
    won = done.trades["pnl"].drop_nulls()
    if won.sum() > 0 and won.max() > won.sum() / 2 and len(won) > 1:  # type: ignore[operator]
        yield f"one trade made {won.max() / won.sum():.0%} of the profit"  # type: ignore[operator]
    if "linear" in instruments["category"].to_list():
        yield "funding is not modelled yet: perpetuals are held without paying or receiving it"
    if gaps.height:
        names = ", ".join(gaps["symbol"].unique().sort())
        yield f"{counted(gaps.height, 'gap')} in the candles of {names}; see bt check"
    if envelope:
        yield (
            f"{counted(done.ambiguous, 'exit')} in bars that touched stop and target both: "
            f"final equity {envelope[0]:,.2f} if always stop first, {envelope[1]:,.2f} if always target first"
        )
    late = bars.group_by("symbol").agg(pl.col("ts").min()).filter(pl.col("ts") > bars["ts"].min()).sort("symbol")
    for symbol, ts in late.rows():
        yield f"{symbol} has bars only from {ts:%Y-%m-%d %H:%M}"
    yield from _about_orders(done)


def _about_orders(done: Simulation) -> Iterator[str]:
    left = done.fills.filter(pl.col("reason") == "end_of_data")
    if left.height:
        yield f"{counted(left.height, 'position')} closed only because the data ended"
    shrunk = done.rejections.filter(pl.col("granted") > 0)
    if shrunk.height:
        yield f"{counted(shrunk.height, 'order')} shrunk for lack of money; see rejections"
    refused = done.rejections.filter(pl.col("granted") == 0)
    if refused.height:
        counts = refused["reason"].value_counts(sort=True).sort("count", "reason", descending=[True, False])
        yield (
            "orders refused: " + ", ".join(f"{count} {reason}" for reason, count in counts.rows()) + "; see rejections"
        )
