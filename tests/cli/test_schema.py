"""`bt schema`: what is printed, in every format, with a warehouse and without; sql/README.md is what it prints."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bt import cli
from bt.output import tables

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder: no workspace, no warehouse."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: Captured, line: str) -> str:
    assert cli.run(line.split()) == 0
    return capsys.readouterr().out


def test_the_data_dictionary_is_current(nowhere: Path, capsys: Captured) -> None:
    """Where this fails: `bt schema --format md > sql/README.md` in a folder without a warehouse."""
    assert printed(capsys, "schema --format md -q") == (ROOT / "sql" / "README.md").read_text(encoding="utf-8")
    assert list(nowhere.iterdir()) == []


def test_it_says_that_there_is_no_warehouse(nowhere: Path, capsys: Captured) -> None:
    assert cli.run(["schema", "gaps"]) == 0
    assert "there is no warehouse at" in capsys.readouterr().err


def test_every_column_has_a_meaning(nowhere: Path, capsys: Captured) -> None:
    rows = json.loads(printed(capsys, "schema --columns --format json -q"))

    assert [f"{row['relation']}.{row['column']}" for row in rows if not row["meaning"]] == []
    assert {row["type"] for row in rows} <= {
        "VARCHAR", "BIGINT", "INTEGER", "INTEGER[]", "DOUBLE[]", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE",
    }  # fmt: skip


def test_every_relation_says_what_one_row_is(nowhere: Path, capsys: Captured) -> None:
    rows = json.loads(printed(capsys, "schema --format json -q"))

    assert list(rows[0]) == ["relation", "layer", "kind", "call", "row"]
    assert {row["kind"] for row in rows} == {"table", "view", "table macro", "scalar macro"}
    for row in rows:
        assert row["row"].startswith("one value is " if row["kind"] == "scalar macro" else "one row is "), row
    assert {"relation": "bars", "layer": "2_market", "kind": "table macro", "call": "bars(timeframe)"}.items() <= next(
        row for row in rows if row["relation"] == "bars"
    ).items()


@pytest.mark.parametrize("line", ["schema", "schema metrics", "schema costs --lineage"])
def test_eighty_columns_cut_no_word(
    nowhere: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    def words(text: str) -> list[str]:
        return text.replace("─", "").split()

    wide = printed(capsys, f"{line} -q")
    monkeypatch.setattr(tables, "screen_width", lambda: 80)
    narrow = printed(capsys, f"{line} -q")

    assert sorted(words(narrow)) == sorted(words(wide))
    longest = max(map(len, words(wide)))
    assert max(map(len, narrow.splitlines())) <= max(80, longest + 30)
    assert max(map(len, narrow.splitlines())) < max(map(len, wide.splitlines()))


def test_one_relation_with_what_its_file_says(workspace: Path, capsys: Captured) -> None:
    text = printed(capsys, "schema sma")

    assert text.startswith("sma(timeframe, n := 20) · table macro · 3_indicators\none row is one bar of a symbol with ")
    assert "\nformula: sma = " in text
    assert text.rstrip().splitlines()[-1].split() == ["sma", "DOUBLE", "quote"]


def test_formats_of_one_relation(workspace: Path, capsys: Captured) -> None:
    listed = list(csv.DictReader(io.StringIO(printed(capsys, "schema gaps --format csv"))))

    assert [row["column"] for row in listed] == ["symbol", "first_ts", "last_ts", "minutes", "cause"]
    assert listed[3] == {
        "relation": "gaps",
        "column": "minutes",
        "type": "BIGINT",
        "meaning": "minutes without a candle",
    }
    assert "| minutes | BIGINT | minutes without a candle |" in printed(capsys, "schema gaps --format md")


def test_relations_of_the_workspace(workspace: Path, capsys: Captured) -> None:
    own = workspace / "sql" / "3_indicators"
    own.mkdir(parents=True)
    (own / "range_of.sql").write_text(
        "-- one row is one bar of a symbol with its range\n-- outputs: range_of (quote)\n"
        "create or replace macro range_of(timeframe, k := 1.5) as table\n"
        "select\n    *,\n    k * (high - low) as range_of,\nfrom bars(timeframe);\n"
    )

    assert "range_of(timeframe, k := 1.5)" in printed(capsys, "schema")
    assert "range_of  DOUBLE     quote" in printed(capsys, "schema range_of")
    assert "range_of  candles.high, candles.low\n" in printed(capsys, "schema range_of --lineage")
    assert "2.0e0 * " in printed(capsys, "schema range_of --dialect spark -p timeframe=1h -p k=2.0")


def test_relations_made_by_hand_are_listed(workspace: Path, capsys: Captured) -> None:
    import duckdb

    with duckdb.connect(str(workspace / "warehouse" / "bt.duckdb")) as connection:
        connection.execute("create view mine as select symbol, close from candles")
        connection.execute("comment on view mine is 'one row is a close'")

    assert "made by hand\n────────────\n  mine                  one row is a close\n" in printed(capsys, "schema")
    assert "close" in printed(capsys, "schema mine")


def test_lineage_is_a_tree_or_rows(nowhere: Path, capsys: Captured) -> None:
    assert printed(capsys, "schema bars_1h --lineage").splitlines()[:4] == [
        "bars_1h", "└── bars", "    ├── candles", "    └── bar_minutes",
    ]  # fmt: skip
    rows = json.loads(printed(capsys, "schema bars_1h --lineage --format json"))
    assert {"relation": "bars", "column": None, "reads": "candles", "source": None} in rows
    assert {"relation": "bars_1h", "column": "high", "reads": "candles", "source": "high"} in rows


def test_sql_of_another_engine(nowhere: Path, capsys: Captured) -> None:
    assert cli.run("schema bars --dialect clickhouse -p timeframe=1h -O bars.sql".split()) == 0
    text = (nowhere / "bars.sql").read_text()
    assert text.startswith(
        "-- bars with timeframe = 1h, over the tables of a bt warehouse; ts is DateTime64(6, 'UTC')\n"
    )
    assert "argMin(candles.open, candles.ts) AS open" in text


@pytest.mark.slow
def test_which_relations_another_engine_can_have(nowhere: Path, capsys: Captured) -> None:
    rows = json.loads(printed(capsys, "schema --dialect postgres --format json"))
    assert {"relation": "gaps", "postgres": "yes"} in rows
    assert {"relation": "funding_rate", "postgres": "yes"} not in rows


REFUSED = [
    ("schema gap", 2, "did you mean 'gaps'?"),
    ("schema gap --lineage", 2, "did you mean 'gaps'?"),
    ("schema --lineage", 2, "bt schema gaps --lineage"),
    ("schema gaps --lineage --dialect spark", 2, "without --dialect"),
    ("schema bars -p timeframe=1h", 2, "bt schema ema --dialect spark"),
    ("schema bars --dialect sparc -p timeframe=1h", 2, "did you mean 'spark'?"),
    ("schema bars --dialect spark", 2, "-p timeframe=…"),
    ("schema funding_rate --dialect spark -p timeframe=1h", 2, "no equal in spark: a join as of a moment"),
    ("schema metrics --dialect spark", 2, "not of the market layer"),
    ("schema --format xml", 2, "format"),
    ("schema --db none.duckdb", 2, "no warehouse"),
]


@pytest.mark.parametrize(("line", "code", "message"), REFUSED)
def test_refusals(nowhere: Path, capsys: Captured, line: str, code: int, message: str) -> None:
    assert cli.run(line.split()) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
