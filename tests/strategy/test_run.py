"""A run from stored candles to stored result."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

import bt
from bt import seeded
from bt.errors import BtError
from bt.results import find
from bt.strategy import load, made
from bt.warehouse import Warehouse, registered
from tests.strategy.test_load import GOOD, put

SYMBOLS = ["ALPHAUSDT", "BETAUSDT"]


def ema_cross(**parameters: object) -> bt.BaseStrategy:
    return made(load("ema_cross", Path()), {"fast": 5, "slow": 20} | parameters)


def test_what_is_stored_is_what_the_engine_did(warehouse: Warehouse) -> None:
    with warehouse.write() as connection, registered(connection, rates=seeded.funding("ALPHAUSDT", days=20)):
        connection.execute("insert into funding by name select 'ALPHAUSDT' as symbol, * from rates")
    execution = bt.Execution(stop=0.01, take=0.015)
    run = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="15m", execution=execution)
    results = run.get_results()
    market = bt.Market(
        warehouse, symbols=SYMBOLS, timeframe="15m", first=datetime(2024, 1, 1), end=datetime(2025, 1, 1), warm_up=1
    )  # fmt: skip
    signals = ema_cross().signals(market).collect()
    gaps = warehouse.query("select symbol, first_ts as first, last_ts as last from gaps")
    rules = warehouse.query("select symbol, category from instruments")
    minutes = warehouse.query("select symbol, ts, open, high, low, close from candles order by symbol, ts")
    funding = warehouse.query("select symbol, ts, rate from funding")
    done = bt.simulate(
        market.tested(), signals, execution=execution, instruments=rules, gaps=gaps, funding=funding, detail=minutes,
        timeframe="15m",
    )  # fmt: skip
    assert results.fills.drop("run_id").equals(done.fills)
    assert results.fills["minute"].drop_nulls().len() > 0
    assert results.equity.drop("run_id").equals(done.equity)
    assert results.funding_payments.drop("run_id").equals(done.funding_payments.sort("ts", "symbol", "trade"))
    assert results.metrics["funding"].item() == pytest.approx(done.funding_payments["amount"].sum()) != 0
    assert results.trades.height == done.trades.height > 20
    assert results.metrics["end_equity"].item() == done.end_equity
    assert results.trades["pnl"].sum() == pytest.approx(results.metrics["net_profit"].item(), rel=1e-9)
    assert results.run["status"] == "finished"
    assert json.loads(results.run["params"]) == {"fast": 5, "slow": 20, "stop": 2.0}


def test_the_same_run_again_has_the_same_content_and_another_number(warehouse: Warehouse) -> None:
    one, two = (ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h").get_results() for _ in range(2))
    assert (one.run["repeat"], two.run["repeat"]) == (1, 2)
    assert one.run["content_hash"] == two.run["content_hash"]
    assert one.fills.drop("run_id").equals(two.fills.drop("run_id"))
    other = ema_cross(fast=6).run(warehouse, symbols=SYMBOLS, timeframe="1h").get_results()
    assert other.run["content_hash"] != one.run["content_hash"]


def test_signals_before_the_span_never_act_and_warm_up_comes_by_itself(warehouse: Warehouse) -> None:
    first = datetime(2024, 1, 10)
    whole = ema_cross().run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h").get_results()
    part = ema_cross().run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h", first=first).get_results()
    assert part.equity["ts"][0] == first
    entries = whole.fills.filter(pl.col("opens") & (pl.col("ts") > first))["ts"].to_list()
    assert part.fills.filter("opens")["ts"].to_list() == entries != []


def test_a_symbol_that_starts_late_does_not_disturb_the_rest(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("delete from candles where symbol = 'BETAUSDT' and ts < timestamp '2024-01-15 07:30'")
    settings = {"account": bt.Account(sizing="notional", size=100.0)}  # sizes that do not hang on the shared equity
    alone = ema_cross().run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h", **settings).get_results()
    both = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h", **settings).get_results()
    columns = ["ts", "side", "qty", "price", "fee", "reason"]
    assert both.fills.filter(pl.col("symbol") == "ALPHAUSDT").select(columns).equals(alone.fills.select(columns))
    assert any("BETAUSDT has bars only from" in warning for warning in json.loads(both.run["warnings"]))


def test_unfinished_bars_are_left_out(warehouse: Warehouse) -> None:
    end = datetime(2024, 1, 5, 12, 30)
    results = ema_cross().run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h", end=end).get_results()
    assert results.equity["ts"][-1] == datetime(2024, 1, 5, 11)
    assert results.run["end_ts"] == datetime(2024, 1, 5, 12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('pl.col("close") > 0', "pl.col('nothing') > 0"), "ColumnNotFoundError: unable to find column"),
        (('pl.col("close") > 0', "pl.col('close')"), "enter_long must be true or false"),
        (("enter_long=", "enter_lng="), "enter_lng"),
        (("enter_long=", "other="), "no entries"),
        (("market.bars().with_columns(", "(1, "), "SyntaxError"),
        (("return market.bars()", "return market.bars().sort('ts', descending=True)"), "back in time"),
        (("return market.bars()", "return pl.concat([market.bars(), market.bars()])"), "repeats"),
        (("return market.bars()", "return market.bars().drop('ts')"), "no column ts"),
        (("return market.bars()", "return market.bars().drop('symbol')"), "'symbol'"),
        (
            ("return market.bars()", "raise RuntimeError('oh')\n        return market.bars()"),
            "line 14: RuntimeError: oh",
        ),
        (("return market.bars()", "return 5\n        return market.bars()"), "gave int"),
        (("return market.bars()", "import sys; sys.exit(1)\n        return market.bars()"), "SystemExit"),
        (("pl.lit(1.0)", "pl.lit(float('nan'))"), "stop_distance is nan"),
        (("stop_distance=pl.lit(1.0)", "score=pl.lit(1.0)"), "risk sizing needs a stop"),
        (("market.bars()", "market.bars(a=bt.Indicator('emaa', n=5))"), "emaa"),
    ],
)
def test_faulty_signals_get_one_clear_error(warehouse: Warehouse, change: tuple[str, str], message: str) -> None:
    put(Path(), GOOD.replace(*change).replace("import polars as pl", "import polars as pl; import bt"))
    with pytest.raises(BtError) as error:
        made(load("mine", Path()), {}).run(warehouse, symbols=SYMBOLS, timeframe="1h")
    assert message in str(error.value)
    assert warehouse.query("select count(*) from runs").item() == 0


def test_what_a_strategy_prints_is_not_data(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    put(
        Path(),
        GOOD.replace("return market", "print('hello')\n        return market").replace('"""Buys."""', "print('hi')"),
    )
    made(load("mine", Path()), {}).run(warehouse, symbols=SYMBOLS, timeframe="1h")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hi\nhello" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"symbols": ["NOPEUSDT"]}, "bt ingest NOPEUSDT"),
        ({"symbols": ["NOPE'; drop table runs"]}, "symbol"),
        ({"timeframe": "1M"}, "unknown timeframe"),
        ({"first": datetime(2030, 1, 1)}, "there are candles from"),
        ({"end": datetime(2020, 1, 1)}, "there are candles from"),
        ({"first": datetime(2024, 1, 5), "end": datetime(2024, 1, 4)}, "must be before"),
        ({"first": datetime(2024, 1, 5), "end": datetime(2024, 1, 5, 0, 30)}, "no finished 1h bar"),
    ],
)
def test_impossible_orders(warehouse: Warehouse, arguments: dict[str, object], message: str) -> None:
    wanted = {"symbols": SYMBOLS, "timeframe": "1h"} | arguments
    with pytest.raises(BtError) as error:
        ema_cross().run(warehouse, **wanted)
    assert message in str(error.value)


def test_two_quote_currencies_do_not_mix(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("update instruments set quote = 'EUR' where symbol = 'BETAUSDT'")
    with pytest.raises(BtError, match="EUR and USDT"):
        ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h")


def test_spot_pays_spot_fees(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("update instruments set category = 'spot' where symbol = 'BETAUSDT'")
    fills = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h").get_results().fills
    rates = fills.select("symbol", (pl.col("fee") / pl.col("qty") / pl.col("price")).round(8)).unique().sort("symbol")
    assert rates.rows() == [("ALPHAUSDT", 0.00055), ("BETAUSDT", 0.001)]


def test_runs_are_found_by_prefix_name_and_age(warehouse: Warehouse) -> None:
    first = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h", name="mine")
    second = ema_cross(fast=7).run(warehouse, symbols=SYMBOLS, timeframe="1h")
    third = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h")
    for wanted, expected in (
        ("latest", third), ("latest~1", second), ("latest~2", first), ("mine", first),
        (second.run_id[:6], second), (first.run_id, first),
    ):  # fmt: skip
        assert find(warehouse, wanted).run_id == expected.run_id
    with pytest.raises(BtError, match="2 runs"):
        find(warehouse, first.run_id[:8])
    for wanted in ("nothing", "latest~3", "", "' or 1=1"):
        with pytest.raises(BtError):
            find(warehouse, wanted)


def test_days_carry_every_fill_and_trade_on_any_timeframe(warehouse: Warehouse) -> None:
    for timeframe in ("1m", "1h", "1d", "1w"):
        strategy = made(load("ema_cross", Path()), {"fast": 1, "slow": 2})
        results = strategy.run(
            warehouse, symbols=SYMBOLS, timeframe=timeframe, execution=bt.Execution(stop=0.5)
        ).get_results()
        days = results.sql("select sum(fees), sum(trades), max(day) from days where run_id = $run").row(0)
        assert days[0] == pytest.approx(results.fills["fee"].sum(), rel=1e-12, abs=1e-12)
        assert days[1] == results.trades.height
        assert days[2] == (results.run["end_ts"] - timedelta(minutes=1)).date()


def test_results_read_well(warehouse: Warehouse) -> None:
    results = ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h").get_results()
    assert "sharpe" in repr(results)
    assert results.sql("select count(*) from trades where run_id = $run").item() == results.trades.height
    assert results.by_symbol["symbol"].to_list() == SYMBOLS
    assert results.monthly.height == 1
    assert results.returns.height == 20


def test_a_run_needs_no_write_access_until_it_stores(workspace: Path) -> None:
    warehouse = Warehouse(workspace / "warehouse" / "bt.duckdb")  # not kept open

    class Watching:
        def stage(self, name: str) -> None:
            if name == "trades":
                with duckdb.connect(str(warehouse.path)) as other:  # nobody holds the file now
                    other.execute("select 1")

        def say(self, sentence: str) -> None: ...

    ema_cross().run(warehouse, symbols=SYMBOLS, timeframe="1h", listener=Watching())
