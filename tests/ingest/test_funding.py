"""Funding rates from files."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from bt.errors import BtError

START = datetime(2024, 1, 1)


def rates(count=12, hours=8):
    return pl.DataFrame(
        {
            "ts": [START + timedelta(hours=hours) * row for row in range(count)],
            "rate": [0.0001 * (row % 5 - 2) for row in range(count)],
        },
        schema_overrides={"ts": pl.Datetime("us")},
    )


def stored(warehouse):
    return warehouse.query("select ts, rate from funding order by ts")


NAMES = [("fundingRateTimestamp", "fundingRate"), ("calc_time", "last_funding_rate"), ("ts", "funding_rate")]


@pytest.mark.parametrize("names", NAMES)
def test_rates_are_stored_once_under_the_names_of_several_exchanges(names, warehouse, rows_in, run, tmp_path):
    frame = rates().with_columns(pl.col("ts").dt.epoch("ms"), interval=8)
    renamed = frame.rename(dict(zip(("ts", "rate"), names, strict=True)))
    renamed.write_csv(tmp_path / "funding.csv")
    for stored_now in (12, 0):
        answer = run(warehouse, tmp_path / "funding.csv", kind="funding")
        assert (answer.kind, answer.rows, answer.stored) == ("funding", 12, stored_now)
        assert rows_in(warehouse) == {
            "candles": 0,
            "funding": 12,
            "ingests": 1,
            "rejected_candles": 0,
            "instruments": 1,
        }
    assert stored(warehouse).equals(rates())
    assert warehouse.query("select kind from ingests")["kind"][0] == "funding"


def test_stamps_are_kept_as_given_and_known_again_by_their_minute(warehouse, run, tmp_path):
    late = rates().with_columns(pl.col("ts") + pl.duration(milliseconds=pl.int_range(pl.len()) % 3))
    late.write_parquet(tmp_path / "late.parquet")
    rates().write_parquet(tmp_path / "exact.parquet")
    answer = run(warehouse, tmp_path / "late.parquet", kind="funding")
    assert stored(warehouse).equals(late)
    assert answer.notes[-1] == "8 of 12 stamps are 1ms to 2ms after the minute; kept as given"
    assert run(warehouse, tmp_path / "exact.parquet", kind="funding").unchanged == 12


BAD_RATES = {
    "text": ("much", "row 3, column rate: much is not a number"),
    "nan": ("nan", "row 3, column rate: nan is not a number"),
    "empty": ("", r"row 3, column rate: \(empty\) is not a number"),
    "percent taken for a fraction": ("1.5", "row 3, column rate: 1.5 is not a fraction between -1 and 1"),
}


@pytest.mark.parametrize("name", BAD_RATES)
def test_an_impossible_rate_refuses_the_file(name, untouched, run, tmp_path):
    cell, what = BAD_RATES[name]
    lines = rates().write_csv().splitlines()
    lines[3] = lines[3].split(",")[0] + "," + cell
    (tmp_path / "bad.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BtError, match=what):
        run(untouched, tmp_path / "bad.csv", kind="funding")


def test_two_rates_of_one_minute_are_a_duplicate(warehouse, run, tmp_path):
    twice = pl.concat([rates(), rates()[4:5].with_columns(pl.col("ts") + timedelta(milliseconds=3))])
    twice.write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(BtError, match=r"row 13, column ts: 2024-01-02 08:00:00\.003 is a duplicate"):
        run(warehouse, tmp_path / "twice.parquet", kind="funding")
    assert run(warehouse, tmp_path / "twice.parquet", kind="funding", skip_bad=True).rejected == 1
    assert stored(warehouse).equals(rates())


def test_a_changed_rate_is_reported_and_kept(warehouse, run, tmp_path):
    rates().write_parquet(tmp_path / "good.parquet")
    rates().with_columns(rate=pl.when(pl.col("ts").dt.day() == 3).then(0.5).otherwise("rate")).write_parquet(
        tmp_path / "other.parquet"
    )
    run(warehouse, tmp_path / "good.parquet", kind="funding")
    answer = run(warehouse, tmp_path / "other.parquet", kind="funding")
    assert (answer.changed, answer.unchanged) == (3, 9)
    assert answer.changed_examples[0].found == 0.5
    assert stored(warehouse).equals(rates())


def test_holes_and_intervals_are_told(warehouse, run, tmp_path):
    frame = pl.concat([rates(60), rates(300, hours=4).filter(pl.col("ts") > rates(60)["ts"][-1])])
    frame.filter(~pl.col("ts").is_between(frame["ts"][80], frame["ts"][90])).write_parquet(tmp_path / "x.parquet")
    notes = run(warehouse, tmp_path / "x.parquet", kind="funding").notes
    assert notes[-2:] == (
        "funding every 4h or 8h",
        "1 hole of 48h: nothing between 2024-01-24 00:00 and 2024-01-26 00:00",
    )


def test_candles_are_not_taken_for_funding(untouched, candles, run, tmp_path):
    candles(5).write_csv(tmp_path / "candles.csv")
    with pytest.raises(BtError, match="no column for rate") as refused:
        run(untouched, tmp_path / "candles.csv", kind="funding")
    assert "--kind candles" in refused.value.cure
