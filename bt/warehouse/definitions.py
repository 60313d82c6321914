"""What a file of `sql/` says: which relation it makes, in words and as SQL, without a database.

The header is the lines of comment it begins with: the first says what one row is. A macro's parameters may have
defaults, and a line `outputs: rsi (0 to 100), …` names the columns it adds, with their units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CREATE: Final = re.compile(
    r"^\s*create\s+(?:or\s+replace\s+)?(?P<kind>table|view|macro)\s+(?:if\s+not\s+exists\s+)?(?P<name>\w+)\s*",
    re.IGNORECASE | re.MULTILINE,
)
_BODY: Final = re.compile(r"\s*as\b(?P<table>\s+table\b)?", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"(\w+)\s*(?::=\s*('[^']*'|[^,]+))?")
_OUTPUT: Final = re.compile(r"(\w+)\s*(?:\(([^)]*)\))?")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One relation as its file defines it."""

    name: str
    kind: str  # table, view, macro (gives one value) or macro table (gives rows)
    path: Path
    header: tuple[str, ...]  # its lines of comment; the first says what one row is
    parameters: Mapping[str, str]  # of a macro: name to default as written, empty = must be given
    body: str  # what follows `as`; of a table, its columns in brackets

    @property
    def layer(self) -> str:
        """Name the folder it lies in."""
        return self.path.parent.name

    @property
    def outputs(self) -> dict[str, str]:
        """Give what the header says of the columns it adds, name to unit."""
        said = next((line for line in self.header if line.startswith("outputs:")), "")
        return {found[1]: found[2] or "" for found in _OUTPUT.finditer(said.removeprefix("outputs:"))}

    @property
    def call(self) -> str:
        """Write how it is called: `bars(timeframe)`, `rsi(timeframe, n := 14)`, or its bare name."""
        if not self.kind.startswith("macro"):
            return self.name
        written = (f"{key} := {value}" if value else key for key, value in self.parameters.items())
        return f"{self.name}({', '.join(written)})"


def define(path: Path, text: str) -> Definition:
    """Read one file's text; it must begin with a comment and create the relation it is named after."""
    header = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line.removeprefix("--").strip())
    if not header:
        raise BtError(f"{path.name} must begin with a comment that says what one row is")
    found = _CREATE.search(text)
    if found is None or found["name"] != path.stem:
        raise BtError(f"{path.name} must create a table, view or macro named {path.stem}")
    kind, rest, parameters = found["kind"].lower(), text[found.end() :], {}
    if kind == "macro":
        inside, rest = _brackets(rest)
        parameters = {match[1]: (match[2] or "").strip() for match in _PARAMETER.finditer(inside)}
    if kind != "table":
        body = _BODY.match(rest)
        if body is None:
            raise BtError(f"{path.name}: there is no `as` after the name of {path.stem}")
        kind, rest = kind + (" table" if body["table"] else ""), rest[body.end() :]
    return Definition(
        name=path.stem,
        kind=kind,
        path=path,
        header=tuple(header),
        parameters=parameters,
        body=rest.strip().removesuffix(";"),
    )


def definitions(files: Iterable[Path]) -> dict[str, Definition]:
    """Read the files, in their order; two must not define one relation."""
    known: dict[str, Definition] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BtError(f"cannot read {path}: {error}", "mend or remove it") from error
        known[path.stem] = define(path, text)
    return known


def defined(name: str, known: Mapping[str, Definition]) -> Definition:
    """Find a relation; an unknown name is refused with a hint."""
    if name.lower() not in known:
        raise BtError(f"there is no relation {name!r}", hint(name.lower(), known))
    return known[name.lower()]


def _brackets(text: str) -> tuple[str, str]:
    """Split at the bracket that closes the first one; give what is inside, without comments, and what follows."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and depth == 0:
            return re.sub(r"--[^\n]*", "", text[text.index("(") + 1 : place]), text[place + 1 :]
    return "", text
