"""Which of the user's own modules a strategy is made of: what they say decides a result as its own file does."""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

_LIBRARIES: Final = ("stdlib", "platstdlib")
_INSTALLED: Final = {"site-packages", "dist-packages"}  # folders of packages, in whatever environment


def imported(text: str) -> dict[str, str]:
    """Give the modules that a Python text imports, and those that they import: name to the SHA-256 of the file.

    Of what belongs to Python, to an installed package or to bt none is given, nor what no `import` statement names.
    """
    found: dict[str, str] = {}
    waiting = list(_named(text, ""))
    while waiting:
        name = waiting.pop()
        spec = None if name in found else _spec(name)
        if spec is None or not spec.origin or not _is_own(Path(spec.origin)):
            continue
        content = Path(spec.origin).read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()[:16]
        waiting += _named(content.decode(errors="replace"), spec.parent or "")
    return dict(sorted(found.items()))


def _named(text: str, package: str) -> Iterator[str]:
    """Give the names of all modules that a text may import, with the packages that they lie in."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # of a compiled module, or a class that was written in a notebook
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            source = "." * node.level + (node.module or "")
            start = resolve_name(source, package) if node.level else source
            names = [start, *(f"{start}.{each.name}" for each in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: place + 1]) for place in range(len(parts)))


def _spec(name: str) -> ModuleSpec | None:
    """Find a module without executing anything: of a package that is not imported nothing is known."""
    if (package := name.rpartition(".")[0]) and package not in sys.modules:
        return None
    try:
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):  # it is no module, or lies in none
        return None


def _is_own(path: Path) -> bool:
    if not path.is_file() or _INSTALLED & {*path.resolve().parts}:
        return False
    return not any(folder in path.resolve().parents for folder in _foreign())


@cache
def _foreign() -> frozenset[Path]:
    paths, own = sysconfig.get_paths(), Path(str(bt.__file__)).parent
    return frozenset([*(Path(paths[name]).resolve() for name in _LIBRARIES), own.resolve()])
