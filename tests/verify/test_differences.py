"""What counts as a difference of two engines: absent trades, other times, numbers beyond the tolerance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from bt.verify.case import TRADE
from bt.verify.differences import TOLERANCE, curves, difference_of, differing, paired

AT = datetime(2024, 1, 1)
HOUR = timedelta(hours=1)
TRADED = {
    "symbol": "A", "side": "long", "qty": 2.0, "entry_ts": AT, "entry_price": 100.0, "exit_ts": AT + HOUR,
    "exit_price": 110.0, "exit_reason": "take", "fees": 0.4, "funding": 0.0, "pnl": 19.6,
}  # fmt: skip

# name: what the other engine has instead, the columns that differ; None = no such trade
CASES: dict[str, tuple[dict[str, Any] | None, tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "a last digit": ({"exit_price": 110.0 * (1 + 1e-13), "qty": 2.0 * (1 - 1e-13)}, ()),
    "the reason": ({"exit_reason": "signal"}, ("exit_reason",)),
    "no number": ({"pnl": float("nan")}, ("pnl",)),
    "fees, though little of what was traded": ({"fees": 0.4 + 1e-8}, ("fees",)),
    "the cause before what it does": (
        {"pnl": 1.0, "qty": 1.0, "exit_price": 109.0, "exit_ts": AT, "fees": 0.3},
        ("exit_ts", "exit_price", "qty", "fees", "pnl"),
    ),
    "a price": ({"exit_price": 110.0 * (1 + 2e-9)}, ("exit_price",)),
    "a bar": ({"exit_ts": AT}, ("exit_ts",)),
    "a quantity": ({"qty": 2.0001}, ("qty",)),
    "money, beyond the tolerance of what was traded": ({"pnl": 19.6 + 3e-7, "fees": 0.4 + 1e-14}, ("pnl",)),
    "an exit that is not there": (
        {"exit_ts": None, "exit_price": None, "pnl": None}, ("exit_ts", "exit_price", "pnl"),
    ),
}  # fmt: skip


def trades(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TRADE)


@pytest.mark.parametrize("name", CASES)
def test_trades_differ_by(name: str) -> None:
    other, columns = CASES[name]
    unlike = differing(paired(trades(TRADED), trades(TRADED | (other or {})), 1_000.0))
    assert unlike.height == bool(columns)
    if columns:
        found = difference_of(unlike.row(0, named=True))
        assert found.columns == columns
        assert found.ours is not None
        assert found.ours["exit_price"] == 110.0


def test_a_trade_listed_twice_is_one_more() -> None:
    twice = trades(TRADED, TRADED)
    assert differing(paired(twice, twice, 1_000.0)).is_empty()
    unlike = differing(paired(trades(TRADED), twice, 1_000.0))
    assert unlike["present"].to_list() == ["theirs"]


@pytest.mark.parametrize("key", [{"symbol": "B"}, {"side": "short"}, {"entry_ts": AT + HOUR}])
def test_trades_of_another_key_are_two_differences(key: dict[str, Any]) -> None:
    unlike = differing(paired(trades(TRADED), trades(TRADED | key), 1_000.0))
    assert unlike.height == 2
    found = [difference_of(row) for row in unlike.iter_rows(named=True)]
    assert sorted((one.ours is None, one.theirs is None) for one in found) == [(False, True), (True, False)]


def test_dust_is_held_to_what_the_account_can_buy() -> None:
    dust = TRADED | {"qty": 1e-5}
    assert differing(paired(trades(dust), trades(dust | {"qty": 1e-5 + 1e-13}), 10_000.0)).is_empty()
    assert differing(paired(trades(dust), trades(dust | {"qty": 1.1e-5}), 10_000.0)).height == 1


def test_curves_are_held_together_bar_by_bar() -> None:
    times = [AT + place * HOUR for place in range(3)]
    one = pl.DataFrame({"ts": times, "equity": [100.0, 101.0, 102.0]})
    assert curves(one, one).first is None
    near = curves(one, one.with_columns(pl.col("equity") * (1 + TOLERANCE / 2)))
    assert (near.same, near.bars) == (True, 3)
    assert 0 < near.gap < TOLERANCE
    apart = curves(
        one, one.with_columns(pl.when(pl.col("ts") > AT + HOUR).then(103.0).otherwise("equity").alias("equity"))
    )
    assert (apart.first, apart.gap) == (AT + 2 * HOUR, pytest.approx(1 / 102))
    assert (apart.difference and apart.difference.ours) == {"ts": AT + 2 * HOUR, "equity": 102.0}
    assert (apart.difference and apart.difference.theirs) == {"ts": AT + 2 * HOUR, "equity": 103.0}
    shorter = curves(one, one.head(2))  # a bar that one of them lacks
    assert (shorter.first, shorter.values) == (AT + 2 * HOUR, (102.0, None))
