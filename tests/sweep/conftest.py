"""The made-up market with funding rates: one for tests that only add runs, and a copy for those that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bt import seeded
from bt.warehouse import Warehouse, registered
from tests.conftest import DAYS
from tests.sweep.kept import SYMBOLS


@pytest.fixture(scope="session")
def funded(made_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("funded") / "bt.duckdb"
    shutil.copy(made_market / "warehouse" / "bt.duckdb", path)
    with Warehouse(path).write() as connection:
        for symbol in SYMBOLS:
            with registered(connection, rates=seeded.funding(symbol, days=DAYS)):
                connection.execute(
                    "insert into funding by name select $symbol as symbol, * from rates", {"symbol": symbol}
                )
    return path


@pytest.fixture(scope="session")
def shared(funded: Path) -> Warehouse:
    """Give a warehouse to add runs to."""
    path = funded.with_name("shared.duckdb")
    shutil.copy(funded, path)
    return Warehouse(path)


@pytest.fixture
def own(funded: Path, tmp_path: Path) -> Warehouse:
    """Give a warehouse to do anything to."""
    shutil.copy(funded, tmp_path / "own.duckdb")
    return Warehouse(tmp_path / "own.duckdb")
