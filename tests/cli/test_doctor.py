"""What `bt doctor` says of warehouses that are sound, broken, older than they were, in use, or not there."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from bt import cli, seeded
from bt.cli.doctor import clock
from bt.warehouse import Warehouse
from bt.warehouse.schema import NEWEST

Captured = pytest.CaptureFixture[str]
Rows = dict[str, dict[str, str]]
ROOT = Path(__file__).parents[2]
FILE = Path("warehouse/bt.duckdb")
BESIDE = Path("warehouse/bt.duckdb.acknowledged")
VERSIONS = ["python", "bt", "duckdb", "polars", "numpy", "numba", "aiohttp"]
STORED = ["warehouse", "schema", "log", "lock", "disk", "manifest", "acknowledged"]
AROUND = ["tk", "trade loop", "clock"]


def examined(capsys: Captured, code: int, *more: str) -> Rows:
    """Run the command, which must end with this code; give its rows by what was looked at."""
    capsys.readouterr()
    assert cli.run(["doctor", "--format", "json", *more]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    found = json.loads(captured.out)
    assert {row["state"] for row in found} <= {"ok", "warning", "bad"}
    assert all(bool(row["cure"]) == (row["state"] != "ok") for row in found)
    return {row["check"]: row for row in found}


def plain(sql: str) -> None:
    """Change the warehouse behind bt's back."""
    with duckdb.connect(str(FILE)) as connection:
        connection.execute(sql)


def bring(*more: str) -> None:
    assert cli.run(["import", *more, "-q", "--format", "csv"]) == 0


def gamma() -> None:
    if not Path("gamma.csv").exists():
        seeded.candles("GAMMAUSDT", days=2).write_csv("gamma.csv")
    bring("gamma.csv", "-s", "GAMMAUSDT")


def test_a_sound_warehouse(workspace: Path, capsys: Captured) -> None:
    before = {path: path.read_bytes() for path in sorted(FILE.parent.iterdir())}
    found = examined(capsys, 0)
    assert list(found) == [*VERSIONS, *STORED, *AROUND]
    assert {found[name]["state"] for name in [*VERSIONS, *STORED, "clock"]} == {"ok"}
    assert found["warehouse"]["detail"].startswith(str(workspace / FILE))
    assert found["manifest"]["detail"] == "2 pages, and all they brought is there"
    assert found["acknowledged"]["detail"] == "page 2 is the newest, here and beside the file"
    assert {path: path.read_bytes() for path in sorted(FILE.parent.iterdir())} == before


def older_copy() -> None:
    shutil.copy(FILE, "older")
    gamma()
    Path("older").replace(FILE)


def damaged_log() -> None:
    left_open = (
        "import duckdb, os; c = duckdb.connect('warehouse/bt.duckdb'); "
        "c.execute('create table filler as select range as n from range(5000)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", left_open], check=True)
    log = FILE.with_name("bt.duckdb.wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)


def sqlite_file() -> None:
    FILE.unlink()
    with sqlite3.connect(FILE) as other:
        other.execute("create table candles (a)")
    other.close()


def foreign() -> None:
    FILE.unlink()
    plain("create table candles (a int)")


def folder() -> None:
    FILE.unlink()
    FILE.mkdir()


def gone() -> None:
    shutil.rmtree(FILE.parent)


Case = tuple[str, Callable[[], object], int, str, str, str, str]
BROKEN: list[Case] = [
    # name, what happens, exit code, what it shows in, state, detail, cure
    ("cut short", lambda: plain("delete from candles where ts >= timestamp '2024-01-15'"), 1, "manifest", "bad",
     "brought 28705 candles, of which 20065 are left", "bt ingest BETAUSDT --from 2024-01-01, or the same bt import"),
    ("one candle", lambda: plain("delete from candles where symbol = 'ALPHAUSDT' and ts = timestamp '2024-01-15'"), 1,
     "manifest", "bad", "ALPHAUSDT: page 1 from ALPHAUSDT.parquet brought 28800 candles, of which 28799 are left",
     "--symbol ALPHAUSDT as before"),
    ("emptied", lambda: plain("truncate candles"), 1, "manifest", "bad", "of which 0 are left", "bt ingest"),
    ("older copy", older_copy, 1, "acknowledged", "bad", "lost page 3: acknowledged", "the same ingest or import"),
    ("manifest emptied", lambda: plain("truncate ingests"), 1, "acknowledged", "bad", "lost pages 1 to 2", "remove"),
    ("more by hand", lambda: plain("insert into candles select * replace ('X' as symbol) from candles limit 9"), 0,
     "manifest", "ok", "2 pages", ""),
    ("number gone", BESIDE.unlink, 0, "acknowledged", "ok", "nothing beside the file", ""),
    ("number garbled", lambda: BESIDE.write_text("?"), 0, "acknowledged", "warning", "does not hold", "remove"),
    ("older schema", lambda: plain("update warehouse_info set schema_version = 0"), 0, "schema", "warning",
     f"version 0, this bt has {NEWEST}", "bt data"),
    ("newer schema", lambda: plain("update warehouse_info set schema_version = 99"), 3, "warehouse", "bad",
     f"schema version 99, this bt knows {NEWEST}", "upgrade bt-warehouse"),
    ("a table gone", lambda: plain("drop table ingests"), 3, "warehouse", "bad", "ingests", "restore it"),
    ("damaged log", damaged_log, 3, "warehouse", "bad", "WAL", "move bt.duckdb.wal away"),
    ("foreign", foreign, 3, "warehouse", "bad", "not a bt warehouse", "nothing was changed"),
    ("sqlite", sqlite_file, 3, "warehouse", "bad", "a file of another database", "it was not touched"),
    ("text", lambda: FILE.write_text("not a database\n" * 50), 3, "warehouse", "bad", "not a valid", "not touched"),
    ("empty", lambda: FILE.write_bytes(b""), 3, "warehouse", "bad", "not a valid", "it was not touched"),
    ("truncated", lambda: FILE.write_bytes(FILE.read_bytes()[:5000]), 3, "warehouse", "bad", "bt.duckdb", "restore it"),
    ("folder", folder, 3, "warehouse", "bad", "is a folder", "did you mean"),
    ("missing", gone, 0, "warehouse", "warning", "there is none at", "bt init, bt demo or bt import makes one"),
    ("only the file missing", FILE.unlink, 1, "warehouse", "bad", "gone from", "restore it from a copy"),
]  # fmt: skip


@pytest.mark.parametrize("case", BROKEN, ids=[case[0] for case in BROKEN])
def test_what_is_wrong_is_said_with_its_cure(workspace: Path, capsys: Captured, case: Case) -> None:
    _, happens, code, check, state, detail, cure = case
    happens()
    row = examined(capsys, code)[check]
    assert row["state"] == state
    assert detail in row["detail"]
    assert cure in row["cure"]
    assert "\n" not in row["detail"]


def test_a_short_content_is_mended_as_it_says(workspace: Path, capsys: Captured) -> None:
    plain("delete from candles where symbol = 'ALPHAUSDT' and ts >= timestamp '2024-01-15'")
    examined(capsys, 1)
    assert cli.run(["check"]) == 1
    assert "(warehouse): 1 ingests_kept: first: symbol ALPHAUSDT" in capsys.readouterr().err
    bring("ALPHAUSDT.parquet", "-s", "ALPHAUSDT")
    assert examined(capsys, 0)["manifest"]["detail"] == "3 pages, and all they brought is there"


def test_lost_pages_are_mended_as_it_says(workspace: Path, capsys: Captured) -> None:
    older_copy()
    examined(capsys, 1)
    gamma()
    row = examined(capsys, 0)["acknowledged"]
    assert (row["state"], row["detail"]) == ("warning", "lost page 3 before later ones came")
    BESIDE.unlink()
    assert examined(capsys, 0)["acknowledged"]["state"] == "ok"
    seeded.funding("GAMMAUSDT", days=2).write_csv("funding.csv")
    bring("funding.csv", "-s", "GAMMAUSDT", "--kind", "funding")
    assert examined(capsys, 0)["acknowledged"]["detail"].startswith("page 4 is the newest, here and")


def test_funding_is_held_against_the_manifest_too(workspace: Path, capsys: Captured) -> None:
    seeded.funding("ALPHAUSDT", days=20).write_csv("funding.csv")
    bring("funding.csv", "-s", "ALPHAUSDT", "--kind", "funding")
    plain("delete from funding where ts = (select max(ts) from funding)")
    row = examined(capsys, 1)["manifest"]
    assert "funding rates, of which" in row["detail"]
    assert row["cure"].endswith("--symbol ALPHAUSDT --kind funding as before")


def test_many_short_symbols_are_counted(workspace: Path, capsys: Captured) -> None:
    for number in range(12):
        plain(f"insert into ingests select * replace ({number} + 10 as ingest_id, 'S{number}' as symbol) "
              "from ingests where ingest_id = 1")  # fmt: skip
    capsys.readouterr()
    assert cli.run(["doctor", "--format", "jsonl"]) == 1
    found = [row for row in map(json.loads, capsys.readouterr().out.splitlines()) if row["check"] == "manifest"]
    assert [row["detail"] for row in found][10:] == ["and 2 more"]


HOLD = """
import sys, time
from bt.warehouse import Warehouse
with getattr(Warehouse(sys.argv[1]), sys.argv[2])():
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holding(how: str) -> Iterator[int]:
    """Let another process have the warehouse open; give its PID."""
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(FILE), how], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        yield held.pid
    finally:
        held.kill()
        held.communicate()


def test_who_writes_is_named_and_it_does_not_wait_long(
    workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_WAIT", "0.2")
    with holding("write") as holder:
        found = examined(capsys, 3)
        assert found["warehouse"]["detail"].endswith(f"is in use by process {holder}")
        assert found["warehouse"]["cure"].startswith("wait for it or end it")
        assert "manifest" not in found


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell who holds a lock")
def test_who_reads_is_named_and_keeps_nobody_from_looking(workspace: Path, capsys: Captured) -> None:
    with holding("read") as holder:
        assert examined(capsys, 0)["lock"]["detail"] == f"held by process {holder}"
    assert examined(capsys, 0)["lock"]["detail"] == "nobody has it open"


def test_a_second_import_is_refused_with_the_first_one_named(
    workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_WAIT", "0.2")
    seeded.candles("GAMMAUSDT", days=1).write_csv("gamma.csv")
    with holding("write") as holder:
        assert cli.run(["import", "gamma.csv", "-s", "GAMMAUSDT"]) == 3
        assert f"in use by process {holder}" in capsys.readouterr().err
    gamma()


@pytest.mark.parametrize("name", ["with space", "it's", 'a "quote"', "größe 📈", "new\nline", "-dash", "a'; drop --"])
def test_odd_paths(workspace: Path, capsys: Captured, name: str) -> None:
    path = Path(f"{name}.duckdb").absolute()
    shutil.copy(FILE, path)
    shutil.copy(BESIDE, f"{path}.acknowledged")
    found = examined(capsys, 0, "--db", str(path))
    assert found["warehouse"]["detail"].startswith(str(path))
    assert found["acknowledged"]["detail"].startswith("page 2 is")
    assert cli.run(["doctor", "--db", str(path)]) == 0
    assert name.replace("\n", "�") in capsys.readouterr().out


def test_a_killed_writer_leaves_a_log_and_loses_nothing(workspace: Path, capsys: Captured) -> None:
    plain("checkpoint")
    with duckdb.connect(str(FILE), config={"wal_autocheckpoint": "1GB"}) as connection:
        connection.execute("create table filler as select 1 as n")
        subprocess.run(["cp", "-r", FILE.parent, "killed"], check=True)  # as it lies there at this moment
    found = examined(capsys, 0, "--db", "killed/bt.duckdb")
    assert found["log"]["state"] == "warning"
    assert "bt.duckdb.wal" in found["log"]["detail"]
    assert found["manifest"]["detail"].startswith("2 pages")


def bt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from bt.cli import main; main()", *arguments], capture_output=True, text=True,
        check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_python_without_tk_is_told_what_to_install(workspace: Path) -> None:
    shadow = workspace / "shadow"
    shadow.mkdir()
    (shadow / "tkinter.py").write_text("raise ModuleNotFoundError(\"No module named '_tkinter'\")\n")
    done = bt("doctor", "--format", "json", PYTHONPATH=f"{shadow}{os.pathsep}{ROOT}")
    assert done.returncode == 0, done.stderr
    [row] = [row for row in json.loads(done.stdout) if row["check"] == "tk"]
    assert row["state"] == "warning"
    assert "apt install python3-tk" in row["cure"]


def test_it_says_where_the_loop_is_compiled_to(workspace: Path) -> None:
    done = bt("doctor", "--format", "json", PYTHONPATH=str(ROOT), NUMBA_CACHE_DIR=str(workspace / "kept"))
    [row] = [row for row in json.loads(done.stdout) if row["check"] == "trade loop"]
    assert row["detail"].startswith(f"the first run compiles it, 15 to 30 s, into {workspace / 'kept'}")
    [folder] = (workspace / "kept" / "bt-warehouse").iterdir()
    (folder / "ready").touch()
    done = bt("doctor", "--format", "json", PYTHONPATH=str(ROOT), NUMBA_CACHE_DIR=str(workspace / "kept"))
    [row] = [row for row in json.loads(done.stdout) if row["check"] == "trade loop"]
    assert (row["state"], row["detail"]) == ("ok", f"compiled, in {folder}")


@pytest.mark.parametrize(("year", "state"), [(1970, "bad"), (2019, "bad"), (2020, "ok"), (2100, "ok")])
def test_a_clock_that_was_never_set(year: int, state: str) -> None:
    found = clock(datetime(year, 1, 1))
    assert (found.state, bool(found.cure)) == (state, state == "bad")


def test_a_terminal_of_80_columns_shows_all_of_it(workspace: Path) -> None:
    plain("delete from candles where ts >= timestamp '2024-01-15'")
    ours, theirs = pty.openpty()  # 0 columns: what does not say is taken for 80
    done = subprocess.Popen(
        [sys.executable, "-c", "from bt.cli import main; main()", "doctor", "-q"], stdout=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": "c", "COLUMNS": "80"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65536):
            shown += more
    except OSError:  # how a terminal ends
        pass
    os.close(ours)
    assert done.wait() == 1
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) == 80  # a path of pytest's is longer
    text = " ".join(" ".join(lines).split())
    assert "ALPHAUSDT: page 1 from ALPHAUSDT.parquet brought 28800 candles, of which 20160 are left" in text
    assert "try: bt ingest ALPHAUSDT --from 2024-01-01, or the same bt import FILE --symbol ALPHAUSDT as before" in text


def test_a_warehouse_in_memory_lasts_no_longer_than_the_command(workspace: Path, capsys: Captured) -> None:
    assert examined(capsys, 0, "--db", ":memory:")["warehouse"]["state"] == "warning"


@pytest.mark.parametrize("folder", [".", "..", "/", "warehouse"])
def test_folders(workspace: Path, capsys: Captured, folder: str) -> None:
    assert "is a folder" in examined(capsys, 3, "--db", folder)["warehouse"]["detail"]


def test_an_address_is_no_warehouse(workspace: Path, capsys: Captured) -> None:
    assert cli.run(["doctor", "--db", "http://x/y.db"]) == 2
    assert "local file" in capsys.readouterr().err
    assert Warehouse(FILE).query("select count(*) from ingests").item() == 2
