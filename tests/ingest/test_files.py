"""Files that are accepted: what is stored of them, once, and what is said about it."""

import gzip
import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from bt import symbols
from bt.errors import BtError
from bt.ingest import ChangedRow, RejectedRow, audit_file, import_file
from bt.ingest.kinds import CANDLES
from bt.ingest.manifest import content_hash
from bt.warehouse import Warehouse

MINUTE = timedelta(minutes=1)


def stored(warehouse, symbol="BTCUSDT"):
    return warehouse.query("select * exclude symbol from candles where symbol = ? order by ts", [symbol])


def as_csv(frame, **options):
    text = frame.write_csv(**options)
    return text.encode()


def epoch(unit):
    return pl.col("ts").dt.epoch(unit)


def zipped(name, text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return packed.getvalue()


def as_parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def binance(frame):
    """The twelve columns of an archive of data.binance.vision, without a header line."""
    return frame.select(
        epoch("ms"),
        *("open", "high", "low", "close", "volume"),
        close_time=epoch("ms") + 59_999,
        quote_volume=pl.lit(5.5),
        count=3,
        taker=1.0,
        taker_quote=2.0,
        ignore=0,
    ).write_csv(include_header=False)


def iso(form):
    return lambda frame: as_csv(frame.with_columns(pl.col("ts").dt.strftime(form)))


RENAMED = {"ts": "Open Time", "open": "OPEN", "high": "High", "low": "l", "close": "closePrice", "volume": "Vol"}
FORMS = {
    "plain CSV": as_csv,
    "epoch seconds": lambda frame: as_csv(frame.with_columns(epoch("s"))),
    "epoch ms": lambda frame: as_csv(frame.with_columns(epoch("ms"))),
    "epoch µs": lambda frame: as_csv(frame.with_columns(epoch("us"))),
    "epoch ns": lambda frame: as_csv(frame.with_columns(epoch("ns"))),
    "epoch seconds with a point": lambda frame: as_csv(frame.with_columns(epoch("s").cast(pl.Float64))),
    "ISO with Z": iso("%Y-%m-%dT%H:%M:%SZ"),
    "ISO to the minute": iso("%Y-%m-%d %H:%M"),
    "ISO with offset": lambda frame: iso("%Y-%m-%dT%H:%M:%S+09:00")(frame.with_columns(pl.col("ts") + 540 * MINUTE)),
    "semicolons": lambda frame: as_csv(frame, separator=";"),
    "tabs": lambda frame: as_csv(frame, separator="\t"),
    "Windows line ends": lambda frame: as_csv(frame, line_terminator="\r\n"),
    "byte order mark": lambda frame: as_csv(frame, include_bom=True),
    "all quoted": lambda frame: as_csv(frame, quote_style="always"),
    "blanks around cells": lambda frame: as_csv(frame).replace(b",", b" , "),
    "empty lines": lambda frame: as_csv(frame).replace(b"\n", b"\n\n"),
    "no last line end": lambda frame: as_csv(frame).rstrip(),
    "other names": lambda frame: as_csv(frame.rename(RENAMED)),
    "other columns around": lambda frame: as_csv(frame.select(pl.lit("x, y").alias("note"), "*", trades=1)),
    "its own symbol and interval": lambda frame: as_csv(
        frame.with_columns(symbol=pl.lit("BTCUSDT"), interval=pl.lit("1m"))
    ),
    "newest first": lambda frame: as_csv(frame.reverse()),
    "shuffled": lambda frame: as_csv(frame.sample(fraction=1, shuffle=True, seed=7)),
    "gzip": lambda frame: gzip.compress(as_csv(frame)),
    "zip": lambda frame: zipped("BTCUSDT-1m.csv", as_csv(frame)),
    "zip of a Binance archive": lambda frame: zipped("BTCUSDT-1m.csv", binance(frame)),
    "Parquet": as_parquet,
    "Parquet with a zone": lambda frame: as_parquet(frame.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))),
    "Parquet with another zone": lambda frame: as_parquet(
        frame.with_columns(pl.col("ts").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Seoul"))
    ),
    "Parquet in ns": lambda frame: as_parquet(frame.with_columns(pl.col("ts").cast(pl.Datetime("ns")))),
    "Parquet epoch": lambda frame: as_parquet(frame.with_columns(epoch("ms"))),
    "Parquet ISO text": lambda frame: as_parquet(frame.with_columns(pl.col("ts").dt.to_string("iso"))),
    "Parquet with whole numbers": lambda frame: as_parquet(frame.with_columns(pl.col("volume").cast(pl.UInt32))),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_candles_come_out_of_every_form(form, warehouse, candles, run, tmp_path):
    frame = candles(300)
    text = FORMS[form](frame)
    path = tmp_path / "some [1]*.file"  # not a pattern
    path.write_bytes(text)
    answer = run(warehouse, path)
    assert (answer.rows, answer.stored, answer.rejected, answer.unchanged, answer.changed) == (300, 300, 0, 0, 0)
    assert (answer.first_ts, answer.last_ts) == (frame["ts"][0], frame["ts"][-1])
    assert stored(warehouse).drop("turnover").equals(frame)
    assert run(warehouse, path).unchanged == 300


SEOUL = 540 * MINUTE
ZONES = {
    "naive text": ("Asia/Seoul", as_csv, -SEOUL),
    "any case": ("asia/seoul", as_csv, -SEOUL),
    "naive Parquet": ("Asia/Seoul", as_parquet, -SEOUL),
    "half an hour": ("Asia/Kolkata", as_csv, -330 * MINUTE),
    "west": ("America/New_York", as_csv, 300 * MINUTE),
    "forced on epoch": ("force:Asia/Seoul", FORMS["epoch ms"], -SEOUL),
    "forced on Parquet": ("force:Asia/Seoul", FORMS["Parquet with a zone"], -SEOUL),
    "forced on text": ("force:Asia/Seoul", FORMS["ISO with Z"], -SEOUL),
    "UTC by another name": ("Etc/UTC", FORMS["epoch ms"], 0 * MINUTE),
}


@pytest.mark.parametrize("name", ZONES)
def test_times_are_stored_as_utc(name, warehouse, candles, run, tmp_path):
    zone, form, shift = ZONES[name]
    path = tmp_path / "local.file"
    path.write_bytes(form(candles(5)))
    run(warehouse, path, tz=zone)
    assert stored(warehouse)["ts"].to_list() == [ts + shift for ts in candles(5)["ts"]]


@pytest.mark.parametrize("form", ["epoch ms", "Parquet with a zone", "ISO with Z"])
def test_a_zone_for_times_that_state_theirs_is_refused(form, untouched, candles, run, tmp_path):
    path = tmp_path / "stated.file"
    path.write_bytes(FORMS[form](candles(5)))
    with pytest.raises(BtError, match="is for times without a zone") as refused:
        run(untouched, path, tz="Asia/Seoul")
    assert "force:Asia/Seoul" in refused.value.cure


CLOCK_CHANGES = {  # the clock of New York, hours of it that are lost or twofold, and what is left
    "spring 2024": (datetime(2024, 3, 10), range(2, 3), [5, 6, 7, 8]),
    "autumn 2024": (datetime(2024, 11, 3), range(1, 2), [4, 7, 8, 9]),
}


@pytest.mark.parametrize("season", CLOCK_CHANGES)
def test_hours_that_a_clock_skips_or_repeats_are_rejected(season, warehouse, candles, run, tmp_path):
    day, unclear, hours = CLOCK_CHANGES[season]
    path = tmp_path / "local.csv"
    candles(300, start=day).write_csv(path)
    with pytest.raises(BtError, match="twice or never on the clock of America/New_York; 59 more bad rows"):
        run(warehouse, path, tz="America/New_York")
    answer = run(warehouse, path, tz="America/New_York", skip_bad=True)
    assert answer.rejected == 60 * len(unclear)
    assert sorted(set(stored(warehouse)["ts"].dt.hour())) == hours


def test_import_is_idempotent_down_to_the_manifest(warehouse, candles, rows_in, run, tmp_path):
    path = tmp_path / "good.parquet"
    candles(50).write_parquet(path)
    run(warehouse, path)
    before = rows_in(warehouse)
    assert before == {"candles": 50, "funding": 0, "ingests": 1, "rejected_candles": 0, "instruments": 1}
    assert run(warehouse, path).stored == 0
    assert rows_in(warehouse) == before
    manifest = warehouse.query("select * exclude written_ts from ingests").to_dicts()[0]
    assert manifest == {
        "ingest_id": 1,
        "kind": "candles",
        "symbol": "BTCUSDT",
        "source": "good.parquet",
        "asked_first": candles(50)["ts"][0],
        "asked_last": candles(50)["ts"][-1],
        "first_ts": candles(50)["ts"][0],
        "last_ts": candles(50)["ts"][-1],
        "rows_came": 50,
        "rows_stored": 50,
        "rows_changed": 0,
        "rows_rejected": 0,
        "content_hash": content_hash(stored(warehouse), CANDLES),
    }


def test_an_overlapping_file_adds_what_is_new(warehouse, candles, run, tmp_path):
    for name, frame in (("a.csv", candles(30)), ("b.csv", candles(50)[20:])):
        frame.write_csv(tmp_path / name)
    run(warehouse, tmp_path / "a.csv")
    answer = run(warehouse, tmp_path / "b.csv", source="from b")
    assert (answer.stored, answer.unchanged, answer.changed) == (20, 10, 0)
    assert stored(warehouse).drop("turnover").equals(candles(50))
    assert warehouse.query("select source from ingests order by ingest_id")["source"].to_list() == ["a.csv", "from b"]


def contradicting(frame, row, **values):
    return frame.with_columns(
        pl.when(pl.col("volume") == row).then(value).otherwise(name).alias(name) for name, value in values.items()
    )


def test_a_changed_candle_is_reported_and_kept(warehouse, candles, rows_in, run, tmp_path):
    candles(40).write_csv(tmp_path / "good.csv")
    contradicting(candles(40), 7, close=106.25, high=110.0).write_csv(tmp_path / "other.csv")
    run(warehouse, tmp_path / "good.csv")
    for _ in range(2):
        answer = run(warehouse, tmp_path / "other.csv")
        assert (answer.stored, answer.unchanged, answer.changed) == (0, 39, 1)
        ts = candles()["ts"][6]
        assert answer.changed_examples == (ChangedRow(ts=ts, column="close", stored=106.5, found=106.25),)
        assert stored(warehouse).drop("turnover").equals(candles(40))
        assert rows_in(warehouse)["ingests"] == 2
    rejected = warehouse.query("select * exclude symbol from rejected_candles").rows()
    assert rejected == [(2, 7, ts, "close", "106.25", "differs from the stored candle")]


def test_a_changed_candle_is_replaced_on_request(warehouse, candles, run, tmp_path):
    other = contradicting(candles(40), 7, close=106.25)
    candles(40).write_csv(tmp_path / "good.csv")
    other.write_csv(tmp_path / "other.csv")
    run(warehouse, tmp_path / "good.csv")
    assert run(warehouse, tmp_path / "other.csv", replace=True).changed == 1
    assert stored(warehouse).drop("turnover").equals(other)
    assert run(warehouse, tmp_path / "other.csv").unchanged == 40
    assert len(warehouse.query("from rejected_candles")) == 0


def test_a_file_without_turnover_contradicts_no_stored_turnover(warehouse, candles, run, tmp_path):
    with_turnover = candles(5).with_columns(turnover=pl.col("volume") * 100)
    with_turnover.write_csv(tmp_path / "with.csv")
    candles(5).write_csv(tmp_path / "without.csv")
    run(warehouse, tmp_path / "with.csv")
    assert run(warehouse, tmp_path / "without.csv").unchanged == 5
    assert stored(warehouse).equals(with_turnover)


BAD_LINES = """ts,open,high,low,close,volume
2024-01-01 00:00:00,100,101,99,100,1
2024-01-01 00:01:00,100,101,99,100,1,more

2024-01-01 00:02:00,100,101,99,100
2024-01-01 00:03:00,100,98,99,100,1
2024-01-01 00:04:00,100,101,99,100,1
2024-01-01 00:04:00,100,101,99,100,2
2024-01-01 00:05:30,100,101,99,100,1
,100,101,99,100,1
2024-01-01 00:06:00,100,101,99,100,one
2024-01-01 00:07:00,100,101,99,100,1
"""
REJECTED = [
    (2, None, None, "2024-01-01 00:01:00,100,101,99,100,1,more", "7 cells instead of 6"),
    (3, None, None, "2024-01-01 00:02:00,100,101,99,100", "5 cells instead of 6"),
    (4, 3 * MINUTE, "high", "98", "below low"),
    (6, 4 * MINUTE, "ts", "2024-01-01 00:04:00", "duplicate"),
    (7, 5.5 * MINUTE, "ts", "2024-01-01 00:05:30", "not on the minute"),
    (8, None, "ts", None, "missing"),
    (9, 6 * MINUTE, "volume", "one", "not a number"),
]


@pytest.mark.parametrize("name", ["bad.csv", "bad.csv.gz"])
def test_skip_bad_stores_the_sound_rows_and_records_the_others_once(name, warehouse, candles, run, tmp_path):
    text = BAD_LINES.encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    start = candles()["ts"][0]
    for turn in range(2):
        answer = run(warehouse, tmp_path / name, skip_bad=True)
        assert (answer.rows, answer.rejected, answer.stored, answer.unchanged) == (10, 7, *((3, 0), (0, 3))[turn])
        assert answer.rejected_examples[0] == RejectedRow(
            row=2, column=None, value=REJECTED[0][3], reason="7 cells instead of 6"
        )
        assert len(warehouse.query("from ingests")) == 2
    assert stored(warehouse)["ts"].to_list() == [start, start + 4 * MINUTE, start + 7 * MINUTE]
    assert warehouse.query(
        "select row_number, ts, column_name, value, reason from rejected_candles order by row_number"
    ).rows() == [(row, None if after is None else start + after, *rest) for row, after, *rest in REJECTED]


def test_an_interrupted_import_keeps_what_is_committed_and_can_be_completed(candles, run, tmp_path):
    warehouse = Warehouse(tmp_path / "w.duckdb")
    frame = candles(250_000)
    frame.write_parquet(tmp_path / "long.parquet")

    def stop(done, total):
        assert total == 250_000
        if done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(warehouse, tmp_path / "long.parquet", symbol=symbols.parse("BTCUSDT"), progress=stop)
    assert stored(warehouse).drop("turnover").equals(frame[:100_000])
    answer = run(warehouse, tmp_path / "long.parquet")
    assert (answer.stored, answer.unchanged) == (150_000, 100_000)
    on_disk = warehouse.query("select ts from candles order by rowid")
    assert on_disk["ts"].equals(frame["ts"])
    assert warehouse.query("select sum(rows_stored)::bigint as n from ingests")["n"][0] == 250_000


def test_progress_runs_from_nothing_to_all(warehouse, candles, tmp_path):
    candles(20).write_csv(tmp_path / "good.csv")
    seen = []
    import_file(
        warehouse, tmp_path / "good.csv", symbol=symbols.parse("BTCUSDT"), progress=lambda *step: seen.append(step)
    )
    assert seen == [(0, 20), (20, 20)]


def test_an_unknown_instrument_is_guessed_and_a_known_one_left_alone(warehouse, candles, run, tmp_path):
    candles(3).write_csv(tmp_path / "good.csv")
    with warehouse.write() as connection:
        connection.execute(
            "insert into instruments by name select 'ETHUSDT' as symbol, timestamp '2020-01-01' as valid_from, "
            "'bybit' as exchange, 'linear' as category, now()::timestamp as as_of, 'exchange' as source"
        )
    for symbol in ("ETHUSDT", "binance:BTCUSDT"):
        run(warehouse, tmp_path / "good.csv", symbol)
    known = warehouse.query("select symbol, exchange, category, base, quote, source from instruments order by symbol")
    assert known.rows() == [
        ("ETHUSDT", "bybit", "linear", None, None, "exchange"),
        ("binance:BTCUSDT", "binance", "spot", "BTC", "USDT", "import: guessed from the symbol"),
    ]


def test_a_mapped_column_wins_over_a_detected_one(warehouse, candles, run, tmp_path):
    candles(3).with_columns(when=pl.col("ts") + SEOUL, units=pl.col("volume") * 2).write_csv(tmp_path / "odd.csv")
    run(warehouse, tmp_path / "odd.csv", columns={"ts": "when", "volume": "units"})
    assert stored(warehouse)["ts"][0] == candles()["ts"][0] + SEOUL
    assert stored(warehouse)["volume"].to_list() == [2, 4, 6]


def test_an_audit_leaves_nothing_behind_and_answers_about_the_file(candles, tmp_path):
    frame = pl.concat([candles(10), candles(20)[13:], candles(3)])
    frame.with_columns(symbol=pl.lit("ETH-USDT")).write_csv(tmp_path / "file.csv")
    with audit_file(tmp_path / "file.csv") as (warehouse, answer):
        place = Path(warehouse.path)
        assert (answer.symbol, answer.rows, answer.rejected) == ("ETHUSDT", 20, 3)
        assert warehouse.query("select symbol, minutes from gaps").rows() == [("ETHUSDT", 3)]
        assert warehouse.query("select candles from coverage").rows() == [(17,)]
    assert not place.exists()


def test_an_audit_takes_any_symbol_for_a_file_that_names_none(candles, tmp_path):
    candles(10).write_csv(tmp_path / "file.csv")
    with audit_file(tmp_path / "file.csv") as (warehouse, answer):
        assert answer.symbol == warehouse.query("from coverage")["symbol"][0] == "FILE"
    with audit_file(tmp_path / "file.csv", symbol=symbols.parse("spot:BTCUSDT")) as (_, answer):
        assert answer.symbol == "spot:BTCUSDT"
