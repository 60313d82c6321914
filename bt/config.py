"""Settings: what each is called, what may be written for it, and where its value came from.

Order: flag, `BT_*` environment, `[tool.bt]` in pyproject.toml or `bt.toml` of the workspace, default.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from bt.errors import BtError, hint
from bt.timeframes import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Sizing = Literal["risk", "equity", "notional", "quantity"]
Margin = Literal["isolated", "cross"]
Intrabar = Literal["auto", "adverse", "favourable", "drill"]
TakeFill = Literal["market", "limit"]

_UNITS: Final = {"%": 0.01, "bp": 0.0001, "bps": 0.0001}
_NUMBER: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%|bps?)?", re.IGNORECASE)
_LARGEST: Final = 1e15
_OTHER_ENVIRONMENT: Final = {"BT_BYBIT_URL", "BT_REQUIRE_GUI"}


def fraction(value: Any) -> float:
    """Read `1%`, `10bp`, or a number below 1; 1 and more want a unit, so that a percent is not taken for a fraction."""
    match = _NUMBER.fullmatch(str(value).strip())
    if not match or isinstance(value, bool):
        raise BtError(f"not a fraction: {value!r}", "write 1%, 10bp or 0.01")
    number = float(match[1])
    unit = match[2]
    if unit is None and abs(number) >= 1:
        raise BtError(f"{value} is not a fraction below 1", f"did you mean {value}%?")
    if unit:
        number *= _UNITS[unit.lower()]
    if not math.isfinite(number):
        raise BtError(f"not a fraction: {value!r}", "write 1%, 10bp or 0.01")
    return number


def amount(value: Any) -> float:
    """Read a positive, finite number; `_` and `,` may group digits."""
    try:
        number = float(str(value).replace(",", "").replace("_", "")) if not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or not 0 < number <= _LARGEST:
        raise BtError(f"not an amount: {value!r}", "write a finite number above 0, such as 10000")
    return number


def size(value: Any) -> float:
    """Read a fraction (`10%`), or an amount where the sizing asks for one."""
    return fraction(value) if re.search(r"%|bp", str(value)) else amount(value)


def whole(value: Any) -> int:
    """Read a whole number above 0."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", str(value)) or int(value) < 1:
        raise BtError(f"not a whole number above 0: {value!r}")
    return int(value)


def count(value: Any) -> int:
    """Read a whole number, 0 or more."""
    return 0 if str(value) == "0" else whole(value)


def truth(value: Any) -> bool:
    """Read true or false."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if str(value).lower() not in words:
        raise BtError(f"neither true nor false: {value!r}", "write true or false")
    return words[str(value).lower()]


def not_negative(value: Any) -> float:
    """Read a number, 0 or more."""
    return 0.0 if str(value) in {"0", "0.0"} else amount(value)


def one_of(words: Any) -> Callable[[Any], str]:
    """Accept the words of a Literal only."""
    known: tuple[str, ...] = get_args(words)

    def read(value: Any) -> str:
        if str(value) not in known:
            raise BtError(f"cannot be {value!r}", hint(str(value), known))
        return str(value)

    return read


def timeframe(value: Any) -> str:
    """Accept the names of timeframes."""
    minutes(str(value))
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """Read a comma list, or a TOML list of texts."""
    parts = value.split(",") if isinstance(value, str) else list(value)
    return tuple(part.strip() for part in map(str, parts) if part.strip())


def text(value: Any) -> str:
    """Accept any text."""
    if not isinstance(value, str):
        raise BtError(f"not a text: {value!r}", 'write it in quotes: "…"')
    return value


def fitted(key: str, value: Any, kind: type) -> Any:
    """Give a parameter's value, or its text, as its type; what is of another is refused."""
    wrong = BtError(f"parameter {key}={value} is not {_article(kind)}", f"write {key}={_example(kind)}")
    if kind is bool:
        try:
            return truth(value)
        except BtError:
            raise wrong from None
    try:
        made_value = kind(value)
    except (ValueError, TypeError, OverflowError):
        raise wrong from None
    if kind is not str and (isinstance(value, bool) or not math.isfinite(made_value) or made_value != float(value)):
        raise wrong
    return made_value


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[kind]


def _example(kind: type) -> str:
    return {int: "20", float: "1.5", str: "text", bool: "true"}[kind]


@dataclass(frozen=True)
class Setting:
    """One setting: how it is read, its default, and what it means."""

    read: Callable[[Any], Any]
    default: Any
    meaning: str


SETTINGS: Final[dict[str, Setting]] = {
    "db": Setting(text, "warehouse/bt.duckdb", "the warehouse file, relative to the workspace"),
    "wait": Setting(not_negative, 10.0, "seconds to wait for a warehouse that is in use"),
    "symbols": Setting(texts, (), "symbols to test where -s is not given"),
    "timeframe": Setting(timeframe, "1h", "timeframe to test on"),
    "from": Setting(text, None, "first moment to test, UTC; none = as far back as there are candles"),
    "to": Setting(text, None, "end of the test, exclusive, UTC; none = as far as there are candles"),
    "cash": Setting(amount, 10_000.0, "money at the start, in quote currency"),
    "risk": Setting(fraction, 0.01, "share of equity that a trade loses at its stop: 1%"),
    "size": Setting(size, None, "share of equity of a trade: 10%; quote or base where sizing says so"),
    "sizing": Setting(one_of(Sizing), None, "what size means: risk, equity, notional or quantity; none = risk"),
    "max_positions": Setting(whole, None, "open positions at most; none = no bound"),
    "leverage": Setting(amount, 1.0, "gross position value may be this many times equity; above 1, losses liquidate"),
    "margin": Setting(
        one_of(Margin), "isolated", "what is liquidated: isolated = a position by itself, cross = the account"
    ),
    "mmr": Setting(fraction, 0.005, "maintenance margin, share of a position's value: 0.5%"),
    "taker": Setting(fraction, None, "taker fee: 0.055%; none = by category: linear 0.055%, spot 0.1%"),
    "maker": Setting(fraction, None, "maker fee: 0.02%; none = by category: linear 0.02%, spot 0.1%"),
    "slippage": Setting(fraction, 0.0001, "slippage of market and stop fills, of the price: 1bp"),
    "slippage_ticks": Setting(not_negative, 0.0, "slippage in ticks, on top"),
    "funding": Setting(truth, True, "pay and receive the stored funding of linear symbols"),
    "stop": Setting(fraction, None, "stop, of the fill price, where the strategy gives none: 2%"),
    "take": Setting(fraction, None, "target, of the fill price, where the strategy gives none: 4%"),
    "trail": Setting(fraction, None, "trailing stop, of the fill price, where the strategy gives none: 1%"),
    "take_fill": Setting(one_of(TakeFill), "market", "how targets fill: market or limit"),
    "max_bars": Setting(whole, None, "bars until a trade is ended; none = no bound"),
    "pyramiding": Setting(count, 0, "how often a position may be added to"),
    "rebalance_band": Setting(fraction, 0.0, "drift from its target, of equity, that is traded back: 5%; 0 = none"),
    "max_volume_share": Setting(fraction, None, "of its bar's volume, an entry takes at most: 10%; none = no bound"),
    "intrabar": Setting(
        one_of(Intrabar),
        "auto",
        "a bar that touches stop and target: adverse, favourable or drill; auto = drill above 1m",
    ),
    "lookahead": Setting(count, 4, "cuts of the data at which a run is examined for look-ahead; 0 = none"),
}


@dataclass(frozen=True)
class Settings:
    """Resolved settings: values by name, and where each came from."""

    workspace: Path
    values: Mapping[str, Any]
    origins: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def db(self) -> str:
        """Give the warehouse's path."""
        path = str(self.values["db"])
        if path == ":memory:" or "://" in path or self.origins["db"] in {"--db", "BT_DB"}:
            return path
        return str(self.workspace / path)


def resolve(flags: Mapping[str, Any], environment: Mapping[str, str], here: Path) -> Settings:
    """Resolve every setting; unknown keys and unreadable values are refused, naming where they stand."""
    workspace, file, table = _workspace(here)
    _refuse_unknown(file, table)
    _refuse_misspelt(environment)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        variable = f"BT_{name.upper()}"
        candidates = (
            (f"--{name.replace('_', '-')}", flags.get(name)),
            (variable, environment.get(variable) or None),
            (file.name if file else "", table.get(name)),
        )
        origins[name], given = next(
            ((origin, value) for origin, value in candidates if value is not None), ("default", None)
        )
        where = origins[name] if file is None or origins[name] != file.name else f"{file.name}: {name}"
        values[name] = setting.default if given is None else _read(setting, given, where)
    return Settings(workspace, values, origins)


def _read(setting: Setting, value: Any, origin: str) -> Any:
    try:
        return setting.read(value)
    except BtError as error:
        raise BtError(f"{origin}: {error.what}", error.cure) from None


def _workspace(here: Path) -> tuple[Path, Path | None, dict[str, Any]]:
    """Find the nearest folder with settings, upwards; without one, this folder is the workspace."""
    for folder in (here, *here.parents):
        own = folder / "bt.toml"
        if own.is_file():
            return folder, own, _toml(own)
        project = folder / "pyproject.toml"
        if project.is_file():
            table = _toml(project).get("tool", {}).get("bt")
            if table is not None:
                return folder, project, table
    return here, None, {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BtError(f"{path}: {error}", "mend the file") from None
    except OSError as error:
        raise BtError(f"{path}: {error.strerror}", "check its permissions") from None


def _refuse_unknown(file: Path | None, table: Mapping[str, Any]) -> None:
    for key in table:
        if key not in SETTINGS:
            raise BtError(f"{file}: unknown setting {key!r}", hint(key, SETTINGS))


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    from difflib import get_close_matches

    known = {f"BT_{name.upper()}" for name in SETTINGS} | _OTHER_ENVIRONMENT
    for variable in environment:
        if variable.startswith("BT_") and variable not in known and get_close_matches(variable, known, n=1, cutoff=0.8):
            raise BtError(f"unknown environment variable {variable}", hint(variable, known))
