"""The workbook: its sheets, real numbers and dates, texts that are texts, and what does not fit."""

import errno
import gc
import io
import json
import os
import shutil
import subprocess
from datetime import datetime
from functools import cache

import openpyxl
import polars as pl
import pytest
from openpyxl.utils.escape import unescape
from xlsxwriter import Workbook

from bt.errors import BtError
from bt.export.books import opened
from bt.export.sheets import Book, format_of, write_table
from bt.export.workbook import Limits, write_workbook
from tests.export.conftest import HOSTILE, run_of

ALWAYS = ["Parameters", "Assumptions", "Instruments"]
SHEETS = {
    "plain": ["Summary", "Trades", "Equity", "Days", "Monthly", "Symbols", *ALWAYS],
    "no trades": ["Summary", "Trades", "Equity", "Days", "Monthly", "Symbols", *ALWAYS],
    "sweep": ["Summary", "Top 10", "Trials", *ALWAYS],
    "unfinished": ["Summary", "Top 10", "Trials", *ALWAYS],
    "walk": ["Summary", "Trades", "Equity", "Days", "Monthly", "Symbols", "Folds", "Top 10", "Trials", *ALWAYS],
}


def bytes_of(warehouse, run, **options):
    file = io.BytesIO()
    with warehouse.read() as connection:
        write_workbook(connection, run, file, **options)
    return file.getvalue()


def book_of(warehouse, run, **options):
    return openpyxl.load_workbook(io.BytesIO(bytes_of(warehouse, run, **options)))


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def near(row):
    """A row to be compared with one of doubles: a workbook has sixteen digits of them."""
    return tuple(pytest.approx(value, rel=1e-15) if type(value) is float else value for value in row)


def facts(sheet):
    """First column to second."""
    return {row[0]: row[1] for row in cells(sheet) if row[0]}


@cache
def made(warehouse, name):
    """The usual workbook of a run, made once."""
    return bytes_of(warehouse, run_of(warehouse, name))


def usual(warehouse, name):
    return openpyxl.load_workbook(io.BytesIO(made(warehouse, name)))


@pytest.fixture
def book(exported):
    return usual(exported, "plain")


@pytest.mark.parametrize("name", SHEETS)
def test_each_kind_has_the_sheets_that_make_sense(name, exported):
    book = usual(exported, name)
    assert book.sheetnames == SHEETS[name]
    told = facts(book["Summary"])
    absent = {title for title, rows in told.items() if rows == "not here"}
    assert absent == {"Trades", "Equity", "Days", "Monthly", "Symbols", "Top 10", "Trials"} - set(SHEETS[name])
    assert set(SHEETS[name]) - {"Summary"} <= set(told)
    formulas = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert formulas == []


def test_a_table_has_numbers_dates_and_truth_values_with_formats(book, exported):
    sheet = book["Trades"]
    trades = exported.query(
        "select * exclude (run_id) from trades where run_id = ? order by trade", [run_of(exported, "plain")["run_id"]]
    )
    heads, *rows = cells(sheet)
    assert [head.removesuffix(" (UTC)") for head in heads] == trades.columns
    assert [near(row) for row in rows] == trades.rows()
    first = dict(zip(trades.columns, sheet[2], strict=True))
    assert {name: first[name].number_format for name in ("entry_ts", "pnl", "return", "r", "bars", "entry_price")} == {
        "entry_ts": "yyyy-mm-dd hh:mm", "pnl": "#,##0.00", "return": "0.00%", "r": "0.00", "bars": "#,##0",
        "entry_price": "#,##0.00######",
    }  # fmt: skip
    assert isinstance(first["entry_ts"].value, datetime)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(1, len(heads)).column_letter}{len(rows) + 1}"
    assert all(cell.font.bold for cell in sheet[1])
    assert all(sheet.column_dimensions[cell.column_letter].width > 4 for cell in sheet[1])


def test_equity_and_drawdown_are_drawn_by_day(book):
    titles = [chart.title.tx.rich.p[0].r[0].t for chart in book["Equity"]._charts]
    ranges = [chart.series[0].val.numRef.f for chart in book["Equity"]._charts]
    assert titles == ["Equity", "Drawdown"]
    heads, *rows = cells(book["Days"])
    letters = ["ABCDE"[heads.index(name)] for name in ("equity", "drawdown")]
    assert ranges == [f"Days!${letter}$2:${letter}${len(rows) + 1}" for letter in letters]
    assert len(rows) == 20


def test_the_summary_has_every_metric_and_says_what_it_is(book, exported):
    run = run_of(exported, "plain")
    metrics = exported.query("select * exclude (run_id) from metrics where run_id = ?", [run["run_id"]])
    told = {row[0]: row for row in reversed(cells(book["Summary"])) if row[0]}  # sharpe is there twice
    for name, value in metrics.row(0, named=True).items():
        assert told[name][1] == ("–" if value is None else pytest.approx(value, rel=1e-15))
        assert told[name][2]
    assert told["run_id"][1] == run["run_id"]
    assert told["first_ts"][1] == run["first_ts"]


def test_assumptions_name_every_setting(book):
    told = facts(book["Assumptions"])
    assert (told["account cash"], told["costs slippage"], told["execution intrabar"]) == (10_000, 0.0001, "auto")
    assert told["data_fingerprint"]
    assert told["version of bt"]
    assert [row[0] for row in cells(book["Instruments"])] == ["symbol", "ALPHAUSDT", "BETAUSDT"]


PARAMETERS = {
    "plain": [["parameter", "value"], ["fast", 5], ["slow", 20], ["stop", 2]],
    "sweep": [["parameter", "searched", "value"], ["fast", "5, 10"], ["slow", "20, 40"]],
    "walk": [["parameter", "searched", "fold 1", "fold 2"], ["fast", "5, 10"], ["slow", "20, 40"]],
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_told_with_what_was_searched(name, exported):
    rows = cells(usual(exported, name)["Parameters"])
    wanted = PARAMETERS[name]
    assert [row[: len(each)] for row, each in zip(rows, wanted, strict=False)] == wanted
    assert all(value in {5, 10, 20, 40} for row in rows[1:3] for value in row[2:] if name != "plain" and value)


def test_parameters_of_sets_are_columns_of_numbers(exported):
    heads, *rows = cells(usual(exported, "sweep")["Top 10"])
    assert heads[:4] == ["rank", "trial", "fast", "slow"]
    assert not [head for head in heads if head.startswith("out_")]
    assert {row[2] for row in rows} == {5, 10}
    heads, *_ = cells(usual(exported, "walk")["Folds"])
    assert "out_sharpe" in heads


@pytest.fixture(scope="module")
def texts():
    """A sheet with all hostile texts, in order."""
    file = io.BytesIO()
    with Workbook(file, {"constant_memory": True}) as workbook:  # with all that xlsxwriter makes of texts by itself
        write_table(Book(workbook), "Texts", [pl.DataFrame({"text": list(HOSTILE.values())})], {})
    return openpyxl.load_workbook(io.BytesIO(file.getvalue()))["Texts"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_is_a_text(name, texts):
    text = HOSTILE[name]
    cell = texts.cell(list(HOSTILE).index(name) + 2, 1)
    assert unescape(cell.value or "") == "".join(
        "\ufffd" if letter in "\x01\x0b\x1f\ufffe" else letter for letter in text
    )
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    assert cell.quotePrefix == bool(text and text[0] in "=+-@\n\t\r＝ \u200b'")


@pytest.fixture(scope="module")
def odd(exported):
    """A workbook of two tables, of a run with hostile and long texts, whose equity has more bars than it takes."""
    evil = HOSTILE["a formula"]
    texts = {"note": "x" * 40_000, "strategy": evil, "name": evil, "quote": "🚀" * 16_384, "seed": evil}
    run = run_of(exported, "plain") | texts | {"warnings": json.dumps([evil])}
    return book_of(exported, run, names=["fills", "equity"], limits=Limits(bars=400))


def test_what_a_user_wrote_is_a_text_everywhere(odd):
    evil = HOSTILE["a formula"]
    found = [cell for sheet in odd for row in sheet.iter_rows() for cell in row if evil in str(cell.value)]
    assert len(found) == 5  # the title too
    assert {cell.data_type for cell in found} == {"s"}


def test_a_text_longer_than_a_cell_is_cut_and_says_so(odd):
    told = facts(odd["Summary"])
    assert len(told["note"]) == 32_767
    assert told["note"].endswith("x… cut at Excel's 32,767 characters")
    assert told["quote"].endswith("🚀… cut at Excel's 32,767 characters")
    assert len(told["quote"].encode("utf-16-le")) <= 2 * 32_767


class Full(io.BytesIO):
    """A disk with room for few bytes."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("room", [0, 100, 3_000])
def test_a_full_disk_is_said_and_nothing_of_the_workbook_outlives_it(room, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = Full(room)
    with pytest.raises(OSError, match="No space left on device") as error, opened(file) as workbook:
        write_table(Book(workbook), "Rows", [pl.DataFrame({"a": range(1_000)})], {})
    assert error.value.errno == errno.ENOSPC
    file.close()
    del error
    gc.collect()  # a ZipFile that still was to end its file would say so here
    assert list(tmp_path.iterdir()) == []


def test_what_stops_a_workbook_on_its_way_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = io.BytesIO()

    def stopping():
        yield pl.DataFrame({"a": [1]})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(file) as workbook:
        write_table(Book(workbook), "Rows", stopping(), {})
    assert file.getvalue() == b""
    assert list(tmp_path.iterdir()) == []


def test_more_bars_than_a_sheet_is_good_for_are_thinned_to_days(odd, exported):
    run = run_of(exported, "plain")
    heads, *rows = cells(odd["Equity"])
    lasts = exported.query(
        "select * exclude (run_id) from equity where run_id = ? "
        "qualify row_number() over (partition by ts::date order by ts desc) = 1 order by ts",
        [run["run_id"]],
    )
    note = "the last bar of each day; all 480: bt export " + run["run_id"] + " --what equity -O equity.parquet"
    assert [near(row[:5]) for row in rows] == lasts.rows()
    assert note in heads
    assert note in [cell for row in cells(odd["Summary"]) for cell in row]


def test_more_rows_than_a_sheet_holds_are_refused_with_what_to_do(exported):
    run = run_of(exported, "plain")
    trades = exported.query("select count(*) from trades where run_id = ?", [run["run_id"]]).item()
    with pytest.raises(BtError, match=f"{trades} rows of trades: a sheet takes {trades - 1}") as error:
        bytes_of(exported, run, names=["trades"], limits=Limits(rows=trades - 1))
    assert "--what trades -O trades.parquet" in error.value.cure


def test_only_what_is_asked_for(odd):
    assert odd.sheetnames == ["Summary", "Equity", "Fills", "Days", *ALWAYS]
    assert "not asked for with --what" in [cell for row in cells(odd["Summary"]) for cell in row]


def test_the_same_run_is_the_same_file_where_its_rows_just_fit(exported):
    run = run_of(exported, "plain")
    rows = {
        name: exported.query(f"select count(*) from {name} where run_id = ?", [run["run_id"]]).item()
        for name in ("trades", "equity")
    }
    assert rows["equity"] == 480
    assert len(cells(usual(exported, "plain")["Equity"])) == 481
    just = Limits(rows=rows["trades"], bars=rows["equity"])
    assert bytes_of(exported, run, limits=just) == made(exported, "plain")


FORMATS = {
    ("pnl", "quote; profit"): "#,##0.00",
    ("exit_price", "quote; as filled"): "#,##0.00######",
    ("best", "quote; exit fills"): "#,##0.00######",
    ("best_trade", "quote; highest pnl"): "#,##0.00",
    ("win_rate", "fraction; trades"): "0.00%",
    ("rate", "fraction"): "0.0000%",
    ("max_drawdown", "fraction, ≤ 0; lowest"): "0.00%",
    ("sharpe", "ratio a year; mean"): "0.00",
    ("out_objective", "out-of-sample, as all below"): "#,##0.0000",
    ("fast", ""): "General",
}


@pytest.mark.parametrize(("column", "meaning"), FORMATS)
def test_a_number_is_formatted_by_its_unit(column, meaning):
    assert format_of(column, pl.Float64(), meaning) == FORMATS[column, meaning]


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("soffice"), reason="LibreOffice is not installed: apt-get install libreoffice-calc"
)
@pytest.mark.parametrize("name", ["plain", "sweep", "walk"])
def test_another_program_opens_and_prints_it(name, exported, tmp_path):
    path = tmp_path / "run.xlsx"
    path.write_bytes(bytes_of(exported, run_of(exported, name)))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "run.pdf").read_bytes().startswith(b"%PDF")
