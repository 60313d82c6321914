"""One answer is taken as a whole or refused as a whole: rows in, minutes out."""

import pytest

from bt.bybit import Candles, Malformed
from bt.ingest.pages import reader
from bt.ingest.planning import Span

ASKED = Span(100, 104)


def row(minute: float, volume: float = 1.0) -> tuple:
    return int(minute * 60_000), 2.0, 3.0, 1.0, 2.5, volume, 9.0


def page(*rows: tuple):
    return reader("AUSDT", ASKED)(Candles(symbol="AUSDT", category="linear", rows=list(rows)))


TAKEN = {  # minutes that came, and whether the one before them did
    "all, newest first": ([104, 103, 102, 101, 100], [(100, 104)], 0),
    "all, oldest first": ([100, 101, 102, 103, 104], [(100, 104)], 0),
    "shuffled": ([102, 100, 104, 101, 103], [(100, 104)], 0),
    "with the seam": ([104, 103, 102, 101, 100, 99], [(100, 104)], 1),
    "the seam alone": ([99], [], 1),
    "nothing": ([], [], 0),
    "a hole": ([104, 103, 101, 100], [(100, 101), (103, 104)], 0),
    "the newest only": ([104, 103], [(103, 104)], 0),
    "the same twice": ([104, 104, 104, 103, 100], [(100, 100), (103, 104)], 0),
    "all and more": ([106, 105, 104, 103, 102, 101, 100, 99, 98, 97], [(100, 104)], 1),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name):
    minutes, came, seam = TAKEN[name]
    found = page(*map(row, minutes))
    assert found.came == [Span(*pair) for pair in came]
    assert found.seam.height == seam
    assert found.rows["ts"].is_sorted()
    assert found.rows.height == sum(span.minutes for span in found.came)


REFUSED = {
    "older rows instead": [row(98), row(97)],
    "newer rows instead": [row(105), row(104)],
    "a stuck page": [row(minute) for minute in range(5)],
    "off the minute": [row(100), row(100.5)],
    "a second late": [(100 * 60_000 + 1000, 2.0, 3.0, 1.0, 2.5, 1.0, 9.0)],
    "seconds for milliseconds": [(100 * 60, 2.0, 3.0, 1.0, 2.5, 1.0, 9.0)],
    "two that differ": [row(104), row(103), row(103, volume=2.0)],
    "two that differ among three": [row(103), row(103, volume=2.0), row(103)],
    "two seams that differ": [row(100), row(99), row(99, volume=2.0)],
    "five minutes apart": [row(104), row(99), row(94)],
    "before 1970": [row(-1)],
    "in ten years": [row(104), row(103 + 5_256_000)],
    **{
        f"at {stamp} ms": [(stamp, *row(1)[1:]), (stamp, *row(1, 5.0)[1:])]
        for stamp in (6 * 10**17, -(6 * 10**18), 10**30)
    },
    "at the end of 64 bits": [(2**63 - 8, *row(1)[1:])],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(Malformed) as refused:
        page(*REFUSED[name])
    assert str(refused.value).startswith("AUSDT: ")


@pytest.mark.parametrize(
    ("minutes", "hole", "expected"),
    [
        ([], (100, 104), True),  # nothing at all: the exchange has none of it
        ([104, 103, 99], (100, 102), True),  # the seam came: nothing was cut off
        ([104, 103], (100, 102), False),  # it keeps the newest rows: the others may be cut off
        ([104, 101], (102, 103), True),
        ([99], (100, 104), True),
    ],
)
def test_what_an_answer_says_of_a_hole(minutes, hole, expected):
    assert page(*map(row, minutes)).answers_for(Span(*hole)) is expected
