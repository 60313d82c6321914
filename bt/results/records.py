"""What is known of a run, a sweep or a walk-forward besides what happened in it: most of a row of `runs`."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal

from bt import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bt.results.store import Outcome

_EXACT: Final = 2.0**53  # from here on not every whole number is a double


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every kind of run has; `params` are those of the one set it was made with."""

    strategy: str
    params: Mapping[str, Any] = field(default_factory=dict)
    source: str
    imports: Mapping[str, str] = field(default_factory=dict)  # the user's own modules it imports, to their hashes
    symbols: tuple[str, ...]
    timeframe: str
    first: datetime
    end: datetime
    quote: str
    config: Mapping[str, Any]
    parts: Mapping[str, str] = field(default_factory=dict)  # digests of all that was read, see `bt.results.digests`
    name: str | None
    note: str | None
    bars: int
    kind: str = "run"
    seed: int | None = None

    def content_hash(self) -> str:
        """Hash all that decides the result: data, strategy, parameters, configuration, engine; not when it was read."""
        return hashlib.sha256("\n".join(self._decisive()).encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Give one short hash of all that was read."""
        return short_hash(as_json(self.parts))

    @property
    def cash(self) -> float:
        """Give what the account begins with, in quote currency."""
        return float(self.config["account"]["cash"])

    def row(self) -> dict[str, Any]:
        """Give the columns of `runs` that are known before anything has happened."""
        return {
            "kind": self.kind,
            "name": self.name,
            "note": self.note,
            "strategy": self.strategy,
            "params": as_json(self.params),
            "symbols": ",".join(self.symbols),
            "timeframe": self.timeframe,
            "first_ts": self.first,
            "end_ts": self.end,
            "quote": self.quote,
            "start_cash": self.cash,
            "config": as_json(self._told()),
            "data_fingerprint": self.fingerprint,
            "data_parts": as_json(self.parts),
            "strategy_source": self.source,
            "strategy_hash": hashlib.sha256(self.source.encode()).hexdigest(),
            "versions": as_json(_versions()),
            "seed": self.seed,
            "bars": self.bars,
        }

    def _decisive(self) -> tuple[str, ...]:
        return (
            self.fingerprint, self.strategy, self.source, as_json(alike(self.params)), ",".join(self.symbols),
            self.timeframe, self.first.isoformat(), self.end.isoformat(), as_json(alike(decisive(self._told()))),
            __version__,
        )  # fmt: skip

    def _told(self) -> dict[str, Any]:
        return {**self.config, **({"imports": self.imports} if self.imports else {})}


@dataclass(frozen=True, kw_only=True)
class RunRecord(Record):
    """One backtest of one strategy."""

    envelope: tuple[float, float] | None  # final equity with every bar taken the adverse, the favourable way
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HeadRecord(Record):
    """A sweep or a walk-forward as it begins; for `settings` see the table `runs`.

    Of a walk-forward `first` and `end` are those of its stitched run: of all that is tested out-of-sample.
    """

    settings: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Give the columns of `runs` that are known before anything has happened."""
        return super().row() | {"settings": as_json(self.settings), "sets": 0}

    def _decisive(self) -> tuple[str, ...]:
        return (*super()._decisive(), self.kind, as_json(alike(self.settings)))


@dataclass(frozen=True, kw_only=True)
class FoldRow:
    """The plan of one fold, UTC, ends exclusive; see the table `folds`."""

    fold: int
    train_first: datetime
    train_end: datetime
    test_first: datetime
    test_end: datetime


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One parameter set on one fold part, without its metrics; see the table `trials`."""

    fold: int
    part: Literal["in", "out"]
    trial: int
    params: Mapping[str, Any]
    defaults: Mapping[str, Any]  # of the strategy's other parameters
    places: Sequence[int] | None
    first: datetime
    end: datetime
    start_cash: float
    status: Literal["finished", "ruined", "failed"]
    problem: str | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How a trial is judged: checked SQL over the columns of the view `all_metrics`."""

    objective: str
    min_trades: int
    where: str | None = None


@dataclass(frozen=True, kw_only=True)
class FoldEnd:
    """How far the stitched run uses a fold, and its equity there in quote currency; see the table `folds`."""

    fold: int
    stitched_end: datetime
    start_equity: float
    end_equity: float


@dataclass(frozen=True, kw_only=True)
class Stitched:
    """The stitched out-of-sample run of a walk-forward."""

    done: Outcome
    folds: Sequence[FoldEnd]
    envelope: tuple[float, float] | None = None  # final equity with every bar taken the adverse, the favourable way


def decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a configuration what decides nothing: the span as it was asked for, of which the bars are what
    counts; when rules were read; and fees as they were given, where the rates say what was charged.
    """  # noqa: D205 - one sentence
    kept = {name: value for name, value in config.items() if name != "span"}
    kept["instruments"] = [{key: row[key] for key in row if key != "as_of"} for row in config.get("instruments", ())]
    if "rates" in config.get("costs", {}):
        kept["costs"] = {name: value for name, value in config["costs"].items() if name not in {"taker", "maker"}}
    return kept


def alike(value: Any) -> Any:
    """Give equal numbers in one way, however they are written: 2.0 as 2."""
    if isinstance(value, Mapping):
        return {name: alike(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [alike(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value


def short_hash(text: str) -> str:
    """Give the first digits of a SHA-256, enough to tell texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_json(value: Any) -> str:
    """Write a value as it is stored: keys in order, no NaN."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _versions() -> dict[str, str]:
    packages = ("duckdb", "polars", "numpy", "numba")
    return {"bt": __version__, "python": platform.python_version()} | {name: version(name) for name in packages}
