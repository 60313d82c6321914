"""Which indicators there are, what they take and give, and how many bars they need: read from sql/3_indicators."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final

from bt import assets, symbols
from bt.errors import BtError, hint
from bt.market.arithmetic import WORDS, evaluated
from bt.timeframes import minutes
from bt.warehouse import definitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bt.market.arithmetic import Number

    Folders = Sequence[Path]

LAYER: Final = "3_indicators"
WORDS_LAYER: Final = "2_market"  # where the macros of one value are that indicators are written with
MOST_BARS: Final = 100_000  # the largest whole-number argument
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

_AT_LEAST: Final = re.compile(r"(\w+) = [^;]*?at least (\d+)")
_LARGEST: Final = 1e300
_DAY: Final = 1440  # minutes
_EVERYTHING: Final = "all"  # as warm-up: from the symbol's first candle on
_EVERY_BAR: Final = 10**12


@dataclass(frozen=True, init=False, repr=False)
class Indicator:
    """Name an indicator and its arguments, as in `Indicator("ema", n=20)`; what is not given takes its default.

    `bt` looks the name up in `sql/3_indicators` when bars are asked for. Arguments are numbers; a whole-number one
    (its default is written without a point) counts bars. `timeframe` takes it from bars of a higher timeframe, `symbol`
    from those of another symbol: each bar then sees the last of these that had ended when it ended itself.
    """

    name: str
    arguments: tuple[tuple[str, Number], ...]
    timeframe: str | None
    symbol: str | None

    def __init__(
        self,
        name: str,
        /,
        *unnamed: Number,
        timeframe: str | None = None,
        symbol: str | None = None,
        **arguments: Number,
    ) -> None:
        if unnamed or not isinstance(name, str):
            written = ", ".join(repr(part) for part in (name, *unnamed))
            raise BtError(f"Indicator({written}) does not name its arguments", 'write Indicator("ema", n=20)')
        if timeframe is not None:
            minutes(timeframe)
        checked = tuple((key, _number(f"Indicator({name!r}): {key}", arguments[key])) for key in sorted(arguments))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", checked)
        object.__setattr__(self, "timeframe", timeframe)
        object.__setattr__(self, "symbol", None if symbol is None else symbols.parse(symbol).name)

    def __repr__(self) -> str:
        written = [repr(self.name), *(f"{key}={value!r}" for key, value in self.arguments)]
        elsewhere = {"timeframe": self.timeframe, "symbol": self.symbol}
        return f"Indicator({', '.join([*written, *(f'{key}={value!r}' for key, value in elsewhere.items() if value)])})"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What one file of sql/3_indicators says."""

    file: definitions.Definition
    parameters: Mapping[str, Number | None]  # name to default, without `timeframe`; None = must be given
    outputs: tuple[str, ...]  # columns beside those of bars
    least: Mapping[str, int]  # of whole-number parameters, where the header says `n = bars, at least 2`
    warm_up: str  # bars before the first sound value, as arithmetic over the parameters; empty = not stated

    @property
    def name(self) -> str:
        """Name the indicator."""
        return self.file.name


def library(folders: Folders = ()) -> dict[str, Path]:
    """List the indicators by name: bt's own, then those of further `sql` folders."""
    found = dict(_own_library())
    for folder in folders:
        for path in sorted((folder / LAYER).glob("*.sql")):
            if path.stem in found:
                raise BtError(f"{path}: there is another indicator {path.stem!r}", "give the file another name")
            found[path.stem] = path
    return found


@lru_cache(maxsize=1)
def _own_library() -> dict[str, Path]:
    return {path.stem: path for path in sorted((assets.folder("sql") / LAYER).glob("*.sql"))}


def stamp(folders: Folders) -> int:
    """Give a number that changes when a file of further folders does that indicators are made of."""
    files = (path for folder in folders for layer in (WORDS_LAYER, LAYER) for path in (folder / layer).glob("*.sql"))
    return hash(tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files)))


def resolve(indicator: Indicator, folders: Folders = ()) -> tuple[Definition, dict[str, Number]]:
    """Find an indicator's definition and all its arguments; unknown names and impossible values are refused."""
    if not isinstance(indicator, Indicator):
        raise BtError(f"{indicator!r} is not an indicator", 'write Indicator("ema", n=20)')
    if indicator.name not in library(folders):
        raise BtError(f"unknown indicator {indicator.name!r}", hint(indicator.name, library(folders)))
    definition = definition_of(indicator.name, folders)
    given = dict(indicator.arguments)
    for key in given:
        if key not in definition.parameters:
            raise BtError(f"{indicator.name} has no argument {key!r}", hint(key, definition.parameters))
    return definition, {
        key: _argument(f"{indicator.name}: {key}", given.get(key, default), default, definition.least.get(key))
        for key, default in definition.parameters.items()
    }


def definition_of(name: str, folders: Folders = ()) -> Definition:
    """Read the file of an indicator that is in the library."""
    path = library(folders)[name]
    return _read(path, path.stat().st_mtime_ns)


def look_back(indicators: Iterable[Indicator], timeframe: str, folders: Folders = ()) -> int:
    """Count the bars of `timeframe` to load before the first of interest: no value then hangs on where data begin."""
    return max((_warm_up(indicator, timeframe, folders) for indicator in indicators), default=0)


def _warm_up(indicator: Indicator, timeframe: str, folders: Folders) -> int:
    definition, arguments = resolve(indicator, folders)
    if not definition.warm_up:
        raise BtError(f"{definition.file.path} does not say its warm-up", "add a line such as: -- warm-up: n - 1")
    if definition.warm_up == _EVERYTHING:
        return _EVERY_BAR
    names = arguments | {"day": math.ceil(_DAY / minutes(timeframe))}
    try:
        return math.ceil(evaluated(definition.warm_up, names))
    except (SyntaxError, ArithmeticError, ValueError) as error:
        raise BtError(
            f"{definition.file.path}: cannot compute the warm-up {definition.warm_up!r}",
            f"write it with numbers, {WORDS} and {', '.join(names)}",
        ) from error


def is_alone(indicator: Indicator, folders: Folders = ()) -> bool:
    """Say whether an indicator is to be loaded by itself, for its values hang on where its data begin."""
    definition, _ = resolve(indicator, folders)
    return definition.warm_up == _EVERYTHING or "loaded: alone" in definition.file.header


def word(name: str, folders: Folders = ()) -> definitions.Definition | None:
    """Find the macro of one value that is called by this name; None for a function of DuckDB's own."""
    for folder in (assets.folder("sql"), *folders):
        path = folder / WORDS_LAYER / f"{name}.sql"
        if path.is_file():
            return _word(path, path.stat().st_mtime_ns)
    return None


@lru_cache(maxsize=256)
def _word(path: Path, _changed: int) -> definitions.Definition | None:
    found = definitions.define(path, path.read_text(encoding="utf-8"))
    return found if found.kind == "macro" else None


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Definition:
    try:
        found = definitions.define(path, path.read_text(encoding="utf-8"))
    except BtError as error:
        raise BtError(error.what, f"see {assets.folder('sql') / LAYER}") from error
    if found.kind != "macro table":
        raise BtError(f"{path} does not create the table macro {path.stem}", f"see {assets.folder('sql') / LAYER}")
    if next(iter(found.parameters), None) != "timeframe":
        raise BtError(f"{path}: the first parameter of {path.stem} must be timeframe")
    defaults = {key: _default(value) for key, value in found.parameters.items() if key != "timeframe"}
    warm_up = next((line for line in found.header if line.startswith("warm-up:")), "")
    arguments = next((line for line in found.header if line.startswith("arguments:")), "")
    return Definition(
        file=found,
        parameters={key: value for key, value in defaults.items() if not isinstance(value, str)},
        outputs=tuple(found.outputs) or (path.stem,),
        least={key: int(least) for key, least in _AT_LEAST.findall(arguments)},
        warm_up=warm_up.removeprefix("warm-up:").strip(),
    )


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


def _argument(what: str, value: Number | None, default: Number | None, said: int | None) -> Number:
    if value is None:
        raise BtError(f"{what} is not given, and has no default")
    if isinstance(default, float):
        return float(value)
    least = said or (1 if default is None else min(1, default))
    if value != int(value) or not least <= value <= MOST_BARS:
        raise BtError(f"{what} = {value!r} is out of range", f"give a whole number from {least} to {MOST_BARS:,}")
    return int(value)
