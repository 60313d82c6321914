"""The command that makes the same run, sweep or walk-forward again, derived from what is stored of it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from bt.config import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMMANDS: Final = {"run": "run", "sweep": "sweep", "walk": "walk"}
_FIXED: Final = {"close_at_end": True, "level_delay": 0}  # of the execution: no option says otherwise
_SEARCH: Final = {"sampler": "grid", "objective": "sharpe", "min_trades": 30, "select": "best", "seed": 0}
_FOLDS: Final = {"mode": "rolling", "purge": "0d"}


def command(run: Mapping[str, Any]) -> str | None:
    """Write the line that asks for this row of `runs` again, on the same data; None where no line can say it.

    Only what is not so by default is written, so a workspace with settings of its own may need more.
    """
    config = json.loads(run["config"])
    if not {"account", "costs", "execution"} <= config.keys():
        return None
    execution = config["execution"]
    if any(execution.get(name, usual) != usual for name, usual in _FIXED.items()):
        return None
    words = ["bt", _COMMANDS[run["kind"]], run["strategy"], "-s", run["symbols"], "-t", run["timeframe"]]
    span = config.get("span") or {"first": run["first_ts"].isoformat(), "end": run["end_ts"].isoformat()}
    words += ["--from", _short(span["first"]), "--to", _short(span["end"])]
    settings = json.loads(run["settings"] or "{}")
    for name, value in (settings["search"] if "search" in settings else json.loads(run["params"])).items():
        words += ["-p", f"{name}={_values(value)}"]
    words += [*_searched(settings), *_sized(config["account"])]
    for name, value in {**config["account"], **config["costs"], **execution}.items():
        if name in SETTINGS and name not in {"size", "sizing"} and value != SETTINGS[name].default:
            words += _option(name, value)
    return shlex.join(words)


def _searched(settings: Mapping[str, Any]) -> Iterator[str]:
    """Give the options of a search that are not as by default."""
    folds = settings.get("folds", {})
    yield from (word for name in ("train", "test") if name in folds for word in (f"--{name}", folds[name]))
    expected: dict[str, Any] = {"step": None, **_FOLDS}
    for name, usual in expected.items():
        if folds.get(name, usual) != usual:
            yield from (f"--{name}", str(folds[name]))
    if folds.get("partial"):
        yield "--partial"
    expected = {**_SEARCH, "constraint": None, "trials": None, "where": None}
    for name, usual in expected.items():
        if settings.get(name, usual) != usual:
            yield from (f"--{name.replace('_', '-')}", str(settings[name]))


def _sized(account: Mapping[str, Any]) -> list[str]:
    if account["sizing"] == "risk":
        return [] if account["size"] == SETTINGS["risk"].default else ["--risk", repr(account["size"])]
    return ["--sizing", account["sizing"], "--size", repr(account["size"])]


def _option(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", value if isinstance(value, str) else repr(value)]


def _values(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['first']}:{value['last']}:{value['step']}"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(moment: str) -> str:
    """Leave a midnight out."""
    return moment.removesuffix("T00:00:00")
