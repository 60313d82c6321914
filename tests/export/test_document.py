"""A whole run as one JSON object: the fields that the README promises, for every kind of run, and nothing odd."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bt.export import TABLES, export_run, target_of
from tests.export.conftest import HOSTILE, run_of

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@cache
def made(warehouse, name, what=None):
    """The document of a run, written once, as text."""
    with TemporaryDirectory() as folder:
        [file] = export_run(warehouse, run_of(warehouse, name), target_of(f"{folder}/{name}.json", None), what=what)
        return file.path.read_text(encoding="utf-8")


def document(warehouse, name, what=None):
    return json.loads(made(warehouse, name, what), parse_constant=pytest.fail)


@cache
def columns(warehouse):
    """Relation to the names of its columns."""
    sql = "select table_name, list(column_name) as names from duckdb_columns() group by all"
    with warehouse.read() as connection:
        return dict(connection.execute(sql).fetchall())


def promised():
    """Field to relation, or to empty, from the README's table."""
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \|$", README.split("<!-- bt-run -->\n\n")[1].split("\n\n")[0], re.MULTILINE
    )
    return {name: (re.search(r"rows of `(\w+)`", told) or [None, ""])[1] for name, told in rows}


@pytest.mark.parametrize("name", ["plain", "sweep", "walk", "no trades", "unfinished"])
def test_the_fields_are_those_that_are_promised(name, exported):
    told = document(exported, name)
    assert list(told) == list(promised())
    assert (told["format"], told["version"]) == ("bt-run", 1)
    run_id = told["run"]["run_id"]
    counts = {}
    for field, relation in promised().items():
        if isinstance(told[field], list):
            table = TABLES[field]
            assert table.relation == relation
            names = set(columns(exported)[relation]) - {"run_id", *table.left_out}
            assert all(set(row) == names for row in told[field])
            if field != "overfitting":  # half a second
                counts[field] = (
                    f"(select count(*) from {relation} where run_id = '{run_id}' and {table.where}) as {field}"
                )
    found = exported.query(f"select {', '.join(counts.values())}").row(0, named=True)
    assert {field: len(told[field]) for field in counts} == found
    for kind, fields in {"run": {"trades", "equity"}, "sweep": {"top", "trials"}, "walk": {"folds"}}.items():
        if told["run"]["status"] == "finished" and told["run"]["kind"] == kind and name != "no trades":
            assert all(told[field] for field in fields)


def test_texts_that_are_json_are_told_as_what_they_say(exported):
    told = document(exported, "walk")
    assert told["config"]["account"]["cash"] == 10_000
    assert told["settings"]["search"]["slow"] == [20, 40]
    assert set(told["trials"][0]["params"]) == {"fast", "slow"}
    assert told["trials"][0]["places"] == [0, 0]
    assert told["run"]["symbols"] == ["ALPHAUSDT", "BETAUSDT"]
    assert isinstance(told["run"]["warnings"], list)
    assert told["run"]["versions"]["bt"]
    assert re.fullmatch(r"2024-01-\d\dT00:00:00Z", told["folds"][0]["test_first"])
    assert re.fullmatch(r"2024-01-\d\d", told["days"][0]["day"])
    assert "no evidence" in told["verdict"]


def test_numbers_are_those_of_the_views(exported):
    told = document(exported, "plain")
    run_id = told["run"]["run_id"]
    metrics = exported.query("select * exclude (run_id) from metrics where run_id = ?", [run_id])
    assert told["metrics"] == metrics.row(0, named=True)
    trades = exported.query("select pnl from trades where run_id = ? order by trade", [run_id])["pnl"]
    assert [row["pnl"] for row in told["trades"]] == trades.to_list()


def test_parts_of_it_on_request(exported):
    told = document(exported, "plain", "trades,monthly")
    assert [name for name in told if isinstance(told[name], list)] == ["monthly", "trades"]


def test_odd_numbers_are_null(exported):
    assert document(exported, "odd", "monthly,trades")["params"] == {"a": None, "b": [1, 2]}


def test_any_text_comes_back(exported, tmp_path):
    runs = exported.query("from runs where name = 'hostile'")
    with exported.hold():
        for run in runs.iter_rows(named=True):
            target = target_of(f"{tmp_path}/{run['run_id']}.json", None)
            [file] = export_run(exported, run, target, what="run")
            assert json.loads(file.path.read_bytes())[0]["note"] == run["note"]
    assert set(runs["note"]) == set(HOSTILE.values())
