"""The facts of a day are those of the fills, payments and closed trades that belong to it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from math import fsum
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine import images
from tests.engine.cases import HOUR, MINUTE, START, random_case
from tests.engine.scenes import alone
from tests.engine.test_odd_inputs import FLAT

if TYPE_CHECKING:
    import bt

NONE = {
    "fees": 0.0, "slippage": 0.0, "turnover": 0.0, "slipped_value": 0.0, "funding": 0.0, "trades": 0, "longs": 0,
    "wins": 0, "gross_profit": 0.0, "gross_loss": 0.0, "pnl_squares": 0.0, "best": None, "worst": None, "r_trades": 0,
    "r_sum": 0.0, "trade_bars": 0, "ambiguous": 0, "liquidations": 0,
}  # fmt: skip


def day_of(ts: datetime, length: timedelta) -> date:
    return (ts + length - MINUTE).date()


def of_fills(fills: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "fees": fsum(row["fee"] for row in fills),
        "slippage": fsum(row["slippage"] for row in fills),
        "turnover": fsum(row["qty"] * row["price"] for row in fills),
        "slipped_value": fsum(row["qty"] * row["price"] for row in fills if row["kind"] != "limit"),
    }


def of_trades(closed: list[dict[str, Any]]) -> dict[str, Any]:
    profits, multiples = [row["pnl"] for row in closed], [row["r"] for row in closed if row["r"] is not None]
    return {
        "trades": len(closed),
        "longs": sum(row["side"] == "long" for row in closed),
        "wins": sum(pnl > 0 for pnl in profits),
        "gross_profit": fsum(pnl for pnl in profits if pnl > 0),
        "gross_loss": fsum(pnl for pnl in profits if pnl <= 0),
        "pnl_squares": fsum(pnl * pnl for pnl in profits),
        "best": max(profits, default=None),
        "worst": min(profits, default=None),
        "r_trades": len(multiples),
        "r_sum": fsum(multiples),
        "trade_bars": sum(row["bars"] for row in closed),
        "ambiguous": sum(row["ambiguous"] for row in closed),
        "liquidations": sum(row["exit_reason"] == "liquidation" for row in closed),
    }


def facts(simulation: bt.Simulation, length: timedelta) -> dict[date, dict[str, Any]]:
    """Work the facts out from fills, payments and the view `trades`, by day; a payment counts in its bar's day."""
    fills, closed, paid = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in simulation.fills.to_dicts():
        fills[day_of(row["ts"], length)].append(row)
    for row in simulation.trades.to_dicts():
        if not row["is_open"]:
            closed[day_of(row["exit_ts"], length)].append(row)
    opens = simulation.equity["ts"].to_list()
    for row in simulation.funding_payments.to_dicts():
        in_bar = max(ts for ts in opens if ts <= row["ts"])
        after = [ts for ts in opens if ts > in_bar]
        bar = after[0] if row["ts"] >= in_bar + length and after else in_bar  # in a hole: with the next bar
        paid[day_of(bar, length)].append(row["amount"])
    return {
        day: of_fills(fills[day]) | of_trades(closed[day]) | {"funding": fsum(paid[day])}
        for day in {*fills, *closed, *paid}
    }


def law(seed: int) -> None:
    case = random_case(seed)
    case = images.stretched(case, (1, 7, 24)[seed % 3] * (HOUR // case.length))
    simulation = case.simulate()
    length = images.bar_length(case) or MINUTE
    expected = facts(simulation, length)
    for row in simulation.days.to_dicts():
        wanted = NONE | expected.get(row["day"], {})
        money = pytest.approx(0, abs=1e-6 * case.account["cash"])
        for name, value in wanted.items():
            if isinstance(value, float):
                assert row[name] - value == (pytest.approx(0, abs=1e-6) if name == "r_sum" else money), (name, row)
            else:
                assert row[name] == value, (name, row)


def test_days_are_what_happened_in_them() -> None:
    for seed in range(20):
        law(seed)


@pytest.mark.slow
def test_days_are_what_happened_in_them_a_thousand_times() -> None:
    for seed in range(1000):
        law(seed)


def test_a_day_without_anything() -> None:
    row = alone([FLAT], {}).simulate().days.row(0, named=True)

    assert row == {
        "day": START.date(), "equity": 10_000.0, "high": 10_000.0, "drawdown": 0.0, "bars": 1, "bars_in_market": 0,
    } | NONE  # fmt: skip
