"""What child processes answered: strategies, parameters, coverage, results and tables, read from their JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KINDS = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a strategy: its type, its default and what is searched, as text."""

    name: str
    kind: type
    default: str
    search: str


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The candles of a symbol; `end` is exclusive."""

    symbol: str
    first: datetime
    end: datetime
    complete: float  # percent
    candles: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """What was learnt so far of a workspace."""

    strategies: Mapping[str, str] = field(default_factory=dict)  # name to headline
    parameters: Mapping[str, tuple[Parameter, ...]] = field(default_factory=dict)  # by strategy
    coverage: tuple[Coverage, ...] | None = None  # None: not read yet
    settings: Mapping[str, str] = field(default_factory=dict)  # as `bt config` has them

    def span(self, symbols: Iterable[str]) -> tuple[datetime, datetime] | None:
        """Give from when to when there are candles of any of these symbols."""
        wanted = set(symbols)
        found = [one for one in self.coverage or () if one.symbol in wanted]
        return (min(one.first for one in found), max(one.end for one in found)) if found else None


def strategies(text: str) -> dict[str, str]:
    """Read `bt strategies`."""
    return {row["strategy"]: row["what"] for row in json.loads(text)}


def parameters(text: str) -> tuple[Parameter, ...]:
    """Read `bt strategies NAME`."""
    found = []
    for row in json.loads(text):
        kind = KINDS[row["type"]]
        texts = {name: row[name].lower() if kind is bool else row[name] for name in ("default", "search")}
        found.append(Parameter(name=row["parameter"], kind=kind, **texts))
    return tuple(found)


def coverage(text: str) -> tuple[Coverage, ...]:
    """Read `bt data`."""
    return tuple(
        Coverage(
            symbol=row["symbol"], first=datetime.fromisoformat(row["first"]),
            end=datetime.fromisoformat(row["last"]) + timedelta(minutes=1), complete=row["%"], candles=row["candles"],
        )
        for row in json.loads(text) if row["first"]
    )  # fmt: skip


def settings(text: str) -> dict[str, str]:
    """Read `bt config`; a size alone is a share of equity, as the command line takes it."""
    rows_of = json.loads(text)
    found = {row["setting"]: row["value"] for row in rows_of}
    usual_risk = any(row["setting"] == "risk" and row["origin"] == "default" for row in rows_of)
    if found["size"] and usual_risk:
        found["sizing"] = found["sizing"] or "equity"
        found["risk"] = found["size"] if found["sizing"] == "risk" else found["risk"]
    return found


def whole(text: str) -> dict[str, Any]:
    """Read `bt show`: a run as its JSON has it, its moments as moments."""
    read: dict[str, Any] = json.loads(text)
    run = read["run"]
    moments = {name: datetime.fromisoformat(run[name]) for name in ("first_ts", "end_ts") if run.get(name)}
    return read | {"run": run | moments}


def rows(text: str) -> list[dict[str, Any]]:
    """Read rows."""
    read: list[dict[str, Any]] = json.loads(text)
    return read
