"""Workers before the first set: what a cluster must have, and what is told of what strategies print."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bt
from bt.errors import BtError, ExchangeError, ExitCode
from bt.strategy import Request
from bt.strategy.listening import Clock
from bt.sweep import Attempt, FoldPart, Unheard
from bt.sweep.workers import workers
from bt.warehouse import Warehouse
from tests.sweep.kept import SYMBOLS
from tests.sweep.strategies import Cross, Odd

ROOT = Path(__file__).parents[2]
SPAN: dict[str, Any] = {"symbols": SYMBOLS, "timeframe": "4h"}


def test_where_no_scheduler_answers_it_is_said_before_anything_is_read(own: Warehouse) -> None:
    pytest.importorskip("distributed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=lambda: server.accept()[0].close()).start()  # something else listens there
        for why in ("what listens there is no scheduler", "Connection refused"):
            with pytest.raises(ExchangeError, match=f"no Dask scheduler answers at 127.0.0.1:{port}: {why}") as error:
                bt.Sweep(executor=f"dask://127.0.0.1:{port}").run(Cross, own, **SPAN)
            assert error.value.code == ExitCode.NETWORK
            server.close()
    assert own.query("select count(*) from runs").item() == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of dask itself
@pytest.mark.parametrize("there", ["nothing", "another"])
def test_workers_without_bt_or_with_another_are_named_before_a_set_is_tried(
    own: Warehouse, tmp_path: Path, there: str
) -> None:
    if there == "another":
        (tmp_path / "bt").mkdir()
        (tmp_path / "bt" / "__init__.py").write_text('__version__ = "0.0.1"')
    said = {"nothing": "bt is missing", "another": "bt 0.0.1"}[there] + f" .here {bt.__version__}"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DASK_LOGGING__DISTRIBUTED": "info"}
    started = []

    def start(sign: str, *arguments: str) -> str:
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stderr=subprocess.PIPE)
        started.append(process)
        return next(found[1] for line in process.stderr or () if (found := re.search(sign, line)))

    try:
        address = start(r"Scheduler at:\s+tcp://(\S+)", "scheduler", "--host", "127.0.0.1", "--port", "0",
                        "--dashboard-address", ":0")  # fmt: skip
        start(r"(Registered to)", "worker", f"tcp://{address}", "--nworkers", "1", "--no-dashboard")
        with pytest.raises(BtError, match=rf"Dask worker tcp://\S+: {said}"):
            bt.Sweep(executor=f"dask://{address}").run(Cross, own, **SPAN)
    finally:
        for process in reversed(started):
            process.terminate()
            process.communicate()
    assert own.query("select count(*) from runs").item() == 0


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_what_strategies_print_is_told_in_a_few_lines_and_stdout_stays_data(
    shared: Warehouse, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    request = Request(symbols=("ALPHAUSDT",), timeframe="4h")
    attempt = Attempt.prepared(bt.Sweep(search={"n": [5]}), Odd, shared, request, Clock(Unheard()))
    stage = replace(attempt.stage, parts=(FoldPart(0, "in", attempt.first, attempt.end),))
    told: list[str] = []
    with workers(kind, 1, told.append) as crew:
        for number in (1, 2):
            crew.submit(stage, {}, number, ({"way": "prints", "n": 4 + number}, (0, number))).result()
        print("\n".join(f"\x1b[31m line {each}" for each in range(9)))
    assert capfd.readouterr().out == ""
    assert told[-1] == "signals printed more, which is not shown"
    assert sorted(told[:-1]) == sorted(
        ["signals printed: hello", *(rf"signals printed: \x1b[31m line {each}" for each in range(4))]
    )
