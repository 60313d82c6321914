"""Where columns come from: given these relations, expect these sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bt import assets
from bt.errors import BtError
from bt.warehouse.definitions import Definition, define, definitions
from bt.warehouse.lineage import lineage, readings
from bt.warehouse.schema import sql_files


@cache
def known() -> dict[str, Definition]:
    return definitions(sql_files([assets.folder("sql")]))


# relation: what it reads itself, and a column with what it is made of
LINEAGES: list[tuple[str, set[str], str, set[str]]] = [
    ("candles", set(), "high", {"candles.high"}),
    ("bars", {"candles", "bar_minutes"}, "open", {"candles.open", "candles.ts"}),
    ("bars", {"candles", "bar_minutes"}, "high", {"candles.high"}),
    ("bars", {"candles", "bar_minutes"}, "candles", {"candles.*"}),
    ("bars_1h", {"bars"}, "close", {"candles.close", "candles.ts"}),
    ("costs", {"all_metrics", "fills"}, "turnover", {"fills.n", "fills.price", "fills.qty"}),
    ("metrics", {"all_metrics", "runs"}, "buy_hold", {"runs.buy_hold"}),
    ("monthly", {"account_days"}, "trades", {"days.trades"}),
    ("funding_gaps", {"candles", "funding", "instruments"}, "place", set()),
]


@pytest.mark.parametrize(("name", "reads", "column", "sources"), LINEAGES)
def test_lineage(name: str, reads: set[str], column: str, sources: set[str]) -> None:
    found = lineage(name, known())

    assert set(found.reads[name]) == reads
    assert {".".join(source) for source in found.columns[column]} == sources


# a view over t (a, b, c) and u (a, d), a column of it, what that is made of
VIEWS = {
    "an expression": ("select a + b as x, c from t", {"t.a", "t.b"}),
    "a column named before": ("select a + b as y, y * c as x from t", {"t.a", "t.b", "t.c"}),
    "a star, and one left out": ("select * exclude (a) from (select *, a * c as x from t) as wide", {"t.a", "t.c"}),
    "a window that has a name": (
        "select sum(a) over w as x from t window w as (partition by b order by c)",
        {"t.a", "t.b", "t.c"},
    ),
    "a condition is no source": ("select a as x from t where b > 0", {"t.a"}),
    "a join as of a moment": ("select u.d as x from t asof left join u on t.a >= u.a", {"u.d"}),
    "a key of two tables": ("select a as x from t inner join u using (a)", {"t.a", "u.a"}),
    "a union, by name": ("select b as y, a as x from t union all by name select d as x, a as y from u", {"t.a", "u.d"}),
    "a union, by place": ("select a as x, b as y from t union all select d as x, a as y from u", {"t.a", "u.d"}),
    "a subquery": ("select (select max(d) from u) as x from t", {"u.d"}),
    "rows that are counted": ("select count(*) as x from t inner join u using (a)", {"t.*", "u.*"}),
    "a CTE with the name of a table": ("with u as (select b as d from t) select d as x from u", {"t.b"}),
    "a macro of one value": ("select twice(b) as x from t", {"t.b"}),
    "a macro of rows": ("select e as x from both_of(c)", {"t.c"}),
    "a query that reads itself": (
        "with recursive s as (select a, b from t union all select a + 1, b from s) select b as x from s",
        {"t.b"},
    ),
    "a constant": ("select 1 as x from t", set()),
}
SMALL = {
    "1_tables/t": "create table if not exists t (\n    a bigint,  -- one\n    b bigint,\n    c double\n)",
    "1_tables/u": "create table if not exists u (a bigint, d double)",
    "2_market/twice": "create or replace macro twice(n) as 2 * n",
    "2_market/both_of": "create or replace macro both_of(what, more := 2) as table select what * more as e from t",
}


def small(view: str) -> dict[str, Definition]:
    texts = {**SMALL, "2_market/v": f"create or replace view v as\n{view}"}
    paths = {Path(f"{name}.sql"): f"-- one row is one\n{text};\n" for name, text in texts.items()}
    return {path.stem: define(path, text) for path, text in paths.items()}


@pytest.mark.parametrize("name", VIEWS)
def test_sources_of_a_column(name: str) -> None:
    view, expected = VIEWS[name]

    assert {".".join(source) for source in lineage("v", small(view)).columns["x"]} == expected


def test_what_is_read_down_to_tables() -> None:
    assert readings("findings", known()).keys() >= {"findings", "gaps", "candle_holes", "candles", "absences", "mend"}


def test_an_unknown_relation() -> None:
    with pytest.raises(BtError, match="did you mean 'gaps'"):
        lineage("gap", known())


# what a file may say, and what is read in it
HEADERS = [
    ("create table if not exists x (a bigint)", "table", "x"),
    ("create or replace view x as\nfrom y", "view", "x"),
    ("create or replace macro x(a, b := 2) as a + b", "macro", "x(a, b := 2)"),
    ("create macro x(\n a,  -- one, (two)\n    b := 'p, q',\n    c := -1.5\n) as table\nfrom y", "macro table",
     "x(a, b := 'p, q', c := -1.5)"),
    ("create or replace macro x() as 1", "macro", "x()"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "kind", "call"), HEADERS)
def test_a_file_is_read(sql: str, kind: str, call: str) -> None:
    found = define(Path("2_market/x.sql"), f"-- one row is one thing\n-- outputs: p (quote), q\n{sql};\n")

    assert (found.kind, found.call, found.layer) == (kind, call, "2_market")
    assert found.outputs == {"p": "quote", "q": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("create view x as from y", "must begin with a comment"),
        ("-- one row\ncreate view z as from y", "must create a table, view or macro named x"),
        ("-- one row\nselect 1", "must create a table, view or macro named x"),
        ("-- one row\ncreate macro x(a) a + 1", "there is no `as`"),
    ],
)
def test_a_file_that_is_no_relation(text: str, words: str) -> None:
    with pytest.raises(BtError, match=words):
        define(Path("2_market/x.sql"), text)
