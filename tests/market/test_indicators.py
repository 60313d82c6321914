"""A strategy's indicators become one query; a user's own file is one of them; what is wrong is said with its cure."""

import pickle
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bt.errors import BtError
from bt.market.compose import BARS, columns, compose
from bt.market.indicators import Indicator, look_back
from bt.warehouse import Warehouse
from tests.market.markets import START, by_hand, composed, holding, walk

ALL_BARS = "select * from bars('1m')"
MARKET = (walk("LONG", 2000), walk("HOLEY", 1500, seed=8, missing=0.3, scale=60_000.0))


@pytest.fixture(scope="module")
def market() -> Warehouse:
    return holding(*MARKET)


def test_an_indicator_with_one_output_has_its_alias_others_alias_and_output(market: Warehouse) -> None:
    wanted = {"fast": Indicator("ema", n=5), "band": Indicator("bollinger", n=20, k=1.5), "sar": Indicator("psar")}
    found = composed(market, wanted, symbol="HOLEY")
    band = ["band_upper", "band_middle", "band_lower", "band_width", "band_percent_b"]
    assert found.columns == [*BARS, "fast", *band, "sar_psar", "sar_trend"]
    assert list(columns(wanted)) == found.columns[len(BARS) :]
    assert found["ts"].to_list() == MARKET[1]["ts"].to_list()
    hand = by_hand(market, "bollinger", {"n": 20, "k": 1.5}).filter(symbol="HOLEY")
    np.testing.assert_allclose(found["band_lower"][19:], hand["lower"][19:], rtol=1e-12)


def test_macros_take_positional_parameters(market: Warehouse) -> None:
    found = market.query("from ema('1h', n := ?) where symbol = ? order by ts", [3, "LONG"])
    assert found.columns == [*BARS, "ema"]
    assert found["ema"][2] == pytest.approx(found["close"][:3].mean())


def test_the_base_may_hold_parameters_and_comes_back_in_order_of_ts(market: Warehouse) -> None:
    base = "from bars($timeframe) where symbol = $symbol and ts >= $first order by close;"
    first = START + timedelta(minutes=10)
    for indicator in (Indicator("ema", n=3), Indicator("supertrend", n=3)):
        sql = compose({"fast": indicator}, base=base, timeframe="5m")
        found = market.query(sql, {"timeframe": "5m", "symbol": "LONG", "first": first})
        assert found["ts"][0] == first
        assert found["ts"].is_sorted()
    found = market.query(
        compose({"fast": Indicator("ema", n=3)}, base=base, timeframe="5m"),
        {"timeframe": "5m", "symbol": "LONG", "first": first},
    )
    assert found["fast"][1:3].to_list() == [None, pytest.approx(found["close"][:3].mean())]


def test_no_indicators_give_the_bars(market: Warehouse) -> None:
    bars = market.query(f"{ALL_BARS} where symbol = 'LONG' order by ts")
    assert composed(market, {}, symbol="LONG").equals(bars)


def sorted_windows(warehouse: Warehouse, **indicators: Indicator) -> int:
    """Count the windows in DuckDB's plan that sort or keep rows; those that rows stream through have another name."""
    base = f"{ALL_BARS} where symbol = 'LONG'"
    plan = warehouse.query(f"explain (format json) {compose(indicators, base=base, timeframe='1m')}")
    return str(plan["explain_value"].to_list()).count('"WINDOW"')


def test_rows_stream_through_all_the_windows_of_a_chain(market: Warehouse) -> None:
    names = "ema sma wma bollinger cci adx pivots swings since_extremes session_vwap".split()
    every = {name: Indicator(name) for name in names}
    every["kama"] = Indicator("kama", slow=8)  # DuckDB streams no further back than 2047 rows
    assert sorted_windows(market, **every) == 0


def test_columns_that_indicators_share_are_computed_once(market: Warehouse) -> None:
    once = {"a": Indicator("ema", n=20)}
    twice = {**once, "b": Indicator("ema"), "c": Indicator("ema", n=20.0)}
    steps = [compose(wanted, base=ALL_BARS, timeframe="1m").count("lag(") for wanted in (once, twice)]
    assert steps[0] == steps[1]
    found = composed(market, twice, symbol="LONG")
    assert found["a"].equals(found["b"])
    assert found["a"].equals(found["c"])
    average, band = Indicator("sma", n=20), Indicator("bollinger", n=20)
    alone = sum(compose({"x": each}, base=ALL_BARS, timeframe="1m").count("lag(") for each in (average, band))
    assert compose({"a": average, "b": band}, base=ALL_BARS, timeframe="1m").count("lag(") < alone


@pytest.mark.parametrize(
    ("indicators", "bars"),
    [
        ([], 0),
        ([Indicator("sma", n=1)], 0),
        ([Indicator("sma", n=30), Indicator("donchian", n=55)], 54),
        ([Indicator("ema", n=20), Indicator("bollinger")], 20 + 512),
        ([Indicator("atr", n=14)], 14 + 1024),
        ([Indicator("session_vwap")], 1439),
        ([Indicator("ichimoku")], 51 + 26),
    ],
)
def test_look_back(indicators: list[Indicator], bars: int) -> None:
    assert look_back(indicators, "1m") == bars


@pytest.mark.parametrize(("timeframe", "bars"), [("1m", 2880), ("15m", 192), ("1h", 48), ("1d", 2), ("1w", 2)])
def test_a_day_is_as_many_bars_as_the_timeframe_has(timeframe: str, bars: int) -> None:
    assert look_back([Indicator("pivots")], timeframe) == bars


CHAIN = """
-- one row is one bar of a symbol with how far its close is above the average, and the average of that
-- warm-up: ceil(1.5 * n) + m
-- outputs: distance (quote), smooth (quote, an average)
create or replace macro own_chain(timeframe, n := 10, m := 4, scale := 1.5) as table
with averaged as (
    select
        *,
        avg(close) over last_n as _average,
        scale * (close - _average) as distance,
    from bars(timeframe)
    window last_n as (partition by symbol order by ts rows between n - 1 preceding and current row)
)

select
    * exclude (_average),
    avg(distance) over (by_time rows between m - 1 preceding and current row) as smooth,
from averaged
window by_time as (partition by symbol order by ts);
"""
OTHER = """
-- one row is one bar of a symbol with the highest close of its day so far; bars without trades have none
create or replace macro own_other(timeframe, least := 0.0, label := 'a, b') as table
select symbol, ts, label as text, max(close) over (partition by symbol, ts::date order by ts) as own_other
from (from bars(timeframe) where volume > least);
"""


BUILT_ON = """
-- one row is one bar of a symbol with how far its ema is above a longer one
-- warm-up: n + m + fading_bars(1 - 2 / (n + 1)) + fading_bars(1 - 2 / (m + 1))
create or replace macro own_built_on(timeframe, n := 5, m := 50) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from ema(timeframe, n := n)
)

select
    * exclude (_bar, ema),
    ema - exponential(close, 1 - 2.0 / (m + 1), 0, m, _bar) as own_built_on,
from placed;
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "3_indicators").mkdir()
    for name, text in {"own_chain": CHAIN, "own_other": OTHER, "own_built_on": BUILT_ON}.items():
        (tmp_path / "3_indicators" / f"{name}.sql").write_text(text.lstrip())
    return tmp_path


def test_a_users_own_indicators_are_composed(own: Path) -> None:
    warehouse = holding(walk("A", 500), walk("B", 300, seed=3), sql=(own,))
    wanted = {
        "fast": Indicator("ema", n=3),
        "mine": Indicator("own_chain", n=7, scale=0.1),
        "top": Indicator("own_other"),
        "busy": Indicator("own_other", least=4),
        "apart": Indicator("own_built_on", n=3, m=20),
    }
    sql = compose(wanted, base=f"{ALL_BARS} where symbol = 'B'", timeframe="1m", folders=[own])
    assert sql.lower().count("left join") == 2  # `own_other` is no chain of stages: its rows are joined to the bars
    found = warehouse.query(sql)
    hand = {
        name: by_hand(warehouse, name, arguments).filter(symbol="B")
        for name, arguments in {
            "own_chain": {"n": 7, "scale": 0.1},
            "own_other": {},
            "own_built_on": {"n": 3, "m": 20},
        }.items()
    }
    assert found.columns == [*BARS, "fast", "mine_distance", "mine_smooth", "top", "busy", "apart"]
    np.testing.assert_allclose(found["mine_smooth"][9:], hand["own_chain"]["smooth"][9:], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["apart"][19:], hand["own_built_on"]["own_built_on"][19:], rtol=0, atol=1e-10)
    assert found["apart"].null_count() == 19
    assert found.height == 300
    assert found.filter(pl.col("volume") > 0)["top"].to_list() == hand["own_other"]["own_other"].to_list()
    assert found.filter(pl.col("volume") == 0)["top"].null_count() == found.filter(pl.col("volume") == 0).height
    assert found["busy"].null_count() == found.filter(pl.col("volume") <= 4).height


def test_a_changed_file_is_read_again(own: Path) -> None:
    wanted = [Indicator("own_chain", n=9)]
    path = own / "3_indicators" / "own_chain.sql"
    assert look_back(wanted, "1m", [own]) == 18
    path.write_text(path.read_text().replace("ceil(1.5 * n) + m", "2 * (n - 1) / 1"))
    assert look_back(wanted, "1m", [own]) == 16


@pytest.mark.parametrize(
    ("name", "text", "what", "cure"),
    [
        ("own_other", OTHER, "does not say its warm-up", "add a line"),
        ("bad", CHAIN.replace("own_chain", "bad").replace("ceil(1.5 * n)", "n ** 2"), "cannot compute", "n, m, scale"),
        ("bad", CHAIN.replace("own_chain", "bad").replace("ceil(1.5 * n)", "n / 0"), "cannot compute", "ceil()"),
        ("bad", "select 1", "must begin with a comment", "3_indicators"),
        ("bad", "-- rows\ncreate view bad as select 1", "does not create the table macro bad", "3_indicators"),
        ("bad", CHAIN, "must create a table, view or macro named bad", "3_indicators"),
        ("bad", "-- rows\ncreate macro bad(n := 1) as table select 1", "must be timeframe", ""),
        ("sma", CHAIN, "another indicator 'sma'", "another name"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, text: str, what: str, cure: str) -> None:
    (tmp_path / "3_indicators").mkdir()
    (tmp_path / "3_indicators" / f"{name}.sql").write_text(text.lstrip())
    with pytest.raises(BtError) as caught:
        look_back([Indicator(name)], "1m", [tmp_path])
    assert what in caught.value.what
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("indicator", "what", "cure"),
    [
        (Indicator("emma"), "unknown indicator 'emma'", "did you mean 'ema'?"),
        (Indicator("zzz"), "unknown indicator 'zzz'", "known: adx, atr, bollinger"),
        (Indicator("ema; drop table candles"), "unknown indicator", "known:"),
        (Indicator("ema", m=3), "ema has no argument 'm'", "n"),
        (Indicator("bollinger", K=3), "bollinger has no argument 'K'", "k"),
        (Indicator("ema", n=0), "ema: n = 0 is out of range", "1 to 100,000"),
        (Indicator("ema", n=-5), "ema: n = -5 is out of range", "1 to 100,000"),
        (Indicator("rsi", n=2.5), "rsi: n = 2.5 is out of range", "whole number"),
        (Indicator("atr", n=100_001), "atr: n = 100001 is out of range", "1 to 100,000"),
    ],
)
def test_unknown_names_and_impossible_arguments_get_a_hint(indicator: Indicator, what: str, cure: str) -> None:
    for use in (lambda: look_back([indicator], "1m"), lambda: columns({"x": indicator})):
        with pytest.raises(BtError) as caught:
            use()
        assert what in caught.value.what
        assert cure in caught.value.cure


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, None, "20", [20], 1j])
def test_an_argument_is_a_number(value: object) -> None:
    with pytest.raises(BtError, match="n is not a number"):
        Indicator("ema", n=value)


def test_arguments_have_names() -> None:
    with pytest.raises(BtError, match="does not name its arguments"):
        Indicator("ema", 20)


def test_indicators_are_values() -> None:
    indicator = Indicator("bollinger", n=np.int64(20), k=np.float64(2.5))
    assert indicator == Indicator("bollinger", k=2.5, n=20)
    assert len({indicator, Indicator("bollinger", k=2.5, n=20), Indicator("bollinger")}) == 2
    assert repr(indicator) == "Indicator('bollinger', k=2.5, n=20)"
    assert pickle.loads(pickle.dumps(indicator)) == indicator


@pytest.mark.parametrize(
    ("indicators", "what"),
    [
        ({"close": Indicator("ema")}, "two columns 'close'"),
        ({"candles": Indicator("ema")}, "two columns 'candles'"),
        ({"a": Indicator("bollinger"), "a_upper": Indicator("ema")}, "two columns 'a_upper'"),
        ({"_row": Indicator("ema")}, "'_row' cannot name an indicator"),
        ({"Fast": Indicator("ema")}, "'Fast' cannot name an indicator"),
        ({"": Indicator("ema")}, "'' cannot name an indicator"),
        ({'a", 1 as "b': Indicator("ema")}, "cannot name an indicator"),
        ({"fast\n": Indicator("ema")}, "cannot name an indicator"),
        ({"fast": "ema"}, "'ema' is not an indicator"),
    ],
)
def test_names_that_collide_or_are_none_are_refused(indicators: dict[str, Indicator], what: str) -> None:
    with pytest.raises(BtError) as caught:
        compose(indicators, base=ALL_BARS, timeframe="1m")
    assert what in caught.value.what
    assert caught.value.cure


def test_words_of_sql_may_name_an_indicator(market: Warehouse) -> None:
    wanted = {"order": Indicator("sma"), "select": Indicator("donchian"), "end": Indicator("ema")}
    assert composed(market, wanted, symbol="LONG").columns == [*BARS, *columns(wanted)]


@pytest.mark.parametrize(
    ("base", "timeframe", "what"),
    [
        (ALL_BARS, "7m", "unknown timeframe '7m'"),
        ("from bars('1m')) select 1; drop table candles; with x as (select 1", "1m", "not SQL"),
        ("delete from candles", "1m", "not one SELECT"),
        ("from bars('1m' where", "1m", "not SQL"),
    ],
)
def test_what_is_no_query_is_refused(base: str, timeframe: str, what: str) -> None:
    with pytest.raises(BtError, match=what):
        compose({"x": Indicator("ema")}, base=base, timeframe=timeframe)
