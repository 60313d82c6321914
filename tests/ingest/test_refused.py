"""Files that are refused: what is said, and that nothing of them is stored."""

import gzip
import json
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bt.errors import BtError

HEADER = "ts,open,high,low,close,volume"
ROWS = [f"2024-01-01 00:0{minute}:00,100,101,99,100.5,7" for minute in range(5)]


def csv(*lines, header=HEADER):
    return "\n".join([header, *lines, ""]).encode()


def with_row(row):
    """Three sound rows, the given one in the middle."""
    return csv(ROWS[0], row, ROWS[2])


BAD_FILES = {
    "csv_header_missing": (csv(*ROWS[1:], header=ROWS[0]), "has no header line: it begins with 2024-01-01", "names of"),
    "csv_bom_utf16": ("\ufeff".encode("utf-16") + csv(*ROWS).decode().encode("utf-16-le"), "UTF-16", "UTF-8"),
    "csv_nul_bytes": (
        with_row("2024-01-01 00:01:00,100\0,101,99,100,7"),
        "row 2, column open: 100\\x00 is not a number",
        "other 2 rows",
    ),
    "csv_nul_header": (b"\0\0\0\0" + csv(*ROWS), "line 1: holds NUL bytes", "UTF-8"),
    "csv_quoted_newline": (
        with_row('2024-01-01 00:01:00,"100\n",101,99,100,7'),
        "line 3: a quoted cell goes over several lines",
        "mend",
    ),
    "csv_unclosed_quote": (with_row('2024-01-01 00:01:00,"100,101,99,100,7'), "line 3: a quote is opened", "mend"),
    "csv_unclosed_quotes": (
        csv(ROWS[0], '2024-01-01 00:01:00,100,101,99,100,7,"a', *(f"{row}," for row in ROWS[2:]), '"')
        .replace(b"volume", b"volume,note")
        .replace(b"100.5,7\n", b"100.5,7,\n", 1),
        "line 3: a quoted cell goes over several lines",
        "mend the quotes",
    ),
    "gzip_unclosed_quote": (
        gzip.compress(with_row('2024-01-01 00:01:00,"100,101,99,100,7')),
        "line 3: a quote",
        "mend",
    ),
    "csv_extra_column": (with_row("2024-01-01 00:01:00,100,101,99,100,7,8"), "line 3: 7 cells instead of 6", "--skip"),
    "csv_short_row": (with_row("2024-01-01 00:01:00,100"), "line 3: 2 cells instead of 6", "--skip-bad"),
    "csv_text_in_number": (
        with_row("2024-01-01 00:01:00,abc,101,99,100,7"),
        "row 2, column open: abc is not a num",
        "",
    ),
    "csv_decimal_comma": (with_row("2024-01-01 00:01:00,100,5,101,99,100,7"), "line 3: 7 cells", "decimal comma"),
    "csv_decimal_comma_semicolons": (
        with_row("2024-01-01 00:01:00,100,101,99,100.1,7").replace(b",", b";").replace(b"100.1", b"100,1"),
        "row 2, column close: 100,1 is not a number",
        "decimal point",
    ),
    "csv_nan": (with_row("2024-01-01 00:01:00,100,101,99,NaN,7"), "row 2, column close: NaN is not a number", ""),
    "csv_inf": (with_row("2024-01-01 00:01:00,100,101,99,100,inf"), "row 2, column volume: inf is not a number", ""),
    "csv_empty_cell": (with_row("2024-01-01 00:01:00,100,101,99,,7"), "column close: (empty) is not a number", ""),
    "csv_dup_ts": (csv(*ROWS, ROWS[1]), "row 6, column ts: 2024-01-01 00:01:00 is a duplicate", "other 5 rows"),
    "csv_dup_ts_differs": (csv(*ROWS, ROWS[1].replace("7", "8")), "row 6, column ts: 2024-01-01 00:01:00 is a dup", ""),
    "csv_huge_line": (with_row("x" * 100_000_000), "line 3: longer than 1 MiB", "not a CSV"),
    "csv_big_line": (with_row("x" * (2 << 20)), "line 3: longer than 1 MiB", "not a CSV"),
    "csv_huge_header": (b"x" * (2 << 20), "line 1: longer than 1 MiB", "not a CSV"),
    "csv_no_rows": (csv(), "has no rows", ""),
    "csv_empty": (b"", "is empty", ""),
    "csv_latin1": (with_row("2024-01-01 00:01:00,100é,101,99,100,7").decode().encode("latin-1"), "not UTF-8", "UTF-8"),
    "csv_mixed_line_ends": (csv(*ROWS).replace(b"7\n", b"7\r\n", 1), "lines end in different ways", "save it again"),
    "csv_prose": (b"dear diary\ntoday I bought\n", "is not a table: its first line is dear diary", "CSV"),
    "csv_missing_column": (
        csv("2024-01-01,1", header="ts,Price"),
        "no column for open, high, low, close, vol",
        "--map",
    ),
    "csv_two_times": (
        csv(*(f"1,{row}" for row in ROWS), header=f"date,{HEADER}").replace(b",ts,", b",time,"),
        "each of the columns date, time could be ts",
        "--map ts=date",
    ),
    "csv_funding": (csv("2024-01-01,0.0001", header="ts,funding_rate"), "no column for open", "--kind funding"),
    "csv_two_symbols": (
        csv(f"BTCUSDT,{ROWS[0]}", f"ETHUSDT,{ROWS[1]}", header=f"symbol,{HEADER}"),
        "several symbols: BTCUSDT, ETHUSDT",
        "split",
    ),
    "csv_interval": (csv(f"5m,{ROWS[0]}", header=f"interval,{HEADER}"), "holds 5m candles, bt stores 1m only", "view"),
    "csv_high_below_low": (with_row("2024-01-01 00:01:00,99,98,99,99,7"), "row 2, column high: 98 is below low", ""),
    "csv_low_above_close": (with_row("2024-01-01 00:01:00,100,101,100,99.5,7"), "column low: 100 is above open or", ""),
    "csv_price_zero": (with_row("2024-01-01 00:01:00,0,101,0,100,7"), "row 2, column open: 0 is not above 0", ""),
    "csv_volume_negative": (with_row("2024-01-01 00:01:00,100,101,99,100,-7"), "column volume: -7 is below 0", ""),
    "csv_turnover_text": (
        csv(f"{ROWS[0]},1", f"{ROWS[1]},x", f"{ROWS[2]},", header=f"{HEADER},turnover"),
        "row 2, column turnover: x is not a number",
        "other 2 rows",
    ),
    "csv_off_minute": (
        csv(*(f"2024-01-01 00:0{minute}:20.799,100,101,99,100.5,7" for minute in range(5))),
        "row 1, column ts: 2024-01-01 00:00:20.799 is not on the minute; 4 more bad rows",
        "5 rows 20.799s off the minute; no row is sound",
    ),
    "csv_ts_empty": (with_row(",100,101,99,100,7"), "row 2, column ts: missing", ""),
    "csv_ts_text": (with_row("soon,100,101,99,100,7"), "row 2, column ts: soon is not an ISO time", ""),
    "csv_ts_infinity": (with_row("infinity,100,101,99,100,7"), "row 2, column ts: infinity is not between 2009", ""),
    "csv_ts_all_text": (csv("soon,100,101,99,100,7"), "soon is not a time", "epoch s, ms"),
    "csv_ts_day_number": (csv("20240101,100,101,99,100,7"), "20240101.0 is not a time since 2009", "epoch s, ms"),
    "csv_ts_mixed_units": (
        csv("1704067200000,1,1,1,1,1", "1704067260000,1,1,1,1,1", "1704067320000000,1,1,1,1,1"),
        "row 3, column ts: 1704067320000000 is not epoch milliseconds",
        "other 2 rows",
    ),
    "csv_hostile_cell": (
        with_row("2024-01-01 00:01:00,\x1b[31mred\x1b[0m" + "9" * 99 + ",101,99,100,7"),
        "column open: \\x1b[31mred\\x1b[0m999999999999999",
        "",
    ),
    "json_of_objects": (
        b'[[1704067200000, 1, 1, 1, 1, 1], {"ts": 1704067260000, "open": 1}]',
        'row 2: {"ts": 1704067260000, "open": 1} is not a list of 6 values',
        "JSON lists of date, open",
    ),
    "json_short_list": (b"[[1704067200000, 1, 1, 1, 1]]", "row 1: [1704067200000, 1, 1, 1, 1] is not a list", "write"),
    "json_no_list": (b'{"data": [[1704067200000, 1, 1, 1, 1, 1]]}', "the JSON is not a list", "CSV"),
    "json_cut": (b"[[1704067200000, 1, 1, 1, 1, 1], [17040672", "the JSON is cut off or damaged", "fetch"),
    "json_no_rows": (b"[]", "has no rows", ""),
    "json_null": (b"[[1704067200000, 1, 1, 1, null, 1]]", "row 1, column close: (empty) is not a number", ""),
    "json_text": (b'[[1704067200000, 1, 1, 1, "a\\nb", 1]]', "a quoted cell goes over several lines", "mend"),
    "gzip_json_cut": (gzip.compress(b"[[1704067200000, 1, 1, 1, 1, 1]]")[:-12], "cannot be unpacked", "fetch it again"),
    "metatrader_text": (b"2024.01.01 00:00,1,1,one,1,1\n", "has no header line: it begins with 2024.01.01", "names of"),
    "metatrader_five": (b"2024.01.01 00:00,1,1,1,1\n", "has no header line: it begins with 2024.01.01 00:00", ""),
    "metatrader_no_time": (b"2024.01.01,1,1,1,1,1\n", "has no header line: it begins with 2024.01.01,1", ""),
    "metatrader_time": (
        b"2024.01.01 00:00,1,1,1,1,1\n2024.01.32 00:00,1,1,1,1,1\n",
        "row 2, column ts: 2024-01-32 00:00 is not an ISO time",
        "other 1 row",
    ),
    "gzip_cut": (
        gzip.compress(csv(*ROWS * 400))[:60],
        "cannot be unpacked: Compressed file ended",
        "again",
    ),
    "gzip_header_only": (gzip.compress(csv())[:12], "cannot be unpacked", "again"),
    "feather_cut": (b"ARROW1\0\0rest", "cannot be read as Feather: ", "save it as Parquet or CSV"),
    "feather_old": (b"FEA1\0\0\0\0rest", "a Feather file of version 1", "save it as Feather version 2"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_and_nothing_stored(name, untouched, rows_in, run, tmp_path):
    text, what, cure = BAD_FILES[name]
    path = tmp_path / ("bad.csv.gz" if name.startswith("gzip") else "bad.csv")
    path.write_bytes(text)
    with pytest.raises(BtError) as refused:
        run(untouched, path)
    assert refused.value.code == 2
    assert refused.value.what.startswith(path.name)
    assert what in refused.value.what
    assert cure in refused.value.cure
    assert "\n" not in refused.value.what
    assert "\x1b" not in str(refused.value)
    assert not any(rows_in(untouched).values())


def cut(frame, path):
    frame.write_parquet(path)
    cut_off(path)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-50])


def encrypted(frame, path):
    with duckdb.connect() as connection:
        connection.execute("set force_mbedtls_unsafe = 'true'; pragma add_parquet_key('key', '0123456789112345')")
        connection.execute(
            f"copy (select timestamp '2024-01-01' as ts) to '{path}' "
            "(format parquet, encryption_config {footer_key: 'key'})"
        )


BAD_PARQUET = {
    "parquet_truncated": (cut, "the Parquet file is cut off or damaged"),
    "parquet_encrypted": (encrypted, "the Parquet file is encrypted"),
    "parquet_zero_rows": (lambda frame, path: frame.clear().write_parquet(path), "has no rows"),
    "parquet_wrong_types": (
        lambda frame, path: frame.with_columns(pl.col("close").cast(pl.String)).write_parquet(path),
        "column close: its type is VARCHAR, not a number",
    ),
    "parquet_time_type": (
        lambda frame, path: frame.with_columns(ts=pl.col("ts").dt.time()).write_parquet(path),
        "the type of its column of times is TIME",
    ),
    "parquet_null_price": (
        lambda frame, path: frame.with_columns(open=pl.when(pl.col("volume") != 4).then("open")).write_parquet(path),
        "row 4, column open: (empty) is not a number",
    ),
    "parquet_null_time": (
        lambda frame, path: frame.with_columns(ts=pl.when(pl.col("volume") != 4).then("ts")).write_parquet(path),
        "row 4, column ts: missing",
    ),
    "parquet_nan": (
        lambda frame, path: frame.with_columns(low=float("nan")).write_parquet(path),
        "row 1, column low: nan is not a number; 9 more bad rows",
    ),
    "parquet_no_columns": (lambda frame, path: frame.select("volume").write_parquet(path), "no column for ts, open"),
}


@pytest.mark.parametrize("name", BAD_PARQUET)
def test_a_bad_parquet_file_is_refused_and_nothing_stored(name, untouched, candles, run, tmp_path):
    write, what = BAD_PARQUET[name]
    path = tmp_path / "bad.parquet"
    write(candles(), path)
    with pytest.raises(BtError) as refused:
        run(untouched, path)
    assert refused.value.what.startswith("bad.parquet")
    assert what in refused.value.what
    assert "\n" not in refused.value.what


def feather(frame, path):
    frame.rename({"ts": "date"}).write_ipc(path, compression="lz4")


def zeros(frame):
    return frame.with_columns(open=0.0001, high=0.0, low=0.0, close=0.0, volume=0.0)


BAD_FEATHER = {
    "no table of candles": (
        "some.feather",
        lambda frame, path: frame.select("ts").write_ipc(path),
        "no column for open",
    ),
    "cut": ("some.feather", lambda frame, path: (feather(frame, path), cut_off(path)), "cannot be read as Feather"),
    "a price is text": (
        "some.feather",
        lambda frame, path: feather(frame.with_columns(pl.col("low").cast(pl.String)), path),
        "column low: its type is VARCHAR, not a number",
    ),
    "no rows": ("some.feather", lambda frame, path: feather(frame.clear(), path), "has no rows"),
    "funding by its name": (
        "XRP_USDT_USDT-8h-funding_rate.feather",
        lambda frame, path: feather(zeros(frame), path),
        "holds funding rates, by its name",
    ),
    "funding by its zeros": (
        "some.feather",
        lambda frame, path: feather(zeros(frame), path),
        "holds no candles: high, low and close are 0 in every row",
    ),
}


@pytest.mark.parametrize("name", BAD_FEATHER)
def test_a_bad_feather_file_is_refused_and_nothing_stored(name, untouched, candles, run, tmp_path):
    called, write, what = BAD_FEATHER[name]
    write(candles(), tmp_path / called)
    with pytest.raises(BtError) as refused:
        run(untouched, tmp_path / called)
    assert refused.value.what.startswith(called)
    assert what in refused.value.what
    assert "\n" not in refused.value.what
    if "funding" in name:
        assert "--kind funding" in refused.value.cure


ELSEWHERE = {
    "csv_unsorted": ("sorted", csv(*reversed(ROWS)), "rows were out of order 4 times: sorted"),
    "csv_gap": (
        "listed as a gap",
        csv(ROWS[0], ROWS[4]),
        "1 gap, 3 minutes without a candle; the longest 3, 2024-01-01 00:00 is the last candle before it",
    ),
    "csv_seconds": (
        "recognised",
        csv(*(f"{1704067200 + 60 * row},100,101,99,100.5,7" for row in range(5))),
        "times read as epoch seconds",
    ),
}  # what faults.json lets be accepted, or what is read rightly here: what becomes of it, and the note


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_no_fault_here_is_stored_and_said(name, warehouse, run, tmp_path):
    _, text, note = ELSEWHERE[name]
    (tmp_path / "odd.csv").write_bytes(text)
    answer = run(warehouse, tmp_path / "odd.csv")
    assert note in answer.notes
    stored = warehouse.query("select ts, close from candles order by ts").rows()
    assert stored[0] == (datetime(2024, 1, 1), 100.5)
    assert stored[-1] == (datetime(2024, 1, 1, 0, 4), 100.5)
    gaps = warehouse.query("select symbol, minutes from gaps").rows()
    assert gaps == ([("BTCUSDT", 3)] if name == "csv_gap" else [])


FAULTS = Path(__file__).parents[3] / "shared" / "refs" / "faults.json"


@pytest.mark.skipif(not FAULTS.exists(), reason="the list of faults is not here")
def test_every_malformed_table_of_the_list_is_covered():
    listed = {case["id"] for case in json.loads(FAULTS.read_text(encoding="utf-8"))["files"]}
    tables = {name for name in listed if name.startswith(("csv_", "parquet_"))}
    assert len(tables) > 15
    assert tables - BAD_FILES.keys() - BAD_PARQUET.keys() - ELSEWHERE.keys() == set()


@pytest.mark.parametrize("step", [("5m", 300), ("1h", 3600), ("1d", 86400), ("7m", 420), ("30s", 30)])
def test_candles_of_another_timeframe_are_refused(step, untouched, candles, run, tmp_path):
    called, seconds = step
    path = tmp_path / "slow.parquet"
    candles(50, step=timedelta(seconds=seconds)).write_parquet(path)
    with pytest.raises(BtError, match=f"slow.parquet holds {called} candles, bt stores 1m only"):
        run(untouched, path, skip_bad=True)


def zipped(*members):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in members:
                archive.writestr(name, text)

    return write


BAD_PATHS = {
    "no such file": (lambda path: None, "there is no file"),
    "a folder": (lambda path: path.mkdir(), "is not a regular file"),
    "two files in a zip": (zipped(("a.csv", "x"), ("b.csv", "y")), "holds 2 CSV files, not one"),
    "no CSV in a zip": (zipped(("a.txt", "x")), "holds 0 CSV files, not one"),
    "a damaged zip": (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "cannot be unpacked"),
    "a DuckDB file": (lambda path: duckdb.connect(str(path)).close(), "is a DuckDB database"),
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_what_is_no_table_is_refused(name, untouched, run, tmp_path):
    make, what = BAD_PATHS[name]
    make(tmp_path / "it")
    with pytest.raises(BtError, match=what):
        run(untouched, tmp_path / "it")


def test_the_warehouse_itself_is_not_opened_as_a_file(run, tmp_path):
    from bt.warehouse import Warehouse

    warehouse = Warehouse(tmp_path / "w.duckdb")
    with pytest.raises(BtError, match="is the warehouse itself"):
        run(warehouse, tmp_path / "w.duckdb")


BAD_OPTIONS = {
    "unknown column of ours": ({"columns": {"volum": "v"}}, "no such column", "did you mean 'volume'"),
    "unknown column of the file": ({"columns": {"volume": "vol"}}, "has no such column", "its columns are ts, open"),
    "unknown zone": ({"tz": "Asia/Soul"}, "unknown time zone Asia/Soul", "did you mean Asia/Seoul"),
    "no zone at all": ({"tz": "'; drop table x"}, "unknown time zone", "write UTC, Asia/Seoul"),
    "unknown kind": ({"kind": "candle"}, "unknown kind 'candle'", "candles"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_options_that_make_no_sense_are_refused_with_a_hint(name, untouched, run, tmp_path):
    options, what, cure = BAD_OPTIONS[name]
    path = tmp_path / "good.csv"
    path.write_bytes(csv(*ROWS))
    with pytest.raises(BtError) as refused:
        run(untouched, path, **options)
    assert what in refused.value.what
    assert cure in refused.value.cure
