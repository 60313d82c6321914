"""Archives and exports that people have: Binance's, Bybit's, freqtrade's, and bt's own CSV."""

import gzip
import hashlib
import json
import zipfile
from datetime import datetime, timedelta

import polars as pl
import pytest

from bt import symbols
from bt.errors import BtError
from bt.export import candles_to_csv
from bt.warehouse import Warehouse

MINUTE = timedelta(minutes=1)
NEW_YEAR = datetime(2025, 1, 1)
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore\n"
)


def stored(warehouse, symbol="BTCUSDT"):
    return warehouse.query("select * exclude symbol from candles where symbol = ? order by ts", [symbol])


def binance(frame, unit="ms"):
    """The twelve columns of an archive of data.binance.vision."""
    return frame.select(
        pl.col("ts").dt.epoch(unit),
        *("open", "high", "low", "close", "volume"),
        *(pl.lit(value).alias(f"c{place}") for place, value in enumerate((0, 5.5, 3, 1.0, 2.0, 0))),
    ).write_csv(include_header=False)


def as_zip(path, text):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path.stem + ".csv", text)
    return path


def metatrader(frame, form="%Y.%m.%d %H:%M", extra=()):
    """A file of Bybit's kline_for_metatrader4: three hours ahead of UTC, no header line."""
    local = (pl.col("ts") + timedelta(hours=3)).dt.strftime(form)
    rows = frame.select(local, "open", "high", "low", "close", *extra, "volume")
    return rows.write_csv(include_header=False, quote_style="never").encode()


ARCHIVES = {
    "spot, before 2025": lambda frame: binance(frame),
    "spot, since 2025": lambda frame: binance(frame, "us"),
    "spot, both in one": lambda frame: binance(frame[:4]) + binance(frame[4:], "us"),
    "futures": lambda frame: HEADER + binance(frame),
    "futures, both in one": lambda frame: HEADER + binance(frame[:7]) + binance(frame[7:], "us"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_of_binance_hold_the_same_candles(name, warehouse, candles, run, tmp_path):
    frame = candles(10, start=NEW_YEAR - 5 * MINUTE)
    answer = run(warehouse, as_zip(tmp_path / "BTCUSDT-1m-2024-12.zip", ARCHIVES[name](frame)))
    assert stored(warehouse).equals(frame.with_columns(turnover=5.5))
    assert ("no header line: read as an archive of Binance (12 columns)" in answer.notes) == ("spot" in name)
    if "both" in name:
        assert any(note.startswith("times read as epoch m") and " and " in note for note in answer.notes)


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


CHECKSUMS = {
    "as published": lambda path: f"{checksum(path)}  {path.name}\n",
    "binary mode, upper case": lambda path: f"{checksum(path).upper()} *{path.name}\r\n",
    "of many files": lambda path: f"{'0' * 64}  other.zip\n{checksum(path)}  {path.name}\n",
    "under another name": lambda path: f"{checksum(path)}  before-it-was-renamed.zip\n",
}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_beside_the_file_is_verified(name, warehouse, candles, run, tmp_path):
    path = as_zip(tmp_path / "BTCUSDT-1m-2024-01.zip", binance(candles(5)))
    (tmp_path / f"{path.name}.CHECKSUM").write_text(CHECKSUMS[name](path), newline="")
    answer = run(warehouse, path)
    assert answer.stored == 5
    assert answer.notes[0] == "SHA-256 verified: it is what the .CHECKSUM beside it says"


WRONG_CHECKSUMS = {
    "another": (lambda path: f"{'0' * 64}  {path.name}\n", "the .CHECKSUM beside it says 000000000000…"),
    "empty": (lambda path: "", "the .CHECKSUM beside it has no SHA-256 of it"),
    "a page of errors": (lambda path: "<html>404</html>", "the .CHECKSUM beside it has no SHA-256 of it"),
    "cut off": (lambda path: checksum(path)[:60], "the .CHECKSUM beside it has no SHA-256 of it"),
    "of other files": (lambda path: f"{'0' * 64}  a.zip\n{'1' * 64}  b.zip\n", "has no SHA-256 of it"),
}


@pytest.mark.parametrize("name", WRONG_CHECKSUMS)
def test_a_wrong_checksum_refuses_the_file(name, untouched, candles, run, tmp_path):
    text, what = WRONG_CHECKSUMS[name]
    path = as_zip(tmp_path / "BTCUSDT-1m-2024-01.zip", binance(candles(5)))
    (tmp_path / f"{path.name}.CHECKSUM").write_text(text(path))
    with pytest.raises(BtError) as refused:
        run(untouched, path)
    assert refused.value.what.startswith(path.name)
    assert what in refused.value.what
    assert "fetch" in refused.value.cure


METATRADER = {
    "as published": metatrader,
    "packed": lambda frame: gzip.compress(metatrader(frame)),
    "date and time apart": lambda frame: metatrader(frame, "%Y.%m.%d,%H:%M"),
    "with a count of ticks": lambda frame: metatrader(frame, "%Y.%m.%d,%H:%M", [pl.lit(77).alias("ticks")]),
}


@pytest.mark.parametrize("name", METATRADER)
def test_archives_of_bybit_are_three_hours_ahead(name, warehouse, candles, run, tmp_path):
    frame = candles(300, start=NEW_YEAR - 100 * MINUTE)
    path = tmp_path / "BTCUSDT_1_2025-01-01_2025-01-31.csv.gz"
    path.write_bytes(METATRADER[name](frame))
    answer = run(warehouse, path)
    assert stored(warehouse).drop("turnover").equals(frame)
    assert answer.notes[:2] == (
        "no header line, dates with dots: an archive of Bybit for MetaTrader 4, whose clock is UTC+3 (else: --tz)",
        "times read on the clock of UTC+3",
    )


def test_a_zone_given_for_an_archive_of_bybit_is_taken(warehouse, candles, run, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_bytes(metatrader(candles(5)))
    run(warehouse, path, tz="UTC")
    assert stored(warehouse)["ts"][0] == candles()["ts"][0] + 180 * MINUTE


def test_the_seam_of_two_months_is_stored_once(warehouse, candles, run, tmp_path):
    frame = candles(100)
    answers = []
    for number, months in enumerate((frame[:61], frame[60:])):
        path = tmp_path / f"month{number}.csv.gz"
        path.write_bytes(gzip.compress(metatrader(months)))
        answers.append(run(warehouse, path))
    assert [(answer.stored, answer.unchanged, answer.changed) for answer in answers] == [(61, 0, 0), (39, 1, 0)]
    assert stored(warehouse).drop("turnover").equals(frame)


def dated(frame):
    return frame.rename({"ts": "date"}).with_columns(pl.col("date").cast(pl.Datetime("ms", "UTC")))


def lists(frame):
    return json.dumps(frame.with_columns(pl.col("ts").dt.epoch("ms")).rows()).encode()


FREQTRADE = {
    "BTC_USDT-1m.feather": lambda frame, path: dated(frame).write_ipc(path, compression="lz4"),
    "BTC_USDT_USDT-1m-futures.feather": lambda frame, path: dated(frame).write_ipc(path, compression="zstd"),
    "some [1]*.feather": lambda frame, path: dated(frame).write_ipc(path),  # not a pattern
    "BTC_USDT-1m.json": lambda frame, path: path.write_bytes(lists(frame)),
    "some [2]*.json": lambda frame, path: path.write_bytes(b"\xef\xbb\xbf \n" + lists(frame).replace(b"], ", b"],\n")),
    "BTC_USDT-1m.json.gz": lambda frame, path: path.write_bytes(gzip.compress(lists(frame))),
}


@pytest.mark.parametrize("name", FREQTRADE)
def test_files_of_freqtrade_hold_the_same_candles(name, warehouse, candles, run, tmp_path):
    frame = candles(300).with_columns(volume=pl.col("volume") / 3)  # digits that must all survive
    FREQTRADE[name](frame, tmp_path / name)
    assert run(warehouse, tmp_path / name).stored == 300
    assert stored(warehouse).drop("turnover").equals(frame)
    assert run(warehouse, tmp_path / name).unchanged == 300


def rates(candles):
    """Funding as freqtrade keeps it: the rate is the open of a candle of zeros."""
    frame = candles(9, step=timedelta(hours=8)).with_columns(open=0.0001 * (pl.col("volume") - 5))
    return frame.with_columns(high=0.0, low=0.0, close=0.0, volume=0.0)


RATES = {
    "XRP_USDT_USDT-8h-funding_rate.feather": {},
    "XRP_USDT_USDT-8h-funding_rate.json": {},
    "some.feather": {"columns": {"rate": "open"}},
}


@pytest.mark.parametrize("name", RATES)
def test_funding_of_freqtrade_is_the_open(name, warehouse, candles, run, tmp_path):
    frame = rates(candles)
    FREQTRADE["BTC_USDT-1m.json" if name.endswith("json") else "BTC_USDT-1m.feather"](frame, tmp_path / name)
    assert run(warehouse, tmp_path / name, kind="funding", **RATES[name]).stored == 9
    assert warehouse.query("select ts, rate from funding order by ts").rows() == frame.select("ts", "open").rows()


def test_a_rate_is_not_guessed_under_another_name(untouched, candles, run, tmp_path):
    FREQTRADE["BTC_USDT-1m.feather"](rates(candles), tmp_path / "some.feather")
    with pytest.raises(BtError, match=r"some.feather: no column for rate; its columns are date, open"):
        run(untouched, tmp_path / "some.feather", kind="funding")


TURNOVER = {"null": None, "some": 0.1 + 0.2}


@pytest.mark.parametrize("name", TURNOVER)
def test_an_export_comes_back_bit_by_bit(name, warehouse, candles, run, tmp_path):
    tiny = pl.col("volume") * 1e-9 / 7
    frame = candles(500).with_columns(volume=tiny, turnover=pl.lit(TURNOVER[name], dtype=pl.Float64))
    frame = frame.filter(pl.col("open").cast(pl.Int64) % 7 > 0)
    frame.write_parquet(tmp_path / "some.parquet")
    run(warehouse, tmp_path / "some.parquet", "spot:BTCUSDT")
    path, rows = candles_to_csv(warehouse, symbols.parse("spot:BTCUSDT"), timeframe="1m", folder=tmp_path)
    again = Warehouse()
    assert run(again, path, "spot:BTCUSDT").stored == rows == len(frame)
    assert stored(again, "spot:BTCUSDT").equals(frame, null_equal=True)
    assert again.query("select content_hash from ingests").equals(warehouse.query("select content_hash from ingests"))
