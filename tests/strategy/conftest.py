"""The small market, kept open while a test runs: opening the file anew for each question takes longer than most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bt.warehouse import Warehouse


@pytest.fixture
def warehouse(workspace: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(workspace / "warehouse" / "bt.duckdb")
    with warehouse.hold():
        yield warehouse
