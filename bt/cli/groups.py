"""What was traded in groups, as `bt show --by` prints it: each with its figures, and a total."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from bt.results import Results

QUERIES: Final = {
    "symbol": "select * exclude (run_id) from metrics_by_symbol where run_id = $run order by symbol",
    "month": "select * exclude (run_id) from monthly where run_id = $run order by month",
} | {
    group: f"select * exclude (run_id) from trades_by('{group}') where run_id = $run order by what"
    for group in ("exit", "side", "hour", "weekday")
}
_HEADS: Final = {"hour": "entry hour UTC", "weekday": "entry day UTC"}
_DIGITS: Final = {"trades": 0, "win %": 1, "net pnl": 2, "avg R": 2, "bars": 1, "costs": 2, "return %": 2, "dd %": 2}


def print_groups(results: Results, by: str, form: str, out: Path | None) -> None:
    """Print the groups: a short table with a total for people, every column for programs."""
    from bt.output import emit, table, write

    if form == "table":
        shown, digits = _table(results, by)
        write(table(shown, digits=digits), out)
    else:
        emit(results.sql(QUERIES[by]), form, out)


def _table(results: Results, by: str) -> tuple[pl.DataFrame, Mapping[str, int]]:
    from bt.results.shown import SYMBOL_DIGITS, symbol_table

    if by == "symbol":
        return symbol_table(results), SYMBOL_DIGITS
    if by == "month":
        return _months(results), _DIGITS | {"end equity": 2}
    return _groups(results, by), _DIGITS


def _months(results: Results) -> pl.DataFrame:
    import polars as pl

    rows, whole = results.monthly, results.figures
    total = {
        "month": "total", "return %": whole["total_return"], "end equity": whole["end_equity"],
        "dd %": whole["max_drawdown"], "trades": whole["trades"], "net pnl": _pnl(results),
    }  # fmt: skip
    shown = rows.select(
        pl.col("month").dt.strftime("%Y-%m"), pl.col("return").alias("return %"),
        pl.col("end_equity").alias("end equity"), pl.col("drawdown").alias("dd %"), "trades",
        pl.col("pnl").alias("net pnl"),
    )  # fmt: skip
    return _with(shown, total).with_columns(pl.col("return %", "dd %") * 100)


def _groups(results: Results, by: str) -> pl.DataFrame:
    import polars as pl

    rows, whole, head = results.sql(QUERIES[by]), results.figures, _HEADS.get(by, by)
    total = {
        head: "total", "trades": whole["trades"], "win %": whole["win_rate"], "net pnl": _pnl(results),
        "avg R": whole["expectancy_r"], "bars": whole["avg_bars"],
        "costs": rows["costs"].sum(),  # not those of positions that are open
    }  # fmt: skip
    shown = rows.select(
        pl.col("what").alias(head), "trades", (pl.col("wins") / pl.col("trades")).alias("win %"),
        pl.col("pnl").alias("net pnl"), pl.col("avg_r").alias("avg R"), pl.col("avg_bars").alias("bars"), "costs",
    )  # fmt: skip
    if by == "weekday":
        shown = shown.with_columns(pl.col(head).str.slice(2))  # its number was there for the order
    return _with(shown, total).with_columns(pl.col("win %") * 100)


def _with(shown: pl.DataFrame, total: Mapping[str, object]) -> pl.DataFrame:
    import polars as pl

    return pl.concat([shown, pl.DataFrame([total], schema=shown.schema)])


def _pnl(results: Results) -> float:
    """Give the profit of the closed trades, as in the table of symbols."""
    return float(results.figures["gross_profit"] + results.figures["gross_loss"])
