"""Where parameter sets are tried: in threads, in processes, or on a Dask cluster; the results are the same bytes.

All three are a `concurrent.futures.Executor`. Threads share the stage and its columns. A process, or a machine of a
cluster, keeps what it was sent once: a set goes out without data, comes back naming what is wanting, and goes out again
with it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import socket
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bt import __version__
from bt.errors import BtError, ExchangeError, hint
from bt.sweep import remote
from bt.sweep.arguments import told
from bt.sweep.printed import Printed
from bt.sweep.stage import Stage, evaluate
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bt.market import Columns
    from bt.sweep.stage import Candidacy, Trialed

KINDS: Final = ("threads", "processes", "dask://HOST:PORT")
_DASK: Final = "dask://"
_ADDRESS: Final = re.compile(r"([^\s:/]+|\[[0-9a-fA-F:]+\]):([1-9]\d{0,4})")
_PATIENCE: Final = 5  # seconds to reach a Dask scheduler


class Workers:
    """Try sets of one stage, `count` at once; `apart` where workers do not share this process's memory."""

    def __init__(self, executor: Executor, count: int, *, apart: bool, printed: Printed | None = None) -> None:
        self.count = count
        self._printed = printed  # takes what strategies print in processes
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
                answer = self._heard(inner.result())
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
            answering = remote.answer if self._printed is None else remote.answer_aloud
            self._executor.submit(answering, letter).add_done_callback(came)
        except BrokenExecutor:
            outer.set_exception(_gone())

    def _heard(self, answer: Any) -> Any:
        """Give what was answered, once what was printed with it is taken."""
        if not isinstance(answer, remote.Aloud):
            return answer
        if self._printed is not None:
            self._printed.take(answer.printed)
        return answer.answer


def _gone() -> BtError:
    return BtError("a worker process has ended, killed or out of memory", "go on with --resume and fewer --workers")


def require_executor(kind: Any) -> None:
    """Refuse what is no kind of workers, and an address of a cluster without host and port."""
    if isinstance(kind, str) and kind.startswith(_DASK):
        if not _ADDRESS.fullmatch(kind.removeprefix(_DASK)):
            raise BtError(f"executor {kind!r} names no scheduler", "dask://HOST:PORT, such as dask://127.0.0.1:8786")
    elif kind not in KINDS[:2]:
        raise BtError(f"unknown executor {told(kind)}", hint(str(kind), KINDS))


@contextmanager
def workers(kind: str, count: int | None, say: Callable[[str], None] | None = None) -> Iterator[Workers]:
    """Give workers of a kind; when the block ends early, sets that have not begun are dropped.

    What strategies print meanwhile, except on a cluster, is said in a few lines at the end, or by nobody.
    """
    several = count or os.cpu_count() or 1
    if kind.startswith(_DASK):
        with _cluster(kind.removeprefix(_DASK)) as (cluster, there):
            yield Workers(cluster, count or there, apart=True)
        return
    executor: Executor
    printed = Printed()
    if kind == "threads":
        executor = ThreadPoolExecutor(several, thread_name_prefix="sweep")
    else:
        from multiprocessing import get_context

        executor = ProcessPoolExecutor(several, mp_context=get_context("spawn"), initializer=remote.begin)
    try:
        with redirect_stdout(printed):
            yield Workers(executor, several, apart=kind == "processes", printed=printed)
    finally:
        executor.shutdown(cancel_futures=True)
        if say:
            for sentence in printed.sentences():
                say(sentence)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    from distributed import Client

    try:
        client: Any = Client(f"tcp://{address}", timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - what listens there may be no scheduler at all
        raise _unreachable(address, error) from None
    with client:
        there = sum(client.nthreads().values())
        if not there:
            raise BtError(f"the Dask scheduler at {address} has no workers", f"start some: dask worker tcp://{address}")
        _require_alike(client.run(remote.versions_there(), on_error="return"))
        yield client.get_executor(pure=False), there


def require_reachable(kind: str) -> None:
    """Refuse a cluster whose scheduler does not listen, before anything is read."""
    if not kind.startswith(_DASK):
        return
    if importlib.util.find_spec("distributed") is None:
        raise BtError("Dask is not installed", "pip install 'bt-warehouse[dask]'")
    address = kind.removeprefix(_DASK)
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE) as line:
            if not line.recv(1):  # a scheduler speaks first
                raise ConnectionError("what listens there is no scheduler")
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> ExchangeError:
    why = getattr(error, "strerror", None) or shown(str(error).strip() or type(error).__name__)
    return ExchangeError(f"no Dask scheduler answers at {address}: {why}", "start one: dask scheduler")


def _require_alike(found: Mapping[str, Any]) -> None:
    """Refuse workers that have not what this process has: they would fail, or give other numbers."""
    here = remote.versions_there()()
    for worker, there in sorted(found.items()):
        if isinstance(there, BaseException):
            raise BtError(f"Dask worker {worker} fails: {type(there).__name__}: {shown(there)}", "mend that worker")
        other = [
            f"{name} {there[name] or 'is missing'} (here {mine})" for name, mine in here.items() if there[name] != mine
        ]
        if other:
            raise BtError(
                f"Dask worker {worker}: {', '.join(other)}", "install the same versions there, then start it anew"
            )
