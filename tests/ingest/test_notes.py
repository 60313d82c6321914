"""What an import says about a file, besides the counts."""

from datetime import timedelta

import polars as pl
import pytest

from bt.errors import BtError

HOUR = timedelta(hours=1)


def walk(candles, rows):
    """Candles no two of which are alike, so that a shifted one cannot pass for another."""
    wiggle = pl.int_range(pl.len()) * 7919 % 1009 / 1000
    return candles(rows).with_columns(pl.col("open", "high", "low", "close") + wiggle)


def without(frame, *spans):
    rows = pl.int_range(pl.len())
    return frame.filter(~pl.any_horizontal(*[rows.is_between(first, last) for first, last in spans], False))


SAYS = {
    "epoch unit": (
        lambda frame: frame.with_columns(pl.col("ts").dt.epoch("ms")),
        ["times read as epoch milliseconds"],
    ),
    "zone of the file": (lambda frame: frame.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%MZ")), []),
    "no zone": (lambda frame: frame, ["times state no zone: read as UTC (otherwise give --tz)"]),
    "other symbol": (
        lambda frame: frame.with_columns(pair=pl.lit("ETH/USDT"), ts=pl.col("ts").dt.strftime("%Y-%m-%dT%H:%MZ")),
        ["the file calls its symbol ETH/USDT, it is taken as BTCUSDT"],
    ),
    "same symbol, other spelling": (
        lambda frame: frame.with_columns(pair=pl.lit("btc-usdt"), ts=pl.col("ts").dt.strftime("%Y-%m-%dT%H:%MZ")),
        [],
    ),
    "unsorted": (
        lambda frame: pl.concat([frame[50:], frame[:50]]).with_columns(pl.col("ts").dt.epoch("s")),
        ["times read as epoch seconds", "rows were out of order 1 time: sorted"],
    ),
    "two gaps": (
        lambda frame: without(frame, (10, 12), (40, 40)).with_columns(pl.col("ts").dt.epoch("s")),
        [
            "times read as epoch seconds",
            "2 gaps, 4 minutes without a candle; the longest 3, 2024-01-01 00:09 is the last candle before it",
        ],
    ),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_note_says_what_is_true(name, warehouse, candles, run, tmp_path):
    change, notes = SAYS[name]
    change(candles(100)).write_csv(tmp_path / "file.csv")
    assert list(run(warehouse, tmp_path / "file.csv").notes) == notes


def test_gaps_of_one_length_at_one_distance_look_like_a_broken_download(warehouse, candles, run, tmp_path):
    without(candles(1500), *((start, start + 79) for start in range(20, 1500, 100))).write_parquet(
        tmp_path / "x.parquet"
    )
    assert run(warehouse, tmp_path / "x.parquet").notes[-1] == (
        "every gap is 80 minutes long and follows 20 candles: it looks as if a download asked for spans longer than "
        "one answer holds"
    )


@pytest.mark.parametrize("volume", [1.0, 0.0])
def test_many_gaps_without_an_idle_minute_look_like_a_sparse_market(volume, warehouse, candles, run, tmp_path):
    frame = candles(1200).filter(pl.col("volume") % 7 != 0, pl.col("volume") % 11 != 0)
    frame.with_columns(volume=volume).write_parquet(tmp_path / "x.parquet")
    notes = run(warehouse, tmp_path / "x.parquet").notes
    assert any("minutes without a trade were left out" in note for note in notes) is (volume > 0)


SHIFTS = {
    "Seoul": (9 * HOUR, "9h earlier", "Asia/Seoul"),
    "half hours": (5.5 * HOUR, "330m earlier", "Asia/Kolkata"),
    "New York": (-5 * HOUR, "5h later", "Etc/GMT+5"),
    "far east": (13 * HOUR, "13h earlier", "Etc/GMT-13"),
}


def test_a_clock_without_a_zone_of_its_own_is_still_told(warehouse, candles, run, tmp_path):
    good = walk(candles, 3000)
    good.write_parquet(tmp_path / "good.parquet")
    good[1000:1400].with_columns(pl.col("ts") - 3.5 * HOUR).write_parquet(tmp_path / "x.parquet")
    run(warehouse, tmp_path / "good.parquet")
    assert "210m later" in run(warehouse, tmp_path / "x.parquet").notes[-1]
    assert run(warehouse, tmp_path / "x.parquet").notes[-1].endswith("try --tz AREA/CITY")


@pytest.mark.long
@pytest.mark.parametrize("name", SHIFTS)
def test_candles_on_another_clock_are_recognised(name, warehouse, candles, run, tmp_path):
    shift, how_far, zone = SHIFTS[name]
    good = walk(candles, 3000)
    good.write_parquet(tmp_path / "good.parquet")
    inside = good.filter(pl.col("ts").is_between(good["ts"][1000], good["ts"][1400]))
    shifted = inside.with_columns(pl.col("ts") + shift)
    shifted.write_parquet(tmp_path / "naive.parquet")
    shifted.with_columns(pl.col("ts").dt.epoch("ms")).write_parquet(tmp_path / "epoch.parquet")
    run(warehouse, tmp_path / "good.parquet")
    answer = run(warehouse, tmp_path / "naive.parquet")
    assert (answer.stored, answer.changed) == (0, 401)
    assert answer.notes[-1] == (
        f"all 401 candles compared equal the stored ones {how_far}: the file's times are probably of another zone; "
        f"try --tz {zone}"
    )
    assert answer.notes[-2] == "401 stored candles have other values in the file: kept"
    assert run(warehouse, tmp_path / "epoch.parquet").notes[-1].endswith(f"try --tz force:{zone}")
    assert run(warehouse, tmp_path / "naive.parquet", tz=zone).unchanged == 401
    assert run(warehouse, tmp_path / "epoch.parquet", tz=f"force:{zone}").unchanged == 401


@pytest.mark.parametrize("case", ["would add candles", "would replace candles", "under a wrong zone"])
def test_a_wrong_clock_is_refused_where_something_would_be_stored(case, warehouse, candles, run, tmp_path):
    good = walk(candles, 3000)
    good.write_parquet(tmp_path / "good.parquet")
    part = good[1000:1400] if "replace" in case else good[2000:]
    part.with_columns(pl.col("ts") + 9 * HOUR).write_parquet(tmp_path / "shifted.parquet")
    run(warehouse, tmp_path / "good.parquet")
    options = {"tz": "America/New_York"} if case == "under a wrong zone" else {"replace": "replace" in case}
    with pytest.raises(BtError, match="candles compared equal the stored ones") as refused:
        run(warehouse, tmp_path / "shifted.parquet", **options)
    assert refused.value.cure == (
        "is --tz America/New_York right?" if case == "under a wrong zone" else "try --tz Asia/Seoul"
    )
    assert len(warehouse.query("from candles")) == 3000


def test_another_market_is_not_taken_for_another_clock(warehouse, candles, run, tmp_path):
    walk(candles, 500).write_parquet(tmp_path / "good.parquet")
    walk(candles, 500).with_columns(pl.col("open", "high", "low", "close") * 2).write_parquet(tmp_path / "x.parquet")
    run(warehouse, tmp_path / "good.parquet")
    assert run(warehouse, tmp_path / "x.parquet").notes[-1] == (
        "hardly a candle agrees with what is stored: is the file of another market?"
    )


def test_an_unfinished_last_candle_is_recognised_on_either_side(warehouse, candles, run, tmp_path):
    candles(50).write_parquet(tmp_path / "good.parquet")
    unfinished = candles(30).with_columns(volume=pl.col("volume") - pl.col("volume").cast(int).is_in([30]) * 0.5)
    unfinished.write_parquet(tmp_path / "x.parquet")
    run(warehouse, tmp_path / "good.parquet")
    run(warehouse, tmp_path / "x.parquet", "ETHUSDT")
    assert run(warehouse, tmp_path / "x.parquet").notes[-1] == (
        "it is the file's last row: probably taken before its minute was over"
    )
    assert run(warehouse, tmp_path / "good.parquet", "ETHUSDT").notes[-1] == (
        "it was the last one stored: probably taken before its minute was over"
    )
