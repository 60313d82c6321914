"""Where a report is written, whose files it may replace, and the line that makes its run again."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from bt.cli import run as bt_command
from bt.report import command, file_name
from bt.report.place import plotly
from bt.results import find
from bt.warehouse import Warehouse


def reported(*arguments: str) -> int:
    """Write a report with one section: it is the files that matter here."""
    return bt_command(["report", *arguments, "-q", *([] if "--report" in arguments else ["--report", "short"])])


@pytest.fixture(autouse=True)
def short(own: Path) -> None:
    (own / "reports" / "short").mkdir(parents=True)
    (own / "reports" / "short" / "1.sql").write_text("-- title: One\nselect 1 as a")


def test_without_a_name_it_lies_in_the_workspace_and_its_path_is_printed(
    own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert reported("run") == 0
    [report, script] = sorted((own / "reports" / "out").iterdir())
    assert capfd.readouterr().out.strip() == str(report)
    assert (script.name, script.read_bytes()) == plotly()
    before = script.stat().st_mtime_ns
    assert reported("walk") == reported("run") == 0
    assert script.stat().st_mtime_ns == before


def test_only_an_older_report_of_the_same_run_is_replaced(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (own / "x.html").write_text("mine")
    assert reported("run", "-O", "x.html") == 2
    assert "x.html exists already" in capfd.readouterr().err
    assert (own / "x.html").read_text() == "mine"
    assert reported("run", "-O", "x.html", "--force") == 0
    assert reported("run", "-O", "x.html") == 0
    before = (own / "x.html").read_bytes()
    assert reported("sweep", "-O", "x.html") == 2
    assert (own / "x.html").read_bytes() == before


def test_the_same_run_gives_the_same_bytes(own: Path) -> None:
    assert reported("walk", "-O", "again.html", "--report", "standard") == 0
    assert (own / "again.html").read_bytes() == (own / "walk.html").read_bytes()


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("no/such/x.html", "there is no folder no/such"),
        ("x.pdf", "a report is an HTML file, not 'x.pdf'"),
        ("warehouse/bt.duckdb", "a report is an HTML file"),
        ("link.html", "no plain file"),
        ("/dev/null", "a report is an HTML file"),
        ("a" * 300 + ".html", "File name too long"),
    ],
)
def test_places_that_are_refused(own: Path, capfd: pytest.CaptureFixture[str], out: str, told: str) -> None:
    (own / "link.html").symlink_to(own / "bt.toml")
    before = sorted(own.glob("*"))
    assert reported("run", "-O", out, "--force") == 2
    assert told in capfd.readouterr().err
    assert sorted(own.glob("*")) == before


def test_a_folder_is_filled(own: Path) -> None:
    (own / "here").mkdir()
    assert reported("run", "-O", "here") == 0
    assert len(list((own / "here").glob("*.1.html"))) == 1


def test_a_file_that_calls_itself_plotlys_script_is_not_replaced(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name, _ = plotly()
    (own / name).write_text("mine")
    assert reported("run", "-O", "x.html") == 2
    assert f"{name} exists already" in capfd.readouterr().err
    assert reported("run", "-O", "x.html", "--standalone") == 0
    assert (own / "x.html").stat().st_size > 4_000_000
    assert (own / name).read_text() == "mine"


def test_what_is_not_there(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert reported("nobody") == 2
    assert reported("run", "--report", "nothing") == 2
    assert "known: short, standard" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        ("426fba59efad.1", "426fba59efad.1.html"), ("../../etc/passwd", "etc-passwd.html"), (".hidden", "hidden.html"),
        ("CON", "run-CON.html"), ("com1.x", "run-com1.x.html"), ("a/b\\c", "a-b-c.html"), ("-rf", "rf.html"),
        ("x" * 300, "x" * 80 + ".html"), ("", "report.html"), ("\u202e\x00", "report.html"),
    ],
)  # fmt: skip
def test_names_that_no_system_trips_over(run_id: str, expected: str) -> None:
    assert file_name(run_id) == expected


@pytest.mark.parametrize("kind", ["run", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("sweep", "walk"))])
def test_the_line_that_is_shown_makes_the_same_again(
    tested: Path, made_market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """In a workspace that has the same candles, and no runs."""
    first = find(Warehouse(tested / "warehouse" / "bt.duckdb"), kind).get_results()
    line = command(first.run)
    assert line is not None
    shown = re.search(r"<code>(bt .*?)</code>", (tested / f"{kind}.html").read_text(encoding="utf-8"))
    assert shown is not None
    assert shown[1] == line.replace("'", "&#x27;")
    shutil.copytree(made_market, tmp_path / "again")
    monkeypatch.chdir(tmp_path / "again")
    assert bt_command([*shlex.split(line)[1:], "-q", "-O", "said.txt"]) == 0
    second = find(Warehouse(tmp_path / "again" / "warehouse" / "bt.duckdb"), "latest").get_results()
    assert second.run["content_hash"] == first.run["content_hash"]


ACCOUNT = {
    "cash": 5e3,
    "leverage": 2.0,
    "margin": "isolated",
    "max_positions": None,
    "mmr": 0.005,
    "size": 0.2,
    "sizing": "equity",
}
TERMS = {
    "account": ACCOUNT,
    "costs": {"funding": False, "maker": 0.0, "rates": {}, "slippage": 0.0002, "slippage_ticks": 0.0, "taker": 0.001},
    "execution": {"close_at_end": True, "intrabar": "adverse", "level_delay": 0, "stop": 0.02, "pyramiding": 1},
    "span": {"first": "2024-01-01T00:00:00", "end": "2024-02-01T12:30:00"},
}


def test_a_line_with_everything() -> None:
    row: dict[str, Any] = {
        "kind": "run", "strategy": "my strategy", "symbols": "A,B", "timeframe": "1h", "params": '{"x": "a b", "n": 3}',
        "settings": None, "config": json.dumps(TERMS),
    }  # fmt: skip
    assert command(row) == (
        "bt run 'my strategy' -s A,B -t 1h --from 2024-01-01 --to 2024-02-01T12:30:00 -p 'x=a b' -p n=3 --sizing "
        "equity --size 0.2 --cash 5000.0 --leverage 2.0 --no-funding --maker 0.0 --slippage 0.0002 --taker 0.001 "
        "--intrabar adverse --stop 0.02 --pyramiding 1"
    )
    odd = TERMS | {"execution": {"close_at_end": False}}
    assert command(row | {"config": json.dumps(odd)}) is None
