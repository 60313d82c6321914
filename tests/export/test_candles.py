"""Candles as CSV: what is in the file, and that it is whole or not there."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from bt import symbols
from bt.errors import BtError
from bt.export import candles_to_csv, file_name
from bt.warehouse import Warehouse, registered

MINUTE = timedelta(minutes=1)
START = datetime(2024, 1, 3, 22, 30)  # in the middle of an hour, a day and a week
ALPHA = symbols.parse("ALPHAUSDT")
FIELDS = "ts, open, high, low, close, volume, turnover"


def candles(rows, start=START):
    """Candles whose numbers have many digits; every fifth has no turnover."""
    price = 100 + (pl.int_range(rows).cast(pl.Float64) / 7).sin()
    return pl.select(
        ts=pl.lit(start) + pl.int_range(rows) * pl.lit(MINUTE),
        open=price,
        high=price + 0.1,
        low=price - 0.1,
        close=price + 1 / 30,
        volume=pl.int_range(rows) / 3e9,
        turnover=pl.when(pl.int_range(rows) % 5 > 0).then(pl.int_range(rows) * 1.1e13),
    ).with_columns(pl.col("ts").cast(pl.Datetime("us")))


@pytest.fixture(scope="module")
def warehouse():
    """Sixteen weeks of ALPHAUSDT with a hole of one, and one candle of spot:BETAUSDT."""
    week = 7 * 1440
    stored = pl.concat([candles(9 * week), candles(6 * week, START + 10 * 7 * timedelta(days=1))])
    warehouse = Warehouse()
    with warehouse.write() as connection, registered(connection, frame=stored):
        connection.execute(f"insert into candles (symbol, {FIELDS}) select 'ALPHAUSDT', {FIELDS} from frame")
        connection.execute("insert into candles values ('spot:BETAUSDT', timestamp '2024-01-01', 1, 1, 1, 1, 0, null)")
    return warehouse


def bars(warehouse, timeframe, where="true"):
    sql = f"select {FIELDS} from bars(?) where symbol = 'ALPHAUSDT' and {where} order by ts"
    return warehouse.query(sql, [timeframe])


def read(path):
    schema = dict.fromkeys(("open", "high", "low", "close", "volume", "turnover"), pl.Float64)
    frame = pl.read_csv(path, schema_overrides=schema)
    return frame.with_columns(pl.col("ts").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us"))


@pytest.mark.parametrize("timeframe", ["1m", "3m", "1h", "12h", "1d", "1w"])
def test_the_bars_are_those_of_the_view_bit_by_bit(timeframe, warehouse, tmp_path):
    path, rows = candles_to_csv(warehouse, ALPHA, timeframe=timeframe, folder=tmp_path)
    wanted = bars(warehouse, timeframe)
    over = rows if timeframe in {"1m", "3m"} else len(wanted) - 1  # the last one is not over
    assert path == tmp_path / f"ALPHAUSDT_{timeframe}.csv"
    assert read(path).equals(wanted[:over], null_equal=True)
    assert rows == over > 12


SPANS = {
    "inside": ("2024-02-01", "2024-03-01"),
    "across the hole": ("2024-02-20", "2024-03-30"),
    "from before the first": ("2009-01-03", "2024-01-20"),
    "to after the last": ("2024-04-01", "2099-01-01"),
    "not on the hour": ("2024-02-01T00:20", "2024-02-02T00:20"),
}


@pytest.mark.parametrize("name", SPANS)
def test_bars_open_at_from_and_are_over_by_to(name, warehouse, tmp_path):
    first, end = (datetime.fromisoformat(moment) for moment in SPANS[name])
    last = warehouse.query("select max(ts) + interval 1 minute as ending from candles").item()
    where = f"ts >= timestamp '{first}' and ts + interval 1 hour <= timestamp '{min(end, last)}'"
    path, _ = candles_to_csv(warehouse, ALPHA, timeframe="1h", folder=tmp_path, first=first, end=end)
    assert read(path).equals(bars(warehouse, "1h", where), null_equal=True)


def test_the_text_is_plain(warehouse, tmp_path):
    path, rows = candles_to_csv(warehouse, symbols.parse("spot:BETAUSDT"), timeframe="1m", folder=tmp_path / "a" / "b")
    assert path.read_bytes() == b"ts,open,high,low,close,volume,turnover\n2024-01-01 00:00:00,1.0,1.0,1.0,1.0,0.0,\n"
    assert rows == 1


NAMES = {"BTCUSDT": "BTCUSDT_1m.csv", "spot:BTCUSDT": "spot-BTCUSDT_1m.csv", "BTC-27DEC24": "BTC-27DEC24_1m.csv"}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_works_on_every_system(name):
    assert file_name(symbols.parse(name), "1m") == NAMES[name]


def test_a_file_of_the_name_is_replaced_and_nothing_else_left(warehouse, tmp_path):
    (tmp_path / "ALPHAUSDT_1w.csv").write_text("old")
    candles_to_csv(warehouse, ALPHA, timeframe="1w", folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ALPHAUSDT_1w.csv"]
    assert (tmp_path / "ALPHAUSDT_1w.csv").read_text().startswith("ts,open")


REFUSED = {
    "no candles": ({"symbol": symbols.parse("GAMMAUSDT")}, "there are no candles of GAMMAUSDT"),
    "no such timeframe": ({"timeframe": "7m"}, "unknown timeframe '7m'"),
    "before the first": ({"end": datetime(2023, 1, 1)}, "no bar of ALPHAUSDT at 1h in that span"),
    "after the last": ({"first": datetime(2030, 1, 1)}, "no bar of ALPHAUSDT at 1h in that span"),
    "shorter than a bar": (
        {"first": datetime(2024, 2, 1), "end": datetime(2024, 2, 1, 0, 59)},
        "no bar of ALPHAUSDT at 1h in that span",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_leaves_the_file_as_it_was(name, warehouse, tmp_path):
    options, what = REFUSED[name]
    options = {"symbol": ALPHA, "timeframe": "1h"} | options
    (tmp_path / "ALPHAUSDT_1h.csv").write_text("old")
    with pytest.raises(BtError, match=what):
        candles_to_csv(warehouse, options.pop("symbol"), folder=tmp_path, **options)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("ALPHAUSDT_1h.csv", "old")]


def test_a_place_that_cannot_be_written_is_named(warehouse, tmp_path):
    (tmp_path / "ALPHAUSDT_1w.csv").mkdir()
    with pytest.raises(BtError, match=r"cannot write .*ALPHAUSDT_1w.csv: "):
        candles_to_csv(warehouse, ALPHA, timeframe="1w", folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ALPHAUSDT_1w.csv"]
