"""Where an export goes, and where it never goes."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from bt import symbols
from bt.errors import BtError
from bt.export import Target, export_candles, export_run, file_name, target_of
from tests.export.conftest import run_of

TARGETS = {
    ("out.xlsx", None): Target(path=Path("out.xlsx"), form="xlsx"),
    ("a/b/out.CSV", None): Target(path=Path("a/b/out.CSV"), form="csv"),
    ("out.jsonl", "jsonl"): Target(path=Path("out.jsonl"), form="jsonl"),
    ("out.txt", "csv"): Target(path=Path("out.txt"), form="csv"),
    ("out", None): Target(path=Path("out"), form="csv", is_folder=True),
    ("out/", "parquet"): Target(path=Path("out"), form="parquet", is_folder=True),
    ("out.d/", None): Target(path=Path("out.d"), form="csv", is_folder=True),
    ("out.csv/", None): Target(path=Path("out.csv"), form="csv", is_folder=True),
    (".", None): Target(path=Path(), form="csv", is_folder=True),
    ("..", None): Target(path=Path(".."), form="csv", is_folder=True),
    ("-", None): Target(path=None, form="csv"),
    ("-", "json"): Target(path=None, form="json"),
}


@pytest.mark.parametrize(("out", "form"), TARGETS)
def test_a_name_says_where_and_how(out, form):
    assert target_of(out, form) == TARGETS[out, form]


REFUSED = {
    ("out.xls", None): ("out.xls: .xls is no format to export", "did you mean 'xlsx'?"),
    ("out.pdf", None): (".pdf is no format to export", "out.pdf/"),
    ("out.csv", "parquet"): ("out.csv says csv, --format says parquet", "leave --format out"),
    ("out.csv", "avro"): ("there is no format 'avro' to export", "csv, json, jsonl, parquet, xlsx"),
    ("-", "parquet"): ("parquet does not go to stdout", "-O out.parquet"),
    ("-", "xlsx"): ("xlsx does not go to stdout", "-O out.xlsx"),
    ("out/", "xlsx"): ("xlsx does not go to a folder", "-O out.xlsx"),
    ("", None): ("is no name of a file", "-O out.xlsx"),
    ("a\0b", None): ("is no name of a file", "-O out.xlsx"),
    ("file/", None): ("file is a file", "name a folder"),
    ("file", None): ("file is a file", "name a folder"),
    ("/dev/null", None): ("is a file", "name a folder"),
    ("x" * 300, None): ("cannot write", "another name"),
    ("x" * 300 + ".csv", None): None,  # said before anything is written
}


@pytest.mark.parametrize(("out", "form"), REFUSED)
def test_what_is_no_place_is_refused(out, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("old")
    if REFUSED[out, form] is None:
        assert target_of(out, form).form == "csv"
        return
    what, cure = REFUSED[out, form]
    with pytest.raises(BtError) as error:
        target_of(out, form)
    assert what in error.value.what
    assert cure in f"{error.value.what} {error.value.cure}"


PLACES = {  # name, by force, what is said
    "a file": ("old.csv", False, "old.csv exists already"),
    "a folder": ("folder.csv", True, "folder.csv is a folder"),
    "a link": ("link.csv", True, "link.csv is no plain file"),
    "a file in the way of a folder's": ("folder/", False, "exists already"),
    "a long name": ("x" * 300 + ".csv", False, "cannot write"),
    "a file in a file": ("old.csv/new.csv", False, "cannot write"),
    "the warehouse": ("bt.duckdb", True, "is the warehouse, or belongs to it"),
    "beside the warehouse": ("bt.duckdb.wal", True, "is the warehouse, or belongs to it"),
}


@pytest.mark.parametrize("name", PLACES)
def test_nothing_is_overwritten_that_is_not_to_be(name, exported, tmp_path):
    out, force, what = PLACES[name]
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder").mkdir()
    for old in ("old.csv", "folder/equity.csv"):
        (tmp_path / old).write_text("old")
    (tmp_path / "link.csv").symlink_to("old.csv")
    folder = exported.path.parent if "warehouse" in name else tmp_path

    def names():
        return sorted(path.name for path in folder.rglob("*") if path.suffix != ".lock")

    before = names()
    target = target_of(f"{folder}/{out}", None if folder == tmp_path else "csv")
    with pytest.raises(BtError, match=what):
        list(export_run(exported, run_of(exported, "plain"), target, force=force))
    assert names() == before
    assert (tmp_path / "old.csv").read_text() == (tmp_path / "folder" / "equity.csv").read_text() == "old"


def test_a_file_is_replaced_by_force(exported, tmp_path):
    (tmp_path / "out.csv").write_text("old")
    [file] = export_run(exported, run_of(exported, "plain"), target_of(f"{tmp_path}/out.csv", None), force=True)
    assert file.path.read_text().startswith("run_id,trade,")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_a_full_stdout_is_an_error_of_the_system(form, exported, monkeypatch):
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=full, flush=full.flush))
        with pytest.raises(OSError, match="No space left on device") as error:
            list(export_run(exported, run_of(exported, "plain"), target_of("-", form), what="run"))
        monkeypatch.undo()
    assert (error.value.errno, error.value.strerror) == (errno.ENOSPC, os.strerror(errno.ENOSPC))


NAMES = ["../x", "/etc/passwd", "..", "a\\b", "C:x", "CON", "x" * 30, "a:b", "a\0b", ".hidden", "-rf"]


@pytest.mark.parametrize("name", NAMES)
def test_a_symbol_never_leaves_the_folder(name, tmp_path):
    symbol = symbols.Symbol(name=name, exchange="x", category="spot", base=None, quote=None)
    path = (tmp_path / file_name(symbol, "1m")).resolve()
    assert path.parent == tmp_path.resolve()
    assert path.name.endswith("_1m.csv")
    assert not set(path.name) & set('\\/:*?"<>|\0')


def test_candles_in_parquet_are_those_of_the_warehouse(exported, tmp_path):
    import polars as pl

    names = [symbols.parse(name) for name in ("ALPHAUSDT", "BETAUSDT")]
    files = list(export_candles(exported, names, ["1m", "1h"], target_of(f"{tmp_path}/c/", "parquet")))
    assert [each.path.name for each in files] == [
        f"{name}_{timeframe}.parquet" for name in ("ALPHAUSDT", "BETAUSDT") for timeframe in ("1m", "1h")
    ]
    stored = exported.query("select * exclude (symbol) from candles where symbol = 'BETAUSDT' order by ts")
    assert pl.read_parquet(files[2].path).equals(stored, null_equal=True)


@pytest.mark.parametrize(("out", "what"), [("x.csv", "2 series of candles"), ("x.xlsx", "do not go into a workbook")])
def test_candles_that_do_not_fit_are_refused(out, what, exported, tmp_path):
    with pytest.raises(BtError, match=what):
        list(export_candles(exported, [symbols.parse("ALPHAUSDT")], ["1m", "1h"], target_of(f"{tmp_path}/{out}", None)))
    assert list(tmp_path.iterdir()) == []
