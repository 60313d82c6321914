"""Sections of a user: what appears, and what is told in the place of one that is broken; the others stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from bt.cli import run as bt_command
from bt.report import Section, answered
from bt.report.cells import written
from bt.report.drawing import drawn
from bt.report.embedded import column, safe_json
from bt.warehouse import Warehouse

BROKEN = {
    "no_such_column": ("select nothing from runs where run_id = $run", 'Referenced column "nothing" not found'),
    "no_such_table": ("select * from nowhere", "Table with name nowhere does not exist"),
    "no_sql": ("this is no sql", "syntax error"),
    "two": ("select 1; select 2", "a section is one SELECT, not: select, select"),
    "change": ("delete from runs", "a section is one SELECT, not: delete"),
    "file": ("select * from read_csv('/etc/passwd')", "disabled"),
    "copy": ("copy runs to '/tmp/out.csv'", "a section is one SELECT, not: copy"),
    "parameter": ("select $other as a", "only $run is given, not $other"),
    "huge": ("select range as a from range(3000)", "gives more than 2,000 rows"),
    "wide": (f"select {', '.join(f'{n} as c{n}' for n in range(61))}", "gives 61 columns"),
    "long": ("select repeat('x', 500000) as a", "gives more than 400,000 characters"),
    "division": ("select error('mine') as a", "mine"),
}


def own_section(workspace: Path, name: str, text: str) -> None:
    folder = workspace / "reports" / "standard"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text(text, encoding="utf-8")


def section(sql: str, **more: object) -> Section:
    return Section(path=Path("x.sql"), title="T", sql=sql, is_own=True, **more)  # type: ignore[arg-type]


def test_an_own_section_appears_with_its_rows_and_its_sql(own: Path) -> None:
    folder = own / "reports" / "mine"
    folder.mkdir(parents=True)
    (folder / "55_mine.sql").write_text(
        "-- title: By <me>\n-- format: c money\nselect 'x<y' as a, 1234.5 as c, $run as r", encoding="utf-8"
    )
    assert bt_command(["report", "run", "-q", "-O", "mine.html", "--report", "mine"]) == 0
    text = (own / "mine.html").read_text(encoding="utf-8")
    assert "By &lt;me&gt;</h2>" in text
    assert '<td class="t">x&lt;y</td><td class="n">1,234.50</td>' in text
    assert re.search(r"select &#x27;x&lt;y&#x27; as a, 1234.5 as c, &#x27;\w+\.1&#x27; as r</code>", text)


def test_broken_sections_are_told_and_the_others_stand(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, (sql, _) in BROKEN.items():
        own_section(own, f"55_{name}", f"-- title: {name}\n{sql}")
    own_section(own, "56_header", "-- chart: line\nselect 1")
    own_section(own, "57_columns", "-- title: C\n-- chart: line\n-- x: a\n-- y: z\nselect 1 as a, 2 as b")
    own_section(own, "58_words", "-- title: W\n-- chart: bar\n-- x: a\n-- y: b\nselect 1 as a, 'x' as b")
    own_section(
        own, "59_empty", "-- title: Nothing here\n-- chart: line\n-- x: a\n-- y: b\nselect 1 as a, 2 as b where false"
    )
    own_section(own, "79_sound", "-- title: Sound\nselect 42 as answer")
    assert bt_command(["report", "run", "-q", "-O", "mine.html"]) == 1
    told, text = capfd.readouterr().err, (own / "mine.html").read_text(encoding="utf-8")
    shown = dict(re.findall(r'<p class="problem">([\w.]+): (.*?)</p>', text))
    assert sorted(shown) == sorted(
        [*(f"55_{name}.sql" for name in BROKEN), "56_header.sql", "57_columns.sql", "58_words.sql"]
    )
    for name, (_, said) in BROKEN.items():
        assert said.replace('"', "&quot;") in shown[f"55_{name}.sql"]
        assert f"section 55_{name}.sql: " in told
    assert shown["57_columns.sql"] == "gives no column &#x27;z&#x27;, only: a, b"
    assert "must hold numbers" in shown["58_words.sql"]
    assert '<p class="none">no rows</p>' in text
    assert '<td class="n">42</td>' in text
    assert "Every metric" in text


FAR = ("timestamp 'infinity'", "timestamp '-infinity'", "timestamp '294246-01-01'", "date '5000000-01-01'")


@pytest.mark.parametrize("far", FAR)
def test_a_time_that_no_calendar_has_ends_no_report(far: str, tested: Path) -> None:
    sql = f"select {far} as a, 1 as b"
    asked = [section(sql), section(sql, chart="line", parts={"x": "a", "y": "b"}), section("select 1 as n")]
    warehouse = Warehouse(tested / "warehouse" / "bt.duckdb")
    with warehouse.read() as connection:
        answers = answered(connection, asked, "x")
    assert all(answer.frame is not None or answer.problem for answer in answers)
    html = "".join(drawn(answer, number, "x") for number, answer in enumerate(answers))
    assert html.count("<section") == 3
    assert '<td class="n">1</td>' in html


def test_a_section_that_takes_too_long_is_stopped(tested: Path) -> None:
    warehouse = Warehouse(tested / "warehouse" / "bt.duckdb")
    endless = "select count(*) as n from range(100000000) as a (x), range(100000000) as b (y) where x * y % 7 = 3"
    with warehouse.read() as connection:
        slow, quick = answered(connection, [section(endless), section("select 1 as n")], "x", patience=0.2)
    assert slow.problem == "took longer than 0.2 s and was stopped"
    assert quick.frame is not None
    assert quick.frame.rows() == [(1,)]


def test_order_is_kept_and_own_sections_see_all_trades(own: Path) -> None:
    warehouse = Warehouse(own / "warehouse" / "bt.duckdb")
    asked = [
        section("select range as n from range(1500) order by range desc"),
        section("select count(distinct run_id) as n from trades"),
        Section(path=Path("y.sql"), title="T", sql="select count(distinct run_id) as n from trades"),
    ]
    [run] = warehouse.query("select run_id from runs where name = 'run'")["run_id"]
    with warehouse.read() as connection:
        first, bare, shared = [answer.frame for answer in answered(connection, asked, run)]
    assert first is not None
    assert first["n"].to_list() == [*range(1499, -1, -1)]
    assert (bare.item(), shared.item()) == (2, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (None, "money", "–"), (float("nan"), "percent", "–"), (float("inf"), "", "–"),
        (1234567.891, "money", "1,234,567.89"), (-0.0001, "money", "0.00"), (12.5, "signed", "+12.50"),
        (0.1234, "percent", "12.34 %"), (-0.00001, "percent", "0.00 %"),
        (0.05, "gain", "+5.00 %"), (0.00012, "points", "1.2 bp"), (1234.6, "count", "1,235"), (1.23456, "2", "1.23"),
        (1e-8, "price", "1e-08"), (67123.45, "price", "67123.45"), (12345, "", "12,345"), (True, "", "yes"),
        ("a\u202eb\x1b", "", "a�b�"), ("two\nlines", "", "two\nlines"), (1e300, "", "1e+300"),
    ],
)  # fmt: skip
def test_how_values_are_written(value: object, form: str, expected: str) -> None:
    assert written(value, form) == expected


def test_embedded_rows_cannot_break_out_and_are_read_back() -> None:
    text = "</script><!--<script>\u2028\u2029&<>"
    dumped = safe_json({text: [text, None]})
    assert not set(dumped) & {"<", ">", "&", "\u2028", "\u2029"}
    assert json.loads(dumped) == {text: [text, None]}
    assert column(pl.Series([1.0, None, float("nan"), float("inf"), 0.123456789])) == [1, None, None, None, 0.12345679]
    times = pl.Series(["2024-01-01", None, "2024-01-02"]).str.to_datetime()
    assert column(times) == {"unit": 60_000, "steps": [28401120, None, 1440]}
    assert column(pl.Series(["a", "b", "a", "a", "b"])) == {"kinds": ["a", "b"], "places": [0, 1, 0, 0, 1]}
