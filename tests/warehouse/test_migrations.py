"""Warehouses of older schemas become current ones, with all that is in them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bt.errors import WarehouseError
from bt.warehouse import Warehouse, schema

# what version 1 had and version 2 changed, as it was
VERSION_1 = """
    drop table run_metrics;
    drop table folds;
    drop table trials;
    drop table runs;
    create table runs (
        run_id varchar not null, content_hash varchar not null, repeat integer not null, kind varchar not null,
        name varchar, note varchar, strategy varchar not null, params varchar not null, symbols varchar not null,
        timeframe varchar not null, first_ts timestamp not null, end_ts timestamp not null, quote varchar not null,
        start_cash double not null, config varchar not null, data_fingerprint varchar not null,
        strategy_source varchar not null, strategy_hash varchar not null, versions varchar not null, seed bigint,
        status varchar not null, bars bigint not null, buy_hold double, ambiguous bigint not null,
        adverse_equity double, favourable_equity double, warnings varchar not null, timings varchar not null,
        created_ts timestamp not null,
        primary key (run_id)
    );
    create table folds (
        run_id varchar not null, fold integer not null, train_first timestamp not null, train_end timestamp not null,
        test_first timestamp not null, test_end timestamp not null, trial integer, params varchar,
        primary key (run_id, fold)
    );
    create table trials (
        run_id varchar not null, fold integer not null, part varchar not null, trial integer not null,
        params varchar not null, params_hash varchar not null, first_ts timestamp not null, end_ts timestamp not null,
        chosen boolean not null, objective double, start_cash double not null, status varchar not null,
        seconds double not null
    );
    create macro day_facts(run, bar_minutes) as table select run as run_id, bar_minutes;
    update warehouse_info set schema_version = 1, sql_hash = 'as it was';
"""
HELD = """
    insert into runs by name select
        'a.1' as run_id, 'a' as content_hash, 1 as repeat, 'run' as kind, 'mine' as name, 'x' as strategy,
        '{"fast": 5}' as params, 'X' as symbols, '1h' as timeframe, timestamp '2024-01-01' as first_ts,
        timestamp '2024-01-04' as end_ts, 'USDT' as quote, 1000 as start_cash, '{}' as config, '' as data_fingerprint,
        '' as strategy_source, '' as strategy_hash, '{}' as versions, 'finished' as status, 72 as bars,
        0.25 as buy_hold, 0 as ambiguous, '[]' as warnings, '{}' as timings, timestamp '2024-02-01' as created_ts;
    insert into days by name select
        'a.1' as run_id, 0 as fold, 'run' as part, 0 as trial, date '2024-01-01' + place::integer as day,
        1000 as start_cash, 1000 + 10 * place as equity, 1000 + 10 * place as high, 0 as drawdown, 24 as bars,
        columns(['bars_in_market', 'fees', 'slippage', 'turnover', 'slipped_value', 'funding', 'trades', 'longs',
        'wins', 'gross_profit', 'gross_loss', 'pnl_squares', 'r_trades', 'r_sum', 'trade_bars', 'ambiguous',
        'liquidations'])
    from range(3) as places(place), (select 0 as bars_in_market, 0 as fees, 0 as slippage, 0 as turnover,
        0 as slipped_value, 0 as funding, 0 as trades, 0 as longs, 0 as wins, 0 as gross_profit, 0 as gross_loss,
        0 as pnl_squares, 0 as r_trades, 0 as r_sum, 0 as trade_bars, 0 as ambiguous, 0 as liquidations);
    insert into candles values ('X', timestamp '2024-01-01', 1, 2, 0.5, 1.5, 10, null);
"""
CATALOGUE = """
    select table_name, column_name, data_type, is_nullable, column_index, comment from duckdb_columns()
    where not internal
    union all
    select function_name, function_type, null, null, null, comment from duckdb_functions()
    where not internal
    order by all
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "bt.duckdb"
    Warehouse(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(VERSION_1 + HELD)
    return path


def test_a_file_of_version_1_keeps_everything_and_becomes_like_a_new_one(old: Path) -> None:
    with duckdb.connect(str(old), read_only=True) as connection:
        before = {table: connection.execute(f"from {table}").fetchall() for table in ("runs", "days", "candles")}
    warehouse = Warehouse(old)
    assert warehouse.query("select schema_version from warehouse_info").item() == schema.NEWEST == 4
    with warehouse.read() as connection:
        for table, rows in before.items():
            extra = "exclude (settings, sets, data_parts)" if table == "runs" else ""
            assert connection.execute(f"select * {extra} from {table}").fetchall() == rows != []
        assert connection.execute("select settings, sets from runs").fetchall() == [(None, None)]
    assert warehouse.query(CATALOGUE).equals(Warehouse().query(CATALOGUE))
    kept = warehouse.query("from run_metrics")
    assert kept.equals(warehouse.query("from metrics"))
    assert kept.select("run_id", "end_equity", "buy_hold").rows() == [("a.1", 1020.0, 0.25)]
    assert warehouse.query("select name, net_profit from leaderboard").rows() == [("mine", 20.0)]


def test_what_is_kept_of_views_is_worked_out_anew_when_they_are_built(old: Path) -> None:
    warehouse = Warehouse(old)
    with warehouse.write() as connection:
        connection.execute("update run_metrics set sharpe = 99; insert into run_metrics (run_id) values ('gone')")
        connection.execute("update warehouse_info set sql_hash = 'another'")
    assert Warehouse(old).query("from run_metrics").equals(warehouse.query("from metrics"))


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    Warehouse(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("update warehouse_info set schema_version = 99")
    with pytest.raises(WarehouseError, match="schema version 99"):
        Warehouse(path).query("select 1")
