"""`bt ingest` and `bt symbols` as a person and as a program meet them, from a stand-in on loopback."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web

from bt import cli
from bt.exchange import Exchange, Options, read_rules
from bt.warehouse import Warehouse
from tests.ingest.serving import (
    FREE,
    HOLE,
    NOW,
    START,
    between,
    candles,
    in_a_thread,
    listing,
    market,
    milliseconds,
    rates,
    stored,
)

Captured = pytest.CaptureFixture[str]
FILE = Path("warehouse/bt.duckdb")
DAYS = ["--from", "2024-01-01", "--to", "2024-01-04"]
SHORT = ["--from", "2024-01-01", "--to", "2024-01-01T05:00"]


class Watched(Exchange):
    """A stand-in that can be given other faults and rows, and remembers what it was asked."""

    def __init__(self) -> None:
        alpha = candles()
        self.market = market(
            listing("ALPHAUSDT", alpha),
            listing("BETAUSDT", candles("BETAUSDT")),
            listing("1000ALPHAUSDT", between(alpha, 0, 600), rates(1, rows=10)),
            listing("spot:ALPHAUSDT", alpha),
            listing("inverse:ALPHAUSD", alpha),
        )
        self.paths: list[str] = []
        self.faulty("")

    def faulty(self, faults: str) -> None:
        options = Options(limits=FREE, faults=read_rules(faults), pace=0.001)
        super().__init__(self.market, options, now=lambda: milliseconds(NOW), tick=time.monotonic)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path.removeprefix("/v5/market/"))
        return await super().handle(request)


@pytest.fixture(scope="module")
def listening() -> Iterator[tuple[Watched, str]]:
    exchange = Watched()
    with in_a_thread(exchange) as url:
        yield exchange, url


@pytest.fixture
def exchange(listening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Give the stand-in, to which `BT_BYBIT_URL` points; the current folder is empty."""
    exchange, url = listening
    exchange.faulty("")
    exchange.paths.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_BYBIT_URL", url)
    monkeypatch.setenv("COLUMNS", "80")
    return exchange


@pytest.fixture(scope="module")
def known(listening, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse with every instrument, and five hours of one symbol."""
    folder = tmp_path_factory.mktemp("known")
    options = ["--base-url", listening[1], "--db", str(folder / FILE), "-q"]
    assert cli.run(["symbols", *options, "-O", str(folder / "found.csv")]) == 0
    assert cli.run(["ingest", "ALPHAUSDT", *SHORT, *options]) == 0
    return folder


@pytest.fixture
def workspace(exchange, known: Path) -> Watched:
    """Give the stand-in; the current folder has a copy of the warehouse that knows the instruments."""
    shutil.copytree(known / FILE.parent, FILE.parent)
    return exchange


@pytest.fixture
def bt(capsys: Captured) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "nanobind" not in captured.err
        return code, captured.out, captured.err

    return run


# ---- ingest


def test_a_good_day(exchange, bt):
    code, out, err = bt("ingest", "ALPHAUSDT", "BETAUSDT", *DAYS, "--format", "csv")
    assert code == 0
    assert out.splitlines() == [
        "symbol,candles,settlements,changed,absent,missing,state",
        "ALPHAUSDT,4320,9,0,0,0,complete",
        f"BETAUSDT,{4320 - HOLE[1]},9,0,{HOLE[1]},0,complete",
    ]
    closing = err.splitlines()[-1]
    assert re.fullmatch(
        r"8,545 candles and 18 settlements in \d+\.\d s · 23 requests, 0 retried · "
        r"0 minutes missing · next: bt check ALPHAUSDT BETAUSDT",
        closing,
    )
    assert stored(Warehouse(FILE)).equals(candles())


def test_a_second_time(workspace, bt):
    code, out, err = bt("ingest", "ALPHAUSDT", *SHORT, "--format", "json")
    assert code == 0
    row = {"symbol": "ALPHAUSDT", "candles": 0, "settlements": 0, "changed": 0, "absent": 0, "missing": 0}
    assert json.loads(out) == [row | {"state": "complete"}]
    assert set(workspace.paths) <= {"time", "funding/history"}
    assert "0 candles and 0 settlements" in err


def test_the_table_fits_and_no_number_is_cut(workspace, bt):
    code, out, _ = bt("ingest", "ALPHAUSDT", "1000ALPHAUSDT", "inverse:ALPHAUSD", *SHORT)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    words = out.split()
    for one in (
        "ALPHAUSDT",
        "1000ALPHAUSDT",
        "inverse:ALPHAUSD",
        "candles",
        "settlements",
        "missing",
        "complete",
        "300",
    ):
        assert one in words
    assert "…" not in out


def test_a_table_in_a_file(workspace, bt):
    code, out, _ = bt("ingest", "ALPHAUSDT", *SHORT, "--format", "parquet", "-O", "found.parquet")
    assert (code, out) == (0, "")
    assert pl.read_parquet("found.parquet")["state"].to_list() == ["complete"]


def test_events_are_one_object_a_line(workspace, bt):
    code, _, err = bt("ingest", "ALPHAUSDT,BETAUSDT,NOPEUSDT", *DAYS, "--progress", "json", "--format", "json")
    assert code == 1
    events = [json.loads(line) for line in err.splitlines()]
    assert all(isinstance(event, dict) and event["event"] for event in events)
    counts = events[-1]["counts"]
    assert counts == counts | {"candles": 8245, "settlements": 17, "missing": 0, "retries": 0}
    assert any("NOPEUSDT" in event.get("text", "") for event in events)


def test_quiet_is_quiet(workspace, bt):
    code, _, err = bt("ingest", "ALPHAUSDT", *SHORT, "-q")
    assert (code, err) == (0, "")


def test_a_clock_that_differs_is_told(workspace, bt):
    """The exchange's time counts; ours is years away from it."""
    _, _, err = bt("ingest", "BETAUSDT", "--from", "30m")
    assert "\x1b" not in err
    assert "\r" not in err
    assert "the exchange's clock says 2024-01-04 00:00 UTC" in err
    here = stored(Warehouse(FILE), "BETAUSDT")["ts"]
    assert (here.min(), len(here)) == (NOW.replace(second=0) - timedelta(minutes=29), 29)


def test_some_symbols_failed(workspace, bt):
    workspace.faulty("400/BETAUSDT")
    code, out, err = bt("ingest", "ALPHAUSDT,BETAUSDT", *SHORT, "--format", "csv")
    assert code == 1
    assert out.splitlines()[1:] == ["ALPHAUSDT,0,0,0,0,0,complete", "BETAUSDT,0,0,0,0,300,failed"]
    assert "! BETAUSDT: the exchange answers HTTP 400; is --base-url right?" in err
    assert err.splitlines()[-1].endswith("300 minutes missing · bt ingest BETAUSDT --from 2024-01-01 asks again")


def test_all_symbols_failed(workspace, bt):
    workspace.faulty("400/BETAUSDT,400/ALPHAUSDT")
    code, out, _ = bt("ingest", "ALPHAUSDT,BETAUSDT", *DAYS, "--format", "csv")
    assert code == 5
    assert [line.rpartition(",")[2] for line in out.splitlines()] == ["state", "failed", "failed"]


@pytest.mark.parametrize(
    ("fault", "words"), [("403_country", "country"), ("404", "HTTP 404"), ("retcode_10009", "region")]
)
def test_an_exchange_that_does_not_serve_us(exchange, bt, fault, words):
    exchange.faulty(fault)
    code, out, err = bt("ingest", "ALPHAUSDT", *SHORT)
    assert (code, out) == (5, "")
    assert words in err
    assert "  try: " in err


def test_unknown_symbols_are_a_mistake_of_who_asks(workspace, bt):
    code, _, err = bt("ingest", "ALPHAUSD", *SHORT)
    assert code == 2
    assert "ALPHAUSD" in err
    assert "did you mean" in err
    assert "ALPHAUSDT" in err


def test_an_unknown_symbol_beside_a_good_one(workspace, bt):
    code, out, _ = bt("ingest", "ALPHAUSD", "BETAUSDT", *SHORT, "--format", "csv")
    assert code == 1
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ["ALPHAUSD", "BETAUSDT"]
    assert "BETAUSDT,300" in out


def test_without_funding(workspace, bt):
    bt("ingest", "BETAUSDT", *SHORT, "--no-funding")
    assert "kline" in workspace.paths
    assert "funding/history" not in workspace.paths


@pytest.mark.long
def test_repair_and_replace_ask_again(workspace, bt):
    span = ["--from", (START + timedelta(minutes=HOLE[0] - 10)).isoformat(), "--to", "2024-01-02T08:00", "--no-funding"]
    bt("ingest", "BETAUSDT", *span)
    for option, more in (("--repair", 3), ("--replace", 2)):
        workspace.paths.clear()
        code, *_ = bt("ingest", "BETAUSDT", *span, option)
        assert code == 0
        assert workspace.paths.count("kline") >= more


def test_csv_beside_the_warehouse(workspace, bt):
    code, _, err = bt("ingest", "ALPHAUSDT", *SHORT, "--csv", "rows")
    assert code == 0
    assert pl.read_csv("rows/ALPHAUSDT_1m.csv").height == 300
    assert "300 candles" in err


# ---- refused before anything happens

REFUSED = {
    "no date": (["--from", "soon"], "not a date: 'soon'"),
    "no month": (["--from", "2024-13-01"], "not a date"),
    "sql": (["--from", "2024-01-01'; DROP TABLE candles;--"], "not a date"),
    "negative": (["--from=-1"], "not a date"),
    "too early": (["--from", "1970-01-01"], "date out of range"),
    "an end before": (["--from", "2024-01-02", "--to", "2024-01-01"], "is not before"),
    "an end that is no date": (["--to", "2024-02-30"], "not a date"),
    "an empty span": (["--from", "2024-01-02", "--to", "2024-01-02"], "is not before"),
    "no address": ([*SHORT, "--base-url", "ftp://host"], "not an address of an exchange"),
    "a file": ([*SHORT, "--base-url", "file:///etc/passwd"], "not an address of an exchange"),
    "no pace": ([*SHORT, "--rate", "0"], "--rate"),
    "no form": ([*SHORT, "--format", "xml"], "xml"),
    "no mode": ([*SHORT, "--progress", "loud"], "loud"),
}


def test_a_start_in_the_future(exchange, bt):
    """By the exchange's clock: ours may be wrong."""
    code, out, err = bt("ingest", "ALPHAUSDT", "--from", "2024-01-05")
    assert (code, out) == (2, "")
    assert "is not before" in err


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_is_asked_or_made(exchange, bt, name):
    more, words = REFUSED[name]
    code, out, err = bt("ingest", "ALPHAUSDT", *more)
    assert (code, out) == (2, "")
    assert words in err
    assert exchange.paths == []
    assert not FILE.exists()
    assert list(Path().rglob("*")) == []


ATTACKS = Path(__file__).parents[3] / "shared" / "refs" / "attacks.json"
HOSTILE = ["", " ", "BTC_USDT", "../../etc/passwd", "=cmd|'/c calc'!A1", "\x1b[2JBTC", "B\u0422CUSDT", "x' OR '1'='1"]


def hostile() -> list[str]:
    if not ATTACKS.exists():
        return HOSTILE
    attacks = json.loads(ATTACKS.read_text(encoding="utf-8"))["attacks"]
    return HOSTILE + [one["input"] for one in attacks if one["sink"] == "CLI/config symbol list"]


def test_hostile_symbols_are_refused_before_anything_is_asked_or_made(exchange, bt):
    for text in hostile():
        code, out, err = bt("ingest", *SHORT, "--", text)
        assert (code, out) == (2, ""), text
        lines = err.splitlines()
        assert lines[0].startswith("error: "), text
        assert all(line.isprintable() for line in lines), text
    assert exchange.paths == []
    assert list(Path().rglob("*")) == []


def test_symbols_of_other_exchanges_come_from_files(exchange, bt):
    code, _, err = bt("ingest", "binance:BTCUSDT", *SHORT)
    assert code == 2
    assert "bt import" in err
    assert exchange.paths == []


def test_a_missing_symbol(exchange, bt):
    code, _, err = bt("ingest", *SHORT)
    assert code == 2
    assert "SYMBOL" in err


# ---- symbols


def test_symbols_are_asked_for_once_then_searched_offline(exchange, bt):
    code, out, err = bt("symbols", "alpha", "--format", "csv")
    assert code == 0
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == (
        "symbol,category,base,quote,status,tick_size,qty_step,min_qty,min_notional,max_leverage,funding_minutes,"
        "launch_ts,as_of,source"
    ).split(",")
    assert [row[0] for row in rows[1:]] == ["inverse:ALPHAUSD", "1000ALPHAUSDT", "ALPHAUSDT", "spot:ALPHAUSDT"]
    assert "linear: 3 instruments" in err
    assert set(exchange.paths) == {"time", "instruments-info"}
    exchange.paths.clear()
    code, out, _ = bt("symbols", "BETA", "--format", "csv")
    assert (code, exchange.paths) == (0, [])
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ["BETAUSDT"]


def test_symbols_of_one_category(exchange, bt):
    """Only that one is asked for, and an ingest needs no list of it any more."""
    code, out, _ = bt("symbols", "--category", "spot", "--format", "json")
    assert code == 0
    [row] = json.loads(out)
    assert (row["symbol"], row["category"], row["max_leverage"]) == ("spot:ALPHAUSDT", "spot", None)
    assert exchange.paths.count("instruments-info") == 1
    bt("ingest", "spot:ALPHAUSDT", *SHORT)
    assert exchange.paths.count("instruments-info") == 1


def test_symbols_by_currency(workspace, bt):
    _, out, _ = bt("symbols", "USD", "--format", "csv")
    assert "inverse:ALPHAUSD" in out


def test_symbols_are_asked_for_anew(workspace, bt):
    code, *_ = bt("symbols", "--category", "linear", "--refresh")
    assert code == 0
    assert "instruments-info" in workspace.paths


def test_no_such_symbol(workspace, bt):
    code, out, err = bt("symbols", "NOTHING")
    assert (code, out) == (2, "")
    assert "--refresh" in err


def test_no_such_category(exchange, bt):
    code, _, err = bt("symbols", "--category", "linnear")
    assert code == 2
    assert "linear" in err
    assert exchange.paths == []
    assert not FILE.exists()


def test_a_hostile_text_finds_nothing(workspace, bt):
    for text in ("%", "'; drop table candles; --", "A\\", "\x1b[2J"):
        code, out, err = bt("symbols", "--", text)
        assert (code, out) == (2, ""), text
        assert all(line.isprintable() for line in err.splitlines())
