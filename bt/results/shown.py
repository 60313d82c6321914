"""What people are shown of a run's results: the symbols' table, and all of it in a notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.output import notebook
from bt.output.panel import run_blocks, title_of
from bt.results import verifications

if TYPE_CHECKING:
    from bt.results.read import Results

SYMBOL_DIGITS: Final = {"trades": 0, "win %": 1, "net pnl": 2, "pf": 2, "avg R": 2, "bars": 1, "costs": 2}
_SET_DIGITS: Final = dict.fromkeys(("objective", "sharpe", "total_return", "max_drawdown"), 4)
_FOLD_DIGITS: Final = dict.fromkeys(("in_sharpe", "out_sharpe"), 2) | {"stitched_return": 4}
_EQUITY, _DRAWDOWN = "#2a78b5", "#c44e32"


def symbol_table(results: Results) -> pl.DataFrame:
    """Give one row per symbol and a total, short enough for 80 columns."""
    columns = ("symbol", "trades", "win_rate", "pnl", "profit_factor", "expectancy_r", "avg_bars", "costs")
    rows = results.by_symbol.select(columns)
    whole = results.figures | {
        "symbol": "total",
        "pnl": results.figures["gross_profit"] + results.figures["gross_loss"],
    }
    total = pl.DataFrame([{name: whole[name] for name in columns}], schema=rows.schema)
    return pl.concat([rows, total]).select(
        "symbol",
        "trades",
        (100 * pl.col("win_rate")).alias("win %"),
        pl.col("pnl").alias("net pnl"),
        pl.col("profit_factor").alias("pf"),
        pl.col("expectancy_r").alias("avg R"),
        pl.col("avg_bars").alias("bars"),
        "costs",
    )


def as_html(results: Results) -> str:
    """Show a run as a terminal does, with its curves; of a sweep its best sets, of a walk-forward its verdict too."""
    run, parts = results.run, []
    title = f"{title_of(run)} · {run['kind']} {run['run_id']} · {run['status']}"
    traded = bool(results.figures)
    parts.append(notebook.blocks_html(title, run_blocks(run, results.figures) if traded else {}))
    if run["kind"] == "walk" and traded:
        parts += [notebook.words_html(results.verdict), notebook.rows_html(_folds(results), _FOLD_DIGITS)]
    if run["kind"] == "sweep":
        parts.append(notebook.rows_html(_sets(results), _SET_DIGITS))
    if traded:
        parts += [*_curves(results), notebook.rows_html(symbol_table(results), SYMBOL_DIGITS)]
    parts += [notebook.words_html(verifications.sentence(row)) for row in verifications.of(results)]
    parts += [notebook.words_html(f"! {warning}") for warning in json.loads(run["warnings"])]
    return "".join(parts)


def _curves(results: Results) -> list[str]:
    days = results.returns
    ends = (str(days["day"][0]), str(days["day"][-1]))
    equity, drawdown = days["equity"].to_list(), (100 * days["drawdown"]).to_list()
    return [
        notebook.curve_html("equity", equity, ends, colour=_EQUITY),
        notebook.curve_html("drawdown in %", drawdown, ends, colour=_DRAWDOWN, filled=True),
    ]


def _folds(results: Results) -> pl.DataFrame:
    names = ("fold", "test_first", "stitched_end", "params", "in_sharpe", "out_sharpe", "stitched_return")
    return results.folds.select(names)


def _sets(results: Results) -> pl.DataFrame:
    names = ("rank", "params", "objective", "sharpe", "total_return", "max_drawdown", "trades")
    return results.top.filter(pl.col("fold") == 0).select(names)
