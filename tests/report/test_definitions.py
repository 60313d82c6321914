"""What a section's file may say, and what it is told when it says something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bt.errors import BtError
from bt.report import folders, sections
from bt.report.definitions import define

SQL = "select 1 as a, 2 as b"
FAULTS = [
    ("", "there is no title"),
    (SQL, "there is no title"),
    ("-- title:\n" + SQL, "there is no title"),
    ("-- title: T", "there is no SELECT"),
    ("-- title: T\n;", "there is no SELECT"),
    ("-- title: T\n-- chart: pie\n" + SQL, "chart cannot be 'pie'"),
    ("-- title: T\n-- chart: lines\n" + SQL, "did you mean 'line'"),
    ("-- title: T\n-- chart: line\n-- x: a\n" + SQL, "a line needs a column for y"),
    ("-- title: T\n-- chart: heatmap\n-- x: a\n-- y: b\n" + SQL, "a heatmap needs a column for value"),
    ("-- title: T\n-- titel: U\n" + SQL, "the header has no 'titel'; did you mean 'title'"),
    ("-- title: T\n-- title: U\n" + SQL, "the header says title twice"),
    ("-- title: T\n-- runs: run, sweeps\n" + SQL, "there is no 'sweeps'; did you mean 'sweep'"),
    ("-- title: T\n-- format: pnl\n" + SQL, "not a column and a format: 'pnl'"),
    ("-- title: T\n-- format: pnl monney\n" + SQL, "there is no 'monney'; did you mean 'money'"),
    ("-- title: T\n-- width: third\n" + SQL, "width cannot be 'third'"),
]


@pytest.mark.parametrize(("text", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_bad_header_is_told(text: str, told: str) -> None:
    with pytest.raises(BtError, match="(?s).*") as caught:
        define(Path("x.sql"), text)
    assert told in caught.value.what


def test_a_whole_header() -> None:
    section = define(
        Path("x.sql"),
        "-- title: Mine: all of it\n\n-- just a comment without a colon\n--chart:line\n-- x: a\n-- y: b\n-- note: one\n"
        "-- note: two\n-- format: b percent, total pnl 3, c by unit\n-- hide: unit\n-- width: half\n" + SQL + ";\n",
    )
    assert (section.title, section.chart, section.sql, section.note) == ("Mine: all of it", "line", SQL, "one two")
    assert (section.parts, section.hidden) == ({"x": "a", "y": "b"}, ("unit",))
    assert section.formats == {"b": "percent", "total pnl": "3", "c": "by unit"}
    assert section.choices == {"width": "half"}
    assert section.needed == ("a", "b", "unit")


def test_the_standard_sections(tmp_path: Path) -> None:
    listed = {
        kind: [section.path.stem for section in sections(folders("standard", tmp_path), kind)]
        for kind in ("run", "sweep", "walk")
    }
    traded = [
        "40_price", "41_closeups", "42_equity", "50_monthly", "52_results", "53_excursions", "54_weekdays", "56_hours",
        "60_symbols", "61_drawdowns", "62_exits", "63_sides", "64_rejections", "65_verified_rules", "70_trades",
        "80_metrics",
    ]  # fmt: skip
    head, judged = ["12_reproduce", "14_assumptions"], ["20_verdict", "22_judgement"]
    assert listed == {
        "run": ["10_figures", *head, *judged, *traded, "90_source"],
        "sweep": [*head, *judged, "35_best_sets", "37_map", "38_objectives", "39_tried", "90_source"],
        "walk": [
            "10_figures", *head, *judged, "30_folds", "32_fold_sharpes", "34_drift", "36_sets_of_folds", "39_tried",
            *traded, "90_source",
        ],
    }  # fmt: skip
    assert not [
        section.path for kind in listed for section in sections(folders("standard", tmp_path), kind) if section.problem
    ]


def test_an_own_file_joins_and_one_of_the_same_name_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "standard"
    folder.mkdir(parents=True)
    (folder / "55_mine.sql").write_text("-- title: Mine\nselect 1 as a")
    (folder / "80_metrics.sql").write_text("-- title: Mine instead\nselect 1 as a")
    (folder / "85_odd.sql").write_bytes(b"-- title: \xff\nselect 1")
    (folder / "86_gone.sql").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "87_pipe.sql")  # opened, it would be waited for until somebody writes into it
    (folder / "88_folder.sql").mkdir()
    (folder / "89_large.sql").write_text("-- title: Large\nselect 1 as a" + " " * 100_000)
    found = {section.path.name: section for section in sections(folders("standard", tmp_path), "run")}
    names = list(found)
    assert names[names.index("54_weekdays.sql") + 1] == "55_mine.sql"
    assert (found["80_metrics.sql"].title, found["80_metrics.sql"].is_own) == ("Mine instead", True)
    assert not found["90_source.sql"].is_own
    assert found["85_odd.sql"].problem == "is no UTF-8 text"
    assert found["86_gone.sql"].problem == "cannot be read: No such file or directory"
    assert found["87_pipe.sql"].problem == found["88_folder.sql"].problem == "is no plain file"
    assert found["89_large.sql"].problem == "is larger than 100,000 bytes"


def test_another_report_and_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "reports" / "short").mkdir(parents=True)
    (tmp_path / "reports" / "short" / "1.sql").write_text("-- title: One\nselect 1 as a")
    assert [section.title for section in sections(folders("short", tmp_path), "walk")] == ["One"]
    with pytest.raises(BtError) as caught:
        folders("shrt", tmp_path)
    assert "did you mean 'short'" in caught.value.cure
    for name in ("../standard", "/etc", "", ".", "a/b"):
        with pytest.raises(BtError, match="cannot be called"):
            folders(name, tmp_path)
