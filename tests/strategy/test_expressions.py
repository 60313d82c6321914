"""Expressions for strategies, held against what they stand for."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from bt import BtError, previous

ROWS = pl.DataFrame(
    {
        "symbol": ["A", "A", "A", "B", "B", "C", "C", "C", "C"],
        "x": [1.0, None, 3.0, 4.0, 5.0, 6.0, 7.0, None, 9.0],
        "on": [True, False, None, True, True, False, True, True, False],
    }
)


@pytest.mark.parametrize("bars", [1, 2, 3, 4])
@pytest.mark.parametrize("value", ["x", "on", pl.col("x") > 4, pl.col("x").cast(pl.Int64), pl.col("symbol")])
def test_previous_is_the_value_so_many_bars_before_of_the_same_symbol(value: Any, bars: int) -> None:
    expression = pl.col(value) if isinstance(value, str) else value
    wanted = ROWS.select(v=expression.shift(bars).over("symbol"))
    assert ROWS.select(v=previous(value, bars)).equals(wanted)
    alone = ROWS.filter(pl.col("symbol") == "C")
    assert alone.select(v=previous(value, bars)).equals(alone.select(v=expression.shift(bars)))


@pytest.mark.parametrize("bars", [0, -1, True, 1.5, "1"])
def test_previous_does_not_look_ahead(bars: Any) -> None:
    with pytest.raises(BtError, match="at least one bar"):
        previous("x", bars)
