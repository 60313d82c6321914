"""Indicators equal TA-Lib, see no future, and say the same by hand and composed; a user's own file is one of them."""

import pickle
import re
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
import talib

from bt import assets
from bt.errors import BtError
from bt.market.compose import BARS, columns, compose
from bt.market.indicators import Indicator, library, look_back
from bt.warehouse import Warehouse, query, registered, schema

START = datetime(2024, 1, 1)
REAL = Path(__file__).parents[2] / "../shared/data/binance_spot"
ALL_BARS = "from bars('1m')"


def walk(symbol: str, length: int, *, seed: int = 7, missing: float = 0.0, scale: float = 100.0) -> pl.DataFrame:
    """Give a seeded random walk of 1m candles with pauses of price and volume, some minutes of it absent."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.001, length) * (random.random(length) > 0.1)
    close = scale * np.exp(np.cumsum(steps))
    opened = np.r_[scale, close[:-1]]
    volume = random.exponential(5, length) * (random.random(length) > 0.1)
    frame = pl.DataFrame(
        {
            "symbol": [symbol] * length,
            "ts": [START + timedelta(minutes=minute) for minute in range(length)],
            "open": opened,
            "high": np.maximum(opened, close) * (1 + random.exponential(0.0005, length)),
            "low": np.minimum(opened, close) * (1 - random.exponential(0.0005, length)),
            "close": close,
            "volume": volume,
            "turnover": volume * close,
        }
    )
    return frame.filter(pl.Series(random.random(length) >= missing))


def flat(symbol: str, length: int, price: float = 0.1) -> pl.DataFrame:
    prices = [pl.lit(price).alias(name) for name in ("open", "high", "low", "close")]
    return walk(symbol, length).with_columns(*prices, volume=0.0, turnover=0.0)


def holding(*frames: pl.DataFrame, sql: tuple[Path, ...] = ()) -> Warehouse:
    warehouse = Warehouse(":memory:", sql=sql)
    with warehouse.write() as connection, registered(connection, new=pl.concat(frames)):
        connection.execute("insert into candles by name select * from new")
    return warehouse


def composed(
    warehouse: Warehouse, base: str = ALL_BARS, timeframe: str = "1m", **indicators: Indicator
) -> pl.DataFrame:
    return warehouse.query(f"{compose(indicators, base=base, timeframe=timeframe)} order by symbol, ts")


MARKET = (
    walk("LONG", 9000),
    walk("HOLEY", 5000, seed=8, missing=0.3, scale=60_000.0),
    walk("CHEAP", 700, seed=9, scale=1e-5),
    walk("SHORT", 12, seed=10),
    flat("FLAT", 300),
)


@pytest.fixture(scope="module")
def market() -> Warehouse:
    return holding(*MARKET)


# What TA-Lib computes from high, low, close and n, for each output.
ORACLES = {
    ("sma", "sma"): lambda high, low, close, n: talib.SMA(close, n),
    ("ema", "ema"): lambda high, low, close, n: talib.EMA(close, n),
    ("rsi", "rsi"): lambda high, low, close, n: talib.RSI(close, n),
    ("atr", "atr"): talib.ATR,
    ("bollinger", "upper"): lambda high, low, close, n: talib.BBANDS(close, n, 2.0, 2.0)[0],
    ("bollinger", "middle"): lambda high, low, close, n: talib.BBANDS(close, n, 2.0, 2.0)[1],
    ("bollinger", "lower"): lambda high, low, close, n: talib.BBANDS(close, n, 2.0, 2.0)[2],
    ("donchian", "upper"): lambda high, low, close, n: talib.MAX(high, n),
    ("donchian", "lower"): lambda high, low, close, n: talib.MIN(low, n),
}
# Where the lengths of blocks change, and what people use: blocks are 1, 256, 4096, 65536 bars.
LENGTHS = (2, 3, 6, 7, 12, 13, 14, 20, 50, 103, 104, 200, 205, 206, 1500, 6000)


def assert_like_talib(found: pl.DataFrame, name: str, n: int) -> None:
    for (symbol,), rows in found.group_by("symbol", maintain_order=True):
        high, low, close = (rows[column].to_numpy() for column in ("high", "low", "close"))
        for (indicator, output), oracle in ORACLES.items():
            if indicator != name:
                continue
            mine = rows[f"x_{output}" if f"x_{output}" in rows.columns else "x"].to_numpy()
            expected = oracle(high, low, close, n)
            case = f"{name} {output} n={n} {symbol}"
            np.testing.assert_array_equal(np.isnan(mine), np.isnan(expected), err_msg=case)
            np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=0, err_msg=case)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("name", sorted({name for name, _ in ORACLES}))
def test_equals_talib(market: Warehouse, name: str, n: int) -> None:
    assert_like_talib(composed(market, x=Indicator(name, n=n)), name, n)


@pytest.mark.parametrize(
    ("symbol", "first", "timeframe", "n"),
    [
        ("BTC", "2024-03-01", "1m", 14),
        ("ETH", "2024-08-01", "1m", 200),
        ("SUI", "2023-05-03", "1m", 20),  # the violent first minute after its listing
        ("TAO", "2024-04-11", "1h", 14),
    ],
)
def test_equals_talib_on_real_bars(symbol: str, first: str, timeframe: str, n: int) -> None:
    path = REAL / f"{symbol}USDT_1m.parquet"
    if not path.exists():
        pytest.skip(f"no real candles at {path}")
    real = pl.read_parquet(path).with_columns(pl.col("ts").dt.replace_time_zone(None))
    real = real.filter(pl.col("ts") >= datetime.fromisoformat(first)).head(60_000)
    warehouse = holding(real.select("symbol", "ts", "open", "high", "low", "close", "volume"))
    for name in sorted({name for name, _ in ORACLES}):
        found = composed(warehouse, f"from bars('{timeframe}')", timeframe, x=Indicator(name, n=n))
        assert_like_talib(found, name, n)


def test_one_bar_is_enough_for_n_1(market: Warehouse) -> None:
    every = {name: Indicator(name, n=1) for name in ("sma", "ema", "rsi", "atr", "bollinger", "donchian")}
    found = composed(market, f"{ALL_BARS} where symbol = 'LONG'", **every)
    for column, source in {
        "sma": "close",
        "ema": "close",
        "bollinger_upper": "close",
        "bollinger_lower": "close",
        "donchian_upper": "high",
        "donchian_lower": "low",
    }.items():
        np.testing.assert_allclose(found[column], found[source], rtol=1e-12, err_msg=column)
    true_range = talib.TRANGE(*(found[column].to_numpy() for column in ("high", "low", "close")))
    np.testing.assert_allclose(found["atr"].to_numpy(), true_range, rtol=1e-12)
    rises = found["close"].diff()
    assert found["rsi"].to_list() == [None, *(100.0 if rise > 0 else 0.0 for rise in rises[1:])]


def test_standing_prices_give_the_price_and_an_rsi_of_0(market: Warehouse) -> None:
    every = {name: Indicator(name) for name in ("sma", "ema", "rsi", "atr", "bollinger", "donchian")}
    last = composed(market, f"{ALL_BARS} where symbol = 'FLAT'", **every).row(-1, named=True)
    assert (last["rsi"], last["atr"]) == (0.0, 0.0)
    averages = ("sma", "ema", "bollinger_upper", "bollinger_lower", "donchian_middle")
    assert [last[column] for column in averages] == pytest.approx([0.1] * 5, rel=1e-12)


def test_fewer_bars_than_n_give_null(market: Warehouse) -> None:
    every = {name: Indicator(name, n=13) for name in ("sma", "ema", "rsi", "atr", "bollinger", "donchian")}
    found = composed(market, f"{ALL_BARS} where symbol = 'SHORT'", **every)
    assert found.height == 12
    assert found.drop(BARS).null_count().row(0) == (12,) * 10


EVERY = {
    "short": Indicator("ema", n=5),
    "middle": Indicator("ema", n=20),
    "long": Indicator("ema", n=300),
    "sma": Indicator("sma", n=100),
    "rsi": Indicator("rsi"),
    "atr": Indicator("atr"),
    "bands": Indicator("bollinger", k=2.5),
    "channel": Indicator("donchian", n=55),
}


@pytest.mark.parametrize("bars", [1, 14, 255, 257, 4095, 4096, 4097, 8999])
def test_the_future_changes_nothing_to_the_last_bit(market: Warehouse, bars: int) -> None:
    whole = composed(market, f"{ALL_BARS} where symbol = 'LONG'", **EVERY)
    cut = composed(market, f"{ALL_BARS} where symbol = 'LONG' and ts < '{START + timedelta(minutes=bars)}'", **EVERY)
    assert cut.equals(whole.head(bars))


def test_other_symbols_change_nothing(market: Warehouse) -> None:
    together = composed(market, **EVERY)
    for frame in MARKET:
        symbol = frame["symbol"][0]
        alone = composed(market, f"{ALL_BARS} where symbol = '{symbol}'", **EVERY)
        among = together.filter(pl.col("symbol") == symbol)
        assert alone.select(BARS).equals(among.select(BARS))
        for column in alone.columns[len(BARS) :]:
            np.testing.assert_allclose(alone[column], among[column], rtol=1e-13, atol=0, err_msg=f"{symbol} {column}")


def test_threads_change_nothing() -> None:
    found = []
    for threads in (1, 2, 4):
        with duckdb.connect(config={"threads": threads}) as connection:
            files = schema.sql_files([assets.folder("sql")])
            schema.build(connection, [path for path in files if path.parent.name <= "3_indicators"])
            with registered(connection, new=pl.concat(MARKET)):
                connection.execute("insert into candles by name select * from new")
            sql = compose(EVERY, base=ALL_BARS, timeframe="1m")
            found.append(query(connection, f"{sql} order by symbol, ts"))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


BY_HAND = [
    ("sma", {}),
    ("sma", {"n": 7}),
    ("ema", {}),
    ("ema", {"n": 50}),
    ("rsi", {}),
    ("rsi", {"n": 2}),
    ("atr", {}),
    ("atr", {"n": 21}),
    ("bollinger", {}),
    ("bollinger", {"n": 10, "k": 1.7}),
    ("donchian", {}),
    ("donchian", {"n": 3}),
]


@pytest.mark.parametrize("timeframe", ["1m", "15m"])
@pytest.mark.parametrize(("name", "arguments"), BY_HAND)
def test_composed_is_what_the_macro_says_by_hand(
    market: Warehouse, name: str, arguments: dict[str, float], timeframe: str
) -> None:
    bound = "".join(f", {key} := ${key}" for key in arguments)
    by_hand = market.query(
        f"from {name}('{timeframe}'{bound}) where symbol = $symbol order by ts", {**arguments, "symbol": "LONG"}
    )
    base = f"from bars('{timeframe}') where symbol = 'LONG'"
    found = composed(market, base, timeframe, x=Indicator(name, **arguments))
    renamed = {name: "x"} if name in by_hand.columns else {c: f"x_{c}" for c in by_hand.columns[len(BARS) :]}
    assert found.equals(by_hand.rename(renamed))


def test_macros_take_positional_parameters(market: Warehouse) -> None:
    found = market.query("from ema('1h', n := ?) where symbol = ? order by ts", [3, "LONG"])
    assert found.columns == [*BARS, "ema"]
    assert found["ema"][2] == pytest.approx(found["close"][:3].mean())


def test_the_base_may_hold_parameters(market: Warehouse) -> None:
    base = "from bars($timeframe) where symbol = $symbol and ts >= $first;"
    sql = compose({"fast": Indicator("ema", n=3)}, base=base, timeframe="5m")
    first = START + timedelta(minutes=10)
    found = market.query(f"{sql} order by ts", {"timeframe": "5m", "symbol": "LONG", "first": first})
    assert found["ts"][0] == first
    assert found["fast"][1:3].to_list() == [None, pytest.approx(found["close"][:3].mean())]


def test_no_indicators_give_the_bars(market: Warehouse) -> None:
    assert composed(market).equals(market.query(f"{ALL_BARS} order by symbol, ts"))


def windows(warehouse: Warehouse, **indicators: Indicator) -> int:
    """Count the passes over the bars in DuckDB's plan."""
    plan = warehouse.query(f"explain (format json) {compose(indicators, base=ALL_BARS, timeframe='1m')}")
    return str(plan["explain_value"].to_list()).count('"WINDOW"')


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        (["sma"], 1),
        (["sma", "bollinger", "donchian"], 1),
        (["ema"], 3),
        (["ema", "rsi", "atr", "bollinger", "sma"], 3),
    ],
)
def test_many_indicators_cost_as_many_passes_as_one(market: Warehouse, names: list[str], passes: int) -> None:
    wanted = {f"{name}_{n}": Indicator(name, n=n) for name in names for n in range(20, 60, 10)}
    assert windows(market, **wanted) == passes


def test_an_indicator_under_two_names_is_computed_once(market: Warehouse) -> None:
    once = {"a": Indicator("ema", n=20)}
    twice = {**once, "b": Indicator("ema"), "c": Indicator("ema", n=20.0)}
    counted = [compose(wanted, base=ALL_BARS, timeframe="1m").count("SUM(") for wanted in (once, twice)]
    assert counted == [1, 1]
    found = composed(market, **twice)
    assert found["a"].equals(found["b"])
    assert found["a"].equals(found["c"])


@pytest.mark.parametrize(
    ("indicators", "bars"),
    [
        ({}, 0),
        ({"a": Indicator("sma", n=1)}, 0),
        ({"a": Indicator("sma", n=30), "b": Indicator("donchian", n=55)}, 54),
        ({"a": Indicator("ema", n=20), "b": Indicator("bollinger")}, 252),
        ({"a": Indicator("rsi")}, 420),
        ({"a": Indicator("atr", n=20)}, 600),
    ],
)
def test_look_back(indicators: dict[str, Indicator], bars: int) -> None:
    assert look_back(indicators) == bars


@pytest.mark.parametrize("start", [300, 1111, 4000])
@pytest.mark.parametrize("alias", [alias for alias in EVERY if alias != "long"])
def test_after_its_look_back_an_indicator_does_not_depend_on_where_data_begin(
    market: Warehouse, alias: str, start: int
) -> None:
    wanted = {alias: EVERY[alias]}
    begin, first = (START + timedelta(minutes=start + bars) for bars in (0, look_back(wanted)))
    whole = composed(market, f"{ALL_BARS} where symbol = 'LONG'", **wanted).filter(pl.col("ts") >= first)
    late = composed(market, f"{ALL_BARS} where symbol = 'LONG' and ts >= '{begin}'", **wanted)
    late = late.filter(pl.col("ts") >= first)
    assert late.height == 9000 - start - look_back(wanted)
    for column in whole.columns[len(BARS) :]:
        np.testing.assert_allclose(late[column], whole[column], rtol=1e-9, atol=0, err_msg=column)


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


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "3_indicators").mkdir()
    for name, text in {"own_chain": CHAIN, "own_other": OTHER}.items():
        (tmp_path / "3_indicators" / f"{name}.sql").write_text(text.lstrip())
    return tmp_path


def test_a_users_own_indicators_are_composed(own: Path) -> None:
    warehouse = holding(walk("A", 500), walk("B", 300, seed=3), sql=(own,))
    wanted = {
        "fast": Indicator("ema", n=3),
        "mine": Indicator("own_chain", n=7, scale=0.1),
        "top": Indicator("own_other"),
        "busy": Indicator("own_other", least=4),
    }
    sql = compose(wanted, base=f"{ALL_BARS} where symbol = 'B'", timeframe="1m", folders=[own])
    assert sql.count("left join") == 2
    found = warehouse.query(f"{sql} order by ts")
    chain = warehouse.query("from own_chain('1m', n := 7, scale := 0.1) where symbol = 'B' order by ts")
    other = warehouse.query("from own_other('1m') where symbol = 'B' order by ts")
    assert found.columns == [*BARS, "fast", "mine_distance", "mine_smooth", "top", "busy"]
    assert found["mine_smooth"].equals(chain["smooth"].alias("mine_smooth"))
    assert found.height == 300
    assert found.filter(pl.col("volume") > 0)["top"].to_list() == other["own_other"].to_list()
    assert found.filter(pl.col("volume") == 0)["top"].null_count() == found.filter(pl.col("volume") == 0).height
    assert found["busy"].null_count() == found.filter(pl.col("volume") <= 4).height


def test_a_changed_file_is_read_again(own: Path) -> None:
    wanted = {"x": Indicator("own_chain", n=9)}
    path = own / "3_indicators" / "own_chain.sql"
    assert look_back(wanted, [own]) == 18
    path.write_text(path.read_text().replace("ceil(1.5 * n) + m", "2 * (n - 1) / 1"))
    assert look_back(wanted, [own]) == 16


@pytest.mark.parametrize(
    ("name", "text", "what", "cure"),
    [
        ("own_other", OTHER, "does not say its warm-up", "add a line"),
        ("bad", CHAIN.replace("own_chain", "bad").replace("ceil(1.5 * n)", "n ** 2"), "cannot compute", "n, m, scale"),
        ("bad", CHAIN.replace("own_chain", "bad").replace("ceil(1.5 * n)", "n / 0"), "cannot compute", "ceil()"),
        ("bad", "create view bad as select 1", "does not create the table macro bad", "3_indicators"),
        ("bad", CHAIN, "does not create the table macro bad", "3_indicators"),
        ("bad", "create macro bad(n := 1) as table select 1", "must be timeframe", ""),
        ("sma", CHAIN, "another indicator 'sma'", "another name"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, text: str, what: str, cure: str) -> None:
    (tmp_path / "3_indicators").mkdir()
    (tmp_path / "3_indicators" / f"{name}.sql").write_text(text.lstrip())
    with pytest.raises(BtError) as caught:
        look_back({"x": Indicator(name)}, [tmp_path])
    assert what in caught.value.what
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("indicator", "what", "cure"),
    [
        (Indicator("emma"), "unknown indicator 'emma'", "did you mean 'ema'?"),
        (Indicator("zzz"), "unknown indicator 'zzz'", "known: atr, bollinger"),
        (Indicator("ema; drop table candles"), "unknown indicator", "known:"),
        (Indicator("ema", m=3), "ema has no argument 'm'", "n"),
        (Indicator("bollinger", K=3), "bollinger has no argument 'K'", "k"),
        (Indicator("ema", timeframe=3), "ema has no argument 'timeframe'", "n"),
        (Indicator("ema", n=0), "ema: n = 0 is out of range", "1 to 100,000"),
        (Indicator("ema", n=-5), "ema: n = -5 is out of range", "1 to 100,000"),
        (Indicator("rsi", n=2.5), "rsi: n = 2.5 is out of range", "whole number"),
        (Indicator("atr", n=100_001), "atr: n = 100001 is out of range", "1 to 100,000"),
    ],
)
def test_unknown_names_and_impossible_arguments_get_a_hint(indicator: Indicator, what: str, cure: str) -> None:
    for use in (look_back, columns):
        with pytest.raises(BtError) as caught:
            use({"x": indicator})
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
    assert composed(market, **wanted).columns == [*BARS, *columns(wanted)]


@pytest.mark.parametrize(
    ("base", "timeframe", "what"),
    [
        (ALL_BARS, "7m", "unknown timeframe '7m'"),
        ("from bars('1m')) select 1; drop table candles; with x as (select 1", "1m", "not one SELECT"),
        ("from bars('1m' where", "1m", "not SQL"),
    ],
)
def test_what_is_no_query_is_refused(base: str, timeframe: str, what: str) -> None:
    with pytest.raises(BtError, match=what):
        compose({"x": Indicator("ema")}, base=base, timeframe=timeframe)


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
    lines = [line.removeprefix("-- ") for line in library()[name].read_text(encoding="utf-8").splitlines()]
    for line, start in zip(lines, HEADER, strict=False):
        assert line.startswith(start), name
    units = re.findall(r"(\w+) \([^)]+\)", lines[6])
    shown = market.query(f"from {name}('1h') limit 0").columns
    assert shown == [*BARS, *units]
    assert [output for _, output in columns({"x": Indicator(name)}).values()] == units
    assert "left join" not in compose({"x": Indicator(name)}, base=ALL_BARS, timeframe="1m")
