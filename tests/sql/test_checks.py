"""Checks find nothing in a sound run, and each finds the fault it is for."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bt import assets, cli
from bt.warehouse import Warehouse, registered
from tests.sql.given import FIRST_DAY, START, Row, account, frames, holding, sound_run

CHECKS = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted((assets.folder("sql") / "checks").glob("*.sql"))
}
Tables = dict[str, list[Row]]


def put(table: str, place: int, **changes: object) -> Callable[[Tables], None]:
    """Give a fault: other values in one row."""
    return lambda tables: tables[table][place].update(changes)


def drop(table: str, place: int) -> Callable[[Tables], None]:
    return lambda tables: tables[table].__delitem__(place)


def add(table: str, **row: object) -> Callable[[Tables], None]:
    return lambda tables: tables[table].append(dict(row))


def again(table: str, place: int, **changes: object) -> Callable[[Tables], None]:
    return lambda tables: tables[table].append(tables[table][place] | changes)


def both(one: Callable[[Tables], None], two: Callable[[Tables], None]) -> Callable[[Tables], None]:
    return lambda tables: (one(tables), two(tables))[0]


DAY_3 = FIRST_DAY + timedelta(days=2)
LATER_TRADE = add("fills", n=3, trade=2)
FAULTS: list[tuple[str, str, Callable[[Tables], None], str]] = [
    ("candles_sound", "high below low", put("candles", 0, high=8.0), "high: below low"),
    ("candles_sound", "between minutes", put("candles", 0, ts=START + timedelta(seconds=5)), "ts: not on the minute"),
    ("candles_sound", "a minute twice", again("candles", 0), "1 candles too many in this hour"),
    ("cash_identity", "money from nowhere", put("days", 1, equity=1018.81), "equity ends at 1018.81"),
    ("cash_identity", "a payment forgotten", drop("funding_payments", 0), "start cash and fills make 1019"),
    ("cash_identity", "a fee forgotten", put("fills", 0, fee=0.0), "start cash and fills make 1019.3"),
    ("days_complete", "a day missing", put("days", 1, day=DAY_3), "2 rows for 3 days"),
    ("days_complete", "a day twice", again("days", 1), "3 rows for 2 days"),
    ("days_complete", "one twice, one missing", both(put("days", 1, day=DAY_3), again("days", 0)), "3 rows for 3 days"),
    ("days_complete", "a run without days", add("runs", run_id="b"), "no days"),
    ("days_match_equity", "another end", put("days", 0, equity=1001.4), "but the last equity row has 1001.5"),
    ("days_match_equity", "a bar missing", drop("equity", 1), "2 bars, but 1 equity rows"),
    ("days_match_equity", "a day missing", drop("days", 0), "equity rows, but no day"),
    ("days_match_equity", "a high too low", put("days", 1, high=1010.0), "high 1010.0, but an equity row has 1018.8"),
    ("days_match_equity", "a drawdown too small", put("days", 1, high=1020.0), "but the day ends at -0.0011"),
    ("days_match_fills", "a trade too many", put("days", 0, trades=1), "days count 2 trades, fills 1"),
    ("days_match_fills", "other fees", put("days", 0, fees=0.6), "days have fees of 1.1, fills 1.0"),
    ("days_match_fills", "other slippage", put("days", 0, slippage=0.0), "days have slippage of 1.0, fills 2.0"),
    ("days_match_fills", "other funding", put("days", 1, funding=0.0), "days have funding of 0.0, payments -0.2"),
    ("days_match_fills", "other profit", put("days", 0, gross_loss=-1.0), "days have a profit of 17.8, fills 18.8"),
    ("days_match_fills", "fills forgotten", lambda tables: tables["fills"].clear(), "days count 1 trades, fills 0"),
    ("equity_unique", "a bar time twice", again("equity", 2), "1 equity rows too many in this hour"),
    ("fills_balance", "sold too much", put("fills", 1, qty=2.5), "2.0 entered, 2.5 exited"),
    ("fills_balance", "a rest left behind", both(put("fills", 1, qty=1.5), LATER_TRADE), "1.5 exited, and a later"),
    ("fills_balance", "no entry", put("fills", 0, opens=False), "an exit before the entry"),
    ("fills_balance", "exit first", put("fills", 0, n=3), "an exit before the entry"),
    ("fills_balance", "an exit that buys", put("fills", 1, side="buy"), "exits on the side of the entry"),
    ("fills_balance", "both sides at once", again("fills", 0, n=3, side="sell"), "entries on both sides"),
    ("ingests_kept", "a candle lost", drop("candles", 3), "x.csv brought 4 candles, of which 3 are left"),
    ("ingests_kept", "a twin in its place", both(drop("candles", 3), again("candles", 0)), "of which 3 are left"),
    ("ingests_kept", "a rate lost", add("ingests", ingest_id=2, kind="funding"), "page 2 from x.csv brought 1 funding"),
    ("payments_sound", "another amount", put("funding_payments", 0, amount=-0.21), "an amount of -0.21 for 2.0 at 100"),
    ("payments_sound", "no such trade", put("funding_payments", 0, trade=2), "trade 2, which is not there"),
    ("payments_sound", "of another symbol", put("funding_payments", 0, symbol="Y"), "trade 1, which is not there"),
    (
        "payments_sound",
        "as if short",
        put("funding_payments", 0, qty=-2.0, amount=0.2),
        "a payment for -2.0 of trade 1",
    ),
    ("payments_sound", "too early", put("funding_payments", 0, ts=START), "before trade 1 began"),
]


def faulty(fault: Callable[[Tables], None]) -> Tables:
    tables = sound_run()
    fault(tables)
    return tables


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_run(check: str) -> None:
    trials = account([900.0, 1100.0], part="in", fold=1, trial=1)
    tables = sound_run()
    tables["days"] += trials

    assert holding(**tables).query(CHECKS[check]).rows() == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_run_with_an_open_trade_and_a_short(check: str) -> None:
    """Bought and still held in X, sold and bought back in Y: what is open is in the equity, not in the trades."""
    short = {"symbol": "Y", "trade": 2}
    tables = {
        "runs": [{}],
        "fills": [
            {"n": 1},
            {**short, "n": 2, "side": "sell"},
            {**short, "n": 3, "price": 90.0, "opens": False, "worst": 100.0, "best": 90.0},
        ],
        "equity": [{"ts": START, "equity": 1015.0}],
        "days": [
            {
                "equity": 1015.0, "high": 1015.0, "bars_in_market": 1, "slipped_value": 290.0, "trades": 1, "wins": 1,
                "gross_profit": 10.0, "pnl_squares": 100.0, "best": 10.0, "worst": 10.0,
            }
        ],
    }  # fmt: skip

    assert holding(**tables).query(CHECKS[check]).rows() == []


@pytest.mark.parametrize(
    ("check", "name", "fault", "words"), FAULTS, ids=[f"{fault[0]}-{fault[1]}" for fault in FAULTS]
)
def test_a_fault(check: str, name: str, fault: Callable[[Tables], None], words: str) -> None:
    found = holding(**faulty(fault)).query(CHECKS[check])

    assert found.height == 1, name
    assert words in found["problem"].item()


def test_a_rest_of_the_last_trade_is_still_open() -> None:
    assert holding(**faulty(put("fills", 1, qty=1.5))).query(CHECKS["fills_balance"]).rows() == []


def test_weekly_bars_belong_to_the_day_in_which_they_close() -> None:
    tables = {
        "runs": [{"timeframe": "1w"}],
        "equity": [{"equity": 1001.0}],
        "days": [{"day": FIRST_DAY + timedelta(days=6), "equity": 1001.0, "high": 1001.0}],
    }

    assert holding(**tables).query(CHECKS["days_match_equity"]).rows() == []


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_says_what_it_forbids_and_is_tried(check: str) -> None:
    assert CHECKS[check].startswith("-- no row may come back: ")
    assert check in {fault[0] for fault in FAULTS}


def test_every_check_is_run_by_bt_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = sound_run()
    for fault in (
        put("candles", 0, high=8.0), drop("candles", 3), put("days", 0, fees=0.6), put("days", 1, equity=1018.81),
        again("days", 1), again("equity", 2), put("fills", 0, n=3), put("funding_payments", 0, amount=-0.21),
    ):  # fmt: skip
        fault(tables)
    warehouse = Warehouse(tmp_path / "bt.duckdb")
    for table, frame in frames(**tables).items():
        with warehouse.write() as connection, registered(connection, given=frame):
            connection.execute(f"insert into {table} by name select * from given")

    assert cli.run(["check", "--db", str(warehouse.path), "--format", "json", "-q"]) == 1

    found = {row["finding"] for row in json.loads(capsys.readouterr().out) if row["symbol"] == "(warehouse)"}
    assert found == set(CHECKS)
