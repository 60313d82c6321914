"""`bt walk` as a user types it: folds, choices, the stitched run and what it is worth; at 80 columns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bt import cli
from bt.warehouse import Warehouse

Captured = pytest.CaptureFixture[str]

LINE = "walk ema_cross -s ALPHAUSDT,BETAUSDT -t 15m -p fast=5:15:5 -p slow=20,40 --train 8d --test 4d --min-trades 5"
FOLDS = """\
fold  test from   fast  slow  in sharpe  sharpe   in %  return %   dd %  trades
───────────────────────────────────────────────────────────────────────────────
1     2024-01-09    15    20       0.73  -14.81   0.64     -5.48  -6.59      11
2     2024-01-13    15    40     -11.40    5.39  -9.76      3.24  -2.44       4
3     2024-01-17     5    20       0.93   -4.76   0.82     -2.45  -6.58      16
all   2024-01-09     –     –          –   -3.07      –     -4.82  -7.71      31
"""

# options, what stderr must hold; all of it is refused with exit code 2 before a set is tried
REFUSED = [
    ("--test 4d", "Missing option '--train'"),
    ("--train 0d --test 4d", "train"),
    ("--train 8d --test 4", "test"),
    ("--train 8d --test 4d --step -1d", "step"),
    ("--train 8d --test 4d --mode sliding", "mode cannot be 'sliding'"),
    ("--train 8d --test 4d --purge 9d", "purge"),
    ("--train 20d --test 4d", "one fold needs 24d: train 20d + test 4d"),
    ("--train 8d --test 10m", "not a whole number of bars"),
    ("--train 8d --test 4d --objective sharp", "did you mean 'sharpe'?"),
    ("--train 8d --test 4d -p fats=3", "did you mean 'fast'?"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refusals_leave_nothing_behind(workspace: Path, capsys: Captured, options: str, message: str) -> None:
    assert cli.run(["walk", "ema_cross", "-s", "ALPHAUSDT", *options.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert Warehouse(workspace / "warehouse" / "bt.duckdb").query("select count(*) from runs").item() == 0


DRY = [  # options, (days, bars) of each fold
    ("--train 8d --test 4d", [(12.0, 576)] * 3),
    ("--train 8d --test 4d --mode anchored", [(12.0, 576), (16.0, 768), (20.0, 960)]),
    ("--train 8d --test 4d --purge 1d", [(13.0, 624)] * 2),
    ("--train 8d --test 5d --step 5d", [(13.0, 624)] * 2),
    ("--train 8d --test 5d --partial", [(13.0, 624), (13.0, 624), (10.0, 480)]),
    ("--train 15d --test 12h --step 3d", [(15.5, 744)] * 2),
]


@pytest.mark.parametrize(("options", "folds"), DRY)
def test_a_dry_run_lays_the_folds_out(
    workspace: Path, capsys: Captured, options: str, folds: list[tuple[float, int]]
) -> None:
    line = f"walk ema_cross -s ALPHAUSDT,BETAUSDT -t 1h --dry-run {options}"
    assert cli.run([*line.split(), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    bars = [(row["days"], row["bars"]) for row in rows]
    assert [days for days, _ in bars] == [days for days, _ in folds]
    assert [count for _, count in bars] == pytest.approx([count for _, count in folds], abs=2)  # a gap in one symbol
    assert cli.run(line.split()) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("fold  train from  ")
    assert Warehouse(workspace / "warehouse" / "bt.duckdb").query("select count(*) from runs").item() == 0


def on_a_terminal(workspace: Path, *arguments: str) -> tuple[int, str]:
    """Run bt on a terminal of 80 columns; give its exit code and everything that appeared."""
    pty = pytest.importorskip("pty", reason="no terminals on this system")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    hidden = {"COLUMNS", "LINES", "NO_COLOR"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    running = subprocess.Popen(
        [sys.executable, "-m", "bt", *arguments], cwd=workspace, stdout=theirs, stderr=theirs, stdin=theirs,
        env=environment,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65_536):
            seen += part
    except OSError:  # how a terminal ends on Linux
        pass
    os.close(ours)
    return running.wait(timeout=60), seen.decode()


@pytest.mark.long
def test_a_terminal_shows_one_live_line_and_keeps_nothing_of_it(workspace: Path, capsys: Captured) -> None:
    code, seen = on_a_terminal(workspace, *LINE.split(), "--name", "mine")
    assert code == 0
    assert "6 of 6 sets" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")  # the cursor is back
    kept = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).replace("\r\n", "\n").rpartition("\r")[2]
    assert "6 of 6 sets" not in kept
    assert FOLDS in kept
    narrated = kept.index("\ntook data")
    assert max(map(len, kept[:narrated].splitlines())) == 80
    assert cli.run("show mine".split()) == 0
    assert kept[kept.index("╭") : kept.index("\n! ")] in capsys.readouterr().out
    assert cli.run("show mine --by fold".split()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert cli.run("show mine --by fold --format csv".split()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert cli.run("show mine --by mouth".split()) == 2
    assert "did you mean 'month'?" in capsys.readouterr().err
    for group in ("symbol", "month", "exit"):
        assert cli.run(["show", "mine", "--by", group]) == 0


def test_a_walk_is_judged_and_its_stitched_run_is_shown(workspace: Path, capsys: Captured) -> None:
    assert cli.run([*LINE.split(), "--top", "2", "--step", "4d", "--purge", "12h"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "ema_cross · 2 symbols · 15m · 2024-01-09 12:00 → 2024-01-17 12:00 · USDT"
    assert "2 folds · train 8d, test 4d, step 4d, purge 12h, rolling" in lines[1]
    marks = {line[2:24].strip(): line[0] for line in lines if line[:1] in {"✓", "✗"}}
    assert set(marks) >= {"Out-of-sample profit", "Profitable folds", "Max drawdown"}
    assert any(line.startswith("Verdict: no evidence") for line in lines)
    assert sum(line.startswith("╭") for line in lines) == 1
    assert [line[3] for line in lines if re.match(r"   \d ", line)] == ["1", "2"]
    assert "no funding rates" in captured.out
    assert cli.run(["trades", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_json_holds_the_stitched_run_and_what_it_was_made_of(workspace: Path, capsys: Captured) -> None:
    assert cli.run([*LINE.split(), "--format", "json", "-q"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    whole = json.loads(captured.out, parse_constant=lambda name: pytest.fail(name))
    assert list(whole) == [
        "run", "metrics", "by_symbol", "verifications", "folds", "sets", "top", "overfitting", "verdict",
    ]  # fmt: skip
    assert [fold["params"]["fast"] for fold in whole["folds"]] == [15, 15, 5]
    assert whole["folds"][0]["end_equity"] == whole["folds"][1]["start_equity"]
    assert whole["folds"][-1]["end_equity"] == pytest.approx(whole["metrics"]["end_equity"])
    assert whole["sets"]["tried"] == 18
    assert whole["run"]["settings"]["folds"]["train"] == "8d"
    assert "3 of 3 folds choose fast at the edge of what is searched" in whole["run"]["warnings"]


def test_folds_in_which_no_set_qualifies_stay_flat(workspace: Path, capsys: Captured) -> None:
    assert cli.run([*LINE.split(), "--min-trades", "900"]) == 1
    captured = capsys.readouterr()
    assert "none of 6 sets qualifies in any fold: 18 with fewer than 900 trades" in captured.err
    assert re.search(r"^2 +2024-01-13 +4 +– +–", captured.out, re.MULTILINE)
