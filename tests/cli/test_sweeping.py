"""`bt sweep` as a user types it: what is tried, printed, kept, refused, stopped and gone on with."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from bt import cli
from bt.warehouse import Warehouse

Captured = pytest.CaptureFixture[str]

MARKET = "-s ALPHAUSDT,BETAUSDT -t 15m"
SETS = "-p fast=5:15:5 -p slow=20,40"
MOODY = '''"""A strategy that fails for some of its sets."""

from dataclasses import dataclass

import polars as pl

from bt import BaseStrategy, Indicator, Market


@dataclass(kw_only=True)
class Moody(BaseStrategy):
    fast: int = 5
    sizes: str = "small"

    def signals(self, market: Market) -> pl.LazyFrame:
        if self.fast < 4:
            raise ValueError(f"too fast: {self.fast}")
        bars = market.bars(fast=Indicator("ema", n=self.fast), slow=Indicator("ema", n=20))
        above = pl.col("fast") > pl.col("slow")
        return bars.with_columns(enter_long=above, exit_long=~above, stop_distance=0.02 * pl.col("close"))
'''

# command line, what stderr must hold; all of it is refused with exit code 2 before a set is tried
REFUSED = [
    ("moody", "moody does not say what to search"),
    ("ema_cross -p fast", "not a parameter: 'fast'"),
    ("ema_cross -p fast=30:5:5", "write fast=5:30:5"),
    ("ema_cross -p fats=5,6", "did you mean 'fast'?"),
    ("ema_cross -p fast=5,5", "twice"),
    ("ema_cross -p fast=quick", "whole number"),
    ("ema_cross --constraint slow<fast", "leaves none of the 15 sets"),
    ("ema_cross --constraint slow<fats", "did you mean 'fast'?"),
    ("ema_cross --objective sharp", "did you mean 'sharpe'?"),
    ("ema_cross --objective sharpe;drop", "more than one expression"),
    ("ema_cross --objective read_text('/etc/passwd')", "objective"),
    ("ema_cross --where sharpe", "not a condition"),
    ("ema_cross --sampler gird", "did you mean 'grid'?"),
    ("ema_cross --sampler random", "--trials 15"),
    ("ema_cross --trials 0", "whole number from 1"),
    ("ema_cross --min-trades -1", "min_trades"),
    ("ema_cross --select middle", "select"),
    ("ema_cross --select plateau --sampler lhs --trials 4", "use grid"),
    ("ema_cross --executor fibres", "unknown executor"),
    ("ema_cross --workers 0", "workers"),
    ("ema_cross -p fast=1:1000000 -p slow=1:1000000", "too many to try all"),
    ("ema_cross --format xml", "format"),
    ("ema_cross -p fast=5,,6", "leaves a value out"),
    ("ema_cross --name latest~2", "a run cannot be called 'latest~2'"),
    ("ema_cross --executor dask://somewhere", "names no scheduler"),
    ("nothing", "no strategy"),
    ("moody -p fast=1,2,3", "line 17: ValueError: too fast: 1"),
]


@pytest.fixture
def moody(workspace: Path) -> Path:
    """Give a workspace with a strategy that fails for fast below 4."""
    (workspace / "strategies" / "moody.py").write_text(MOODY)
    return workspace


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_refusals_leave_nothing_behind(moody: Path, capsys: Captured, line: str, message: str) -> None:
    assert cli.run(["sweep", "-s", "ALPHAUSDT", *line.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert Warehouse(moody / "warehouse" / "bt.duckdb").query("select count(*) from runs").item() == 0


def test_a_sweep_is_printed_kept_and_shown_again(workspace: Path, capsys: Captured) -> None:
    assert cli.run(f"sweep ema_cross {MARKET} {SETS} -p stop=2 --name mine --top 3".split()) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "ema_cross · 2 symbols · 15m · 2024-01-01 → 2024-01-21 · USDT"
    assert "6 sets: grid of fast=5:15:5 slow=20,40 stop=2.0 · best sharpe · 30 trades or more" in lines[1]
    assert lines[3:8] == [
        "rank  fast  slow  sharpe  return %    dd %  trades    pf",
        "────────────────────────────────────────────────────────",
        "   1     5    20    2.12      7.49  -14.02      67  1.27",
        "   2    10    20    1.88      5.82  -14.09      47  1.25",
        "   3    15    20    1.87      6.14  -12.69      41  1.30",
    ]
    assert "3 of 6 sets profitable, 6 qualify; sharpe from -0.73 to 2.12, median 1.03" in lines
    assert "Verdict: no evidence: fewer than 30 days" in lines
    assert lines[-1] == "! the chosen set lies at the edge of fast (5): better ones may lie beyond"
    assert "took data" in printed.err
    assert cli.run(["show", "mine"]) == 0
    assert capsys.readouterr().out.splitlines()[:8] == lines[:8]
    assert cli.run(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[-1] == "sweep"
    assert cli.run(["trades", "mine"]) == 2
    assert "is a sweep of parameter sets" in capsys.readouterr().err
    assert cli.run("show mine --by month".split()) == 2


@pytest.mark.long
def test_what_is_typed_next_gives_the_chosen_set(workspace: Path, capsys: Captured) -> None:
    flags = "--min-trades 5 --taker 0.1% --no-funding --from 2024-01-03"
    assert cli.run(f"sweep ema_cross {MARKET} -p stop=1.5,2 -p slow=40 {flags}".split()) == 0
    said = capsys.readouterr().err.splitlines()
    run, walk = (shlex.split(line.partition("bt ")[2]) for line in said if "bt run" in line or "bt walk" in line)
    assert cli.run([*run, "--format", "json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert cli.run("show latest~1 --format json".split()) == 0
    chosen = json.loads(capsys.readouterr().out)["top"][0]
    assert {name: metrics[name] for name in ("sharpe", "trades", "profit_factor")} == pytest.approx(
        {name: chosen[name] for name in ("sharpe", "trades", "profit_factor")}
    )
    assert cli.run([*walk, "--dry-run", "--format", "csv"]) == 0
    assert walk[walk.index("--taker") + 1] == "0.1%"


def test_json_holds_the_whole_and_csv_every_set(workspace: Path, capsys: Captured) -> None:
    line = f"sweep ema_cross {MARKET} {SETS} --constraint 2*fast<slow --where trades>40 -q"
    assert cli.run([*line.split(), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    whole = json.loads(captured.out, parse_constant=lambda name: pytest.fail(name))
    assert list(whole) == ["run", "sets", "top", "overfitting", "verdict"]
    assert whole["run"]["settings"]["constraint"] == "2*fast<slow"
    assert whole["run"]["params"] == whole["top"][0]["params"]
    assert (whole["sets"]["tried"], whole["sets"]["qualified"], whole["sets"]["refused"]) == (4, 2, 2)
    assert [row["rank"] for row in whole["top"]] == [1, 2]
    assert whole["verdict"]["verdict"] == "no evidence"
    assert {row["figure"] for row in whole["overfitting"]} >= {"attempts", "deflated_sharpe", "sharpe"}
    assert cli.run(["show", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [json.loads(row["params"])["fast"] for row in rows] == [5, 5, 10, 15]
    assert json.loads(rows[2]["places"]) == [1, 1]
    assert cli.run("show --format parquet -O sets.parquet".split()) == 0
    assert pl.read_parquet("sets.parquet")["trial"].to_list() == [1, 2, 3, 4]


def test_no_set_that_qualifies_is_no_good_answer(moody: Path, capsys: Captured) -> None:
    line = "sweep moody -s ALPHAUSDT -t 4h -p fast=3,5,6,12 --min-trades 5 --where win_rate>2"
    assert cli.run(line.split()) == 1
    captured = capsys.readouterr()
    assert "4 sets" in captured.out
    [error] = [line for line in captured.err.splitlines() if line.startswith("error")]
    assert error == (
        "error: none of 4 sets qualifies: 1 with fewer than 5 trades, 2 against --where 'win_rate>2', 1 failed"
    )
    assert "bt run" not in captured.err


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ("--min-trades 5000", "or a lower --min-trades"),
        ("--min-trades 0 --objective sharpe/0", "another --objective"),
        ("--min-trades 0 --where sharpe>99", "a milder --where"),
    ],
)
def test_where_no_set_qualifies_the_cure_is_for_what_most_lack(
    workspace: Path, capsys: Captured, options: str, cure: str
) -> None:
    assert cli.run(f"sweep ema_cross {MARKET} {SETS} {options}".split()) == 1
    assert cure in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.long
def test_an_error_midway_says_how_many_sets_are_stored_and_how_to_go_on(
    workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bt.output.progress import TrialProgress

    heard = TrialProgress.tried

    def broken_off(self: TrialProgress, done: int, total: int | None, best: str) -> None:
        heard(self, done, total, best)
        if done == 4 and not self.__dict__.setdefault("broken", False):
            self.__dict__["broken"] = True
            raise OSError(28, "No space left on device", "bt.duckdb")

    monkeypatch.setattr(TrialProgress, "tried", broken_off)
    line = f"sweep ema_cross {MARKET} {SETS} --min-trades 1"
    assert cli.run(line.split()) == 2
    told, error, _ = capsys.readouterr().err.splitlines()[-3:]
    warehouse = Warehouse(workspace / "warehouse" / "bt.duckdb")
    [(status, sets)] = warehouse.query("select status, sets from runs").rows()
    assert (status, sets >= 4) == ("interrupted", True)
    assert told == f"{sets} of 6 sets are stored; bt {line} --resume goes on"
    assert error == "error: No space left on device: bt.duckdb"
    monkeypatch.setattr(TrialProgress, "tried", heard)
    assert cli.run([*line.split(), "--resume"]) == 0
    assert warehouse.query("select status, sets from runs").rows() == [("finished", 6)]


def test_warnings_about_the_chosen_set_name_only_what_is_stored(workspace: Path, capsys: Captured) -> None:
    line = f"sweep ema_cross {MARKET} -p fast=5 -p slow=20 --min-trades 1 --max-positions 1 --format json"
    assert cli.run(line.split()) == 0
    warnings = json.loads(capsys.readouterr().out)["run"]["warnings"]
    assert any("orders refused" in each and "bt run of that set" in each for each in warnings)
    assert not any("see rejections" in each for each in warnings)


def test_some_sets_may_fail(moody: Path, capsys: Captured) -> None:
    assert cli.run("sweep moody -s ALPHAUSDT -t 1h -p fast=2:6 -p sizes=a,b --min-trades 2".split()) == 0
    captured = capsys.readouterr()
    assert "! 4 sets failed; the first: moody.signals, line 17: ValueError: too fast: 2" in captured.out
    assert "rank  fast  sizes  sharpe" in captured.out


def test_a_plateau_is_ranked_by_its_neighbours(workspace: Path, capsys: Captured) -> None:
    line = f"sweep ema_cross {MARKET} {SETS} --select plateau --objective calmar-2*abs(max_drawdown) --format json"
    assert cli.run(line.split()) == 0
    whole = json.loads(capsys.readouterr().out)
    plateaus = [row["plateau"] for row in whole["top"]]
    assert plateaus == sorted(plateaus, reverse=True)
    assert [row["chosen"] for row in whole["top"]] == [True] + [False] * 5
    assert cli.run(["show"]) == 0
    assert "rank  fast  slow  objective  plateau  sharpe" in capsys.readouterr().out


PLANS = [  # options, sets, combinations
    ("", 15, 15),
    ("-p fast=5:30:5 -p slow=50,100", 12, 12),
    ("-p fast=5:30:5 -p slow=10,20 --constraint fast<slow", 4, 12),
    ("-p fast=1:1000000 -p slow=1:1000000 --trials 500 --sampler random", 500, 10**12),
    ("-p fast=1:1000000 -p slow=1:1000 --trials 500 --constraint fast<slow", None, 10**9),
]


@pytest.mark.parametrize(("options", "sets", "combinations"), PLANS)
def test_a_dry_run_tells_what_would_be_tried(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    options: str,
    sets: int | None,
    combinations: int,
) -> None:
    monkeypatch.chdir(tmp_path)  # no workspace, no warehouse
    assert cli.run(f"sweep ema_cross --dry-run --format json {options}".split()) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["sets"], plan["combinations"]) == (sets, combinations)
    assert cli.run(f"sweep ema_cross --dry-run {options}".split()) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["parameter", "values", "count"]
    assert list(tmp_path.iterdir()) == []


def test_freqtrade_calls_it_hyperopt(workspace: Path, capsys: Captured) -> None:
    assert cli.run("hyperopt ema_cross --dry-run --sampler random --trials 3".split()) == 0
    captured = capsys.readouterr()
    assert captured.err == "hyperopt is bt sweep here\n"
    assert captured.out.splitlines()[-1] == "3 sets of 15 combinations · random"


LONG = "sweep ema_cross -s ALPHAUSDT -t 1h -p fast=2:40 -p slow=41:100 --trials 300 --min-trades 1"


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_keeps_what_is_done_and_resume_does_the_rest(
    workspace: Path, capsys: Captured, number: signal.Signals, code: int
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    running = subprocess.Popen(
        [sys.executable, "-m", "bt", *LONG.split(), "--progress", "json"],
        cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert running.stderr is not None
    events = []
    for line in running.stderr:
        events.append(json.loads(line))
        if events[-1]["event"] == "progress":
            break
    running.send_signal(number)
    out, rest = running.communicate(timeout=60)
    assert running.returncode == code
    assert out == ""
    assert events[-1]["total"] == 300
    last = json.loads(rest.splitlines()[-1])
    warehouse = Warehouse(workspace / "warehouse" / "bt.duckdb")
    [(status, sets)] = warehouse.query("select status, sets from runs").rows()
    assert status == "interrupted"
    assert 0 < sets < 300
    assert last["what"] == f"stopped: {sets} of 300 sets are stored; bt {LONG} --resume goes on"
    assert warehouse.query("select count(*) from trials").item() == sets
    assert cli.run(["show"]) == 0
    assert f"{sets} sets: grid" in capsys.readouterr().out
    assert cli.run([*LONG.split(), "--resume"]) == 0
    [(status, sets)] = warehouse.query("select status, sets from runs").rows()
    assert (status, sets) == ("finished", 300)
    capsys.readouterr()
    assert cli.run([*LONG.split(), "--resume"]) == 0
    assert "is finished already" in capsys.readouterr().err
    assert warehouse.query("select count(*) from runs").item() == 1


def test_resume_of_what_never_was_says_so(workspace: Path, capsys: Captured) -> None:
    assert cli.run("sweep ema_cross -s ALPHAUSDT -t 4h -p fast=5,6 -p slow=20 --min-trades 1 --resume".split()) == 0
    assert "nothing of this is unfinished: it begins anew" in capsys.readouterr().err
