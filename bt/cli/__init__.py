"""The command `bt`: parse, one call, print."""

from __future__ import annotations

import os
import signal
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from types import FrameType


_ELSEWHERE = {"backtesting": "run"}  # what freqtrade calls it


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code; nothing but `-vv` shows a traceback."""
    from bt.cli.app import app
    from bt.output.narration import Narrator

    narrator = Narrator("json" if _asks_for_json(arguments) else "plain")
    if arguments and arguments[0] in _ELSEWHERE:
        narrator.say(f"{arguments[0]} is bt {_ELSEWHERE[arguments[0]]} here")
        arguments = [_ELSEWHERE[arguments[0]], *arguments[1:]]
    try:
        answer = app(args=arguments, prog_name="bt", standalone_mode=False)
    except BtError as error:
        _traceback(arguments)
        narrator.failed(error.what, error.cure, error.code)
        return int(error.code)
    except KeyboardInterrupt:
        narrator.failed("interrupted", "nothing was left half done", ExitCode.INTERRUPTED)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 - the last resort, so that a user never meets a traceback
        code = _usage_error(error, narrator)
        if code is None:
            _traceback(arguments)
            narrator.failed(f"unexpected {type(error).__name__}: {error}", "run it again with -vv and report it", 1)
            return int(ExitCode.INCOMPLETE)
        return code
    return int(answer) if isinstance(answer, int) else int(ExitCode.OK)


def _usage_error(error: Exception, narrator: Any) -> int | None:
    """Turn typer's own complaints into ours; None where it is none of them."""
    code = getattr(error, "exit_code", None)
    if code is None:
        return None
    message = getattr(error, "format_message", None)
    if message is not None:
        context = getattr(error, "ctx", None)
        narrator.failed(message(), f"{context.command_path} --help" if context else "bt --help", ExitCode.USAGE)
        return int(ExitCode.USAGE)
    return int(code)


def _asks_for_json(arguments: list[str]) -> bool:
    return "--progress=json" in arguments or any(pair == ("--progress", "json") for pair in pairwise(arguments))


def _traceback(arguments: list[str]) -> None:
    if "-vv" in arguments:
        import traceback

        traceback.print_exc()


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(int(ExitCode.TERMINATED))
