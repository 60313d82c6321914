"""What sets two runs apart: the first row in which they differ, and what of data, code and configuration does."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bt.results.records import alike, decisive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from bt.results.read import Results
    from bt.results.store import Outcome

TABLES: Final = {  # what happened in a run, in the order in which it is looked at, and its rows' order
    "fills": "n", "funding_payments": "ts, symbol, trade", "rejections": "n", "equity": "ts",
}  # fmt: skip
_LONGEST: Final = 80  # lines of a difference of two texts
_FROM_SETTINGS: Final = ("warm-up", "indicators", "signals")  # parts of the data that parameters and code change, too
_OF_RUNS: Final = "signals"  # a part that only runs have
_HIDDEN: Final = (
    "candles, settings and the strategy's text are the same, its signals are not: "
    "does it draw, keep, or read something of its own?"
)
_AS_ASKED: Final = ("minutes", "funding")
_SHAPE: Final = ("timeframe", "first", "end")

Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """Something that is not the same in both, None where it is absent."""

    key: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Difference:
    """The first row of a table that is not the same in both: its place from 1, and the columns that differ."""

    table: str
    place: int
    columns: tuple[str, ...]
    a: Row | None  # None = it has no such row
    b: Row | None


@dataclass(frozen=True)
class Reasons:
    """What may be why two runs differ; `remarks` say what could not be told."""

    data: tuple[Change, ...]
    code: tuple[str, ...]  # lines of a unified difference
    configuration: tuple[Change, ...]
    versions: tuple[Change, ...]
    remarks: tuple[str, ...]

    @property
    def decisive(self) -> bool:
        """Say whether anything that decides a result differs; versions of libraries should not."""
        return bool(self.data or self.code or self.configuration or any(each.key == "bt" for each in self.versions))


def happened(results: Results) -> dict[str, pl.DataFrame]:
    """Give what is stored of what happened in a run."""
    return {
        table: results.sql(f"select * exclude (run_id) from {table} where run_id = $run order by {order}")
        for table, order in TABLES.items()
    }


def happening(done: Outcome, stored: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Give what happened in a run that is not stored, in the columns and the order of what is."""
    found = {}
    for table, order in TABLES.items():
        frame = getattr(done, table).select(stored[table].columns).cast(stored[table].schema)
        found[table] = frame.sort(order.split(", "))
    return found


def first_difference(one: Mapping[str, pl.DataFrame], two: Mapping[str, pl.DataFrame]) -> Difference | None:
    """Find the first row that is not the same, to the last bit, in the first table that has one."""
    for table in one:
        if table in two and (found := _first_row(table, one[table], two[table])):
            return found
    return None


def reasons(one: Mapping[str, Any], two: Mapping[str, Any]) -> Reasons:
    """Hold two rows of `runs` against each other."""
    settings = tuple(_told_apart(one, two))
    lines = tuple(_lines(one["strategy_source"], two["strategy_source"]))
    data, remarks = _data(one, two, [each.key for each in settings], coded=bool(lines))
    versions = tuple(_changes(json.loads(one["versions"]), json.loads(two["versions"])))
    return Reasons(data, lines, settings, versions, tuple(remarks))


def _first_row(table: str, one: pl.DataFrame, two: pl.DataFrame) -> Difference | None:
    names = [name for name in one.columns if name in two.columns]
    both = min(one.height, two.height)
    unlike = {name: one[name].head(both).ne_missing(two[name].head(both)) for name in names}
    firsts = [found for each in unlike.values() if (found := each.arg_max()) is not None and each[found]]
    if not firsts and one.height == two.height:
        return None
    place = min(firsts, default=both)
    columns = tuple(name for name in names if place < both and unlike[name][place])
    rows = [frame.row(place, named=True) if place < frame.height else None for frame in (one, two)]
    return Difference(table, place + 1, columns or tuple(names), *rows)


def _data(
    one: Mapping[str, Any], two: Mapping[str, Any], settings: list[str], *, coded: bool
) -> tuple[tuple[Change, ...], list[str]]:
    """Give the parts of the data that differ; what other settings or another text make differ is none of them."""
    if one["data_fingerprint"] == two["data_fingerprint"]:
        return (), []
    if any(key in _SHAPE for key in settings):
        return (), ["timeframe or span differ: whether the candles do is not told by this"]
    if not one["data_parts"] or not two["data_parts"]:
        whole = Change("all that was read", one["data_fingerprint"], two["data_fingerprint"])
        return (whole,), ["which part of the data differs is not known of runs of an older bt"]
    parts = json.loads(one["data_parts"]), json.loads(two["data_parts"])
    if parts[0].pop("hash") != parts[1].pop("hash"):
        return (), ["the data were hashed by versions of DuckDB that hash otherwise: they cannot be held together"]
    unlike = coded or any(key == "symbols" or key.startswith(("params.", "settings.", "imports.")) for key in settings)
    symbols = [{each.rpartition(" ")[2] for each in part} for part in parts]
    common = [each for each in _changes(*parts) if each.key.rpartition(" ")[2] in symbols[0] & symbols[1]]
    found = [each for each in common if not (unlike and each.key.startswith(_FROM_SETTINGS))]
    found = [each for each in found if not (each.key.startswith(_OF_RUNS) and None in {each.a, each.b})]
    if settings:  # whether these are read at all hangs on them
        found = [each for each in found if not (each.key.startswith(_AS_ASKED) and None in {each.a, each.b})]
    hidden = found and not settings and not coded and all(each.key.startswith(_OF_RUNS) for each in found)
    return tuple(found), [_HIDDEN] if hidden else []


def _lines(one: str, two: str) -> Iterator[str]:
    found = list(difflib.unified_diff(one.splitlines(), two.splitlines(), lineterm="", n=2))[2:]
    yield from found[:_LONGEST]
    if len(found) > _LONGEST:
        yield f"… {len(found) - _LONGEST} lines more"


def _told_apart(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Change]:
    """Give the settings that differ; of instruments those that both have."""
    common = set(one["symbols"].split(",")) & set(two["symbols"].split(","))
    for each in _changes(_configuration(one), _configuration(two)):
        if not each.key.startswith("instruments.") or each.key.split(".")[1].split(" ")[0] in common:
            yield each


def _configuration(row: Mapping[str, Any]) -> Row:
    """Give all that a run was told, by names with dots."""
    told = decisive(json.loads(row["config"]))
    rules = told.pop("instruments")
    found: Row = {"kind": row["kind"], "strategy": row["strategy"], "symbols": row["symbols"]}
    found |= {"timeframe": row["timeframe"], "first": row["first_ts"], "end": row["end_ts"]}
    found |= dict(_flat("params", json.loads(row["params"])) if row["kind"] == "run" else [])
    found |= dict(pair for name, value in told.items() for pair in _flat(name, value))
    for rule in rules:
        since = f" since {rule['valid_from']}" if sum(rule["symbol"] == each["symbol"] for each in rules) > 1 else ""
        kept = {name: value for name, value in rule.items() if name not in {"symbol", "valid_from"}}
        found |= dict(_flat(f"instruments.{rule['symbol']}{since}", kept))
    if row["settings"]:
        found |= dict(_flat("settings", json.loads(row["settings"])))
    return found


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)
    else:
        yield name, alike(value)


def _changes(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys([*one, *two]):
        if one.get(key) != two.get(key):
            yield Change(key, one.get(key), two.get(key))
