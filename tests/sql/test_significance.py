"""What a Sharpe ratio is worth: the normal distribution and the published formulas, against published figures."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from tests.sql.given import holding, near

YEAR = 250  # trading days, in the published examples
NORMAL = NormalDist()
DAILY = "2.5 / sqrt(250), 1250, -3, 10, 0.5 / 250"  # Sharpe ratio, days, skew, kurtosis, variance of the trials
WIDE = (-37.5, -20.0, -8.0, -7.0711, -7.071, -5.0, -3.0, -1.0, -0.5, -1e-9, 0.0, 1e-9, 0.3, 1.0, 2.0, 5.0, 8.3, 40.0)
SHARES = (1e-300, 1e-20, 1e-12, 1.38e-11, 0.001, 0.0749, 0.0751, 0.3, 0.5, 0.7, 0.925, 0.9251, 0.99, 1 - 1e-10)


def values(expressions: str) -> tuple[object, ...]:
    return holding().query(f"select {expressions}").row(0)


def test_normal_cdf() -> None:
    found = values(", ".join(f"normal_cdf({x!r}::double)" for x in WIDE))

    assert found == pytest.approx([0.5 * math.erfc(-x / math.sqrt(2)) for x in WIDE], rel=1e-13, abs=1e-15)


def test_normal_quantile() -> None:
    found = values(", ".join(f"normal_quantile({p!r}::double)" for p in SHARES))

    assert found == pytest.approx([NORMAL.inv_cdf(p) for p in SHARES], rel=1e-14, abs=1e-16)


# expression, published value, to so many digits
PUBLISHED = [
    ("probabilistic_sharpe(1.585 / sqrt(12), 0, 24, -2.448, 10.164)", 0.913234, 6),  # hedge fund of the paper, months
    ("expected_max_sharpe(0.5 / 250, 100)", 0.113172, 6),
    (f"deflated_sharpe({DAILY}, 100)", 0.900397, 6),
    (f"deflated_sharpe({DAILY}, 46)", 0.9505, 4),
    ("min_track_record(2 / sqrt(250), 1 / sqrt(250), 0, 3, 0.95) / 250", 2.7312, 4),  # years
    ("min_backtest_length(1, 45)", 4.998, 3),  # years
]


@pytest.mark.parametrize(("expression", "published", "digits"), PUBLISHED)
def test_published_figures(expression: str, published: float, digits: int) -> None:
    (found,) = values(expression)

    assert round(float(str(found)), digits) == published


DEGENERATE = [
    ("normal_cdf(null::double)", None),
    ("normal_quantile(0.0::double)", None),
    ("normal_quantile(1.0::double)", None),
    ("normal_quantile(null::double)", None),
    ("probabilistic_sharpe(1.0, 0, 1, 0, 3)", None),  # one observation
    ("probabilistic_sharpe(2.0, 0, 100, 3, 3)", None),  # such a Sharpe ratio cannot have such a skew
    ("probabilistic_sharpe(null::double, 0, 100, 0, 3)", None),
    ("expected_max_sharpe(0.5, 1)", 0.0),
    ("expected_max_sharpe(0.5, 1.2)", 0.0),  # the formula would go below the mean
    ("expected_max_sharpe(0.5, 0)", None),
    ("expected_max_sharpe(0, 100)", 0.0),
    ("expected_max_sharpe(null::double, 100)", None),
    ("deflated_sharpe(0.1, 100, 0, 3, 0.01, 1) - probabilistic_sharpe(0.1, 0, 100, 0, 3)", 0.0),
    ("min_track_record(0.1, 0.1, 0, 3, 0.95)", None),
    ("min_track_record(-0.1, 0, 0, 3, 0.95)", None),
    ("min_backtest_length(0, 10)", None),
    ("min_backtest_length(1, 1)", 0.0),
    ("sharpe_of_sums(1, 0.1, 0.01)", None),  # one return
    ("sharpe_of_sums(0, null::double, null::double)", None),
    ("sharpe_of_sums(10, 0.1, 0.001)", None),  # ten times 0.01
    ("sharpe_of_sums(10, 0.0, 0.0)", None),
    ("horner(2, 1, 1, 1, 1, 1, 1, 1, 1)", 255),
]


@pytest.mark.parametrize(("expression", "expected"), DEGENERATE)
def test_where_a_formula_ends(expression: str, expected: float | None) -> None:
    assert values(expression) == near((expected,))


def test_sharpe_of_sums() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.02, 250)

    (found,) = values(f"sharpe_of_sums(250, {returns.sum()!r}::double, {(returns**2).sum()!r}::double)".replace(
        "np.float64", ""
    ))  # fmt: skip

    assert found == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)


def draw(n: int) -> float:
    """Give a draw as pcg_hash is written down, in numbers of 32 bits."""
    state = (n * 747796405 + 2891336453) % 2**32
    word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737 % 2**32
    return ((word >> 22) ^ word) / 2**32


def test_draws_are_those_of_the_source() -> None:
    numbers = (0, 1, 2, 1000, 2**31, 2**32 - 1)

    assert values(", ".join(f"drawn({n}::bigint)" for n in numbers)) == tuple(draw(n) for n in numbers)
    assert values("bits_mixed(1::bigint)") == (277803737,)


def test_draws_are_even_and_do_not_follow_each_other() -> None:
    (counts,) = holding().query(
        "select list(n order by tenth) as counts from (select floor(10 * drawn(i)) as tenth, count(*) as n "
        "from range(100_000) as draws (i) group by tenth)"
    ).rows()  # fmt: skip
    (correlation,) = values("(select corr(drawn(i), drawn(i + 1)) from range(100_000) as draws (i))")

    assert all(abs(int(n) - 10_000) < 400 for n in str(counts[0]).strip("[]").split(","))  # four deviations
    assert abs(float(str(correlation))) < 0.013


def test_block_halves_are_all_halves() -> None:
    found = holding().query("select taken::varchar, left_over::varchar from block_halves").rows()

    halves = {tuple(map(float, taken.strip("[]").split(","))) for taken, _ in found}
    assert halves == {half for half in itertools.product((0.0, 1.0), repeat=10) if sum(half) == 5}
    assert {each for _, each in found} == {each for each, _ in found}
    assert all(
        a != b for taken, other in found for a, b in zip(taken.split(","), other.split(","), strict=True)
    )  # fmt: skip


def test_the_noise_band_narrows_without_holes() -> None:
    bands = holding().query("select sets, sets_below, low, high from overfitting_noise order by sets").rows()

    assert [below for _, below, *_ in bands] == [*(sets for sets, *_ in bands[1:]), math.inf]
    assert all(0 < low < 0.5 < high < 1 for *_, low, high in bands)
    widths = [high - low for sets, _, low, high in bands if sets > 5]
    assert widths == sorted(widths, reverse=True)


def test_figure_of() -> None:
    found = holding().query(
        "select told['value'] as value, told['threshold'] as threshold, told['reason'] as reason "
        "from (select unnest([figure_of('x', 1, true, 'none', bound := 2), figure_of('x', null, null, 'none')]) "
        "as told) as figures"
    )

    assert found.rows() == [(1.0, 2.0, None), (None, None, "none")]
