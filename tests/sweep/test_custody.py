"""A sweep beside other processes: one that has the warehouse is waited for, one that was killed is known as stopped."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import bt
from bt.errors import BtError, BusyError
from bt.results import Results, standing
from bt.sweep import course, under_way
from bt.warehouse import Warehouse, lock
from tests.sweep.strategies import Cross, Gambler, Odd

SPAN: dict[str, Any] = {"symbols": ["ALPHAUSDT"], "timeframe": "4h"}
MANY = bt.Sweep(search={"fast": range(2, 32), "slow": [60, 61]}, min_trades=0, workers=1)
WRITER = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


class Meddling:
    """Do something when so many sets are tried, and something else when it is said that sets wait."""

    def __init__(self, work: Any, *, after: int = 1, then: Any = None) -> None:
        self.work, self.after, self.then = work, after, then

    def stage(self, name: str) -> None: ...

    def say(self, sentence: str) -> None:
        if self.then and "wait to be stored" in sentence:
            self.then()

    def tried(self, done: int, total: int | None, best: str) -> None:
        if self.work and done >= self.after:
            work, self.work = self.work, None
            work()


def locks(warehouse: Warehouse) -> list[Path]:
    """Give the files that say that a run is under way."""
    assert warehouse.path is not None
    return list(warehouse.path.parent.glob("*.duckdb.*.lock"))


def test_another_process_that_writes_for_a_while_is_waited_for(own: Warehouse) -> None:
    path, others = own.path, []

    def begin() -> None:
        other = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        others.append(other)
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

    def end() -> None:
        others[0].communicate()

    assert path is not None
    found = MANY.run(Cross, Warehouse(path, wait=0.05), **SPAN, listener=Meddling(begin, then=end)).get_results()
    assert others[0].returncode == 0
    assert (found.run["status"], found.run["sets"], found.trials.height) == ("finished", 60, 60)
    assert locks(own) == []


@pytest.mark.long
def test_one_that_stays_stops_a_sweep_and_what_is_stored_can_be_gone_on_with(
    own: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own.path is not None
    monkeypatch.setattr(course, "_STORED_AT", 60)  # days: a few sets at once
    monkeypatch.setattr(course, "_PATIENCE", 3)
    impatient, held = Warehouse(own.path, wait=0.01), lock.held(own.path, exclusive=True, wait=5.0)
    with pytest.raises(BusyError, match="is in use by") as caught:
        MANY.run(Cross, impatient, **SPAN, listener=Meddling(held.__enter__, after=20))
    held.__exit__(None, None, None)
    [stored] = own.query("select count(*) from trials")["count_star()"].to_list()
    assert 0 < stored < 60
    assert f"; {stored} sets are stored" in caught.value.what
    assert "go on with --resume" in caught.value.cure
    assert own.query("select count(*) from trials where status = 'failed'").item() == 0
    assert own.query("select status from runs").item() == "running"  # nobody could write that it is not
    run_id = own.query("select run_id from runs").item()
    seen = Results(own, run_id).run
    assert (seen["status"], seen["sets"]) == ("interrupted", stored)
    assert MANY.run(Cross, own, **SPAN, resume=True).run_id == run_id
    assert own.query("select status, sets from runs").row(0) == ("finished", 60)
    assert locks(own) == []


def test_only_what_nobody_works_on_is_stopped(own: Warehouse) -> None:
    seen: list[Any] = []

    def look() -> None:
        [run_id] = own.query("select run_id from runs")["run_id"].to_list()
        seen.append((standing.abandoned(own), Results(own, run_id).run["status"], len(locks(own))))
        with pytest.raises(BtError, match="is under way"), under_way(own, run_id):
            pass
        seen.append(len(locks(own)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MANY.run(Cross, own, **SPAN, listener=Meddling(look, after=9))
    assert seen == [(set(), "running", 1), 1]
    assert own.query("select status from runs").item() == "interrupted"
    assert (standing.abandoned(own), locks(own)) == (set(), [])
    with own.write() as connection:
        connection.execute("update runs set status = 'running'")  # as a kill would leave it
    assert standing.abandoned(own) == set(own.query("select run_id from runs")["run_id"])
    assert locks(own) == []


@dataclass(kw_only=True)
class Led(Odd):
    """Ask for another symbol's candles without being told so."""

    way: str = "other"


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "strategy", "search"),
    [("sweep", Odd, {"way": ["plain", "other"], "n": range(2, 30)}), ("walk", Led, {"n": range(2, 30)})],
    ids=["by some sets", "by default"],
)
def test_candles_of_another_symbol_that_change_meanwhile_stop_it(
    own: Warehouse, kind: str, strategy: Any, search: dict[str, Any]
) -> None:
    def change() -> None:
        with Warehouse(own.path or "").write() as connection:
            connection.execute("update candles set close = close + 0.1 where symbol = 'BETAUSDT' and ts < '2024-01-03'")

    sweep = bt.Sweep(search=search, min_trades=0)
    what: Any = sweep if kind == "sweep" else bt.WalkForward(train="3d", test="2d", sweep=sweep)
    with pytest.raises(BtError, match=re.escape("the candles of ALPHAUSDT, BETAUSDT changed")):
        what.run(strategy, own, **SPAN, first=datetime(2024, 1, 14), listener=Meddling(change))


def test_a_ruined_set_is_worth_nothing(shared: Warehouse) -> None:
    account = bt.Account(sizing="notional", size=5_000, leverage=100, margin="cross", mmr=0.0)
    sweep = bt.Sweep(search={"n": [2, 3]}, objective="-end_equity", min_trades=0)

    results = sweep.run(
        Gambler, shared, symbols=["ALPHAUSDT"], timeframe="1h", account=account, costs=bt.Costs(taker=0.03)
    ).get_results()

    assert results.sql("select status, qualified, objective from trials where run_id = $run").rows() == [
        ("ruined", False, None)
    ] * 2  # fmt: skip
    assert (results.run["params"], results.sql("from choices where run_id = $run").height) == ("{}", 0)
    assert "no set qualified" in results.verdict
