"""When a run is the same run: what changes its id, what does not, and how the same is recognised."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import bt
from bt import seeded, symbols
from bt.cli import run as bt_command
from bt.ingest import ImportOptions, import_file
from bt.results import Results, Run, digests
from bt.strategy import load, made
from bt.strategy.load import from_text
from bt.warehouse import Warehouse

BOTH = ("ALPHAUSDT", "BETAUSDT")
FIRST, END = datetime(2024, 1, 2), datetime(2024, 1, 5)
Change = Callable[["Case"], None]


@dataclasses.dataclass
class Case:
    """A run as it is asked for, to be changed in one way."""

    warehouse: Warehouse
    params: dict[str, Any] = dataclasses.field(default_factory=lambda: {"fast": 5, "slow": 20})
    text: str = (bt.assets.folder("strategies") / "ema_cross.py").read_text(encoding="utf-8")
    asked: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"symbols": BOTH, "timeframe": "4h", "first": FIRST, "end": END, "lookahead": 0}
    )

    def run(self, **more: Any) -> Run:
        with from_text("ema_cross", self.text) as strategy:
            return made(strategy, self.params).run(self.warehouse, **{**self.asked, **more})

    def sql(self, statement: str) -> None:
        with self.warehouse.write() as connection:
            connection.execute(statement)

    def told(self, **more: Any) -> None:
        self.asked |= more


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("same")
    warehouse = Warehouse(folder / "bt.duckdb")
    for name in BOTH:
        seeded.candles(name, days=6).write_parquet(folder / "rows.parquet")
        import_file(warehouse, folder / "rows.parquet", symbol=symbols.parse(name), options=ImportOptions())
    Case(warehouse).run()
    return folder / "bt.duckdb"


@pytest.fixture
def case(market: Path, tmp_path: Path) -> Case:
    shutil.copy(market, tmp_path / "bt.duckdb")
    return Case(Warehouse(tmp_path / "bt.duckdb"))


def moved(case: Case) -> None:
    """Put the file where it is called otherwise."""
    assert case.warehouse.path is not None
    place = case.warehouse.path.with_name("other.duckdb")
    shutil.copy(case.warehouse.path, place)
    case.warehouse = Warehouse(place)


CLOSE = "close * 1.0001, high = greatest(high, close * 1.0001)"
CANDLE = f"update candles set close = {CLOSE} where symbol = 'BETAUSDT' and ts = timestamp '2024-01-03 07:59'"
CHANGES: list[tuple[str, Change, bool]] = [  # what, how, whether it is another run
    ("a candle", lambda case: case.sql(CANDLE), True),
    ("strategy source", lambda case: setattr(case, "text", case.text + "\n# seen\n"), True),
    ("a parameter", lambda case: case.params.update(fast=6), True),
    ("a default that is said", lambda case: case.params.update(stop=2.0), False),
    ("a whole number for a float", lambda case: case.params.update(stop=2), False),
    ("cash", lambda case: case.told(account=bt.Account(cash=5000)), True),
    ("the same cash as a whole number", lambda case: case.told(account=bt.Account(cash=10_000)), False),
    ("a fee", lambda case: case.told(costs=bt.Costs(taker=0.001)), True),
    ("the default fee said", lambda case: case.told(costs=bt.Costs(taker=0.00055, maker=0.0002)), False),
    ("a stop", lambda case: case.told(execution=bt.Execution(stop=0.01)), True),
    ("span", lambda case: case.told(end=datetime(2024, 1, 4)), True),
    ("symbols", lambda case: case.told(symbols=BOTH[:1]), True),
    ("order and case of symbols", lambda case: case.told(symbols=("betausdt", "ALPHAUSDT")), False),
    ("timeframe", lambda case: case.told(timeframe="30m"), True),
    ("name and note", lambda case: case.told(name="mine", note="why"), False),
    ("cuts for look-ahead", lambda case: case.told(lookahead=2), False),
    ("path of the warehouse", moved, False),
]


@pytest.mark.parametrize(("change", "expected"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_what_makes_another_run(case: Case, change: Change, expected: bool) -> None:
    [before] = case.warehouse.query("select run_id, content_hash from runs").to_dicts()
    change(case)
    after = case.run(again=False)
    assert after.known is not expected
    assert (after.run_id == before["run_id"]) is not expected
    assert (after.get_results().run["content_hash"] != before["content_hash"]) is expected


def test_another_engine_makes_another_run(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bt.results.records.__version__", "99.0")
    assert not case.run(again=False).known


def test_the_same_is_traded_again_only_if_asked(case: Case) -> None:
    first = case.run(again=False)
    second = case.run()
    assert (second.run_id, first.known, second.known) == (first.run_id[:-1] + "2", True, False)
    assert case.run(again=False).run_id == second.run_id  # the newest
    assert case.warehouse.query("select count(*) from runs").item() == 2


def test_what_was_read_is_known_by_symbol(case: Case) -> None:
    case.sql(CANDLE)
    case.run()
    parts = case.warehouse.query("select data_parts from runs order by created_ts")["data_parts"].to_list()
    before, after = map(json.loads, parts)
    assert {name.split()[0] for name in before} == {
        "hash", "bars", "warm-up", "indicators", "signals", "minutes", "gaps",
    }  # fmt: skip
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{part} BETAUSDT" for part in ("bars", "indicators", "minutes")}
    assert before["bars ALPHAUSDT"].startswith("18:")


def test_a_digest_is_of_values_and_not_of_their_order() -> None:
    rows = pl.DataFrame({"symbol": ["A", "A", "B"], "value": [1.0, 2.0, None]})
    known = digests({"rows": rows})
    assert digests({"rows": rows.reverse()}) == known
    assert set(known) == {"hash", "rows A", "rows B"}
    for other in (rows.with_columns(value=pl.lit(1.0)), rows.rename({"value": "worth"}), rows.head(1)):
        assert digests({"rows": other})["rows A"] != known["rows A"]
    assert digests({"rows": rows.with_columns(value=pl.col("value").fill_null(0))})["rows B"] != known["rows B"]


@pytest.mark.long
@pytest.mark.parametrize("folds", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_sweep_is_recognised_before_anything_is_tried(case: Case, folds: bool) -> None:
    search = bt.Sweep(search={"fast": [5, 8], "slow": [20]}, min_trades=0)
    tried = bt.WalkForward(train="2d", test="1d", sweep=search) if folds else search
    strategy = load("ema_cross", Path())
    first = tried.run(strategy, case.warehouse, **case.asked)
    again = tried.run(strategy, case.warehouse, **case.asked, again=False)
    assert (again.run_id, again.known, "trials" in again.seconds) == (first.run_id, True, False)
    assert tried.run(strategy, case.warehouse, **case.asked).run_id == first.run_id[:-1] + "2"
    other = dataclasses.replace(search, min_trades=1)
    assert not other.run(strategy, case.warehouse, **case.asked, again=False).known


@pytest.mark.long
def test_an_unfinished_sweep_is_not_taken_for_the_same(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "sweep ema_cross -s ALPHAUSDT -t 4h -p fast=5,8 -p slow=20 --min-trades 0 --lookahead 0"
    assert bt_command(line.split()) == 0
    with Warehouse(workspace / "warehouse" / "bt.duckdb").write() as connection:
        connection.execute("update runs set status = 'interrupted'")
    capsys.readouterr()
    assert bt_command(line.split()) == 0
    assert "--resume would go on with it" in capsys.readouterr().err
    assert bt_command(line.split()) == 0
    assert ".2 of " in (said := capsys.readouterr().err)
    assert "is finished already" in said
    assert bt_command([*line.split(), "--again"]) == 0
    runs = Warehouse(workspace / "warehouse" / "bt.duckdb").query("select repeat, status from runs order by repeat")
    assert runs.rows() == [(1, "interrupted"), (2, "finished"), (3, "finished")]


def test_names_and_look_ahead_of_the_stored_one_are_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (workspace / "strategies" / "example.py").read_text(encoding="utf-8")
    cheat = text.replace("enter_long=above &", "enter_long=above.shift(-1) &")
    assert cheat != text
    (workspace / "strategies" / "cheat.py").write_text(cheat, encoding="utf-8")
    line = "run cheat -s ALPHAUSDT -t 1h --name"
    assert bt_command([*line.split(), "one", "--lookahead", "0"]) == 0
    assert "look-ahead in" not in capsys.readouterr().out
    assert bt_command([*line.split(), "two", "--lookahead", "9"]) == 0
    said = capsys.readouterr().err
    assert "called one of " in said
    assert "(not named two)" in said
    assert "! look-ahead in" in said
    assert Results(Warehouse(workspace / "warehouse" / "bt.duckdb"), "").sql("from runs").height == 1
