"""The compiled loop equals its slow plain twin: every fill, refusal and equity row, to the last bit."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.engine.cases import random_case

FILLS = ("n", "symbol", "ts", "minute", "bar", "side", "qty", "price", "reference", "fee", "slippage", "kind", "reason")
FILLS_TOO = ("trade", "opens", "stop", "worst", "best", "ambiguous", "gap_overlap")
REJECTIONS = ("symbol", "ts", "side", "reason", "wanted", "granted")
PAYMENTS = ("symbol", "ts", "trade", "qty", "mark", "rate", "amount")
EQUITY = ("ts", "equity", "cash", "gross", "net")


def rows(frame: pl.DataFrame, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return frame.select(names).to_dicts()


def plain(found: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in found]


def compare(seed: int) -> None:
    case = random_case(seed)
    twin, kernel = case.twin(), case.simulate()
    names = FILLS + FILLS_TOO
    assert rows(kernel.fills, names) == plain(twin.fills, names)
    assert rows(kernel.rejections, REJECTIONS) == plain(twin.rejections, REJECTIONS)
    assert rows(kernel.funding_payments, PAYMENTS) == plain(twin.payments, PAYMENTS)
    assert rows(kernel.equity, EQUITY) == plain(twin.equity, EQUITY)
    assert (kernel.status, kernel.ambiguous) == (twin.status, twin.ambiguous)


@pytest.mark.parametrize("block", range(8))  # all that tests/engine/test_cases.py counts in
def test_random_cases_equal_the_twin(block: int) -> None:
    for seed in range(40 * block, 40 * block + 40):
        compare(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8, 10))
def test_further_random_cases_equal_the_twin(block: int) -> None:
    test_random_cases_equal_the_twin(block)


@pytest.mark.slow
def test_ten_thousand_random_cases_equal_the_twin() -> None:
    for seed in range(1_000, 11_000):
        compare(seed)
