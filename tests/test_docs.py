"""The README tells the truth: its files are the files, its commands run, its output is what is printed."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from bt import cli, seeded
from bt.exchange import Exchange, Options
from tests.ingest.serving import FREE, in_a_thread, listing, market

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (?P<mark>[\w-]+): (?P<what>[^>]+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
BLOCKS = [(match["mark"], match["what"], match["text"]) for match in BLOCK.finditer(README)]


def blocks(mark: str, what: str | None = None) -> list[tuple[str, str]]:
    return [(found, text) for kind, found, text in BLOCKS if kind == mark and what in {None, found}]


class Demo(NamedTuple):
    """Where the demo was played, what it printed and narrated."""

    folder: Path
    out: str
    err: str


def play(folder: Path, *flags: str) -> Demo:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        assert cli.run(["demo", *flags]) == 0
        out.flush()
        err.flush()
        return Demo(folder, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Play the demo once, as the README says; a copy of it beside stays as it was."""
    played = play(tmp_path_factory.mktemp("demo"))
    shutil.copytree(played.folder / "bt-demo", played.folder / "untouched" / "bt-demo")
    return played


def test_every_block_is_marked_and_so_checked() -> None:
    assert README.count("```") == 2 * len(BLOCKS) + 2  # the drawing of the folders is no command


@pytest.mark.parametrize(("path", "text"), blocks("file"))
def test_shown_files_are_the_files(path: str, text: str) -> None:
    assert text == (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.long
def test_the_demo_prints_what_is_shown(demo: Demo) -> None:
    run_id = re.compile(r"run \w{12}\.\d+")  # hangs on the last bits of every indicator, so on the processor
    for part in ("demo", "demo-walk"):
        [(_, shown)] = blocks("output", part)
        assert run_id.sub("run …", shown.strip()) in run_id.sub("run …", demo.out)


@pytest.mark.long
def test_the_demo_plays_twice(demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "untouched" / "bt-demo", tmp_path / "bt-demo")
    again = play(tmp_path)
    for played, came in ((demo, "777,505 candles and 1,620 settlements"), (again, "0 candles and 0 settlements")):
        assert played.out.count("╭") == 3
        assert played.out.count("\nVerdict: ") == 1
        assert ".1 · saved" in played.out
        [page] = (played.folder / "bt-demo" / "reports" / "out").glob("*.html")
        assert page.name in played.err
        assert "95 minutes without a candle" in played.err
        assert came in played.err
        assert "no funding rates" not in played.out


@pytest.mark.slow
def test_the_demo_is_quiet_when_told(tmp_path: Path) -> None:
    played = play(tmp_path, "-q")
    assert played.out.count("╭") == 3
    assert played.err == ""


@pytest.mark.long
@pytest.mark.parametrize("text", [text for _, text in blocks("run", "python")])
def test_python_examples_run(demo: Demo, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(demo.folder)
    exec(compile(text, "README.md", "exec"), {})


def test_the_notebook_example_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # no workspace, no warehouse
    [(_, text)], [(_, shown)] = blocks("run", "simulate"), blocks("output", "simulate")
    exec(compile(text, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown
    assert list(tmp_path.iterdir()) == []


def commands(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    assert all(line.startswith("bt ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.long
@pytest.mark.parametrize("line", [line for _, text in blocks("run", "bt-demo") for line in commands(text)])
def test_questions_to_the_demo_run(demo: Demo, monkeypatch: pytest.MonkeyPatch, line: list[str]) -> None:
    monkeypatch.chdir(demo.folder / "bt-demo")
    assert cli.run(line) == 0


@pytest.mark.long
def test_the_first_session_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(seeded.SYMBOLS, "BTCUSDT", (60_000.0, 0.1))
    seeded.candles("BTCUSDT", days=30).write_parquet("BTCUSDT_1m.parquet")
    seeded.funding("BTCUSDT", days=30).write_parquet("BTCUSDT_funding.parquet")
    [(_, text)] = blocks("run", "workspace")
    for line in commands(text):
        assert cli.run(line) == 0


def test_the_exchange_is_asked_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"BTCUSDT": (60_000.0, 0.1), "ETHUSDT": (3_000.0, 0.01)}
    monkeypatch.setattr(seeded, "SYMBOLS", seeded.SYMBOLS | names)
    listed = market(*(listing(name, seeded.candles(name, days=3)) for name in names))
    exchange = Exchange(listed, Options(limits=FREE), now=lambda: listed.end, tick=time.monotonic)
    [(_, text)] = blocks("run", "exchange")
    with in_a_thread(exchange) as address:
        monkeypatch.setenv("BT_BYBIT_URL", address)
        for line in commands(text):
            assert cli.run(line) == 0


def test_every_command_is_in_the_readme() -> None:
    from bt.cli.app import app

    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert f"bt {name}" in README, name


def test_public_names_are_complete() -> None:
    import bt

    assert sorted(bt.__all__) == bt.__all__
    for name in bt.__all__:
        assert getattr(bt, name).__doc__, name
    with pytest.raises(AttributeError):
        _ = bt.nothing
