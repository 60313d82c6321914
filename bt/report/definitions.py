"""What a file of `reports/<name>/` says: the title of a section, how it is drawn, of which columns, and its SQL.

The header is the lines of comment it begins with, each `-- key: text`:

title   what stands above the section (must be there)
chart   one of CHARTS; table where nothing is said
runs    the kinds it is for: run, sweep, walk; all where nothing is said
note    a sentence under the title
x, y, value, by, panel, band, label     the column that plays this part
format  how columns are written: `pnl money, return percent`; `value by unit` where the column unit says it of each row
hide    columns that are not shown
shape   steps: a line that goes on until the next value
width   half: beside another one where there is room
empty   none: nothing is shown where there are no rows

The rest is one SELECT, in which `$run` is the run's id. Its file's name gives the section its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from stat import S_ISREG
from typing import TYPE_CHECKING, Final

from bt import assets
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS: Final = ("run", "sweep", "walk")
CHARTS: Final[dict[str, tuple[str, ...]]] = {  # with the parts that a column must play in it
    "table": (),
    "trades": (),
    "cards": (),
    "facts": (),
    "words": (),
    "code": (),
    "line": ("x", "y"),
    "bar": ("x", "y"),
    "scatter": ("x", "y"),
    "heatmap": ("x", "y", "value"),
    "candles": ("x", "by"),
    "closeups": ("x", "by"),
}
COLUMNS: Final[dict[str, tuple[str, ...]]] = {  # that the answer must have, whatever parts they play
    "cards": ("label", "value"),
    "facts": ("label", "value"),
    "trades": ("trade", "symbol", "side", "entry", "entry_price", "exit", "exit_price", "pnl"),
    "candles": ("open", "high", "low", "close"),
    "closeups": ("open", "high", "low", "close"),
}
PARTS: Final = ("x", "y", "value", "by", "panel", "band", "label")
FORMATS: Final = ("text", "money", "signed", "percent", "gain", "points", "price", "count", "date", "minute")
_CHOICES: Final = {"shape": ("steps",), "width": ("half",), "empty": ("none",)}
_KEYS: Final = ("title", "chart", "runs", "note", "format", "hide", *PARTS, *_CHOICES)
_LINE: Final = re.compile(r"--\s*(\w+)\s*:\s*(.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_LARGEST: Final = 100_000  # bytes of a file


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a report as its file defines it; with a `problem` it can only be told, not drawn."""

    path: Path
    title: str
    sql: str = ""
    chart: str = "table"
    runs: tuple[str, ...] = KINDS
    note: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)  # part to column
    formats: Mapping[str, str] = field(default_factory=dict)  # column to one of FORMATS, digits, or `by COLUMN`
    hidden: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    is_own: bool = False  # the user's, not bt's
    problem: str = ""

    @property
    def needed(self) -> tuple[str, ...]:
        """Give the columns that the answer must have."""
        written = [fmt.removeprefix("by ") for fmt in self.formats.values() if fmt.startswith("by ")]
        return (*COLUMNS.get(self.chart, ()), *self.parts.values(), *written)


def folders(name: str, workspace: Path) -> list[Path]:
    """Give the folders a report is defined in: bt's, and the workspace's. Raises BtError where there is none."""
    if not _NAME.fullmatch(name):
        raise BtError(f"a report cannot be called {name!r}", "--report takes the name of a folder in reports/")
    own, further = assets.folder("reports"), workspace / "reports"
    places = [own] if further.resolve() == own.resolve() else [own, further]
    found = [place / name for place in places if any((place / name).glob("*.sql"))]
    if not found:
        known = {path.parent.name for place in places for path in place.glob("*/*.sql")}
        raise BtError(f"there is no report {name!r}: no reports/{name}/*.sql", hint(name, known))
    return found


def sections(places: list[Path], kind: str) -> list[Section]:
    """Read the sections for a kind of run, in order of their files' names.

    A later folder's file replaces one of its name. One that cannot be read as a section has a `problem` and no SQL.
    """
    files = {path.name: path for place in places for path in sorted(place.glob("*.sql"))}
    bundled = assets.folder("reports").resolve()
    read = [_read(path, is_own=bundled not in path.resolve().parents) for _, path in sorted(files.items())]
    return [section for section in read if section.problem or kind in section.runs]


def _read(path: Path, *, is_own: bool) -> Section:
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            problem = "is no plain file"  # a pipe would be waited for
        elif found.st_size > _LARGEST:
            problem = f"is larger than {_LARGEST:,} bytes"
        else:
            return define(path, path.read_text(encoding="utf-8"), is_own=is_own)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is no UTF-8 text"
    except BtError as error:
        problem = error.what
    return Section(path=path, title=path.stem, is_own=is_own, problem=problem)


def define(path: Path, text: str, *, is_own: bool = True) -> Section:
    """Read the text of one section's file. Raises BtError saying what is wrong with its header."""
    said, rest = _header(text)
    if not said.get("title"):
        raise BtError("there is no title: begin with a line -- title: …")
    if not rest:
        raise BtError("there is no SELECT under the header")
    chart = _one(said, "chart", CHARTS) or "table"
    parts: dict[str, str] = {part: said[part] for part in PARTS if part in said}
    for part in CHARTS[chart]:
        if part not in parts:
            raise BtError(f"a {chart} needs a column for {part}: add a line -- {part}: COLUMN")
    runs = tuple(_listed(said.get("runs", ", ".join(KINDS))))
    for kind in runs:
        if kind not in KINDS:
            raise BtError(f"runs: there is no {kind!r}; {hint(kind, KINDS)}")
    return Section(
        path=path, title=said["title"], sql=rest, chart=chart, runs=runs, note=said.get("note", ""), parts=parts,
        formats=dict(_format(each) for each in _listed(said.get("format", ""))), is_own=is_own,
        hidden=tuple(_listed(said.get("hide", ""))),
        choices={key: value for key, known in _CHOICES.items() if (value := _one(said, key, known))},
    )  # fmt: skip


def _header(text: str) -> tuple[dict[str, str], str]:
    """Give what the leading lines of comment say, and the SQL that follows."""
    lines = text.strip().splitlines()
    said: dict[str, str] = {}
    while lines and (lines[0].startswith("--") or not lines[0].strip()):
        line = lines.pop(0)
        match = _LINE.match(line)
        if not match:
            continue  # a comment
        key, value = match[1].lower(), match[2].strip()
        if key not in _KEYS:
            raise BtError(f"the header has no {key!r}; {hint(key, _KEYS)}")
        if key in said and key != "note":
            raise BtError(f"the header says {key} twice")
        said[key] = f"{said[key]} {value}" if key in said else value
    return said, "\n".join(lines).strip().removesuffix(";").strip()


def _one(said: Mapping[str, str], key: str, known: Mapping[str, object] | tuple[str, ...]) -> str | None:
    value = said.get(key)
    if value is not None and value not in known:
        raise BtError(f"{key} cannot be {value!r}; {hint(value, known)}")
    return value


def _format(text: str) -> tuple[str, str]:
    """Read `pnl money`, `avg_r 2` or `value by unit`."""
    match = re.fullmatch(r"(.+?)\s+((?:by\s+)?\w+)", text)
    if not match:
        raise BtError(f"format: not a column and a format: {text!r}; write pnl money")
    column, form = match[1], match[2]
    if not form.startswith("by ") and not is_format(form):
        raise BtError(f"format: there is no {form!r}; {hint(form, FORMATS)}, or a number of decimals")
    return column, re.sub(r"\s+", " ", form)


def is_format(form: str) -> bool:
    """Say whether this is one of FORMATS, or a number of decimals."""
    return form in FORMATS or (form.isdecimal() and len(form) == 1)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
