"""The number beside the warehouse: what was committed is acknowledged, and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bt.warehouse import Warehouse, acknowledged
from bt.warehouse.acknowledged import Acknowledged

PAGE = (
    "insert into ingests select {0}, 'candles', 'X', 'x.csv', ts, ts, null, null, 0, 0, 0, 0, '', ts "
    "from (select timestamp '2024-01-01' as ts)"
)


def add(warehouse: Warehouse, *pages: int) -> None:
    with warehouse.write() as connection:
        for page in pages:
            connection.execute(PAGE.format(page))


def test_a_commit_leaves_its_newest_page_and_nothing_else(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    assert acknowledged.read(tmp_path / "bt.duckdb") is None
    add(warehouse, 1, 2)
    assert (tmp_path / "bt.duckdb.acknowledged").read_text() == "2\n"
    add(warehouse, 3)
    assert acknowledged.read(tmp_path / "bt.duckdb") == Acknowledged(newest=3)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["bt.duckdb", "bt.duckdb.acknowledged", "bt.duckdb.lock"]


def test_what_adds_no_page_does_not_touch_it(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    add(warehouse, 1)
    beside = tmp_path / "bt.duckdb.acknowledged"
    os.utime(beside, ns=(1, 1))
    with warehouse.write() as connection:
        connection.execute("insert into candles values ('X', timestamp '2024-01-01', 1, 2, 0.5, 1.5, 10, null)")
    assert beside.stat().st_mtime_ns == 1


def test_what_is_rolled_back_is_not_acknowledged(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "bt.duckdb")

    def fail() -> None:
        with warehouse.write() as connection:
            connection.execute(PAGE.format(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert acknowledged.read(tmp_path / "bt.duckdb") is None


def test_a_link_has_the_number_of_its_file(tmp_path: Path) -> None:
    Warehouse(tmp_path / "bt.duckdb")
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "bt.duckdb")
    add(Warehouse(tmp_path / "link.duckdb"), 1)
    assert acknowledged.read(tmp_path / "bt.duckdb") == acknowledged.read(tmp_path / "link.duckdb")
    assert acknowledged.beside(tmp_path / "link.duckdb").name == "bt.duckdb.acknowledged"


LOSSES = [  # pages before the copy, after it, after the copy came back; what is known then
    ((1, 2), (3,), (), Acknowledged(newest=3)),
    ((1, 2), (3, 4), (3,), Acknowledged(newest=3, lost=((3, 4),))),
    ((1, 2), (3, 4), (3, 4, 5, 6), Acknowledged(newest=6, lost=((3, 4),))),
    ((), (1,), (1,), Acknowledged(newest=1, lost=((1, 1),))),
]


@pytest.mark.parametrize(("before", "after", "later", "known"), LOSSES)
def test_losses_are_remembered_when_later_pages_come(
    tmp_path: Path, before: tuple[int, ...], after: tuple[int, ...], later: tuple[int, ...], known: Acknowledged
) -> None:
    path = tmp_path / "bt.duckdb"
    warehouse = Warehouse(path)
    if before:
        add(warehouse, *before)
    shutil.copy(path, tmp_path / "older")
    add(warehouse, *after)
    (tmp_path / "older").replace(path)
    if later:
        add(Warehouse(path), *later)
    assert acknowledged.read(path) == known
    if later:
        add(Warehouse(path), later[-1] + 1)
        assert acknowledged.read(path) == Acknowledged(newest=later[-1] + 1, lost=known.lost)


def test_a_new_warehouse_inherits_no_number(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    add(Warehouse(path), 1, 2, 3)
    path.unlink()
    Warehouse(path)
    assert acknowledged.read(path) is None


@pytest.mark.parametrize("text", ["", "\n", "-1", "1.5", "three", "3\nfour", "3\nlost 2", "9" * 30, "größe", "\0"])
def test_what_is_no_number_is_not_taken_for_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bt.duckdb"
    (tmp_path / "bt.duckdb.acknowledged").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="acknowledged|ascii"):
        acknowledged.read(path)
    acknowledged.note(path, 3, 4)
    assert acknowledged.read(path) == Acknowledged(newest=4)


def test_where_no_number_can_be_kept_the_commit_stands(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    warehouse = Warehouse(path)
    (tmp_path / "bt.duckdb.acknowledged").mkdir()
    add(warehouse, 1)
    assert warehouse.query("select count(*) from ingests").item() == 1
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == ["bt.duckdb", "bt.duckdb.lock"]


def test_in_memory_there_is_nothing_to_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    add(Warehouse(), 1)
    assert list(tmp_path.iterdir()) == []


WRITE = """
import os, sys
from bt.warehouse import Warehouse
for umask in sys.argv[2:]:
    os.umask(int(umask, 8))
    with Warehouse(f"{umask}/bt.duckdb").write() as connection:
        connection.execute(sys.argv[1])
"""


def test_nobody_else_may_write_whatever_the_umask(tmp_path: Path) -> None:
    expected = {"077": 0o600, "022": 0o644, "000": 0o644}
    for umask in expected:
        (tmp_path / umask).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WRITE, PAGE.format(1), *expected]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    for umask, mode in expected.items():
        modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / umask).iterdir()}
        assert modes == {"bt.duckdb": mode, "bt.duckdb.acknowledged": mode, "bt.duckdb.lock": mode}, umask
