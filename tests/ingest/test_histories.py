"""Random histories: holes, listings and wishes drawn at random; what is stored is what is served of what was wished."""

from __future__ import annotations

import random

import polars as pl
import pytest

from tests.ingest.serving import MINUTE, START, Scene, between, candles, content, holed, listing, market, stored

LAST = 3 * 1440  # the running minute
LENGTHS = (1, 10, 300, 999, 1000, 1001, 2500, 5000)  # around the size of a page
FAULTS = ("", "", "limit_smaller:0.5", "500:0.2", "missing_rows:0.2")


def served(draw: random.Random) -> pl.DataFrame:
    """Give candles with holes, some from a later beginning on, some to an earlier end."""
    rows = candles()
    for _ in range(draw.randrange(5)):
        rows = holed(rows, draw.randrange(LAST), draw.choice([1, 2, 5, 60, 1200]))
    if draw.random() < 0.3:
        rows = rows.slice(draw.randrange(2000))
    if draw.random() < 0.3:
        rows = rows.head(draw.randrange(1, 2500))
    return rows


def spans(draw: random.Random) -> list[tuple[int, int]]:
    firsts = [draw.randrange(-3000, LAST) for _ in range(draw.randrange(1, 5))]
    return [(first, min(first + draw.choice(LENGTHS), LAST)) for first in firsts]


def play(seed: int) -> None:
    draw = random.Random(seed)
    rows, wished = served(draw), spans(draw)
    moments = [{"first": START + first * MINUTE, "end": START + end * MINUTE} for first, end in wished]
    with Scene(market(listing("ALPHAUSDT", rows))) as scene:
        for moment in moments:
            scene.bring(faults=draw.choice(FAULTS), seed=seed, **moment)
        for moment in moments:
            assert scene.bring(repair=True, **moment).complete
        expected = pl.concat([between(rows, *span) for span in wished]).unique().sort("ts")
        assert stored(scene.warehouse).equals(expected)
        absent_and_no_more(scene, expected)
        for moment in moments:
            assert scene.bring(**moment).complete
            assert all(last >= LAST - 1441 for _, last in scene.pages())  # the last day only may be asked for again


def absent_and_no_more(scene: Scene, expected: pl.DataFrame) -> None:
    """Absences touch neither candles nor each other."""
    absences = content(scene.warehouse)["absences"]
    assert (absences["first_ts"].diff() > MINUTE).sum() == max(len(absences) - 1, 0)
    assert (absences["first_ts"] > absences["last_ts"].shift(1) + MINUTE).sum() == max(len(absences) - 1, 0)
    for first, last in absences.select("first_ts", "last_ts").rows():
        assert expected.filter(pl.col("ts").is_between(first, last)).is_empty()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_a_few_histories(seed):
    play(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 150))
def test_many_histories(seed):
    play(seed)
