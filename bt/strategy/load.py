"""Where strategies are found, and what is said when a file does not hold a working one."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bt import assets
from bt.errors import BtError, hint
from bt.strategy.base import BaseStrategy, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE: Final = "bt_strategies"  # a strategy's file is a module in it: one may be called random


def folders(workspace: Path) -> list[Path]:
    """List where strategies are looked for: the workspace's own, then the examples that come with bt."""
    own = workspace / "strategies"
    examples = assets.folder("strategies")
    return [own, examples] if own.resolve() != examples.resolve() else [own]


def names(workspace: Path) -> dict[str, Path]:
    """List the strategies that can be called by name; a workspace's own hides an example of that name."""
    found: dict[str, Path] = {}
    for folder in reversed(folders(workspace)):
        found |= {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}
    return dict(sorted(found.items()))


def load(wanted: str, workspace: Path) -> type[BaseStrategy]:
    """Find a strategy by name or path and import it; a broken file gets one clear error."""
    path = Path(wanted)
    if path.suffix != ".py":
        known = names(workspace)
        if wanted not in known:
            raise BtError(f"there is no strategy {wanted!r}", hint(wanted, known) if known else f"bt new {wanted}")
        path = known[wanted]
    if not path.is_file():
        raise BtError(f"there is no strategy file {path}", f"bt new {path.stem} makes one")
    _require_python(path)
    return _only_strategy(path, _imported(path))


def anew(strategy: BaseStrategy) -> BaseStrategy:
    """Make a strategy again, from its file if it was loaded from one: what it kept, itself or its module, is gone."""
    kind, path = type(strategy), Path(inspect.getsourcefile(type(strategy)) or "")
    if not dataclasses.is_dataclass(strategy):
        return strategy
    if kind.__module__ == f"{_PACKAGE}.{path.stem}":
        kind = _only_strategy(path, _imported(path))
    return kind(**{field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)})


def _imported(path: Path) -> object:
    name = f"{_PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BtError(f"{path} cannot be imported", "a strategy is a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is data
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise BtError(f"{path}, line {line_in(path, error)}: {described(error)}", "mend the file") from error
    return module


def line_in(path: Path | str, error: BaseException) -> int:
    """Give the last line of `path` that an error passed through."""
    lines = [
        frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == Path(path)
    ]
    return lines[-1] if lines else 0


def described(error: BaseException) -> str:
    """Give an error's kind and its first line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def _only_strategy(path: Path, module: object) -> type[BaseStrategy]:
    found = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, BaseStrategy)
        and member is not BaseStrategy
        and member.__module__ == f"{_PACKAGE}.{path.stem}"
    ]
    if len(found) != 1:
        what = "no strategy" if not found else f"{len(found)} strategies"
        raise BtError(f"{path} holds {what}", "a file has exactly one class that derives from bt.BaseStrategy")
    if inspect.isabstract(found[0]):
        raise BtError(f"{path}: {found[0].__name__} has no signals()", "write def signals(self, market): …")
    parameters(found[0])
    return found[0]


def _require_python(path: Path) -> None:
    """Refuse what is not Python text, naming the line."""
    try:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise BtError(f"{path}, line {error.lineno}: SyntaxError: {error.msg}", "mend the file") from None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BtError(f"{path} is not Python text: {error}", "a strategy is a UTF-8 Python file") from None


def template(name: str) -> str:
    """Give the text of a new strategy file that runs."""
    title = "".join(part.capitalize() for part in name.split("_"))
    text: str = (assets.folder("strategies") / "ema_cross.py").read_text(encoding="utf-8")
    return text.replace("EmaCross", title)


@dataclasses.dataclass(frozen=True)
class Portable:
    """A strategy as it can be taken to another process: the text of its file, or a class that can be imported there."""

    name: str
    text: str | None
    kind: type[BaseStrategy] | None

    def strategy(self) -> type[BaseStrategy]:
        """Give the strategy."""
        if self.text is None:
            assert self.kind is not None  # noqa: S101 - for the type checker
            return self.kind
        folder = Path(tempfile.mkdtemp(prefix="bt-strategy-"))
        try:
            path = folder / f"{self.name}.py"
            path.write_text(self.text, encoding="utf-8")
            return _only_strategy(path, _imported(path))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def from_text(name: str, text: str) -> Iterator[type[BaseStrategy]]:
    """Give the strategy that a text is, as if it were the file of a strategy of that name, inside the block.

    The text is run by this: it must be known to whoever asks for it.
    """
    with tempfile.TemporaryDirectory(prefix="bt-strategy-") as folder:
        path = Path(folder) / f"{name if name.isidentifier() else 'stored'}.py"
        path.write_text(text, encoding="utf-8")
        _require_python(path)
        yield _only_strategy(path, _imported(path))


def carried(strategy: type[BaseStrategy]) -> Portable:
    """Make a strategy portable; one that only lives in a notebook or script is refused."""
    path = Path(inspect.getsourcefile(strategy) or "") if strategy.__module__ != "__main__" else Path()
    if strategy.__module__ == f"{_PACKAGE}.{path.stem}":
        return Portable(path.stem, path.read_text(encoding="utf-8"), None)
    if strategy.__module__ == "__main__" or "<locals>" in strategy.__qualname__:
        raise BtError(
            f"{strategy.__qualname__} lives in a notebook or script: other processes cannot import it",
            "put it into a file of its own in strategies/, or use threads",
        )
    return Portable(strategy.__module__, None, strategy)
