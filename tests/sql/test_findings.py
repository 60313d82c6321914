"""Given these candles, rates and pages, expect these findings: what, how bad, how many, where, what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest

from bt import seeded
from bt.warehouse import Warehouse, registered
from tests.sql.given import DULL, START, Row, frames

MINUTE = timedelta(minutes=1)
HOUR = 60
DAY = 1440
TABLES = ("candles", "funding", "ingests", "instruments")
Finding = tuple[str, str, int, float, float, str, str]  # finding, severity, found, first and last minute, detail, cure
A_CLEAN_COPY = (
    "bt export --what candles -s X -t 1m -O clean && bt import clean/X_1m.csv -s X --skip-bad --db clean.duckdb"
)
TO_BYBIT = "bt ingest X --from 2024-01-01 --to 2024-01-02"


@cache
def shared() -> Warehouse:
    return Warehouse()


def holding(
    *, absences: Iterable[tuple[int, int]] = (), rejected: Iterable[Row] = (), **tables: Iterable[Row]
) -> Warehouse:
    """Let the warehouse hold these rows and no others."""
    warehouse = shared()
    with warehouse.write() as connection:
        for table in (*TABLES, "absences", "rejected_candles"):
            connection.execute(f"delete from {table}")
        for table, frame in frames(**tables).items():
            with registered(connection, given=frame):
                connection.execute(f"insert into {table} by name select * from given")
        for first, last in absences:
            connection.execute("insert into absences values ('X', ?, ?, now()::timestamp)", [at(first), at(last)])
        for row in rejected:
            names = ("ingest_id", "row_number", "ts", "column_name", "value", "reason")
            values = [(REJECTED | row)[name] for name in names]
            connection.execute("insert into rejected_candles values (?, 'X', ?, ?, ?, ?, ?)", values)
    return warehouse


REJECTED: Row = {
    "ingest_id": 1, "row_number": 1, "ts": START, "column_name": None, "value": None, "reason": "duplicate",
}  # fmt: skip


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def price(minute: int) -> float:
    """Give the price at a minute's end: up and down between 100 and 105, and never still."""
    return 100 + abs(minute % 20 - 10) / 2


def walk(first: int = 0, last: int = 12 * HOUR, *without: tuple[int, int], symbol: str = "X") -> list[Row]:
    """Give candles from first to last minute, each opening where the one before closed, without some spans."""
    return [
        candle(minute) | {"symbol": symbol}
        for minute in range(first, last + 1)
        if not any(begin <= minute <= end for begin, end in without)
    ]


def candle(minute: int) -> Row:
    ends = (price(minute - 1), price(minute))
    values = {"open": ends[0], "high": max(ends) + 0.25, "low": min(ends) - 0.25, "close": ends[1]}
    return {"ts": at(minute), "volume": 1.0 + minute % 5, **values}


def but(rows: list[Row], changes: dict[int, Row]) -> list[Row]:
    """Change some rows, by their place."""
    return [row | changes.get(place, {}) for place, row in enumerate(rows)]


def flat(minutes: Iterable[int], level: float, volume: float) -> dict[int, Row]:
    return {minute: dict.fromkeys(("open", "high", "low", "close"), level) | {"volume": volume} for minute in minutes}


def spread(places: Iterable[int]) -> dict[int, Row]:
    """Let candles be violent, and in violent company as each lasts two minutes."""
    return {place + more: {"high": 300.0, "low": 90.0} for place in places for more in (0, 1)}


WALK = walk()
WINDOWS = [minute for window in range(12) for minute in range(window * 100, window * 100 + 20)]
MANY_DAYS = walk(0, 12 * DAY)
VIOLENT = spread(day * DAY + 100 for day in range(12))
UNTRADED = {place: {"volume": 0.0} for place in range(7, 12 * DAY, 50)}

CASES: dict[str, tuple[dict[str, Any], list[Finding]]] = {
    "calm": ({"candles": WALK}, []),
    "a gap": (
        {"candles": walk(0, DAY - 1, (100, 109))},
        [("gap", "error", 1, 100, 109, "10 minutes without a candle, the longest 10", TO_BYBIT)],
    ),
    "two gaps on two days": (
        {"candles": walk(0, 2 * DAY, (100, 109), (DAY + 5, DAY + 64))},
        [
            (
                "gap", "error", 2, 100, DAY + 64,
                "70 minutes without a candle, the longest 60 from 2024-01-02 00:05",
                "bt ingest X --from 2024-01-01 --to 2024-01-03",
            )
        ],
    ),
    "a gap at another exchange": (
        {"candles": walk(0, DAY - 1, (100, 109), symbol="binance:X")},
        [
            (
                "gap", "error", 1, 100, 109,
                "10 minutes without a candle, the longest 10", "bt import FILE --symbol binance:X",
            )
        ],
    ),
    "a gap that the exchange has, too": (
        {"candles": walk(0, DAY - 1, (100, 109)), "absences": [(100, 109)]},
        [("absent", "note", 1, 100, 109, "10 minutes without a candle, the longest 10", f"{TO_BYBIT} --repair")],
    ),
    "windows that a download asked for too long": (
        {"candles": [row for row in walk(0, 1200) if (row["ts"] - START) // MINUTE in set(WINDOWS)]},
        [
            (
                "gap", "error", 11, 20, 1099,
                ("880 minutes without a candle, the longest 80 from 2024-01-01 00:20; every gap is 80 minutes long and "
                 "follows 20 candles: it looks as if a download asked for spans longer than one answer holds"),
                TO_BYBIT,
            )
        ],
    ),
    "minutes without a trade left out": (
        {"candles": walk(0, DAY - 1, *((place**2 // 10, place**2 // 10) for place in range(10, 115)))},
        [
            (
                "gap", "error", 105, 10, 1299,
                ("105 minutes without a candle, the longest 1 from 2024-01-01 00:10; "
                 "no candle has zero volume: it looks as if minutes without a trade were left out"),
                TO_BYBIT,
            )
        ],
    ),
    "a minute twice": (
        {"candles": [*WALK, WALK[5]]},
        [
            (
                "duplicate", "error", 1, 5, 5, "first: a second candle of this minute",
                A_CLEAN_COPY,
            )
        ],
    ),
    "between two minutes": (
        {"candles": [*WALK[:700], WALK[700] | {"ts": at(700) + timedelta(seconds=20.799)}]},
        [
            (
                "off_minute", "error", 1, 700.34665, 700.34665, "first: 2024-01-01 11:40:20.799 is no whole minute",
                A_CLEAN_COPY,
            )
        ],
    ),
    "impossible": (
        {"candles": but(WALK, {9: {"high": 1.0}, 11: {"low": -1.0}})},
        [("impossible", "error", 2, 9, 11, "first: high: below low", f"{TO_BYBIT} --replace")],
    ),
    "a spike": (
        {"candles": but(WALK, {9: {"high": 1000.0}})},
        [
            (
                "spike", "warning", 1, 9, 9,
                "first: high 1000.0 is 9.98 × low 100.25, the minutes beside it are calm",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "a spike in the last minute": (
        {"candles": but(WALK, {len(WALK) - 1: {"low": 1.0}})},
        [
            (
                "spike", "warning", 1, 720, 720,
                "first: high 105.25 is 105.25 × low 1.0, the minutes beside it are calm",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "a crash: violent in violent company": (
        {"candles": but(WALK, spread([9]))},
        [("range", "note", 2, 9, 10, "first: high 300.0 is 3.33 × low 90.0", "")],
    ),
    "the first minute after a listing": ({"candles": but(WALK, {0: {"high": 1000.0}})}, []),
    "a jump": (
        {"candles": but(WALK, {9: {"open": 90.0, "low": 89.0}})},
        [("jump", "warning", 1, 9, 9, "first: open 90.0 after close 101.0", f"{TO_BYBIT} --replace")],
    ),
    "a jump over a gap that the exchange has, too": (
        {
            "candles": [*walk(0, 9), *({**row, **{name: row[name] * 3 for name in ("open", "high", "low", "close")}}
                                       for row in walk(20, 29))],
            "absences": [(10, 19)],
        },
        [
            ("jump", "warning", 1, 20, 20, "first: open 313.5 after close 100.5", f"{TO_BYBIT} --replace"),
            ("absent", "note", 1, 10, 19, "10 minutes without a candle, the longest 10", f"{TO_BYBIT} --repair"),
        ],
    ),
    "a broken seam": (
        {"candles": but(WALK, {9: {"open": 100.75}})},
        [
            (
                "seam", "warning", 1, 9, 9,
                "first: open 100.75 after close 101.0, where all others open at the close before",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "where candles open as they like, no seam is broken": (
        {"candles": [row | {"open": row["close"]} for row in WALK]},
        [],
    ),
    "the same candle again and again": (
        {"candles": [*WALK[:100], *(WALK[99] | {"ts": at(minute)} for minute in range(100, 104))]},
        [
            (
                "repeated", "warning", 3, 101, 103,
                "first: open, high, low, close and volume 5.0 as in the two minutes before",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "an hour at one price": (
        {"candles": but(walk(0, 9 * HOUR), flat(range(100, 160), 105.0, 2.0))},
        [
            (
                "stuck", "warning", 1, 100, 159, "up to 60 minutes at one price, 105.0, from 2024-01-01 01:40",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "not quite an hour at one price": ({"candles": but(walk(0, 9 * HOUR), flat(range(100, 159), 105.0, 2.0))}, []),
    "an hour at two prices in turn": (
        {
            "candles": but(
                walk(0, 9 * HOUR), flat(range(100, 160, 2), 105.0, 2.0) | flat(range(101, 160, 2), 106.0, 2.0)
            )
        },
        [],
    ),
    "some minutes without a trade": (
        {"candles": but(walk(0, 499), {place: {"volume": 0.0} for place in (3, 7, 8, 9, 50)})},
        [
            (
                "zero_volume", "note", 5, 3, 50,
                "1 % of the minutes without a trade, up to 3 in a row from 2024-01-01 00:07", "",
            )
        ],
    ),
    "an hour without a trade": (
        {"candles": but(walk(0, 9 * HOUR - 1), flat(range(100, 160), 105.0, 0.0))},
        [
            (
                "zero_volume", "warning", 60, 100, 159,
                "11.1 % of the minutes without a trade, up to 60 in a row from 2024-01-01 01:40",
                f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "a test network": (
        {"candles": but(MANY_DAYS, VIOLENT | UNTRADED)},
        [
            (
                "testnet", "warning", 24, 0, 12 * DAY,
                ("on 12 days a minute moved by more than a tenth, and 2 % of the minutes are without a trade: "
                 "it looks like a test network"),
                "bt ingest X --from 2024-01-01 --to 2024-01-14 --replace",
            ),
            ("range", "note", 24, 100, 11 * DAY + 101, "first: high 300.0 is 3.33 × low 90.0", ""),
            (
                "zero_volume", "note", 346, 7, 12 * DAY - 23,
                "2 % of the minutes without a trade, up to 1 in a row from 2024-01-01 00:07", "",
            ),
        ],
    ),
    "violent, but traded": (
        {"candles": but(MANY_DAYS, VIOLENT)},
        [("range", "note", 24, 100, 11 * DAY + 101, "first: high 300.0 is 3.33 × low 90.0", "")],
    ),
    "written before its minute was over": (
        {"candles": walk(0, 9), "ingests": [{"source": "api.x", "last_ts": at(9), "written_ts": at(9.5)}]},
        [
            (
                "unfinished", "error", 1, 9, 9,
                "first: written by api.x at 2024-01-01 00:09:30, before its minute was over", f"{TO_BYBIT} --replace",
            )
        ],
    ),
    "written before its minute was over, but not stored": (
        {
            "candles": [*walk(0, 8), *walk(9, 9, symbol="Y")],
            "ingests": [{"last_ts": at(9), "written_ts": at(9.5)}],
        },
        [],
    ),
    "twins, written before their minute was over": (
        {"candles": [*walk(0, 9), *walk(9, 9)], "ingests": [{"last_ts": at(9), "written_ts": at(9.5)}]},
        [
            ("duplicate", "error", 1, 9, 9, "first: a second candle of this minute", A_CLEAN_COPY),
            (
                "unfinished", "error", 1, 9, 9,
                "first: written by x.csv at 2024-01-01 00:09:30, before its minute was over", f"{TO_BYBIT} --replace",
            ),
        ],
    ),
    "written when its minute was over": (
        {"candles": walk(0, 9), "ingests": [{"last_ts": at(9), "written_ts": at(10)}]},
        [],
    ),
    "written too early, but confirmed": (
        {
            "candles": walk(0, 19),
            "ingests": [
                {"last_ts": at(9), "written_ts": at(9.5)},
                {"ingest_id": 2, "last_ts": at(19), "written_ts": at(20)},
            ],
        },
        [],
    ),
    "written too early, and contradicted": (
        {
            "candles": walk(0, 9),
            "ingests": [
                {"source": "api.x", "last_ts": at(9), "written_ts": at(9.5)},
                {"ingest_id": 2, "last_ts": at(9), "written_ts": at(20)},
            ],
            "rejected": [
                {"ingest_id": 2, "ts": at(9), "column_name": "close", "value": "7", "row_number": None,
                 "reason": "differs from the stored candle"}
            ],
        },
        [
            (
                "unfinished", "error", 1, 9, 9,
                "first: written by api.x at 2024-01-01 00:09:30, before its minute was over", f"{TO_BYBIT} --replace",
            ),
            (
                "contradicted", "warning", 1, 9, 9,
                "a later source tells these otherwise; first: close: differs from the stored candle (7)",
                f"{TO_BYBIT} --replace",
            ),
        ],
    ),
    "a hole in funding": (
        {"funding": [{"ts": at(hour * HOUR)} for hour in (0, 8, 16, 40, 48)], "instruments": [{}]},
        [
            (
                "funding_hole", "warning", 1, 24 * HOUR, 32 * HOUR, "up to 24 hours without a funding rate",
                "bt ingest X --from 2024-01-02 --to 2024-01-03",
            )
        ],
    ),
}  # fmt: skip
BY_SEVERITY = """
    select finding, severity, found, first_ts, last_ts, detail, cure from findings
    order by case severity when 'error' then 0 when 'warning' then 1 else 2 end, finding
"""


@pytest.mark.parametrize("name", CASES)
def test_findings(name: str) -> None:
    tables, expected = CASES[name]
    found = holding(**tables).query(BY_SEVERITY).rows()
    rows = [
        (finding, severity, times, at(first), at(last), *rest)
        for finding, severity, times, first, last, *rest in expected
    ]
    assert found == rows


def test_every_finding_is_tried() -> None:
    text = shared().query(
        "select comment from duckdb_columns() where table_name = 'findings' and column_name = 'finding'"
    )
    named = set(text.item().replace(" or ", ", ").split(", "))
    assert named == {row[0] for _, expected in CASES.values() for row in expected}


def test_symbols_do_not_mix() -> None:
    """Each symbol's findings are its own, whether one is asked for or all are."""
    names = ("a gap", "a spike", "a broken seam", "an hour at one price", "some minutes without a trade")
    candles = [row | {"symbol": f"X{place}"} for place, name in enumerate(names) for row in CASES[name][0]["candles"]]
    warehouse = holding(candles=candles)
    query = "select symbol, finding, severity, found, first_ts from findings {} order by all"
    at_once = warehouse.query(query.format("")).rows()
    assert [row[1] for row in at_once] == ["gap", "spike", "seam", "stuck", "zero_volume"]
    alone = [warehouse.query(query.format(f"where symbol = 'X{place}'")).rows() for place in range(len(names))]
    assert [row for rows in alone for row in rows] == at_once


@pytest.mark.parametrize("view", ["suspects", "stuck", "untraded", "unfinished", "conduct", "findings"])
def test_a_filter_on_the_symbol_reaches_every_scan_of_the_candles(view: str) -> None:
    plan = holding(candles=WALK).query(f"explain (format json) from {view} where symbol = 'X'")["explain_value"].item()
    filters = [
        str(scan.get("Filters")) for scan in _scans(json.loads(plan)) if scan.get("Table", "").endswith(".candles")
    ]
    assert filters
    assert [one for one in filters if "symbol = 'X'" not in one] == []


def _scans(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node.get("extra_info", {})
        yield from _scans(node.get("children", []))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_false_alarm_on_a_clean_market(seed: int) -> None:
    frame = pl.concat(
        seeded.candles(name, days=30, seed=seed).with_columns(symbol=pl.lit(name)) for name in seeded.SYMBOLS
    )
    warehouse = holding()
    with warehouse.write() as connection, registered(connection, given=frame):
        connection.execute("insert into candles by name select * from given")
    found = warehouse.query("select symbol, finding, found from findings order by all").rows()
    assert found == [("BETAUSDT", "gap", 1)]  # which the market has on purpose


LEFT_OUT = {
    "off the minute": ({"reason": "not on the minute", "ts": at(0.5)}, ("off_minute", "1 30.0 s after the minute")),
    "a duplicate": ({"value": "x"}, ("duplicate", "first: row 1, the whole row: duplicate (x)")),
    "no time": (
        {"reason": "missing", "ts": None, "column_name": "time"},
        ("unreadable", "first: row 1, time: missing"),
    ),
    "no number": (
        {"reason": "not a number", "column_name": "close", "value": "x"},
        ("unreadable", "first: row 1, close: not a number (x)"),
    ),
    "impossible": (
        {"reason": "below low", "column_name": "high", "value": "1.0"},
        ("impossible", "first: row 1, high: below low (1.0)"),
    ),
    "contradicted, by the exchange": (
        {"reason": "differs from the stored rate", "row_number": None, "column_name": "rate", "value": "0.1"},
        ("contradicted", "first: rate: differs from the stored rate (0.1)"),
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_rows_left_out(name: str) -> None:
    row, expected = LEFT_OUT[name]
    found = holding(rejected=[row, row | {"row_number": 2 if row.get("row_number", 1) else None}]).query(
        "from left_out"
    )
    assert found.select("finding", "found").rows() == [(expected[0], 2)]
    assert found["detail"].item() == expected[1].replace("1 30.0", "2 30.0")


def test_dull_rows_are_sound() -> None:
    """The rows that other tests leave as they are have nothing wrong about them."""
    tables = {table: [DULL[table]] for table in TABLES}
    tables["ingests"] = [{"written_ts": at(1)}]
    assert holding(**tables).query("from findings").rows() == []
