"""Gaps and coverage: given these candles and absences, expect the holes that counting minute by minute finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl
import pytest

from bt.warehouse import Warehouse, registered

START = datetime(2024, 1, 1)
MINUTE = timedelta(minutes=1)
DAY = 1440
Hole = tuple[datetime, datetime, int, str]  # first and last minute, minutes, cause
Spans = list[tuple[int, int]]  # first and last minutes


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def every(first: int, last: int, *without: tuple[int, int]) -> list[float]:
    """Give the minutes from first to last, both included, without some spans."""
    return [minute for minute in range(first, last + 1) if not any(begin <= minute <= end for begin, end in without)]


# minutes with candles, absences; expected: first and last minute of each part of a hole, and its cause
CASES: dict[str, tuple[list[float], Spans, list[tuple[int, int, str]]]] = {
    "nothing": ([], [], []),
    "one candle": ([7], [], []),
    "two days whole": (every(0, 2 * DAY - 1), [], []),
    "one minute": (every(0, 99, (50, 50)), [], [(50, 50, "missing")]),
    "every second minute": (list(range(0, 9, 2)), [], [(n, n, "missing") for n in (1, 3, 5, 7)]),
    "the last minute of an hour": (every(0, 130, (59, 59)), [], [(59, 59, "missing")]),
    "the first minute of an hour": (every(0, 130, (60, 60)), [], [(60, 60, "missing")]),
    "over the seam of two hours": (every(0, 130, (55, 64)), [], [(55, 64, "missing")]),
    "an hour, and some of those beside it": (every(0, 200, (59, 120)), [], [(59, 120, "missing")]),
    "exactly an hour": (every(0, 200, (60, 119)), [], [(60, 119, "missing")]),
    "over midnight": (every(0, 2 * DAY, (DAY - 3, DAY + 3)), [], [(DAY - 3, DAY + 3, "missing")]),
    "the last minute of a day": (every(0, 2 * DAY, (DAY - 1, DAY - 1)), [], [(DAY - 1, DAY - 1, "missing")]),
    "a whole day": (every(0, 3 * DAY, (DAY, 2 * DAY - 1)), [], [(DAY, 2 * DAY - 1, "missing")]),
    "three weeks": ([*range(9), 21 * DAY], [], [(9, 21 * DAY - 1, "missing")]),
    "begins in the middle of an hour": (every(1234, 1300, (1260, 1261)), [], [(1260, 1261, "missing")]),
    "before 1970": ([-30_000_000, -29_999_997], [], [(-29_999_999, -29_999_998, "missing")]),
    "a twin hides nothing": ([*every(0, 99, (50, 50)), 3, 3, 51], [], [(50, 50, "missing")]),
    "off the minute, for the minute it lies in": ([0, 1.5, 2.99, 4], [], [(3, 3, "missing")]),
    "off the minute, beside its minute": ([0, 1, 1.5, 3], [], [(2, 2, "missing")]),
    "off the minute, at the ends": ([0.4, 2.9], [], [(1, 1, "missing")]),
    "absent, exactly": (every(0, 99, (50, 59)), [(50, 59)], [(50, 59, "absent")]),
    "absent, more than the hole": (every(0, 99, (50, 59)), [(40, 70)], [(50, 59, "absent")]),
    "absent at its beginning": (every(0, 99, (50, 59)), [(45, 52)], [(50, 52, "absent"), (53, 59, "missing")]),
    "absent at its end": (every(0, 99, (50, 59)), [(55, 59)], [(50, 54, "missing"), (55, 59, "absent")]),
    "absent in the middle, twice": (
        every(0, 99, (50, 59)),
        [(52, 53), (56, 56)],
        [(50, 51, "missing"), (52, 53, "absent"), (54, 55, "missing"), (56, 56, "absent"), (57, 59, "missing")],
    ),
    "one absence over two holes": (
        every(0, 99, (50, 59), (70, 70)),
        [(55, 75)],
        [(50, 54, "missing"), (55, 59, "absent"), (70, 70, "absent")],
    ),
    "absent beside the hole": (every(0, 99, (50, 59)), [(40, 49), (60, 65)], [(50, 59, "missing")]),
    "absent where there are candles, before and after all": (every(10, 99), [(0, 9), (20, 30), (100, 200)], []),
    "absences that touch, or lie one over the other, by a foreign hand": (
        every(0, 99, (50, 59)),
        [(50, 53), (52, 53), (54, 57)],
        [(50, 57, "absent"), (58, 59, "missing")],
    ),
}


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    return Warehouse()


def store(warehouse: Warehouse, **symbols: tuple[list[float], Spans]) -> None:
    """Let the warehouse hold these candles and absences, in a random order, and no others."""
    candles = [(name, at(minute)) for name, (minutes, _) in symbols.items() for minute in minutes]
    absences = [(name, at(first), at(last)) for name, (_, spans) in symbols.items() for first, last in spans]
    random.Random(1).shuffle(candles)
    time = pl.Datetime("us")
    came = pl.DataFrame(candles, {"symbol": pl.String, "ts": time}, orient="row")
    silent = pl.DataFrame(absences, {"symbol": pl.String, "first_ts": time, "last_ts": time}, orient="row")
    with warehouse.write() as connection, registered(connection, came=came, silent=silent):
        connection.execute("delete from candles")
        connection.execute("delete from absences")
        connection.execute("insert into candles select symbol, ts, 1, 2, 0.5, 1.5, 10, null from came")
        connection.execute("insert into absences select symbol, first_ts, last_ts, last_ts from silent")


def found(warehouse: Warehouse, symbol: str = "X") -> list[Hole]:
    sql = "select first_ts, last_ts, minutes, cause from gaps where symbol = ? order by first_ts"
    return [(first, last, minutes, cause) for first, last, minutes, cause in warehouse.query(sql, [symbol]).rows()]


def counted(minutes: list[float], spans: Spans) -> Iterator[Hole]:
    """Find the parts of holes minute by minute: the slow twin of the view."""
    there = {int(minute // 1) for minute in minutes}
    absent = {minute for first, last in spans for minute in range(first, last + 1)}
    part: list[int] = []
    for minute in range(min(there, default=0), max(there, default=0) + 1):
        if part and (minute in there or (minute in absent) != (part[-1] in absent)):
            yield at(part[0]), at(part[-1]), len(part), "absent" if part[-1] in absent else "missing"
            part = []
        if minute not in there:
            part.append(minute)


@pytest.mark.parametrize("name", CASES)
def test_holes(warehouse: Warehouse, name: str) -> None:
    minutes, spans, expected = CASES[name]
    store(warehouse, X=(minutes, spans))
    assert found(warehouse) == [(at(first), at(last), last - first + 1, cause) for first, last, cause in expected]
    if minutes and minutes[0] >= 0:  # nobody has time to count from 1912 on
        assert found(warehouse) == list(counted(minutes, spans))


def messy(draw: random.Random) -> tuple[list[float], Spans]:
    """Give minutes of some days with holes of every length, at seams too, twins, odd stamps, and absences anywhere."""
    first, last = draw.randrange(3 * DAY), 3 * DAY + draw.randrange(6 * DAY)
    holes = []
    for _ in range(draw.randrange(12)):
        begin = draw.choice([draw.randrange(last), draw.randrange(9) * DAY, 60 * draw.randrange(216)])
        length = draw.choice([1, 2, 7, 60, DAY, draw.randrange(1, 3 * DAY)])
        holes.append((begin - draw.choice([0, 0, 1, length]), begin + length - 1))
    minutes: list[float] = [last, *every(first, last, *holes)]
    if draw.random() < 0.3:  # hardly any trade
        minutes = sorted(draw.sample(minutes, len(minutes) // 20 + 1))
    minutes += [draw.choice(minutes) for _ in range(9) if minutes]
    minutes += [minute + draw.random() * 0.9 for minute in draw.sample(minutes, min(5, len(minutes)))]
    spans = [
        (begin + draw.randrange(-5, 6), end + draw.randrange(-5, 6)) for begin, end in holes if draw.random() < 0.6
    ]
    return minutes, [(begin, end) for begin, end in spans if begin <= end]


@pytest.mark.parametrize("seed", range(12))
def test_any_mess_is_found_as_by_counting(warehouse: Warehouse, seed: int) -> None:
    draw = random.Random(seed)
    market = {name: messy(draw) for name in "XYZ"}
    store(warehouse, **market)
    for name, (minutes, spans) in market.items():
        expected = list(counted(minutes, spans))
        assert found(warehouse, name) == expected, name
        there = {int(minute // 1) for minute in minutes}
        sums = {cause: sum(hole[2] for hole in expected if hole[3] == cause) for cause in ("absent", "missing")}
        rows = warehouse.query("from coverage where symbol = ?", [name]).to_dicts()
        assert rows == [
            {
                "symbol": name, "first_ts": at(min(there)), "last_ts": at(max(there)), "candles": len(minutes),
                "minutes": max(there) - min(there) + 1, "complete": len(there) / (max(there) - min(there) + 1), **sums,
            }
        ]  # fmt: skip
    whole = warehouse.query("select symbol, first_ts, last_ts, minutes, cause from gaps order by all").rows()
    assert whole == [(name, *hole) for name in market for hole in found(warehouse, name)]


def test_a_symbol_without_a_hole_is_complete(warehouse: Warehouse) -> None:
    store(warehouse, X=(list(range(100)), []), Y=([5], [(0, 9)]))
    rows = warehouse.query("select symbol, candles, minutes, complete, absent, missing from coverage order by all")
    assert rows.rows() == [("X", 100, 100, 1.0, 0, 0), ("Y", 1, 1, 1.0, 0, 0)]


@pytest.mark.parametrize("stamp", ["infinity", "-infinity"])
def test_a_candle_of_no_time_breaks_nothing(warehouse: Warehouse, stamp: str) -> None:
    store(warehouse, X=([0, 2], []), Y=([0, 3], []))
    with warehouse.write() as connection:
        connection.execute(f"insert into candles values ('X', timestamp '{stamp}', 1, 2, 0.5, 1.5, 10, null)")
    assert found(warehouse, "Y") == [(at(1), at(2), 2, "missing")]
    assert warehouse.query("select count(*) from coverage").item() == 2
