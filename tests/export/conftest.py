"""A warehouse with a run, a sweep and a walk-forward, and with what an export must bear, made once."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

import bt
from bt.strategy import load, made
from bt.warehouse import Warehouse
from tests.conftest import once

RUN = {"symbols": ["ALPHAUSDT", "BETAUSDT"], "timeframe": "1h"}
HOSTILE = {  # by what it is; each must come back as it is, and be nothing but a text
    "a formula": '=HYPERLINK("http://evil","x")',
    "a sum": "+1+1",
    "a command": "-2+3+cmd|' /C calc'!A0",
    "a name": "@SUM(1)",
    "after a line end": "\n=1+1",
    "after a tab": "\t=1",
    "after a return": "\r=1",
    "full width": "＝1+1",
    "after a space": " =1",
    "after a space without width": "\u200b=1",
    "two cells": '=1+1","=2+2',
    "two lines": "a\nb",
    "encoded": "%0A=1+1",
    "guarded already": "'=1",
    "an apostrophe": "'tis",
    "a page": "</script><script>alert(1)</script>",
    "letters of the world": "Größe 数 🚀 \u202egnp",
    "control characters": "a\x01b\x0b\x1fc\ufffe",
    "an escape of Excel's": "_x0041_",
    "an address": "https://example.invalid/",
    "a number": "12.5",
    "nothing": "",
}


def copied(warehouse: Warehouse, run: str, **columns: object) -> None:
    """Store the head of a run again, with other values."""
    told = ", ".join(f"${name} as {name}" for name in columns)
    with warehouse.write() as connection:
        connection.execute(f"insert into runs select * replace ({told}) from runs where run_id = '{run}'", columns)


@pytest.fixture(scope="session")
def exported(made_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give the warehouse, which the first of the parallel processes makes."""
    folder = once(tmp_path_factory, "exported", partial(fill, made_market))
    return Warehouse(folder / "bt.duckdb")


def fill(market: Path, folder: Path) -> None:
    shutil.copyfile(market / "warehouse" / "bt.duckdb", folder / "bt.duckdb")
    warehouse = Warehouse(folder / "bt.duckdb")
    strategy = load("ema_cross", Path())
    run = made(strategy, {"fast": 5, "slow": 20}).run(warehouse, **RUN, name="plain", lookahead=0).run_id
    made(strategy, {"fast": 400, "slow": 401}).run(warehouse, **RUN, name="no trades", lookahead=0)
    search = bt.Sweep(search={"fast": [5, 10], "slow": [20, 40]}, min_trades=1)
    search.run(strategy, warehouse, **RUN, name="sweep", lookahead=0)
    bt.WalkForward(train="8d", test="6d", sweep=search).run(strategy, warehouse, **RUN, name="walk", lookahead=0)
    with warehouse.hold():
        for place, text in enumerate(HOSTILE.values()):
            copied(warehouse, run, run_id=f"hostile{place}.1", name="hostile", note=text)
        sweep = run_of(warehouse, "sweep")["run_id"]
        copied(warehouse, sweep, run_id="unfinished.1", name="unfinished", status="interrupted", params="{}")
        copied(warehouse, run, run_id="odd.1", name="odd", params=json.dumps({"a": float("nan"), "b": [1, 2]}))


def run_of(warehouse: Warehouse, name: str) -> dict[str, object]:
    return warehouse.query("from runs where name = ? order by run_id limit 1", [name]).row(0, named=True)
