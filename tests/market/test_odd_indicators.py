"""A user's own indicator, however it is written, says composed what it says by hand, and disturbs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bt.market.compose import BARS, compose
from bt.market.indicators import Indicator
from tests.market.markets import by_hand, holding, walk

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from bt.warehouse import Warehouse

BY_TIME = "partition by symbol order by ts"

# what the file's only stage computes from bars, as the column `odd`
EXPRESSIONS = {
    "the day's volume so far": "sum(volume) over (partition by symbol, ts::date order by ts)",
    "the rank of the close": "rank() over (partition by symbol order by close, ts)",
    "from the last to the first": "sum(volume) over (partition by symbol order by ts desc)",
    "a range": f"sum(volume) over ({BY_TIME} range unbounded preceding)",
    "a range to here": f"max(close) over ({BY_TIME} range between unbounded preceding and current row)",
    "an hour": f"avg(close) over ({BY_TIME} range between interval 1 hour preceding and current row)",
    "groups": f"sum(volume) over ({BY_TIME} groups between 3 preceding and current row)",
    "its share of ranks": f"percent_rank() over ({BY_TIME})",
    "a place": f"dense_rank() over ({BY_TIME})",
    "all so far": f"sum(volume) over ({BY_TIME})",
    "the first": f"first_value(open) over ({BY_TIME})",
    "the last": f"last_value(close) over ({BY_TIME})",
    "bars so far": f"count(*) over ({BY_TIME})",
    "bars of ten": f"count(*) over ({BY_TIME} rows 9 preceding)",
    "different ones": f"count(distinct round(close)) over ({BY_TIME} rows between 9 preceding and current row)",
    "three highest": f"list_sum(max(close, 3) over ({BY_TIME} rows between 9 preceding and current row))",
    "counted before": f"count(close) over ({BY_TIME} rows between 5 preceding and 2 preceding)",
    "averaged before": f"avg(close) over ({BY_TIME} rows between 5 preceding and 2 preceding)",
    "the median": f"median(close) over ({BY_TIME} rows between 9 preceding and current row)",
    "centred": f"avg(close) over ({BY_TIME} rows between 2 preceding and 2 following)",
    "without this one": f"sum(volume) over ({BY_TIME} rows between 2 preceding and current row exclude current row)",
    "only rising": f"sum(volume) filter (where close > open) over ({BY_TIME} rows between 9 preceding and current row)",
    "named arguments": "session_sum(x := volume)",
    "a word in capitals": "AVERAGE_OVER(X := close, N := 5)",
    "a word of a word's": "coalesce(average_over(close, 3), -1)",
    "a later bar": f"lead(close) over ({BY_TIME})",
    "two bars ago": f"lag(close, 2) over ({BY_TIME})",
}
# whole bodies
BODIES = {
    "a column made anew from itself": """
        with a as (select *, close - open as _c from bars(timeframe))
        select * exclude (_c), _c * 10 as _c, _c + 1 as odd from a""",
    "a name for a column beside it": """
        select *, close - open as _c, _c + 1 as odd from bars(timeframe)""",
    "a column of another indicator with the name of a parameter": """
        select * exclude (line, signal, histogram), line * signal as odd
        from macd(timeframe, slow := 30, smooth := signal)""",
    "another indicator, not all of its bars": """
        select symbol, ts, rsi as odd from rsi(timeframe, n := 5) where volume > 1""",
    "two others": """
        select a.symbol, a.ts, a.ema - b.sma as odd
        from ema(timeframe, n := 5) as a inner join sma(timeframe, n := 7) as b using (symbol, ts)""",
}


def in_the_folder(warehouse: Warehouse, indicators: dict[str, Indicator], folder: Path) -> pl.DataFrame:
    base = "select * from bars('1m') where symbol = 'B'"
    return warehouse.query(compose(indicators, base=base, timeframe="1m", folders=[folder]))


def body(expression: str) -> str:
    return f"select *, {expression} as odd from bars(timeframe)"


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    return holding(walk("A", 3000), walk("B", 3000, seed=3))


@pytest.mark.parametrize("name", [*EXPRESSIONS, *BODIES])
def test_it_says_composed_what_it_says_by_hand(warehouse: Warehouse, tmp_path: Path, name: str) -> None:
    text = BODIES.get(name) or body(EXPRESSIONS[name])
    (tmp_path / "3_indicators").mkdir()
    header = "-- one row is one bar of a symbol with something odd\n-- warm-up: 0\n-- outputs: odd (number)\n"
    macro = f"{header}create or replace macro an_odd_one(timeframe, signal := 9) as table\n{text};\n"
    (tmp_path / "3_indicators" / "an_odd_one.sql").write_text(macro)
    with warehouse.write() as connection:
        connection.execute(macro)
    ema = {"before": Indicator("ema", n=20), "after": Indicator("ema", n=7)}
    asked = {"before": ema["before"], "odd": Indicator("an_odd_one"), "after": ema["after"]}
    found = in_the_folder(warehouse, asked, tmp_path)
    alone = in_the_folder(warehouse, ema, tmp_path)
    assert found.select(alone.columns).equals(alone)
    hand = by_hand(warehouse, "an_odd_one", {}).filter(symbol="B").select("ts", wanted="odd")
    both = found.select(*BARS, "odd").join(hand, on="ts", how="left")
    np.testing.assert_allclose(
        both["odd"].cast(float).to_numpy(), both["wanted"].cast(float).to_numpy(), rtol=1e-12, atol=1e-9, err_msg=name
    )


def test_a_users_file_may_build_on_an_indicator_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "3_indicators").mkdir()
    macro = "create or replace macro a_first_one(timeframe) as table\nselect * from rsi(timeframe);\n"
    (tmp_path / "3_indicators" / "a_first_one.sql").write_text(
        f"-- one row is one bar of a symbol with its rsi\n{macro}"
    )
    assert holding(walk("A", 50), sql=(tmp_path,)).query("select rsi from a_first_one('1m')").height == 50


def test_a_changed_word_is_read_again(tmp_path: Path) -> None:
    for layer in ("2_market", "3_indicators"):
        (tmp_path / layer).mkdir()
    word, indicator = tmp_path / "2_market" / "times.sql", tmp_path / "3_indicators" / "a_multiple.sql"
    indicator.write_text(
        "-- one row is one bar of a symbol with a multiple of its close\n-- warm-up: 0\n"
        "create or replace macro a_multiple(timeframe) as table\n"
        "select *, times(close) as a_multiple from bars(timeframe);\n"
    )
    for factor in (2.5, 33):  # a file of another length
        word.write_text(f"-- one value is a multiple of x\ncreate or replace macro times(x) as {factor} * x;\n")
        found = in_the_folder(holding(walk("B", 9), sql=(tmp_path,)), {"x": Indicator("a_multiple")}, tmp_path)
        assert found["x"].to_list() == [factor * close for close in found["close"]]
