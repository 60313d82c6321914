"""An ingest that is ended from outside, at any moment: what was acknowledged stays, and the next one does the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web

from bt import assets, cli
from bt.exchange import Exchange, Options
from bt.warehouse import Warehouse
from tests.ingest.serving import FREE, START, candles, content, holed, in_a_thread, listing, market, milliseconds, same

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
ROOT = Path(__file__).parents[2]
FILE = Path("bt.duckdb")
DAYS = 2
NOW = START + timedelta(days=DAYS, seconds=19)
NAMES = ("ALPHAUSDT",)
INGEST = ("ingest", *NAMES, "--from", "2024-01-01", "--to", "2024-01-03", "--db", str(FILE), "--format", "csv")
PROMPTLY = 2.0  # s


class Busy(Exchange):
    """A stand-in with latency, so that an ingest is met in the middle of it; it counts what it was asked."""

    def __init__(self) -> None:
        rows = candles(days=DAYS)
        listings = [listing(name, holed(rows, 500 * n, 7)) for n, name in enumerate(NAMES, 1)]
        options = Options(limits=FREE, latency=0.01)
        super().__init__(market(*listings), options, now=lambda: milliseconds(NOW), tick=time.monotonic)
        self.asked = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return await super().handle(request)


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[Busy, str]]:
    exchange = Busy()
    with in_a_thread(exchange) as url:
        yield exchange, url


@pytest.fixture(scope="module")
def undisturbed(busy, tmp_path_factory) -> dict[str, pl.DataFrame]:
    """Give what an ingest that nobody ends leaves behind."""
    file = tmp_path_factory.mktemp("undisturbed") / "bt.duckdb"
    assert cli.run([*INGEST, "--base-url", busy[1], "--db", str(file), "-q"]) == 0
    return content(Warehouse(file))


@pytest.fixture
def exchange(busy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Busy:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_BYBIT_URL", busy[1])
    return busy[0]


def started() -> subprocess.Popen:
    command = [sys.executable, "-c", "from bt.cli import main; main()", *INGEST]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def after(exchange: Busy, questions: int, process: subprocess.Popen) -> None:
    """Wait until the ingest has asked so many questions, or ended."""
    until = exchange.asked + questions
    for _ in range(3000):
        if exchange.asked >= until or process.poll() is not None:
            return
        time.sleep(0.005)
    raise AssertionError("the ingest asks nothing")


def acknowledged() -> set[tuple]:
    """Give the pages that the warehouse says it has; it holds what they brought, and nothing twice."""
    if not FILE.exists():
        return set()
    warehouse = Warehouse(FILE, create=False)
    for check in ("ingests_kept", "candles_sound"):
        text = (assets.folder("sql") / "checks" / f"{check}.sql").read_text(encoding="utf-8")
        assert warehouse.query(text).is_empty(), check
    return set(warehouse.query("from ingests").rows())


def finish(undisturbed: dict[str, pl.DataFrame], known: set[tuple]) -> None:
    """Run once more, to the end; all is as if nobody had ended it."""
    assert cli.run([*INGEST, "-q"]) == 0
    assert known <= acknowledged()
    assert same(content(Warehouse(FILE)), undisturbed)


def end(exchange: Busy, number: int, questions: int) -> tuple[int, str]:
    """Start an ingest and end it after so many questions; it ends in time and leaves no traceback."""
    with started() as process:
        after(exchange, questions, process)
        process.send_signal(number)
        began = time.monotonic()
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert time.monotonic() - began < PROMPTLY
    assert "Traceback" not in err
    assert "never retrieved" not in err
    assert "Exception in callback" not in err
    return process.returncode, err


@pytest.mark.parametrize(("number", "code", "questions"), [(signal.SIGINT, 130, 6), (signal.SIGTERM, 143, 9)])
def test_it_ends_at_once_and_the_next_one_resumes(exchange, undisturbed, number, code, questions):
    ended, err = end(exchange, number, questions)
    assert ended == code
    assert "stopped" in err
    assert "the same command again does the rest" in err
    finish(undisturbed, acknowledged())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=["int", "term", "hup"]
)
def test_it_ends_at_once_at_any_moment(exchange, undisturbed, number, code):
    draw = random.Random(f"{number}")
    seen = []
    for _ in range(25):
        for file in Path().glob("bt.duckdb*"):
            file.unlink()
        ended, _ = end(exchange, number, draw.randint(1, 12))
        seen.append(ended)
        assert ended in {code, 0}
        finish(undisturbed, acknowledged())
    assert seen.count(code) > 10  # the others had ended


def test_a_stop_for_a_moment_is_nothing(exchange, undisturbed):
    with started() as process:
        after(exchange, 6, process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert same(content(Warehouse(FILE)), undisturbed)


def killed(exchange: Busy, undisturbed: dict[str, pl.DataFrame], kills: int) -> None:
    """Kill ingest after ingest at drawn moments, some in each part of its life; a file that is done is begun anew."""
    draw = random.Random(20241)
    began = time.monotonic()
    with started() as process:
        process.communicate()
    assert process.returncode == 0
    life = time.monotonic() - began
    FILE.unlink()
    done = finished = 0
    known: set[tuple] = set()
    moments = [(place + draw.random()) / kills for place in range(kills)]
    while done < kills:
        with started() as process:
            try:
                process.communicate(timeout=life * moments[done * 7 % kills])
                assert process.returncode == 0
                assert same(content(Warehouse(FILE)), undisturbed)
                finished, known = finished + 1, set()
                for file in Path().glob("bt.duckdb*"):
                    file.unlink()
                continue
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                done += 1
        now = acknowledged()
        assert known <= now
        known = now
    finish(undisturbed, known)
    print(f"\n{done} kills, {finished} ingests that came to their end in between, {life:.2f} s of life")


def test_a_kill_loses_nothing_that_was_acknowledged(exchange, undisturbed):
    killed(exchange, undisturbed, 3)


@pytest.mark.slow
def test_many_kills_lose_nothing_that_was_acknowledged(exchange, undisturbed):
    killed(exchange, undisturbed, 200)


@pytest.mark.slow
def test_two_ingests_of_one_warehouse(exchange, undisturbed):
    """They take turns, one short transaction after the other: none is lost and none is doubled."""
    with started() as one, started() as other:
        errors = [process.communicate(timeout=60)[1] for process in (one, other)]
    assert {one.returncode, other.returncode} == {0}, errors
    acknowledged()
    assert same(content(Warehouse(FILE)), undisturbed)


@pytest.mark.slow
def test_readers_come_between(exchange, undisturbed):
    """The warehouse is held for one short transaction at a time."""
    waits = []
    with started() as process:
        after(exchange, 5, process)
        while process.poll() is None:
            began = time.monotonic()
            Warehouse(FILE).query("select count(*) from candles")
            waits.append(time.monotonic() - began)
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert len(waits) > 3
    assert max(waits) < 2
    assert same(content(Warehouse(FILE)), undisturbed)
