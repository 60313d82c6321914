"""A run uses the whole contract of the engine: rules in force, minutes, funding, envelope; and says what it lacks."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import bt
from bt import assets, seeded
from bt.results import Results
from bt.strategy import load, made
from bt.strategy.inputs import Span, read_inputs, read_span
from bt.warehouse import Warehouse, registered

START, END = datetime(2024, 1, 1), datetime(2024, 1, 21)
ALPHA = ["ALPHAUSDT"]
BOTH = ["ALPHAUSDT", "BETAUSDT"]


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def traded(
    warehouse: Warehouse, *, timeframe: str = "1h", symbols: list[str] | None = None, **settings: Any
) -> Results:
    """Run a strategy that is in the market most of the time, long or short; not examined for look-ahead."""
    chosen = made(load("donchian_breakout", Path()), {"entry": 6, "exit": 3, "short": True})
    wanted = {"symbols": symbols or ALPHA, "timeframe": timeframe, "lookahead": 0} | settings
    return chosen.run(warehouse, **wanted).get_results()


def written(warehouse: Warehouse, text: str, *, timeframe: str = "1h", **settings: Any) -> Results:
    """Run a strategy made of one expression for its signals; it is not examined for look-ahead."""
    path = Path("strategies") / "written.py"
    path.write_text(
        '"""Made for a test."""\nfrom dataclasses import dataclass\nimport polars as pl\n'
        "from bt import BaseStrategy, Market\n\n@dataclass(kw_only=True)\nclass Written(BaseStrategy):\n"
        f"    def signals(self, market: Market) -> pl.LazyFrame:\n        return market.bars().with_columns({text})\n"
    )
    chosen = made(load(str(path), Path()), {})
    wanted = {"symbols": ALPHA, "timeframe": timeframe, "lookahead": 0} | settings
    return chosen.run(warehouse, **wanted).get_results()


def settle(warehouse: Warehouse, symbol: str = "ALPHAUSDT", hours: list[float] | None = None) -> None:
    """Store funding rates at these hours, or every 8 hours."""
    rates = seeded.funding(symbol, days=20)
    if hours is not None:
        rates = pl.DataFrame({"ts": [hour(one) for one in hours], "rate": [0.0001] * len(hours)})
    with warehouse.write() as connection, registered(connection, rates=rates):
        connection.execute(f"delete from funding where symbol = '{symbol}'")
        connection.execute(f"insert into funding by name select '{symbol}' as symbol, * from rates")


def write(warehouse: Warehouse, sql: str) -> None:
    with warehouse.write() as connection:
        connection.execute(sql)


def warnings_of(results: Results) -> list[str]:
    return json.loads(results.run["warnings"])


def rule(valid_from: str, tick: float = 0.1) -> str:
    return (
        "insert into instruments "
        "(symbol, valid_from, exchange, category, quote, tick_size, max_leverage, as_of, source) "
        f"values ('ALPHAUSDT', timestamp '{valid_from}', 'bybit', 'linear', 'USDT', {tick}, 50, now(), 'test')"
    )


RULES = [  # days of January from which rules hold; the span; the days of those that count
    ([1], (5, 10), [1]),
    ([1, 3], (5, 10), [3]),
    ([1, 3, 7], (5, 10), [3, 7]),
    ([1, 5, 10], (5, 10), [5]),
    ([7, 12], (5, 10), [7]),
    ([12, 14], (5, 10), [12]),
    ([6, 8], (5, 10), [6, 8]),
]


@pytest.mark.parametrize(("days", "span", "expected"), RULES)
def test_the_rules_that_touch_the_span(
    warehouse: Warehouse, days: list[int], span: tuple[int, int], expected: list[int]
) -> None:
    write(warehouse, "delete from instruments where symbol = 'ALPHAUSDT'")
    for day in days:
        write(warehouse, rule(f"2024-01-{day:02}"))
    wanted = Span(symbols=("ALPHAUSDT",), first=datetime(2024, 1, span[0]), end=datetime(2024, 1, span[1]))
    found = read_inputs(warehouse, wanted, funding=False, drill=False).instruments
    assert found["valid_from"].dt.day().to_list() == expected
    assert found["max_leverage"].to_list() == [50.0] * len(expected)


def test_a_tick_counts_from_its_day_on_and_is_recorded(warehouse: Warehouse) -> None:
    change = datetime(2024, 1, 10)
    write(warehouse, "update instruments set tick_size = 0.1 where symbol = 'ALPHAUSDT'")
    write(warehouse, rule("2024-01-10", tick=50.0))
    results = traded(warehouse)
    late = results.fills.filter((pl.col("ts") >= change) & (pl.col("kind") == "market"))["price"]
    early = results.fills.filter(pl.col("ts") < change)["price"]
    assert set((late % 50).to_list()) == {0.0}
    assert early.filter(early % 50 > 0).len() > 0
    stored = json.loads(results.run["config"])["instruments"]
    assert [(row["valid_from"][:10], row["tick_size"]) for row in stored] == [("1970-01-01", 0.1), ("2024-01-10", 50.0)]
    assert all(row["as_of"] for row in stored)


DRILLED = [  # timeframe, intrabar, whether bars are walked
    ("1h", "auto", True),
    ("1h", "drill", True),
    ("1h", "adverse", False),
    ("1h", "favourable", False),
    ("1m", "auto", False),
    ("1m", "drill", False),  # a bar of a minute is its own minute
]


@pytest.mark.parametrize(("timeframe", "intrabar", "expected"), DRILLED)
def test_bars_above_a_minute_are_walked(warehouse: Warehouse, timeframe: str, intrabar: Any, expected: bool) -> None:
    execution = bt.Execution(stop=0.004, take=0.004, intrabar=intrabar)
    results = traded(warehouse, timeframe=timeframe, execution=execution, end=datetime(2024, 1, 6))
    inside = results.fills.filter(pl.col("reason").is_in(["stop", "take"]))
    assert inside.height > 0
    assert (inside["minute"].drop_nulls().len() > 0) is expected
    minutes = inside.drop_nulls("minute").select(pl.col("minute") - pl.col("ts")).to_series().to_list()
    assert all(timedelta() <= since < timedelta(hours=1) for since in minutes)
    assert json.loads(results.run["config"])["drilled"] is expected


def test_minutes_are_read_in_order_however_they_lie_in_the_file(warehouse: Warehouse) -> None:
    execution = bt.Execution(stop=0.004, take=0.004)
    before = traded(warehouse, execution=execution)
    write(
        warehouse,
        "create temp table moved as from candles where symbol = 'ALPHAUSDT' and ts::date = date '2024-01-03';"
        "delete from candles where symbol = 'ALPHAUSDT' and ts::date = date '2024-01-03';"
        "insert into candles from moved order by ts desc",
    )
    after = traded(warehouse, execution=execution)
    span = read_span(warehouse, ALPHA)
    assert read_inputs(warehouse, span, funding=False, drill=True).detail["ts"].is_sorted()  # type: ignore[index]
    assert after.run["data_fingerprint"] == before.run["data_fingerprint"]
    assert after.fills.drop("run_id").equals(before.fills.drop("run_id"))


INSIDE_A_BAR = (
    "update candles set close = close * 1.00001 where symbol = 'ALPHAUSDT' and ts = timestamp '2024-01-03 07:30'"
)
OTHER_RATE = "update funding set rate = 0.0002 where symbol = 'ALPHAUSDT' and ts = timestamp '2024-01-03 08:00'"
ANOTHER_MARK = "update funding set mark = 40000 where symbol = 'ALPHAUSDT' and ts = timestamp '2024-01-03 08:00'"
ELSEWHERE = "update candles set close = close * 1.00001 where symbol = 'BETAUSDT' and ts = timestamp '2024-01-03 07:30'"
NO_FUNDING, ADVERSE = {"costs": bt.Costs(funding=False)}, {"execution": bt.Execution(intrabar="adverse")}
FINGERPRINTS: list[tuple[str, dict[str, Any], bool]] = [  # what changes, settings, whether the fingerprint does
    (INSIDE_A_BAR, {}, True),
    (INSIDE_A_BAR, ADVERSE, False),
    (OTHER_RATE, {}, True),
    (OTHER_RATE, NO_FUNDING, False),
    (ANOTHER_MARK, {}, True),
    (ELSEWHERE, {}, False),
]


@pytest.mark.long
@pytest.mark.parametrize(("change", "settings", "expected"), FINGERPRINTS)
def test_the_fingerprint_is_of_all_that_was_read(
    warehouse: Warehouse, change: str, settings: dict[str, Any], expected: bool
) -> None:
    settle(warehouse)
    before, again = (traded(warehouse, **settings).run for _ in range(2))
    write(warehouse, change)
    after = traded(warehouse, **settings).run
    assert again["data_fingerprint"] == before["data_fingerprint"]
    assert (after["data_fingerprint"] != before["data_fingerprint"]) is expected
    assert (after["content_hash"] != before["content_hash"]) is expected


@pytest.mark.parametrize("timeframe", ["1m", "4h", "1d", "1w"])
def test_funding_is_paid_stored_and_adds_up(warehouse: Warehouse, timeframe: str) -> None:
    for symbol in BOTH:
        settle(warehouse, symbol)
    sides = "target=pl.when(pl.int_range(pl.len()).over('symbol') % 50 < 20).then(-0.6).otherwise(0.8)"
    results = written(warehouse, sides, symbols=BOTH, timeframe=timeframe, account=bt.Account(leverage=3))
    paid = results.funding_payments
    assert paid.height > 5
    assert paid.select((pl.col("amount") + pl.col("qty") * pl.col("mark") * pl.col("rate")).abs().max()).item() < 1e-9
    assert results.figures["funding"] == pytest.approx(paid["amount"].sum()) != 0
    assert results.trades["funding"].sum() == pytest.approx(paid["amount"].sum())
    assert results.figures["net_profit"] == pytest.approx(results.trades["pnl"].sum())
    for path in sorted((assets.folder("sql") / "checks").glob("*.sql")):
        assert warehouse.query(path.read_text(encoding="utf-8")).rows() == [], path.stem
    assert not [said for said in warnings_of(results) if "funding" in said]


WEEKS = [8.0 * number for number in range(61)]
HELD = "target=pl.lit(0.5)"  # held from the second bar to the end
BRIEFLY = "enter_long=pl.col('ts').dt.hour() == 9, exit_long=pl.col('ts').dt.hour() == 13, stop_price=pl.lit(1.0)"
MISSING: dict[str, tuple[str, list[float], str]] = {  # signals, hours of settlements, stretches in the warning
    "complete": (HELD, WEEKS, ""),
    "a hole": (HELD, [at for at in WEEKS if not 80 <= at <= 96], "from 2024-01-04 08:00 to 2024-01-05 00:00"),
    "two holes, one settlement each": (
        HELD,
        [at for at in WEEKS if at not in {80, 160}],
        "at 2024-01-04 08:00, at 2024-01-07 16:00",
    ),
    "before the first and after the last": (
        HELD,
        WEEKS[10:50],
        "from 2024-01-01 08:00 to 2024-01-04 00:00, from 2024-01-17 16:00 to 2024-01-20 16:00",
    ),
    "a hole while nothing was held": (BRIEFLY, [at for at in WEEKS if at != 80], ""),
    "a hole while something was held": (
        BRIEFLY.replace("13", "20"),
        [at for at in WEEKS if at != 88],
        "at 2024-01-04 16:00",
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_funding_is_named_where_it_matters(warehouse: Warehouse, name: str) -> None:
    signals, hours, stretches = MISSING[name]
    settle(warehouse, hours=hours)
    expected = (
        f"ALPHAUSDT was held while funding rates were missing, {stretches}: its funding there is unknown and was not "
        "charged"
    )
    found = [said for said in warnings_of(written(warehouse, signals)) if "funding" in said]
    assert found == ([expected] if stretches else [])


def test_a_symbol_without_any_rate_is_named_once_it_is_traded(warehouse: Warehouse) -> None:
    assert [said for said in warnings_of(written(warehouse, HELD)) if "funding" in said] == [
        (
            "no funding rates of ALPHAUSDT: what positions there paid or received is unknown and was not charged; "
            "bt ingest ALPHAUSDT"
        )
    ]
    never = written(warehouse, "enter_long=pl.lit(False), stop_price=pl.lit(1.0)")
    assert not [said for said in warnings_of(never) if "funding" in said]


def test_a_short_span_meets_only_its_own_stretches(warehouse: Warehouse) -> None:
    settle(warehouse, hours=WEEKS[10:])
    [said] = [said for said in warnings_of(written(warehouse, HELD, end=hour(30))) if "funding" in said]
    assert "from 2024-01-01 08:00 to 2024-01-02 06:00" in said
    late = written(warehouse, HELD, first=hour(100))
    assert not [said for said in warnings_of(late) if "funding" in said]


def test_settlements_inside_a_long_bar_are_missed_by_what_a_level_ends_in_it(warehouse: Warehouse) -> None:
    """Entered at midnight, ended by its target during that day: 08:00 and 16:00 may have been its to pay."""
    settle(warehouse, hours=[at for at in WEEKS if at not in {32, 40}])
    told = {}
    for intrabar in ("adverse", "drill"):
        results = written(
            warehouse, "enter_long=pl.col('ts').dt.day() == 1, stop_distance=0.0001 * pl.col('close')",
            timeframe="1d", execution=bt.Execution(intrabar=intrabar),
        )  # fmt: skip
        assert results.fills["reason"].to_list() == ["signal", "stop"]
        told[intrabar] = [said for said in warnings_of(results) if "funding" in said]
    assert "from 2024-01-02 08:00 to 2024-01-02 16:00" in told["adverse"][0]
    assert told["drill"] == []  # the stop was hit in the first minutes, long before


def test_spot_has_no_funding_to_miss(warehouse: Warehouse) -> None:
    write(warehouse, "update instruments set category = 'spot'")
    for costs in (bt.Costs(), bt.Costs(funding=False)):
        results = written(warehouse, HELD, costs=costs)
        assert results.fills.height > 0
        assert not [said for said in warnings_of(results) if "funding" in said]


TIGHT = {"stop": 0.0004, "take": 0.0004}  # of the price: many a minute touches both
ENVELOPES: list[tuple[str, dict[str, float]]] = [
    ("adverse", TIGHT),
    ("favourable", TIGHT),
    ("auto", TIGHT),
    ("drill", TIGHT),
    ("adverse", {"stop": 0.5, "take": 0.5}),
    ("auto", {"stop": 0.5, "take": 0.5}),
]


@pytest.mark.long
@pytest.mark.parametrize(("intrabar", "levels"), ENVELOPES)
def test_the_envelope_is_stored_where_exits_were_ambiguous(
    warehouse: Warehouse, intrabar: Any, levels: dict[str, float]
) -> None:
    def ends(way: Any) -> Results:
        account = bt.Account(sizing="equity", size=0.2)
        return written(
            warehouse, "enter_long=pl.col('close') > pl.col('open')", account=account,
            execution=bt.Execution(intrabar=way, **levels),
        )  # fmt: skip

    results = ends(intrabar)
    stored = results.run
    assert stored["ambiguous"] == results.fills["ambiguous"].sum() == results.figures["ambiguous"]
    said = [said for said in warnings_of(results) if "touched stop and target both" in said]
    if levels is not TIGHT:
        assert (stored["ambiguous"], stored["adverse_equity"], stored["favourable_equity"], said) == (0, None, None, [])
        return
    assert stored["ambiguous"] > 0
    assert stored["adverse_equity"] == ends("adverse").figures["end_equity"]
    assert stored["favourable_equity"] == ends("favourable").figures["end_equity"] > stored["adverse_equity"]
    assert f"{stored['ambiguous']:,} of " in said[0]
    assert f"{stored['adverse_equity']:,.2f}" in said[0]
    assert (" in minutes that" in said[0]) is (intrabar in {"auto", "drill"})


def test_orders_that_never_traded_are_no_alarm_and_shrunk_ones_say_why(warehouse: Warehouse) -> None:
    limits = written(
        warehouse,
        "enter_long=pl.col('ts').dt.hour() % 6 == 0, entry_limit=0.97 * pl.col('close'), "
        "exit_long=pl.col('ts').dt.hour() == 14, entry_bars=pl.lit(4), stop_distance=0.05 * pl.col('close')",
    )
    said = [said for said in warnings_of(limits) if "pending" in said]
    counts = dict(limits.rejections["reason"].value_counts().rows())
    assert set(counts) <= {"expired", "cancelled"}
    assert counts["expired"] > 0
    assert said == [
        f"pending orders that never traded: {counts['expired']} expired unfilled"
        + (f", {counts['cancelled']} cancelled by an exit signal" if "cancelled" in counts else "")
    ]
    assert not [said for said in warnings_of(limits) if "refused" in said]
    thin = traded(warehouse, execution=bt.Execution(max_volume_share=1e-4))
    count = thin.rejections.filter((pl.col("reason") == "volume") & (pl.col("granted") > 0)).height
    assert count > 0
    assert any(said.startswith(f"{count} orders shrunk for lack of volume") for said in warnings_of(thin))


def test_liquidations_are_counted_and_weighed(warehouse: Warehouse) -> None:
    account = bt.Account(sizing="equity", size=1.0, leverage=100, mmr=0.005)
    results = written(warehouse, "enter_long=pl.col('ts').dt.hour() == 3", account=account)
    gone = results.trades.filter(pl.col("exit_reason") == "liquidation")
    assert gone.height == results.figures["liquidations"] > 0
    noun = "trade" if gone.height == 1 else "trades"
    assert f"{gone.height} {noun} ended by liquidation, net {gone['pnl'].sum():+,.2f}" in warnings_of(results)


def test_positions_that_stay_open_are_said_and_are_no_trades(warehouse: Warehouse) -> None:
    held = bt.Execution(close_at_end=False)
    results = written(
        warehouse, "enter_long=pl.col('ts').dt.hour() == 3", execution=held, account=bt.Account(sizing="equity")
    )
    assert results.trades["is_open"].to_list() == [True]
    warnings = warnings_of(results)
    assert "only 0 trades: too few to judge by" in warnings
    assert "1 position still open at the end: what they gained or lost is in no trade" in warnings


def test_adds_are_one_trade(warehouse: Warehouse) -> None:
    results = written(
        warehouse, "enter_long=pl.col('ts').dt.hour() % 5 == 0, stop_distance=0.05 * pl.col('close')",
        execution=bt.Execution(pyramiding=3, max_bars=20),
    )  # fmt: skip
    assert results.fills.filter("opens").height > results.trades.height > 3
    assert results.figures["trades"] == results.trades.height


def test_the_example_that_holds_a_target_rebalances(warehouse: Warehouse) -> None:
    settle(warehouse)
    chosen = made(load("volatility_target", Path()), {"trend": 20, "n": 10})
    results = chosen.run(warehouse, symbols=BOTH, timeframe="1h").get_results()
    partial = results.fills.filter(~pl.col("opens")).height - results.trades.filter(~pl.col("is_open")).height
    assert partial > 5
    assert results.trades.height > 5
    assert results.equity.select((pl.col("gross") / pl.col("equity")).max()).item() < 1.0
    assert results.figures["net_profit"] == pytest.approx(results.trades["pnl"].sum())
