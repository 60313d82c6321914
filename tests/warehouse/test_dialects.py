"""The market layer in other engines' SQL: what survives, that it parses there, and that the way there changes nothing.

The SQL was run once by hand on seeded candles in ClickHouse 26.9 (chdb), Postgres 15 and Spark 4.0, and gave DuckDB's
rows, floats to 1e-9; those engines are too large for a test. Here the form from which their SQL is made is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pytest
import sqlglot
from sqlglot import exp

from bt import assets, seeded
from bt.errors import BtError
from bt.warehouse import Warehouse, registered, scratch
from bt.warehouse.definitions import Definition, define, definitions
from bt.warehouse.dialects import ENGINES, LAYERS, NotPortableError, survivors, transpiled
from bt.warehouse.dialects.portable import portable
from bt.warehouse.expansion import expanded
from bt.warehouse.schema import sql_files

pytestmark = pytest.mark.long

EVERYWHERE = tuple(ENGINES)
# relation: engines that have no equal for it, and why; all other relations survive
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "funding_gaps": (EVERYWHERE, "round: "),
    "left_out": (EVERYWHERE, "dpipe: "),
    "suspects": (EVERYWHERE, "dpipe: "),
    "funding_rate": (("postgres", "spark"), "a join as of a moment: "),
    "cci": (EVERYWHERE, "anonymous: LIST_AVG"),
    "kama": (EVERYWHERE, "mod: "),
    "since_extremes": (EVERYWHERE, "dot: "),
    "swings": (EVERYWHERE, "ignorenulls: "),
    "pivots": (EVERYWHERE, "ignorenulls: "),
    "supertrend": (EVERYWHERE, "a query that reads itself"),
    "psar": (EVERYWHERE, "a query that reads itself"),
}


@cache
def known() -> dict[str, Definition]:
    return definitions(sql_files([assets.folder("sql")]))


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with scratch() as opened:
        yield opened


def portables() -> list[str]:
    kinds = {"view", "macro table"}
    return [each.name for each in known().values() if each.layer in LAYERS and each.kind in kinds]


def needed(name: str) -> dict[str, str]:
    return {"timeframe": "5m"} if "timeframe" in known()[name].parameters else {}


@pytest.mark.parametrize("name", portables())
def test_survivors_parse_and_read_stored_tables_only(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    stored = {each.name for each in known().values() if each.kind == "table"}
    engines, reason = REFUSED.get(name, ((), ""))

    answers = transpiled(name, needed(name), known(), connection)

    assert {engine for engine, answer in answers.items() if isinstance(answer, NotPortableError)} == set(engines)
    for engine, answer in answers.items():
        if isinstance(answer, NotPortableError):
            assert answer.reason.startswith(reason)
        else:
            tree = sqlglot.parse_one(answer, read=engine)
            made = {cte.alias for cte in tree.find_all(exp.CTE)}
            assert {table.name for table in tree.find_all(exp.Table) if table.name} <= stored | made


@pytest.fixture(scope="module")
def market() -> Warehouse:
    """Give two symbols with holes, an absence, settlements and an hour of one price."""
    warehouse = Warehouse()
    candles = seeded.candles("ALPHAUSDT", days=3).with_row_index()
    holed = candles.filter((pl.col("index") % 97 != 0) & ~pl.col("index").is_between(300, 420)).drop("index")
    start = candles["ts"].item(0)
    with warehouse.write() as opened, registered(opened, given=holed):
        for symbol in ("A", "B"):
            opened.execute("insert into candles by name select ? as symbol, * from given", [symbol])
            for hours in (8, 16, 40, 48):
                settled = start + timedelta(hours=hours)
                opened.execute("insert into funding values (?, ?, 0.0001, null)", [symbol, settled])
            first, last = start + timedelta(minutes=310), start + timedelta(minutes=350)
            opened.execute("insert into absences values (?, ?, ?, ?)", [symbol, first, last, start])
    return warehouse


@pytest.mark.parametrize("name", portables())
def test_the_portable_form_gives_the_same_rows(market: Warehouse, name: str) -> None:
    arguments = {key: exp.Literal.string(value) for key, value in needed(name).items()}
    call = f"{name}('5m')" if arguments else f"{name}()" if known()[name].kind == "macro table" else name
    with market.read() as opened:
        query = portable(expanded(name, arguments, known()), opened).sql("duckdb")

    found, expected = market.query(f"from ({query}) order by all"), market.query(f"from {call} order by all")

    assert expected.height or name in {"left_out", "stuck", "suspects", "unfinished", "untraded"}
    assert found.columns == expected.columns
    floats = [name for name, kind in expected.schema.items() if kind.is_float()]
    others = [name for name in expected.columns if name not in floats]
    assert found.select(others).equals(expected.select(others))
    assert found.select(floats).fill_null(-1.0).to_numpy() == pytest.approx(
        expected.select(floats).fill_null(-1.0).to_numpy(), rel=1e-9, abs=1e-9
    )


# an own indicator's SELECT, and why no engine but DuckDB has it
FOREIGN = {
    "rounding differs": ("select *, round(close, 1) as x from bars(timeframe)", "round: "),
    "a frame that hangs on the row": (
        (
            "select *, sum(close) over (order by ts rows between candles preceding and current row) as x "
            "from bars(timeframe)"
        ),
        "a frame that hangs on the row: bars.candles preceding",
    ),
    "a frame of time": (
        (
            "select *, sum(close) over (order by ts range between interval 1 hour preceding and current row) as x "
            "from bars(timeframe)"
        ),
        "a frame that does not count rows: ",
    ),
    "a quotient that is not floored": ("select *, close // 7 as x from bars(timeframe)", "intdiv: "),
    "a cast that rounds": ("select *, close::bigint as x from bars(timeframe)", "cast: "),
    "an interval that hangs on the row": ("select *, ts + interval (candles) minute as x from bars(timeframe)", ""),
    "months, which have no one length": ("select *, ts + interval 1 month as x from bars(timeframe)", "interval: "),
    "an unknown function": ("select *, list_sum([close]) as x from bars(timeframe)", "anonymous: LIST_SUM"),
    "a query that reads itself": (
        (
            "with recursive steps as (select 1 as x union all select x + 1 as x from steps where x < 3) "
            "select bars.*, steps.x from bars(timeframe) as bars cross join steps"
        ),
        "a query that reads itself",
    ),
}


def with_own(select: str, parameters: str = "timeframe") -> dict[str, Definition]:
    """Give bt's relations and an indicator of the user's."""
    text = f"-- one row is one bar\ncreate or replace macro own({parameters}) as table\n{select};\n"
    return {**known(), "own": define(Path("3_indicators/own.sql"), text)}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_has_no_equal_is_refused_by_its_name(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    select, reason = FOREIGN[name]

    answers = transpiled("own", {"timeframe": "1h"}, with_own(select), connection)

    for engine, answer in answers.items():
        assert isinstance(answer, NotPortableError)
        assert answer.reason.startswith(reason)
        assert str(answer).startswith(f"own has no equal in {engine}: ")


# what DuckDB writes, and what says the same in each engine
WORDS = [
    ("close / candles", "bars.close / bars.candles", "CAST(bars.close AS DOUBLE PRECISION) / bars.candles",
     "bars.close / bars.candles"),
    ("candles // 7", "intDiv(bars.candles, 7)", "bars.candles / 7", "bars.candles DIV 7"),
    ("0.1 * close", "0.1e0 * bars.close", "CAST(0.1e0 AS DOUBLE PRECISION) * bars.close", "0.1e0 * bars.close"),
    ("lag(close) over (order by ts)", "lagInFrame(toNullable(bars.close), 1, NULL) OVER (ORDER BY bars.ts",
     "LAG(bars.close) OVER (ORDER BY bars.ts)", "LAG(bars.close) OVER (ORDER BY bars.ts NULLS LAST)"),
    ("row_number() over (order by ts)", "toInt64(ROW_NUMBER()", "ROW_NUMBER() OVER (ORDER BY bars.ts)", "AS BIGINT)"),
    ("log(close)", "log10(bars.close)", "LOG(CAST(bars.close AS DOUBLE PRECISION))", "LOG10(bars.close)"),
    ("date_diff('hour', ts, ts + interval 90 minutes)", "dateDiff('hour', bars.ts, bars.ts + INTERVAL '90' MINUTE)",
     "DATE_TRUNC('hour', bars.ts)", "TIMESTAMPDIFF(HOUR, DATE_TRUNC('HOUR', bars.ts)"),
    ("pow(k, 2)", "25", "25", "25"),
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=[words[0] for words in WORDS])
def test_each_engine_gets_its_own_words(connection: duckdb.DuckDBPyConnection, words: tuple[str, ...]) -> None:
    own = with_own(f"select {words[0]} as x from bars(timeframe)", "timeframe, k := 5")

    answers = transpiled("own", {"timeframe": "1h"}, own, connection)

    for answer, expected in zip(answers.values(), words[1:], strict=True):
        assert expected in " ".join(str(answer).split()).replace("( ", "(")


def test_a_parameter_hides_no_column_of_a_macro_inside(connection: duckdb.DuckDBPyConnection) -> None:
    text = "-- one value is its high plus x\ncreate or replace macro above(x) as high + x;\n"
    relations = {
        **with_own("select outer_of(1, close) as x from bars(timeframe)"),
        "above": define(Path("2_market/above.sql"), text),
        "outer_of": define(
            Path("2_market/outer_of.sql"),
            "-- one value is its high plus low\ncreate or replace macro outer_of(high, low) as above(low) - high;\n",
        ),
    }

    answer = transpiled("own", {"timeframe": "1h"}, relations, connection)["spark"]

    assert "bars.high + bars.close" in str(answer)


IMPOSSIBLE = [
    ("bars_1h", {}, "clickhous", "did you mean 'clickhouse'?"),
    ("bar", {}, "spark", "there is no relation 'bar'"),
    ("metrics", {}, "spark", "not of the market layer"),
    ("candles", {}, "spark", "not of the market layer"),
    ("bring", {}, "spark", "bring is a macro"),
    ("bars", {}, "spark", "needs a value for 'timeframe'"),
    ("bars", {"timeframe": "7h"}, "spark", "unknown timeframe"),
    ("ema", {"timeframe": "1h", "m": "2"}, "spark", "no argument 'm'"),
]


@pytest.mark.parametrize(("name", "arguments", "engine", "words"), IMPOSSIBLE)
def test_impossible_wishes(
    connection: duckdb.DuckDBPyConnection, name: str, arguments: dict[str, str], engine: str, words: str
) -> None:
    with pytest.raises(BtError) as refused:
        transpiled(name, arguments, known(), connection, engines=[engine])

    assert words in str(refused.value)


def test_survivors_are_told_with_reasons(connection: duckdb.DuckDBPyConnection) -> None:
    relations = with_own("select round(close, 1) as x from bars(timeframe)")
    few = {name: relations[name] for name in ("candles", "bar_minutes", "bars", "bars_1h", "own", "metrics")}

    assert survivors(few, connection, engines=["spark"]) == {
        "bars": {"spark": None},
        "bars_1h": {"spark": None},
        "own": {"spark": "round: ROUND(bars.close, 1)"},
    }
