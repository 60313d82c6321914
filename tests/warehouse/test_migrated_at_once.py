"""Two processes that open an older warehouse at once: one migrates it, the other finds it done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bt.warehouse import Warehouse, lock, schema
from tests.warehouse.test_migrations import HELD, VERSION_1

ROOT = Path(__file__).parents[2]
OPENER = """
import sys
from bt.warehouse import Warehouse, lock

unasked, first = lock.held, []

def held(path, **how):
    if not first:
        first.append(print("has seen the old one", flush=True))
    return unasked(path, **how)

lock.held = held
found = Warehouse(sys.argv[1], wait=60.0)
row = found.query("select schema_version, (select name from runs) from warehouse_info").row(0)
print(*row)
"""


@pytest.mark.long
def test_two_processes_migrate_a_file_once(tmp_path: Path) -> None:
    path = tmp_path / "bt.duckdb"
    Warehouse(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(VERSION_1 + HELD)

    with lock.held(path, exclusive=True, wait=5.0):
        both = [
            subprocess.Popen(
                [sys.executable, "-c", OPENER, str(path)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]  # fmt: skip
        for each in both:
            assert each.stdout is not None
            assert each.stdout.readline() == "has seen the old one\n"
    found = [each.communicate() for each in both]

    assert found == [(f"{schema.NEWEST} mine\n", "")] * 2
    assert Warehouse(path).query("select count(*) from runs").item() == 1
