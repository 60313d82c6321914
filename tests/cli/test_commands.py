"""The commands as a user types them: what is printed, where, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from bt import cli, seeded
from bt.cli.app import app
from bt.strategy import load, made
from bt.warehouse import Warehouse
from bt.warehouse.lock import holders

Captured = pytest.CaptureFixture[str]

# command line, exit code, what stderr must hold
REFUSED = [
    ("run ema_cross", 2, "no symbol to test"),
    ("run ema_cros -s ALPHAUSDT", 2, "ema_cross"),
    ("run ema_cross -s NOPEUSDT", 2, "bt ingest NOPEUSDT"),
    ("run ema_cross -s ALPHAUSDT --risk 1", 2, "did you mean 1%?"),
    ("run ema_cross -s ALPHAUSDT --risk 150%", 2, "more than the whole account"),
    ("run ema_cross -s ALPHAUSDT --risk 1% --size 10%", 2, "not both"),
    ("run ema_cross -s ALPHAUSDT --cash NaN", 2, "--cash"),
    ("run ema_cross -s ALPHAUSDT --taker 150%", 2, "taker"),
    ("run ema_cross -s ALPHAUSDT --leverage 0", 2, "--leverage"),
    ("run ema_cross -s ALPHAUSDT --leverage 200", 2, "no room above the maintenance margin"),
    ("run ema_cross -s ALPHAUSDT --leverage 5 --mmr 20%", 2, "no room above the maintenance margin"),
    ("run ema_cross -s ALPHAUSDT --margin both", 2, "--margin"),
    ("run ema_cross -s ALPHAUSDT --mmr 1", 2, "did you mean 1%?"),
    ("run ema_cross -s ALPHAUSDT --pyramiding -1", 2, "--pyramiding"),
    ("run ema_cross -s ALPHAUSDT --pyramiding 1.5", 2, "--pyramiding"),
    ("run ema_cross -s ALPHAUSDT --rebalance-band -5%", 2, "must not be negative"),
    ("run ema_cross -s ALPHAUSDT --max-volume-share 0", 2, "max_volume_share must be above 0"),
    ("run ema_cross -s ALPHAUSDT --max-volume-share 150%", 2, "max_volume_share must be at most 1"),
    ("run ema_cross -s ALPHAUSDT --level-delay 1", 2, "No such option"),
    ("run ema_cross -s ALPHAUSDT --leverage 1e308", 2, "--leverage"),
    ("run ema_cross -s ALPHAUSDT -t 1M", 2, "known: 1m"),
    ("run ema_cross -s ALPHAUSDT --from 2024-13-01", 2, "not a date"),
    ("run ema_cross -s ALPHAUSDT --from -1", 2, "not a date"),
    ("run ema_cross -s ALPHAUSDT --from 2024-01-05 --to 2024-01-04", 2, "must be before"),
    ("run ema_cross -s ALPHAUSDT -p fats=5", 2, "did you mean 'fast'?"),
    ("run ema_cross -s ALPHAUSDT -p fast", 2, "-p fast=20"),
    ("run ema_cross -s ALPHAUSDT -p fast=0", 2, "ema"),
    ("run ema_cross -s ALPHAUSDT --format xml", 2, "format"),
    ("run ema_cross -s ALPHAUSDT --intrabar sideways", 2, "--intrabar"),
    ("run ema_cross -s BTC_SDT", 2, "BTC_SDT"),
    ("run ema_cross -s ../../etc/passwd", 2, "passwd"),
    ("run", 2, "Missing argument"),
    ("runn", 2, "No such command"),
    ("show nothing", 2, "bt runs"),
    ("trades latest", 2, "no run latest"),
    ("runs --sort sharp", 2, "sharpe"),
    ("data NOPEUSDT", 2, "NOPEUSDT"),
    ("import none.csv -s BTCUSDT", 2, "no file none.csv"),
    ("import bt.toml -s BTCUSDT --kind trades", 2, "--kind"),
    ("new ../evil", 2, "not a name"),
    ("new example", 2, "exists already"),
    ("strategies nothing", 2, "no strategy"),
    ("data --db none.duckdb", 2, "no warehouse"),
    ("data --db bt.toml", 3, "not a valid DuckDB"),
    ("data --db /", 3, "folder"),
    ("sql", 2, "bt sql"),
    ("sql -f none.sql", 2, "none.sql"),
    ("sql selekt", 4, "Parser Error"),
]


@pytest.mark.parametrize(("line", "code", "message"), REFUSED)
def test_refusals_say_what_and_how_to_mend(
    workspace: Path, capsys: Captured, line: str, code: int, message: str
) -> None:
    assert cli.run(line.split()) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.err.startswith("error: ")


def test_a_run_is_printed_stored_and_read_again(workspace: Path, capsys: Captured) -> None:
    line = "run ema_cross -s ALPHAUSDT,BETAUSDT -t 15m -p fast=5 -p slow=20 --name first"
    assert cli.run(line.split()) == 0
    printed = capsys.readouterr()
    panel = printed.out.splitlines()
    assert panel[0].startswith("╭")
    assert {len(row) for row in panel[:14]} == {80}
    assert "Sharpe / Sortino" in printed.out
    assert "nanobind" not in printed.err
    assert "took data" in printed.err
    assert cli.run(["show", "first"]) == 0
    assert capsys.readouterr().out == printed.out
    assert cli.run(["runs", "--format", "json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["first"]
    assert cli.run(["trades", "first", "--format", "csv"]) == 0
    trades = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(trades) > 20
    assert {row["side"] for row in trades} == {"long"}
    assert cli.run(["show", "latest", "--by", "symbol", "--format", "jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_json_of_a_run_is_whole_and_strict(workspace: Path, capsys: Captured) -> None:
    assert cli.run("run ema_cross -s ALPHAUSDT -t 1h --format json -q".split()) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    whole = json.loads(captured.out, parse_constant=lambda name: pytest.fail(name))
    assert set(whole) == {"run", "metrics", "by_symbol", "verifications"}
    assert whole["run"]["params"]["fast"] == 20
    assert whole["run"]["config"]["account"]["cash"] == 10_000.0
    assert "sharpe" in whole["metrics"]


def test_settings_reach_the_engine(workspace: Path, capsys: Captured) -> None:
    (workspace / "bt.toml").write_text(
        'cash = 5000\nsymbols = ["ALPHAUSDT"]\nsize = "50%"\ntaker = "0.2%"\nfunding = false\npyramiding = 2\n'
    )
    flags = (
        "--stop 3% --max-positions 1 --slippage 0 --leverage 3 --margin cross --mmr 1% --rebalance-band 5% "
        "--max-volume-share 10% --intrabar drill"
    )
    assert cli.run(f"run ema_cross --format json {flags}".split()) == 0
    config = json.loads(capsys.readouterr().out)["run"]["config"]
    assert config["account"] == {
        "cash": 5000.0, "sizing": "equity", "size": 0.5, "leverage": 3.0, "max_positions": 1, "margin": "cross",
        "mmr": 0.01,
    }  # fmt: skip
    assert config["costs"]["rates"]["linear"] == {"taker": 0.002, "maker": 0.0002}
    assert config["costs"] == config["costs"] | {"slippage": 0.0, "funding": False}
    assert config["execution"] == {
        "intrabar": "drill", "stop": 0.03, "take": None, "trail": None, "take_fill": "market", "max_bars": None,
        "pyramiding": 2, "rebalance_band": 0.05, "max_volume_share": 0.1, "level_delay": 0, "close_at_end": True,
    }  # fmt: skip
    assert config["drilled"] is True


FUNDING = [  # settings file, flags, whether it is paid
    ("", [], True),
    ("", ["--no-funding"], False),
    ("funding = false", [], False),
    ("funding = false", ["--funding"], True),
    ('funding = "no"', [], False),
]


@pytest.mark.parametrize(("file", "flags", "expected"), FUNDING)
def test_funding_can_be_left_out(
    workspace: Path, capsys: Captured, file: str, flags: list[str], expected: bool
) -> None:
    (workspace / "bt.toml").write_text(file)
    seeded.funding("ALPHAUSDT", days=20).write_parquet("funding.parquet")
    assert cli.run("import funding.parquet -s ALPHAUSDT --kind funding -q --format csv".split()) == 0
    capsys.readouterr()
    assert cli.run([*"run ema_cross -s ALPHAUSDT --lookahead 0 --format json".split(), *flags]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["run"]["config"]["costs"]["funding"] is expected
    assert (whole["metrics"]["funding"] != 0) is expected
    assert any("funding was left out" in warning for warning in whole["run"]["warnings"]) is not expected


def test_every_setting_of_the_engine_is_an_option_of_run(capsys: Captured) -> None:
    """All but what is for cross-checks, or for what has no command yet."""
    from dataclasses import fields

    from bt import Account, Costs, Execution
    from bt.config import SETTINGS

    names = {field.name for kind in (Account, Costs, Execution) for field in fields(kind)}
    assert names - set(SETTINGS) == {"level_delay", "close_at_end"}
    assert cli.run(["run", "--help"]) == 0
    helped = capsys.readouterr().out
    assert [name for name in names & set(SETTINGS) if f"--{name.replace('_', '-')} " not in helped] == []


def test_events_are_json_lines(workspace: Path, capsys: Captured) -> None:
    assert cli.run("run ema_cross -s ALPHAUSDT --progress json --format csv".split()) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    stages = [event["name"] for event in events if event["event"] == "stage"]
    assert stages == ["data", "signals", "trades", "look-ahead", "storing"]
    assert events[-1]["event"] == "done"
    assert cli.run("run nothing -s ALPHAUSDT --progress json".split()) == 2
    assert json.loads(capsys.readouterr().err)["code"] == 2


def test_data_and_check(workspace: Path, capsys: Captured) -> None:
    assert cli.run(["data", "--format", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "symbol,first,last,candles,%,missing,absent"
    assert rows[1].startswith("ALPHAUSDT,2024-01-01T00:00:00.000000,2024-01-20T23:59:00.000000,28800,100.0,0,0")
    assert cli.run(["check", "ALPHAUSDT"]) == 0
    assert "sound: 0 errors" in capsys.readouterr().err
    assert cli.run(["check", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(row["symbol"], row["finding"], row["detail"]) for row in found] == [
        ("BETAUSDT", "gap", "95 minutes without a candle, the longest 95")
    ]


def test_a_file_is_audited_without_a_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = seeded.candles("ALPHAUSDT", days=1)
    frame.write_csv("good.csv")
    frame.with_columns(high=pl.when(pl.int_range(pl.len()) == 4).then(0.5).otherwise("high")).write_csv("bad.csv")
    assert cli.run(["check", "good.csv"]) == 0
    capsys.readouterr()
    assert cli.run(["check", "bad.csv", "--format", "json"]) == 1
    assert "row 5, high" in json.loads(capsys.readouterr().out)[0]["detail"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "good.csv"]


def test_import_prints_what_came(workspace: Path, capsys: Captured) -> None:
    seeded.candles("GAMMAUSDT", days=2).write_csv("gamma.csv")
    for stored in (2880, 0):
        assert cli.run("import gamma.csv --symbol GAMMAUSDT --format json".split()) == 0
        row = json.loads(capsys.readouterr().out)[0]
        assert (row["rows"], row["stored"], row["unchanged"]) == (2880, stored, 2880 - stored)


def test_sql_formats_and_sources(workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    question = "select symbol, count(*) as n from candles group by all order by all"
    assert cli.run(["sql", question, "--format", "md"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "| ALPHAUSDT | 28800 |"
    (workspace / "q.sql").write_text(question)
    assert cli.run(["sql", "-f", "q.sql", "--format", "jsonl"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == '{"symbol": "ALPHAUSDT", "n": 28800}'
    monkeypatch.setattr(sys, "stdin", io.StringIO(question))
    assert cli.run(["sql", "-", "-O", "out.parquet", "--format", "parquet"]) == 0
    assert pl.read_parquet("out.parquet")["n"].to_list() == [28800, 28705]
    assert cli.run(["sql", question, "-O", "out.parquet"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_control_characters_do_not_reach_the_terminal(workspace: Path, capsys: Captured) -> None:
    assert cli.run(["sql", "select chr(27) || '[31mred' as x"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_strategies_are_listed_and_described(workspace: Path, capsys: Captured) -> None:
    assert cli.run(["strategies", "--format", "json"]) == 0
    listed = {row["strategy"]: row["what"] for row in json.loads(capsys.readouterr().out)}
    assert listed["rsi_reversion"].startswith("RSI reversion")
    assert {"example", "ema_cross", "donchian_breakout", "volatility_target"} <= set(listed)
    assert cli.run(["strategies", "ema_cross"]) == 0
    assert "10:50:10" in capsys.readouterr().out
    assert cli.run(["new", "my_idea"]) == 0
    assert cli.run(["run", "my_idea", "-s", "ALPHAUSDT"]) == 0


def test_config_shows_origins(workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_CASH", "123")
    assert cli.run(["config", "--format", "json"]) == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["cash"]["value"], rows["cash"]["origin"]) == ("123.0", "BT_CASH")
    assert rows["timeframe"]["origin"] == "default"


def test_a_check_that_returns_rows_fails(workspace: Path, capsys: Captured) -> None:
    checks = workspace / "sql" / "checks"
    checks.mkdir(parents=True)
    (checks / "mine.sql").write_text(
        "-- no row may come back: there are no candles\nselect symbol from candles limit 1\n"
    )
    assert cli.run(["check"]) == 1
    assert "first: symbol ALPHAUSDT" in capsys.readouterr().err


def test_freqtrade_habits(workspace: Path, capsys: Captured) -> None:
    assert cli.run("backtesting ema_cross -s ALPHAUSDT --format csv".split()) == 0
    assert "backtesting is bt run here" in capsys.readouterr().err


def test_every_command_helps(capsys: Captured) -> None:
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert cli.run([name, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


def bt(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from bt.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from bt.cli import run; run(['--help']); "
        "heavy = {'duckdb', 'polars', 'numpy', 'numba', 'sqlglot', 'aiohttp'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_child_process_leaves_stderr_clean(workspace: Path) -> None:
    done = bt("run", "ema_cross", "-s", "ALPHAUSDT", "-q", cwd=workspace)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "╰" in done.stdout


def test_a_closed_pipe_is_no_error(workspace: Path) -> None:
    code = "from bt.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = f"'{sys.executable}' -c '{code}' sql 'from candles' --format csv | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=workspace, capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.startswith("symbol,ts")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


NEARER = [  # settings file, flags, what the engine was told
    ('sizing = "equity"\nsize = "10%"', ["--risk", "2%"], ("risk", 0.02)),
    ('risk = "3%"', ["--size", "10%"], ("equity", 0.1)),
    ('size = "10%"', [], ("equity", 0.1)),
    ('risk = "3%"', [], ("risk", 0.03)),
    ('sizing = "notional"\nsize = 500', [], ("notional", 500.0)),
    ('sizing = "notional"\nsize = 500', ["--size", "5%"], ("equity", 0.05)),
    ("", ["--sizing", "quantity", "--size", "2"], ("quantity", 2.0)),
    ("", ["--sizing", "risk", "--size", "2%"], ("risk", 0.02)),
]


@pytest.mark.parametrize(("file", "flags", "expected"), NEARER)
def test_the_nearer_of_risk_and_size_counts(
    workspace: Path, capsys: Captured, file: str, flags: list[str], expected: tuple[str, float]
) -> None:
    (workspace / "bt.toml").write_text(file)
    line = "run ema_cross -s ALPHAUSDT --to 2024-01-04 --lookahead 0 --format json"
    assert cli.run([*line.split(), *flags]) == 0
    account = json.loads(capsys.readouterr().out)["run"]["config"]["account"]
    assert (account["sizing"], account["size"]) == expected


def test_a_run_is_shown_by_groups(workspace: Path, capsys: Captured) -> None:
    line = "run ema_cross -s ALPHAUSDT -t 15m -p fast=5 -p slow=20 --lookahead 0 -q --format csv"
    assert cli.run(line.split()) == 0
    capsys.readouterr()
    assert cli.run(["show", "--format", "json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    for group in ("symbol", "month", "exit", "side", "hour", "weekday"):
        assert cli.run(["show", "--by", group, "--format", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert sum(row["trades"] for row in rows) == metrics["trades"], group
        assert sum(row["pnl"] for row in rows) == pytest.approx(metrics["gross_profit"] + metrics["gross_loss"]), group


def test_a_file_that_is_there_is_refused_before_any_work(workspace: Path, capsys: Captured) -> None:
    (workspace / "out.csv").touch()
    assert cli.run("run ema_cross -s ALPHAUSDT -O out.csv".split()) == 2
    assert cli.run("run ema_cross -s ALPHAUSDT --format xml".split()) == 2
    assert cli.run(["runs", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_stops_a_query_at_once(workspace: Path, name: str, code: int) -> None:
    script = "from bt.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    question = "select sum(a.i * b.i) from range(10000000) as a(i), range(1000000) as b(i)"
    running = subprocess.Popen(
        [sys.executable, "-c", script, "sql", question],
        cwd=workspace,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    file = workspace / "warehouse" / "bt.duckdb"
    until = time.monotonic() + 60
    while running.pid not in holders(file) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    with pytest.raises(subprocess.TimeoutExpired):  # it is at work by then
        running.wait(timeout=0.7)
    running.send_signal(getattr(signal, name))
    _, said = running.communicate(timeout=20)
    assert running.returncode == code
    assert said.startswith("error: stopped")


def test_a_strategy_may_have_the_name_of_a_library(workspace: Path, capsys: Captured) -> None:
    for name in ("random", "json", "polars"):
        assert cli.run(["new", name]) == 0
        assert cli.run(["run", name, "-s", "ALPHAUSDT", "--lookahead", "0", "--format", "csv"]) == 0


@pytest.mark.long
def test_further_sql_serves_strategies_from_python_too(workspace: Path) -> None:
    own = workspace / "sql" / "3_indicators"
    own.mkdir(parents=True)
    (own / "twice.sql").write_text(
        "-- one row is one bar of a symbol with twice its close\n-- warm-up: 0 * n\n-- outputs: twice (quote)\n"
        "create or replace macro twice(timeframe, n := 2) as table\n"
        "select *, n * close as twice from bars(timeframe);\n"
    )
    text = (workspace / "strategies" / "example.py").read_text().replace('"ema", n=self.fast', '"twice", n=2')
    (workspace / "strategies" / "mine.py").write_text(text)
    assert cli.run("run mine -s ALPHAUSDT --format csv".split()) == 0
    warehouse = Warehouse(workspace / "warehouse" / "bt.duckdb", sql=[workspace / "sql"])
    mine = made(load("mine", workspace), {})
    assert mine.run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h").get_results().run["repeat"] == 2
    assert Warehouse(workspace / "warehouse" / "bt.duckdb").query("select count(*) from twice('1h')").item() > 0


def test_holes_in_funding_are_found_without_candles(workspace: Path, capsys: Captured) -> None:
    hours = [0, 8, 16, 24, 100, 108]
    frame = pl.DataFrame({"ts": [seeded.START + timedelta(hours=hour) for hour in hours], "rate": [0.0001] * 6})
    frame.write_parquet("funding.parquet")
    assert cli.run("import funding.parquet --symbol DELTAUSDT --kind funding -q --format csv".split()) == 0
    capsys.readouterr()
    assert cli.run(["check", "DELTAUSDT", "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["finding"], row["severity"], row["detail"]) == (
        "funding_hole",
        "warning",
        "up to 76 hours without a funding rate",
    )
    assert cli.run(["check", "DELTAUSDT", "--strict", "-q", "--format", "csv"]) == 1
