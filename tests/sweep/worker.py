"""One sweep or walk-forward in a process of its own, to be stopped: `python -m tests.sweep.worker JSON`."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass, field
from typing import Any

import bt
from bt.sweep import course
from bt.warehouse import Warehouse
from tests.sweep.strategies import Cross

FAST = {"fast": list(range(2, 27)), "slow": [30, 41]}


@dataclass(frozen=True, kw_only=True)
class Job:
    path: str
    walk: bool = False
    resume: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    stored_at: int = 200  # days of trials that are stored at once
    stop: int = 0  # when so many sets are tried …
    how: int = 0  # … send this signal to the process itself


class Told:
    """Say in lines what is heard, and stop where the job says so."""

    def __init__(self, job: Job) -> None:
        self.job, self.stopped = job, False

    def stage(self, name: str) -> None:
        print(name, flush=True)

    def say(self, sentence: str) -> None:
        print(sentence, flush=True)

    def tried(self, done: int, total: int | None, best: str) -> None:
        if self.job.how and done == self.job.stop and not self.stopped:
            self.stopped = True
            signal.raise_signal(signal.Signals(self.job.how))


def work(job: Job) -> bt.Results:
    """Do the job in this process."""
    sweep = bt.Sweep(**{"search": FAST, "min_trades": 1, "workers": 2} | job.settings)
    what: Any = bt.WalkForward(train="6d", test="3d", step="5d", sweep=sweep) if job.walk else sweep
    whole, course._STORED_AT = course._STORED_AT, job.stored_at
    try:
        run = what.run(
            Cross, Warehouse(job.path), symbols=["ALPHAUSDT"], timeframe="1h", resume=job.resume, listener=Told(job)
        )
    finally:
        course._STORED_AT = whole
    return run.get_results()


if __name__ == "__main__":
    print("imported", flush=True)
    try:
        work(Job(**json.loads(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
    except bt.BtError as error:
        sys.exit(str(error))
    print("done", flush=True)
