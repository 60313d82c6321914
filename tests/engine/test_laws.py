"""Laws that hold for every market, signal and setting: each compares a random case with its own image."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import fsum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
import pytest

from tests.engine import images
from tests.engine.cases import HOUR, random_case
from tests.engine.images import AXIS, QUOTES, facts

if TYPE_CHECKING:
    from collections.abc import Callable


Row: TypeAlias = dict[str, Any]
Law: TypeAlias = "Callable[[int], None]"

ANOTHER = 10**6  # seeds of companions


def cash_identity(seed: int) -> None:
    """End equity = start + profit at reference prices - fees - slippage."""
    case = images.with_execution(random_case(seed), close_at_end=True)
    simulation = case.simulate()
    parts = [case.account["cash"]]
    for fill in simulation.fills.to_dicts():
        value = fill["qty"] * fill["reference"]
        parts += [-value if fill["side"] == "buy" else value, -fill["fee"], -fill["slippage"]]
    assert simulation.end_equity == pytest.approx(fsum(parts), rel=0, abs=1e-9 * case.account["cash"])


def prefix(seed: int) -> None:
    """What happens up to a bar depends on nothing after it: not on its being there, nor on what it is."""
    draw = np.random.default_rng(seed)
    case = images.with_execution(random_case(seed), close_at_end=False)
    now = case.bars[draw.integers(len(case.bars))]["ts"]
    past, changed = images.until(case, now), images.with_other_future(case, now, draw)
    if len({images.bar_length(one) for one in (case, past, changed)}) > 1:  # the length decides what a gap is
        case, past, changed = (replace(one, gaps=[]) for one in (case, past, changed))
    told = facts(case.simulate(), now)
    assert facts(past.simulate(), now) == told
    assert facts(changed.simulate(), now) == told


def scale(seed: int) -> None:
    """Prices times 2^k with quantities by 2^k changes no bit but theirs."""
    case, power = images.without_grids(random_case(seed)), int(np.random.default_rng(seed).integers(-8, 9))
    plain, image, factor = case.simulate(), images.times_two_to(case, power).simulate(), 2.0**power
    assert plain.fills.with_columns(pl.col(QUOTES) * factor, pl.col("qty") / factor).equals(image.fills)
    assert plain.rejections.with_columns(pl.col("wanted", "granted") / factor).equals(image.rejections)
    assert plain.equity.equals(image.equity)
    assert plain.days.equals(image.days)


def mirror(seed: int) -> None:
    """Long on p equals short on 2 * AXIS - p: fixed quantity, no costs, no fractions."""
    case = images.exact(random_case(seed), tick=[None, 0.25, 0.5][seed % 3])
    up, down = case.simulate(), images.mirrored(case).simulate()
    assert up.fills.with_columns(-pl.col(QUOTES) + 2 * AXIS, _turned("buy", "sell")).equals(down.fills)
    side = pl.when(pl.col("reason") != "conflict").then("side").alias("side")  # a conflict has none of its own
    refused = up.rejections.with_columns(_turned("long", "short"))
    assert refused.with_columns(side).equals(down.rejections.with_columns(side))
    assert up.equity.select("ts", "equity", "cash").equals(down.equity.select("ts", "equity", "cash"))
    assert up.days.equals(down.days)


def shift(seed: int) -> None:
    """Another start, by whole bars, changes nothing but times, and what falls on which day."""
    case, length = random_case(seed), HOUR * int(np.random.default_rng(seed).integers(1, 10_000))
    now, then = case.simulate(), images.shifted(case, length).simulate()
    for name in ("fills", "rejections", "equity"):
        assert getattr(now, name).with_columns(pl.col("ts") + length).equals(getattr(then, name))
    assert (now.status, now.ambiguous) == (then.status, then.ambiguous)


def bystanders(seed: int) -> None:
    """Symbols without signals change nothing."""
    case = images.hourly(random_case(seed))
    crowd = [row | {"symbol": f"{name}{row['symbol']}"} for name in "AZ" for row in random_case(seed + ANOTHER).bars]
    alone, among = case.simulate(), replace(case, bars=case.bars + crowd).simulate()
    assert among.fills.equals(alone.fills)
    assert among.rejections.equals(alone.rejections)
    assert among.equity.join(alone.equity.select("ts"), on="ts").equals(alone.equity)
    assert (among.status, among.ambiguous) == (alone.status, alone.ambiguous)


def company(seed: int) -> None:
    """With money for all, symbols trade together as they would alone."""
    rich = {"cash": 1e9, "sizing": "quantity", "size": 3.0}
    one = replace(images.hourly(random_case(seed)), account=rich)
    two = images.renamed(images.hourly(random_case(seed + ANOTHER)), "R")
    two = replace(two, account=rich, costs=one.costs, execution=one.execution)
    both = images.joined(one, two).simulate()
    for part in (one, two):
        own, mine = part.simulate(), pl.col("symbol").is_in([*part.instruments])
        assert both.fills.filter(mine).drop("n", "trade").equals(own.fills.drop("n", "trade"))
        assert both.rejections.filter(mine).drop("n").equals(own.rejections.drop("n"))


def order(seed: int) -> None:
    """Rows may come in any order of symbols, and rows that say nothing may come or not."""
    case = random_case(seed)
    assert facts(images.shuffled(case, np.random.default_rng(seed)).simulate()) == facts(case.simulate())


def days(seed: int) -> None:
    """A day's facts are those of its equity rows; a day without a bar keeps the last equity."""
    case = images.stretched(random_case(seed), (1, 7, 24)[seed % 3])
    simulation = case.simulate()
    length = images.bar_length(case) or timedelta(minutes=1)
    assert simulation.days.to_dicts() == _days(simulation.equity.to_dicts(), case.account["cash"], length)


def trades(seed: int) -> None:
    """A trade is its two fills, and all trades together are what the account has won or lost."""
    case = random_case(seed)
    simulation = case.simulate()
    table = simulation.trades.to_dicts()
    entries = simulation.fills.filter("opens").to_dicts()
    ends = {row["trade"]: row for row in simulation.fills.filter(~pl.col("opens")).to_dicts()}
    assert [row["trade"] for row in table] == [row["trade"] for row in entries]
    for trade, entry in zip(table, entries, strict=True):
        assert {name: trade[name] for name in ("symbol", "qty", "entry_ts", "entry_price", "entry_reason")} == {
            "symbol": entry["symbol"], "qty": entry["qty"], "entry_ts": entry["ts"],
            "entry_price": entry["price"], "entry_reason": "signal",
        }  # fmt: skip
        assert trade["is_open"] == (trade["trade"] not in ends)
        if not trade["is_open"]:
            _closed(trade, entry, ends[trade["trade"]])
    if not any(row["is_open"] for row in table):
        won = fsum(row["pnl"] for row in table)
        assert simulation.end_equity == pytest.approx(
            case.account["cash"] + won, rel=0, abs=1e-9 * case.account["cash"]
        )


LAWS: list[Law] = [cash_identity, prefix, scale, mirror, shift, bystanders, company, order, days]


@pytest.mark.parametrize("law", [*LAWS, trades], ids=lambda law: law.__name__)
def test_law(law: Law) -> None:
    for seed in range(15 if law is trades else 50):
        law(seed)


@pytest.mark.slow
@pytest.mark.parametrize("law", [*LAWS, trades], ids=lambda law: law.__name__)
def test_law_a_thousand_times(law: Law) -> None:
    for seed in range(1_000, 2_100):
        law(seed)


def _turned(one: str, other: str) -> pl.Expr:
    return pl.when(pl.col("side") == one).then(pl.lit(other)).otherwise(pl.lit(one)).alias("side")


def _days(equity: list[Row], cash: float, length: timedelta) -> list[Row]:
    """Work the day facts out row by row; a day is the UTC day in which a bar closes."""
    found: dict[Any, Row] = {}
    high, last = cash, cash
    for row in equity:
        day = (row["ts"] + length - timedelta(minutes=1)).date()
        while found and max(found) < day:
            skipped = max(found) + timedelta(days=1)
            found[skipped] = {"day": skipped, "equity": last, "high": high, "drawdown": last / high - 1}
            found[skipped] |= {"bars": 0, "bars_in_market": 0}
        facts = found.setdefault(
            day, {"day": day, "equity": 0.0, "high": 0.0, "drawdown": 0.0, "bars": 0, "bars_in_market": 0}
        )
        high, last = max(high, row["equity"]), row["equity"]
        facts |= {"equity": last, "high": high, "drawdown": min(facts["drawdown"], last / high - 1)}
        facts["bars"] += 1
        facts["bars_in_market"] += row["gross"] > 0
    return list(found.values())


def _closed(trade: Row, entry: Row, end: Row) -> None:
    """Hold a closed trade's money and excursions against its two fills."""
    side = 1 if entry["side"] == "buy" else -1
    fees = entry["fee"] + end["fee"]
    pnl = side * entry["qty"] * (end["price"] - entry["price"]) - fees
    close = lambda value: pytest.approx(value, rel=1e-9, abs=1e-7)  # noqa: E731
    assert (trade["pnl"], trade["fees"]) == (close(pnl), close(fees))
    assert trade["slippage"] == close(entry["slippage"] + end["slippage"])
    assert trade["gross"] == close(pnl + fees + trade["slippage"])
    assert (trade["exit_ts"], trade["exit_price"], trade["exit_reason"]) == (end["ts"], end["price"], end["reason"])
    assert trade["bars"] == end["bar"] - entry["bar"]
    assert trade["mae"] == close(min(0.0, side * (end["worst"] / entry["price"] - 1)))
    assert trade["mfe"] == close(max(0.0, side * (end["best"] / entry["price"] - 1)))
    risk = None if entry["stop"] is None else entry["qty"] * abs(entry["price"] - entry["stop"])
    assert trade["r"] == (None if risk is None else close(pnl / risk))
