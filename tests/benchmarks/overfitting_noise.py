"""Where the probability of overfitting (CSCV) lies on pure noise: the rows of sql/5_metrics/overfitting_noise.sql.

For each number of sets: independent normal daily returns of 360 days, ten blocks, 252 halves; the lowest and highest
5 % of the probabilities of many such markets. The number of days makes no difference (100 days gave the same), nor
does a part that all sets share, as it moves all of them alike. Takes two minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BLOCKS, DAYS = 10, 360
HALVES = np.array([[mask >> block & 1 for block in range(BLOCKS)] for mask in range(2**BLOCKS)], dtype=float)
HALVES = HALVES[HALVES.sum(axis=1) == BLOCKS // 2]
MARKETS = {2: 20_000, 3: 20_000, 4: 20_000, 5: 20_000, 7: 20_000, 10: 10_000, 20: 10_000, 50: 5_000, 100: 4_000,
           200: 3_000, 500: 1_000, 1_000: 600}  # fmt: skip


def overfitting_probability(returns: Array) -> float:
    """Give the share of halves whose best set is at or below the middle of the other half; returns by day and set.

    The obvious twin of compared_splits, compared_winners and overfitting_odds, for returns without ties.
    """
    days, sets = returns.shape
    block = BLOCKS * np.arange(days) // days
    counts = np.bincount(block)
    sums = np.array([returns[block == each].sum(axis=0) for each in range(BLOCKS)])
    squares = np.array([(returns[block == each] ** 2).sum(axis=0) for each in range(BLOCKS)])

    def sharpe(weights: Array) -> Array:
        count, total, square = (weights @ counts)[:, None], weights @ sums, weights @ squares
        return np.asarray(total / count / np.sqrt((square - total**2 / count) / (count - 1)))

    chosen = sharpe(HALVES).argmax(axis=1)
    outs = sharpe(1 - HALVES)
    ranks = (outs <= np.take_along_axis(outs, chosen[:, None], axis=1)).sum(axis=1)
    return float((ranks <= (sets + 1) / 2).mean())


def bands(markets: Iterable[tuple[int, int]]) -> Iterable[tuple[int, float, float]]:
    """Give for each number of sets the 5 % and 95 % quantiles over so many markets."""
    random = np.random.default_rng(0)
    for sets, count in markets:
        found = [overfitting_probability(random.standard_normal((DAYS, sets))) for _ in range(count)]
        low, high = np.quantile(found, [0.05, 0.95])
        yield sets, float(low), float(high)


if __name__ == "__main__":
    for sets, low, high in bands(MARKETS.items()):
        sys.stdout.write(f"    ({sets}, {low:.3f}, {high:.3f}),\n")
        sys.stdout.flush()
