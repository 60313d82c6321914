"""What the real files with known faults answer."""

from pathlib import Path

import polars as pl
import pytest

from bt.errors import BtError
from bt.ingest import inspect_file

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real candles are not here")

REFUSED = {
    "binance_spot/ETHUSDT_1m_2017_11_2018_02_messy": (
        r"row 47,882, column ts: 2017-12-04 06:00:20\.81\+00 is not on the minute; 21,601 more bad rows"
    ),
    "bybit_linear/BTCUSDT_5m": "holds 5m candles, bt stores 1m only",
    "bybit_linear/BTCUSDT_1h_mark": "holds 1h candles, bt stores 1m only",
    "bybit_linear/WIFUSDT_funding_2025": "no column for open, high, low, close, volume",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, untouched, run):
    with pytest.raises(BtError, match=REFUSED[name]):
        run(untouched, DATA / f"{name}.parquet")


ACCEPTED = {
    "binance_spot/ETHUSDT_1m_2017_11_2018_02_messy": (
        "candles",
        (148_938, 21_602),
        "left out: 20,401 rows 20.81s off the minute, 1,201 rows 14.8s off the minute",
    ),
    "bybit_linear_messy/ADAUSDT_1m_sparse200": (
        "candles",
        (105_076, 0),
        "524 gaps, 419,724 minutes without a candle; the longest 801, 2024-09-08 12:18 is the last candle before it",
    ),
    "bitfinex_spot_messy/ETHUSD_1m": (
        "candles",
        (85_818, 0),
        "no candle has zero volume: it looks as if minutes without a trade were left out",
    ),
    "bybit_linear/WIFUSDT_funding_2025": (
        "funding",
        (457, 0),
        "1 hole of 804h: nothing between 2025-03-08 16:00 and 2025-04-11 04:00",
    ),
    "binance_um/BTCUSDT_funding": (
        "funding",
        (89, 0),
        "47 of 89 stamps are 1ms to 16ms after the minute; kept as given",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name, warehouse, run):
    kind, counts, note = ACCEPTED[name]
    answer = run(warehouse, DATA / f"{name}.parquet", kind=kind, skip_bad=True)
    assert (answer.stored, answer.rejected) == counts
    assert note in answer.notes


def judged(name, known=None):
    """Give what is found in a file but that it is of another timeframe: finding, severity, found and what is said."""
    found = inspect_file(DATA / f"{name}.parquet", known=known).findings
    return found.filter(pl.col("finding") != "timeframe").select("finding", "severity", "found", "detail").rows()


OMITTED = "no candle has zero volume: it looks as if minutes without a trade were left out"
WINDOWS = (
    "419,724 minutes without a candle, the longest 801 from {}; every gap is 801 minutes long and follows 200 candles: "
    "it looks as if a download asked for spans longer than one answer holds"
)
OFF_BTC = (
    "20,401 rows 20.799s off the minute, 1,201 rows 14.789s off the minute; "
    "with them 12 gaps of 4,471 minutes, the longest 2,010, and 23,716 minutes without a trade"
)
OFF_ETH = (
    "20,401 rows 20.81s off the minute, 1,201 rows 14.8s off the minute; "
    "with them 6 gaps of 2,259 minutes, the longest 2,010, and 2,845 minutes without a trade"
)
MESSY = {
    "binance_spot/ETHUSDT_1m_2017_11_2018_02_messy": [
        ("off_minute", "error", 21_602, OFF_ETH),
        ("gap", "error", 5, "23,862 minutes without a candle, the longest 20,413 from 2017-12-04 06:01"),
        ("zero_volume", "note", 2_632, "1.77 % of the minutes without a trade, up to 9 in a row from 2017-11-07 23:59"),
    ],
    "bitfinex_spot_messy/ETHUSD_1m": [
        (
            "gap", "error", 37_430,
            f"342,310 minutes without a candle, the longest 87,869 from 2016-03-31 23:31; {OMITTED}",
        ),
        ("jump", "warning", 1, "open 13.474 after close 15.3"),
    ],
    "bybit_linear_messy/AGIUSDT_1m_sparse200": [
        ("gap", "error", 524, WINDOWS.format("2024-09-08 19:24")),
        ("jump", "warning", 1, ""),
        ("stuck", "warning", 3, ""),
        ("testnet", "warning", 13_767, "it looks like a test network"),
        ("zero_volume", "warning", 45_317, "43.1 % of the minutes without a trade"),
    ],
    "bybit_linear_messy/BTCUSDT_1m_sparse200_testnet": [
        ("gap", "error", 524, WINDOWS.format("2024-09-08 10:11")),
        ("jump", "warning", 29, "open 84150.3 after close 172500.0"),
        ("repeated", "warning", 7, ""),
        ("spike", "warning", 3, "2.51 × low 58884.1, the minutes beside it are calm"),
        ("stuck", "warning", 1, "90 minutes at one price"),
        ("testnet", "warning", 756, "on 124 days a minute moved by more than a tenth, and 7.18 % of the minutes are"),
        ("range", "note", 71, ""),
        ("zero_volume", "note", 7_546, "7.18 % of the minutes without a trade"),
    ],
    "bybit_linear/WIFUSDT_funding_2025": [
        ("funding_hole", "warning", 1, "up to 804 hours without a funding rate"),
    ],
    "freqtrade_testdata/ADABTC_5m": [
        ("gap", "error", 5, "40 5m candles missing, the longest run 33 from 2018-01-15 12:00"),
    ],
    "freqtrade_testdata/UNITTESTBTC_1m": [("gap", "error", 538, "717 minutes without a candle, the longest 7")],
}  # fmt: skip
MORE_MESSY = {
    "binance_spot/BTCUSDT_1m_2017_2018_messy": [
        ("off_minute", "error", 21_602, OFF_BTC),
        ("gap", "error", 11, "26,074 minutes without a candle, the longest 20,413 from 2017-12-04 06:01"),
        ("stuck", "warning", 1, "82 minutes at one price, 4155.0, from 2017-08-20 09:11"),
        ("zero_volume", "note", 23_635, ""),
    ],
    "bitfinex_spot_messy/BTCUSD_1m": [
        ("gap", "error", 9_955, "12,873 minutes without a candle, the longest 197"),
    ],
    "bitfinex_spot_messy/IOTUSD_1m": [
        ("gap", "error", 143_531, "387,328 minutes without a candle, the longest 448"),
        ("repeated", "warning", 1, ""),
    ],
    "bybit_linear_messy/ADAUSDT_1m_sparse200": [
        ("gap", "error", 524, WINDOWS.format("2024-09-08 12:19")),
        ("zero_volume", "note", 36, ""),
    ],
    "bybit_linear_messy/LINKUSDT_1m_sparse200": [
        ("gap", "error", 524, WINDOWS.format("2024-09-08 13:03")),
        ("zero_volume", "note", 2, ""),
    ],
    "freqtrade_testdata/XRPETH_1m": [("gap", "error", 676, "1,091 minutes without a candle, the longest 8")],
    "freqtrade_testdata/XRPETH_5m": [("gap", "error", 6, "6 5m candles missing, the longest run 1")],
}
SLOW = pytest.mark.slow


@pytest.mark.parametrize("name", [*MESSY, *(pytest.param(name, marks=SLOW) for name in MORE_MESSY)])
def test_what_is_known_of_a_messy_file_is_found(name):
    expected = (MESSY | MORE_MESSY)[name]
    found = judged(name)
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    for (*_, said), (*_, detail) in zip(found, expected, strict=True):
        assert detail in said


CLEAN = {
    "binance_um/BTCUSDT_8h_mark": [("zero_volume", 89)],
    "binance_um/BTCUSDT_funding": [],
    "bybit_linear/DOTUSDT_1m": [("zero_volume", 6)],
    "bybit_linear/SOLUSDT_5m": [],
}  # and the notes that are true of them
MORE_CLEAN = {
    "binance_spot/BTCUSDT_1m": [],
    "binance_spot/ETHUSDT_1m": [],
    "binance_spot/SUIUSDT_1m": [("range", 5), ("zero_volume", 2228)],  # the crash of 2025-10-10
    "binance_spot/TAOUSDT_1m": [("range", 1), ("zero_volume", 1854)],
    **{f"binance_um/{name}USDT_1m": [] for name in ("BTC", "ETH", "SOL", "XRP")},
    **{f"bybit_linear/{name}USDT_1m": [] for name in ("DOGE", "WIF")},
    "bybit_linear/ADAUSDT_1m": [("zero_volume", 2)],
    **{f"bybit_linear/{name}USDT_5m": [] for name in ("ADA", "BTC", "ETH")},
    "bybit_linear/APEUSDT_5m": [("zero_volume", 5)],
    **{f"bybit_linear/{name}USDT_1h_mark": [("zero_volume", 7217)] for name in ("AAVE", "BNB", "BTC", "SOL")},
    **{f"bybit_linear/{name}USDT_funding": [] for name in ("AAVE", "ADA", "BTC", "SOL")},
    "freqtrade_testdata/XRPUSDT_5m": [],
    "freqtrade_testdata/XRPUSDT_funding": [],
}


@pytest.mark.parametrize("name", [*CLEAN, *(pytest.param(name, marks=SLOW) for name in MORE_CLEAN)])
def test_a_clean_file_raises_no_alarm(name):
    assert [(finding, found) for finding, _, found, _ in judged(name)] == (CLEAN | MORE_CLEAN)[name]
    assert {severity for _, severity, _, _ in judged(name)} <= {"note"}


def test_specimens_against_the_good_candles(warehouse, run, tmp_path):
    good = pl.scan_parquet(DATA / "binance_spot" / "BTCUSDT_1m.parquet")
    june = good.filter(pl.col("ts") >= pl.lit("2026-05-31").str.to_datetime(time_zone="UTC")).collect()
    june.write_parquet(tmp_path / "june.parquet")
    run(warehouse, tmp_path / "june.parquet", "binance:BTCUSDT")
    specimens = DATA / "messy_specimens"
    [shift] = judged("messy_specimens/BTCUSDT_1m_kst_stamped_as_utc", warehouse)
    assert shift[:3] == ("other_clock", "error", 56_161)
    [last] = judged("messy_specimens/BTCUSDT_1m_last_candle_unfinished", warehouse)
    assert last[:3] == ("unfinished", "warning", 1)
    assert last[3].startswith("its last candle has close 65764, stored of binance:BTCUSDT 65773.31")
    shifted = run(warehouse, specimens / "BTCUSDT_1m_kst_stamped_as_utc.parquet", "binance:BTCUSDT")
    assert (shifted.stored, shifted.changed) == (0, 56_161)
    assert "equal the stored ones 9h earlier" in shifted.notes[-1]
    assert shifted.notes[-1].endswith("try --tz force:Asia/Seoul")
    unfinished = run(warehouse, specimens / "BTCUSDT_1m_last_candle_unfinished.parquet", "binance:BTCUSDT")
    assert (unfinished.stored, unfinished.changed) == (0, 1)
    assert unfinished.notes[-1] == "it is the file's last row: probably taken before its minute was over"
