"""Every indicator of the catalogue equals TA-Lib where TA-Lib defines it, else a slow twin written from its formula."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl
import pytest
import talib

from bt import assets
from bt.market.indicators import Indicator, library
from bt.timeframes import minutes
from bt.warehouse import query, registered, schema
from tests.market.markets import composed, flat, holding, numbers, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.warehouse import Warehouse

    Found = dict[str, np.ndarray]

REAL = Path(__file__).parents[2] / "../shared/data/binance_spot"
MARKET = (
    walk("LONG", 4000),
    walk("HOLEY", 2500, seed=8, missing=0.3, scale=60_000.0),
    walk("CHEAP", 700, seed=9, scale=1e-5),
    walk("SHORT", 12, seed=10),
    flat("FLAT", 300),
)


@dataclass(frozen=True)
class Bars:
    """The columns of one symbol's bars."""

    minutes: int
    day: list[date]
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    turnover: np.ndarray

    @property
    def typical(self) -> np.ndarray:
        return (self.high + self.low + self.close) / 3

    @property
    def hlc(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.high, self.low, self.close


def over(n: int, function: Callable[..., float], *columns: np.ndarray) -> np.ndarray:
    """Compute a function of the last n values of columns, one bar after the other; NaN where there are fewer."""
    found = np.full(len(columns[0]), np.nan)
    for place in range(n - 1, len(found)):
        windows = [column[place - n + 1 : place + 1] for column in columns]
        if not np.isnan(windows).any():
            found[place] = function(*windows)
    return found


def before(column: np.ndarray, n: int = 1) -> np.ndarray:
    return np.r_[np.full(min(n, len(column)), np.nan), column[: max(len(column) - n, 0)]]


def divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


def macd(bars: Bars, fast: int, slow: int, smooth: int) -> Found:
    line = talib.MACD(bars.close, fast, slow, 1)[0]  # with a signal of 1 bar TA-Lib gives the line from its start
    _, signal, histogram = talib.MACD(bars.close, fast, slow, smooth)
    return {"line": line, "signal": signal, "histogram": histogram}


def stochastic(bars: Bars, n: int, smooth: int, signal: int) -> Found:
    slow_k = talib.STOCH(*bars.hlc, n, smooth, 0, 1, 0)[0]
    return {"slow_k": slow_k, "slow_d": talib.STOCH(*bars.hlc, n, smooth, 0, signal, 0)[1]}


def stoch_rsi(bars: Bars, n: int, m: int, signal: int) -> Found:
    fast_k = talib.STOCHRSI(bars.close, n, m, 1, 0)[0]
    return {"fast_k": fast_k, "fast_d": talib.STOCHRSI(bars.close, n, m, signal, 0)[1]}


def kama(bars: Bars, n: int, fast: int, slow: int) -> Found:
    if (fast, slow) == (2, 30):
        return {"kama": talib.KAMA(bars.close, n)}
    found, moves = np.full(len(bars.close), np.nan), np.abs(np.diff(bars.close, prepend=np.nan))
    last = bars.close[n - 1] if len(found) >= n else np.nan
    for place in range(n, len(found)):
        path, net = moves[place - n + 1 : place + 1].sum(), abs(bars.close[place] - bars.close[place - n])
        efficiency = net / path if path > net else 1.0
        last += (efficiency * (2 / (fast + 1) - 2 / (slow + 1)) + 2 / (slow + 1)) ** 2 * (bars.close[place] - last)
        found[place] = last
    return {"kama": found}


def ichimoku(bars: Bars, fast: int, middle: int, slow: int, ahead: int) -> Found:
    tenkan, kijun, wide = ((over(n, np.max, bars.high) + over(n, np.min, bars.low)) / 2 for n in (fast, middle, slow))
    return {
        "tenkan": tenkan,
        "kijun": kijun,
        "span_a": before((tenkan + kijun) / 2, ahead),
        "span_b": before(wide, ahead),
    }


def mfi(bars: Bars, n: int) -> Found:
    if bars.volume.any() and bars.close[0] > 1:  # TA-Lib takes a flow below 1 for none
        return {"mfi": talib.MFI(*bars.hlc, bars.volume, n)}
    moves, flow = bars.typical / before(bars.typical) - 1, bars.typical * bars.volume
    up, down = ([np.nan, *np.where(side[1:] > 1e-12, flow[1:], 0)] for side in (moves, -moves))
    up, down = over(n, np.sum, np.array(up)), over(n, np.sum, np.array(down))
    return {"mfi": np.where(up + down == 0, 0, 100 * divided(up, up + down))}


def session_vwap(bars: Bars) -> Found:
    found, value, volume = [], 0.0, 0.0
    for place, day in enumerate(bars.day):
        if place and day != bars.day[place - 1]:
            value = volume = 0.0
        value, volume = value + bars.turnover[place], volume + bars.volume[place]
        found.append(value / volume if volume else np.nan)
    return {"session_vwap": np.array(found)}


def heikin_ashi(bars: Bars) -> Found:
    closes, opens = (bars.open + bars.high + bars.low + bars.close) / 4, [(bars.open[0] + bars.close[0]) / 2]
    for place in range(len(closes) - 1):
        opens.append((opens[-1] + closes[place]) / 2)
    return {
        "ha_open": np.array(opens),
        "ha_high": np.max([bars.high, opens, closes], axis=0),
        "ha_low": np.min([bars.low, opens, closes], axis=0),
        "ha_close": closes,
    }


def pivots(bars: Bars) -> Found:
    found = np.full((5, len(bars.day)), np.nan)
    days = sorted(set(bars.day))
    for yesterday, today in pairwise(days):
        then, now = (np.array([day == wanted for day in bars.day]) for wanted in (yesterday, today))
        high, low, close = bars.high[then].max(), bars.low[then].min(), bars.close[then][-1]
        point = (high + low + close) / 3
        found[:, now] = np.array([point, 2 * point - low, 2 * point - high, point + high - low, point - high + low])[
            :, None
        ]
    return dict(zip(("point", "r1", "s1", "r2", "s2"), found, strict=True))


def swings(bars: Bars, n: int, m: int) -> Found:
    found = np.full((2, len(bars.high)), np.nan)
    for row, column, best in ((0, bars.high, np.max), (1, bars.low, np.min)):
        seen, value = -m, np.nan
        for place in range(2 * n, len(column)):
            if column[place - n] == best(column[place - 2 * n : place + 1]):
                seen, value = place, column[place - n]
            found[row, place] = value if place - seen < m else np.nan
    return {"swing_high": found[0], "swing_low": found[1]}


def supertrend(bars: Bars, n: int, k: float) -> Found:
    middle, reach = (bars.high + bars.low) / 2, k * talib.ATR(*bars.hlc, n)
    above, below, close = middle + reach, middle - reach, bars.close
    found = np.full((2, len(close)), np.nan)
    up = False
    for place in range(n, len(close)):
        if place > n:
            above[place] = above[place] if close[place - 1] > above[place - 1] else min(above[place], above[place - 1])
            below[place] = below[place] if close[place - 1] < below[place - 1] else max(below[place], below[place - 1])
            up = close[place] >= below[place] if up else close[place] > above[place]
        found[:, place] = (below if up else above)[place], 1 if up else -1
    return {"supertrend": found[0], "trend": found[1]}


def psar(bars: Bars, step: float, most: float) -> Found:
    found = talib.SAR(bars.high, bars.low, step, most)
    rises = np.where(np.isnan(found), np.nan, np.where(found > (bars.high + bars.low) / 2, -1, 1))
    return {"psar": found, "trend": rises}


def since_extremes(bars: Bars, n: int) -> tuple[np.ndarray, ...]:
    if n > 2:
        low, high = talib.AROON(bars.high, bars.low, n - 1)
        return tuple(np.round((n - 1) * (1 - share / 100)) for share in (high, low))
    return tuple(over(n, lambda window: float(np.argmax(window[::-1])), column) for column in (bars.high, -bars.low))


def named(name: str, function: Callable[..., np.ndarray]) -> Callable[..., Found]:
    return lambda bars, **arguments: {name: function(bars, **arguments)}


def bands(names: str, function: Callable[..., tuple[np.ndarray, ...]]) -> Callable[..., Found]:
    return lambda bars, **arguments: dict(zip(names.split(), function(bars, **arguments), strict=True))


def bollinger(b: Bars, n: int, k: float) -> tuple[np.ndarray, ...]:
    upper, middle, lower = talib.BBANDS(b.close, n, k, k)
    reach = k * over(n, np.std, b.close)
    still = over(n, np.ptp, b.close) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(still, np.nan, (b.close - over(n, np.mean, b.close) + reach) / (2 * reach))
    return upper, middle, lower, 2 * reach / middle, percent


def zscore(b: Bars, n: int) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (b.close - over(n, np.mean, b.close)) / over(n, np.std, b.close)
    return np.where(over(n, np.ptp, b.close) == 0, np.nan, score)


PRICE, PERCENT, EXACT = 1e-12, 1e-9, 0.0


@dataclass(frozen=True)
class Case:
    """An indicator, what it should be, with which arguments, and how near: rtol 1e-9 or `near` times its scale."""

    twin: Callable[..., Found]
    arguments: list[dict[str, float]]
    near: float = PRICE  # of the price; of 1 where it is PERCENT
    skip: frozenset[str] = field(default_factory=frozenset)  # symbols for which TA-Lib has a rule of its own


def lengths(*values: int) -> list[dict[str, float]]:
    return [{"n": value} for value in values]


USUAL = lengths(2, 5, 14, 50, 200)
FLAT = frozenset({"FLAT"})
CASES = {
    "adx": Case(
        bands(
            "adx plus_di minus_di",
            lambda b, n: (talib.ADX(*b.hlc, n), talib.PLUS_DI(*b.hlc, n), talib.MINUS_DI(*b.hlc, n)),
        ),
        USUAL,
        PERCENT,
    ),
    "atr": Case(named("atr", lambda b, n: talib.ATR(*b.hlc, n)), USUAL),
    "bollinger": Case(
        bands("upper middle lower width percent_b", bollinger), [{"n": n, "k": 2.5} for n in (2, 20, 100)], PERCENT
    ),
    "cci": Case(named("cci", lambda b, n: talib.CCI(*b.hlc, n)), lengths(2, 5, 20, 130), 1e-6),
    "dema": Case(named("dema", lambda b, n: talib.DEMA(b.close, n)), USUAL),
    "donchian": Case(
        bands(
            "upper middle lower",
            lambda b, n: (talib.MAX(b.high, n), (talib.MAX(b.high, n) + talib.MIN(b.low, n)) / 2, talib.MIN(b.low, n)),
        ),
        USUAL,
    ),
    "ema": Case(named("ema", lambda b, n: talib.EMA(b.close, n)), [*USUAL, {"n": 1500}]),
    "heikin_ashi": Case(heikin_ashi, [{}]),
    "ichimoku": Case(
        ichimoku, [{"fast": 9, "middle": 26, "slow": 52, "ahead": 26}, {"fast": 20, "middle": 7, "slow": 3, "ahead": 1}]
    ),
    "kama": Case(kama, [{"n": n, "fast": 2, "slow": slow} for n in (2, 10) for slow in (12, 30)]),
    "keltner": Case(
        bands(
            "upper middle lower",
            lambda b, n, m, k: tuple(
                talib.EMA(b.close, n) + sign * k * talib.ATR(*b.hlc, m) if sign else talib.EMA(b.close, n)
                for sign in (1, 0, -1)
            ),
        ),
        [{"n": 20, "m": 10, "k": 1.5}, {"n": 3, "m": 30, "k": 2.0}],
    ),
    "macd": Case(macd, [{"fast": 12, "slow": 26, "smooth": 9}, {"fast": 3, "slow": 50, "smooth": 4}]),
    "mfi": Case(mfi, lengths(2, 14, 50), PERCENT),
    "momentum": Case(named("momentum", lambda b, n: talib.MOM(b.close, n)), USUAL),
    "natr": Case(named("natr", lambda b, n: talib.NATR(*b.hlc, n) / 100), USUAL),
    "obv": Case(named("obv", lambda b: talib.OBV(b.close, b.volume)), [{}], PERCENT),
    "pivots": Case(pivots, [{}]),
    "psar": Case(psar, [{"step": 0.02, "most": 0.2}, {"step": 0.001, "most": 0.005}], skip=FLAT),  # trend by comparison
    "realised_volatility": Case(
        named(
            "realised_volatility",
            lambda b, n: (
                over(n, lambda w: np.std(w, ddof=1), np.diff(np.log(b.close), prepend=np.nan))
                * np.sqrt(365 * 1440 / b.minutes)
            ),
        ),
        lengths(2, 20, 77),
        PERCENT,
    ),
    "roc": Case(named("roc", lambda b, n: talib.ROCP(b.close, n)), USUAL),
    "rsi": Case(named("rsi", lambda b, n: talib.RSI(b.close, n)), USUAL, PERCENT),
    "session_vwap": Case(session_vwap, [{}]),
    "since_extremes": Case(bands("since_high since_low", since_extremes), lengths(1, 2, 14, 100), EXACT),
    "slope": Case(
        bands("slope fitted", lambda b, n: (talib.LINEARREG_SLOPE(b.close, n), talib.LINEARREG(b.close, n))),
        USUAL,
    ),
    "sma": Case(named("sma", lambda b, n: talib.SMA(b.close, n)), USUAL),
    "stoch_rsi": Case(stoch_rsi, [{"n": 14, "m": 14, "signal": 3}, {"n": 5, "m": 20, "signal": 2}], PERCENT, FLAT),
    "stochastic": Case(stochastic, [{"n": 14, "smooth": 3, "signal": 3}, {"n": 5, "smooth": 1, "signal": 7}], PERCENT),
    "supertrend": Case(supertrend, [{"n": 10, "k": 3.0}, {"n": 3, "k": 12.0}, {"n": 3, "k": 40.0}], skip=FLAT),
    "swings": Case(swings, [{"n": 2, "m": 30}, {"n": 5, "m": 500}]),
    "tema": Case(named("tema", lambda b, n: talib.TEMA(b.close, n)), USUAL),
    "true_range": Case(named("true_range", lambda b: talib.TRANGE(*b.hlc)), [{}]),
    "volume_average": Case(
        bands("average ratio", lambda b, n: (talib.SMA(b.volume, n), divided(b.volume, over(n, np.mean, b.volume)))),
        lengths(3, 20),
        PERCENT,
    ),
    "vwap": Case(
        named("vwap", lambda b, n: divided(over(n, np.sum, b.turnover), over(n, np.sum, b.volume))), lengths(1, 20, 100)
    ),
    "williams_r": Case(named("williams_r", lambda b, n: talib.WILLR(*b.hlc, n)), USUAL, PERCENT),
    "wma": Case(named("wma", lambda b, n: talib.WMA(b.close, n)), USUAL),
    "zscore": Case(named("zscore", zscore), lengths(2, 20, 100), PERCENT),
}
ELSEWHERE = {"funding_rate"}  # it hangs on no bars: tests/market/test_market.py


def test_every_indicator_has_a_twin() -> None:
    assert sorted(CASES.keys() | ELSEWHERE) == sorted(library())


@pytest.fixture(scope="module")
def market() -> Warehouse:
    return holding(*MARKET)


def assert_like_twin(warehouse: Warehouse, name: str, symbol: str, timeframe: str = "1m") -> None:
    case = CASES[name]
    wanted = {f"x{place}": Indicator(name, **arguments) for place, arguments in enumerate(case.arguments)}
    rows = composed(warehouse, wanted, symbol=symbol, timeframe=timeframe)
    columns = {column: numbers(rows[column]) for column in ("open", "high", "low", "close", "volume", "turnover")}
    bars = Bars(minutes=minutes(timeframe), day=rows["ts"].dt.date().to_list(), **columns)
    for alias, arguments in zip(wanted, case.arguments, strict=True):
        expected = case.twin(bars, **arguments)
        for output, values in expected.items():
            mine = numbers(rows[alias if len(expected) == 1 else f"{alias}_{output}"])
            about = f"{name} {output} {arguments} {symbol}"
            np.testing.assert_array_equal(np.isnan(mine), np.isnan(values), err_msg=about)
            scale = bars.close.max() if case.near == PRICE else 1.0
            np.testing.assert_allclose(mine, values, rtol=1e-9, atol=case.near * scale, err_msg=about)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_its_twin(market: Warehouse, name: str) -> None:
    for symbol in ("LONG", "HOLEY", "CHEAP", "SHORT", "FLAT"):
        if symbol not in CASES[name].skip:
            assert_like_twin(market, name, symbol)


@pytest.mark.parametrize("name", ["psar", "supertrend"])
def test_blocks_that_do_not_agree_where_they_meet_are_mended(name: str) -> None:
    text = library()[name].read_text(encoding="utf-8")
    files = [path for path in schema.sql_files([assets.folder("sql")]) if path.parent.name <= "3_indicators"]
    with duckdb.connect() as connection:
        schema.build(connection, files)
        with registered(connection, new=pl.concat(MARKET[:2])):
            connection.execute("insert into candles by name select * from new")
        sound = query(connection, f"from {name}('1m') order by symbol, ts")
        connection.execute(text.replace("1024", "64").replace("512", "60"))  # many blocks, begun 4 bars early
        assert query(connection, f"from {name}('1m') order by symbol, ts").equals(sound)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "first", "timeframe"),
    [
        ("BTC", "2024-03-01", "1m"),
        ("SUI", "2023-05-03", "1m"),  # the violent first minute after its listing
        ("TAO", "2024-04-11", "1h"),
    ],
)
@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_its_twin_on_real_bars(symbol: str, first: str, timeframe: str, name: str) -> None:
    path = REAL / f"{symbol}USDT_1m.parquet"
    if not path.exists():
        pytest.skip(f"no real candles at {path}")
    real = pl.read_parquet(path).with_columns(pl.col("ts").dt.replace_time_zone(None))
    real = real.filter(pl.col("ts") >= datetime.fromisoformat(first)).head(10_000 if timeframe == "1m" else 200_000)
    real = real.select("symbol", "ts", "open", "high", "low", "close", "volume")
    turnover = (pl.col("high") + pl.col("low") + pl.col("close")) / 3 * pl.col("volume")
    assert_like_twin(holding(real.with_columns(turnover=turnover)), name, real["symbol"][0], timeframe)
