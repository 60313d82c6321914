"""Thousands of answers, a fifth of them faulty, eight symbols at once: in the end all is as if none had been."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from bt.exchange import Market
from bt.exchange.faults import PRESETS
from bt.warehouse import Warehouse
from tests.ingest.serving import START, Scene, candles, content, empty, holed, hurried, listing, market, rates, same

EIGHT = [f"{letter}USDT" for letter in ("AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH")]
SHARE = 0.2


def eight(days: int) -> Market:
    """Give eight listings that differ: in prices, holes, beginnings and ends, and intervals of funding."""
    rows = candles(days=days)
    listings = []
    for number, name in enumerate(EIGHT):
        own = rows.with_columns(pl.col("open", "high", "low", "close") + number, pl.col("volume") * (number + 1))
        own = holed(own, 200 + 31 * number, number)
        if number in {6, 7}:
            own = own.slice(700, None) if number == 6 else own.head(len(own) // 3)
        every = (8, 4, 1)[number % 3]
        listings.append(listing(name, own, rates(every, rows=days * 24 // every)))
    return market(*listings)


def soak(days: int, responses: int, faults: str) -> None:
    manners = hurried(answer=2.0, silence=1.0, pace=2000, in_flight=40)
    wanted = ",".join(EIGHT)
    with Scene(eight(days), Warehouse(), START + timedelta(days=days, seconds=19)) as scene:
        assert scene.bring(wanted).complete
        fault_free = content(scene.warehouse)
        given = struck = runs = complete = 0
        while given < responses:
            empty(scene.warehouse)
            outcome = scene.bring(wanted, faults=faults, seed=runs, manners=manners)
            assert outcome.error is None
            given += scene.exchange.requests
            struck += sum(scene.exchange.struck.values())
            runs, complete = runs + 1, complete + outcome.complete
            assert scene.bring(wanted).complete
            assert same(content(scene.warehouse), fault_free), f"seed {runs - 1}"
    assert given >= responses
    assert struck / given == pytest.approx(SHARE, abs=0.06)
    print(
        f"\n{given:,} answers, {struck:,} of them faulty, in {runs} ingests, of which {complete} were complete at once"
    )


@pytest.mark.slow
def test_a_short_soak():
    """Without the faults that make everybody wait for seconds."""
    names = [name for name in PRESETS["harsh"][1] if name != "429"]
    soak(12, 300, ",".join(f"{name}:{SHARE / len(names)}" for name in names))


@pytest.mark.slow
def test_a_long_soak():
    soak(120, 10_000, f"harsh:{SHARE:.0%}")
