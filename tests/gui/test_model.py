"""What the form means and refuses, without a window: tables of what is filled in and what comes of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bt import cli
from bt.gui import answers, ingesting, settings
from bt.gui.answers import Coverage, Known, Parameter
from bt.gui.curve import points, ticks
from bt.gui.fields import FIELDS
from bt.gui.model import Form, field_of, preset, problems, shell, sizing_of, usual_size, words

FIRST, END = datetime(2024, 1, 1), datetime(2024, 1, 21)
KNOWN = Known(
    strategies={"ema_cross": "EMA crossover", "donchian_breakout": "Donchian"},
    parameters={
        "ema_cross": (
            Parameter(name="fast", kind=int, default="20", search="10:50:10"),
            Parameter(name="stop", kind=float, default="2.0", search=""),
            Parameter(name="short", kind=bool, default="false", search=""),
        )
    },
    coverage=(
        Coverage(symbol="ALPHAUSDT", first=FIRST, end=END, complete=100.0, candles=28_800),
        Coverage(
            symbol="BETAUSDT", first=datetime(2024, 1, 5), end=datetime(2024, 2, 1), complete=99.0, candles=30_000
        ),
    ),
)
SHARED = replace(KNOWN, settings={"sizing": "equity", "size": "0.5", "risk": "0.01"})  # in bt.toml: size="50%"
MONEY = replace(KNOWN, settings={"sizing": "notional", "size": "500.0", "risk": "0.01"})
PLAIN = Form(strategy="ema_cross", timeframe="1h", symbols=("ALPHAUSDT",))
WALKED = replace(PLAIN, values={"train": "8d", "test": "4d"})
HEAD = "ema_cross -s ALPHAUSDT -t 1h"

LINES = {
    "nothing but what is needed": (PLAIN, "run", f"run {HEAD}"),
    "two symbols and a span": (
        replace(PLAIN, symbols=("ALPHAUSDT", "BETAUSDT"), first="90d", end="2024-01-20"),
        "run",
        "run ema_cross -s ALPHAUSDT,BETAUSDT -t 1h --from 90d --to 2024-01-20",
    ),
    "a parameter that is as by default": (
        replace(PLAIN, params={"fast": "20", "stop": " 3 "}),
        "run",
        f"run {HEAD} -p stop=3",
    ),
    "risk": (replace(PLAIN, values={"size": "2%"}), "run", f"run {HEAD} --risk 2%"),
    "size": (
        replace(PLAIN, values={"sizing": "notional", "size": "500"}),
        "run",
        f"run {HEAD} --sizing notional --size 500",
    ),
    "funding off": (
        replace(PLAIN, values={"funding": "off", "cash": "5000"}),
        "run",
        f"run {HEAD} --cash 5000 --no-funding",
    ),
    "funding on": (replace(PLAIN, values={"funding": "on"}), "run", f"run {HEAD} --funding"),
    "what belongs to walk-forwards": (WALKED, "run", f"run {HEAD}"),
    "a walk-forward": (WALKED, "walk", f"walk {HEAD} --train 8d --test 4d"),
    "what it tries": (
        replace(WALKED, params={"fast": "7", "stop": "3"}, tried={"fast": "5,10", "stop": ""}),
        "walk",
        f"walk {HEAD} -p fast=5,10 -p stop=3 --train 8d --test 4d",
    ),
    "what it tries, emptied": (
        replace(WALKED, params={"fast": "20"}, tried={"fast": ""}),
        "walk",
        f"walk {HEAD} -p fast=20 --train 8d --test 4d",
    ),
    "an objective with spaces": (
        replace(
            WALKED,
            values={**WALKED.values, "objective": "calmar - 2*abs(max_drawdown)", "trials": "50", "sampler": "lhs"},
        ),
        "walk",
        f"walk {HEAD} --train 8d --test 4d --sampler lhs --trials 50 --objective 'calmar - 2*abs(max_drawdown)'",
    ),
}


@pytest.mark.parametrize(("form", "command", "line"), LINES.values(), ids=LINES)
def test_a_form_is_a_command_line(form, command, line):
    assert shell(words(form, command, KNOWN)) == f"bt {line}"
    assert problems(form, command, KNOWN) == {}
    assert words(form, command, KNOWN, db="my file.duckdb") == [*shlex.split(line), "--db", "my file.duckdb"]


SIZED = [  # settings, sizing, size, what it is on the command line
    (SHARED, "", "", ""),
    (SHARED, "", "10%", " --sizing equity --size 10%"),
    (SHARED, "risk", "", " --sizing risk --risk 0.01"),
    (SHARED, "risk", "2%", " --sizing risk --risk 2%"),
    (SHARED, "equity", "", " --sizing equity"),
    (MONEY, "", "700", " --sizing notional --size 700"),
    (KNOWN, "risk", "2%", " --sizing risk --risk 2%"),
]


@pytest.mark.parametrize(("known", "sizing", "size", "options"), SIZED)
def test_a_size_means_what_the_form_says(known, sizing, size, options):
    form = replace(PLAIN, values={"sizing": sizing, "size": size})
    assert shell(words(form, "run", known)) == f"bt run {HEAD}{options}"
    assert problems(form, "run", known) == {}


MISSIZED = [
    (SHARED, "", "500", "fraction"),
    (SHARED, "notional", "", "sizing notional needs a size"),
    (replace(KNOWN, settings={"sizing": "equity", "size": ""}), "", "", "sizing equity needs a size"),
]


@pytest.mark.parametrize(("known", "sizing", "size", "said"), MISSIZED)
def test_a_size_is_judged_by_the_settings_too(known, sizing, size, said):
    assert said in problems(replace(PLAIN, values={"sizing": sizing, "size": size}), "run", known)["size"]


SIZES = [  # of bt.toml, and what a run then has
    ('sizing = "equity"\nsize = "50%"', ("equity", "0.5")),
    ('size = "50%"', ("equity", "0.5")),
    ('sizing = "risk"\nsize = "3%"', ("risk", "0.03")),
    ("", ("risk", "0.01")),
]


@pytest.mark.parametrize(("toml", "usual"), SIZES)
def test_the_usual_size_is_that_of_a_run(toml, usual, workspace, capsys):
    Path("bt.toml").write_text(toml)
    assert cli.run(["config", "--format", "json"]) == 0
    found = answers.settings(capsys.readouterr().out)
    assert (sizing_of("", found), usual_size("", found)) == usual


@pytest.mark.parametrize(("form", "command"), [line[:2] for line in LINES.values()], ids=LINES)
def test_the_command_line_takes_it(form, command, workspace, capsys):
    line = words(replace(form, symbols=("NOPE",)), command, KNOWN)  # far enough to have read every option
    assert cli.run([*line, "--progress", "json"]) == 2
    captured = capsys.readouterr()
    assert captured.err, captured
    told = json.loads(captured.err.splitlines()[-1])
    assert "NOPE" in told["what"]
    assert field_of(told["what"], command) == "symbols"


WRONG = {
    "no strategy": (replace(PLAIN, strategy=""), "run", "strategy", "choose one"),
    "unknown strategy": (replace(PLAIN, strategy="ema"), "run", "strategy", "there is no strategy 'ema'"),
    "no symbol": (replace(PLAIN, symbols=()), "run", "symbols", "choose one or more"),
    "a symbol that is gone": (replace(PLAIN, symbols=("GONE",)), "run", "symbols", "there are no candles of GONE"),
    "timeframe": (replace(PLAIN, timeframe="7m"), "run", "timeframe", "unknown timeframe '7m'"),
    "cash": (replace(PLAIN, values={"cash": "-1"}), "run", "cash", "not an amount: '-1'"),
    "risk of 1": (replace(PLAIN, values={"size": "1"}), "run", "size", "did you mean 1%?"),
    "size of equity": (replace(PLAIN, values={"sizing": "equity", "size": "10"}), "run", "size", "did you mean 10%?"),
    "sizing alone": (replace(PLAIN, values={"sizing": "equity"}), "run", "size", "sizing equity needs a size"),
    "whole number": (replace(PLAIN, params={"fast": "2.5"}), "run", "run:fast", "fast=2.5 is not a whole number"),
    "one of a list": (replace(WALKED, tried={"fast": "5,x"}), "walk", "walk:fast", "fast=x is not a whole number"),
    "one of a range": (replace(WALKED, tried={"fast": "5::2"}), "walk", "walk:fast", "fast= is not a whole number"),
    "held fixed": (replace(WALKED, params={"stop": "abc"}), "walk", "run:stop", "stop=abc is not a number"),
    "truth": (replace(PLAIN, params={"short": "perhaps"}), "run", "run:short", "is not true or false"),
    "from": (replace(PLAIN, first="yesterday"), "run", "first", "not a date: 'yesterday'"),
    "to before from": (replace(PLAIN, first="2024-01-10", end="2024-01-10"), "run", "end", "must be after 2024-01-10"),
    "from after the candles": (replace(PLAIN, first="2024-01-21"), "run", "first", "the candles end at 2024-01-21"),
    "to before the candles": (replace(PLAIN, end="2023-12-01"), "run", "end", "the candles begin at 2024-01-01"),
    "no training": (replace(PLAIN, values={"test": "4d"}), "walk", "train", "a walk-forward needs it"),
    "length": (replace(WALKED, values={"train": "8 days", "test": "4d"}), "walk", "train", "not a duration"),
    "trials": (replace(WALKED, values={**WALKED.values, "trials": "0"}), "walk", "trials", "not a whole number"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "command", "name", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_of_its_field(form, command, name, said):
    found = problems(form, command, KNOWN)
    assert list(found) == [name]
    assert said in found[name]


@pytest.mark.parametrize("name", ["cash", "risk of 1", "timeframe", "whole number", "one of a list", "from"])
def test_in_the_words_of_the_command_line(name, workspace, capsys):
    form, command, field, _ = WRONG[name]
    assert cli.run([*words(form, command, KNOWN), "--progress", "json"]) == 2
    told = json.loads(capsys.readouterr().err.splitlines()[-1])
    said = problems(form, command, KNOWN)[field]
    assert said.split(":")[0] in told["what"]
    assert told["cure"] in said
    assert field_of(told["what"], command) in {field, None if name in {"from", "timeframe"} else field}


FOUND = [
    ("--cash: not an amount: 'x'", "run", "cash"),
    ("--risk: 1 is not a fraction below 1", "run", "size"),
    ("--from: not a date: 'x'", "run", "first"),
    ("Invalid value for '--trials': 'x' is not a valid integer.", "walk", "trials"),
    ("--sideways: no such option", "run", None),
    ("parameter fast=10:5:1 is not a rising range", "walk", "walk:fast"),
    ("search of ema_cross: parameter fast=x is not a whole number", "walk", "walk:fast"),
    ("there is no strategy 'x'", "run", "strategy"),
    ("there are no candles of X", "run", "symbols"),
    ("2024-01-01 00:00 → 2024-01-21 00:00 is 20d, and one fold needs 95d: train 90d + test 5d", "walk", "train"),
    ("test 5m is not a whole number of bars of 1h", "walk", "test"),
    ("objective 'nix': there is no column 'nix' at character 1", "walk", "objective"),
    ("the sampler random needs a number of trials", "walk", "trials"),
    ("no finished 1h bar from 2024-01-01 00:00:00 to 2024-01-01 00:30:00", "run", "first"),
    ("strategies/mine.py, line 3: SyntaxError: invalid syntax", "run", "strategy"),
    ("the warehouse is in use by process 1", "run", None),
]


@pytest.mark.parametrize(("what", "command", "name"), FOUND)
def test_an_error_finds_its_field(what, command, name):
    assert field_of(what, command) == name


PRESETS = [
    ("all", ("", "")),
    ("2y", ("2024-01-01", "2024-02-01")),
    ("7d", ("2024-01-25", "2024-02-01")),
    ("ytd", ("2024-01-01", "2024-02-01")),
]


@pytest.mark.parametrize(("name", "span"), PRESETS)
def test_presets_are_clipped_to_the_candles(name, span):
    assert preset(name, KNOWN.span(("ALPHAUSDT", "BETAUSDT"))) == span
    assert preset(name, KNOWN.span(())) == ("", "")


def test_all_is_all_where_the_settings_have_bounds():
    bounded = {"from": "2024-01-15", "to": ""}
    assert preset("all", KNOWN.span(("ALPHAUSDT",)), bounded) == ("2024-01-01", "2024-01-21")
    assert preset("all", KNOWN.span(("ALPHAUSDT",)), {"from": "", "to": ""}) == ("", "")


def test_every_field_is_an_option(capsys):
    assert cli.run(["walk", "--help"]) == 0
    helped = capsys.readouterr().out
    assert [
        name for name, field in FIELDS.items() if f"{field.flag} " not in helped and f"{field.flag}/" not in helped
    ] == []


INGESTS = [
    ("BTCUSDT, ETHUSDT", "90d", {}),
    ("", "90d", {"ingested": "name one or more"}),
    ("BTC USDT/", "90d", {"ingested": "USDT/"}),
    ("BTCUSDT", "soon", {"since": "not a date: 'soon'"}),
    ("BTCUSDT", "2030-01-01", {"since": "must be in the past"}),
]


@pytest.mark.parametrize(("names", "first", "wrong"), INGESTS)
def test_what_is_to_be_ingested(names, first, wrong):
    found = ingesting.problems(names, first, END)
    assert found.keys() == wrong.keys()
    assert all(said in found[name] for name, said in wrong.items())
    assert ingesting.words("BTCUSDT, ETHUSDT", "90d") == ["ingest", "BTCUSDT", "ETHUSDT", "--from", "90d"]


def test_answers_are_read(workspace, capsys):
    def told(line):
        assert cli.run([*line.split(), "--format", "json"]) == 0
        return capsys.readouterr().out

    assert answers.strategies(told("strategies"))["ema_cross"].startswith("EMA crossover")
    fast, slow, stop = answers.parameters(told("strategies ema_cross"))
    assert (fast.kind, fast.default, fast.search, slow.search, stop.search) == (
        int,
        "20",
        "10:50:10",
        "100,150,200",
        "",
    )
    alpha, _ = answers.coverage(told("data"))
    assert alpha == KNOWN.coverage[0]
    assert answers.settings(told("config"))["cash"] == "10000.0"
    whole = answers.whole(told("run ema_cross -s ALPHAUSDT -t 1h"))
    assert whole["run"]["first_ts"] == FIRST
    assert cli.run(["sql", f"from equity_curve('{whole['run']['run_id']}', 50) order by ts", "--format", "json"]) == 0
    curve = points(answers.rows(capsys.readouterr().out))
    assert curve[0].ts == FIRST
    assert curve[-1].equities[-1] == pytest.approx(whole["metrics"]["end_equity"])
    assert min(point.drawdown for point in curve) == pytest.approx(whole["metrics"]["max_drawdown"])


TICKS = [((0, 10), [0, 5, 10]), ((-7.3, 0), [-6, -4, -2, 0]), ((9_800, 10_250), [9_800, 10_000, 10_200])]


@pytest.mark.parametrize(("bounds", "found"), TICKS)
def test_lines_are_drawn_at_round_values(bounds, found):
    made = ticks(*bounds)
    assert all(bounds[0] <= each <= bounds[1] for each in made)
    assert made == pytest.approx(found)


def test_settings_are_remembered(tmp_path):
    path = settings.file({"XDG_CONFIG_HOME": str(tmp_path)})
    assert path == tmp_path / "bt" / "window.json"
    assert settings.load(path) == (settings.Remembered(), "")
    form = replace(PLAIN, values={"cash": "1"}, tried={"fast": "5,10"})
    kept = settings.Remembered(dark=True, geometry="900x600+0+0").with_form(tmp_path, form)
    assert settings.save(path, kept) == ""
    assert settings.load(path) == (kept, "")


SPOILT = ["", "{", "[]", "{}", '{"dark": 1, "geometry": "", "forms": {"x": {"symbols": [1]}}}', '{"forms": 3}', "\x00"]


@pytest.mark.parametrize("text", SPOILT)
def test_what_cannot_be_read_is_said_and_forgotten(tmp_path, text):
    path = tmp_path / "window.json"
    path.write_text(text)
    found, said = settings.load(path)
    assert found == settings.Remembered()
    assert str(path) in said


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "bt").write_text("a file")
    assert "cannot write" in settings.save(tmp_path / "bt" / "window.json", settings.Remembered())


def test_workspaces_that_were_left_long_ago_are_forgotten(tmp_path):
    kept = settings.Remembered()
    for number in range(60):
        kept = kept.with_form(tmp_path / str(number), PLAIN)
    assert len(kept.forms) == 50
    assert str(tmp_path / "59") in kept.forms
    assert str(tmp_path / "9") not in kept.forms
