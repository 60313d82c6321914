"""Strategies that misbehave: for one set it is that set's problem, for all of them the sweep's."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import bt
from bt.errors import BtError
from bt.strategy import load
from bt.warehouse import Warehouse
from tests.sweep.kept import KEYS, as_run
from tests.sweep.strategies import Ahead, Cross, Odd

SPAN = {"symbols": ["ALPHAUSDT"], "timeframe": "4h"}
TRADING = ("plain", "prints", "twice", "collects", "frame", "catches", "1d", "other", "first")
PROBLEMS = {
    "unknown": "unknown indicator 'emaa'",
    "no argument": "has no argument 'm'",
    "raises": "KeyError: 'nothing'",
    "exits": "SystemExit: 3",
    "refuses": "not today",
    "no frame": "gave int, not a frame",
    "late": "ColumnNotFoundError",
}


def test_every_way_to_misbehave(shared: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    sweep = bt.Sweep(search={"way": [*PROBLEMS, "out of range", *TRADING], "n": [5, 6]}, min_trades=1)

    run = sweep.run(Odd, shared, **SPAN)

    assert capfd.readouterr() == ("", "")
    found = shared.query("from trials where run_id = ?", [run.run_id]).to_dicts()
    by_set = {(json.loads(trial["params"])["way"], json.loads(trial["params"])["n"]): trial for trial in found}
    for (way, n), trial in by_set.items():
        if way in TRADING or (way, n) == ("out of range", 6):
            assert (trial["status"], trial["problem"]) == ("finished", None), way
        else:
            assert trial["status"] == "failed", way
            assert (trial["end_equity"], trial["objective"], trial["qualified"]) == (None, None, False)
            assert PROBLEMS.get(way, "n = 0 is out of range") in trial["problem"]
    failed = [trial["trial"] for trial in found if trial["status"] == "failed"]
    assert len(failed) == 2 * len(PROBLEMS) + 1
    marks = ", ".join(map(str, failed))
    assert shared.query(f"select count(*) from days where run_id = ? and trial in ({marks})", [run.run_id]).item() == 0
    assert run.get_results().run["status"] == "finished"


@pytest.mark.long
def test_what_is_odd_but_no_fault_trades_as_it_does_alone(shared: Warehouse) -> None:
    settings, ways = SPAN | {"first": datetime(2024, 1, 12)}, ("twice", "catches", "other", "1d", "first")
    run = bt.Sweep(search={"way": ways, "n": [4]}, min_trades=0).run(Odd, shared, **settings)
    for trial, way in enumerate(ways, 1):
        days, _ = as_run(Odd(way=way, n=4), shared, **settings)
        found = shared.query("from days where run_id = ? and trial = ? order by day", [run.run_id, trial])
        assert found.drop(KEYS).equals(days), way
        assert days["trades"].sum() > 0


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_where_no_set_can_be_tried_nothing_is_stored(own: Warehouse, sampler: Any) -> None:
    sweep = bt.Sweep(search={"way": list(PROBLEMS), "n": range(20)}, sampler=sampler, trials=20)
    with pytest.raises(BtError, match="no parameter set can be tried"):
        sweep.run(Odd, own, **SPAN)
    assert own.query("select (select count(*) from runs), (select count(*) from trials)").row(0) == (0, 0)


def test_sets_that_look_back_farther_than_the_default_are_refused(shared: Warehouse) -> None:
    run = bt.Sweep(min_trades=0).run(Ahead, shared, **SPAN, first=datetime(2024, 1, 14))
    assert shared.query("select status, problem from trials where run_id = ? order by trial", [run.run_id]).rows() == [
        ("finished", None),
        ("finished", None),
        ("failed", "warm_up is 60 for this set, but 30 bars were read"),
    ]


class Meddling:
    """Do something in the midst of a sweep: when so many sets are tried."""

    def __init__(self, work: Any, after: int = 1) -> None:
        self.work, self.after = work, after

    def stage(self, name: str) -> None: ...

    def say(self, sentence: str) -> None: ...

    def tried(self, done: int, total: int | None, best: str) -> None:
        if self.work and done >= self.after:
            work, self.work = self.work, None
            work()


@pytest.mark.long
@pytest.mark.parametrize(
    "where", ["ts >= timestamp '2024-01-15'", "ts < timestamp '2024-01-02'"], ids=["tested", "only warming up"]
)
def test_candles_that_change_meanwhile_stop_a_sweep(own: Warehouse, where: str) -> None:
    def change() -> None:
        with Warehouse(own.path).write() as connection:
            connection.execute(f"update candles set close = close + 0.1 where symbol = 'ALPHAUSDT' and {where}")

    sweep = bt.Sweep(search={"fast": range(2, 40), "slow": [60, 61]}, min_trades=0)
    with pytest.raises(BtError, match="the candles of ALPHAUSDT changed"):
        sweep.run(Cross, own, **SPAN, first=datetime(2024, 1, 14), listener=Meddling(change))
    assert own.query("select status from runs").rows() in ([], [("interrupted",)])
    assert own.query("select count(*) from trials where status = 'failed'").item() == 0


def test_a_strategy_from_a_file_may_change_between_sweeps(own: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = (Path(__file__).parent / "strategies.py").read_text(encoding="utf-8")
    head, _, rest = text.partition("@dataclass")
    file.write_text(head + "@dataclass" + rest.partition("@dataclass")[0], encoding="utf-8")
    sweep = bt.Sweep(min_trades=0)
    one = sweep.run(load(str(file), Path()), own, **SPAN)
    file.write_text(file.read_text(encoding="utf-8").replace("2 * pl.col", "3 * pl.col"), encoding="utf-8")
    two = sweep.run(load(str(file), Path()), own, **SPAN, resume=True)
    assert one.run_id.split(".")[0] != two.run_id.split(".")[0]
    assert own.query("select count(distinct net_profit) from trials where trial = 1").item() == 2
