"""Which indicators there are, what they take and give, and how many bars they need: read from sql/3_indicators."""

from __future__ import annotations

import ast
import math
import operator
import re
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final

from bt import assets
from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Number = int | float
    Folders = Sequence[Path]

LAYER: Final = "3_indicators"
MOST_BARS: Final = 100_000  # the largest whole-number argument
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

_LARGEST: Final = 1e300
_MACRO: Final = re.compile(
    r"^create\s+(?:or\s+replace\s+)?macro\s+(?P<name>\w+)\s*\((?P<parameters>.*?)\)\s*as\s+table\b(?P<body>.*)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_PARAMETER: Final = re.compile(r"(\w+)\s*(?::=\s*('[^']*'|[^,]+))?")
_OPERATIONS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, init=False, repr=False)
class Indicator:
    """Name an indicator and its arguments, as in `Indicator("ema", n=20)`; what is not given takes its default.

    `bt` looks the name up in `sql/3_indicators` when bars are asked for. Arguments are numbers; a whole-number one
    (its default is written without a point) counts bars.
    """

    name: str
    arguments: tuple[tuple[str, Number], ...]

    def __init__(self, name: str, /, *unnamed: Number, **arguments: Number) -> None:
        if unnamed or not isinstance(name, str):
            written = ", ".join(repr(part) for part in (name, *unnamed))
            raise BtError(f"Indicator({written}) does not name its arguments", 'write Indicator("ema", n=20)')
        checked = tuple((key, _number(f"Indicator({name!r}): {key}", arguments[key])) for key in sorted(arguments))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", checked)

    def __repr__(self) -> str:
        return f"Indicator({', '.join([repr(self.name), *(f'{key}={value!r}' for key, value in self.arguments)])})"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What one file of sql/3_indicators says."""

    name: str
    path: Path
    parameters: Mapping[str, Number | None]  # name to default, without `timeframe`; None = must be given
    outputs: tuple[str, ...]  # columns beside those of bars
    warm_up: str  # bars before the first sound value, as arithmetic over the parameters; empty = not stated
    body: str  # the SELECT


def library(folders: Folders = ()) -> dict[str, Path]:
    """List the indicators by name: bt's own, then those of further `sql` folders."""
    found: dict[str, Path] = {}
    for folder in (assets.folder("sql"), *folders):
        for path in sorted((folder / LAYER).glob("*.sql")):
            if path.stem in found:
                raise BtError(f"{path}: there is another indicator {path.stem!r}", "give the file another name")
            found[path.stem] = path
    return found


def resolve(indicator: Indicator, folders: Folders = ()) -> tuple[Definition, dict[str, Number]]:
    """Find an indicator's definition and all its arguments; unknown names and impossible values are refused."""
    if not isinstance(indicator, Indicator):
        raise BtError(f"{indicator!r} is not an indicator", 'write Indicator("ema", n=20)')
    known = library(folders)
    if indicator.name not in known:
        raise BtError(f"unknown indicator {indicator.name!r}", hint(indicator.name, known))
    path = known[indicator.name]
    definition = _read(path, path.stat().st_mtime_ns)
    given = dict(indicator.arguments)
    for key in given:
        if key not in definition.parameters:
            raise BtError(f"{indicator.name} has no argument {key!r}", hint(key, definition.parameters))
    return definition, {
        key: _argument(f"{indicator.name}: {key}", given.get(key, default), default)
        for key, default in definition.parameters.items()
    }


def look_back(indicators: Mapping[str, Indicator], folders: Folders = ()) -> int:
    """Count the bars to load before the first one of interest, so that no value depends on where the data begin."""
    longest = 0
    for indicator in indicators.values():
        definition, arguments = resolve(indicator, folders)
        if not definition.warm_up:
            raise BtError(f"{definition.path} does not say its warm-up", "add a line such as: -- warm-up: n - 1")
        longest = max(longest, math.ceil(_evaluate(definition, arguments)))
    return longest


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Definition:
    text = path.read_text(encoding="utf-8")
    macro = _MACRO.search(text)
    if macro is None or macro["name"].lower() != path.stem:
        raise BtError(f"{path} does not create the table macro {path.stem}", f"see {assets.folder('sql') / LAYER}")
    parameters = {found[1]: found[2] for found in _PARAMETER.finditer(_without_comments(macro["parameters"]))}
    if next(iter(parameters), None) != "timeframe":
        raise BtError(f"{path}: the first parameter of {path.stem} must be timeframe")
    said = dict(re.findall(r"^--\s*(warm-up|outputs):\s*(.+?)\s*$", text, re.MULTILINE))
    outputs = re.sub(r"\([^)]*\)", "", said.get("outputs", path.stem)).split(",")
    defaults = {key: _default(value) for key, value in parameters.items() if key != "timeframe"}
    return Definition(
        name=path.stem,
        path=path,
        parameters={key: value for key, value in defaults.items() if not isinstance(value, str)},
        outputs=tuple(output.strip() for output in outputs),
        warm_up=said.get("warm-up", ""),
        body=macro["body"].strip().removesuffix(";"),
    )


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*", "", sql)


def _default(written: str) -> Number | str | None:
    """Read a parameter's default: none, a number, or something else, which keeps its value."""
    for read in (int, float):
        try:
            return read(written) if written else None
        except ValueError:
            continue
    return written


def _number(what: str, value: object) -> Number:
    number = int(value) if isinstance(value, Integral) else float(value) if isinstance(value, Real) else math.nan
    if isinstance(value, bool) or not abs(number) <= _LARGEST:  # NaN is not
        raise BtError(f"{what} is not a number: {value!r}")
    return number


def _argument(what: str, value: Number | None, default: Number | None) -> Number:
    if value is None:
        raise BtError(f"{what} is not given, and has no default")
    if isinstance(default, float):
        return float(value)
    least = 1 if default is None else min(1, default)
    if value != int(value) or not least <= value <= MOST_BARS:
        raise BtError(f"{what} = {value!r} is out of range", f"give a whole number from {least} to {MOST_BARS:,}")
    return int(value)


def _evaluate(definition: Definition, arguments: Mapping[str, Number]) -> float:
    """Compute a warm-up: numbers, arguments, + - * /, brackets and ceil()."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name) if name in arguments:
                return arguments[name]
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
                return _OPERATIONS[type(operation)](value(left), value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.Call(func=ast.Name(id="ceil"), args=[argument], keywords=[]):
                return math.ceil(value(argument))
        raise SyntaxError

    try:
        return value(ast.parse(definition.warm_up, mode="eval").body)
    except (SyntaxError, ArithmeticError) as error:
        raise BtError(
            f"{definition.path}: cannot compute the warm-up {definition.warm_up!r}",
            f"write it with numbers, + - * / ceil() and {', '.join(arguments) or 'no arguments'}",
        ) from error
