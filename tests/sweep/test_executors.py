"""Threads, processes and a cluster, few or many: the same bytes in every table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bt
from bt.errors import BtError
from bt.strategy import Request, load
from bt.strategy.listening import Clock
from bt.sweep import Attempt, FoldPart, Unheard, remote
from bt.sweep.stage import evaluate
from bt.warehouse import Warehouse
from tests.sweep.kept import SYMBOLS, alike, kept
from tests.sweep.strategies import Cross, Odd, Weights

ROOT = Path(__file__).parents[2]
SPAN: dict[str, Any] = {"symbols": SYMBOLS, "timeframe": "1h"}


def left(warehouse: Warehouse, strategy: type[bt.BaseStrategy] = Cross, **settings: Any) -> dict[str, Any]:
    """Walk forward with an executor; give what is left in the warehouse."""
    walk = bt.WalkForward(train="8d", test="5d", sweep=bt.Sweep(min_trades=1, **settings))
    run = walk.run(strategy, warehouse, **SPAN)
    return kept(warehouse, run.run_id, "run_id", "repeat")


@pytest.fixture(scope="module")
def single(funded: Path) -> Any:
    """Give what one thread leaves, once for each strategy."""
    known: dict[Any, dict[str, Any]] = {}

    def give(warehouse: Warehouse, strategy: type[bt.BaseStrategy] = Cross, **settings: Any) -> dict[str, Any]:
        key = (strategy, str(settings))
        if key not in known:
            known[key] = left(warehouse, strategy, workers=1, **settings)
        return known[key]

    return give


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_threads(shared: Warehouse, single: Any, workers: int) -> None:
    alike(left(shared, workers=workers), single(shared))


@pytest.mark.long
def test_processes_and_what_a_strategy_prints_there(shared: Warehouse, single: Any, capfd: Any) -> None:
    settings = {"search": {"way": ["plain", "prints", "collects", "raises"], "n": [4, 5]}}
    found = left(shared, Odd, executor="processes", workers=2, **settings)
    assert capfd.readouterr() == ("", "")
    alike(found, single(shared, Odd, **settings))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Cross, Weights])
@pytest.mark.parametrize("sampler", [{}, {"sampler": "tpe", "trials": 20}], ids=["grid", "tpe"])
def test_many_processes(shared: Warehouse, single: Any, strategy: Any, sampler: Any) -> None:
    wide = {Cross: {"fast": range(2, 13)}, Weights: {"n": range(5, 20)}}[strategy]
    settings = {"search": wide, **sampler}
    for workers in (1, 4):
        alike(
            left(shared, strategy, executor="processes", workers=workers, **settings),
            single(shared, strategy, **settings),
        )


@pytest.mark.slow
def test_a_strategy_from_a_file_goes_to_processes_as_its_text(shared: Warehouse) -> None:
    strategy = load("ema_cross", ROOT)
    found = left(shared, strategy, executor="processes", workers=2)
    alike(found, left(shared, strategy))


def test_a_strategy_of_a_notebook_is_refused_by_processes(shared: Warehouse) -> None:
    class Local(Cross):
        pass

    with pytest.raises(BtError, match="other processes cannot import it"):
        bt.Sweep(executor="processes", workers=1).run(Local, shared, **SPAN)


class Killing:
    """Kill a process that tries sets, as a system without memory does."""

    killed = False

    def stage(self, name: str) -> None: ...

    def say(self, sentence: str) -> None: ...

    def tried(self, done: int, total: int | None, best: str) -> None:
        if done == 1 and not self.killed:
            self.killed = True
            os.kill(children()[-1], signal.SIGKILL)


def children() -> list[int]:
    """Give the processes of this one that try sets."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_a_sweep_in_one_sentence(own: Warehouse) -> None:
    sweep = bt.Sweep(search={"fast": range(2, 60), "slow": [61, 62]}, executor="processes", workers=2, min_trades=0)
    with pytest.raises(BtError, match="a worker process has ended"):
        sweep.run(Cross, own, **SPAN, listener=Killing())
    assert own.query("select status from runs").rows() == [("interrupted",)]
    stored = own.query("select trial from trials order by trial")["trial"].to_list()
    assert stored == list(range(1, len(stored) + 1))
    assert sweep.run(Cross, own, **SPAN, resume=True).get_results().run["sets"] == 116


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Give the address of a Dask scheduler with two worker processes, as a user starts them."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_LOGGING__DISTRIBUTED": "info"}
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stderr=subprocess.PIPE)
        started.append(process)
        return process

    def heard(process: subprocess.Popen[str], sign: str) -> str:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(sign, line):
                return found[1]
        raise AssertionError(f"{process.args} ended without {sign}")

    try:
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0")
        address = heard(scheduler, r"Scheduler at:\s+tcp://(\S+)")
        for _ in range(2):
            worker = start("worker", f"tcp://{address}", "--nworkers", "1", "--nthreads", "2", "--no-dashboard")
            heard(worker, r"(Registered to)")
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.communicate()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of dask itself
def test_a_cluster(shared: Warehouse, single: Any, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"search": {"fast": range(2, 13)}}
    learning = {"sampler": "tpe", "trials": 20, "seed": 2}
    with cluster(tmp_path) as address:
        there = {"executor": f"dask://{address}"}
        alike(left(shared, **settings, **there), single(shared, **settings))
        alike(left(shared, **settings, **learning, **there), single(shared, **settings, **learning))
        alike(left(shared, Weights, **there), single(shared, Weights))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of dask itself
def test_two_sweeps_on_one_cluster_do_not_get_in_each_others_way(
    shared: Warehouse, own: Warehouse, single: Any, tmp_path: Path
) -> None:
    from threading import Thread

    with own.write() as connection:  # other values under the same names
        connection.execute("update candles set high = high * 1.01, close = close * 1.01")
    settings: dict[str, Any] = {"search": {"fast": range(2, 13)}}
    wanted = left(own, **settings, workers=1)
    with cluster(tmp_path) as address:
        there = {"executor": f"dask://{address}"}
        found: dict[str, Any] = {}
        other = Thread(target=lambda: found.update(left(own, **settings, **there)))
        other.start()
        mine = left(shared, **settings, **there)
        other.join()
    alike(found, wanted)
    alike(mine, single(shared, **settings))


def test_what_one_sweep_sends_to_a_worker_is_not_taken_for_anothers(shared: Warehouse, own: Warehouse) -> None:
    with own.write() as connection:  # other values under the same names
        connection.execute("update candles set high = high * 1.01, close = close * 1.01")
    params = {"fast": 3, "slow": 13}
    candidate, sent, wanted = (params, (0, 0)), [], []
    for warehouse in (shared, own):
        request = Request(symbols=("ALPHAUSDT",), timeframe="4h")
        attempt = Attempt.prepared(bt.Sweep(), Cross, warehouse, request, Clock(Unheard()))
        stage = replace(attempt.stage, parts=(FoldPart(0, "in", attempt.first, attempt.end),))
        [columns] = attempt.supply.of([Cross(**params)])
        letter = remote.Letter(
            key=stage.key, version=bt.__version__, number=1, candidate=candidate, indicators=tuple(columns),
            stage=remote.packed(stage), columns=columns,
        )  # fmt: skip
        sent.append(letter)
        wanted.append(evaluate(stage, columns, 1, candidate).parts[0].days)
    mine, theirs = sent
    assert not np.array_equal(*wanted)
    assert remote.answer(mine._replace(columns={})) == remote.Wanting(False, mine.indicators)  # it has the stage by now
    assert remote.answer(theirs._replace(columns={})) == remote.Wanting(False, theirs.indicators)  # and forgets it
    assert remote.answer(mine._replace(stage=None)).stage
    assert remote.answer(theirs._replace(columns={})) == remote.Wanting(False, theirs.indicators)
    assert remote.answer(theirs._replace(stage=None)).parts[0].days.tobytes() == wanted[1].tobytes()
    assert remote.answer(mine).parts[0].days.tobytes() == wanted[0].tobytes()


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        ("thread", "did you mean 'threads'"),
        pytest.param("dask://127.0.0.1:1", "no Dask scheduler answers at 127.0.0.1:1", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of dask itself
def test_executors_that_are_none(own: Warehouse, executor: str, message: str) -> None:
    with pytest.raises(BtError, match=message):
        bt.Sweep(executor=executor).run(Cross, own, **SPAN)
    assert own.query("select count(*) from runs").item() == 0
