"""The command `bt`: parse, one call, print."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import FrameType

    from bt.output.narration import Narrator

Answer = TypeVar("Answer")

_ELSEWHERE = {"backtesting": "run", "download-data": "ingest", "hyperopt": "sweep"}  # what freqtrade calls it
_PATIENCE = 1.2  # s between a signal and the end, whatever still runs
_SIGNALS = {"SIGINT": ExitCode.INTERRUPTED, "SIGTERM": ExitCode.TERMINATED, "SIGHUP": ExitCode.TERMINATED}


class Stopped(BaseException):
    """The user, or the system, wants this process to end; no `except Exception` on the way may take it for a fault.

    `what` says what was done until then, `cure` how it goes on.
    """

    def __init__(
        self, what: str = "stopped", cure: str = "what was stored is whole; the same command again does the rest"
    ) -> None:
        super().__init__(what)
        self.what, self.cure = what, cure


_deaf = [
    True
]  # while something is in it a signal is noted, and heard later: nothing can be told of it yet, or any more
_stopped: list[ExitCode] = []  # set by the first signal; libraries may turn what it raises into errors of their own


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    code = run(sys.argv[1:])
    if _stopped:  # a thread may hang in what was broken off, an import for one: wait for nobody
        os._exit(code)
    try:
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _told_by().failed(f"cannot write: {error.strerror}", "", ExitCode.INCOMPLETE)
        os._exit(code or int(ExitCode.INCOMPLETE))
    sys.exit(code)


@lru_cache(maxsize=1)
def _command() -> Any:
    """Give the tree of commands, which takes as long to make as a short command."""
    from typer.main import get_command

    from bt.cli.app import app

    return get_command(app)


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code; nothing but `-vv` shows a traceback."""
    _deaf[:] = [True]
    from bt.output.narration import Narrator

    narrator = Narrator("json" if _asks_for_json(arguments) else "plain")
    if arguments and arguments[0] in _ELSEWHERE:
        narrator.say(f"{arguments[0]} is bt {_ELSEWHERE[arguments[0]]} here")
        arguments = [_ELSEWHERE[arguments[0]], *arguments[1:]]
    try:
        command = _command()
        _deaf.clear()
        if _stopped:
            raise Stopped  # noqa: TRY301 - what was noted until now
        answer = command(args=arguments, prog_name="bt", standalone_mode=False)
        _deaf.append(True)
    except (Exception, KeyboardInterrupt, Stopped, SystemExit) as error:  # noqa: BLE001 - a user never meets a traceback
        _deaf.append(True)
        if "-vv" in arguments:
            import traceback

            traceback.print_exc()
        return _failed(error, narrator)
    if _stopped:  # typer makes an exit of its own of it
        return _failed(Stopped(), narrator)
    return _ended(answer, narrator)


def _ended(answer: Any, narrator: Narrator) -> int:
    """Tell programs that this is the end and what there is now, and give the exit code."""
    from bt.output import Done

    done = answer if isinstance(answer, Done) else Done(code=int(answer) if isinstance(answer, int) else 0)
    narrator.event(done)
    return int(done.code)


def _failed(error: BaseException, narrator: Narrator) -> int:
    """Say what ended the command, and give the exit code for it."""
    if _stopped or isinstance(error, (KeyboardInterrupt, Stopped)):
        code = _stopped[0] if _stopped else ExitCode.INTERRUPTED
        told = error if isinstance(error, Stopped) else Stopped()
        narrator.failed(told.what, told.cure, code)
        return int(code)
    if isinstance(error, BtError):
        narrator.failed(error.what, error.cure, error.code)
        return int(error.code)
    if isinstance(error.__context__ if isinstance(error, SystemExit) else error, BrokenPipeError):  # click exits on it
        _forget_stdout()
        return _ended(ExitCode.OK, narrator)
    if isinstance(error, OSError) and error.strerror:
        narrator.failed(
            f"{error.strerror}: {error.filename or 'stdout'}", "check space and permissions", ExitCode.USAGE
        )
        return int(ExitCode.USAGE)
    if hasattr(error, "exit_code"):
        return _usage_error(error, narrator)
    narrator.failed(f"unexpected {type(error).__name__}: {error}", "run it again with -vv and report it", 1)
    return int(ExitCode.INCOMPLETE)


def _usage_error(error: Any, narrator: Narrator) -> int:
    """Turn typer's own complaints into ours."""
    from bt.output.events import Error

    if not hasattr(error, "format_message"):
        narrator.event(Error(code=int(error.exit_code), what="stopped", cure=""))
        return int(error.exit_code)
    context = getattr(error, "ctx", None)
    narrator.failed(
        error.format_message(), f"{context.command_path} --help" if context else "bt --help", ExitCode.USAGE
    )
    return int(ExitCode.USAGE)


def _asks_for_json(arguments: list[str]) -> bool:
    return "--progress=json" in arguments or ("--progress", "json") in pairwise(arguments)


def _told_by() -> Narrator:
    """Give what this process tells its end with."""
    from bt.output.narration import Narrator

    return Narrator("json" if _asks_for_json(sys.argv[1:]) else "plain")


def _forget_stdout() -> None:
    """Let nothing be written to a pipe that nobody reads any more, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(number: int, _frame: FrameType | None) -> None:
    _note_stop(number)
    if not _deaf:
        raise Stopped


def _note_stop(number: int) -> None:
    if _stopped:  # asked twice: now
        os._exit(_stopped[0])
    _stopped.append(_SIGNALS[signal.Signals(number).name])


def is_stopped() -> bool:
    """Say whether a signal asked for the end; what it raised may have become another error on the way."""
    return bool(_stopped)


def awaited(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run asynchronous work; a signal cancels it, where an exception in some callback of the loop would be lost."""
    import asyncio

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    async def cancellable() -> Answer:
        task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()

        def stop(number: int) -> None:
            _note_stop(number)
            task.cancel()
            loop.call_later(_PATIENCE, end_now)  # a thread may wait for the warehouse, and would be waited for

        def end_now() -> None:
            os._exit(_failed(Stopped(), _told_by()))

        with suppress(NotImplementedError, RuntimeError):  # not POSIX, or not the main thread: as everywhere else
            for number in numbers:
                loop.add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise Stopped from None
    finally:
        with suppress(ValueError):  # not the main thread
            for number, handler in before.items():
                signal.signal(number, handler)
