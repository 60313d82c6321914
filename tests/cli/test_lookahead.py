"""`bt lookahead` as a user types it: rows, sentences, exit codes; and what `bt run` says by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bt import cli
from tests.strategy.test_load import GOOD, put

Captured = pytest.CaptureFixture[str]
ENTRY = 'pl.col("close") > 0'
AHEAD = (ENTRY, "pl.col('close').shift(-1) > pl.col('close')")
ASKED = "lookahead mine -s ALPHAUSDT -t 1h --cuts 4"


def test_a_leak_is_printed_with_its_line_and_exits_with_1(workspace: Path, capsys: Captured) -> None:
    put(workspace, GOOD.replace(*AHEAD))
    assert cli.run(ASKED.split()) == 1
    printed = capsys.readouterr()
    head, _, row = printed.out.splitlines()
    assert head.split() == ["finding", "column", "symbol", "first", "size", "cuts", "ahead"]
    assert row.split()[:3] == ["future", "enter_long", "ALPHAUSDT"]
    assert max(map(len, printed.out.splitlines())) <= 80
    assert "line 14: shift(-1)" in printed.err
    assert "made anew from candles at 4 cuts, signals alone at 20" in printed.err
    assert printed.err.splitlines()[-1] == "unsound: 1 error, 0 warnings"


@pytest.mark.parametrize("where", ["self.__dict__", "globals()"])
def test_what_a_strategy_keeps_from_its_first_call_is_no_way_round(
    workspace: Path, capsys: Captured, where: str
) -> None:
    kept = f"pl.col('close') > {where}.setdefault('top', market.bars().collect()['close'].mean())"
    put(workspace, GOOD.replace(ENTRY, kept))
    assert cli.run([*ASKED.split(), "--format", "json", "-q"]) == 1
    assert "enter_long" in {row["column"] for row in json.loads(capsys.readouterr().out)}


def test_rows_for_programs(workspace: Path, capsys: Captured) -> None:
    put(workspace, GOOD.replace(*AHEAD))
    assert cli.run([*ASKED.split(), "--format", "json", "-q"]) == 1
    captured = capsys.readouterr()
    [row] = json.loads(captured.out)
    assert captured.err == ""
    assert (row["finding"], row["column"], row["cut"]) == ("future", "enter_long", row["first"])
    assert {"with_future", "without", "size", "cuts", "ahead", "detail", "cure"} <= row.keys()


@pytest.mark.long
def test_a_sound_strategy_and_one_that_hangs_on_its_start(workspace: Path, capsys: Captured) -> None:
    put(workspace, GOOD.replace(ENTRY, "pl.col('close') > pl.col('open')"))
    assert cli.run([*ASKED.split(), "--strict"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[-2:] == [
        "warm-up was not looked at: the candles are too few for a start 500 bars earlier",
        "sound: 0 errors, 0 warnings",
    ]
    put(workspace, GOOD.replace(ENTRY, "pl.col('close').cum_max().over('symbol') == pl.col('close')"))
    assert cli.run([*ASKED.replace("1h", "15m").split(), "--strict"]) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == "unsound: 0 errors, 1 warning"
    assert "warning: enter_long: with 500 earlier bars it is" in printed.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lookahead mine", "no symbol to test"),
        ("lookahead nothing -s ALPHAUSDT", "no strategy"),
        ("lookahead mine -s NOPEUSDT", "bt ingest NOPEUSDT"),
        ("lookahead mine -s ALPHAUSDT --cuts 0", "--cuts"),
        ("lookahead mine -s ALPHAUSDT --cuts 1000000", "too many"),
        ("lookahead mine -s ALPHAUSDT -p m=1", "no parameter 'm'"),
        ("run mine -s ALPHAUSDT --lookahead -1", "--lookahead"),
    ],
)
def test_refusals(workspace: Path, capsys: Captured, line: str, message: str) -> None:
    put(workspace, GOOD)
    assert cli.run(line.split()) == 2
    assert message in capsys.readouterr().err


def test_a_run_warns_unless_told_not_to(workspace: Path, capsys: Captured) -> None:
    put(workspace, GOOD.replace(*AHEAD))
    assert cli.run("run mine -s ALPHAUSDT -t 1h".split()) == 0
    assert "! look-ahead in enter_long: ALPHAUSDT" in capsys.readouterr().out
    (workspace / "bt.toml").write_text("lookahead = 0\n")
    assert cli.run("run mine -s ALPHAUSDT -t 1h --again".split()) == 0
    said = capsys.readouterr().out
    assert "! not examined for look-ahead, as was asked" in said
    assert "look-ahead in" not in said
