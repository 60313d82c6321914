"""Files in and out at the command line: many at once, each reported; and candles written as CSV."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bt import cli
from bt.warehouse import Warehouse

Captured = pytest.CaptureFixture[str]
MONTHS = ("2024-01", "2024-02", "2024-03")


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three small files of one symbol in the current folder, each with its own minutes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_DB", "bt.duckdb")
    names = []
    for month in MONTHS:
        start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        times = [int((start + row * timedelta(minutes=1)).timestamp() * 1000) for row in range(20)]
        rows = [f"{time},100,101,99,100.5,7,0,5.5,0,0,0,0" for time in times]
        names.append(f"BTCUSDT-1m-{month}.csv")
        Path(names[-1]).write_text("\n".join(rows), encoding="utf-8")
    return names


def stored() -> list[int]:
    """Give how many candles each month has."""
    months = "select count(*) as candles from candles group by month(ts) order by month(ts)"
    return Warehouse("bt.duckdb").query(months)["candles"].to_list()


def test_many_files_are_reported_one_by_one(archives: list[str], capsys: Captured) -> None:
    assert cli.run(["import", *archives, "-s", "binance:BTCUSDT", "--format", "json"]) == 0
    captured = capsys.readouterr()
    answers = json.loads(captured.out)
    assert [(one["file"], one["stored"], one["refused"]) for one in answers] == [(name, 20, None) for name in archives]
    note = "no header line: read as an archive of Binance (12 columns)"
    assert captured.err.count(note) == 2
    assert f"{archives[0]}: {note}" in captured.err
    assert f"2 other files: {note}" in captured.err
    assert stored() == [20, 20, 20]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_file_is_named_and_the_others_stored(archives: list[str], capsys: Captured, place: int) -> None:
    bad = archives[place]
    rows = Path(bad).read_text(encoding="utf-8").split("\n")
    Path(bad).write_text("\n".join([*rows[:-1], rows[-1].replace("100.5", "x")]), encoding="utf-8")
    assert cli.run(["import", *archives, "-s", "BTCUSDT", "--format", "json"]) == 1
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: {bad} row 20, column close: x is not a number"]
    assert "1 of 3 files refused: nothing of them is stored, the others are" in captured.err
    refused = {one["file"]: (one["stored"], one["refused"]) for one in json.loads(captured.out)}
    assert refused.pop(bad) == (None, errors[0].removeprefix("error: "))
    assert set(refused.values()) == {(20, None)}
    assert stored() == [20, 20]


def test_only_bad_files_are_a_wrong_input(archives: list[str], capsys: Captured) -> None:
    for name in archives:
        Path(name).write_text("dear diary", encoding="utf-8")
    assert cli.run(["import", *archives, "-s", "BTCUSDT"]) == 2
    assert capsys.readouterr().err.count("error: ") == 3
    assert cli.run(["import", archives[0], "-s", "BTCUSDT"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("error: ")) == ("", 1)
    assert stored() == []


NONSENSE = {
    "an unknown zone": ("--tz Mars/Base", "unknown time zone Mars/Base"),
    "an unknown column": ("--map volum=v", "--map volum=…"),
    "a missing file": ("none.csv", "there is no file none.csv"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_wrong_with_all_files_is_said_once(archives: list[str], capsys: Captured, name: str) -> None:
    words, what = NONSENSE[name]
    assert cli.run(["import", *archives, "-s", "BTCUSDT", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {what}")
    assert captured.err.count("error: ") == 1
    assert not Path("bt.duckdb").exists()


def test_checksums_among_the_files_are_no_files_of_their_own(archives: list[str], capsys: Captured) -> None:
    sums = f"{archives[0]}.CHECKSUM"
    Path(sums).write_text(f"{'0' * 64}  {archives[0]}\n", encoding="utf-8")
    assert cli.run(["import", *archives, sums, archives[1], "-s", "BTCUSDT", "--format", "json"]) == 1
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 3
    assert f"error: {archives[0]}: its SHA-256 is " in captured.err
