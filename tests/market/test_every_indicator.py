"""Laws that each file of the catalogue keeps, later ones too: no future, a warm-up that is enough, the same by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from bt import assets
from bt.market.compose import BARS, columns, compose
from bt.market.indicators import Indicator, definition_of, library, look_back, resolve
from bt.warehouse import query, registered, schema
from tests.market.markets import START, by_hand, composed, flat, holding, numbers, walk

if TYPE_CHECKING:
    import polars as pl

    from bt.warehouse import Warehouse

MARKET = (
    walk("LONG", 5000),
    walk("HOLEY", 2000, seed=8, missing=0.3, scale=60_000.0),
    walk("SHORT", 12, seed=10),
    flat("FLAT", 300),
)
# Arguments whose warm-up fits into the market above, where that of the defaults does not.
SMALLER = {"kama": {"slow": 8}, "supertrend": {"k": 2.0}, "swings": {"m": 100}}
EVERY = {name: Indicator(name, **SMALLER.get(name, {})) for name in library()}
CHAINS = {name: indicator for name, indicator in EVERY.items() if name not in {"funding_rate", "psar", "supertrend"}}
FORGETFUL = EVERY.keys() - {
    "obv",  # counts from where data begin: only differences mean something
    "supertrend",  # of true ranges averaged by hand, in blocks that begin where data begin: equal but for rounding
}


@pytest.fixture(scope="module")
def market() -> Warehouse:
    return holding(*MARKET)


@pytest.fixture(scope="module")
def whole(market: Warehouse) -> pl.DataFrame:
    return composed(market, EVERY, symbol="LONG")


def added(frame: pl.DataFrame, name: str, outputs: tuple[str, ...]) -> list[pl.Series]:
    return [frame[name if len(outputs) == 1 else f"{name}_{output}"] for output in outputs]


def differing(one: pl.DataFrame, other: pl.DataFrame) -> set[str]:
    """Name the indicators whose values are not the same to the last bit, row by row."""
    assert one["ts"].to_list() == other["ts"].to_list()
    named = columns(EVERY)
    return {named[column][0] for column in named if not one[column].equals(other[column])}


def moment(bars: int) -> str:
    return f"timestamp '{START + timedelta(minutes=bars)}'"


@pytest.mark.parametrize("bars", [2, 515, 2049])
def test_the_future_changes_nothing_to_the_last_bit(market: Warehouse, whole: pl.DataFrame, bars: int) -> None:
    cut = composed(market, EVERY, symbol="LONG", only=f"ts < {moment(bars)}")
    assert cut.height == bars
    assert differing(whole.head(bars), cut) == set()


# What changes in the very bar before its warm-up is over.
EXACTLY = (
    "sma wma donchian bollinger roc momentum vwap zscore cci since_extremes mfi williams_r realised_volatility".split()
)


def test_after_its_look_back_a_value_does_not_hang_on_where_data_begin(market: Warehouse, whole: pl.DataFrame) -> None:
    begin = 777
    late = composed(market, EVERY, symbol="LONG", only=f"ts >= {moment(begin)}")
    unlike = set()
    for name, indicator in EVERY.items():
        settled = look_back([indicator], "1m")
        if name == "obv":  # of all that there is
            assert settled > 10**9
            continue
        assert settled < late.height - 500, f"{name}: give it smaller arguments in SMALLER"
        unlike |= {name} & differing(whole[begin + settled :], late[settled:])
        if name in EXACTLY:
            assert name in differing(whole[begin + settled - 1 :].head(1), late[settled - 1 :].head(1)), name
    assert unlike <= EVERY.keys() - FORGETFUL
    np.testing.assert_allclose(late["supertrend_supertrend"][2000:], whole["supertrend_supertrend"][begin + 2000 :])


@pytest.mark.long
@pytest.mark.parametrize("timeframe", ["1m", pytest.param("15m", marks=pytest.mark.slow)])
def test_by_hand_it_is_what_is_composed_for_each_symbol_alone(market: Warehouse, timeframe: str) -> None:
    alone = {
        frame["symbol"][0]: composed(market, EVERY, symbol=frame["symbol"][0], timeframe=timeframe) for frame in MARKET
    }
    for name, indicator in EVERY.items():
        outputs = resolve(indicator)[0].outputs
        hand = by_hand(market, name, dict(indicator.arguments), timeframe)
        assert hand.columns == ["symbol", "ts", *outputs]
        for (symbol,), rows in hand.group_by("symbol", maintain_order=True):
            assert rows["ts"].to_list() == alone[symbol]["ts"].to_list()
            for mine, found in zip(added(alone[symbol], name, outputs), rows[:, 2:], strict=True):
                scale = max(np.nanmax(np.abs(numbers(found)), initial=0), alone[symbol]["close"].max())
                near = 1e-10 if name == "kama" else 1e-12  # by hand its blocks lose a digit in a hundred thousand bars
                np.testing.assert_allclose(
                    numbers(mine), numbers(found), rtol=0, atol=near * scale, err_msg=f"{name} {found.name} {symbol}"
                )


@pytest.mark.parametrize("bars", [100, pytest.param(1500, marks=pytest.mark.slow)])
def test_by_hand_the_future_changes_no_more_than_rounding(market: Warehouse, bars: int) -> None:
    cut = holding(*(frame.head(bars) for frame in MARKET[:2]))
    for name, indicator in EVERY.items():
        arguments = dict(indicator.arguments)
        before = by_hand(cut, name, arguments)
        for (symbol,), rows in by_hand(market, name, arguments).group_by("symbol"):
            if symbol in {"LONG", "HOLEY"}:
                known = before.filter(symbol=symbol)
                for mine, found in zip(known[:, 2:], rows.sort("ts").head(bars)[:, 2:], strict=True):
                    np.testing.assert_allclose(numbers(mine), numbers(found), rtol=1e-10, atol=1e-10, err_msg=name)


MANY = 300_000  # more than two groups of rows as DuckDB keeps them: enough for threads to share
FEW = {name: EVERY[name] for name in ("ema", "bollinger", "since_extremes", "session_vwap")}


@pytest.mark.long
@pytest.mark.parametrize(("candles", "wanted"), [(5000, EVERY), (MANY, FEW)])
def test_threads_change_nothing(candles: int, wanted: dict[str, Indicator]) -> None:
    found = []
    stored = walk("LONG", candles).sample(fraction=1, shuffle=True, seed=7)
    for threads in (1, 4):
        with duckdb.connect(config={"threads": threads}) as connection:
            files = schema.sql_files([assets.folder("sql")])
            schema.build(connection, [path for path in files if path.parent.name <= "3_indicators"])
            with registered(connection, new=stored):
                connection.execute("insert into candles by name select * from new")
            found.append(query(connection, compose(wanted, base="from bars('1m')", timeframe="1m")))
    assert found[0]["ts"].is_sorted()
    assert found[0].equals(found[1])


PRICES = "ema sma wma kama bollinger_middle keltner_upper ichimoku_span_b slope_fitted heikin_ashi_ha_open".split()
STANDING = "rsi atr cci mfi williams_r stochastic_slow_d stoch_rsi_fast_d adx_adx adx_plus_di obv roc momentum".split()


def test_standing_prices_without_trades_give_the_price_or_a_middle_or_nothing(market: Warehouse) -> None:
    last = composed(market, CHAINS, symbol="FLAT").row(-1, named=True)
    found = {name: last[name] for name in columns(CHAINS)}
    price = {name for name, value in found.items() if value is not None and abs(value - 0.1) < 1e-15}
    assert price >= set(PRICES)
    assert {name: found[name] for name in STANDING} == dict.fromkeys(STANDING, 0)
    assert [name for name, value in found.items() if value is None] == [
        "bollinger_percent_b",
        "pivots_point",
        "pivots_r1",
        "pivots_s1",
        "pivots_r2",
        "pivots_s2",
        "session_vwap",
        "volume_average_ratio",
        "vwap",
        "zscore",
    ]


def test_the_smallest_lengths_work(market: Warehouse) -> None:
    smallest = {}
    for name in EVERY:
        defaults = resolve(Indicator(name))[1]
        least = definition_of(name).least
        whole = {key: least.get(key, 1) for key, value in defaults.items() if isinstance(value, int)}
        smallest[name] = Indicator(name, **whole)
    found = composed(market, smallest, symbol="LONG")
    close = found["close"].to_list()
    for column in ("sma", "ema", "wma", "dema", "tema", "bollinger_upper", "keltner_middle"):
        assert found[column].to_list() == pytest.approx(close, rel=1e-12)
    assert found["rsi"].to_list() == [None, *(100.0 if rise > 0 else 0.0 for rise in found["close"].diff()[1:])]
    assert set(found["since_extremes_since_high"].to_list()) == {0}
    never = {column for column in columns(smallest) if found[column].null_count() == found.height}
    assert never == {"bollinger_percent_b", "funding_rate", "zscore"}  # one value has no spread, and nothing was paid


def test_fewer_bars_than_n_give_null(market: Warehouse) -> None:
    longer = {
        name: Indicator(name, n=13)
        for name in EVERY
        if "n" in resolve(Indicator(name))[1] and name not in {"keltner", "stoch_rsi", "swings"}
    }
    found = composed(market, longer, symbol="SHORT")
    assert found.height == 12
    assert {column for column in columns(longer) if found[column].null_count() < 12} == set()


HEADER = [
    "one row is one bar of a symbol with ",
    "formula: ",
    "source: ",
    "arguments: ",
    "start: ",
    "warm-up: ",
    "outputs: ",
]


@pytest.mark.parametrize("name", sorted(library()))
def test_a_file_says_what_it_is(market: Warehouse, name: str) -> None:
    text = library()[name].read_text(encoding="utf-8")
    lines = [line.removeprefix("-- ") for line in re.sub(r"\n--  +", " ", text).splitlines()]
    for line, start in zip(lines, HEADER, strict=False):
        assert line.startswith(start), name
    units = re.findall(r"(\w+) \([^)]+\)", lines[6])
    shown = market.query(f"from {name}('1h') limit 0").columns
    assert shown == [*BARS, *units]
    assert [output for _, output in columns({"x": Indicator(name)}).values()] == units
    assert all(f"{argument} " in lines[3] or f"{argument}," in lines[3] for argument in resolve(Indicator(name))[1]), (
        name
    )
    chained = "left join" not in compose({"x": Indicator(name)}, base="from bars('1m')", timeframe="1m").lower()
    assert chained == (name in CHAINS)
