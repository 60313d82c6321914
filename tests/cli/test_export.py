"""`bt export` as a user types it: what goes where, what is said, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from bt import cli
from bt.warehouse import Warehouse

Captured = pytest.CaptureFixture[str]

RUN = "run example -s ALPHAUSDT -t 1h -p fast=5 -p slow=20 --name mine --lookahead 0 -q"


@pytest.fixture
def tested(workspace: Path, capsys: Captured) -> Path:
    """Give the workspace with a run in it."""
    assert cli.run(RUN.split()) == 0
    capsys.readouterr()
    return workspace


def test_files_are_named_on_stdout_and_told_of_on_stderr(tested: Path, capsys: Captured) -> None:
    assert cli.run("export mine -O out.xlsx".split()) == 0
    captured = capsys.readouterr()
    assert captured.out == "out.xlsx\n"
    assert captured.err.startswith("out.xlsx: all, ")
    assert openpyxl.load_workbook("out.xlsx").sheetnames[:3] == ["Summary", "Trades", "Equity"]
    assert cli.run("export -O out/ -q".split()) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert {Path(line) for line in captured.out.splitlines()} == set(Path("out").iterdir())


def test_nothing_is_replaced_without_force(tested: Path, capsys: Captured) -> None:
    assert cli.run("export -O out.csv".split()) == 0
    before = Path("out.csv").read_bytes()
    capsys.readouterr()
    assert cli.run("export -O out.csv --what equity".split()) == 2
    assert capsys.readouterr().err == (
        "error: out.csv exists already\n  try: choose another name, or --force to replace it\n"
    )
    assert Path("out.csv").read_bytes() == before
    assert cli.run("export -O out.csv --what equity --force".split()) == 0
    assert pl.read_csv("out.csv").columns == ["run_id", "ts", "equity", "cash", "gross", "net"]


def test_stdout_takes_text(tested: Path, capsys: Captured) -> None:
    assert cli.run("export -O - -q".split()) == 0
    csv = capsys.readouterr().out
    assert cli.run("export -O - --format jsonl -q".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert cli.run("export -O - --format json --what all -q".split()) == 0
    whole = json.loads(capsys.readouterr().out)
    assert pl.read_csv(csv.encode())["trade"].to_list() == [json.loads(line)["trade"] for line in lines]
    assert len(whole["trades"]) == len(lines) > 0
    assert whole["run"]["name"] == "mine"


def test_an_unfinished_sweep_says_so(tested: Path, capsys: Captured) -> None:
    with Warehouse("warehouse/bt.duckdb").write() as connection:
        connection.execute("update runs set kind = 'sweep', status = 'interrupted', settings = '{}', sets = 3")
    assert cli.run("export -O out.json".split()) == 0
    said, *_ = capsys.readouterr().err.splitlines()
    assert said.endswith("is interrupted: what is stored so far is written")
    assert json.loads(Path("out.json").read_text())["run"]["status"] == "interrupted"
    assert cli.run("export -O out.xlsx -q".split()) == 0


def test_exported_candles_come_back(workspace: Path, capsys: Captured) -> None:
    assert cli.run("export --what candles -s ALPHAUSDT,BETAUSDT -t 1m,1h -O data".split()) == 0
    captured = capsys.readouterr()
    names = [f"data/{name}_{timeframe}.csv" for name in ("ALPHAUSDT", "BETAUSDT") for timeframe in ("1m", "1h")]
    assert [Path(line).as_posix() for line in captured.out.splitlines()] == names
    assert f"{names[2]}: BETAUSDT 1m, 28,705 rows" in captured.err
    assert cli.run("export --what candles -s BETAUSDT -O beta.parquet -q".split()) == 0
    content = "select * from candles where symbol = 'BETAUSDT' order by ts"
    first = Warehouse("warehouse/bt.duckdb").query(content)
    for file in ("data/BETAUSDT_1m.csv", "beta.parquet"):
        assert cli.run(f"import {file} -s BETAUSDT --db {file}.duckdb -q".split()) == 0
        assert Warehouse(f"{file}.duckdb").query(content).equals(first, null_equal=True)


def test_candles_count_back_from_their_end(workspace: Path) -> None:
    assert cli.run("export --what candles -s ALPHAUSDT -O data --from 2d --to 2024-01-10 -q".split()) == 0
    times = pl.read_csv("data/ALPHAUSDT_1m.csv")["ts"]
    assert (times[0], times[-1]) == ("2024-01-08 00:00:00", "2024-01-09 23:59:00")
    assert cli.run("export --what candles -s ALPHAUSDT -O data --from 1d -q --force".split()) == 0
    assert pl.read_csv("data/ALPHAUSDT_1m.csv").height == 1440


def test_candles_of_a_run_are_those_of_its_symbols_timeframe_and_span(tested: Path, capsys: Captured) -> None:
    assert cli.run("export mine --what candles -O bars/ --format parquet -q".split()) == 0
    [name] = capsys.readouterr().out.splitlines()
    bars = pl.read_parquet(name)
    equity = Warehouse("warehouse/bt.duckdb").query("select ts from equity order by ts")
    assert Path(name).as_posix() == "bars/ALPHAUSDT_1h.parquet"
    assert bars["ts"].to_list() == equity["ts"].to_list()


REFUSED = {
    "nowhere": ("--what candles -s ALPHAUSDT", "Missing option '--out'"),
    "no run": ("-O out.csv", "there is no run latest"),
    "an unknown run": ("nope -O out.csv", "there is no run 'nope'"),
    "an unknown name": ("-O out.xls", "out.xls: .xls is no format to export"),
    "an unknown format": ("--what candles -s ALPHAUSDT -O data --format xml", "there is no format 'xml'"),
    "symbols of a run": ("-s ALPHAUSDT -O data", "-s, -t, --from and --to are for candles"),
    "no symbol": ("--what candles -O data", "no symbol to export"),
    "no symbol of that form": ("--what candles -s ../../x -O data", "not a symbol"),
    "an unknown symbol": ("--what candles -s NOPEUSDT -O data", "there are no candles of NOPEUSDT"),
    "an unknown timeframe": ("--what candles -s ALPHAUSDT -t 1m,7m -O data", "unknown timeframe '7m'"),
    "into a file": ("--what candles -s ALPHAUSDT -O bt.toml/", "bt.toml is a file"),
    "a wrong date": ("--what candles -s ALPHAUSDT -O data --from soon", "not a date"),
    "backwards": ("--what candles -s ALPHAUSDT -O data --from 2024-01-05 --to 2024-01-04", "must be before"),
    "over the warehouse": (
        "--what candles -s ALPHAUSDT -O warehouse/bt.duckdb --format csv --force",
        "warehouse/bt.duckdb is the warehouse",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_export_that_makes_no_sense_is_refused(workspace: Path, capsys: Captured, name: str) -> None:
    words, what = REFUSED[name]
    assert cli.run(["export", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert what in captured.err.splitlines()[0]
    assert not list(Path("data").glob("*"))
    assert not list(Path().glob("out*"))
