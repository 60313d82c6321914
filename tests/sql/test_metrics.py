"""Metrics equal their published definitions, empyrical's figures where it has them, and NULL where undefined."""

import json
import math
from datetime import date
from typing import Any

import empyrical
import numpy as np
import pytest

from tests.sql.given import Row, account, holding, near, rows, sound_run

YEAR = 365  # days


def equities(seed: int, length: int = 400, *, start: float = 1000.0) -> list[float]:
    """Give a random account's equity at the ends of its days."""
    random = np.random.default_rng(seed)
    return list(start * np.exp(np.cumsum(random.standard_t(4, length) * 0.02 + 0.001)))


def metrics_of(days: list[Row], **run: Any) -> Row:
    (found,) = rows(holding(days=days, runs=[run]), "from metrics")
    return found


def daily_returns(ends: list[float], start: float = 1000.0) -> np.ndarray[Any, Any]:
    return np.diff([start, *ends]) / np.array([start, *ends[:-1]])


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_empyrical(seed: int) -> None:
    ends = equities(seed)
    returns = daily_returns(ends)

    found = metrics_of(account(ends))

    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.cagr(returns, annualization=YEAR),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=YEAR),
        "sortino": empyrical.sortino_ratio(returns, annualization=YEAR),
        "calmar": empyrical.calmar_ratio(returns, annualization=YEAR),
        "max_drawdown": empyrical.max_drawdown(returns),
        "volatility": empyrical.annual_volatility(returns, annualization=YEAR),
        "var_95": empyrical.value_at_risk(returns, cutoff=0.05),
        "cvar_95": empyrical.conditional_value_at_risk(returns, cutoff=0.05),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_the_formulas(seed: int) -> None:
    ends = equities(seed)
    returns = daily_returns(ends)
    tops = np.maximum.accumulate([1000.0, *ends])[1:]
    centred = returns - returns.mean()

    found = metrics_of(account(ends))

    expected = {
        "start_cash": 1000.0,
        "end_equity": ends[-1],
        "net_profit": ends[-1] - 1000,
        "days": len(ends),
        "worst_day": returns.min(),
        "best_day": returns.max(),
        "ulcer": math.sqrt(np.mean((100 * (ends / tops - 1)) ** 2)),
        "skew": np.mean(centred**3) / np.mean(centred**2) ** 1.5,
        "kurtosis": np.mean(centred**4) / np.mean(centred**2) ** 2,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_every_return_at_the_quantile_counts_in_the_tail() -> None:
    ends = [1000.0, 990.0, *[990.0] * 60, 1000.0]  # one loss, then days without a trade: the quantile is 0

    found = metrics_of(account(ends))

    assert found["var_95"] == 0
    assert found["cvar_95"] == pytest.approx(-0.01 / 62)


TRADED: list[tuple[bool, float, float | None]] = [  # long, pnl, R; one a day
    (True, 60.0, 2.0),
    (True, -20.0, -1.0),
    (False, 30.0, None),
    (True, 0.0, 0.0),
    (False, -10.0, -0.5),
]


def traded_days() -> list[Row]:
    """Give the days of an account that trades TRADED and pays for it."""
    days = account([1060.0, 1040.0, 1070.0, 1070.0, 1060.0, 1050.0])
    for day, (is_long, pnl, r) in zip(days, TRADED, strict=False):
        day |= {
            "trades": 1, "longs": int(is_long), "wins": int(pnl > 0), "gross_profit": max(pnl, 0.0),
            "gross_loss": min(pnl, 0.0), "pnl_squares": pnl**2, "best": pnl, "worst": pnl,
            "r_trades": int(r is not None), "r_sum": r or 0.0, "trade_bars": 4, "bars": 24, "bars_in_market": 5,
            "fees": 2.0, "slippage": 1.0, "funding": -0.4, "slipped_value": 400.0, "ambiguous": int(r is None),
            "liquidations": int(pnl == -20),
        }  # fmt: skip
    return days


def test_trade_and_cost_metrics() -> None:
    found = metrics_of(traded_days(), buy_hold=0.25)

    profits = [pnl for _, pnl, _ in TRADED]
    assert found == found | near(
        {
            "run_id": "a", "buy_hold": 0.25, "time_in_market": 25 / 121, "longest_drawdown_days": 2, "trades": 5,
            "longs": 3, "shorts": 2, "win_rate": 0.4, "profit_factor": 3.0, "expectancy": 12.0,
            "expectancy_r": 0.5 / 4, "avg_win": 45.0, "avg_loss": -10.0, "best_trade": 60.0, "worst_trade": -20.0,
            "avg_bars": 4.0, "sqn": math.sqrt(5) * np.mean(profits) / np.std(profits, ddof=1), "gross_profit": 90.0,
            "gross_loss": -30.0, "fees": 10.0, "slippage": 5.0, "funding": -2.0, "costs": 17.0,
            "costs_to_gross_profit": 17 / 90, "slipped_value": 2000.0, "break_even_slippage": 55 / 2000,
            "liquidations": 1, "ambiguous": 1, "ambiguous_share": 0.2,
        }
    )  # fmt: skip


def test_metrics_are_of_whole_runs_and_trials_have_the_same_definitions() -> None:
    keys = {"fold": 3, "part": "out", "trial": 7}
    trial = [day | keys for day in traded_days()]
    other = account(equities(1), run_id="b")
    warehouse = holding(days=[*traded_days(), *trial, *other], runs=[{}, {"run_id": "b"}, {"run_id": "empty"}])

    (run, same) = rows(warehouse, "from all_metrics where run_id = 'a' and symbol is null order by part desc")

    assert same == run | keys
    assert warehouse.query("select run_id from metrics order by run_id")["run_id"].to_list() == ["a", "b"]


NO_LOSS = {"sortino", "calmar"}
NO_VARIANCE = {"sharpe", "skew", "kurtosis"}
NO_TRADES = {
    "win_rate", "profit_factor", "expectancy", "expectancy_r", "avg_win", "avg_loss", "best_trade", "worst_trade",
    "avg_bars", "sqn", "costs_to_gross_profit", "break_even_slippage",
}  # fmt: skip
ONE_DAY = {"volatility", *NO_VARIANCE, *NO_TRADES}


def winning(ends: list[float], profits: list[float]) -> list[Row]:
    """Give days on which only winners were closed."""
    days = account(ends)
    for day, pnl in zip(days, profits, strict=True):
        day |= {
            "trades": 1, "longs": 1, "wins": 1, "gross_profit": pnl, "pnl_squares": pnl * pnl, "best": pnl,
            "worst": pnl, "r_trades": 1, "r_sum": 1.0,
        }  # fmt: skip
    return days


DEGENERATE: dict[str, tuple[list[Row], set[str], Row]] = {
    "one day": (account([900.0]), ONE_DAY, {"days": 1, "var_95": -0.1, "cvar_95": -0.1}),
    "nothing happened": (
        account([1000.0, 1000.0, 1000.0]),
        {*NO_LOSS, *NO_VARIANCE, *NO_TRADES},
        {"cagr": 0.0, "volatility": 0.0, "max_drawdown": 0.0, "longest_drawdown_days": 0, "ulcer": 0.0, "costs": 0.0},
    ),
    "the same gain every day, but for rounding": (
        account([1000 * 1.001**day for day in range(1, 200)]),
        {*NO_LOSS, *NO_VARIANCE, *NO_TRADES},
        {"cagr": 1.001**YEAR - 1},
    ),
    "never a losing day": (account([1000.0, 1100.0]), {*NO_LOSS, *NO_TRADES}, {"max_drawdown": 0.0, "worst_day": 0.0}),
    "only winners, all alike but for rounding": (
        winning([1000.1, 1000.2, 1000.3], [0.1, 0.1, 0.1]),
        {*NO_LOSS, "avg_loss", "profit_factor", "sqn", "break_even_slippage"},
        {"win_rate": 1.0, "expectancy": 0.1, "costs_to_gross_profit": 0.0},
    ),
    "one trade": (
        winning([1010.0, 1005.0], [10.0, 0.0])[:1] + account([1010.0, 1005.0])[1:],
        {"avg_loss", "profit_factor", "sqn", "break_even_slippage"},
        {"expectancy": 10.0, "best_trade": 10.0},
    ),
    "ruined": (
        account([500.0, -20.0, -20.0]),
        NO_TRADES,
        {
            "total_return": -1.02, "cagr": -1.0, "max_drawdown": -1.02, "calmar": -1 / 1.02, "worst_day": -1.04,
            "sharpe": (-0.77 / (0.27 * math.sqrt(2))) * math.sqrt(YEAR),
        },
    ),
    "ruined to nothing on the first day": (account([0.0, 0.0]), ONE_DAY, {"cagr": -1.0}),
    "a year's growth beyond all numbers": (account([10_000.0]), {"cagr", "calmar", "sortino"}, {"total_return": 9.0}),
    "an absurd account": (account([1e200, 1e-200, 1e200]), {"cagr", "calmar"}, {"end_equity": 1e200}),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
def test_undefined_is_null(name: str) -> None:
    days, undefined, expected = DEGENERATE[name]

    found = metrics_of(days)

    numbers = {column: value for column, value in found.items() if isinstance(value, float)}
    assert [column for column, value in numbers.items() if not math.isfinite(value)] == []
    nulls = {column for column, value in found.items() if value is None} - {"buy_hold"}
    assert undefined <= nulls
    assert {column: found[column] for column in expected} == near(expected)


def test_all_metrics_of_an_ordinary_run_are_defined() -> None:
    found = metrics_of(traded_days(), buy_hold=0.1)

    assert [column for column, value in found.items() if value is None] == []


def test_order_of_rows_does_not_matter() -> None:
    """Not even in the last digit."""
    days = [day for seed in range(40) for day in account(equities(seed), run_id=f"r{seed:02}")]
    for day, pnl in zip(days, np.random.default_rng(3).normal(0, 10, len(days)), strict=True):
        day |= {
            "trades": 1,
            "gross_profit": max(pnl, 0.0),
            "gross_loss": min(pnl, 0.0),
            "pnl_squares": pnl**2,
            "fees": abs(pnl),
        }
    runs = [{"run_id": f"r{seed:02}"} for seed in range(40)]

    one = holding(days=days, runs=runs).query("from metrics order by run_id")
    shuffled = list(np.random.default_rng(4).permutation(np.array(days, dtype=object)))
    two = holding(days=shuffled, runs=runs).query("from metrics order by run_id")

    assert one.equals(two)


SYMBOLS = [  # symbol, trade, side, qty, entry, exit, fee of both
    ("X", 1, "buy", 1.0, 100.0, 110.0, 1.0),
    ("Y", 2, "sell", 2.0, 50.0, 52.0, 0.5),
    ("X", 3, "sell", 1.0, 110.0, 108.0, 1.0),
    ("X", 4, "buy", 1.0, 100.0, None, 1.0),
]


def symbol_fills() -> list[Row]:
    given: list[Row] = []
    for symbol, trade, side, qty, entry, leave, fee in SYMBOLS:
        same = {"symbol": symbol, "trade": trade, "qty": qty, "fee": fee, "slippage": 0.25}
        given.append(
            {
                **same,
                "n": 2 * trade,
                "side": side,
                "price": entry,
                "reference": entry,
                "stop": entry - 5 if trade == 1 else None,
            }
        )
        if leave is not None:
            back = "sell" if side == "buy" else "buy"
            given.append(
                {
                    **same,
                    "n": 2 * trade + 1,
                    "bar": trade,
                    "side": back,
                    "price": leave,
                    "reference": leave,
                    "opens": False,
                }
            )
    return given


def test_metrics_by_symbol() -> None:
    paid = [{"symbol": "Y", "trade": 2, "amount": -0.5}]

    found = rows(holding(fills=symbol_fills(), funding_payments=paid), "from metrics_by_symbol order by symbol")

    expected = [
        {
            "run_id": "a", "symbol": "X", "trades": 2, "longs": 1, "shorts": 1, "win_rate": 0.5, "pnl": 8.0,
            "profit_share": 8 / 2.5, "profit_factor": None, "expectancy": 4.0, "expectancy_r": 8 / 5, "avg_win": 8.0,
            "avg_loss": 0.0, "best_trade": 8.0, "worst_trade": 0.0, "avg_bars": 2.0, "fees": 5.0, "slippage": 1.25,
            "funding": 0.0, "costs": 6.25, "gross_profit": 8.0, "gross_loss": 0.0, "liquidations": 0, "ambiguous": 0,
        },
        {
            "run_id": "a", "symbol": "Y", "trades": 1, "longs": 0, "shorts": 1, "win_rate": 0.0, "pnl": -5.5,
            "profit_share": -5.5 / 2.5, "profit_factor": 0.0, "expectancy": -5.5, "expectancy_r": None, "avg_win": None,
            "avg_loss": -5.5, "best_trade": -5.5, "worst_trade": -5.5, "avg_bars": 2.0, "fees": 1.0, "slippage": 0.5,
            "funding": -0.5, "costs": 2.0, "sqn": None, "costs_to_gross_profit": None,
        },
    ]  # fmt: skip
    assert found == [row | near(wanted) for row, wanted in zip(found, expected, strict=True)]


def test_no_share_of_a_loss() -> None:
    found = holding(fills=symbol_fills()[2:4]).query("select symbol, pnl, profit_share from metrics_by_symbol")

    assert found.rows() == [("Y", -5.0, None)]


def test_monthly() -> None:
    days = account([1100.0, 1210.0, 605.0, 1210.0, 0.0, 0.0])
    months = [
        date(2024, 1, 30),
        date(2024, 1, 31),
        date(2024, 2, 1),
        date(2024, 2, 2),
        date(2024, 3, 1),
        date(2024, 4, 1),
    ]
    for day, month in zip(days, months, strict=True):
        day |= {"day": month, "trades": 1, "gross_profit": 3.0, "gross_loss": -1.0}
    trial = [day | {"part": "in", "trial": 1} for day in days]

    found = holding(days=[*days, *trial]).query("from monthly order by month").rows()

    assert found == near(
        [
            ("a", date(2024, 1, 1), 0.21, 1210.0, 0.0, 2, 4.0),
            ("a", date(2024, 2, 1), 0.0, 1210.0, -0.5, 2, 4.0),
            ("a", date(2024, 3, 1), -1.0, 0.0, -1.0, 1, 2.0),
            ("a", date(2024, 4, 1), None, 0.0, -1.0, 1, 2.0),
        ]
    )


def test_costs() -> None:
    (found,) = rows(holding(**sound_run()), "from costs")

    assert found == near(
        {
            "run_id": "a", "turnover": 422.0, "fees": 1.0, "slippage": 2.0, "funding": -0.2, "costs": 3.2,
            "costs_to_turnover": 3.2 / 422, "gross_profit": 18.8, "costs_to_gross_profit": 3.2 / 18.8,
            "net_profit": 18.8, "profit_before_costs": 22.0, "slipped_value": 422.0, "break_even_slippage": 20.8 / 422,
        }
    )  # fmt: skip


@pytest.mark.parametrize("funding", [0.0, -30.0, 12.5])
def test_at_the_break_even_slippage_nothing_is_earned(funding: float) -> None:
    """The same quantities at reference prices, slipped by that fraction, earn what fees and funding take."""
    moves = [("buy", 2.0, 100.0), ("sell", 2.0, 110.0), ("buy", 1.0, 105.0), ("sell", 1.0, 140.0)]

    def profit(slippage: float) -> float:
        signed = [(1 - slippage if side == "sell" else -1 - slippage) * qty * price for side, qty, price in moves]
        return sum(signed) - 1.0 + funding

    own = 0.001
    value = sum(qty * price for _, qty, price in moves)
    end = 1000 + profit(own)
    day = {"fees": 1.0, "slippage": own * value, "funding": funding, "slipped_value": value}
    [given] = account([end])

    (found,) = rows(holding(days=[given | day], runs=[{}]), "select break_even_slippage as it, net_profit from costs")

    assert found["net_profit"] == pytest.approx(profit(own))
    assert profit(found["it"]) == pytest.approx(0, abs=1e-9)


def test_costs_of_a_run_without_a_fill() -> None:
    (found,) = rows(holding(days=account([1000.0]), runs=[{}]), "from costs")

    assert found["turnover"] == 0
    assert found["costs_to_turnover"] is None


def test_costs_say_the_same_as_metrics() -> None:
    warehouse = holding(days=traded_days(), runs=[{}])

    shared = warehouse.query("from costs").columns
    names = ", ".join(name for name in shared if name in warehouse.query("from metrics").columns)

    assert rows(warehouse, f"select {names} from costs") == rows(warehouse, f"select {names} from metrics")


ONE_RUN, TWO_RUNS = "run_id = 'b'", "run_id in ('b', 'd')"


@pytest.mark.parametrize(
    ("relation", "condition"),
    [
        ("metrics", ONE_RUN),
        ("costs", ONE_RUN),
        ("metrics_by_symbol", TWO_RUNS),
        ("monthly", TWO_RUNS),
        ("trades", TWO_RUNS),
        ("positions", TWO_RUNS),
        ("returns", TWO_RUNS),
        ("drawdowns", TWO_RUNS),
    ],
)
def test_a_filter_on_runs_reaches_the_tables(relation: str, condition: str) -> None:
    """Else the metrics of two runs would cost as much as those of ten thousand."""
    run = sound_run() | {"candles": [], "ingests": []}
    stored = {table: [row | {"run_id": name} for name in "abcdef" for row in given] for table, given in run.items()}

    plan = holding(**stored).query(f"explain (format json) from {relation} where {condition}").row(0)[1]

    results = [scan for scan in scans(json.loads(plan)) if not scan["Table"].endswith("runs")]
    assert results
    assert [scan for scan in results if "run_id" not in str(scan.get("Filters"))] == []


def scans(plan: Any) -> list[Row]:
    """Give what a plan says of each table it scans."""
    if isinstance(plan, list):
        return [scan for part in plan for scan in scans(part)]
    return [*([plan["extra_info"]] if "Table" in plan["extra_info"] else []), *scans(plan["children"])]
