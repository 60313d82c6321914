"""`bt exchange` as a process, and the files it serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from bt import cli, seeded
from bt.errors import BtError
from bt.exchange import market_from_files


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Give a file without symbol or turnover, as others write them, and one of funding."""
    candles, funding = tmp_path / "ALPHAUSDT_1m.parquet", tmp_path / "rates.parquet"
    rows = seeded.candles("ALPHAUSDT", days=1)
    rows.drop("turnover").with_columns(pl.col("ts").dt.replace_time_zone("UTC")).write_parquet(candles)
    rates = seeded.funding("ALPHAUSDT", days=1).rename({"rate": "funding_rate"})
    rates.with_columns(symbol=pl.lit("ALPHAUSDT")).write_parquet(funding)
    return [candles, funding]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_serves_files_until_it_is_stopped(files: list[Path], number: int, code: int) -> None:
    arguments = ["exchange", *(part for file in files for part in ("--data", str(file)))]
    command = [sys.executable, "-c", "from bt.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            line = process.stderr.readline()
            [address] = re.findall(r"http://127\.0\.0\.1:\d+", line)
            with urllib.request.urlopen(f"{address}/v5/market/kline?symbol=ALPHAUSDT&interval=1&limit=2") as reply:
                rows = msgspec.json.decode(reply.read())["result"]["list"]
        finally:
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
    assert len(rows) == 2
    assert process.returncode == code
    assert (out, err) == ("", "exchange ended: 1 requests, 0 of them met a fault; at most 1 in 5 s\n")


def test_files_of_one_symbol_are_joined(files: list[Path], tmp_path: Path) -> None:
    later = tmp_path / "later.parquet"
    rows = seeded.candles("ALPHAUSDT", days=1).with_columns(
        pl.col("ts") + timedelta(hours=12), symbol=pl.lit("ALPHAUSDT")
    )
    rows.write_parquet(later)
    listing = market_from_files([*files, later]).find("linear", "ALPHAUSDT")
    assert (len(listing.candles), len(listing.funding)) == (2160, 3)
    average = listing.candles["turnover"] / listing.candles["volume"]
    assert average.is_between(listing.candles["low"] - 0.1, listing.candles["high"] + 0.1).all()


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (pl.DataFrame({"a": [1]}), "no rows with a time"),
        (pl.DataFrame({"ts": [seeded.START]}), "neither candles nor funding"),
        (pl.DataFrame({"ts": [seeded.START], "symbol": ["AUSDT"], "rate": [0.1]}), "no candles"),
        (pl.DataFrame({"ts": [seeded.START] * 2, "symbol": ["AUSDT", "BUSDT"]}), "2 symbols"),
        (pl.DataFrame({"ts": [seeded.START], "interval": ["5m"]}), "other than 1-minute"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, rows: pl.DataFrame, what: str) -> None:
    file = tmp_path / "AUSDT.parquet"
    rows.write_parquet(file)
    with pytest.raises(BtError, match=what):
        market_from_files([file])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--data", "nowhere.parquet"], "there is no file nowhere.parquet"),
        (["--faults", "rest"], "did you mean 'reset'?"),
        (["--now", "soon"], "not a date: 'soon'"),
    ],
)
def test_mistakes_are_named(capsys: pytest.CaptureFixture[str], arguments: list[str], what: str) -> None:
    assert cli.run(["exchange", *arguments]) == 2
    assert what in capsys.readouterr().err
