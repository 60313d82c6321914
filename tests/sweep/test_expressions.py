"""Which expressions choose among parameter sets, what they give, and that nothing else ever reaches DuckDB."""

import math
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from bt import BtError
from bt.sweep.expressions import checked, holds
from bt.warehouse import scratch
from tests.sweep.examples import PARAMETERS, space

COLUMNS = ("sharpe", "max_drawdown", "trades", "nothing", "Total", "window", "end", "long", "kind")
ROW: dict[str, Any] = {
    "sharpe": 1.5, "max_drawdown": -0.25, "trades": 40, "nothing": None, "Total": 0.5, "window": 7, "end": 9,
    "long": True, "kind": "it's",
}  # fmt: skip

OBJECTIVES = {
    "sharpe": 1.5,
    "Sharpe": 1.5,
    '"SHARPE"': 1.5,
    "sharpe - 2*abs(max_drawdown)": 1.0,
    "sharpe - -1": 2.5,
    "- - sharpe": 1.5,
    "-(-(sharpe))": 1.5,
    "10 - (5 - trades) - 2": 43.0,
    "trades / 80": 0.5,
    "trades % 7": 5.0,
    "trades * 0.1 * 0.1": pytest.approx(0.4),
    "trades * 123456789012345678901234567890 / 1e30": pytest.approx(4.938271560493827),
    "trades * 1_000 + .5": 40000.5,
    "sharpe ^ 2": 2.25,
    "pow(trades, -1)": 0.025,
    "sqrt(trades + 9)": 7.0,
    "ln(exp(sharpe))": pytest.approx(1.5),
    "log(trades * 25)": 3.0,
    "log(2, trades - 8)": 5.0,
    "round(max_drawdown, 1)": -0.3,
    "floor(sharpe) + ceil(sharpe) + sign(max_drawdown)": 2.0,
    "greatest(sharpe, trades, nothing)": 40.0,
    "least(sharpe, Total)": 0.5,
    "coalesce(nothing, sharpe)": 1.5,
    "nullif(trades, 40)": None,
    "cast(sharpe * 3 as integer)": 4.0,
    "trades::double": 40.0,
    "case when sharpe > 1 and long then 2 else 3 end": 2.0,
    "kind": None,
    "kind + 1": None,
    "long + 1": 2.0,
    "sharpe * 1e308 * 10 - sharpe": None,
    "log(1, trades)": None,
    "log(0, trades)": pytest.approx(0),
    "log(max_drawdown)": None,
    "round(sharpe, 400)": 1.5,
    "case when sharpe between 1 and 2 then trades end": 40.0,
    'window + "end"': 16.0,
    "end - window": 2.0,
    "nothing + 1": None,
    "sharpe / 0": None,
    "sharpe % 0": None,
    "sqrt(max_drawdown)": None,
    "ln(trades - 40)": None,
    "pow(max_drawdown, 0.5)": None,
    "exp(1000 * trades)": None,
    "sharpe * 1e308 * 1e308": None,
    "trades * 999999999999999 * 999999999999999": pytest.approx(4e31),
    "trades * trades * trades * trades * trades * trades * trades * trades * trades * trades * trades * trades": 40.0
    ** 12,
    "case when trades > 50 then cast(trades * 1e30 as integer) else 1 end": 1.0,
    "cast(trades * 1e30 as integer)": None,
    "round(trades * 1.2345, 2)": 49.38,
    "round(trades * 10 + 4, -1)": 400.0,
    "coalesce(sharpe / 0, 7)": 7.0,
    "sharpe\n  + 1": 2.5,
}
CONDITIONS = {
    "sharpe > 1 and trades >= 30": True,
    "sharpe > 1 and not long": False,
    "not (sharpe > 1) or max_drawdown > -0.3": True,
    "trades in (10, 40)": True,
    "trades not in (10, 40)": False,
    "max_drawdown between -0.3 and 0": True,
    "kind = 'it''s'": True,
    "kind <> 'x' and kind in ('y', 'it''s')": True,
    "long = true": True,
    "long is not true": False,
    "nothing is null": True,
    "nothing > 1": False,
    "not nothing > 1": False,
    "sharpe / 0 > 1": False,
    "sharpe / 0 < 1": False,
    "trades % 0 = 0": False,
    "sqrt(max_drawdown) > 1": False,
    "ln(0 * trades) < 1": False,
    "((window < end))": True,
    "sharpe == 1.5 and trades != 41": True,
    "kind = 3": False,  # no number: nothing holds of it, and no query fails
    "kind > 3": False,
    "kind and sharpe > 1": False,
    "kind is true": False,
    "trades = '40'": True,
    "kind in (kind, 'x')": True,
    "sqrt(max_drawdown) is null": True,
}
REFUSED = {  # the text: what is said, what is advised
    "": ("it is empty", ""),
    "sharpe; drop table runs": ("more than one expression", ";"),
    "sharpe;": ("more than one expression", ";"),
    "sharpe -- ": ("holds a comment", "- (-1)"),
    "sharpe --2": ("holds a comment", "- (-1)"),
    "sharpe /* 2 */": ("holds a comment", ""),
    "-- sharpe": ("it is empty", ""),
    "(select 1)": ("may not stand in it", ""),
    "(select max(sharpe) from trials)": ("may not stand in it", ""),
    "sharpe in (select 1)": ("may not stand in it", ""),
    "exists (select 1)": ("exists() may not stand in it", ""),
    "read_csv('/etc/passwd')": ("read_csv() may not stand in it", "greatest"),
    "getenv('HOME')": ("getenv() may not stand in it", "greatest"),
    "sharpe + getenv('HOME')": ("getenv() may not stand in it", ""),
    "query('drop table runs')": ("query() may not stand in it", ""),
    "random()": ("may not stand in it", ""),
    "now()": ("may not stand in it", ""),
    "*": ("may not stand in it", ""),
    "columns('sharpe')": ("may not stand in it", ""),
    "max(sharpe, 1)": ("max is over many rows", "greatest(a, b)"),
    "min(sharpe)": ("min is over many rows", "least(a, b)"),
    "count(*)": ("may not stand in it", ""),
    "avg(sharpe)": ("avg() may not stand in it", ""),
    "sum(sharpe) over ()": ("may not stand in it", ""),
    "sharpe::varchar": ("may not stand in it", ""),
    "cast(sharpe as date)": ("may not stand in it", ""),
    "sharpe || 'x'": ("may not stand in it", ""),
    "upper(kind)": ("may not stand in it", ""),
    "trials.sharpe": ("may not stand in it", ""),
    "sharpe.x": ("may not stand in it", ""),
    "[sharpe]": ("may not stand in it", ""),
    "sharpe[1]": ("may not stand in it", ""),
    "sharpe as x": ("may not stand in it", ""),
    "sharpe x": ("may not stand in it", ""),
    "sharpe, trades": ("cannot be read at character 7", ""),
    "max_drawdown%": ("cannot be read at character", ""),
    "sharpe +": ("cannot be read", ""),
    "abs(sharpe, 2)": ("cannot be read", ""),
    "'sharpe": ("cannot be read", ""),
    "round(sharpe, 2, 1)": ("may not stand in it", ""),
    "floor(sharpe, 2)": ("may not stand in it", ""),
    "round(sharpe, trades)": ("DuckDB refuses it", ""),
    "$1 + sharpe": ("may not stand in it", ""),
    "? + sharpe": ("may not stand in it", ""),
    "sharp + 1": ("no column 'sharp' at character 1", "did you mean 'sharpe'"),
    "trades * sharp": ("no column 'sharp' at character 10", "did you mean 'sharpe'"),
    "drawdown": ("no column 'drawdown'", "did you mean 'max_drawdown'"),
    "ѕharpe": (r"(written '\u0455harpe')", "did you mean 'sharpe'"),
    "sharpe\x00": ("no column", "did you mean 'sharpe'"),
    "1e400 * sharpe": ("1e400 is too large", ""),
    "2 + 3": ("names no column", ""),
    "null": ("names no column", ""),
    "sharpe > 1": ("it is a condition", "--where"),
    "long and trades > 3": ("it is a condition", "--where"),
    "(sharpe > 1) + 1": ("is a condition, where a number is wanted", "case when"),
    "abs(sharpe > 1)": ("is a condition, where a number is wanted", "case when"),
    "case when sharpe then 1 else trades > 3 end": ("is a condition, where a number is wanted", ""),
    "case when sharpe > 1 and 3 then 1 end": ("3 is a number, where a condition is wanted", ""),
    "sharpe + 'x'": ("'x' is a text, where a number is wanted", ""),
    "(" * 10_000 + "sharpe" + ")" * 10_000: ("20,006 characters", "2,000"),
    "(" * 900 + "sharpe" + ")" * 900: ("too long or too deep", "shorter"),
    "not " * 400 + "long": ("too long or too deep", "shorter"),
    "- " * 400 + "sharpe": ("too long or too deep", "shorter"),
    "sharpe" + " + sharpe" * 200: ("too long or too deep", "shorter"),
    "x" * 100_000: ("100,000 characters", "2,000"),
}  # fmt: skip
NO_CONDITION = {
    "sharpe": ("not a condition", "compare"),
    "long": ("not a condition", "short = true"),
    "case when long then 1 end": ("not a condition", "compare"),
    "true": ("names no column", ""),
    "1 < 2": ("names no column", ""),
    "sharpe and 3": ("3 is a number", ""),
    "sharpe is 3": ("3 is a number", ""),
    "kind in (1, 'x')": ("'x' is a text, where a number is wanted", ""),
    "trades + 1 = 'x'": ("'x' is a text, where a number is wanted", ""),
    "(sharpe > 1) = 1": ("1 is a number, where a condition is wanted", ""),
    "case kind when 'x' then 1 end = 1": ("may not stand in it", ""),
    "kind > 'a'": ("'a' is a text", ""),
    "kind like 'a%'": ("may not stand in it", ""),
    "sharpe > 1; drop table runs": ("more than one expression", ""),
    "sharpe > any (select 1)": ("may not stand in it", ""),
    "trades in sharpe": ("may not stand in it", ""),
}


@pytest.fixture(scope="module")
def row():
    """Give a connection to a table of one row; constants would be folded before anything is guarded."""
    with scratch() as connection:
        values = ", ".join(f'? as "{name}"' for name in ROW)
        connection.execute(f"create table trials as select {values}", list(ROW.values()))
        yield connection


def value_of(expression, row):
    return row.execute(f"select {expression.sql} from trials").fetchone()[0]


@pytest.mark.parametrize("text", OBJECTIVES)
def test_objectives(text, row):
    expression = checked(text, COLUMNS, what="objective")
    assert value_of(expression, row) == OBJECTIVES[text]
    assert set(expression.columns) <= set(COLUMNS)


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions(text, row):
    assert value_of(checked(text, COLUMNS, what="where"), row) is CONDITIONS[text]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:30]))
def test_refused(text):
    with pytest.raises(BtError) as error:
        checked(text, COLUMNS, what="objective")
    what, cure = REFUSED[text]
    assert what in error.value.what
    assert cure in error.value.cure
    assert error.value.what.startswith("objective ")
    assert len(error.value.what) < 250
    assert str(error.value).count("\n") == 1


@pytest.mark.parametrize("text", NO_CONDITION)
def test_no_condition(text):
    what, cure = NO_CONDITION[text]
    for name in ("where", "constraint"):
        with pytest.raises(BtError) as error:
            checked(text, COLUMNS, what=name)
        assert what in error.value.what
        assert cure in error.value.cure
        assert error.value.what.startswith(f"{name} ")


def test_it_names_what_it_reads_once_and_in_its_own_spelling():
    expression = checked(" total * SHARPE / (1 + Total) ", COLUMNS, what="objective")
    assert (expression.text, expression.columns) == ("total * SHARPE / (1 + Total)", ("Total", "sharpe"))
    with pytest.raises(BtError, match="differ in capitals only"):
        checked("fast", ["fast", "Fast"], what="objective")


def test_a_parameter_may_be_called_by_any_word_that_python_allows(row):
    words = "range row any all desc order group limit window end when case then interval int values select".split()
    for word in words:
        assert checked(f"{word} < 3 and {word} + 1 > 2", words, what="constraint").columns == (word,)
    assert value_of(checked('case when "end" > 1 then window end', COLUMNS, what="objective"), row) == 7.0


TOKENS = [
    *("sharpe", "trades", "Total", "long", "kind", "1", "0", "0.5", "1e300", "'x'", "null", "true", "(", ")", ",", ";"),
    *("+", "-", "*", "/", "%", "^", "=", "<", ">=", "<>", "and", "or", "not", "in", "is", "between", "case", "when"),
    *("then", "else", "end", "sqrt(", "ln(", "pow(", "max(", "getenv(", "round(", "coalesce(", "::int", "::text"),
    *("--", "/*", "*/", "select", "from", "runs", '"', "'", "$", "[", "]", ".", "|", "->", "\\", "\x00", "é"),
]


@settings(max_examples=60, deadline=None)
@given(some.lists(some.sampled_from(TOKENS), max_size=12).map(" ".join) | some.text(max_size=30))
@example("case case")
def test_any_text_is_refused_clearly_or_gives_one_finite_value(row, text):
    said = []
    for what in ("objective", "where"):
        try:
            expression = checked(text, COLUMNS, what=what)
        except BtError as error:
            said.append(error)
            continue
        value = value_of(expression, row)
        assert value in {True, False} if what == "where" else value is None or math.isfinite(value)
    assert all(error.cure for error in said)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(some.lists(some.sampled_from(TOKENS), max_size=14).map(" ".join))
def test_thousands_of_texts(row, text):
    test_any_text_is_refused_clearly_or_gives_one_finite_value.hypothesis.inner_test(row, text)


def test_what_is_written_is_quoted_whatever_a_column_is_called():
    name = 'a"; drop table runs; --'
    expression = checked('"a""; drop table runs; --" + 1', [name], what="objective")
    assert expression.columns == (name,)
    with scratch() as connection:
        connection.execute("create table runs (a int)")
        connection.execute('create table trials ("a""; drop table runs; --" double)')
        connection.execute("insert into trials values (2)")
        assert connection.execute(f"select {expression.sql} from trials").fetchall() == [(3.0,)]
        assert connection.execute("select count(*) from runs").fetchall() == [(0,)]


HELD = {
    "fast < slow": [(fast, slow) for fast in (10, 20, 30) for slow in (20, 30) if fast < slow],
    "FAST * 2 <= slow": [(10, 20), (10, 30)],
    "slow / (fast - 10) > 1": [(20, 20), (20, 30), (30, 30)],
    "slow % (fast - 20) = 0": [(10, 20), (10, 30), (30, 20), (30, 30)],
    "fast < slow and mode = 'calm' and not short": [(10, 20), (10, 30), (20, 30)],
    "stop > 2": [],
    "mode <> 'calm'": [],
}


@pytest.mark.parametrize("text", HELD)
def test_a_constraint_holds_on_sets_and_defaults(text):
    searched = space(fast="10,20,30", slow="20,30")
    sets = [searched[number] for number in range(searched.size)]
    constraint = checked(text, [*searched.values, *searched.defaults], what="constraint")
    fine = holds(constraint, sets, searched.defaults)
    assert [tuple(each.params.values()) for each, one in zip(sets, fine, strict=True) if one] == HELD[text]
    assert holds(constraint, []) == []


def test_parameters_that_cannot_be_compared():
    searched = space(fast="1,2", mode="calm,wild")
    with pytest.raises(BtError, match="constraint 'fast = mode': Conversion Error"):
        holds(checked("fast = mode", PARAMETERS, what="constraint"), [searched[0]])


def test_duckdb_still_answers_as_the_guards_suppose():
    with scratch() as connection:
        assert math.isnan(connection.execute("select sqrt(-1::double)").fetchall()[0][0])
        with pytest.raises(duckdb.Error):
            connection.execute("select x % 0 from range(3) t(x)").fetchall()
