"""Why two runs differ, told from their rows of `runs` alone; and the first row that is not the same."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from bt.results.differing import first_difference, reasons

PARTS = {
    "hash": "1",
    "bars A": "9:aa",
    "bars B": "9:bb",
    "indicators A": "9:cc",
    "warm-up A": "5:dd",
    "minutes A": "1:ee",
}
CONFIG: dict[str, Any] = {
    "account": {"cash": 1000.0},
    "costs": {"taker": None, "funding": True, "rates": {"linear": {"taker": 0.001}}},
    "execution": {"stop": None},
    "instruments": [
        {"symbol": "A", "tick_size": 0.1, "valid_from": "2020", "as_of": "2024"},
        {"symbol": "C", "tick_size": 0.1, "valid_from": "2020", "as_of": "2024"},
    ],
    "span": {"first": "2024-01-01", "end": "2024-02-01"},
}


def row(**more: Any) -> dict[str, Any]:
    """Give a row of `runs`; what is JSON there is given as it is read."""
    given: dict[str, Any] = {
        "kind": "run", "strategy": "mine", "symbols": "A,B", "timeframe": "1h", "first_ts": datetime(2024, 1, 1),
        "end_ts": datetime(2024, 2, 1), "params": {"fast": 5}, "config": CONFIG, "settings": None,
        "strategy_source": "one\ntwo\n", "versions": {"bt": "1", "polars": "2"}, "data_parts": PARTS, **more,
    }  # fmt: skip
    given["data_fingerprint"] = str(given["data_parts"] or more.get("data_fingerprint", "old"))
    read = ("params", "config", "versions", "data_parts", "settings")
    return given | {name: None if given[name] is None else json.dumps(given[name]) for name in read}


def config(path: str, value: Any) -> dict[str, Any]:
    """Give the configuration with one value changed."""
    changed: dict[str, Any] = json.loads(json.dumps(CONFIG))
    *folders, name = path.split(".")
    place: Any = changed
    for folder in folders:
        place = place[int(folder) if folder.isdigit() else folder]
    place[name] = value
    return changed


NEW = {**PARTS, "bars B": "9:xx"}
WHY: list[tuple[str, dict[str, Any], dict[str, list[str]]]] = [  # what is other in the second, what is named
    ("nothing", {}, {}),
    ("name, time and id", {"name": "x", "created_ts": 5, "run_id": "b"}, {}),
    ("span as asked for", {"config": config("span.end", "2024-02-01T00:30")}, {}),
    ("when rules were read", {"config": config("instruments.0.as_of", "2025")}, {}),
    ("fee said that is the default", {"config": config("costs.taker", 0.001)}, {}),
    ("cash as a whole number", {"config": config("account.cash", 1000)}, {}),
    ("cash", {"config": config("account.cash", 5000)}, {"configuration": ["account.cash"]}),
    ("a rule", {"config": config("instruments.0.tick_size", 1)}, {"configuration": ["instruments.A.tick_size"]}),
    ("a rule of neither", {"config": config("instruments.1.tick_size", 1)}, {}),
    ("candles", {"data_parts": NEW}, {"data": ["bars B"]}),
    ("an indicator's definition", {"data_parts": {**PARTS, "indicators A": "9:x"}}, {"data": ["indicators A"]}),
    (
        "a parameter, and with it the indicators",
        {"params": {"fast": 6}, "data_parts": {**PARTS, "indicators A": "9:x"}},
        {"configuration": ["params.fast"]},
    ),
    (
        "code, and with it the warm-up",
        {"strategy_source": "one\nthree\n", "data_parts": {**PARTS, "warm-up A": "7:x"}},
        {"code": [" one", "-two", "+three"]},
    ),
    (
        "a stop, for which minutes are read",
        {"config": config("execution.stop", 0.1), "data_parts": {**PARTS, "minutes B": "1:x"}},
        {"configuration": ["execution.stop"]},
    ),
    (
        "timeframe",
        {"timeframe": "4h", "data_parts": NEW},
        {"configuration": ["timeframe"], "remarks": ["timeframe or"]},
    ),
    ("symbols", {"symbols": "A", "data_parts": {"hash": "1", "bars A": "9:aa"}}, {"configuration": ["symbols"]}),
    ("another hash function", {"data_parts": {**NEW, "hash": "2"}}, {"remarks": ["versions of DuckDB"]}),
    ("an older bt", {"data_parts": None}, {"data": ["all that was read"], "remarks": ["which part"]}),
    ("versions", {"versions": {"bt": "1", "polars": "3"}}, {"versions": ["polars"]}),
]


@pytest.mark.parametrize(("other", "expected"), [each[1:] for each in WHY], ids=[each[0] for each in WHY])
def test_what_differs_is_named(other: dict[str, Any], expected: dict[str, list[str]]) -> None:
    found = reasons(row(), row(**other))
    for what in ("data", "configuration", "versions"):
        assert [each.key for each in getattr(found, what)] == expected.get(what, []), what
    assert [line for line in found.code if not line.startswith("@")] == expected.get("code", [])
    assert len(found.remarks) == len(expected.get("remarks", []))
    for said, part in zip(found.remarks, expected.get("remarks", []), strict=True):
        assert part in said
    assert found.decisive is bool({"data", "configuration", "code"} & set(expected))


def test_a_long_difference_of_texts_is_bounded() -> None:
    found = reasons(row(), row(strategy_source="\n".join(map(str, range(500))))).code
    assert len(found) == 81
    assert found[-1] == "… 423 lines more"


ROWS = pl.DataFrame({"n": [1, 2, 3], "price": [1.0, float("nan"), None]})
FIRST: list[tuple[str, pl.DataFrame, tuple[int, tuple[str, ...]] | None]] = [  # the second frame; place, columns
    ("the same, with nothing and no number in it", ROWS.clone(), None),
    ("one value", ROWS.with_columns(price=pl.lit(1.0)), (2, ("price",))),
    ("the last bit", ROWS.with_columns(price=pl.col("price").fill_null(0) * (1 + 2**-52)), (1, ("price",))),
    ("a row less", ROWS.head(2), (3, ("n", "price"))),
    ("no row", ROWS.clear(), (1, ("n", "price"))),
]


@pytest.mark.parametrize(("other", "expected"), [each[1:] for each in FIRST], ids=[each[0] for each in FIRST])
def test_the_first_row_that_differs_is_found(other: pl.DataFrame, expected: tuple[int, tuple[str, ...]] | None) -> None:
    for one, two in ((ROWS, other), (other, ROWS)):
        found = first_difference({"fills": one}, {"fills": two})
        assert (found and (found.place, found.columns)) == expected
        if found and found.place > min(one.height, two.height):
            assert [found.a is None, found.b is None] == [one.height < two.height, two.height < one.height]
