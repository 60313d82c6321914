"""Written anew, a warehouse holds what it held, in order; broken off at any moment, it is what it was."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bt import cli, seeded
from bt.errors import WarehouseError
from bt.warehouse import Warehouse
from bt.warehouse.layout import ROW_GROUP

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
Arrivals = list[tuple[str, int, int]]  # symbol, first minute, minutes
Captured = pytest.CaptureFixture[str]

EXCLUDED = re.compile(r"EXCLUDE \(([^)]*)\)")  # these names have no order, and are listed in any

CANDLE = """
    insert into candles
    select
        $symbol, timestamp '2024-01-01' + to_minutes(range), 1 + range / 7, 9e9, 0.5, 1.5 + range / 9, range % 11, null
    from range($first, $first + $count)
"""


def arrive(warehouse: Warehouse, arrivals: Iterable[tuple[str, int, int]]) -> Warehouse:
    """Store candles in this order."""
    with warehouse.write() as connection:
        for symbol, first, count in arrivals:
            connection.execute(CANDLE, {"symbol": symbol, "first": first, "count": count})
    return warehouse


def in_turns(symbols: str, minutes: int, page: int) -> Arrivals:
    return [(symbol, first, page) for first in range(0, minutes, page) for symbol in symbols]


# what arrives; expected: runs, symbols, scattered candles, whether that is worth an end
LAYOUTS: dict[str, tuple[Arrivals, int, int, int, bool]] = {
    "nothing": ([], 0, 0, 0, False),
    "one symbol": ([("X", 0, 5000)], 1, 1, 0, False),
    "in pages, in order": ([("X", first, 1000) for first in range(0, 9000, 1000)], 1, 1, 0, False),
    "one after the other": ([("X", 0, 5000), ("Y", 0, 5000)], 2, 2, 0, False),
    "with holes": ([("X", 0, 50), ("X", 70, 50), ("Y", 7, 9)], 2, 2, 0, False),
    "an old year after a new one": ([("X", 200_000, 200_000), ("X", 0, 200_000)], 2, 1, 0, False),
    "a repaired hole": ([("X", 0, 200_000), ("X", 200_030, 99_970), ("X", 200_000, 30)], 2, 1, 30, False),
    "a twin": ([("X", 0, 50), ("X", 49, 1)], 1, 1, 0, False),
    "twins among many": ([("X", 0, 60_000), ("X", 59_999, 80_000)], 1, 1, 0, False),
    "in turns, but few": (in_turns("XY", 5000, 1000), 10, 2, 10_000, False),
    "in turns": (in_turns("XYZ", 60_000, 1000), 180, 3, 180_000, True),
    "in turns, after four times as many": ([("X", 0, 800_000), *in_turns("YZ", 70_000, 7000)], 21, 3, 140_000, False),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_order_is_measured(name: str) -> None:
    arrivals, runs, symbols, scattered, due = LAYOUTS[name]
    found = arrive(Warehouse(), arrivals).layout()
    assert (found.candles, found.runs, found.symbols) == (sum(count for *_, count in arrivals), runs, symbols)
    assert (found.scattered, found.due, found.in_order) == (scattered, due, runs == symbols)


def shuffled(minutes: int = 60_000) -> Arrivals:
    pages = in_turns("XYZ", minutes, 1000)
    random.Random(1).shuffle(pages)
    return pages


@pytest.fixture
def messy(made: Path, tmp_path: Path) -> Warehouse:
    """Give a copy of that warehouse, for each test its own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Warehouse(tmp_path / "bt.duckdb")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a warehouse of 180,000 candles in random pages, and of things that are not bt's; give its folder."""
    folder = tmp_path_factory.mktemp("made")
    warehouse = arrive(Warehouse(folder / "bt.duckdb"), shuffled())
    with warehouse.write() as connection:
        connection.execute("insert into funding select 'X', ts, 0.0001, null from candles where symbol = 'X' limit 9")
        connection.execute("insert into absences values ('X', '2020-01-01', '2020-01-02', '2024-01-01')")
        connection.execute(
            "insert into ingests select 7, 'candles', 'X', 'x', ts, ts, null, null, 0, 0, 0, 0, '', ts "
            "from candles limit 1"
        )
        connection.execute('create schema "My Own"')
        connection.execute("create type \"My Own\".mood as enum ('calm', 'wild')")
        connection.execute('create table "My Own"."some ""notes""" (n integer primary key, mood "My Own".mood)')
        connection.execute("""insert into "My Own"."some ""notes\""" values (3, 'wild'), (1, null), (2, 'calm')""")
        connection.execute('comment on column "My Own"."some ""notes""".n is \'how many\'')
        connection.execute(
            'create table "order" ("end" int, n int as (2 * "end"), "My c" text, many int as (length("My c")))'
        )
        connection.execute("""insert into "order" ("My c", "end") values ('abc', 7), (null, 8)""")
        connection.execute("create view mine as select count(*) as n from candles")
        connection.execute("comment on view mine is 'all of them'")
        connection.execute("create macro twice(x) as 2 * x")
        connection.execute("create index by_rate on funding (rate)")
    return folder


def everything(path: Path) -> dict[str, object]:
    """Give what a DuckDB file holds, whatever the order of its rows."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall()
        names = ['"' + '"."'.join(part.replace('"', '""') for part in names) + '"' for names in tables]
        held: dict[str, object] = {name: connection.execute(f"from {name} order by all").fetchall() for name in names}
        for kind, columns in {
            "tables": "schema_name, table_name, comment, sql",
            "columns": "schema_name, table_name, column_name, data_type, is_nullable, column_default, comment",
            "views": "schema_name, view_name, comment, sql",
            "functions": "schema_name, function_name, parameters, macro_definition, comment",
            "indexes": "schema_name, index_name, sql",
            "constraints": "schema_name, table_name, constraint_text",
        }.items():
            own = "" if kind in {"constraints", "indexes"} else "where not internal"
            rows = connection.execute(f"select {columns} from duckdb_{kind}() {own}").fetchall()
            held[kind] = sorted(EXCLUDED.sub(lambda names: str(sorted(names[1].split(", "))), str(row)) for row in rows)
        assert connection.execute("select n, twice(21) from mine").fetchall() == [(180_000, 42)]
    return held


def groups_read(path: Path) -> int:
    """Count the row groups that a question about one day of one symbol reads."""
    day = "select max(high) from candles where symbol = 'Y' and ts >= '2024-01-05' and ts < '2024-01-06'"
    with duckdb.connect(str(path), read_only=True) as connection:
        [(_, plan)] = connection.execute(f"explain analyze {day}").fetchall()
    return int(re.findall(r"Row Groups Scanned: (\d+) /", plan)[0])


def test_all_is_kept_and_the_candles_lie_in_order(messy: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    path.chmod(0o640)
    before, read = everything(path), groups_read(path)
    told: list[tuple[str, int, int]] = []
    done = messy.compact(lambda *more: told.append(more))
    assert everything(path) == before
    assert told == [("X", 0, 180_000), ("Y", 60_000, 180_000), ("Z", 120_000, 180_000), ("", 180_000, 180_000)]
    assert (done.before.runs > 100, done.after.runs, done.after.scattered) == (True, 3, 0)
    assert done.after.bytes_each < done.before.bytes_each
    assert (done.size_after, path.stat().st_mode & 0o777) == (path.stat().st_size, 0o640)
    assert done.size_after < done.size_before
    assert (groups_read(path), read) == (1, 2)
    assert messy.query("from candles").equals(messy.query("from candles order by symbol, ts"))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "bt.duckdb", "bt.duckdb.acknowledged", "bt.duckdb.lock",
    ]  # fmt: skip
    assert messy.layout() == done.after


def test_twins_are_kept_and_do_not_ask_for_it_again(messy: Warehouse) -> None:
    with messy.write() as connection:
        connection.execute("insert into candles from candles where ts = '2024-01-21 20:00'")
    assert messy.layout().due
    done = messy.compact(lambda *_: None)
    assert (done.after.candles, done.after.in_order, messy.layout().due) == (180_003, True, False)


def test_older_programs_can_still_read_it(messy: Warehouse, tmp_path: Path) -> None:
    def version() -> bytes:
        with (tmp_path / "bt.duckdb").open("rb") as file:
            return file.read(20)[12:]  # after the checksum and the magic bytes: the number of the storage's version

    before = version()
    messy.compact(lambda *_: None)
    assert version() == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.duckdb"
    arrive(Warehouse(real), in_turns("XY", 300, 100))
    link = tmp_path / "bt.duckdb"
    link.symlink_to(real)
    assert Warehouse(link).compact(lambda *_: None).after.in_order
    assert link.is_symlink()
    assert Warehouse(real).layout().in_order


def test_broken_off_it_is_what_it_was(messy: Warehouse, tmp_path: Path) -> None:
    before = (tmp_path / "bt.duckdb").read_bytes()

    def stop(symbol: str, _done: int, _total: int) -> None:
        if symbol == "Y":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        messy.compact(stop)
    assert (tmp_path / "bt.duckdb").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


CHILD = """
import os, resource, signal, sys
from pathlib import Path
from bt.warehouse import Warehouse
path, moment = sys.argv[1:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
replace = Path.replace
def replaced(self, target):
    if moment == "before the name":
        die()
    replace(self, target)
    if moment == "after the name":
        die()
Path.replace = replaced
if moment == "disk full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
Warehouse(path, create=False).compact(lambda symbol, *_: die() if moment == "at " + symbol else None)
"""


def child(path: Path, moment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(path), moment],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


SLOW = [pytest.param(moment, marks=pytest.mark.slow) for moment in ("at X", "at ")]  # these are but more of the same


@pytest.mark.parametrize("moment", ["at Z", "before the name", "after the name", *SLOW])
def test_ended_by_force_it_is_whole(messy: Warehouse, tmp_path: Path, moment: str) -> None:
    path = tmp_path / "bt.duckdb"
    before = everything(path)
    assert child(path, moment).returncode == -9
    assert everything(path) == before
    assert messy.layout().in_order is (moment == "after the name")
    arrive(messy, [("X", 90_000, 10)])
    assert messy.compact(lambda *_: None).after.in_order
    assert messy.query("select count(*) from candles").item() == 180_010
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_changes_nothing(messy: Warehouse, tmp_path: Path) -> None:
    before = (tmp_path / "bt.duckdb").read_bytes()
    ended = child(tmp_path / "bt.duckdb", "disk full")
    assert ended.returncode == 1
    assert re.search(r"WarehouseError: .*File too large\n.*free some disk space", ended.stderr)
    assert (tmp_path / "bt.duckdb").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
    assert messy.compact(lambda *_: None).after.in_order


OPENER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print(connection, flush=True)
sys.stdin.read()
"""


@contextmanager
def opened(path: Path, role: str) -> Iterator[int]:
    """Let another process have the file open, as a reader or a writer; give its PID."""
    command = [sys.executable, "-c", OPENER, str(path), role]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.communicate()


def test_who_has_it_open_is_named(messy: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    before = path.read_bytes()
    with opened(path, "reader") as pid, pytest.raises(WarehouseError, match=f"in use by process {pid}"):
        Warehouse(path, wait=0).compact(lambda *_: None)
    assert path.read_bytes() == before
    assert messy.layout().runs > 100


def test_who_opens_it_in_between_is_named_too(
    messy: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, measured = tmp_path / "bt.duckdb", shutil.disk_usage
    with ExitStack() as others:
        pids: list[int] = []

        def measure(folder: Path) -> Any:  # asked for after the warehouse was looked at and before it is copied
            pids.append(others.enter_context(opened(path, "writer")))
            return measured(folder)

        monkeypatch.setattr(shutil, "disk_usage", measure)
        with pytest.raises(WarehouseError) as refused:
            messy.compact(lambda *_: None)
        assert refused.value.what == f"the warehouse {path} is in use by process {pids[0]}"
    assert messy.layout().runs > 100


def test_the_command_says_what_it_did(messy: Warehouse, tmp_path: Path, capsys: Captured) -> None:
    place = ["--db", str(tmp_path / "bt.duckdb")]
    assert cli.run(["doctor", "--format", "csv", *place]) == 0
    assert "180,000 candles lie in pieces" in capsys.readouterr().out
    assert cli.run(["compact", *place]) == 0
    said = capsys.readouterr().err
    assert re.search(
        r"bt.duckdb: put in order in \d+\.\d s, \d+\.\d → \d+\.\d MB, \d+\.\d → \d+\.\d bytes a candle\n", said
    )
    assert cli.run(["compact", *place]) == 0
    assert re.search(r"in order, \d+\.\d bytes a candle: nothing to do\n", capsys.readouterr().err)
    assert cli.run(["data", *place]) == 0
    assert re.search(r"bt.duckdb: \d+\.\d MB, \d+\.\d bytes a candle\n", capsys.readouterr().err)
    assert cli.run(["doctor", "--format", "csv", *place]) == 0
    assert "bt compact" not in capsys.readouterr().out
    assert messy.layout().in_order


@pytest.mark.parametrize("hindered", [False, True])
def test_an_import_leaves_order_behind(messy: Warehouse, tmp_path: Path, capsys: Captured, hindered: bool) -> None:
    place = ["--db", str(tmp_path / "bt.duckdb")]
    seeded.candles("GAMMAUSDT", days=1).write_csv(tmp_path / "gamma.csv")
    if hindered:
        (tmp_path / ".bt.duckdb.compacting").write_text("not a folder")
    assert cli.run(["import", str(tmp_path / "gamma.csv"), "-s", "GAMMAUSDT", *place]) == 0
    said = capsys.readouterr().err
    assert messy.layout().in_order is not hindered
    assert ("put in order in" in said) is not hindered
    assert ("the candles stay in the order in which they came" in said) is hindered
    assert messy.query("select count(*) from candles").item() == 180_000 + 1440


def test_a_row_group_is_what_duckdb_makes_it(tmp_path: Path) -> None:
    arrive(Warehouse(tmp_path / "bt.duckdb"), [("X", 0, 2 * ROW_GROUP)])
    with duckdb.connect(str(tmp_path / "bt.duckdb"), read_only=True) as connection:
        rows = connection.execute("select max(count) from pragma_storage_info('candles')").fetchall()
    assert rows == [(ROW_GROUP,)]
