"""The window as somebody uses it: under Xvfb, with real events, on a real warehouse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bt import cli
from bt.gui.work import Question
from tests.gui.conftest import ROOT, closed, remembered
from tests.test_docs import blocks

pytestmark = pytest.mark.long

HOLD = """
import sys
from pathlib import Path
from bt.warehouse import lock
with lock.held(Path(sys.argv[1]), exclusive=True, wait=5):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def traded(made_market, tmp_path_factory) -> Path:
    """Give a workspace with candles of two symbols, and one run; each test has a copy."""
    folder = tmp_path_factory.mktemp("traded") / "workspace"
    shutil.copytree(made_market, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.run("run ema_cross -s ALPHAUSDT -t 1h -p fast=5 -p slow=20 --name first -q".split()) == 0
    return folder


@pytest.fixture
def place(traded, tmp_path) -> Path:
    folder = tmp_path / "workspace"
    shutil.copytree(traded, folder)
    return folder


def test_start_choose_run_and_look(opened, place, tmp_path, monkeypatch):
    page = tmp_path / "page.txt"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >"{page}"\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    at = opened(place, settled=False)
    assert at.root.winfo_viewable()  # at once; what it shows comes later
    at.settle()
    assert at.status == "2 symbols with candles"
    at.choose("strategy", "ema_cross")
    at.until(lambda: "run:fast" in at.view.form.rows.inputs, "parameters")
    at.settle()
    assert (at.text("run:fast"), at.text("walk:fast"), at.text("walk:slow")) == ("20", "10:50:10", "100,150,200")
    at.type("run:fast", "5")
    at.type("run:slow", "30")
    at.toggle("BETAUSDT")
    assert at.view.form.symbols.chosen() == ("ALPHAUSDT", "BETAUSDT")
    at.choose("timeframe", "15m")
    at.type("size", "2%")
    at.press("90d")  # clipped to the candles
    assert (at.text("first"), at.text("end")) == ("2024-01-01", "2024-01-21")
    at.press("Copy command")
    line = (
        "bt run ema_cross -s ALPHAUSDT,BETAUSDT -t 15m --from 2024-01-01 --to 2024-01-21 -p fast=5 -p slow=30 --risk 2%"
    )
    assert at.root.clipboard_get() == line
    seen = set()
    at.key("Return")
    assert at.status == "Running… starting"
    assert at.view.buttons["Run"].instate(["disabled"])
    at.until(lambda: seen.add(at.status) or not at.window.work.busy, "the end of the run")
    assert any("simulating (3/5)" in each for each in seen) or "simulating (3/5)" in at.log
    at.settle()
    results = at.view.results
    assert results.title_label.cget("text") == "ema_cross · 2 symbols · 15m · 2024-01-01 → 2024-01-21 · USDT"
    texts = [label.cget("text") for frame in results.figures.winfo_children() for label in frame.winfo_children()]
    assert [
        text for text in texts if text in {"Return", "Risk", "Trades", "Costs"}
    ] == "Return Risk Trades Costs".split()
    assert [row["symbol"] for row in results.symbols.rows] == ["ALPHAUSDT", "BETAUSDT"]
    assert results.curve.find_withtag("equity")
    assert results.curve.find_withtag("drawdown")
    assert len(results.trades.rows) > 20
    assert results.trades.note.cget("text") == f"{len(results.trades.rows)} trades"
    sort_by_head(at, results.trades, "entry_price")
    at.press("Open report")
    at.until(page.exists, "the browser")
    at.until(lambda: page.read_text().endswith(".html\n"), "the address")
    assert Path(page.read_text().strip().removeprefix("file://")).is_file()
    look_back(at)


def sort_by_head(at, table, name):
    """Click the head of a column once for the lowest first, and once more for the highest."""
    at.view.results.select(str(table))
    at.root.update()
    for down in (False, True):
        columns = list(table.tree.cget("columns"))
        left = sum(table.tree.column(each, "width") for each in columns[: columns.index(name)])
        table.tree.xview_moveto(0)
        at.root.update()
        at.click_at(table.tree, left + table.tree.column(name, "width") // 2, 12)
        values = [row[name] for row in table.rows]
        assert values == sorted(values, reverse=down)


def look_back(at):
    """Open the older run of the history by the keyboard."""
    results = at.view.results
    at.settle()
    results.select(str(results.history))
    at.until(lambda: len(results.history.rows) == 2, "the history")
    assert [row["name"] for row in results.history.rows] == [None, "first"]
    tree = results.history.tree
    tree.focus_force()
    tree.selection_set("1")
    tree.event_generate("<Key-Return>")
    at.until(lambda: "ALPHAUSDT · 1h" in results.title_label.cget("text"), "the first run")
    assert "first · fast=5 slow=20" in results.said.cget("text")


BAD = {  # field: what is typed, what is said beside it
    "cash": ("ten", "not an amount: 'ten': write a finite number above 0"),
    "size": ("1", "1 is not a fraction below 1: did you mean 1%?"),
    "first": ("2024-13-01", "not a date: '2024-13-01'"),
    "taker": ("5", "did you mean 5%?"),
    "run:stop": ("much", "parameter stop=much is not a number"),
}


def test_bad_input_is_said_beside_its_field_and_a_walk_forward_stops(opened, place, tmp_path):
    at = opened(place)
    at.choose("strategy", "ema_cross")
    at.until(lambda: "run:fast" in at.view.form.rows.inputs, "parameters")
    at.settle()
    refused(at)
    walked(at)
    at.window.close()
    assert closed(at)
    [form] = remembered(tmp_path)["forms"].values()
    assert form["tried"] == {"fast": "5,10", "slow": "20,30", "stop": ""}


def refused(at):
    """Fill in what is wrong, and mend it."""
    for name, (text, _) in BAD.items():
        at.type(name, text)
    at.press("Run")
    assert not at.window.work.busy
    for name, (_, said) in BAD.items():
        assert said in at.wrong(name), name
    assert at.status == "not started: see what is wrong in the form"
    assert at.root.focus_get() is at.view.form.rows.inputs["run:stop"] or at.wrong("run:stop")
    for name in BAD:
        at.type(name, "2.0" if name == "run:stop" else "")
        assert at.wrong(name) == ""
    at.toggle("ALPHAUSDT")  # none is chosen any more
    at.press("Walk-forward")
    assert "choose one or more" in at.wrong("symbols")
    assert "needs it: 180d" in at.wrong("train")
    at.toggle("ALPHAUSDT")
    at.type("train", "90d")
    at.type("test", "5d")
    at.press("Walk-forward")  # what only the command line finds
    at.until(lambda: not at.window.work.busy, "the refusal")
    assert "one fold needs 95d" in at.wrong("train")


def walked(at):
    """Walk forward through many sets, stop that, and through few."""
    for name, text in {
        "walk:fast": "5:60:1",
        "walk:slow": "20:100:1",
        "train": "8d",
        "test": "4d",
        "min_trades": "1",
    }.items():
        at.type(name, text)
    at.key("Alt-w")
    at.until(lambda: "trying parameter sets (2/4) · " in at.status, "progress")
    assert at.view.elapsed.cget("text")
    assert 25 < float(at.view.bar.cget("value")) <= 50
    at.key("Escape")
    at.until(lambda: not at.window.work.busy, "the stop")
    assert at.status.startswith("stopped: stopped: ")
    assert "sets are stored" in at.status
    at.settle()
    at.type("walk:fast", "5,10")
    at.type("walk:slow", "20,30")
    at.press("Walk-forward")
    at.until(lambda: not at.window.work.busy, "the walk-forward")
    at.settle()
    assert "Verdict: " in at.view.results.said.cget("text")
    assert [row["fold"] for row in at.view.results.folds.rows] == [1, 2, 3]
    assert at.view.results.tab(str(at.view.results.folds), "text") == "Folds"


def test_a_warehouse_in_use(opened, place):
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place / "warehouse" / "bt.duckdb")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert held.stdout.readline() == "held\n"
    at = opened(place, settled=False)
    at.until(lambda: at.notice, "the notice")
    assert f"is in use by process {held.pid}" in at.notice
    held.communicate("")
    at.settle()
    at.press("Try again")
    at.until(lambda: at.status == "2 symbols with candles", "the candles")
    assert at.notice == ""


def test_an_empty_warehouse_offers_data(opened, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    at = opened(empty)
    assert "There are no candles here yet" in at.notice
    at.press("Ingest…")
    asking = at.window.asking
    asking.rows.texts["since"].set("soon")
    at.click(asking.ingest)
    assert "not a date: 'soon'" in asking.rows.wrongs["since"].cget("text")
    at.click(asking.close)
    assert not asking.winfo_exists()
    at.press("Load demo data")
    assert at.status == "Running… starting"
    assert "$ bt demo . --data" in at.log
    at.window.close()
    assert "Something is under way" in at.notice
    at.press("Stop it and close")
    while not closed(at):
        at.root.update()


def test_it_is_remembered_and_dressed(opened, place, tmp_path):
    at = opened(place, settled=False)
    at.type("cash", "5000")
    at.key("F5")
    assert at.status == "reading the workspace …"
    at.press("Dark")
    assert at.view.buttons["Dark"].cget("text") == "Light"
    back = at.view.results.curve.cget("background")
    at.root.geometry("900x600")
    at.until(lambda: at.root.winfo_width() == 900, "the size")
    assert at.view.results.curve.winfo_width() < 900
    at.root.geometry("300x200")
    at.root.update()
    assert at.root.minsize() == (760, 480)
    at.root.geometry("900x600")
    at.until(lambda: at.root.winfo_width() == 900, "the size")
    at.window.close()
    assert closed(at)
    assert remembered(tmp_path)["dark"] is True
    again = opened(place, settled=False, scale=2.0)
    assert again.text("cash") == "5000"
    assert again.view.results.curve.cget("background") == back
    again.window.close()
    (tmp_path / "config" / "bt" / "window.json").write_text("{")
    third = opened(place, settled=False)
    assert "nothing is remembered of last time" in third.notice
    assert third.text("cash") == ""


def test_what_is_typed_stays(opened, place):
    (place / "bt.toml").write_text('from = "2024-01-10"\nsizing = "equity"\nsize = "50%"\n')
    at = opened(place)
    hints = at.view.form.rows.hints
    at.choose("strategy", "ema_cross")
    at.settle()
    assert (hints["first"].cget("text"), hints["size"].cget("text")) == ("default 2024-01-10", "default 50%")
    at.type("run:fast", "7")
    at.type("walk:slow", "")
    at.key("F5")
    assert at.text("run:fast") == "7"  # while it is read anew, too
    at.settle()
    assert at.view.form.form().params["fast"] == "7"
    at.choose("strategy", "donchian_breakout")
    at.settle()
    assert "run:fast" not in at.view.form.rows.inputs
    at.choose("strategy", "ema_cross")
    at.settle()
    assert (at.text("run:fast"), at.text("run:slow"), at.text("walk:slow")) == ("7", "100", "")
    at.press("all")
    assert at.text("first") == "2024-01-01"  # what is empty would be as bt.toml has it
    field = at.view.form.rows.inputs["first"]
    field.focus_force()
    at.root.update()
    for key in ("Control-a", "Key-1"):
        field.event_generate(f"<{key}>")
    at.root.update()
    assert at.text("first") == "1"
    for letter, dark in (("l", True), ("d", False)):
        at.key(f"Alt-{letter}")
        assert at.window.theme.dark is dark
    at.key("Alt-y")
    assert at.status.startswith("copied: bt run ema_cross")
    unexpected(at)


def unexpected(at):
    """What is wrong in the window itself is said, and the window lives on; a question is gone when it is settled."""
    at.window.work.ask(Question(words=["config"], then=lambda _text: {}["lost"], failed=print))
    at.until(lambda: at.notice, "the notice")
    assert "unexpected KeyError: 'lost'" in at.notice
    at.window._start(["config"], lambda _ended: None)
    at.window.close()
    assert "Something is under way" in at.notice
    at.until(lambda: not at.notice, "the end")
    assert at.status.startswith("done in")


def test_without_a_display_it_says_so(place):
    [(_, line)] = blocks("run", "window")
    environment = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    done = subprocess.run(
        [sys.executable, "-m", *line.split()], cwd=place, capture_output=True, text=True, check=False,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: no window can be opened: ")
    assert done.stderr.splitlines()[1].startswith("  try: start it on a desktop")
