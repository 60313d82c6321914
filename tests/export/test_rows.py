"""Rows as CSV, JSON, JSONL and Parquet: they come back as they are, and a text is never a formula."""

import csv
import io
import json
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bt.errors import BtError
from bt.export import TABLES, export_run, target_of
from bt.export.rows import guarded, write_csv, write_json, write_jsonl, write_parquet
from tests.export.conftest import HOSTILE, run_of

ROWS = pl.DataFrame(
    {
        "text": ["=1+1", "", None, "plain"],
        "number": [-12.5, 1e-8, 1e300, None],
        "whole": [-1, None, 2**53, 0],
        "ts": [datetime(2024, 1, 1), None, datetime(2024, 1, 2, 3, 4, 5, 600_000), datetime(1970, 1, 1)],
        "day": [date(2024, 1, 1), None, date(1969, 12, 31), date(2200, 1, 1)],
        "told": [True, False, None, True],
    },
    schema_overrides={"ts": pl.Datetime("us")},
)


def written(write, *pieces):
    file = io.BytesIO()
    assert write(iter(pieces), file) == sum(piece.height for piece in pieces)
    return file.getvalue()


def test_csv_is_plain():
    text = written(write_csv, ROWS[:2], ROWS[2:], ROWS[:0]).decode()
    assert text == (
        "text,number,whole,ts,day,told\n"
        "'=1+1,-12.5,-1,2024-01-01 00:00:00,2024-01-01,true\n"
        '"",1e-8,,,,false\n'
        ",1e+300,9007199254740992,2024-01-02 03:04:05.600,1969-12-31,\n"
        "plain,,0,1970-01-01 00:00:00,2200-01-01,true\n"
    )


def test_json_has_iso_times_in_utc_and_null():
    whole, lines = written(write_json, ROWS[:2], ROWS[2:]), written(write_jsonl, ROWS[:2], ROWS[2:])
    rows = json.loads(whole)
    assert rows == [json.loads(line) for line in lines.splitlines()]
    assert rows[0] == {
        "text": "=1+1", "number": -12.5, "whole": -1, "ts": "2024-01-01T00:00:00Z", "day": "2024-01-01", "told": True,
    }  # fmt: skip
    assert list(rows[1].values()) == ["", 1e-8, None, None, None, False]
    assert rows[2]["ts"] == "2024-01-02T03:04:05.600Z"


def test_parquet_keeps_types_and_has_plain_times():
    again = pl.read_parquet(written(write_parquet, ROWS[:3], ROWS[3:]))
    assert_frame_equal(again, ROWS)
    assert again.schema["ts"] == pl.Datetime("us", None)


@pytest.mark.parametrize("write", [write_csv, write_json, write_jsonl, write_parquet])
def test_no_rows_are_a_file_all_the_same(write):
    data = written(write, ROWS[:0])
    read = {
        write_csv: lambda: data == b"text,number,whole,ts,day,told\n",
        write_json: lambda: json.loads(data) == [],
        write_jsonl: lambda: data == b"",
        write_parquet: lambda: pl.read_parquet(data).schema == ROWS.schema,
    }
    assert read[write]()


def test_what_breaks_while_parquet_is_written_is_what_is_said():
    def breaking():
        yield ROWS
        raise BtError("the warehouse is gone")

    with pytest.raises(BtError, match="the warehouse is gone"):
        write_parquet(breaking(), io.BytesIO())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_is_no_formula_and_comes_back(name):
    text = HOSTILE[name]
    data = written(write_csv, pl.DataFrame({"text": [text], "number": [-12.5]}))
    [[cell, number]] = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    harmless = cell.lstrip(" \u200b\n\r\t")[:1] not in {"=", "+", "-", "@", "＝"} and cell[:1] not in set("\t\r\n")
    assert harmless
    assert cell.removeprefix("'") == text
    assert number == "-12.5"
    assert pl.read_csv(data, schema_overrides={"text": pl.String})["text"].to_list() == [cell]


def test_only_texts_are_guarded():
    assert guarded(ROWS)["text"].to_list() == ["'=1+1", "", None, "plain"]
    assert_frame_equal(guarded(ROWS).drop("text"), ROWS.drop("text"))
    assert guarded(pl.DataFrame({"list": [[1, 2], [], None]}))["list"].to_list() == ["[1,2]", "[]", None]


KINDS = {"plain": "run", "walk": "walk", "sweep": "sweep"}


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_holds_the_tables_of_the_kind_as_the_views_have_them(name, exported, tmp_path):
    run = run_of(exported, name)
    with exported.hold():
        compared(name, exported, run, tmp_path)


def compared(name, exported, run, tmp_path):
    files = list(export_run(exported, run, target_of(f"{tmp_path}/out/", "parquet")))
    tables = [table for table, each in TABLES.items() if KINDS[name] in each.kinds]
    assert [each.path for each in files] == [tmp_path / "out" / f"{table}.parquet" for table in tables]
    for each in files:
        table = TABLES[each.what]
        sql = f"from {table.relation} where run_id = $run and {table.where} order by {table.order}"
        view = exported.query(sql, {"run": run["run_id"]}).drop(table.left_out)
        again = pl.read_parquet(each.path)
        if "places" in view.columns:
            view = view.with_columns(pl.col("places").str.json_decode(pl.List(pl.Int32)))
        assert_frame_equal(again, view, check_exact=True)
        assert each.rows == again.height
    assert {each.what for each in files if not each.rows} <= {"funding", "rejections"}


def test_csv_comes_back_with_its_types(exported, tmp_path):
    run = run_of(exported, "plain")
    for name in ("trades", "equity", "fills"):
        [parquet] = export_run(exported, run, target_of(f"{tmp_path}/{name}.parquet", None), what=name)
        [text] = export_run(exported, run, target_of(f"{tmp_path}/{name}.csv", None), what=name)
        wanted = pl.read_parquet(parquet.path)
        assert_frame_equal(pl.read_csv(text.path, schema=wanted.schema, try_parse_dates=True), wanted, check_exact=True)
        assert wanted.height >= 20


def test_long_tables_are_read_in_pieces(exported, tmp_path, monkeypatch):
    run = run_of(exported, "plain")
    [whole] = export_run(exported, run, target_of(f"{tmp_path}/whole.csv", None), what="equity")
    monkeypatch.setattr("bt.export.tables.PIECE", 100)
    [pieces] = export_run(exported, run, target_of(f"{tmp_path}/pieces.csv", None), what="equity")
    assert whole.path.read_bytes() == pieces.path.read_bytes()
    for name in ("trades", "fills"):
        monkeypatch.setattr("bt.export.tables.PIECE", 7)
        [pieces] = export_run(exported, run, target_of(f"{tmp_path}/{name}.csv", None), what=name)
        numbers = pl.read_csv(pieces.path)[{"trades": "trade", "fills": "n"}[name]].to_list()
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 7


def test_undefined_numbers_are_null_everywhere(exported, tmp_path):
    run = run_of(exported, "no trades")
    for form, undefined in (("json", "null"), ("csv", "")):
        [file] = export_run(exported, run, target_of(f"{tmp_path}/metrics.{form}", None), what="metrics")
        text = file.path.read_text()
        assert "nan" not in text.lower().replace("finance", "")
        assert "inf" not in text.lower()
        assert file.rows == 1
        assert undefined in text


REFUSED = {
    "no such table": ("plain", "x.csv", "trade", "there is no such table", "did you mean 'trades'"),
    "a sweep's trades": ("sweep", "x.csv", "trades", "a sweep has none", "it has run, overfitting, top, trials"),
    "a run's folds": ("plain", "x.csv", "folds", "a run has none", "it has run, metrics"),
    "two tables in one file": ("plain", "x.csv", "trades,fills", "one csv file holds one table, not 2", "-O FOLDER/"),
    "all in one file": ("walk", "x.parquet", "all", "one parquet file holds one table", "-O FOLDER/"),
    "candles among tables": ("plain", "x.json", "trades,candles", "candles stands alone", "--what candles"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(name, exported, tmp_path):
    run, file, what, said, cure = REFUSED[name]
    with pytest.raises(BtError, match=said) as error:
        list(export_run(exported, run_of(exported, run), target_of(f"{tmp_path}/{file}", None), what=what))
    assert cure in error.value.cure
    assert list(tmp_path.iterdir()) == []
