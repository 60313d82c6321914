"""Every fault of the catalogue, and the one law: content after a faulty run and a clean one is that of a clean one."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web

from bt import assets
from bt.bybit import ClosedError
from bt.errors import ExchangeError
from bt.exchange import FAULTS, Market
from bt.exchange.contents import CONTENTS
from bt.warehouse import Warehouse
from tests.ingest.serving import (
    HURRIED,
    START,
    Scene,
    candles,
    content,
    holed,
    hurried,
    listing,
    market,
    milliseconds,
    same,
    stored,
)

pytestmark = pytest.mark.long

DAYS = 2
NOW = START + timedelta(days=DAYS, seconds=19)
HOLE = (900, 40)
ROWS = {"ALPHAUSDT": DAYS * 1440, "BETAUSDT": DAYS * 1440 - HOLE[1]}  # the second one has a hole of its own
BOTH = ",".join(ROWS)

# the catalogue's ids that the stand-in can inject: what of it, and how often
INJECTED = {
    **{
        name: f"{name}:0.3"
        for name in (
            *("200_html_as_json", "truncated_chunked", "truncated_valid_length", "bad_chunk", "empty_200", "null_json"),
            *("array_json", "nan_json", "inf_string", "duplicate_keys", "deep_nesting", "bom", "gzip_corrupt"),
            *("gzip_truncated", "reset_mid_body", "redirect_loop", "redirect_file", "redirect_other_host"),
            *("garbage_status_line", "huge_header", "204", "slicer", "reordered_answers", "duplicate_rows_in_page"),
            *("out_of_order_rows", "limit_smaller", "limit_larger", "wrong_interval", "misaligned_timestamp"),
            *("timestamp_seconds", "timestamp_future", "timestamp_text", "negative_price", "nan_price"),
            *("high_below_low", "scientific", "localized", "extra_columns", "missing_columns", "symbol_unknown"),
            *("server_time_far", "retcode_unknown", "result_missing"),
        )
    },
    "403_ip_limit": "403_ip_limit@6",  # a second one would be the end
    "retcode_10006": "retcode_10006@5,retcode_10006@8,retcode_10006@13",  # each halves the pace
    "latency_spike": "latency_spike",
    "slow_headers": "slow_headers:0.3",
    "slow_loris_body": "slow_loris_body:0.3",
    "slow_forever": "slow_forever:0.3",
    "descending_rows": "ascending_rows:0.5",  # newest first is how the exchange always answers
}
# faults of the stand-in that the catalogue does not know; several at once where nothing tells them apart here
FURTHER = [
    *("500:0.1,502:0.1,503:0.1,504:0.1", "200_html:0.1,bad_utf8:0.1,corrupt_body:0.1,newlines:0.5"),
    *("gzip_unzipped:0.1,dropped:0.1,reset:0.1,headers_missing:0.5", "retcode_10000:0.2,retcode_10016:0.2"),
    *("result_null:0.1,list_missing:0.1,wrong_symbol:0.1,wrong_category:0.1", "wrong_time:0.3", "missing_rows:0.3"),
    *("contradicting_rows:0.3", "zero_price:0.1,empty_price:0.1,null_price:0.1,negative_volume:0.1,row_is_text:0.1"),
    *("timestamp_number", "400@7,401@8,404@9", "403_cloudfront@7", "403_country@7", "retcode_10009@7", "403_ip_limit"),
    *("empty_result@9", "oversized_body@9", "retcode_429@9", "mild", "harsh", "harsh:50%"),
]
OFTEN = {"harsh", "missing_rows:0.3", "403_ip_limit"}  # the others are slow together
SLOW = {"latency_spike", "slow_headers", "slow_loris_body", "slow_forever"}  # these wait: at another pace

DOWNLOAD, CLIENT, CLI, PROCESS = (
    "tests.ingest.test_download",
    "tests.bybit.test_client",
    "tests.cli.test_ingest",
    "tests.ingest.test_ended",
)
# where the others are tested
ELSEWHERE = {
    "429": (__name__, "test_a_429"),
    "refused": (CLIENT, "test_where_nobody_listens"),
    "dns": (CLIENT, "test_where_nobody_listens"),
    "clock_skew": (CLI, "test_a_clock_that_differs_is_told"),
    "clock_jump_during_run": (__name__, "test_a_clock_that_jumps_back"),
    "listing_later_than_start": (DOWNLOAD, "test_a_listing_later_than_the_start_takes_few_questions"),
    "empty_page_at_end": (DOWNLOAD, "test_the_running_candle_is_never_stored"),
    "start_not_aligned": (DOWNLOAD, "test_first_and_end_inside_a_minute"),
    "page_stuck": (__name__, "test_a_page_that_is_stuck"),
    "zero_volume": (DOWNLOAD, "test_minutes_without_trades_are_candles"),
    "precision": (DOWNLOAD, "test_prices_keep_every_digit"),
    "symbol_renamed": (DOWNLOAD, "test_a_symbol_that_was_renamed_is_two"),
    "symbol_delisted": (DOWNLOAD, "test_a_symbol_that_was_delisted"),
    "halt_gap": (DOWNLOAD, "test_a_hole_is_asked_for_twice_by_itself_and_not_again"),
    "revision": (__name__, "test_history_that_was_told_differently"),
    "funding_interval_change": (DOWNLOAD, "test_funding_of_changing_intervals_comes_whole"),
    "funding_missing": (DOWNLOAD, "test_a_hole_in_funding_is_asked_for_again"),
}
CATALOGUE = Path(__file__).parents[3] / "shared" / "refs" / "faults.json"


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue of faults is not here")
def test_every_fault_of_the_catalogue_has_its_test():
    known = {case["id"] for case in json.loads(CATALOGUE.read_text(encoding="utf-8"))["ingest"]}
    assert known == INJECTED.keys() | ELSEWHERE.keys()


def test_every_test_that_is_named_is_there():
    assert not INJECTED.keys() & ELSEWHERE.keys()
    assert all(hasattr(importlib.import_module(module), name) for module, name in ELSEWHERE.values())


def test_every_fault_of_the_stand_in_is_used():
    used = {
        part.partition(":")[0].partition("@")[0] for rule in [*INJECTED.values(), *FURTHER] for part in rule.split(",")
    }
    assert set(FAULTS) - used == {"429", "revision"}


@pytest.fixture(scope="module")
def two() -> Market:
    rows = candles(days=DAYS)
    return market(listing("ALPHAUSDT", rows), listing("BETAUSDT", holed(rows, *HOLE)))


@pytest.fixture(scope="module")
def fault_free(two) -> Callable[[str], dict[str, pl.DataFrame]]:
    """Give what is in a warehouse after an ingest without faults."""

    @cache
    def brought(names: str) -> dict[str, pl.DataFrame]:
        with Scene(two, Warehouse(), NOW) as scene:
            assert scene.bring(names).complete
            return content(scene.warehouse)

    return brought


@pytest.fixture
def scene(two):
    with Scene(two, now=NOW) as scene:
        yield scene


def heal(scene: Scene, fault_free: Callable, names: str, **wish: object) -> None:
    """Run once more without faults: then all must be as if there never had been any."""
    assert scene.bring(names, **wish).complete
    assert same(content(scene.warehouse), fault_free(names))
    nothing_lost(scene.warehouse)


def nothing_lost(warehouse: Warehouse) -> None:
    for check in ("ingests_kept", "candles_sound"):
        text = (assets.folder("sql") / "checks" / f"{check}.sql").read_text(encoding="utf-8")
        assert warehouse.query(text).is_empty(), check


def run(scene: Scene, rule: str, names: str, *, slow: bool) -> None:
    """Ingest under faults, which takes a bounded time, and tells the truth."""
    manners = hurried(answer=0.15, silence=0.1) if slow else HURRIED
    outcome = scene.bring(names, faults=rule, manners=manners, pace=0.01 if slow else 0.001)
    assert outcome.seconds < 20
    assert outcome.counts.requests >= len(scene.questions)  # some may be broken off
    for name, brought in outcome.brought.items():
        here = stored(scene.warehouse, name)
        assert here["ts"].is_unique().all()
        if (
            not brought.problem and not brought.missing and rule not in {"wrong_time:0.3", "server_time_far:0.3"}
        ):  # then it is earlier
            assert len(here) == ROWS[name]


@pytest.mark.parametrize("name", INJECTED)
def test_the_catalogue(scene, fault_free, name):
    """Faults of what is said meet a symbol with a hole, those on the way one without."""
    names = "BETAUSDT" if name in CONTENTS else "ALPHAUSDT"
    run(scene, INJECTED[name], names, slow=name in SLOW)
    assert scene.exchange.struck
    heal(scene, fault_free, names)


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=[pytest.mark.slow] * (rule not in OFTEN)) for rule in FURTHER]
)
def test_further_faults(scene, fault_free, rule):
    run(scene, rule, BOTH, slow=rule.startswith("harsh"))
    heal(scene, fault_free, BOTH)


class Spoiled(Scene):
    """A scene in which some answers are others: `spoil` gives them by the number of the question, or None."""

    spoil = staticmethod(lambda _number, _request: None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        other = self.spoil(len(self.questions), request)
        answer = await super().handle(request)
        return other or answer


def test_a_429(two, fault_free):
    """The exchange says for how long; tests/bybit shows that it is waited for."""
    with Spoiled(two, now=NOW) as scene:
        scene.spoil = lambda number, _: (
            web.Response(status=429, headers={"Retry-After": "0"}) if number % 5 == 4 else None
        )
        outcome = scene.bring(BOTH)
        assert outcome.complete
        assert outcome.counts.retries >= 3
        assert same(content(scene.warehouse), fault_free(BOTH))


def test_a_page_that_is_stuck(two):
    """The same rows whatever is asked for: refused, after a bounded number of questions."""

    def spoil(_number: int, request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith("kline") or request.query["limit"] == "1":
            return None
        rows = [[str(milliseconds(START) + minute * 60_000), *["1"] * 6] for minute in range(999, -1, -1)]
        result = {"symbol": request.query["symbol"], "category": "linear", "list": rows}
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": milliseconds(NOW)})

    with Spoiled(two, now=NOW) as scene:
        scene.spoil = spoil
        began = time.monotonic()
        outcome = scene.bring()
        assert isinstance(outcome.brought["ALPHAUSDT"].problem, ExchangeError)
        assert "not asked for" in outcome.brought["ALPHAUSDT"].problem.what
        assert len(scene.questions) < 50
        assert time.monotonic() - began < 10


def test_a_list_that_does_not_come_leaves_the_other_categories():
    rows = candles(days=1)
    with Spoiled(market(listing("ALPHAUSDT", rows), listing("spot:ALPHAUSDT", rows))) as scene:
        scene.spoil = lambda _, request: web.Response(status=500) if request.query.get("category") == "spot" else None
        brought = scene.bring("ALPHAUSDT,spot:ALPHAUSDT", end=START + timedelta(hours=9)).brought
        assert brought["ALPHAUSDT"].candles == 540
        assert isinstance(brought["spot:ALPHAUSDT"].problem, ExchangeError)


def test_a_clock_that_jumps_back(scene, fault_free, monkeypatch):
    """Nothing waits by the clock on the wall."""
    wall = time.time
    jumps = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: wall() - 3600 * next(jumps))
    assert scene.bring(BOTH, faults="500:0.2").complete
    monkeypatch.undo()
    heal(scene, fault_free, BOTH)


def test_history_that_was_told_differently(scene, fault_free):
    """The catalogue wants the new value kept; the issue: reported and recorded, not silently overwritten. It wins.

    Then nothing but `--replace` takes what the exchange says now.
    """
    scene.bring(BOTH, faults="revision:0.5")
    before = stored(scene.warehouse)
    scene.bring(BOTH)
    assert stored(scene.warehouse).equals(before)
    heal(scene, fault_free, BOTH, replace=True)


@pytest.mark.parametrize(
    "fault", ["403_country", "403_cloudfront", "retcode_10009", "403_ip_limit", "401", "404", "400"]
)
def test_what_lasts_ends_it_at_once(scene, fault):
    outcome = scene.bring(BOTH, faults=fault)
    assert isinstance(outcome.error, ExchangeError)
    assert isinstance(outcome.error, ClosedError) == (not fault.startswith("40") or "_" in fault)
    assert len(scene.questions) <= 2


def test_faults_again_and_again_until_it_is_done(scene, fault_free):
    """Seed after seed at 40 %, with few tries: what was acknowledged is never asked for again."""
    manners = hurried(tries=3)
    complete = False
    for seed in range(60):
        before = {name: len(frame) for name, frame in content(scene.warehouse).items()}
        complete = scene.bring(BOTH, faults="500:0.2,truncated_valid_length:0.2", manners=manners, seed=seed).complete
        nothing_lost(scene.warehouse)
        assert all(len(frame) >= before[name] for name, frame in content(scene.warehouse).items())
        if complete:
            break
    assert complete
    heal(scene, fault_free, BOTH)
