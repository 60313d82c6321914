"""Planted cheats are found, column by column, and honest ones are left alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import bt
from bt import Indicator, Market, seeded
from bt.errors import BtError
from bt.market.indicators import library
from bt.strategy import LEAKS, Question, Report, load, look, made
from bt.strategy.lookahead import UNASKED
from bt.strategy.lookahead.cuts import cuts
from bt.warehouse import Warehouse, registered
from tests.strategy.test_load import GOOD, put

Case = pl.Expr | Callable[[pl.LazyFrame, Market], pl.LazyFrame]  # an expression, or bars with column x

SLOW = pytest.mark.slow
BOTH = ("ALPHAUSDT", "BETAUSDT")
CLOSE, OPEN, HIGH, LOW, TS = pl.col("close"), pl.col("open"), pl.col("high"), pl.col("low"), pl.col("ts")
NEXT = CLOSE.shift(-1).over("symbol")
UP = CLOSE.gt(CLOSE.shift(1).over("symbol"))
RARE = UP & CLOSE.gt(CLOSE.shift(1).over("symbol").rolling_max(20).over("symbol"))  # breaks of a channel


def as_of(bars: pl.LazyFrame, other: pl.LazyFrame, *, strategy: Any = "backward") -> pl.LazyFrame:
    joined = bars.sort("ts").join_asof(
        other.sort("ts"), on="ts", by="symbol", strategy=strategy, check_sortedness=False
    )  # fmt: skip
    return joined.sort("symbol", "ts")


def four_hours(bars: pl.LazyFrame, *, by: str) -> pl.LazyFrame:
    """Join closes of 4 bars by the left or the right end of their label."""
    groups = bars.group_by_dynamic("ts", every="4h", group_by="symbol", label=by).agg(x=pl.col("close").last())
    return as_of(bars, groups)


def closed_four_hours(bars: pl.LazyFrame) -> pl.LazyFrame:
    """Join closes of 4 bars from the last of them on: honest."""
    groups = bars.group_by_dynamic("ts", every="4h", group_by="symbol").agg(x=pl.col("close").last(), n=pl.len())
    known = groups.filter(pl.col("n") == 4).with_columns(ts=pl.col("ts") + pl.duration(hours=3)).drop("n")
    return as_of(bars, known)


def unfinished_day(bars: pl.LazyFrame) -> pl.LazyFrame:
    days = bars.group_by("symbol", pl.col("ts").dt.truncate("1d").alias("day")).agg(x=pl.col("high").max())
    return (
        bars.with_columns(day=TS.dt.truncate("1d"))
        .join(days, on=["symbol", "day"], how="left", maintain_order="left")
        .drop("day")
    )


def forward(bars: pl.LazyFrame) -> pl.LazyFrame:
    return as_of(bars, bars.filter(TS.dt.hour() % 6 == 0).select("symbol", "ts", x="close"), strategy="forward")


def other_symbol(bars: pl.LazyFrame, *, shift: int) -> pl.LazyFrame:
    leader = bars.filter(pl.col("symbol") == "ALPHAUSDT").select("ts", x=CLOSE.shift(shift))
    return bars.join(leader, on="ts", how="left", maintain_order="left")


def hidden_in(expression: pl.Expr, when: pl.Expr) -> pl.Expr:
    """Use the expression on few bars only, and what is honest on the others."""
    return pl.when(when).then(expression).otherwise(CLOSE)


CHEATS: dict[str, Case] = {
    "shift by -1": NEXT,
    "shift by -60": CLOSE.shift(-60).over("symbol"),
    "difference to the next": CLOSE.diff(-1).over("symbol"),
    "centred rolling": CLOSE.rolling_mean(7, center=True).over("symbol"),
    "reversed rolling": CLOSE.reverse().rolling_min(3).reverse().over("symbol"),
    "mean and std of the column": (CLOSE - CLOSE.mean().over("symbol")) / CLOSE.std().over("symbol"),
    "max of the column": CLOSE / CLOSE.max().over("symbol"),
    "rank": CLOSE.rank().over("symbol"),
    "bins of the column": CLOSE.bin_quantiles(4, labels=False).over("symbol").cast(pl.String),
    "quantile": CLOSE.gt(CLOSE.quantile(0.9).over("symbol")),
    "4h bar by its left label": lambda bars, _: four_hours(bars, by="left"),
    "unfinished day": lambda bars, _: unfinished_day(bars),
    "forward as-of join": lambda bars, _: forward(bars),
    "backward fill": pl.when(TS.dt.hour() % 5 == 0).then(CLOSE).backward_fill().over("symbol"),
    "interpolation": pl.when(TS.dt.hour() % 5 == 0).then(CLOSE).interpolate().over("symbol"),
    "bar of the lowest low": TS - TS.get(LOW.arg_min()).over("symbol"),
    "before the top": TS.lt(TS.sort_by(HIGH).last().over("symbol")),
    "another symbol's next bar": lambda bars, _: other_symbol(bars, shift=-1),
    "how long the data are": pl.int_range(pl.len()).over("symbol") / pl.len().over("symbol"),
    "out on the last bar": TS.max().eq(TS),
    "bars until the end": (TS.max() - TS).dt.total_minutes() < 180,
    "end of the market": lambda bars, market: bars.with_columns(x=TS.gt(market.end - timedelta(hours=12))),
    "only at midnight": hidden_in(NEXT, TS.dt.hour() == 0),
    "only on Mondays at 04:00": hidden_in(NEXT, (TS.dt.hour() == 4) & (TS.dt.weekday() == 1)),
    "only where a channel breaks": hidden_in(NEXT, RARE),
    "entries left out before a loss": RARE & (NEXT > CLOSE).fill_null(True),
    "entries left out, none without a future": RARE & ~(NEXT < CLOSE).fill_null(False),
    "exits just before a fall": NEXT < 0.998 * CLOSE,
    "a stop below the next low": pl.min_horizontal(LOW, LOW.shift(-1).over("symbol")) * 0.999,
    "cancels where it enters": hidden_in(NEXT, ~RARE & (TS.dt.day() % 7 == 3)),
    "next volume": pl.col("volume").shift(-1).over("symbol") > pl.col("volume"),
    "all symbols as one": CLOSE.shift(-3),
    "a size by tomorrow's range": 1 / (HIGH - LOW).rolling_mean(24).shift(-24).over("symbol"),
}
HONEST: dict[str, Case] = {
    "the bar itself": HIGH - LOW,
    "rolling": CLOSE.rolling_std(20).over("symbol"),
    "rolling by time": CLOSE.rolling_mean_by("ts", "9h").over("symbol"),
    "rolling quantile": CLOSE.rolling_quantile(0.3, window_size=15).over("symbol"),
    "exponential": CLOSE.ewm_mean(span=10, adjust=False).over("symbol"),
    "exponential, adjusted": CLOSE.ewm_std(half_life=5).over("symbol"),
    "sums from the start": pl.col("volume").cum_sum().over("symbol"),
    "highest so far": CLOSE / CLOSE.cum_max().over("symbol"),
    "mean so far": CLOSE.cum_sum().over("symbol") / CLOSE.cum_count().over("symbol"),
    "forward fill": pl.when(RARE).then(CLOSE).forward_fill().over("symbol"),
    "closed 4h bar": lambda bars, _: closed_four_hours(bars),
    "volume since midnight": pl.col("volume").cum_sum().over("symbol", TS.dt.date()),
    "another symbol's bar": lambda bars, _: other_symbol(bars, shift=0),
    "rank among symbols": CLOSE.rank().over("ts"),
    "mean of symbols": CLOSE.mean().over("ts"),
    "chance by the row": (TS.hash(seed=1) % 7) / 7,
    "text": pl.when(UP).then(pl.lit("up")).otherwise(pl.lit("down")),
    "list": pl.concat_list(OPEN, CLOSE),
    "constant": pl.lit(3),
    "null": pl.lit(None),
    "not a number": (CLOSE - CLOSE) / (CLOSE - CLOSE),
    "infinite": CLOSE / 0.0,
}


@dataclass
class Columned(bt.BaseStrategy):
    """Give every case its own column, named by its place, beside an entry that is honest."""

    cases: dict[str, Case] = field(default_factory=dict)

    def signals(self, market: Market) -> pl.LazyFrame:
        bars = market.bars(ema=Indicator("ema", n=5))
        numbered = {f"x{place}": case for place, case in enumerate(self.cases.values())}
        expressions = {key: case for key, case in numbered.items() if isinstance(case, pl.Expr)}
        frame = bars.with_columns(enter_long=UP, **expressions)
        for key, case in numbered.items():
            if not isinstance(case, pl.Expr):
                one = case(bars.drop("ema"), market).select("symbol", "ts", pl.col("x").alias(key))
                frame = frame.join(one, on=["symbol", "ts"], how="left", maintain_order="left")
        return frame


@pytest.fixture(scope="module")
def hours() -> Warehouse:
    """Give three weeks of two symbols, made of few candles: one every 10 minutes, so that bars of 1h have 6."""
    warehouse = Warehouse()
    with warehouse.write() as connection:
        for name in BOTH:
            thin = seeded.candles(name, days=21).filter(TS.dt.minute() % 10 == 0)
            with registered(connection, thin=thin):
                connection.execute(f"insert into candles by name select '{name}' as symbol, * from thin")
    return warehouse


def asked(strategy: bt.BaseStrategy, warehouse: Warehouse, *, cuts: int = 5, **changes: Any) -> Report:
    return look(strategy, warehouse, Question(**{"symbols": BOTH, "timeframe": "1h", "cuts": cuts} | changes))


def leaking(report: Report, cases: dict[str, Case]) -> list[str]:
    """Give the names of the cases whose columns look ahead."""
    leaks = set(report.findings.filter(pl.col("finding").is_in(LEAKS))["column"])
    assert leaks <= {f"x{place}" for place in range(len(cases))}
    return [name for place, name in enumerate(cases) if f"x{place}" in leaks]


@pytest.mark.long
def test_every_planted_cheat_is_found(hours: Warehouse) -> None:
    report = asked(Columned(cases=CHEATS), hours, cuts=25)
    assert leaking(report, CHEATS) == list(CHEATS)
    assert report.rebuilt == 25
    kinds = dict(report.findings.select("column", "finding").rows())
    by_end = [name for place, name in enumerate(CHEATS) if kinds[f"x{place}"] == "end"]
    assert by_end == [
        "how long the data are", "out on the last bar", "bars until the end", "end of the market",
    ]  # fmt: skip


def test_no_honest_column_is_accused(hours: Warehouse) -> None:
    report = asked(Columned(cases=HONEST), hours, cuts=10)
    assert leaking(report, HONEST) == []


def found_in(report: Report) -> dict[str, str]:
    return dict(report.findings.select("column", "finding").rows())


def one(signals: Callable[[Market], Any], *, warm_up: int = 50) -> bt.BaseStrategy:
    """Give a strategy that is this function."""

    class One(bt.BaseStrategy):
        def signals(self, market: Market) -> pl.LazyFrame:
            return signals(market)

    One.warm_up = warm_up
    return One()


def up(market: Market) -> pl.LazyFrame:
    return market.bars().with_columns(enter_long=UP)


@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda frame: frame.filter((NEXT > CLOSE).fill_null(True)), id="bars before a rise"),
        pytest.param(lambda frame: frame.filter(pl.int_range(pl.len()) < pl.len() - 30), id="all but the last"),
        pytest.param(lambda frame: frame.filter(CLOSE.lt(CLOSE.quantile(0.8))), id="low ones", marks=SLOW),
        pytest.param(lambda frame: frame.unique("close", keep="last"), id="the last of equal ones", marks=SLOW),
    ],
)
def test_rows_chosen_by_the_future(hours: Warehouse, choose: Callable[[pl.LazyFrame], pl.LazyFrame]) -> None:
    report = asked(one(lambda market: choose(up(market)).sort("symbol", "ts")), hours)
    assert found_in(report)["(rows)"] == "rows"


def test_rows_left_out_for_honest_reasons(hours: Warehouse) -> None:
    frame = one(lambda market: up(market).filter(TS.dt.hour() > 8).drop_nulls().sort("ts", "symbol"))
    assert asked(frame, hours).findings.is_empty()


def test_a_frame_that_is_kept_from_an_earlier_call(hours: Warehouse) -> None:
    kept: dict[str, pl.DataFrame] = {}
    report = asked(one(lambda market: kept.setdefault("frame", up(market).collect())), hours)
    assert found_in(report) == {"(rows)": "rows"}


def test_what_differs_by_itself_is_said_first_and_alone(hours: Warehouse) -> None:
    tosses, calls = np.random.default_rng(), itertools.count()
    report = asked(
        one(
            lambda market: (
                market.bars().collect().with_columns(toss=pl.lit(tosses.random()), call=pl.lit(next(calls)), ahead=NEXT)
            )
        ),
        hours,
    )
    assert found_in(report) == {"toss": "random", "call": "random"}
    assert report.rebuilt == report.recomputed == 0


def test_seeded_numbers_are_no_chance(hours: Warehouse) -> None:
    def drawn(market: Market) -> pl.DataFrame:
        frame = market.bars().collect()
        return frame.with_columns(toss=pl.Series(np.random.default_rng(3).random(frame.height)))

    assert found_in(asked(one(drawn), hours)) == {"toss": "end"}  # BETA's numbers begin where ALPHA's end


def test_a_strategy_that_fails_on_short_data(hours: Warehouse) -> None:
    def picky(market: Market, *, least: int) -> pl.LazyFrame:
        if up(market).collect().height < 2 * least:
            raise ValueError("too few bars")
        return up(market)

    [early] = asked(one(lambda market: picky(market, least=3)), hours).findings.to_dicts()
    assert (early["finding"], early["severity"]) == ("raises", "warning")
    assert "ValueError: too few bars" in early["detail"]
    late = asked(one(lambda market: picky(market, least=400)), hours).findings.filter(pl.col("finding") == "raises")
    assert "error" in late["severity"].to_list()


STARTS: dict[str, tuple[pl.Expr, int | None]] = {  # what hangs on the start, and the warm-up that is enough
    "short": (CLOSE.rolling_mean(20).over("symbol"), 0),
    "long": (CLOSE.rolling_mean(80).over("symbol"), 79),
    "longer": (CLOSE.rolling_mean(100).over("symbol") > CLOSE, 99),
    "sum": (CLOSE.cum_sum().over("symbol"), None),
    "count": (CLOSE.cum_count().over("symbol"), None),
}


def test_warm_up(hours: Warehouse) -> None:
    """With 50 bars before the start; 99 would be enough for all that can settle."""
    columns = {name: column for name, (column, _) in STARTS.items()}

    def starting(warm_up: int) -> Report:
        return asked(one(lambda market: market.bars().with_columns(**columns), warm_up=warm_up), hours, timeframe="30m")

    few, enough = starting(50), starting(99)
    assert few.warmed is not None
    assert set(few.findings["finding"]) == {"warm-up"}
    assert set(few.findings["severity"]) == {"warning"}
    cures = dict(few.findings.select("column", "cure").rows())
    assert cures.keys() == {"long", "longer", "sum", "count"}
    for name, cure in cures.items():
        wanted = STARTS[name][1]
        assert (f"warm_up = {wanted} would be enough" if wanted else "no warm-up is enough") in cure
    assert set(enough.findings["column"]) == {"sum", "count"}


LEAKY_SQL = """-- one row is one bar with the close of the next
-- formula: the next close
-- warm-up: 0
-- outputs: peek (quote)
create or replace macro peek(timeframe) as table
select
    *,
    lead(close) over (partition by symbol order by ts) as peek,
from bars(timeframe);
"""
FAR_SQL = LEAKY_SQL.replace(
    "select\n    *,\n    lead(close) over (partition by symbol order by ts) as peek,\nfrom bars(timeframe);",
    "select\n    bars.symbol,\n    bars.ts,\n    max(later.close) as peek,\nfrom bars(timeframe) as bars\n"
    "left join bars(timeframe) as later on later.symbol = bars.symbol and later.ts > bars.ts\n"
    "    and later.ts <= bars.ts + interval 3 hours\ngroup by all;",
)

CRASH_SQL = LEAKY_SQL.replace(  # no other future than a wild one or a fall has such prices
    "lead(close) over (partition by symbol order by ts) as peek",
    "coalesce(min(close) over (partition by symbol order by ts rows between 1 following and unbounded following) "
    "< 0.6 * close, false)::double as peek",
)


@pytest.mark.long
@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(LEAKY_SQL, id="a window"),
        pytest.param(CRASH_SQL, id="a later crash"),
        pytest.param(FAR_SQL, id="a join", marks=SLOW),
    ],
)
def test_an_indicator_that_looks_ahead_is_named(tmp_path: Path, sql: str) -> None:
    folder = tmp_path / "sql" / "3_indicators"
    folder.mkdir(parents=True)
    (folder / "peek.sql").write_text(sql)
    warehouse = Warehouse(sql=[folder.parent])
    candles = seeded.candles("ALPHAUSDT", days=8)
    with warehouse.write() as connection, registered(connection, made=candles):
        connection.execute("insert into candles by name select 'ALPHAUSDT' as symbol, * from made")
    strategy = one(lambda market: market.bars(peek=Indicator("peek")).with_columns(enter_long=UP))
    report = asked(strategy, warehouse, symbols=BOTH[:1], cuts=6)
    assert found_in(report) == {"peek": "indicator"}
    assert "mend the indicator's SQL" in report.findings["cure"][0]


def test_what_is_said_of_a_leak(hours: Warehouse) -> None:
    strategy = one(lambda market: market.bars().with_columns(x=NEXT))
    [row] = asked(strategy, hours, symbols=BOTH[:1]).findings.to_dicts()
    assert (row["finding"], row["severity"], row["ahead"]) == ("future", "error", 1)
    assert row["first"] == row["cut"]
    assert row["size"] > 0
    assert row["cuts"] > 20
    assert "which nobody knew" in row["detail"]
    assert "no shift(-n)" in row["cure"]


def test_the_first_bars_of_weeks_are_cut_at() -> None:
    days = pl.DataFrame({"symbol": "X", "ts": [datetime(2024, 1, 3) + timedelta(days=day) for day in range(400)]})
    by_turns = cuts(days, count=12, edges=0)
    assert [moment.isoweekday() for moment in by_turns[1::2]] == [7, 1, 2, 7, 1, 2]


def test_a_window_of_a_few_bars_and_none(hours: Warehouse) -> None:
    first = datetime(2024, 1, 10)
    few = asked(one(up), hours, first=first, end=first + timedelta(hours=4))
    assert (few.rebuilt, few.recomputed) == (3, 3)
    with pytest.raises(BtError, match="fewer than two finished 1h bars"):
        asked(one(up), hours, first=first, end=first + timedelta(hours=1))
    with pytest.raises(BtError, match="no candles of NOPEUSDT"):
        asked(one(up), hours, symbols=("NOPEUSDT",))


@pytest.mark.long
def test_symbols_that_start_and_end_at_other_times() -> None:
    warehouse = Warehouse()
    with warehouse.write() as connection:
        for name, days in (("ALPHAUSDT", (0, 9)), ("BETAUSDT", (4, 12))):
            candles = seeded.candles(name, days=12).filter(
                TS.is_between(seeded.START + timedelta(days=days[0]), seeded.START + timedelta(days=days[1]))
            )
            with registered(connection, made=candles):
                connection.execute(f"insert into candles by name select '{name}' as symbol, * from made")
    assert asked(made(load("ema_cross", Path()), {"fast": 3, "slow": 8}), warehouse).findings.is_empty()
    leak = asked(one(lambda market: market.bars().with_columns(x=NEXT)), warehouse)
    assert found_in(leak) == {"x": "future"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["donchian_breakout", "ema_cross", "rsi_reversion", "volatility_target"])
def test_the_examples_are_sound(warehouse: Warehouse, name: str) -> None:
    short = {"rsi_reversion": {"trend": 50}, "volatility_target": {"trend": 30, "n": 10}}.get(name, {})
    assert asked(made(load(name, Path()), short), warehouse, cuts=5).findings.is_empty()


def warned(warehouse: Warehouse, change: tuple[str, str], **settings: Any) -> list[str]:
    """Run a strategy file; give the warnings stored with the run that are about look-ahead or chance."""
    put(Path(), GOOD.replace(*change))
    run = made(load("mine", Path()), {}).run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h", **settings)
    said = json.loads(run.get_results().run["warnings"])
    return [one for one in said if "look-ahead" in one or "equal calls" in one]


def test_a_run_warns_when_its_last_bars_look_ahead(warehouse: Warehouse) -> None:
    entry = 'pl.col("close") > 0'
    [said] = warned(warehouse, (entry, "pl.col('close').shift(-1) > pl.col('close')"))
    assert said.startswith("look-ahead in enter_long: ALPHAUSDT")
    assert said.endswith("bt lookahead mine")
    [said] = warned(warehouse, ("pl.lit(1.0)", "pl.lit(1.0 + __import__('random').random())"))
    assert said == "two equal calls of signals() differ in stop_distance: these figures cannot be had again"
    assert warned(warehouse, (entry, 'pl.col("close") > pl.col("open")')) == []
    assert warned(warehouse, (entry, "pl.col('close').shift(-1) > pl.col('close')"), lookahead=0) == [UNASKED]


@pytest.mark.slow
def test_no_indicator_of_the_library_looks_ahead(warehouse: Warehouse) -> None:
    """Each with its defaults, on its own bars, on longer ones and of another symbol."""

    def everything(market: Market) -> pl.LazyFrame:
        wanted = {}
        for name in library():
            wanted |= {f"{name}_own": Indicator(name), f"{name}_long": Indicator(name, timeframe="1h")}
            wanted[f"{name}_other"] = Indicator(name, symbol="BETAUSDT")
        return market.bars(**wanted)

    report = asked(one(everything), warehouse, symbols=BOTH[:1], timeframe="15m", cuts=8)
    assert report.findings.is_empty()
