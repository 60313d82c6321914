"""Runs that have little to show, too much, or are not finished: a report of each, sound and within its size."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bt import Sweep
from bt.cli import run as bt_command
from bt.results import find
from bt.strategy import load, made
from bt.warehouse import Warehouse

MADE: dict[str, dict[str, Any]] = {  # strategy's parameters and what a run is called with
    "no trade": {"params": {"fast": 700, "slow": 1800}, "first": datetime(2024, 1, 20), "end": datetime(2024, 1, 21)},
    "one day": {"params": {"fast": 3, "slow": 9}, "first": datetime(2024, 1, 10), "end": datetime(2024, 1, 11)},
    "one bar": {"params": {}, "timeframe": "1d", "first": datetime(2024, 1, 10), "end": datetime(2024, 1, 11)},
    "none qualifies": {"search": {"fast": [5, 10], "slow": [30]}},
}
WORDS = re.compile(r">[-+]?(nan|NaN|None|null|inf|Infinity|undefined)( %| d| bp)?<")  # "none" is a word


def begin(
    warehouse: Warehouse, name: str, *, params: dict[str, Any] | None = None, search: dict[str, Any] | None = None,
    **more: Any,
) -> None:  # fmt: skip
    """Make and store a run, or a sweep in which no set has as many trades as are asked for."""
    strategy = load("ema_cross", Path())
    given = {"symbols": ["ALPHAUSDT"], "timeframe": "15m", "lookahead": 0, "name": name, **more}
    if search is None:
        made(strategy, params or {}).run(warehouse, **given)
    else:
        Sweep(search=search, min_trades=100_000).run(strategy, warehouse, **given)


def text_of(name: str) -> str:
    assert bt_command(["report", name, "-q", "-O", "odd.html"]) == 0
    return Path("odd.html").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name.startswith("one") else []) for name in MADE],
)
def test_little_to_show(own: Path, look: Any, name: str) -> None:
    begin(Warehouse(own / "warehouse" / "bt.duckdb"), name, **MADE[name])
    text = text_of(name)
    assert not WORDS.findall(text)
    assert f"<h1>{name}<" in text
    if name == "no trade":
        assert '<dt>Trades</dt><dd class="">0<' in text
        seen = look(own / "odd.html")
        assert (seen.charts, seen.odd) == ("ok", [])


@pytest.mark.parametrize("kind", ["sweep", "walk"])
def test_what_is_not_finished_says_so(own: Path, kind: str) -> None:
    warehouse = Warehouse(own / "warehouse" / "bt.duckdb")
    run_id = find(warehouse, kind).run_id
    with warehouse.write() as connection:
        connection.execute("update runs set status = 'running' where run_id = $run", {"run": run_id})
        connection.execute("delete from trials where run_id = $run and (trial > 2 or fold > 1)", {"run": run_id})
        for table in ("equity", "fills", "run_metrics"):
            connection.execute(f"delete from {table} where run_id = $run", {"run": run_id})
        connection.execute("delete from days where run_id = $run and part = 'run'", {"run": run_id})
        connection.execute("update folds set stitched_end = null, end_equity = null, start_equity = null")
    text = text_of(kind)
    assert not WORDS.findall(text)
    assert '<span class="status">interrupted</span>' in text


@pytest.mark.slow
def test_a_ruined_account(own: Path) -> None:
    warehouse = Warehouse(own / "warehouse" / "bt.duckdb")
    with warehouse.write() as connection:
        connection.execute("update runs set status = 'ruined' where name = 'run'")
        connection.execute(
            "update equity set equity = 0 where ts >= '2024-01-10' "
            "and run_id = (select run_id from runs where name = 'run')"
        )
        connection.execute(
            "update days set equity = 0, drawdown = -1 where part = 'run' and day >= '2024-01-10' "
            "and run_id = (select run_id from runs where name = 'run')"
        )
    text = text_of("run")
    assert not WORDS.findall(text)
    assert '<span class="status">ruined</span>' in text
    assert "-100.00 %" in text


@pytest.mark.slow
def test_fifty_symbols_and_a_hundred_thousand_trades(own: Path, look: Any) -> None:
    warehouse = Warehouse(own / "warehouse" / "bt.duckdb")
    run_id = find(warehouse, "run").run_id
    with warehouse.write() as connection:
        names = [f"S{place:02d}USDT" for place in range(50)]
        connection.execute(
            "update runs set symbols = $names where run_id = $run", {"names": ",".join(names), "run": run_id}
        )
        connection.execute(
            "insert into candles by name select c.* exclude (symbol), s.symbol from candles as c "
            "cross join (select unnest($names) as symbol) as s where c.symbol = 'ALPHAUSDT' and c.ts < '2024-01-08'",
            {"names": names},
        )
        connection.execute(
            """
            insert into fills by name
            select f.* exclude (n, trade, symbol, ts),
                2 * t.trade + (not f.opens)::integer as n,
                t.trade,
                format('S{:02d}USDT', t.trade % 50) as symbol,
                timestamp '2024-01-01' + to_minutes((t.trade // 50) * 4 + 3 * (not f.opens)::integer) as ts,
            from (from fills where run_id = $run and trade = 1) as f
            cross join (select range + 1000 as trade from range(100000)) as t
            """,
            {"run": run_id},
        )
    text = text_of("run")
    assert len(text) < 2_000_000
    assert not WORDS.findall(text)
    seen = look(own / "odd.html")
    assert (seen.charts, seen.odd) == ("ok", [])
    assert seen.page.locator("tr[data-trade]").count() <= 1000
    assert seen.page.locator("select option").count() == 50
