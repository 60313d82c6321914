"""What the real files with known faults answer."""

from pathlib import Path

import polars as pl
import pytest

from bt.errors import BtError

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


def test_specimens_against_the_good_candles(warehouse, run, tmp_path):
    good = pl.scan_parquet(DATA / "binance_spot" / "BTCUSDT_1m.parquet")
    june = good.filter(pl.col("ts") >= pl.lit("2026-05-31").str.to_datetime(time_zone="UTC")).collect()
    june.write_parquet(tmp_path / "june.parquet")
    run(warehouse, tmp_path / "june.parquet", "binance:BTCUSDT")
    specimens = DATA / "messy_specimens"
    shifted = run(warehouse, specimens / "BTCUSDT_1m_kst_stamped_as_utc.parquet", "binance:BTCUSDT")
    assert (shifted.stored, shifted.changed) == (0, 56_161)
    assert "equal the stored ones 9h earlier" in shifted.notes[-1]
    assert shifted.notes[-1].endswith("try --tz force:Asia/Seoul")
    unfinished = run(warehouse, specimens / "BTCUSDT_1m_last_candle_unfinished.parquet", "binance:BTCUSDT")
    assert (unfinished.stored, unfinished.changed) == (0, 1)
    assert unfinished.notes[-1] == "it is the file's last row: probably taken before its minute was over"
