"""`--progress json`: every line is one of the documented events, and the last one says how it ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from bt import cli, seeded
from bt.output import events
from bt.output.events import Done, Error, Log, Progress, Stage

ROOT = Path(__file__).parents[2]
SPACE = "-p fast=5,10 -p slow=20 --min-trades 1"
BOTH = "-s ALPHAUSDT,BETAUSDT -t 1h"
COMMANDS = {  # line: exit code, stages, what the last event tells
    f"run ema_cross {BOTH} -p fast=5 -p slow=20": (0, "data signals trades look-ahead storing", {"run_id": True}),
    f"sweep ema_cross {BOTH} {SPACE}": (0, "data trials look-ahead", {"run_id": True, "counts": {"sets": 2}}),
    f"sweep ema_cross {BOTH} -p fast=5,10 -p slow=20 --min-trades 900": (1, "data trials", {"run_id": True}),
    f"sweep ema_cross {BOTH} {SPACE} --dry-run": (0, "", {}),
    f"walk ema_cross {BOTH} {SPACE} --train 8d --test 4d": (
        0, "data trials stitching look-ahead", {"run_id": True, "counts": {"sets": 2}},
    ),
    "replay latest": (0, "data stitching", {"run_id": True}),
    "replay latest~3": (0, "data signals trades", {"run_id": True}),
    "report latest": (0, "asking writing", {"run_id": True, "files": True}),
    "export latest -O out.xlsx": (0, "writing", {"run_id": True, "files": ["out.xlsx"]}),
    "export -O candles/ --what candles -s ALPHAUSDT -t 1h": (0, "writing", {"files": True, "counts": {"rows": 480}}),
    "check ALPHAUSDT": (0, "checking", {"counts": {"errors": 0, "warnings": 0}}),
    "lookahead ema_cross -s ALPHAUSDT -t 1h --cuts 5": (0, "examining", {"counts": {"findings": 0, "cuts": 5}}),
    "import more.parquet -s GAMMAUSDT": (0, "importing", {"counts": {"rows": 2880, "stored": 2880, "refused": 0}}),
    "import more.parquet bad.csv -s GAMMAUSDT": (
        1, "importing importing", {"counts": {"unchanged": 2880, "refused": 1}},
    ),
    "compact": (0, "", {}),
    "data": (0, "", {}),
    "runs": (0, "", {}),
    "show": (0, "", {"run_id": True}),
    "trades latest --limit 1": (0, "", {}),
    "strategies": (0, "", {}),
    "config": (0, "", {}),
    "doctor": (0, "", {}),
    "leaderboard": (0, "", {}),
    "schema gaps": (0, "", {}),
    "sql from~runs": (0, "", {}),
    "new mine": (0, "", {}),
    "init elsewhere": (0, "", {}),
}  # fmt: skip
REFUSED = {
    "run nothing -s ALPHAUSDT": 2,
    "run ema_cross -s NOPE": 2,
    "run ema_cross -s ALPHAUSDT --cash ten": 2,
    "walk ema_cross -s ALPHAUSDT": 2,
    "no-such-command": 2,
    "import nothing.parquet -s X": 2,
    "data --db unknown.duckdb": 2,
    "sql drop~table~runs": 4,
    "report nothing": 2,
}


def told(capsys):
    """Give the events of what was run last; every line must be one, with the fields that it has."""
    lines = capsys.readouterr().err.splitlines()
    for line in lines:
        fields_of = json.loads(line)
        kind = fields_of.pop("event")
        assert kind in {"stage", "progress", "log", "done", "error"}
        found = events.read(line)
        assert events.written(found) == line
        assert list(fields_of) == [each.name for each in fields(found)]
    return [events.read(line) for line in lines]


@pytest.mark.long
def test_every_command_tells_its_end(workspace, capsys):
    seeded.candles("GAMMAUSDT", days=2).write_parquet("more.parquet")
    Path("bad.csv").write_text("nothing\n1\n")
    for line, (code, stages, last) in COMMANDS.items():
        words = [word.replace("~", " ") if word.startswith(("from", "drop")) else word for word in line.split()]
        assert cli.run([*words, "--progress", "json"]) == code, line
        found = told(capsys)
        assert isinstance(found[-1], Done), line
        assert found[-1].code == code, line
        assert not any(isinstance(each, Done | Error) for each in found[:-1]), line
        placed = [each for each in found if isinstance(each, Stage)]
        assert " ".join(each.name for each in placed) == stages, line
        assert all(each.index is None or 1 <= each.index <= each.of for each in placed), line
        for name, value in last.items():
            have = getattr(found[-1], name)
            assert (
                have if value is True else have == value if isinstance(value, list) else value.items() <= have.items()
            )


@pytest.mark.slow
@pytest.mark.parametrize("line", ["demo . --data", "demo played"])
def test_the_demo_tells_its_end(line, workspace, capsys):
    assert cli.run([*line.split(), "--progress", "json"]) == 0
    found = told(capsys)
    assert any(isinstance(each, Progress) for each in found)
    assert isinstance(found[-1], Done)
    assert found[-1].counts == ({"symbols": 3, "candles": 777_505} if "--data" in line else {})
    assert bool(found[-1].run_id) == bool(found[-1].files) == ("--data" not in line)


@pytest.mark.parametrize(("line", "code"), REFUSED.items())
def test_every_refusal_is_told(line, code, workspace, capsys, monkeypatch):
    words = [word.replace("~", " ") for word in line.split()]
    assert cli.run([*words, "--progress", "json"]) == code
    found = told(capsys)
    assert isinstance(found[-1], Error)
    assert found[-1].code == code
    assert found[-1].what
    assert not any(isinstance(each, Done | Error) for each in found[:-1])


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_told(number, code, workspace):
    line = "sweep ema_cross -s ALPHAUSDT -t 1h -p fast=5:60:1 -p slow=20:90:1 --min-trades 1 --progress json"
    running = subprocess.Popen(
        [sys.executable, "-m", "bt", *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    for said in running.stderr:
        if isinstance(events.read(said), Progress):
            break
    running.send_signal(number)
    _, rest = running.communicate(timeout=60)
    last = events.read(rest.splitlines()[-1])
    assert isinstance(last, Error)
    assert running.returncode == last.code == code
    assert last.what.startswith("stopped: ")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_starts_is_told(number, code, workspace):
    text = f"""
import os, signal, sys
from bt import cli
class Early:
    def find_spec(self, name, *_):
        if name == "bt.output":
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Early())
sys.argv = ["bt", "config", "--progress", "json"]
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert events.read(line).code == done.returncode == code
    assert isinstance(events.read(line), Error)


def test_a_reader_that_left_is_no_fault(workspace):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "bt", "config", "--progress", "json"], stdout=nobody, stderr=subprocess.PIPE,
            text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert isinstance(events.read(line), Done)


ODD = [
    "",
    "plain words",
    "[1]",
    "{}",
    '{"event": "new"}',
    '{"event": "done", "code"',
    '{"event": ["x"]}',
    '{"event": "log"}',
]


@pytest.mark.parametrize("line", ODD)
def test_what_is_no_event_is_something_said(line):
    assert events.read(line + "\n") == Log(text=line)


def test_more_fields_than_today_are_no_harm():
    assert events.read('{"event": "done", "code": 1, "tomorrow": 2}') == Done(code=1)


def test_the_readme_has_every_field():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- events -->")[2].partition("##")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", readme, re.MULTILINE))
    kinds = {kind.__name__.lower(): [f"`{each.name}`" for each in fields(kind)] for kind in get_args(events.Event)}
    assert {name: re.findall(r"`\w+`", told_) for name, told_ in rows.items()} == kinds
