"""What the manifest says is held against the content: every loss that it can tell is found, and nothing else."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import polars as pl
import pytest

from bt import assets
from bt.warehouse import Warehouse, registered

CHECK = (assets.folder("sql") / "checks" / "ingests_kept.sql").read_text(encoding="utf-8")
START = datetime(2024, 1, 1, 23, 50)
Page = tuple[int, int, int, int]  # first and last minute after START, rows that came, of these refused
Minutes = list[int]


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@pytest.fixture(scope="module")
def shared() -> Warehouse:
    return Warehouse()


def short(
    warehouse: Warehouse, pages: list[Page], minutes: Minutes, kind: str = "candles", seconds: int = 0
) -> list[str]:
    """Give what the check says of pages of X, and of the rows of X that are stored."""
    came = [
        {
            "ingest_id": number, "kind": kind, "symbol": "X", "source": "x.csv", "asked_first": START,
            "asked_last": START, "first_ts": at(first), "last_ts": at(last), "rows_came": rows, "rows_stored": 0,
            "rows_changed": 0, "rows_rejected": refused, "content_hash": "", "written_ts": START,
        }
        for number, (first, last, rows, refused) in enumerate(pages, 1)
    ]  # fmt: skip
    times = pl.Series("ts", [at(minute) + timedelta(seconds=seconds) for minute in minutes], pl.Datetime("us"))
    values = {"candles": "1, 2, 0.5, 1.5, 10, null", "funding": "0.0001, null", "instruments": None}[kind]
    with warehouse.write() as connection, registered(connection, came=pl.DataFrame(came), times=times.to_frame()):
        for table in ("ingests", "candles", "funding"):
            connection.execute(f"delete from {table}")
        connection.execute("insert into ingests by name select * from came")
        if values:
            connection.execute(f"insert into {kind} select 'X', ts, {values} from times")
            connection.execute(f"insert into {kind} select 'OTHER', ts, {values} from times")
    return warehouse.query(CHECK)["problem"].to_list()


TEN = list(range(10))
CASES: list[tuple[str, list[Page], Minutes, list[str]]] = [
    ("whole", [(0, 9, 10, 0)], TEN, []),
    ("over midnight and hours", [(0, 199, 200, 0)], list(range(200)), []),
    ("one lost in the middle", [(0, 9, 10, 0)], [*range(4), *range(5, 10)], ["brought 10 candles, of which 9"]),
    ("the first lost", [(0, 9, 10, 0)], TEN[1:], ["of which 9"]),
    ("the last lost", [(0, 9, 10, 0)], TEN[:-1], ["of which 9"]),
    ("all lost", [(0, 9, 10, 0)], [], ["of which 0"]),
    ("all lost but neighbours", [(10, 19, 10, 0)], [*range(10), *range(20, 99)], ["of which 0"]),
    ("the tail of many pages", [(0, 9, 10, 0), (10, 19, 10, 0), (20, 29, 10, 0)], list(range(15)),
     ["brought 10 candles, of which 5 are left; pages short: 2, 2024-01-02 00:00 to 2024-01-02 00:19"]),
    ("more by hand", [(0, 9, 10, 0)], list(range(-50, 50)), []),
    ("a page with holes", [(0, 9, 8, 0)], [0, 1, 2, 3, 4, 5, 6, 9], []),
    ("a page with holes, one lost", [(0, 9, 8, 0)], [0, 1, 2, 3, 4, 5, 9], ["of which 7"]),
    ("rows that were refused", [(0, 9, 10, 3)], TEN[3:], []),
    ("nothing came", [(0, 0, 0, 0)], [], []),
    ("lost, and brought again", [(0, 9, 10, 0), (3, 5, 3, 0)], TEN, []),
    ("the same twice", [(0, 9, 10, 0), (0, 9, 10, 0)], TEN, []),
    ("overlapping, the second one's end lost", [(0, 9, 10, 0), (0, 19, 20, 0)], TEN, ["page 2"]),
    ("a twin for a lost one", [(0, 9, 10, 0)], [*TEN[:-1], 0], ["of which 9"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pages", "minutes", "said"), CASES, ids=[case[0] for case in CASES])
def test_candles(shared: Warehouse, name: str, pages: list[Page], minutes: Minutes, said: list[str]) -> None:
    found = short(shared, pages, minutes)
    assert len(found) == len(said), name
    assert all(words in problem for words, problem in zip(said, found, strict=True)), found


def test_funding_stamped_some_moments_later_is_there(shared: Warehouse) -> None:
    hours = [0, 480, 960]
    assert short(shared, [(0, 960, 3, 0)], hours, "funding", seconds=3) == []
    [found] = short(shared, [(0, 960, 3, 0)], hours[:2], "funding", seconds=3)
    assert "brought 3 funding rates, of which 2 are left" in found


def test_instruments_have_no_rows_to_lose(shared: Warehouse) -> None:
    assert short(shared, [(0, 0, 500, 0)], [], "instruments") == []


@pytest.mark.parametrize("seed", range(20))
def test_it_counts_as_plain_counting_does(shared: Warehouse, seed: int) -> None:
    """A hundred pages over three days with holes: those short by plain counting are those found."""
    draw = random.Random(seed)
    minutes = sorted(draw.sample(range(4000), draw.choice([50, 2000, 3990])))
    firsts = [draw.randrange(3900) for _ in range(100)]
    spans = [(first, min(first + draw.choice([0, 1, 59, 60, 61, 700]), 3999)) for first in firsts]
    pages = []
    for first, last in spans:
        held = sum(first <= minute <= last for minute in minutes)
        pages.append((first, last, held + draw.choice([0, 0, 0, 1]), 0))
    lacking = [
        number
        for number, (first, last, came, _) in enumerate(pages, 1)
        if sum(first <= minute <= last for minute in minutes) < came
    ]
    [found] = short(shared, pages, minutes)
    assert found.startswith(f"page {lacking[0]} from x.csv")
    assert f"pages short: {len(lacking)}," in found
