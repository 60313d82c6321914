"""Runs set beside each other: leaderboard, compare, and what reads sweeps and walk-forwards that have no run yet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bt import cli
from bt.warehouse import Warehouse, registered
from tests.sql.given import START, Row, frames

Captured = pytest.CaptureFixture[str]
CONFIG = '{{"account": {{"cash": 1000.0}}, "costs": {{"taker": {taker}}}, "execution": {{"stop": null}}}}'

SOURCE = """
class EmaCross(BaseStrategy):
    fast: int = 5
    slow: int = 20
    stop: float = 2.0
    word: str = made_elsewhere
    search: ClassVar[Any] = {"fast": [9, 10]}
"""


def head(run_id: str, **more: Any) -> Row:
    given = {
        "strategy": "ema_cross",
        "symbols": "ALPHAUSDT",
        "params": '{"fast": 5, "slow": 20}',
        "config": CONFIG.format(taker=0.1),
    }
    return {"run_id": run_id, **given, **more}


def figures(run_id: str, sharpe: float | None, **more: Any) -> Row:
    given = {"total_return": 0.1, "max_drawdown": -0.2, "trades": 30, "fees": 9.0, "start_cash": 1000.0}
    return {"run_id": run_id, "sharpe": sharpe, **given, **more}


RUNS = [
    head("aaa.1", name="first"),
    head("bbb.1", name="n" * 400, params='{"fast": 9, "slow": 20}', config=CONFIG.format(taker=0.2)),
    head("ccc.1", strategy="donchian_breakout", symbols="ALPHAUSDT,BETAUSDT", params='{"length": 20}'),
    head("ddd.1", kind="walk", params="{}", settings="{}", sets=4),
    head("eee.1", kind="sweep", settings="{}", sets=4, params='{"fast": 9}', strategy_source=SOURCE),
    head("fff.1", kind="walk", status="interrupted", settings="{}", sets=2),
    head("ggg.1", kind="sweep", status="running", settings="{}", sets=0),
]
METRICS = [
    figures("aaa.1", 1.5, max_drawdown=-0.1, fees=5.0),
    figures("bbb.1", 2.0, max_drawdown=-0.3, trades=1234),
    figures("ccc.1", None, total_return=None),
    figures("ddd.1", -0.5),
]
TRIALS = [{"run_id": "eee.1", "chosen": True, **figures("eee.1", 3.0)}]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compared") / "bt.duckdb"
    tables = frames(runs=RUNS, run_metrics=METRICS, trials=TRIALS)
    with (
        Warehouse(path).write() as connection,
        registered(connection, **{f"new_{name}": rows for name, rows in tables.items()}),
    ):
        for name in tables:
            connection.execute(f"insert into {name} by name select * from new_{name}")
    return path


@pytest.fixture
def asked(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> Any:
    """Give what asks this warehouse: a command line to exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_DB", str(filled))

    def ask(line: str) -> tuple[int, str, str]:
        code = cli.run(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ask


RANKED = [  # options, runs in their order
    ("", "eee bbb aaa ddd ccc"),
    ("--sort sharpe --limit 2", "eee bbb"),
    ("--sort max_drawdown", "aaa ccc ddd eee bbb"),  # a fraction below 0: the highest is the best
    ("--sort fees", "aaa bbb ccc ddd eee"),  # lower is better
    ("--sort strategy", "ccc aaa bbb ddd eee"),
    ("--strategy donchian_breakout", "ccc"),
    ("--symbol betausdt", "ccc"),
    ("--symbol BETAUSDT,ALPHAUSDT --limit 9", "eee bbb aaa ddd ccc"),
    ("--strategy donchian_breakout --symbol GAMMAUSDT", ""),
]


@pytest.mark.parametrize(("options", "expected"), RANKED)
def test_the_best_come_first(asked: Any, options: str, expected: str) -> None:
    code, out, err = asked(f"leaderboard {options} --format json")
    rows = json.loads(out)
    assert code == 0
    assert [row["run_id"][:3] for row in rows] == expected.split()
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert ("in-sample" in err) == ("eee" in expected)
    assert ("no finished run" in err) == (not expected)


def test_a_leaderboard_fits_its_screen_and_says_what_it_ranks_by(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = asked("leaderboard --sort calmar")[1].splitlines()
    assert wide[0].split() == "rank run strategy calmar kind market return % dd % sharpe trades".split()
    assert wide[2].split()[1:3] == ["first", "ema_cross"]
    assert "2 symbols 1h" in "".join(wide)
    assert asked("leaderboard --sort calmar --strategy nothing")[1].splitlines()[0].split() == wide[0].split()
    from bt.output import tables

    monkeypatch.setattr(tables, "screen_width", lambda: 50)
    narrow = asked("leaderboard --sort calmar")[1].splitlines()
    assert max(map(len, narrow)) <= 50
    assert narrow[0].split()[:4] == ["rank", "run", "strategy", "calmar"]


@pytest.mark.parametrize("command", ["leaderboard", "runs"])
def test_a_long_name_is_not_listed(asked: Any, command: str) -> None:
    listed = asked(command)[1].split()
    assert {"first", "bbb.1", "ccc.1"} < set(listed)
    assert max(map(len, asked(command)[1].splitlines())) < 120


@pytest.mark.parametrize("command", ["leaderboard", "runs"])
def test_an_unknown_column_is_refused_with_a_hint(asked: Any, command: str) -> None:
    code, out, err = asked(f"{command} --sort max_drawdwn")
    assert (code, out) == (2, "")
    assert "did you mean 'max_drawdown'?" in err


def test_all_runs_are_listed_and_sorted_by_any_metric(asked: Any) -> None:
    rows = json.loads(asked("runs --sort fees --format json")[1])
    assert [row["run"][:3] for row in rows] == "aaa bbb ccc ddd eee fff ggg".split()
    assert [row["fees"] for row in rows] == [5.0, 9.0, 9.0, 9.0, 9.0, None, None]
    assert [(row["kind"], row["status"]) for row in rows][-2:] == [("walk", "interrupted"), ("sweep", "interrupted")]
    table = asked("runs --sort fees")[1]
    assert "walk, interrupted" in table
    assert max(map(len, table.splitlines())) <= 80
    assert [row["run"][:3] for row in json.loads(asked("runs --sort sharpe --limit 2 --format json")[1])] == [
        "eee",
        "bbb",
    ]


def test_two_runs_stand_beside_each_other_with_their_difference(asked: Any) -> None:
    code, out, err = asked("compare first bbb.1")
    rows = {line.split("  ")[0]: line.split()[1:] for line in out.splitlines()}
    assert (code, err) == (0, "")
    assert rows["run"] == ["first", "bbb.1", "difference"]
    assert (rows["fast"], rows["taker"]) == (["5", "9"], ["0.1", "0.2"])  # what differs in how they were made
    assert "slow" not in rows
    assert "stop" not in rows
    assert rows["sharpe"] == ["1.50", "2.00", "*", "+0.50"]
    assert rows["max_drawdown"] == ["-10.00", "%", "*", "-30.00", "%", "-20.00", "%"]
    assert rows["fees"] == ["5.00", "*", "9.00", "+4.00"]
    assert rows["trades"] == ["30", "1,234", "+1,204"]  # more are neither better nor worse
    assert rows["calmar"] == ["–", "–", "–"]
    assert rows["total_return"] == ["10.00", "%", "10.00", "%", "+0.00", "%"]  # equal: none is best
    assert out.endswith("* the best of its row\n")


def test_parameters_that_a_sweep_left_alone_are_as_its_strategy_says(asked: Any) -> None:
    rows = {line.split("  ")[0]: line.split()[1:] for line in asked("compare aaa eee")[1].splitlines()}
    assert rows["fast"] == ["5", "9"]
    assert "slow" not in rows  # 20 in both
    assert rows["stop="] == ["–", "2.0"]  # and not what Execution calls so
    assert "stop" not in rows
    assert "word" not in rows


def test_whatever_a_leaderboard_is_sorted_by_its_numbers_are_rounded(asked: Any) -> None:
    for sort in ("trades", "params", "sharpe"):
        rows = [line.split() for line in asked(f"leaderboard --sort {sort} --strategy ema_cross")[1].splitlines()]
        assert "10.00" in next(row for row in rows if "first" in row), sort


def test_many_runs_wrap_and_what_is_not_alike_is_said(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bt.output import tables

    monkeypatch.setattr(tables, "screen_width", lambda: 80)
    code, out, err = asked("compare aaa bbb ccc ddd eee")
    assert code == 0
    heads = [line.split()[1:] for line in out.splitlines() if line.startswith("run ")]
    assert len(heads) > 1
    assert [name for names in heads for name in names] == ["first", "bbb.1", "ccc.1", "ddd.1", "eee.1"]
    assert max(map(len, out.splitlines())) <= 80
    sharpes = " ".join(line for line in out.splitlines() if line.startswith("sharpe"))
    assert sharpes.split() == ["sharpe", "1.50", "2.00", "–", "sharpe", "-0.50", "3.00", "*"]
    assert "different symbols" in err
    assert "in-sample" in err


def test_spans_and_timeframes_that_differ_are_said(asked: Any, filled: Path) -> None:
    with Warehouse(filled).write() as connection:
        connection.execute(
            "update runs set first_ts = ?, timeframe = '4h' where run_id = 'ddd.1'", [START.replace(hour=6)]
        )
    err = asked("compare aaa ddd")[2]
    with Warehouse(filled).write() as connection:
        connection.execute("update runs set first_ts = ?, timeframe = '1h' where run_id = 'ddd.1'", [START])
    assert "different spans" in err
    assert "different timeframes" in err


def test_runs_are_compared_as_rows_too(asked: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(asked("compare bbb first --format csv")[1])))
    assert [(row["run_id"], row["sharpe"], row["params"]) for row in rows] == [
        ("bbb.1", "2.0", '{"fast": 9, "slow": 20}'),
        ("aaa.1", "1.5", '{"fast": 5, "slow": 20}'),
    ]


REFUSED = [
    ("compare aaa", "two or more runs"),
    ("compare aaa first", "two or more runs"),
    ("compare aaa nothing", "there is no run 'nothing'"),
    ("compare aaa ggg", "ggg.1 has no metrics"),
    ("show eee --by month", "eee.1 is a sweep of parameter sets, not one run: bt show prints its table"),
    ("trades ggg", "ggg.1 is a sweep"),
    ("show fff", "fff.1 is a walk-forward that is interrupted"),
    ("trades fff", "--resume"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_what_cannot_be_shown_is_refused(asked: Any, line: str, message: str) -> None:
    code, out, err = asked(line)
    assert (code, out) == (2, "")
    assert message in err


def test_a_finished_walk_is_shown_like_a_run(asked: Any) -> None:
    code, out, _ = asked("show ddd --by month --format json")
    assert (code, json.loads(out)) == (0, [])
    assert asked("trades ddd --format json")[:2] == (0, "[]\n")
