"""Given these rows, expect those: the relations of sql/ without a test file of their own; and that each has a test."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bt import assets
from bt.warehouse.definitions import Definition, definitions
from bt.warehouse.lineage import readings
from bt.warehouse.schema import sql_files
from tests.sql.given import FIRST_DAY, START, Row, account, holding, near, sound_run

MINUTE = timedelta(minutes=1)
Tables = dict[str, list[Row]]
Rows = list[tuple[Any, ...]]


def at(minute: float) -> datetime:
    return START + minute * MINUTE  # a Monday


def candle(minute: float, price: float = 10.0, **more: Any) -> Row:
    """Give a candle that stands at one price, unless said."""
    return {"ts": at(minute), "open": price, "high": price, "low": price, "close": price, **more}


def candles(*minutes: float) -> Tables:
    return {"candles": [candle(minute) for minute in minutes]}


HOUR = [
    candle(3, 14.0, close=13.0, volume=4.0, turnover=50.0),  # stored out of order
    candle(0, 10.0, high=12.0, low=9.0, close=11.0, volume=1.0, turnover=10.0),
    candle(4, 13.0, high=15.0, volume=2.5, turnover=30.0),
    candle(5, 20.0, volume=0.0),
]
LATE = candles(7 * 1440 - 1, 7 * 1440)  # the last minute of a Sunday, and the first of a Monday
TWO_TRADES = {
    "fills": [
        {"n": 1, "ts": at(60), "qty": 1.0, "price": 100.0, "fee": 1.0, "stop": 90.0},
        {"n": 2, "ts": at(90), "bar": 2, "side": "sell", "price": 120.0, "opens": False, "reason": "take",
         "worst": 99.0, "best": 121.0},
        {"n": 3, "ts": at(120), "bar": 3, "side": "sell", "price": 120.0, "trade": 2, "slippage": 2.0},
        {"n": 4, "ts": at(150), "bar": 6, "price": 130.0, "trade": 2, "opens": False, "reason": "stop",
         "worst": 131.0, "best": 119.0},
        {"n": 5, "ts": at(180), "bar": 7, "trade": 3},
    ]
}  # fmt: skip
PUT_ASIDE = (
    '[{"rule": "b", "sentence": "says b", "changed": 2, "follow": 3, "unexplained": 0, "end_equity": 9.5, '
    '"end_equity_without": 10, "first": {"with":null}}, {"rule": "a", "sentence": "", "changed": 0, "follow": 0, '
    '"unexplained": 1, "end_equity": 10, "end_equity_without": 10, "first": null}]'
)
FOREIGN = ("A", "spot:A", "binance:A")
SPANS = "select symbol, first_ts, last_ts from {} order by symbol, first_ts"

# relation: rows given, query, rows expected; a query beside the relation's name gives its arguments
CASES: list[tuple[str, str, Tables, str, Rows]] = [
    (
        "bars", "first, highest, lowest, last and sums of a bucket; a gap is left out, not filled", {"candles": HOUR},
        "from bars('5m') order by ts",
        [
            ("X", at(0), 10.0, 15.0, 9.0, 13.0, 7.5, 90.0, 3),
            ("X", at(5), 20.0, 20.0, 20.0, 20.0, 0.0, None, 1),
        ],
    ),
    (
        "bars", "1m: the candles themselves", {"candles": HOUR},
        "select * exclude (symbol) from bars('1m') where ts <= '2024-01-01' order by ts",
        [(at(0), 10.0, 12.0, 9.0, 11.0, 1.0, 10.0, 1)],
    ),
    (
        "bars", "symbols do not mix", {"candles": [candle(0, 1.0), candle(1, 2.0, symbol="Y")]},
        "select symbol, open, close, candles from bars('1d') order by symbol",
        [("X", 1.0, 1.0, 1), ("Y", 2.0, 2.0, 1)],
    ),
    *(
        (f"bars_{timeframe}", "where its bars begin", LATE, f"select ts, candles from bars_{timeframe} order by ts",
         [(at(7 * 1440 - minutes), 1), (at(7 * 1440), 1)])
        for timeframe, minutes in {"5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440, "1w": 10_080}.items()
    ),
    (
        "curve_minutes", "whole bars, not more than wanted, of a short span fewer", {},
        "select " + ", ".join(
            f"curve_minutes('{timeframe}', timestamp '{START}', timestamp '{at(minutes)}', {buckets})"
            for timeframe, minutes, buckets in (
                ("1m", 10, 5), ("1m", 11, 5), ("1h", 1440, 5), ("1h", 60, 1000), ("1d", 60, 10), ("1m", 9, 0),
            )
        ),
        [(2, 3, 300, 60, 1440, 9)],
    ),
    (
        "bar_minutes", "shortest, and longest", {}, "select bar_minutes('1m'), bar_minutes('1w')", [(1, 10_080)],
    ),
    (
        "candle_days", "ends, candles and minutes of each day", candles(0, 1, 5, 1440, 1445),
        "select day, first_ts, last_ts, candles, minutes from candle_days order by day",
        [(at(0), at(0), at(5), 3, 6), (at(1440), at(1440), at(1445), 2, 6)],
    ),
    (
        "candle_holes", "within an hour, over hours, over midnight; a twin and a stamp off the minute make none",
        candles(0, 1, 1, 4, 5.5, 6, 61, 62, 1430, 1441), SPANS.format("candle_holes"),
        [("X", at(2), at(3)), ("X", at(7), at(60)), ("X", at(63), at(1429)), ("X", at(1431), at(1440))],
    ),
    (
        "chains", "in the first two minutes of hours only", {"candles": [
            *(candle(60 * hour + minute, 10.0 + minute, close=11.0) for hour in range(12) for minute in (0, 1, 2)),
        ]},
        "select symbol, seams, chained, is_rule from chains", [("X", 12, 12, True)],
    ),
    (
        "chains", "nine seams are too few",
        {"candles": [candle(60 * hour + minute) for hour in range(9) for minute in (0, 1)]},
        "select seams, chained, is_rule from chains", [(9, 9, False)],
    ),
    (
        "bring", "from the exchange, or from files", {},
        "select " + ", ".join(f"bring('{name}', timestamp '2024-02-03 04:05')" for name in FOREIGN),
        [("bt ingest A --from 2024-02-03", "bt ingest spot:A --from 2024-02-03", "bt import FILE --symbol binance:A")],
    ),
    (
        "mend", "a span with its last day; --repair is for the exchange only", {},
        "select " + ", ".join(
            f"mend('{name}', timestamp '2024-02-03 04:05', timestamp '2024-02-04', '{option}')"
            for name, option in (("A", "--repair"), ("A", ""), ("binance:A", "--repair"), ("binance:A", "--replace"))
        ),
        [(
            "bt ingest A --from 2024-02-03 --to 2024-02-05 --repair", "bt ingest A --from 2024-02-03 --to 2024-02-05",
            "bt import FILE --symbol binance:A", "bt import FILE --symbol binance:A --replace",
        )],
    ),
    (
        "clean_copy", "a colon is no part of a file's name", {}, "select clean_copy('spot:A')",
        [(
            ("bt export --what candles -s spot:A -t 1m -O clean && bt import clean/spot-A_1m.csv -s spot:A --skip-bad "
            "--db clean.duckdb"),
        )],
    ),
    (
        "gap_pattern", "alike, no idle minute, neither, too few", {},
        "select " + ", ".join(
            f"split_part(gap_pattern({arguments}), ':', 1)"
            for arguments in ("10, 5, 5, 1000, 1000, 9", "100, 1, 5, 1, 9, 0", "100, 1, 5, 1, 9, 1", "9, 5, 5, 7, 7, 0")
        ),
        [("every gap is 5 minutes long and follows 1,000 candles", "no candle has zero volume", None, None)],
    ),
    (
        "account_days", "return and drawdown at the close, of one account", {"days": account([1100.0, 990.0])},
        'select day, "return", close_drawdown, equity from account_days order by day',
        [(FIRST_DAY, 0.1, 0.0, 1100.0), (FIRST_DAY + timedelta(days=1), -0.1, -0.1, 990.0)],
    ),
    (
        "account_days", "ruined: no return any more", {"days": account([0.0, 0.0])},
        'select "return" from account_days order by day', [(-1.0,), (None,)],
    ),
    (
        "account_sums", "sums of the days, or of the trades of one symbol", sound_run(),
        ("select symbol, start_cash, end_equity, days, bars, trades, wins, gross_profit, fees, slippage, funding "
        "from account_sums order by symbol nulls first"),
        [
            (None, 1000.0, 1018.8, 2, 4, 1, 1, 18.8, 1.0, 2.0, -0.2),
            ("X", None, None, None, None, 1, 1, 18.8, 1.0, 2.0, -0.2),
        ],
    ),
    (
        "buy_and_hold", "equal money in each: the mean of their returns; the end is exclusive",
        {"candles": [candle(0, 10.0), candle(1, 15.0), candle(2, 99.0), candle(1, 8.0, symbol="Y", close=4.0)]},
        "from buy_and_hold('X,Y,Z', timestamp '2024-01-01', timestamp '2024-01-01 00:02')", [(0.0,)],
    ),
    (
        "buy_and_hold", "no candle in the span", candles(5),
        "from buy_and_hold('X', timestamp '2024-01-01', timestamp '2024-01-01 00:02')", [(None,)],
    ),
    (
        "trades_by", "by exit, open trades left out", TWO_TRADES,
        "select what, trades, wins, pnl, avg_r, avg_bars, costs from trades_by('exit') order by what",
        [("stop", 1, 0, -10.0, None, 3.0, 2.0), ("take", 1, 1, 19.0, 1.9, 2.0, 1.0)],
    ),
    (
        "trades_by", "by side, hour and weekday of the entry", TWO_TRADES,
        ("select what, trades from trades_by('side') union all select what, trades from trades_by('hour') "
        "union all select what, trades from trades_by('weekday') order by what"),
        [("01", 1), ("02", 1), ("1 Mon", 2), ("long", 1), ("short", 1)],
    ),
    (
        "verified_rules", "in the order in which they were put aside", {"verifications": [{"rules": PUT_ASIDE}]},
        "select * exclude (run_id, engine) from verified_rules order by place",
        [(1, "b", "says b", 2, 3, 0, 9.5, 10.0, '{"with":null}'), (2, "a", "", 0, 0, 1, 10.0, 10.0, "null")],
    ),
    ("verified_rules", "none was put aside", {"verifications": [{}]}, "from verified_rules", []),
]  # fmt: skip

# relation: the test file that gives it rows and says what is expected
ELSEWHERE = {
    "all_metrics": "test_metrics", "candidates": "test_choosing", "choices": "test_choosing",
    "conduct": "test_findings", "costs": "test_metrics", "coverage": "test_gaps",
    "drawdowns": "test_results", "findings": "test_findings",
    "funding_gaps": "test_market", "gaps": "test_gaps", "leaderboard": "test_choosing",
    "left_out": "test_findings", "metrics": "test_metrics", "metrics_by_symbol": "test_metrics",
    "monthly": "test_metrics", "positions": "test_results",
    "returns": "test_results", "stuck": "test_findings", "suspects": "test_findings", "trades": "test_results",
    "unfinished": "test_findings", "untraded": "test_findings",
}  # fmt: skip
ELSEWHERE |= dict.fromkeys(
    (
        "attempts", "chosen_drift", "chosen_plateau", "chosen_ranks", "compared_folds", "compared_returns",
        "compared_sets", "compared_splits", "compared_winners", "fold_gains", "judged_curves", "judged_days",
        "judged_interval", "judged_luck", "judged_sharpe", "odds_of_overfitting", "overfitting", "top_configs",
        "trial_days", "tried_sets", "verdicts", "walk_forward",
    ),
    "test_judging",
)  # fmt: skip
ELSEWHERE |= dict.fromkeys(
    (
        "bits_mixed", "block_halves", "deflated_sharpe", "drawn", "expected_max_sharpe", "figure_of", "horner",
        "min_backtest_length", "min_track_record", "normal_cdf", "normal_quantile", "overfitting_noise",
        "probabilistic_sharpe", "sharpe_of_sums",
    ),
    "test_significance",
)  # fmt: skip
ELSEWHERE |= dict.fromkeys(
    ("candle_curve", "equity_curve", "hold_curve", "listed_trades", "trade_closeups"), "test_curves"
)
HERE = ("absent_spans", "candle_fault")  # tests below


@cache
def known() -> dict[str, Definition]:
    return definitions(sql_files([assets.folder("sql")]))


@pytest.mark.parametrize(
    ("relation", "name", "given", "query", "expected"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES]
)
def test_given_and_expected(relation: str, name: str, given: Tables, query: str, expected: Rows) -> None:
    assert holding(**given).query(query).rows() == near(expected), name
    assert re.search(rf"\b{relation}\b", query)


def test_an_unknown_timeframe_is_an_error() -> None:
    with pytest.raises(duckdb.Error, match="unknown timeframe; known: 1m 3m"):
        holding(**candles(0)).query("from bars('7m')")


def test_absences_that_touch_or_overlap_are_one() -> None:
    spans = [("X", 5, 9), ("X", 0, 4), ("X", 7, 8), ("X", 11, 12), ("Y", 10, 10)]
    warehouse = holding()
    with warehouse.write() as connection:
        connection.execute("delete from absences")
        for symbol, first, last in spans:
            connection.execute("insert into absences values (?, ?, ?, ?)", [symbol, at(first), at(last), START])
    found = warehouse.query(SPANS.format("absent_spans")).rows()
    with warehouse.write() as connection:
        connection.execute("delete from absences")

    assert found == [("X", at(0), at(9)), ("X", at(11), at(12)), ("Y", at(10), at(10))]


SOUND = {
    "ts": "timestamp '2024-01-01 00:01'",
    "open": 10,
    "high": 12,
    "low": 9,
    "close": 11,
    "volume": 1,
    "turnover": 10,
}
NAN, INFINITE = "'nan'::double", "'infinity'::double"
IMPOSSIBLE: list[tuple[dict[str, object], str | None]] = [
    ({}, None),
    ({"turnover": "null"}, None),
    ({"volume": 0, "turnover": 0}, None),
    ({"high": 10, "low": 10, "open": 10, "close": 10}, None),
    ({"ts": "null::timestamp"}, "ts: missing"),
    ({"ts": "timestamp '2024-01-01 00:01:00.001'"}, "ts: not on the minute"),
    *(({column: "null"}, f"{column}: not a number") for column in ("open", "high", "low", "close", "volume")),
    *(({column: NAN}, f"{column}: not a number") for column in ("open", "high", "low", "close", "volume", "turnover")),
    ({"high": INFINITE}, "high: not a number"),
    *(({column: 0}, f"{column}: not above 0") for column in ("open", "high", "low", "close")),
    ({"high": 8}, "high: below low"),
    ({"high": 10.5}, "high: below open or close"),
    ({"low": 10.5}, "low: above open or close"),
    ({"volume": -1}, "volume: below 0"),
    ({"turnover": -1}, "turnover: below 0"),
]


@pytest.mark.parametrize(("changes", "expected"), IMPOSSIBLE, ids=[str(case) for case in IMPOSSIBLE])
def test_candle_fault(changes: dict[str, object], expected: str | None) -> None:
    values = ", ".join(str(value) for value in (SOUND | changes).values())

    assert holding().query(f"select candle_fault({values})").item() == expected


def untested(name: str) -> bool:
    """Say whether a relation stands in no table of this file."""
    return name not in {*HERE, *ELSEWHERE, *(case[0] for case in CASES)}


def test_every_relation_is_tested() -> None:
    """Tables hold what is given; indicators, and what they are made of, are tested in tests/market."""
    indicators = [name for name, each in known().items() if each.layer == "3_indicators"]
    below_indicators = {name for indicator in indicators for name in readings(indicator, known())}
    computed = [name for name, each in known().items() if each.kind != "table"]

    assert [name for name in computed if untested(name) and name not in below_indicators] == []


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_what_is_tested_elsewhere_is(name: str) -> None:
    text = (Path(__file__).parent / f"{ELSEWHERE[name]}.py").read_text(encoding="utf-8")

    assert name in known()
    assert re.search(rf"(from|join) {name}\b|[\"(\[]{name}[\"(]", text)


@pytest.mark.parametrize("path", sorted(assets.folder("sql").glob("*/*.sql")), ids=lambda path: path.stem)
def test_nothing_is_written_in_a_way_that_duckdb_1_cannot_read_from_a_file(path: Path) -> None:
    code = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8")).lower()
    assert not re.search(r"\b(?:lag|lead)\([^()]*,", code)
    assert "lambda" not in code
    assert not re.search(r"\bif\(", code)
