"""A sweep or walk-forward that is killed or interrupted anywhere, and resumed, ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bt
from bt.errors import BtError
from bt.results import standing
from bt.sweep import under_way
from bt.warehouse import Warehouse
from tests.sweep.kept import ORDERS, alike, kept, unsound
from tests.sweep.strategies import Cross
from tests.sweep.worker import Job, work

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
POINTS = 20
RANDOM = {"sampler": "random", "trials": 46, "seed": 3}
HYPERCUBE = {"sampler": "lhs", "trials": 45, "seed": 4}
LEARNING = {"sampler": "tpe", "trials": 18, "seed": 5, "objective": "net_profit"}


def begun(job: Job) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-m", "tests.sweep.worker", json.dumps(asdict(job))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def stopped(job: Job) -> None:
    """Do the job in a process of its own, which stops itself."""
    process = begun(job)
    _, errors = process.communicate()
    assert process.returncode == (130 if job.how == signal.SIGINT else -job.how), errors


def interrupted(job: Job) -> tuple[str, int]:
    """Do the job here, with a Ctrl-C when 9 sets are tried; give the run's id and how many are stored."""
    with pytest.raises(KeyboardInterrupt):
        work(replace(job, stop=9, how=signal.SIGINT))
    [row] = Warehouse(job.path).query("select run_id, status, sets from runs").rows()
    assert row[1] == "interrupted"
    assert 9 <= row[2] < 50
    return row[0], row[2]


@pytest.fixture(scope="module")
def uninterrupted(funded: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give what a job leaves when nothing stops it, each done once."""
    known: dict[str, dict[str, Any]] = {}

    def give(job: Job) -> dict[str, Any]:
        key = json.dumps([job.walk, job.settings])
        if key not in known:
            path = tmp_path_factory.mktemp("whole") / "bt.duckdb"
            shutil.copy(funded, path)
            results = work(replace(job, path=str(path), stored_at=200_000))
            known[key] = kept(Warehouse(path), results.run_id)
        return known[key]

    return give


def resumed_like(whole: dict[str, Any], job: Job) -> None:
    results = work(replace(job, resume=True, stored_at=200_000))
    warehouse = Warehouse(job.path)
    alike(kept(warehouse, results.run_id), whole)
    assert warehouse.query("select count(*) from runs").item() == 1
    assert unsound(warehouse) == {}
    assert not list(Path(job.path).parent.glob("*.duckdb.*.lock"))  # of a run under way


def job_of(own: Warehouse, **more: Any) -> Job:
    return Job(path=str(own.path), **more)


@pytest.mark.parametrize(
    ("walk", "settings"), [(False, {}), pytest.param(True, LEARNING, marks=pytest.mark.slow)], ids=["sweep", "walk"]
)
def test_killed_once(own: Warehouse, uninterrupted: Any, walk: bool, settings: dict[str, Any]) -> None:
    job = job_of(own, walk=walk, settings=settings)
    stopped(replace(job, stop=14, how=signal.SIGKILL))
    status, sets = own.query("select status, (select count(distinct trial) from trials) from runs").row(0)
    assert (status, 0 < sets < 14) == ("running", True)
    assert standing.abandoned(own) == set(own.query("select run_id from runs")["run_id"])
    resumed_like(uninterrupted(job), job)


@pytest.mark.parametrize(
    ("walk", "settings"),
    [
        (False, RANDOM),
        pytest.param(True, LEARNING, marks=pytest.mark.slow),
        pytest.param(False, LEARNING, marks=pytest.mark.slow),
        (True, RANDOM),
    ],
    ids=["random sweep", "learning walk", "learning sweep", "random walk"],
)
def test_interrupted_once(own: Warehouse, uninterrupted: Any, walk: bool, settings: dict[str, Any]) -> None:
    job = job_of(own, walk=walk, settings=settings)
    interrupted(job)
    resumed_like(uninterrupted(job), job)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("settings", [{}, RANDOM, HYPERCUBE, LEARNING], ids=["grid", "random", "lhs", "tpe"])
@pytest.mark.parametrize("walk", [False, True], ids=["sweep", "walk"])
def test_stopped_anywhere_again_and_again(
    own: Warehouse, uninterrupted: Any, walk: bool, settings: dict[str, Any], how: signal.Signals
) -> None:
    job = job_of(own, walk=walk, settings=settings, stored_at=60)
    generator = np.random.default_rng([walk, len(json.dumps(settings)), how])
    known = stops = 0
    for _ in range(POINTS):
        process = begun(replace(job, resume=True))
        assert process.stdout is not None
        if any(line == "trials\n" for line in process.stdout):
            with suppress(subprocess.TimeoutExpired):
                process.wait(generator.uniform(0.0, 0.4))
            process.send_signal(how)  # where it has not ended
        _, errors = process.communicate(timeout=100)
        assert process.returncode in (0, -how, 130), errors
        stops += process.returncode != 0
        assert own.query("select count(*) from runs").item() <= 1
        rows, stored, sets = own.query(
            "select count(*), count(distinct trial), count(distinct (trial, fold, part)) from trials"
        ).row(0)
        assert (rows, stored >= known) == (sets, True)
        status = own.query("select status from runs")["status"].to_list()
        known = stored
        if status != ["finished"]:
            continue
        known = 0
        resumed_like(uninterrupted(job), job)
        with own.write() as connection:
            for table in ORDERS:
                connection.execute(f"delete from {table}")
    assert stops > POINTS / 3
    resumed_like(uninterrupted(job), job)


def test_a_finished_one_is_given_as_it_is(own: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    job = job_of(own)
    first = work(job)
    before = kept(own, first.run_id)
    again = work(replace(job, resume=True))
    assert again.run_id == first.run_id
    assert "is finished already" in capfd.readouterr().out
    alike(kept(own, first.run_id), before)


def test_what_changed_begins_anew(own: Warehouse) -> None:
    job = job_of(own)
    old, stored = interrupted(job)
    few = {"search": {"fast": [2, 3], "slow": [13, 21]}}
    for settings in (few, few | {"min_trades": 2}, few | {"objective": "calmar"}, few | {"constraint": "fast < 3"}):
        assert work(replace(job, settings=settings, resume=True)).run_id != old
    with own.write() as connection:
        connection.execute(
            "update candles set close = close + 0.1 where symbol = 'ALPHAUSDT' and ts = '2024-01-12 07:59'"
        )
    assert work(replace(job, resume=True)).run_id != old
    assert own.query("select count(distinct trial) from trials where run_id = ?", [old]).item() == stored
    assert own.query("select status, count(*) from runs group by status order by status").rows() == [
        ("finished", 5), ("interrupted", 1),
    ]  # fmt: skip


def test_two_do_not_work_on_the_same_run(own: Warehouse, uninterrupted: Any) -> None:
    job = job_of(own)
    run_id, _ = interrupted(job)
    with under_way(own, run_id), pytest.raises(BtError, match=f"run {run_id} is under way in process"):
        work(replace(job, resume=True))
    resumed_like(uninterrupted(job), job)


@pytest.mark.slow
def test_two_processes_do_not_work_on_the_same_run(own: Warehouse, uninterrupted: Any) -> None:
    job = job_of(own)
    run_id, _ = interrupted(job)
    with under_way(own, run_id):
        _, errors = begun(replace(job, resume=True)).communicate()
        assert f"run {run_id} is under way in process {os.getpid()}" in errors
    both = [begun(replace(job, resume=True)) for _ in range(2)]
    found = [each.communicate()[1] for each in both]
    assert all(not errors or "under way" in errors for errors in found), found
    resumed_like(uninterrupted(job), job)


def test_a_sweep_in_memory_needs_no_lock() -> None:
    with under_way(Warehouse(), "any"):
        pass


@pytest.mark.slow
def test_two_at_once_of_the_same_content_are_two_runs(own: Warehouse) -> None:
    jobs = [begun(job_of(own)) for _ in range(2)]
    for each in jobs:
        _, errors = each.communicate()
        assert each.returncode == 0, errors
    runs = own.query("select run_id from runs order by repeat")["run_id"].to_list()
    one, two = (kept(own, run_id, "run_id", "repeat") for run_id in runs)
    alike(one, two)


def test_what_a_listener_raises_stops_a_sweep_in_order(own: Warehouse) -> None:
    class Full:
        def stage(self, name: str) -> None: ...

        def say(self, sentence: str) -> None: ...

        def tried(self, done: int, total: int | None, best: str) -> None:
            if done == 2:
                raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        bt.Sweep(min_trades=0).run(Cross, own, symbols=["ALPHAUSDT"], timeframe="4h", listener=Full())
    stored = own.query("select trial from trials order by trial")["trial"].to_list()
    assert 2 <= len(stored) <= 6
    assert stored == list(range(1, len(stored) + 1))
    assert own.query("select status, sets from runs").rows() == [("interrupted", len(stored))]
