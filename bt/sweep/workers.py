"""Where parameter sets are tried: in threads, in processes, or on a Dask cluster; the results are the same bytes.

All three are a `concurrent.futures.Executor`. Threads share the stage and its columns. A process, or a machine of a
cluster, keeps what it was sent once: a set goes out without data, comes back naming what is wanting, and goes out again
with it.
"""

from __future__ import annotations

import os
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bt import __version__
from bt.errors import BtError, hint
from bt.sweep import remote
from bt.sweep.stage import Stage, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bt.market import Columns
    from bt.sweep.stage import Candidacy, Trialed

KINDS: Final = ("threads", "processes", "dask://HOST:PORT")
_DASK: Final = "dask://"
_PATIENCE: Final = 10  # seconds to reach a Dask scheduler


class Workers:
    """Try sets of one stage, `count` at once; `apart` where workers do not share this process's memory."""

    def __init__(self, executor: Executor, count: int, *, apart: bool) -> None:
        self.count = count
        self._executor = executor
        self._apart = apart
        self._packed = lru_cache(maxsize=1)(remote.packed)  # stages come one after the other

    def submit(self, stage: Stage, columns: Columns, number: int, candidate: Candidacy) -> Future[Trialed]:
        """Begin to try one set; the future's result is what `evaluate` gives."""
        if not self._apart:
            return self._executor.submit(evaluate, stage, columns, number, candidate)
        letter = remote.Letter(
            key=stage.key, version=__version__, number=number, candidate=candidate,
            indicators=tuple(columns), stage=None, columns={},
        )  # fmt: skip
        outer: Future[Trialed] = Future()
        outer.set_running_or_notify_cancel()
        self._send(letter, stage, columns, outer)
        return outer

    def _send(self, letter: remote.Letter, stage: Stage, columns: Columns, outer: Future[Trialed]) -> None:
        def came(inner: Future[Any]) -> None:
            try:
                answer = inner.result()
                if isinstance(answer, remote.Wanting):
                    sent = letter._replace(
                        stage=self._packed(stage) if answer.stage else None,
                        columns={each: columns[each] for each in (columns if answer.stage else answer.indicators)},
                    )
                    self._send(sent, stage, columns, outer)
                else:
                    outer.set_result(answer)
            except BrokenExecutor:
                outer.set_exception(_gone())
            except (RuntimeError, ImportError, AttributeError) as error:
                cause = f"a worker failed: {type(error).__name__}: {str(error).strip().splitlines()[0]}"
                cure = (
                    f"scheduler and workers must have bt {__version__} installed; what is done is stored, see --resume"
                )
                outer.set_exception(BtError(cause, cure))
            except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
                outer.set_exception(error)

        try:
            self._executor.submit(remote.answer, letter).add_done_callback(came)
        except BrokenExecutor:
            outer.set_exception(_gone())


def _gone() -> BtError:
    return BtError("a worker process has ended, killed or out of memory", "go on with --resume and fewer --workers")


@contextmanager
def workers(kind: str, count: int | None) -> Iterator[Workers]:
    """Give workers of a kind; when the block ends early, sets that have not begun are dropped."""
    several = count or os.cpu_count() or 1
    if kind.startswith(_DASK):
        with _cluster(kind.removeprefix(_DASK)) as (cluster, there):
            yield Workers(cluster, count or there, apart=True)
        return
    executor: Executor
    if kind == "threads":
        executor = ThreadPoolExecutor(several, thread_name_prefix="sweep")
    elif kind == "processes":
        from multiprocessing import get_context

        executor = ProcessPoolExecutor(several, mp_context=get_context("spawn"), initializer=remote.begin)
    else:
        raise BtError(f"unknown executor {kind!r}", hint(kind, KINDS))
    try:
        yield Workers(executor, several, apart=kind == "processes")
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError:
        raise BtError("Dask is not installed", "pip install 'bt-warehouse[dask]'") from None
    try:
        client: Any = Client(f"tcp://{address}", timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise BtError(f"no Dask scheduler answers at {address}: {error}", "start one: dask scheduler") from None
    with client:
        there = sum(client.nthreads().values())
        if not there:
            raise BtError(f"the Dask scheduler at {address} has no workers", f"start some: dask worker tcp://{address}")
        yield client.get_executor(pure=False), there
