"""The warehouse file: made whole, refused when it is not ours, locked by one writer or many readers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bt.errors import BtError, QueryError, WarehouseError
from bt.warehouse import Warehouse, query, registered, schema

CANDLE = "insert into candles values ('BTCUSDT', timestamp '2024-01-01', 1, 2, 0.5, 1.5, 10, null)"


def test_a_new_file_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "bt.duckdb"
    Warehouse(path)
    assert [file.name for file in path.parent.iterdir()] == ["bt.duckdb"]
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select schema_version from warehouse_info").fetchall() == [(schema.NEWEST,)]


@pytest.mark.parametrize("name", ["with space.duckdb", "it's.duckdb", "größe 📈.duckdb", "new\nline.duckdb"])
def test_odd_paths_work(tmp_path: Path, name: str) -> None:
    warehouse = Warehouse(tmp_path / name)
    with warehouse.write() as connection:
        connection.execute(CANDLE)
    assert warehouse.query("select count(*) from candles").item() == 1


def test_reading_a_missing_file_makes_none(tmp_path: Path) -> None:
    with pytest.raises(BtError, match="no warehouse"):
        Warehouse(tmp_path / "none.duckdb", create=False)
    assert list(tmp_path.iterdir()) == []


def foreign_files(folder: Path) -> dict[str, Path]:
    made = {name: folder / name for name in ("empty", "text", "sqlite", "foreign", "cut")}
    made["empty"].touch()
    made["text"].write_text("not a database\n" * 50)
    with sqlite3.connect(made["sqlite"]) as other:
        other.execute("create table candles (a)")
    other.close()
    with duckdb.connect(str(made["foreign"])) as connection:
        connection.execute("create table candles (a int)")
    Warehouse(folder / "whole.duckdb")
    made["cut"].write_bytes((folder / "whole.duckdb").read_bytes()[:5000])
    return made


@pytest.mark.parametrize("kind", ["empty", "text", "sqlite", "foreign", "cut"])
def test_other_files_are_refused_untouched(tmp_path: Path, kind: str) -> None:
    path = foreign_files(tmp_path)[kind]
    before = path.read_bytes()
    names = sorted(tmp_path.iterdir())
    with pytest.raises(WarehouseError):
        Warehouse(path).query("select 1")
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == names


def test_folders_and_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="folder"):
        Warehouse(tmp_path).query("select 1")
    with pytest.raises(BtError, match="local file"):
        Warehouse("http://x/y.db")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")

    def fail() -> None:
        with warehouse.write() as connection:
            connection.execute(CANDLE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert warehouse.query("select count(*) from candles").item() == 0


def test_reading_inside_writing_sees_what_was_there_before(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    with warehouse.write() as connection:
        connection.execute(CANDLE)
        assert warehouse.query("select count(*) from candles").item() == 0
    assert warehouse.query("select count(*) from candles").item() == 1


def test_what_is_written_while_the_file_is_held_stands_by_itself(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")

    def fail() -> None:
        with warehouse.hold():
            with warehouse.write() as connection:
                connection.execute(CANDLE)
            assert warehouse.query("select count(*) from candles").item() == 1
            with warehouse.write() as connection:
                connection.execute("delete from candles")
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Warehouse(tmp_path / "bt.duckdb").query("select count(*) from candles").item() == 1


HOLD = """
import sys, time
import duckdb
from bt.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1])
with getattr(warehouse, sys.argv[2])():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("held", "wanted"), [("write", "read"), ("write", "write"), ("read", "write"), ("hold", "read")]
)
def test_the_holder_is_named_after_a_bounded_wait(tmp_path: Path, held: str, wanted: str) -> None:
    path = tmp_path / "bt.duckdb"
    with Warehouse(path).write():
        pass  # the lock's file names this process now, which is not who holds it
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path), held], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()
        with pytest.raises(WarehouseError, match="in use by") as error, getattr(Warehouse(path, wait=0.3), wanted)():
            pass
        assert time.monotonic() - began < 10
        if held == "write" or Path("/proc/locks").exists():
            assert f"process {holder.pid}" in str(error.value)
    finally:
        holder.kill()
        holder.communicate()
    with Warehouse(path).write() as connection:
        connection.execute(CANDLE)


def test_readers_do_not_keep_each_other_out(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    with Warehouse(path).read(), duckdb.connect(str(path), read_only=True, config=_same_config()):
        pass


def _same_config() -> dict[str, str]:
    from bt.warehouse.file import HARDENED

    return dict(HARDENED)


def test_connections_are_closed_to_the_outside(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for attempt in (
        f"select * from '{secret}'",
        f"select * from read_csv('{secret}')",
        f"select * from read_text('{secret}')",
        f"select * from glob('{tmp_path}/*')",
    ):
        with pytest.raises(QueryError):
            warehouse.ask(attempt)


@pytest.mark.parametrize(
    "sql",
    [
        "delete from candles",
        "drop table candles",
        "create table x (a int)",
        "select 1; select 2",
        "copy candles to 'x.csv'",
        "attach 'x.db'",
        "set threads = 1",
        "pragma database_size; drop table candles",
        "install httpfs",
        "with gone as (delete from candles returning *) select * from gone",
        "select nothing_there from candles",
        "selekt",
        "",
        "-- only a comment",
    ],
)
def test_only_questions_are_answered(tmp_path: Path, sql: str) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    with warehouse.write() as connection:
        connection.execute(CANDLE)
    with pytest.raises(QueryError):
        warehouse.ask(sql)
    assert warehouse.ask("select count(*) from candles").item() == 1
    assert warehouse.ask("from bars('1h')").height == 1


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    Warehouse(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("update warehouse_info set schema_version = 99")
    with pytest.raises(WarehouseError, match="schema version 99"):
        Warehouse(path).query("select 1")


def test_changed_definitions_are_rebuilt_and_data_kept(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    with Warehouse(path).write() as connection:
        connection.execute(CANDLE)
    own = tmp_path / "sql" / "3_indicators"
    own.mkdir(parents=True)
    (own / "doubled.sql").write_text(
        "-- one row is one bar with twice its close\ncreate or replace macro doubled(timeframe, n := 2) as table\n"
        "select *, n * close as doubled from bars(timeframe);\n"
    )
    assert Warehouse(path, sql=[tmp_path / "sql"]).query("select doubled from doubled('1h')").item() == 3.0


def test_a_broken_file_stops_the_build_by_name(tmp_path: Path) -> None:
    own = tmp_path / "sql" / "5_metrics"
    own.mkdir(parents=True)
    (own / "mine.sql").write_text("-- one row is nothing\ncreate or replace view mine as select * from nowhere;\n")
    with pytest.raises(BtError, match=r"5_metrics/mine\.sql"):
        Warehouse(tmp_path / "bt.duckdb", sql=[tmp_path / "sql"])
    assert not (tmp_path / "bt.duckdb").exists()


def test_migrations_run_in_order_from_where_the_file_stands() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table t (a int); insert into t values (1)")
        steps = ["alter table t add column b int", "update t set b = a + 1"]
        assert schema.migrate(connection, 1, steps) == 3
        assert connection.execute("from t").fetchall() == [(1, 2)]
        assert schema.migrate(connection, 3, steps) == 3
        with pytest.raises(WarehouseError, match="knows 3"):
            schema.migrate(connection, 4, steps)


def test_every_table_view_and_column_is_documented() -> None:
    warehouse = Warehouse()
    assert warehouse.query("select table_name from duckdb_tables() where comment is null and not internal").height == 0
    assert warehouse.query("select view_name from duckdb_views() where comment is null and not internal").height == 0
    missing = warehouse.query(
        "select table_name, column_name from duckdb_columns() where comment is null and not internal"
    )
    assert missing.rows() == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("timestamp 'infinity'", "infinity"),
        ("timestamp '-infinity'", "-infinity"),
        ("timestamp '290000-01-01'", "290000-01-01 00:00:00"),
        ("date '290000-01-01'", "290000-01-01"),
    ],
)
def test_times_beyond_all_years_are_given_as_text(value: str, shown: str) -> None:
    near = datetime(2024, 1, 1)
    with Warehouse().read() as connection:
        frame = query(connection, f"select {value} as far, timestamp '2024-01-01' as near")
        assert frame.rows() == [(shown, near)]
        if value.startswith("timestamp"):
            assert query(connection, f"select {value} as x, timestamp '2024-01-01' as x").rows() == [(shown, near)]


def test_frames_keep_types_nulls_and_repeated_names() -> None:
    frame = pl.DataFrame(
        {"a": [1, None], "b": [0.1, None], "c": ["x", None], "d": [True, None]},
        schema={"a": pl.Int64, "b": pl.Float64, "c": pl.String, "d": pl.Boolean},
    )
    warehouse = Warehouse()
    with warehouse.read() as connection:
        with registered(connection, given=frame):
            assert query(connection, "from given").equals(frame)
            assert query(connection, "from given where false").schema == frame.schema
        assert query(connection, "select 1 as a, 2 as a").columns == ["a", "a_2"]
        assert query(connection, "select sum(1) as n").rows() == [(1.0,)]


READ_ONLY = """
import os, sys
from bt.errors import WarehouseError
from bt.warehouse import Warehouse
os.chdir(sys.argv[1])
warehouse = Warehouse("bt.duckdb")
warehouse.query("select 1")  # now, because bt's own files may lie where another user cannot read
os.chmod("bt.duckdb", 0o444)
os.chmod(".", 0o555)
if os.geteuid() == 0:
    os.setuid(65534)  # root writes everywhere
print(warehouse.query("select count(*) from runs").item())
try:
    with warehouse.write():
        pass
except WarehouseError as error:
    print(error.cure)
"""


def test_a_read_only_file_can_be_read_and_says_so_when_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        done = subprocess.run([sys.executable, "-c", READ_ONLY, folder], capture_output=True, text=True, check=False)
        Path(folder).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "0"
    assert "writable" in done.stdout.splitlines()[1]
