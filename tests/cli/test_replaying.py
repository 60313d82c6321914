"""bt replay and bt diff: the same comes out, or it is said where two results part and why."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bt import cli
from bt.warehouse import Warehouse

RUN = "run mine -s ALPHAUSDT,BETAUSDT -t 4h -p fast=3 -p slow=8 --lookahead 0"
SPACE = "-s ALPHAUSDT -t 4h -p fast=3,5 -p slow=8 --min-trades 0 --lookahead 0"
CANDLE = "update candles set high = high * 2, low = low / 2 where symbol = 'BETAUSDT' and ts::date = date '2024-01-06'"
TRADED = "update fills set price = price + 0.5 where n = 3"
SOLD = ("exit_long=~above", "exit_long=~above | (pl.col('close') > 0)")
TABS = "ESC \x1b[31m and\ttab"


@pytest.fixture
def bt(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give what asks a workspace with a strategy of its own: a command line to exit code, stdout and stderr."""
    text = (workspace / "strategies" / "example.py").read_text(encoding="utf-8")
    (workspace / "strategies" / "mine.py").write_text(text + f"# {TABS}\n", encoding="utf-8")
    capsys.readouterr()

    def ask(line: str) -> tuple[int, str, str]:
        code = cli.run(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ask


def change(statement: str) -> None:
    with Warehouse("warehouse/bt.duckdb").write() as connection:
        connection.execute(statement)


def edit(*replaced: str) -> None:
    path = Path("strategies/mine.py")
    text = path.read_text(encoding="utf-8")
    assert replaced[0] in text
    path.write_text(text.replace(*replaced), encoding="utf-8")


def count(table: str) -> int:
    return int(Warehouse("warehouse/bt.duckdb").query(f"select count(*) from {table}").item())


def test_a_run_comes_out_the_same_and_nothing_is_stored(bt: Any) -> None:
    assert bt(f"{RUN} --from 2024-01-02T03:30 --to 2024-01-15T02:00 --stop 2% --take 3%")[0] == 0
    code, out, err = bt("replay")
    assert code == 0
    assert "again: the same, to the last bit: " in out
    assert "fills" in out
    assert "took data" in err
    assert count("runs") == 1
    whole = json.loads(bt("replay --format json -q")[1])
    assert (whole["same"], whole["difference"], whole["data"], whole["code"], whole["saved"]) == (
        True, None, [], [], None,
    )  # fmt: skip
    assert whole["compared"]["fills"] == count("fills")
    code, _, err = bt("replay --save")
    assert (code, count("runs")) == (0, 2)
    assert "stored as run " in err
    same = bt("diff latest~1 latest")
    assert same[0] == 0
    assert "the same, to the last bit" in same[1]


def test_a_replay_says_what_has_changed_since(bt: Any) -> None:
    assert bt(f"{RUN} --stop 2%")[0] == 0
    change(CANDLE)
    code, out, _ = bt("replay")
    assert code == 1
    assert "not the same" in out
    assert "The first difference: " in out
    assert "bars BETAUSDT" in out
    assert "bars ALPHAUSDT" not in out
    whole = json.loads(bt("replay --format json")[1])
    assert {row["key"].rpartition(" ")[2] for row in whole["data"]} == {"BETAUSDT"}
    assert whole["configuration"] == whole["code"] == whole["versions"] == []
    rows = list(csv.DictReader(io.StringIO(bt("replay --format csv")[1])))
    assert {row["what"] for row in rows} == {"data"}


def test_a_stored_result_that_was_tampered_with_is_found(bt: Any) -> None:
    bt(RUN)
    change(TRADED)
    code, out, _ = bt("replay")
    assert code == 1
    assert "fill 3" in out
    assert "nothing of data, strategy, settings or versions has changed" in out
    whole = json.loads(bt("replay --format json")[1])
    assert (whole["difference"]["table"], whole["difference"]["place"]) == ("fills", 3)
    values = whole["difference"]["columns"]["price"]
    assert values["a"] - values["b"] == pytest.approx(0.5)


def test_stored_source_is_executed_only_if_it_is_the_file_or_asked_for(bt: Any) -> None:
    bt(RUN)
    touching = "__import__(''pathlib'').Path(''executed'').touch()"
    change(f"update runs set strategy_source = strategy_source || chr(10) || '{touching}'")
    code, out, err = bt("replay")
    assert (code, out, Path("executed").exists()) == (2, "", False)
    assert "is not executed unasked" in err
    assert "--source" in err
    shown = bt("show latest --source")[1]
    assert "Path('executed').touch()" in shown
    assert "\x1b" not in shown
    assert not Path("executed").exists()
    code, out, err = bt("replay --stored")
    assert (code, Path("executed").exists()) == (0, True)
    assert "executing the stored source of mine, SHA-256 " in err
    assert bt("replay --stored --current")[0] == 2
    assert bt("replay --all")[0] == 2


@pytest.mark.long
def test_the_file_of_today_can_be_held_against_the_stored_run(bt: Any) -> None:
    bt(RUN)
    edit(*SOLD)
    assert bt("replay")[0] == 2
    assert bt("replay --stored")[0] == 0
    code, out, _ = bt("replay --current")
    assert code == 1
    assert "+            exit_long=~above | (pl.col('close') > 0)," in out
    assert "code: - stored, + now" in out
    Path("strategies/mine.py").unlink()
    assert "no strategy mine is here" in bt("replay")[2]
    assert bt("replay --stored")[0] == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [pytest.param(f"sweep mine {SPACE}", marks=pytest.mark.slow), f"walk mine {SPACE} --train 8d --test 4d"],
)
def test_sweeps_and_walk_forwards_are_replayed_too(bt: Any, command: str) -> None:
    assert bt(command)[0] == 0
    for option, trials in (("", 1), ("--all", 2)):
        code, out, _ = bt(f"replay {option} --format json")
        whole = json.loads(out)
        assert (code, whole["same"], whole["data"], whole["configuration"]) == (0, True, [], [])
        assert whole["compared"].get("trials", 1) == trials
    assert bt("replay --save")[0] == 2
    change("update days set equity = equity + 0.01 where part <> 'run' and trial = 1 and day = date '2024-01-14'")
    code, out, _ = bt("replay --all --format json")
    whole = json.loads(out)
    assert (code, whole["difference"]["table"], whole["trial"]["trial"]) == (1, "days", 1)
    assert whole["difference"]["columns"].keys() == {"equity"}
    assert count("runs") == 1


DIFFERENT = [  # options of the second run, what is named, in JSON
    ("-p fast=4", "params.fast"),
    ("--taker 0.2%", "costs.rates.linear.taker"),
    ("--from 2024-01-03", "first"),
]


def test_two_runs_are_told_apart(bt: Any) -> None:
    bt(f"{RUN} --name base")
    for options, key in DIFFERENT:
        run = RUN.replace(" -p fast=3", "") if "fast" in options else RUN
        assert bt(f"{run} {options}")[0] == 0
        code, out, _ = bt("diff base latest --format json")
        whole = json.loads(out)
        assert (code, whole["same"]) == (1, False)
        assert [row["key"] for row in whole["configuration"]] == [key], options
        assert (whole["data"], whole["code"]) == ([], []), options
        assert whole["difference"]["table"] == "fills", options
        assert len(whole["metrics"]) > 5, options
    edit(*SOLD)
    bt(f"{RUN} --name edited")
    whole = json.loads(bt("diff base edited --format json")[1])
    assert (whole["configuration"], whole["data"]) == ([], [])
    assert [line for line in whole["code"] if line[0] in "+-"] == [
        f"-            {SOLD[0]},",
        f"+            {SOLD[1]},",
    ]
    change(CANDLE)
    bt(f"{RUN} --name later")
    whole = json.loads(bt("diff edited later --format json")[1])
    assert {row["key"] for row in whole["data"]} >= {"bars BETAUSDT"}
    assert all(row["key"].endswith("BETAUSDT") for row in whole["data"])


@pytest.mark.long
@pytest.mark.slow
def test_a_module_beside_the_strategy_is_part_of_it(bt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    edit("import polars as pl\n", "import polars as pl\nfrom mine_of_mine.parts import K\n")
    edit("self.stop * ", "K * ")
    Path("mine_of_mine").mkdir()
    Path("mine_of_mine/parts.py").write_text("from .deep import K\n")
    sweep = f"sweep mine {SPACE} --name swept"

    def write(value: str) -> None:
        Path("mine_of_mine/deep.py").write_text(f"K = {value}  # {'.' * len(value)}\n")
        for name in [name for name in sys.modules if name.startswith("mine_of_mine")]:
            monkeypatch.delitem(sys.modules, name)
        importlib.invalidate_caches()

    write("2.0")
    assert "finished already" not in bt(RUN)[2] + bt(sweep)[2]
    assert "finished already" in bt(RUN)[2]
    assert "finished already" in bt(sweep)[2]
    write("5.00")
    assert "Since then changed" in bt("replay swept")[1]
    assert "finished already" not in bt(sweep)[2]
    assert "finished already" not in bt(RUN)[2]
    assert "imports.mine_of_mine.deep" in bt("diff latest latest~3")[1]


@pytest.mark.long
def test_what_a_strategy_reads_of_its_own_makes_another_run(bt: Any) -> None:
    Path("level.txt").write_text("1.0")
    edit("self.stop * ", "float(__import__('pathlib').Path('level.txt').read_text()) * ")
    bt(RUN)
    assert "finished already" in bt(RUN)[2]
    Path("level.txt").write_text("3.0")
    code, out, _ = bt("replay latest")
    assert code == 1
    assert "read something of its own?" in " ".join(out.split())
    assert "finished already" not in bt(RUN)[2]


@pytest.mark.long
def test_sweeps_and_walk_forwards_are_told_apart(bt: Any) -> None:
    bt(f"sweep mine {SPACE} --name one")
    bt(f"sweep mine {SPACE.replace('3,5', '3,6')} --name two")
    whole = json.loads(bt("diff one two --format json")[1])
    assert (whole["difference"]["table"], whole["difference"]["trial"]) == ("trials", 2)
    assert [row["key"] for row in whole["configuration"]] == ["settings.search.fast"]
    for name, objective in (("low", "-sharpe"), ("high", "sharpe")):
        bt(f"walk mine {SPACE} --train 8d --test 4d --objective={objective} --name {name}")
    code, out, _ = bt("diff low high --format json")
    whole = json.loads(out)
    assert code == 1
    assert [row["key"] for row in whole["configuration"]] == ["settings.objective"]
    assert whole["folds"][0]["a"]["params"] != whole["folds"][0]["b"]["params"]
    assert "A chose" in bt("diff low high")[1]
    code, out, err = bt("diff one low")
    assert (code, out) == (2, "")
    assert "is a sweep and" in err


def test_trades_are_ranked_and_chosen(bt: Any) -> None:
    bt(RUN)
    every = json.loads(bt("trades --format json")[1])
    ranked = sorted(every, key=lambda row: row["pnl"])
    assert json.loads(bt("trades --worst 3 --format json")[1]) == ranked[:3]
    assert json.loads(bt("trades --best 2 --format json")[1]) == ranked[::-1][:2]
    beta = json.loads(bt("trades -s betausdt --from 2024-01-05 --to 2024-01-12 --format json")[1])
    assert beta == [
        row for row in every if row["symbol"] == "BETAUSDT" and "2024-01-05" <= row["entry_ts"] < "2024-01-12"
    ]
    assert 0 < len(beta) < len(every)
    assert "exclude each other" in bt("trades --best 2 --worst 2")[2]
    code, out, err = bt("trades -s GAMMAUSDT")
    assert (code, out) == (2, "")
    assert "has no GAMMAUSDT" in err


def test_groups_have_a_total(bt: Any) -> None:
    assert bt(f"{RUN} --format csv")[0] == 0
    trades = json.loads(bt("show --format json")[1])["metrics"]["trades"]
    for group in ("symbol", "month", "exit", "side", "hour", "weekday"):
        *rows, total = bt(f"show --by {group}")[1].splitlines()[2:]
        place = 4 if group == "month" else 1
        assert total.split()[0] == "total"
        assert int(total.split()[place]) == trades == sum(int(row.split()[place]) for row in rows), group
