"""A small made-up market in a workspace, made once and copied for each test that changes it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bt import seeded, symbols
from bt.cli import run as bt_command
from bt.ingest import ImportOptions, import_file
from bt.warehouse import Warehouse

DAYS = 20


def once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """Give the folder of this name, which the first of the parallel processes fills; it is not to be changed."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            growing = factory.mktemp("growing")
            fill(growing)
            growing.rename(folder)
    return folder


@pytest.fixture(scope="session")
def made_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "market", _fill)


def _fill(folder: Path) -> None:
    assert bt_command(["init", str(folder)]) == 0
    warehouse = Warehouse(folder / "warehouse" / "bt.duckdb")
    for name in ("ALPHAUSDT", "BETAUSDT"):
        file = folder / f"{name}.parquet"
        seeded.candles(name, days=DAYS).write_parquet(file)
        import_file(warehouse, file, symbol=symbols.parse(name), options=ImportOptions())


@pytest.fixture
def workspace(made_market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the market's workspace, as the current folder, with a clean environment."""
    folder = tmp_path / "workspace"
    shutil.copytree(made_market, folder)
    monkeypatch.chdir(folder)
    for variable in [name for name in os.environ if name.startswith("BT_")]:
        monkeypatch.delenv(variable)
    return folder


@pytest.fixture
def warehouse(workspace: Path) -> Warehouse:
    return Warehouse(workspace / "warehouse" / "bt.duckdb")


def rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.rows()
