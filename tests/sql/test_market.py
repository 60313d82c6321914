"""Where funding is missing: given these settlements and candles, expect these stretches."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.sql.given import START, Row, holding

HOUR = timedelta(hours=1)


def settled(hours: list[float], symbol: str = "X") -> list[Row]:
    return [{"symbol": symbol, "ts": START + hour * HOUR} for hour in hours]


def seen(first: float, last: float, symbol: str = "X") -> list[Row]:
    """Give the ends of a symbol's candles, in hours."""
    return [{"symbol": symbol, "ts": START + hour * HOUR} for hour in (first, last)]


def every(step: float, first: float, last: float) -> list[float]:
    return [first + step * place for place in range(round((last - first) / step) + 1)]


# settlements and candles in hours; expected: place, first and last missing settlement, how many
STRETCHES: dict[str, tuple[list[float], list[Row], list[tuple[str, float, float, int | None]]]] = {
    "every 8 hours": (every(8, 0, 80), [], []),
    "every hour": (every(1, 0, 80), [], []),
    "from 8 to 4 to 1 to 2 hours and back": (
        [0, 8, 16, 20, 24, 28, 29, 30, 31, 32, 34, 36, 38, 46, 54, 62],
        [],
        [],
    ),
    "one of 8 hours missing": ([0, 8, 24, 32], [], [("between", 16, 16, 1)]),
    "one of 4 hours missing: no longer than 8, but longer than both beside it": (
        [0, 4, 8, 16, 20, 24],
        [],
        [("between", 12, 12, 1)],
    ),
    "two of 1 hour missing": ([0, 1, 2, 5, 6, 7], [], [("between", 3, 4, 2)]),
    "a long hole while the interval changes": (
        [0, 4, 8, 48, 56, 64],
        [],
        [("between", 12, 40, 4)],
    ),
    "two holes": ([0, 8, 24, 32, 40, 64, 72], [], [("between", 16, 16, 1), ("between", 48, 56, 2)]),
    "two settlements only": ([0, 100], [], [("between", 8, 92, 12)]),
    "at the ends nothing tells 8 hours from a hole": ([0, 8, 12, 16, 24], [], []),
    "before the first": ([24, 32, 40], seen(0, 40), [("before", 8, 16, 2)]),
    "into the first candle nobody holds anything": ([8, 16], seen(0, 20), []),
    "one minute before it somebody may": ([8, 16], seen(-1 / 60, 20), [("before", 0, 0, 1)]),
    "hourly before the first": ([5, 6, 7], seen(0.5, 7), [("before", 1, 4, 4)]),
    "after the last": ([0, 8, 16], seen(0, 41), [("after", 24, 40, 3)]),
    "the next after the last is not due yet": ([0, 8, 16], seen(0, 24 - 1 / 60), []),
    "the next after the last is due": ([0, 8, 16], seen(0, 24), [("after", 24, 24, 1)]),
    "one settlement only": ([8], seen(0, 20), [("after", 16, 16, 1)]),
    "none at all": ([], seen(0, 20), [("all", 0, 20, None)]),
    "settlements without candles": ([0, 8], [], []),
}


def found(name: str, shift: timedelta = timedelta()) -> list[tuple[object, ...]]:
    settlements, candles, _ = STRETCHES[name]
    stamps = [row | {"ts": row["ts"] + shift * (place % 3)} for place, row in enumerate(settled(settlements))]
    warehouse = holding(funding=stamps, candles=candles, instruments=[{}])
    return warehouse.query("select place, first_ts, last_ts, settlements from funding_gaps order by first_ts").rows()


@pytest.mark.parametrize("name", STRETCHES)
@pytest.mark.parametrize("milliseconds", [0, 16])
def test_stretches_without_funding(name: str, milliseconds: int) -> None:
    expected = [
        (place, START + first * HOUR, START + last * HOUR, count) for place, first, last, count in STRETCHES[name][2]
    ]
    assert found(name, timedelta(milliseconds=milliseconds)) == expected


def test_a_minute_of_jitter_is_no_hole() -> None:
    late = [
        row | {"ts": row["ts"] + timedelta(minutes=place % 2)} for place, row in enumerate(settled(every(8, 0, 80)))
    ]
    assert holding(funding=late, instruments=[{}]).query("from funding_gaps").rows() == []


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        ({"category": "linear"}, 1),
        ({"category": "inverse"}, 1),
        ({"category": "spot"}, 0),
        ({"symbol": "X-26DEC25"}, 0),  # a delivery date instead of funding
    ],
)
def test_only_perpetuals_have_funding(instrument: Row, expected: int) -> None:
    candles = seen(0, 20, instrument.get("symbol", "X"))
    assert holding(candles=candles, instruments=[instrument]).query("from funding_gaps").height == expected


def test_symbols_do_not_mix() -> None:
    warehouse = holding(
        funding=[*settled(every(8, 0, 80), "X"), *settled([0, 8, 40, 48], "Y")],
        candles=[*seen(0, 80, "X"), *seen(0, 48, "Y"), *seen(3, 9, "Z")],
        instruments=[{"symbol": symbol} for symbol in "XYZ"],
    )
    stretches = warehouse.query("select symbol, place, first_ts, hours from funding_gaps order by symbol").rows()
    assert stretches == [("Y", "between", START + 16 * HOUR, 32.0), ("Z", "all", datetime(2024, 1, 1, 3), 6.0)]


def test_holes_are_findings_and_ends_are_not() -> None:
    warehouse = holding(funding=settled([48, 52, 56, 64, 68, 72]), candles=seen(0, 200), instruments=[{}])
    [row] = warehouse.query("select finding, found, first_ts, detail from findings where finding <> 'gap'").rows()
    assert row == ("funding_hole", 1, START + 60 * HOUR, "up to 8 hours without a funding rate")


REAL = Path(__file__).parents[3] / "shared" / "data"
REAL_FILES = [  # file, stretches between its settlements
    ("bybit_linear/WIFUSDT_funding_2025.parquet", [(datetime(2025, 3, 8, 20), datetime(2025, 4, 11), 200)]),
    ("bybit_linear/BTCUSDT_funding.parquet", []),
    ("binance_um/BTCUSDT_funding.parquet", []),  # milliseconds late
    ("freqtrade_testdata/XRPUSDT_funding.parquet", []),
]


@pytest.mark.parametrize(("file", "expected"), REAL_FILES)
def test_real_files(file: str, expected: list[tuple[datetime, datetime, int]]) -> None:
    if not (REAL / file).exists():
        pytest.skip(f"no {file} beside the repository")
    stamps = pl.read_parquet(REAL / file)["ts"].dt.replace_time_zone(None).to_list()
    warehouse = holding(funding=[{"ts": ts} for ts in stamps], instruments=[{}])
    assert warehouse.query("select first_ts, last_ts, settlements from funding_gaps").rows() == expected
