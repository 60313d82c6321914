"""An ingest from the stand-in: what is asked, what is stored, and what is remembered of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from bt import symbols
from bt.bybit import ClosedError, UnknownSymbolError
from bt.errors import BtError, ExchangeError
from bt.exchange import Listing, Market
from bt.ingest import ImportOptions, import_file
from bt.ingest.kinds import CANDLES
from bt.ingest.manifest import GUESSED, content_hash
from bt.symbols import Symbol
from bt.warehouse import Warehouse
from tests.ingest.serving import (
    DAYS,
    END,
    HOLE,
    MINUTE,
    NOW,
    RATES,
    START,
    Scene,
    between,
    candles,
    content,
    empty,
    funding,
    holed,
    listing,
    market,
    rates,
    same,
    stored,
)

MANY = "ALPHAUSDT,BETAUSDT,spot:ALPHAUSDT,inverse:ALPHAUSD,OLDUSDT,LATEUSDT,ALPHAUSDT-05JAN24"
OLD, LATE = 1000, 2000  # the minute at which one ends, the one at which the other begins


def listings() -> list[Listing]:
    alpha = candles()
    return [
        listing("ALPHAUSDT", alpha),
        listing("BETAUSDT", candles("BETAUSDT"), rates(4, rows=18)),
        listing("spot:ALPHAUSDT", alpha),
        listing("inverse:ALPHAUSD", alpha.with_columns(pl.col("volume") * 1000)),
        listing("OLDUSDT", candles("GAMMAUSDT").head(OLD)),
        listing("LATEUSDT", between(candles("GAMMAUSDT"), LATE, 9999), rates(8, START + timedelta(hours=40), 4)),
        listing("ALPHAUSDT-05JAN24", alpha),
    ]


@pytest.fixture(scope="module")
def whole() -> Market:
    return Market(listings())


@pytest.fixture
def scene(whole):
    with Scene(whole) as scene:
        yield scene


def with_rows(rows: pl.DataFrame, rate: pl.DataFrame | None = None) -> Market:
    return market(listing("ALPHAUSDT", rows, rate))


def at(minute: int, seconds: int = 0) -> datetime:
    return START + minute * MINUTE + timedelta(seconds=seconds)


def changed(rows: pl.DataFrame, minute: int) -> pl.DataFrame:
    """Give the candles with another volume in one minute."""
    return rows.with_columns(pl.when(pl.col("ts") == at(minute)).then(77.0).otherwise("volume").alias("volume"))


# ---- content


def test_everything_is_stored_as_it_was_served(scene):
    outcome = scene.bring(MANY)
    assert outcome.complete
    assert outcome.warnings == []
    for one in scene.market.listed("linear") + scene.market.listed("spot") + scene.market.listed("inverse"):
        name = one.symbol.name
        assert stored(scene.warehouse, name).equals(one.candles), name
        assert outcome.brought[name].candles == len(one.candles)
        funded = one.symbol.category != "spot" and "-" not in name
        rate = one.funding.filter(pl.col("ts") < scene.now) if funded else one.funding.clear()
        assert funding(scene.warehouse, name).equals(rate), name
        assert outcome.brought[name].settlements == len(rate)
    assert scene.warehouse.query("select count(*) from suspects").item() == 0


def test_a_second_time_no_candle_is_asked_for(scene):
    scene.bring(MANY)
    before = content(scene.warehouse)
    pages = scene.warehouse.query("select count(*) from ingests where kind = 'candles'").item()
    for _ in range(2):
        again = scene.bring(MANY)
        assert again.complete
        assert scene.asked("kline") == []
        assert scene.asked("instruments-info") == []
        assert {one.candles for one in again.brought.values()} == {0}
    assert same(content(scene.warehouse), before)
    assert scene.warehouse.query("select count(*) from ingests where kind = 'candles'").item() == pages


@pytest.mark.parametrize(
    ("second", "asked"),
    [
        ((100, 500), []),
        ((120, 480), []),
        ((100, 600), [(499, 599)]),
        ((40, 500), [(39, 99)]),
        ((40, 700), [(39, 699)]),  # one question for both
        ((40, 1200), [(39, 1038), (1038, 1199)]),
        ((500, 520), [(499, 519)]),
        ((600, 620), [(599, 619)]),
    ],
)
def test_only_what_is_new_is_asked_for(scene, second, asked):
    """With the candle before, for the seam."""
    scene.bring(first=at(100), end=at(500))
    scene.bring(first=at(second[0]), end=at(second[1]))
    assert sorted(scene.pages()) == asked
    expected = pl.concat([between(candles(), 100, 500), between(candles(), *second)]).unique().sort("ts")
    assert stored(scene.warehouse).equals(expected)


def test_a_long_span_is_asked_for_in_pages(scene):
    """Of at most 1,000 rows with the seam, and nothing twice."""
    scene.bring()
    pages = sorted(scene.pages())
    assert pages[0][0] == -1
    assert [last for _, last in pages[:-1]] == [first for first, _ in pages[1:]]
    assert pages[-1][1] == DAYS * 1440 - 1
    assert max(last - first for first, last in pages) == 999
    assert len(scene.asked("kline")) == len(pages) + 2  # the first and the last candle


def test_first_and_end_inside_a_minute(scene):
    """Candles that begin from the first moment on, and before the end."""
    scene.bring(first=at(10, 30), end=at(20, 30))
    assert stored(scene.warehouse).equals(between(candles(), 11, 21))


@pytest.mark.parametrize(("first", "end"), [(at(10), at(10)), (at(10, 5), at(10, 50)), (NOW, None), (END, None)])
def test_a_span_without_a_whole_candle_is_refused(scene, first, end):
    outcome = scene.bring(first=first, end=end)
    assert isinstance(outcome.error, BtError)
    assert outcome.error.code == 2
    assert scene.asked("kline") == []
    assert stored(scene.warehouse).is_empty()


@pytest.mark.parametrize(
    ("now", "last"),
    [(at(100, 0), 99), (at(100, 1), 99), (at(100, 59), 99), (at(101, 0), 100), (at(4320, 19), 4319)],
)
def test_the_running_candle_is_never_stored(whole, now, last):
    with Scene(whole, now=now) as scene:
        for end in (None, END + timedelta(days=400)):
            assert scene.bring(first=at(0), end=end).complete
        assert stored(scene.warehouse).equals(between(candles(), 0, last + 1))


def test_the_server_which_is_late_decides_what_is_finished(scene):
    """It tells a time two hours ago beside a right one: candles since then may be unfinished."""
    scene.bring(faults="wrong_time@1")
    assert stored(scene.warehouse)["ts"].max() == NOW.replace(second=0) - timedelta(hours=2, minutes=1)


@pytest.mark.parametrize("fault", ["limit_smaller", "limit_larger", "out_of_order_rows", "ascending_rows"])
def test_odd_pages_bring_the_same(scene, fault):
    assert scene.bring(faults=fault).complete
    assert stored(scene.warehouse).equals(candles())


def test_candles_lie_on_disk_in_order_of_time(scene, tmp_path):
    scene.warehouse = Warehouse(tmp_path / "bt.duckdb")
    scene.bring("ALPHAUSDT,BETAUSDT")
    assert stored(scene.warehouse).equals(candles())
    assert funding(scene.warehouse, "BETAUSDT").equals(rates(4, rows=18))
    rows = scene.warehouse.query("select symbol, ts from candles order by rowid")
    transactions = scene.warehouse.query("select count(distinct written_ts) from ingests where kind = 'candles'").item()
    for name in ("ALPHAUSDT", "BETAUSDT"):
        back = (rows.filter(symbol=name)["ts"].diff() < timedelta(0)).sum()
        assert back < transactions  # what comes later is written later, whatever its time
    assert transactions <= 6


TINY = 0.000000012345678901


def test_prices_keep_every_digit():
    rows = (
        candles()
        .head(50)
        .with_columns(
            open=pl.lit(TINY),
            low=pl.lit(TINY),
            high=pl.lit(123456789.12345679),
            close=pl.lit(TINY * 3),
            volume=0.1 + 0.2,
        )
    )
    with Scene(with_rows(rows), now=at(50, 3)) as scene:
        scene.bring()
        assert stored(scene.warehouse).equals(rows)


def test_minutes_without_trades_are_candles():
    rows = candles().head(60)
    quiet = rows.with_columns(
        *(pl.col("open").alias(name) for name in ("high", "low", "close")), volume=0.0, turnover=0.0
    )
    mixed = pl.concat([between(rows, 0, 20), between(quiet, 20, 40), between(rows, 40, 60)])
    with Scene(with_rows(mixed), now=at(60, 3)) as scene:
        assert scene.bring().complete
        assert stored(scene.warehouse).equals(mixed)


# ---- what the exchange does not have


def gaps(scene: Scene, name: str = "ALPHAUSDT") -> list[tuple]:
    found = scene.warehouse.query("select first_ts, minutes, cause from gaps where symbol = ? order by all", [name])
    return [((first - START) // MINUTE, minutes, cause) for first, minutes, cause in found.rows()]


def absences(scene: Scene, name: str = "ALPHAUSDT") -> list[tuple[int, int]]:
    found = scene.warehouse.query("select first_ts, last_ts from absences where symbol = ? order by all", [name])
    return [((first - START) // MINUTE, (last - START) // MINUTE) for first, last in found.rows()]


def test_a_hole_is_asked_for_twice_by_itself_and_not_again(scene):
    first, minutes = HOLE
    alone = (first - 1, first + minutes - 1)
    outcome = scene.bring("BETAUSDT")
    assert (outcome.brought["BETAUSDT"].absent, outcome.complete) == (minutes, True)
    assert scene.pages().count(alone) == 2
    assert absences(scene, "BETAUSDT") == [(first, first + minutes - 1)]
    assert gaps(scene, "BETAUSDT") == [(first, minutes, "absent")]
    assert scene.bring("BETAUSDT").complete
    assert scene.asked("kline") == []


def test_what_was_never_asked_for_is_told_apart(scene):
    first, minutes = HOLE
    scene.bring("BETAUSDT", first=at(first - 100), end=at(first + minutes + 100))
    scene.bring("BETAUSDT", first=at(first + 500), end=at(first + 600))
    assert gaps(scene, "BETAUSDT") == [(first, minutes, "absent"), (first + minutes + 100, 305, "missing")]
    scene.bring("BETAUSDT", first=at(first - 100), end=at(first + 600))
    assert scene.pages() == [(first + minutes + 99, first + 499)]
    assert gaps(scene, "BETAUSDT") == [(first, minutes, "absent")]


def test_candles_that_appear_later_come_with_repair():
    with Scene(with_rows(holed(candles(), 500, 60))) as scene:
        assert scene.bring().complete
        assert absences(scene) == [(500, 559)]
        scene.market = with_rows(holed(candles(), 500, 20))
        scene.bring()
        assert scene.asked("kline") == []
        repaired = scene.bring(repair=True)
        assert repaired.brought["ALPHAUSDT"].candles == 40
        assert absences(scene) == [(500, 519)]
        assert gaps(scene) == [(500, 20, "absent")]
        scene.market = with_rows(candles())
        assert scene.bring(repair=True).brought["ALPHAUSDT"].candles == 20
        assert absences(scene) == gaps(scene) == []
        assert stored(scene.warehouse).equals(candles())


def test_candles_of_a_file_end_an_absence(tmp_path):
    with Scene(with_rows(holed(candles(), 500, 60))) as scene:
        scene.bring()
        file = tmp_path / "part.csv"
        between(candles(), 500, 520).write_csv(file)
        import_file(scene.warehouse, file, symbol=symbols.parse("ALPHAUSDT"), options=ImportOptions())
        assert absences(scene) == []
        scene.bring()
        assert set(scene.pages()) == {(519, 559)}
        assert absences(scene) == [(520, 559)]


@pytest.mark.parametrize("faults", ["missing_rows:0.3", "empty_result:0.3", "missing_rows@8,missing_rows@10"])
def test_minutes_that_failed_to_come_once_are_not_absent(scene, faults):
    scene.bring(faults=faults)
    scene.bring(repair=True)
    assert absences(scene) == []
    assert stored(scene.warehouse).equals(candles())


def test_many_small_holes_are_found_in_one_run():
    gone = [30, 31, 200, 201, 202, 999, 1000, 1001, 2500]
    rows = candles().filter(~pl.col("ts").is_in([at(minute) for minute in gone]))
    with Scene(with_rows(rows)) as scene:
        assert scene.bring().complete
        assert absences(scene) == [(30, 31), (200, 202), (999, 1001), (2500, 2500)]
        assert stored(scene.warehouse).equals(rows)
        assert len(scene.pages()) < 30


def test_what_is_young_may_still_come():
    """A hole of the last day is asked for in each run, and no absence yet."""
    with Scene(with_rows(holed(candles(), 4000, 10))) as scene:
        outcome = scene.bring()
        assert (absences(scene), outcome.brought["ALPHAUSDT"].absent) == ([], 0)
        assert gaps(scene) == [(4000, 10, "missing")]
        scene.market = with_rows(candles())
        assert scene.bring().brought["ALPHAUSDT"].candles == 10
        assert scene.pages() == [(3999, 4009)]
        assert gaps(scene) == []


def test_a_listing_later_than_the_start_takes_few_questions(scene):
    outcome = scene.bring("LATEUSDT", first=datetime(2015, 1, 1))
    assert outcome.complete
    assert stored(scene.warehouse, "LATEUSDT")["ts"][0] == at(LATE)
    assert gaps(scene, "LATEUSDT") == []
    assert len(scene.asked("kline")) < 10
    assert scene.bring("LATEUSDT", first=datetime(2015, 1, 1)).complete
    assert scene.asked("kline") == []
    launch, status = scene.warehouse.query("select launch_ts, status from instruments where symbol = 'LATEUSDT'").row(0)
    assert (launch, status) == (datetime(2024, 1, 3), "Trading")


@pytest.mark.parametrize("first", [datetime(2015, 1, 1), at(LATE - 900), at(LATE - 501)])
@pytest.mark.parametrize("end", [at(LATE), at(LATE - 500)])
def test_a_span_before_the_listing(scene, first, end):
    outcome = scene.bring("LATEUSDT", first=first, end=end)
    assert outcome.complete
    assert stored(scene.warehouse, "LATEUSDT").is_empty()
    assert len(scene.asked("kline")) < 10
    scene.bring("LATEUSDT", first=datetime(2015, 1, 1))
    assert stored(scene.warehouse, "LATEUSDT").equals(scene.market.find("linear", "LATEUSDT").candles)


def test_a_symbol_that_was_delisted(scene):
    outcome = scene.bring("OLDUSDT")
    assert outcome.complete
    assert outcome.brought["OLDUSDT"].candles == OLD
    assert gaps(scene, "OLDUSDT") == []
    assert scene.warehouse.query("select status from instruments where symbol = 'OLDUSDT'").item() == "Closed"
    assert len(scene.asked("kline")) < 10
    scene.bring("OLDUSDT")
    assert scene.asked("kline") == []


# ---- history that changed


def rejected(scene: Scene) -> list[tuple]:
    return scene.warehouse.query(
        "select symbol, ts, column_name, value, reason from rejected_candles order by ts"
    ).rows()


def test_a_changed_seam_is_reported_and_not_overwritten(scene):
    scene.bring(first=at(0), end=at(500))
    scene.market = with_rows(changed(candles(), 499))
    outcome = scene.bring(first=at(0), end=at(600))
    assert outcome.brought["ALPHAUSDT"].changed == 1
    assert stored(scene.warehouse).equals(between(candles(), 0, 600))
    [(name, ts, column, value, reason)] = rejected(scene)
    assert (name, ts, column, float(value)) == ("ALPHAUSDT", at(499), "volume", 77.0)
    assert reason == "differs from the stored candle"


def test_a_seam_that_changed_among_pages_of_one_run_is_reported():
    """Two pages tell the same candle differently: the one that is stored stays, the other is recorded."""
    with Scene(with_rows(candles())) as scene:
        outcome = scene.bring(faults="revision:0.5", seed=3)
        assert outcome.brought["ALPHAUSDT"].changed == len(rejected(scene))
        known = dict(zip(candles()["ts"], candles()["volume"], strict=True))
        here = stored(scene.warehouse)
        assert len(here) == len(candles())
        for _, ts, column, value, _ in rejected(scene):
            assert column == "volume"
            mine = here.filter(pl.col("ts") == ts)["volume"].item()
            assert {round(float(value) - known[ts], 6), round(mine - known[ts], 6)} == {0.0, 1.0}


def test_repair_asks_for_holes_only(scene):
    scene.bring(first=at(0), end=at(500))
    scene.market = with_rows(changed(candles(), 100))
    scene.bring(first=at(0), end=at(500), repair=True)
    assert scene.asked("kline") == []


def test_replace_takes_what_the_exchange_says_now(scene):
    scene.bring(first=at(0), end=at(500))
    scene.market = with_rows(changed(candles(), 100))
    outcome = scene.bring(first=at(0), end=at(500), replace=True)
    assert (outcome.brought["ALPHAUSDT"].changed, outcome.brought["ALPHAUSDT"].candles) == (1, 0)
    assert stored(scene.warehouse).equals(between(changed(candles(), 100), 0, 500))
    row = scene.warehouse.query(
        "select rows_changed, rows_rejected from ingests where kind = 'candles' order by ingest_id"
    ).rows()
    assert row[-1] == (1, 0)
    again = scene.bring(first=at(0), end=at(500), replace=True)
    assert again.brought["ALPHAUSDT"].changed == 0


def test_replace_of_a_long_span(scene):
    scene.bring()
    scene.market = with_rows(changed(changed(candles(), 100), 3999))
    assert scene.bring(replace=True).brought["ALPHAUSDT"].changed == 2
    assert stored(scene.warehouse).equals(changed(changed(candles(), 100), 3999))


# ---- funding


def mixed_rates() -> pl.DataFrame:
    """Every 8 hours, then every hour, then every 4 hours; 443 in all."""
    first = START - timedelta(days=60)
    parts = [
        rates(8, first, 90),
        rates(1, first + timedelta(hours=720), 320),
        rates(4, first + timedelta(hours=1040), 33),
    ]
    return pl.concat(parts).with_columns(rate=pl.int_range(pl.len()) / 1e6)


def test_funding_of_changing_intervals_comes_whole():
    with Scene(with_rows(candles(), mixed_rates())) as scene:
        outcome = scene.bring(first=START - timedelta(days=90))
        expected = mixed_rates().filter(pl.col("ts") < NOW)
        assert outcome.brought["ALPHAUSDT"].settlements == len(expected) > 400
        assert funding(scene.warehouse).equals(expected)
        asked = scene.asked("funding/history")
        assert all("endTime" in one and "startTime" in one for one in asked)
        assert len(asked) <= 8
        scene.bring(first=START - timedelta(days=90))
        assert funding(scene.warehouse).equals(expected)


def test_funding_is_extended_at_both_ends():
    with Scene(with_rows(candles(), rates())) as scene:
        scene.bring(first=at(1440), end=at(2880))
        assert len(funding(scene.warehouse)) == 4  # at the end, too
        scene.bring()
        assert funding(scene.warehouse).equals(rates())


def test_a_hole_in_funding_is_asked_for_again():
    lacking = rates().filter(~pl.col("ts").is_in([rates()["ts"][3], rates()["ts"][4]]))
    with Scene(with_rows(candles(), lacking)) as scene:
        scene.bring()
        assert funding(scene.warehouse).equals(lacking)
        scene.market = with_rows(candles(), rates())
        assert scene.bring().brought["ALPHAUSDT"].settlements == 2
        assert funding(scene.warehouse).equals(rates())
        assert scene.asked("kline") == []


@pytest.mark.parametrize("gone", [(6,), (6, 7, 8, 9), (5, 6), (20, 21)])
def test_repair_asks_for_all_of_funding(gone):
    """Where the interval changes, a hole beside it is not to be told from the longer interval."""
    full = pl.concat([rates(8, START, 6), rates(1, START + timedelta(hours=41), 30)])
    with Scene(with_rows(candles(), full.filter(~pl.col("ts").is_in(full["ts"].gather(gone).implode())))) as scene:
        scene.bring()
        scene.market = with_rows(candles(), full)
        scene.bring(repair=True)
        assert funding(scene.warehouse).equals(full)


def test_without_funding(scene):
    scene.bring(funding=False)
    assert scene.asked("funding/history") == []
    assert funding(scene.warehouse).is_empty()


def test_a_contract_that_never_had_funding_is_complete():
    with Scene(with_rows(candles(), pl.DataFrame(schema=RATES))) as scene:
        assert scene.bring().complete


@pytest.mark.parametrize("faults", ["missing_rows:0.5", "limit_smaller", "empty_result@7"])
def test_funding_survives_odd_pages(faults):
    with Scene(with_rows(candles(), rates(1, rows=DAYS * 24))) as scene:
        scene.bring(faults=faults)
        scene.bring()
        assert funding(scene.warehouse).equals(rates(1, rows=DAYS * 24))


# ---- symbols


def test_an_unknown_symbol_beside_a_good_one(scene):
    outcome = scene.bring("ALPHAUSD,BETAUSDT,spot:NOUSDT")
    assert outcome.brought["BETAUSDT"].candles == 4320 - HOLE[1]
    problem = outcome.brought["ALPHAUSD"].problem
    assert isinstance(problem, UnknownSymbolError)
    assert "ALPHAUSDT" in problem.cure
    assert isinstance(outcome.brought["spot:NOUSDT"].problem, UnknownSymbolError)
    assert {one["symbol"] for one in scene.asked("kline")} == {"BETAUSDT"}
    assert (
        scene.warehouse.query("select count(*) from instruments where symbol in ('ALPHAUSD', 'spot:NOUSDT')").item()
        == 0
    )


def test_a_linear_name_is_not_taken_for_an_inverse_one(scene):
    """The exchange would serve linear candles under that name."""
    outcome = scene.bring("inverse:ALPHAUSDT")
    assert isinstance(outcome.brought["inverse:ALPHAUSDT"].problem, UnknownSymbolError)
    assert scene.asked("kline") == []


def test_a_symbol_that_was_renamed_is_two(scene):
    """One ends, the other begins: two series, never joined."""
    scene.bring("OLDUSDT,LATEUSDT")
    ends = scene.warehouse.query("select symbol, min(ts), max(ts) from candles group by all order by symbol")
    assert ends.rows() == [("LATEUSDT", at(LATE), at(DAYS * 1440 - 1)), ("OLDUSDT", at(0), at(OLD - 1))]
    assert set(instruments(scene, "OLDUSDT")[0]["status"]) != set(instruments(scene, "LATEUSDT")[0]["status"])


def test_a_symbol_that_fails_leaves_the_others(scene):
    outcome = scene.bring("ALPHAUSDT,BETAUSDT", faults="500/BETAUSDT")
    assert stored(scene.warehouse).equals(candles())
    failed = outcome.brought["BETAUSDT"]
    assert isinstance(failed.problem, ExchangeError)
    assert failed.missing == DAYS * 1440
    assert outcome.brought["ALPHAUSDT"].problem is None
    assert scene.bring("ALPHAUSDT,BETAUSDT").complete


def test_an_address_that_is_not_served_ends_everything(scene):
    outcome = scene.bring("ALPHAUSDT,BETAUSDT", faults="403_country/BETAUSDT")
    assert isinstance(outcome.error, ClosedError)
    assert scene.bring("ALPHAUSDT,BETAUSDT").complete


ATTACKS = Path(__file__).parents[3] / "shared" / "refs" / "attacks.json"
HOSTILE = ["X'); DROP TABLE candles;--", "<script>alert(1)</script>", "../../X", "X\x1b[2J", "lowerusdt", "A" * 99]


def hostile_names() -> list[str]:
    if not ATTACKS.exists():
        return HOSTILE
    attacks = json.loads(ATTACKS.read_text(encoding="utf-8"))["attacks"]
    return HOSTILE + [
        json.loads(one["input"])["symbol"] for one in attacks if one["sink"].startswith("exchange response (ins")
    ]


class Named(Listing):
    """A listing with a name that is no symbol."""

    @property
    def code(self) -> str:
        return self.symbol.name


def test_hostile_instruments_are_passed_over_with_a_word():
    rows = candles().tail(2)
    odd = [
        Named(
            symbol=Symbol(name=name, exchange="bybit", category="linear", base="X", quote="USDT"),
            candles=rows,
            funding=rates(),
        )
        for name in dict.fromkeys(hostile_names())
    ]
    with Scene(Market([*odd, listing("ALPHAUSDT", candles())])) as scene:
        outcome = scene.bring(first=at(0), end=at(30))
        assert outcome.complete
        assert scene.warehouse.query("select symbol from instruments")["symbol"].to_list() == ["ALPHAUSDT"]
    for one in odd:
        assert any(f"passed over instrument {one.code!a}" in warning for warning in outcome.warnings), one.code
    assert all(warning.isprintable() for warning in outcome.warnings)


# ---- instruments


def instruments(scene: Scene, name: str = "ALPHAUSDT") -> list[dict]:
    return scene.warehouse.query("from instruments where symbol = ? order by valid_from", [name]).to_dicts()


def test_instruments_say_what_the_exchange_says(scene):
    scene.bring("ALPHAUSDT,spot:ALPHAUSDT,inverse:ALPHAUSD")
    [linear], [spot], [inverse] = (
        instruments(scene, f"{prefix}ALPHAUSD{end}") for prefix, end in (("", "T"), ("spot:", "T"), ("inverse:", ""))
    )
    rules = {"tick_size": 0.1, "qty_step": 0.001, "min_qty": 0.001, "min_notional": 5.0}
    common = {"valid_from": datetime(1970, 1, 1), "exchange": "bybit", "base": "ALPHA", "as_of": NOW} | rules
    assert linear == linear | common | {"category": "linear", "quote": "USDT", "max_leverage": 100.0}
    assert linear == linear | {"funding_minutes": 480, "launch_ts": START, "status": "Trading"}
    assert inverse == inverse | common | {"category": "inverse", "quote": "USD", "funding_minutes": 480}
    assert spot == spot | common | {
        "category": "spot",
        "max_leverage": None,
        "funding_minutes": None,
        "launch_ts": None,
    }
    assert scene.warehouse.query("select count(*) from instruments where category = 'linear'").item() == 5


def test_rules_that_changed_hold_from_when_they_were_read(scene):
    scene.bring(end=at(30))
    scene.now = NOW + timedelta(days=2)
    scene.market = with_rows(candles().with_columns(close=(pl.col("close") + 0.01).round(2), high=pl.col("high") + 1))
    scene.bring(end=at(30))
    before, after = instruments(scene)
    assert (before["tick_size"], before["valid_from"], before["as_of"]) == (0.1, datetime(1970, 1, 1), NOW)
    assert (after["tick_size"], after["valid_from"], after["as_of"]) == (0.01, scene.now, scene.now)
    scene.now += timedelta(days=2)
    scene.bring(end=at(30))
    assert [one["as_of"] for one in instruments(scene)] == [NOW, scene.now]


def test_what_an_import_guessed_is_replaced(tmp_path, scene):
    file = tmp_path / "some.csv"
    candles().head(10).write_csv(file)
    import_file(scene.warehouse, file, symbol=symbols.parse("ALPHAUSDT"), options=ImportOptions())
    [guessed] = instruments(scene)
    assert (guessed["tick_size"], guessed["source"]) == (None, GUESSED)
    scene.bring(end=at(30))
    [known] = instruments(scene)
    assert (known["tick_size"], known["valid_from"]) == (0.1, datetime(1970, 1, 1))
    assert known["source"] == scene.url.removeprefix("http://")
    assert stored(scene.warehouse).equals(between(candles(), 0, 30))
    assert scene.pages() == [(9, 29)]


# ---- the manifest


def test_every_page_has_its_row(scene):
    outcome = scene.bring("ALPHAUSDT,BETAUSDT")
    rows = scene.warehouse.query("from ingests order by ingest_id")
    assert rows["ingest_id"].to_list() == list(range(1, len(rows) + 1))
    assert set(rows["source"]) == {scene.url.removeprefix("http://")}
    for name in ("ALPHAUSDT", "BETAUSDT"):
        mine = rows.filter(symbol=name, kind="candles")
        assert mine["rows_stored"].sum() == outcome.brought[name].candles
        served = scene.market.find("linear", name).candles
        for page in mine.iter_rows(named=True):
            here = served.filter(pl.col("ts").is_between(page["asked_first"], page["asked_last"]))
            assert (page["rows_came"], page["content_hash"]) == (len(here), content_hash(here, CANDLES))
            assert (page["first_ts"], page["last_ts"]) == (here["ts"].min(), here["ts"].max())
        [paid] = rows.filter(symbol=name, kind="funding").iter_rows(named=True)
        assert paid["rows_came"] == paid["rows_stored"] == outcome.brought[name].settlements
    assert rows["rows_changed"].sum() == rows["rows_rejected"].sum() == 0


def test_nothing_stored_twice_where_two_wishes_overlap(scene):
    for first, end in [(0, 700), (600, 900), (100, 200), (850, 1000), (0, 1000)]:
        scene.bring(first=at(first), end=at(end))
    assert stored(scene.warehouse).equals(between(candles(), 0, 1000))
    [brought] = scene.warehouse.query("select sum(rows_stored)::int from ingests where kind = 'candles'").row(0)
    assert brought == 1000


def test_an_impossible_candle_is_never_stored(scene):
    for fault in ("high_below_low", "negative_price", "zero_price", "negative_volume", "nan_price", "inf_string"):
        empty(scene.warehouse)
        outcome = scene.bring(faults=fault, end=at(900))
        assert outcome.brought["ALPHAUSDT"].problem is not None, fault
        assert stored(scene.warehouse).is_empty(), fault
        assert (
            scene.warehouse.query(
                "select coalesce(sum(rows_stored), 0)::int from ingests where kind = 'candles'"
            ).item()
            == 0
        )


def test_a_candle_that_is_always_impossible_costs_its_page_only():
    """What the exchange itself has wrong stays out, and the rest of the symbol comes."""
    rows = candles().with_columns(
        pl.when(pl.col("ts") == at(3000)).then(pl.col("low") - 1).otherwise("high").alias("high")
    )
    with Scene(with_rows(rows)) as scene:
        outcome = scene.bring()
        assert "high" in outcome.brought["ALPHAUSDT"].problem.what
        assert str(at(3000)) in outcome.brought["ALPHAUSDT"].problem.what
        here = stored(scene.warehouse)
        assert here.equals(rows.filter(pl.col("ts").is_in(here["ts"].implode())))
        assert at(3000) not in here["ts"]
        assert outcome.brought["ALPHAUSDT"].missing == len(rows) - len(here)


def test_two_listings_equal_but_for_the_prefix_are_two(scene):
    scene.bring("ALPHAUSDT,spot:ALPHAUSDT", end=at(30))
    assert scene.warehouse.query("select symbol, count(*) from candles group by all order by all").rows() == [
        ("ALPHAUSDT", 30),
        ("spot:ALPHAUSDT", 30),
    ]
    assert replace(symbols.parse("ALPHAUSDT")) != symbols.parse("spot:ALPHAUSDT")
