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
from tests.engine.cases import HOUR, MINUTE, random_case
from tests.engine.images import AXIS, QUOTES, facts

if TYPE_CHECKING:
    from collections.abc import Callable


Row: TypeAlias = dict[str, Any]
Law: TypeAlias = "Callable[[int], None]"

ACCOUNT = ("day", "equity", "high", "drawdown", "bars", "bars_in_market")
ANOTHER = 10**6  # seeds of companions


def cash_identity(seed: int) -> None:
    """End equity = start + profit at reference prices - fees - slippage + funding."""
    case = images.with_execution(random_case(seed), close_at_end=True)
    simulation = case.simulate()
    parts = [case.account["cash"], *simulation.funding_payments["amount"]]
    for fill in simulation.fills.to_dicts():
        value = fill["qty"] * fill["reference"]
        parts += [-value if fill["side"] == "buy" else value, -fill["fee"], -fill["slippage"]]
    assert simulation.end_equity == pytest.approx(fsum(parts), rel=0, abs=1e-9 * case.account["cash"])


def prefix(seed: int) -> None:
    """What happens up to a bar depends on nothing after it: not on its being there, nor on what it is."""
    draw = np.random.default_rng(seed)
    case = images.timed(images.undrilled(images.with_execution(random_case(seed), close_at_end=False)))
    if case.account["sizing"] == "risk":  # for which the stops' columns might be cut away
        case = images.with_execution(case, stop=0.015)
    now = case.bars[draw.integers(len(case.bars))]["ts"]
    whole, past = case.simulate(), images.until(case, now).simulate()
    changed = images.with_other_future(case, now, draw).simulate()
    told = facts(whole, now)
    assert facts(past, now) == told
    assert facts(changed, now) == told
    paid = past.funding_payments
    assert whole.funding_payments.head(paid.height).equals(paid)
    assert changed.funding_payments.head(paid.height).equals(paid)


def scale(seed: int) -> None:
    """Prices times 2^k with quantities by 2^k changes no bit but theirs."""
    case, power = images.without_grids(random_case(seed)), int(np.random.default_rng(seed).integers(-8, 9))
    plain, image, factor = case.simulate(), images.times_two_to(case, power).simulate(), 2.0**power
    assert plain.fills.with_columns(pl.col(QUOTES) * factor, pl.col("qty") / factor).equals(image.fills)
    assert plain.rejections.with_columns(pl.col("wanted", "granted") / factor).equals(image.rejections)
    paid = plain.funding_payments.with_columns(pl.col("mark") * factor, pl.col("qty") / factor)
    assert paid.equals(image.funding_payments)
    assert plain.equity.equals(image.equity)
    assert plain.days.equals(image.days)


def mirror(seed: int) -> None:
    """Long on p equals short on 2 * AXIS - p: fixed quantity, no costs, no fractions, no leverage."""
    case = images.exact(random_case(seed, targets=False), tick=[None, 0.25, 0.5][seed % 3])
    up, down = case.simulate(), images.mirrored(case).simulate()
    assert up.fills.with_columns(-pl.col(QUOTES) + 2 * AXIS, _turned("buy", "sell")).equals(down.fills)
    side = pl.when(pl.col("reason") != "conflict").then("side").alias("side")  # a conflict has none of its own
    refused = up.rejections.with_columns(_turned("long", "short"))
    assert refused.with_columns(side).equals(down.rejections.with_columns(side))
    if case.execution["pyramiding"] == 0:
        assert up.equity.select("ts", "equity", "cash").equals(down.equity.select("ts", "equity", "cash"))
        assert up.days.select(ACCOUNT).equals(down.days.select(ACCOUNT))
    else:  # an average price is rounded
        assert up.equity["equity"].to_list() == pytest.approx(down.equity["equity"].to_list(), rel=1e-14)


def shift(seed: int) -> None:
    """Another start, by whole bars, changes nothing but times, and what falls on which day."""
    case = random_case(seed)
    length = case.length * int(np.random.default_rng(seed).integers(1, 10_000))
    now, then = case.simulate(), images.shifted(case, length).simulate()
    for name in ("fills", "rejections", "equity", "funding_payments"):
        times = [column for column in ("ts", "minute") if column in getattr(now, name).columns]
        assert getattr(now, name).with_columns(pl.col(times) + length).equals(getattr(then, name))
    assert (now.status, now.ambiguous) == (then.status, then.ambiguous)


def bystanders(seed: int) -> None:
    """Symbols without signals change nothing."""
    case = random_case(seed)
    others = random_case(seed + ANOTHER, minutes=case.length // MINUTE).bars
    crowd = [row | {"symbol": name + row["symbol"]} for name in "AZ" for row in others]
    alone, among = case.simulate(), replace(case, bars=case.bars + crowd).simulate()
    for name in ("fills", "rejections", "funding_payments"):
        assert getattr(among, name).equals(getattr(alone, name))
    assert among.equity.join(alone.equity.select("ts"), on="ts").equals(alone.equity)
    assert (among.status, among.ambiguous) == (alone.status, alone.ambiguous)


def company(seed: int) -> None:
    """With money for all, symbols trade together as they would alone."""
    one = random_case(seed, targets=False)
    two = random_case(seed + ANOTHER, targets=False, minutes=one.length // MINUTE)
    rich = {name: one.account[name] for name in ("leverage", "mmr")} | {"cash": 1e9, "sizing": "quantity", "size": 3.0}
    one = images.undrilled(replace(one, account=rich, timeframe=None))
    two = images.renamed(replace(two, account=rich, timeframe=None, costs=one.costs, execution=one.execution), "R")
    both = images.joined(one, two).simulate()
    for part in (one, two):
        own, mine = part.simulate(), pl.col("symbol").is_in([*part.instruments])
        assert both.fills.filter(mine).drop("n", "trade").equals(own.fills.drop("n", "trade"))
        assert both.rejections.filter(mine).drop("n").equals(own.rejections.drop("n"))
        assert both.funding_payments.filter(mine).drop("trade").equals(own.funding_payments.drop("trade"))


def order(seed: int) -> None:
    """Rows may come in any order of symbols, and rows that say nothing may come or not."""
    case = random_case(seed)
    assert facts(images.shuffled(case, np.random.default_rng(seed)).simulate()) == facts(case.simulate())


def days(seed: int) -> None:
    """A day's facts are those of its equity rows; a day without a bar keeps the last equity."""
    case = random_case(seed)
    case = images.stretched(case, (1, 7, 24)[seed % 3] * (HOUR // case.length))
    simulation = case.simulate()
    length = images.bar_length(case) or timedelta(minutes=1)
    assert simulation.days.select(ACCOUNT).to_dicts() == _days(
        simulation.equity.to_dicts(), case.account["cash"], length
    )


def trades(seed: int) -> None:
    """A trade is its fills and payments, and all trades together are what the account has won or lost."""
    case = random_case(seed)
    simulation = case.simulate()
    table, fills = simulation.trades.to_dicts(), simulation.fills.to_dicts()
    payments = simulation.funding_payments.to_dicts()
    assert [row["trade"] for row in table] == sorted({row["trade"] for row in fills})
    for trade in table:
        own = [row for row in fills if row["trade"] == trade["trade"]]
        paid = fsum(row["amount"] for row in payments if row["trade"] == trade["trade"])
        _held(trade, own, paid)
    if not any(row["is_open"] for row in table):
        won = fsum(row["pnl"] for row in table)
        assert simulation.end_equity == pytest.approx(
            case.account["cash"] + won, rel=0, abs=1e-9 * case.account["cash"]
        )


LAWS: list[Law] = [cash_identity, prefix, scale, mirror, shift, bystanders, company, order, days]


@pytest.mark.parametrize("law", [*LAWS, trades], ids=lambda law: law.__name__)
def test_law(law: Law) -> None:
    for seed in range(5 if law is trades else 12):
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


def _held(trade: Row, fills: list[Row], paid: float) -> None:
    """Hold a trade against its fills and what it paid in funding."""
    entries, exits = [row for row in fills if row["opens"]], [row for row in fills if not row["opens"]]
    first, side = entries[0], 1 if entries[0]["side"] == "buy" else -1
    value, quantity = fsum(row["qty"] * row["price"] for row in entries), fsum(row["qty"] for row in entries)
    assert (trade["symbol"], trade["side"]) == (first["symbol"], "long" if side == 1 else "short")
    for name in ("ts", "kind", "reason"):
        assert (trade[f"entry_{name}"], trade[f"exit_{name}"]) == (first[name], exits[-1][name] if exits else None)
    assert (trade["qty"], trade["entry_price"]) == (_close(quantity), _close(value / quantity))
    fees, slippage = (fsum(row[name] for row in fills) for name in ("fee", "slippage"))
    assert (trade["fees"], trade["slippage"], trade["funding"]) == (_close(fees), _close(slippage), _close(paid))
    left = quantity - fsum(row["qty"] for row in exits)
    assert trade["is_open"] == (left > 1e-9 * quantity)
    if trade["is_open"]:
        assert (trade["pnl"], trade["r"]) == (None, None)
        return
    pnl = side * (fsum(row["qty"] * row["price"] for row in exits) - value) - fees + paid
    assert (trade["pnl"], trade["gross"]) == (_close(pnl), _close(pnl + fees - paid + slippage))
    assert trade["bars"] == exits[-1]["bar"] - first["bar"]
    worst, best = min(side * row["worst"] for row in exits), max(side * row["best"] for row in exits)
    assert trade["mae"] == _close(min(0.0, worst / trade["entry_price"] - side))
    assert trade["mfe"] == _close(max(0.0, best / trade["entry_price"] - side))
    stopped = all(row["stop"] is not None for row in entries)
    risk = fsum(row["qty"] * abs(row["price"] - row["stop"]) for row in entries) if stopped else None
    assert trade["r"] == (_close(pnl / risk) if risk else None)


def _close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-7)
