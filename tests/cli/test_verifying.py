"""bt verify: another engine's opinion of a stored run is asked for, stored, and shown with the run."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bt import cli
from bt.report import folders, sections
from bt.results import verifications as verified
from bt.warehouse import Warehouse

pytest.importorskip("backtrader", reason="backtrader is not installed")

RUN = "run mine -s ALPHAUSDT,BETAUSDT -t 1h -p fast=5 -p slow=20 --lookahead 0 -q"
SPACE = "-s ALPHAUSDT,BETAUSDT -t 1h -p fast=5,10 -p slow=20 --min-trades 0 --lookahead 0 -q"
SIZES = {  # name: further settings of a run
    "risk": "--stop 2% --take 3%",
    "share of equity": "--size 60% --stop 1% --trail 2% --slippage 5bp",
    "notional": "--sizing notional --size 4000 --take 1% --max-positions 1",
    "quantity, leverage": "--sizing quantity --size 40 --leverage 3 --stop 1% --take 1% --taker 0.1%",
}
TARGETS = """from bt import *
import polars as pl


class Held(BaseStrategy):
    def signals(self, market):
        return market.bars().with_columns(target=pl.lit(0.5))
"""
SHORTS = ("exit_long=~above,", "exit_long=~above,\n            enter_short=~above & previous(above),")


@pytest.fixture
def bt(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give what asks a workspace with a strategy of its own, long and short: a line to exit code, stdout and stderr."""
    text = (workspace / "strategies" / "example.py").read_text(encoding="utf-8")
    assert SHORTS[0] in text
    (workspace / "strategies" / "mine.py").write_text(text.replace(*SHORTS), encoding="utf-8")
    capsys.readouterr()

    def ask(line: str) -> tuple[int, str, str]:
        code = cli.run(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ask


def verifications() -> list[dict[str, Any]]:
    return Warehouse("warehouse/bt.duckdb").query("from verifications").to_dicts()


@pytest.mark.parametrize("name", SIZES)
def test_every_trade_matches(bt: Any, name: str) -> None:
    assert bt(f"{RUN} {SIZES[name]}")[0] == 0
    code, out, err = bt("verify")
    assert (code, "every entry and exit matches" in out) == (0, True), out + err
    [row] = verifications()
    assert row["trades"] > 10
    assert (row["engine"], row["differences"], row["unexplained"], row["matches"]) == ("backtrader", 0, 0, True)
    assert 0 <= row["equity_gap"] < row["tolerance"]


@pytest.mark.long
def test_the_opinion_is_stored_once_and_shown(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2% --take 3%")[0] == 0
    assert "backtrader" not in bt("show")[1]
    assert json.loads(bt("show --format json")[1])["verifications"] == []
    assert [bt("verify -q")[0] for _ in range(2)] == [0, 0]
    assert len(verifications()) == 1
    assert "every entry and exit matches" in bt("show")[1]
    shown = json.loads(bt("show --format json")[1])["verifications"][0]
    whole = json.loads(bt("verify --format json -q")[1])
    assert {**whole, "created_ts": ""} == {"run_id": whole["run_id"], **shown, "created_ts": ""}
    names = ["drill-down", "entry-bar stop", "target as market", "recorded gaps"]
    assert [rule["rule"] for rule in whole["rules"]] == names
    first = next(rule["first"] for rule in whole["rules"] if rule["rule"] == "target as market")
    assert first["with"]["exit_price"] < first["without"]["exit_price"] or first["with"]["side"] == "short"
    rows = list(csv.DictReader(io.StringIO(bt("verify --format csv -q")[1])))
    assert [row["rule"] for row in rows] == names
    assert bt("report -O told.html -q")[0] == 0
    page = Path("told.html").read_text(encoding="utf-8")
    assert "What another engine does not have" in page
    assert "match" in page


@pytest.mark.long
def test_the_table_of_rules_is_narrow_and_each_that_matters_has_an_example(bt: Any) -> None:
    assert bt(f"{RUN} --stop 1% --take 1%")[0] == 0
    lines = bt("verify -q")[1].splitlines()
    table = lines[next(place for place, line in enumerate(lines) if line.startswith("rule ")) :]
    table = table[: table.index("")]
    assert max(map(len, table)) <= 80
    assert sum(line.startswith("  first, ") for line in lines) == sum(
        json.loads(rule["changed"]) > 0 for rule in csv.DictReader(io.StringIO(bt("verify --format csv -q")[1]))
    )  # fmt: skip


@pytest.mark.long
def test_a_walk_is_verified_fold_by_fold(bt: Any) -> None:
    assert bt(f"walk mine {SPACE} --train 6d --test 3d --stop 2%")[0] == 0
    code, out, err = bt("verify")
    assert (code, "every entry and exit matches" in out) == (0, True), out + err
    assert verifications()[0]["bars"] > 200
    assert "every entry and exit matches" in bt("show")[1]


@pytest.mark.long
def test_progress_is_told_to_programs(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    events = [json.loads(line) for line in bt("verify --progress json")[2].splitlines()]
    assert [each["name"] for each in events if each["event"] == "stage"] == ["data", "signals", "rules", "backtrader"]
    bars = [(each["done"], each["total"]) for each in events if each["event"] == "progress"]
    assert bars[-1][0] == bars[-1][1] == verifications()[0]["bars"]
    assert events[-1]["event"] == "done"
    assert events[-1]["counts"]["differences"] == 0


@pytest.mark.long
def test_a_run_that_comes_out_otherwise_is_not_verified(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    with Warehouse("warehouse/bt.duckdb").write() as connection:
        connection.execute("update candles set high = high * 2 where ts::date = date '2024-01-06'")
        connection.execute("update candles set low = low / 2 where ts::date = date '2024-01-06'")
    code, _, err = bt("verify -q")
    assert code == 1
    assert "does not come out as it is stored" in err
    assert "bt replay" in err
    assert verifications() == []


@pytest.mark.long
def test_what_was_said_of_a_run_that_comes_out_otherwise_is_forgotten(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    assert bt("verify -q")[0] == 0
    with Warehouse("warehouse/bt.duckdb").write() as connection:
        connection.execute("update candles set high = high * 2 where ts::date = date '2024-01-06'")
        connection.execute("update candles set low = low / 2 where ts::date = date '2024-01-06'")
    assert bt("verify -q")[0] == 1
    assert verifications() == []


def test_the_help_names_the_extra(bt: Any) -> None:
    assert "bt-warehouse[verify]" in bt("verify --help")[1]


@pytest.mark.long
def test_numbers_that_are_none_are_stored_as_nothing(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    assert bt("verify -q")[0] == 0
    warehouse = Warehouse("warehouse/bt.duckdb")
    row = {name: value for name, value in verifications()[0].items() if name != "created_ts"}
    parsed = {name: json.loads(row[name] or "null") for name in ("profile", "complaints", "rules")}
    apart = {"columns": ["pnl"], "ours": {"pnl": float("nan")}, "theirs": {"pnl": 1.0}}
    verified.keep(warehouse, {**row, **parsed, "first_difference": apart})
    assert json.loads(verifications()[0]["first_difference"])["ours"] == {"pnl": None}


@pytest.mark.long
def test_another_source_is_not_executed_unasked(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    path = Path("strategies/mine.py")
    path.write_text(path.read_text(encoding="utf-8") + "\n# another\n", encoding="utf-8")
    code, _, err = bt("verify -q")
    assert (code, "--stored" in err) == (2, True)
    assert bt("verify --stored -q")[0] == 0
    assert bt("verify --current -q")[0] == 0


OPINIONS: dict[str, dict[str, Any]] = {  # name: columns of a stored verification that are made other ones
    "as it was": {},
    "nothing traded": {"trades": 0},
    "not explained": {"unexplained": 1},
    "trades differ": {"matches": False, "differences": 2},
    "equity alone differs": {"matches": False, "equity_gap": 0.25, "unexplained": 1_200},
}


@pytest.mark.long
def test_all_say_the_same_of_it(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2% --take 3%")[0] == 0
    assert bt("verify -q")[0] == 0
    [row] = verifications()
    changed = sum(rule["changed"] for rule in json.loads(row["rules"]))
    assert changed > 1
    for name, columns in OPINIONS.items():
        with Warehouse("warehouse/bt.duckdb").write() as connection:
            for column, value in columns.items():
                connection.execute(f"update verifications set {column} = $value", {"value": value})
        said = verified.sentence({**row, **columns, "rules": json.loads(row["rules"])})
        assert f"{changed} trades of the run changed by rules" in said
        assert ("not explained" in said) == ("unexplained" in columns), name
        assert said in told(bt)
        assert said == assumed(row["run_id"]), name
        with Warehouse("warehouse/bt.duckdb").write() as connection:
            for column in columns:
                connection.execute(f"update verifications set {column} = $value", {"value": row[column]})


def told(bt: Any) -> str:
    return " ".join(bt("show")[1].split())


def assumed(run_id: str) -> str:
    """Give what the report says of the second engine."""
    [section] = [each for each in sections(folders("standard", Path()), "run") if each.path.stem == "14_assumptions"]
    rows = Warehouse("warehouse/bt.duckdb").query(section.sql, {"run": run_id})
    return str(dict(rows.iter_rows())["Second engine"])


REFUSED = {  # name: what is run before, the line, what it says
    "a sweep": (f"sweep mine {SPACE} --stop 2%", "verify", "is a sweep of parameter sets"),
    "targets": ("run held -s ALPHAUSDT -t 4h --lookahead 0 -q", "verify", "holds targets"),
    "an unknown engine": (f"{RUN} --stop 2%", "verify --engine backtrade", "did you mean 'backtrader'?"),
    "no such run": (f"{RUN} --stop 2%", "verify nothing", "there is no run 'nothing'"),
    "both sources": (f"{RUN} --stop 2%", "verify --stored --current", "exclude each other"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_verified_is_refused(bt: Any, name: str) -> None:
    before, line, said = REFUSED[name]
    Path("strategies/held.py").write_text(TARGETS, encoding="utf-8")
    assert bt(before)[0] == 0
    code, _, err = bt(line)
    assert (code, said in err) == (2, True), err
    assert verifications() == []


def test_without_the_extra_it_says_how_to_install_it(bt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backtrader", None)
    code, _, err = bt("verify")
    assert code == 2
    assert "GPL" in err
    assert "pip install 'bt-warehouse[verify]'" in err
