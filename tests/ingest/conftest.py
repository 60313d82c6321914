"""Small generated candles, and files made of them."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from bt import symbols
from bt.ingest import ImportOptions, import_file
from bt.warehouse import Warehouse
from tests.ingest.serving import empty

START = datetime(2024, 1, 1)
TABLES = ("candles", "funding", "ingests", "rejected_candles", "instruments")


@pytest.fixture(scope="session")
def untouched():
    """A warehouse into which nothing may get."""
    warehouse = Warehouse()
    yield warehouse
    assert content(warehouse) == dict.fromkeys(TABLES, 0)


@pytest.fixture(scope="session")
def refilled():
    return Warehouse()


@pytest.fixture
def warehouse(refilled):
    """One in memory, emptied: quicker than a new one."""
    return empty(refilled)


@pytest.fixture
def candles():
    return make_candles


@pytest.fixture
def rows_in():
    return content


@pytest.fixture
def run():
    def run_import(warehouse, path, symbol="BTCUSDT", kind="candles", **options):
        return import_file(warehouse, path, symbol=symbols.parse(symbol), kind=kind, options=ImportOptions(**options))

    return run_import


def make_candles(rows=10, start=START, step=timedelta(minutes=1)):
    """Candles whose close runs 100.5, 101.5 … and whose volume is the row's number."""
    opens = [100.0 + row for row in range(rows)]
    return pl.DataFrame(
        {
            "ts": [start + row * step for row in range(rows)],
            "open": opens,
            "high": [price + 1 for price in opens],
            "low": [price - 1 for price in opens],
            "close": [price + 0.5 for price in opens],
            "volume": [float(row + 1) for row in range(rows)],
        },
        schema_overrides={"ts": pl.Datetime("us")},
    )


def content(warehouse):
    return {table: warehouse.query(f"select count(*) as n from {table}")["n"][0] for table in TABLES}
