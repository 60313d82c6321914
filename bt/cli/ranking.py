"""The command leaderboard, and which way every metric is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.errors import BtError, ExitCode, hint

if TYPE_CHECKING:
    import polars as pl

    from bt.warehouse import Warehouse

LOWER_IS_BETTER: Final = {
    "longest_drawdown_days", "volatility", "ulcer", "fees", "slippage", "costs", "costs_to_gross_profit",
    "liquidations", "ambiguous", "ambiguous_share",
}  # fmt: skip
HIGHER_IS_BETTER: Final = {
    "end_equity", "net_profit", "total_return", "cagr", "max_drawdown", "sharpe", "sortino", "calmar", "worst_day",
    "var_95", "cvar_95", "win_rate", "profit_factor", "expectancy", "expectancy_r", "avg_win", "avg_loss",
    "worst_trade", "sqn", "gross_profit", "gross_loss", "funding", "break_even_slippage",
}  # fmt: skip
_WIDE: Final = 10_000  # characters of a screen without a bound
LONGEST_NAME: Final = 24  # characters of a run's name that a list shows
_KEPT: Final = 4  # columns that are shown on every screen: rank, run, strategy and what is ranked by


@taking(OutputOptions)
def leaderboard(
    asked: OutputOptions,
    sort: Annotated[str, typer.Option(help="Column to rank by, the best first: bt schema leaderboard.")] = "sharpe",
    strategy: Annotated[str | None, typer.Option(help="Only runs of this strategy.", metavar="NAME")] = None,
    symbol: shared.Symbols = None,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 20,
) -> int:
    """Rank the finished runs, walk-forwards and sweeps."""
    from bt.output import emit, table, write

    call = asked.session()
    frame = _ranked(call.warehouse(), sort, strategy, _names(symbol), limit)
    if asked.form == "table":
        shown, digits = _fitting(frame, sort)
        write(table(shown, digits=digits), asked.out)
    else:
        emit(frame, asked.form, asked.out)
    if frame.is_empty():
        call.narrator.say("no finished run like that: bt runs lists what is stored")
    elif "sweep" in frame["kind"].to_list():
        call.narrator.say("a sweep stands here with its chosen set, in-sample: it was picked for these very figures")
    return ExitCode.OK


def ranked_by(warehouse: Warehouse, column: str) -> str:
    """Give the order of rows of `leaderboard` by a column, the best first; an unknown one is refused with a hint."""
    known = dict(warehouse.query("select column_name, column_type from (describe leaderboard)").iter_rows())
    if column not in known:
        raise BtError(f"runs cannot be sorted by {column!r}", hint(column, known))
    rising = column in LOWER_IS_BETTER or known[column] == "VARCHAR"
    return f"{column} {'asc' if rising else 'desc'} nulls last, run_id asc"


def _ranked(
    warehouse: Warehouse, sort: str, strategy: str | None, names: list[str] | None, limit: int
) -> pl.DataFrame:  # fmt: skip
    conditions = [
        *(["strategy = $strategy"] if strategy else []),
        *(["list_has_any(string_split(symbols, ','), $names)"] if names else []),
    ]
    given = {"strategy": strategy, "names": names}
    order = ranked_by(warehouse, sort)
    return warehouse.query(
        f"select row_number() over (order by {order}) as rank, * from leaderboard "
        f"{'where ' + ' and '.join(conditions) if conditions else ''} order by rank limit {limit:d}",
        {name: value for name, value in given.items() if value},
    )


def called(run_id: str) -> pl.Expr:
    """Give the name of a run where it has a short one, else the id, which is in the column of that name."""
    import polars as pl

    return pl.when(pl.col("name").str.len_chars() <= LONGEST_NAME).then("name").otherwise(run_id)


def _names(texts: list[str] | None) -> list[str] | None:
    from bt import symbols

    return [each.name for each in symbols.parse_many(texts)] if texts else None


def _fitting(frame: pl.DataFrame, sort: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give as many columns of a leaderboard as the screen has room for, and their decimals."""
    import polars as pl

    from bt.output import table
    from bt.output.tables import screen_width

    names = pl.col("symbols").str.split(",").list.len()
    market = pl.when(names == 1).then("symbols").otherwise(pl.format("{} symbols", names))
    columns = {
        "rank": pl.col("rank"),
        "run": called("run_id"),
        "strategy": pl.col("strategy"),
        sort: pl.col(sort),
        "kind": pl.col("kind"),
        "market": pl.format("{} {}", market, "timeframe"),
        "return %": 100 * pl.col("total_return"),
        "dd %": 100 * pl.col("max_drawdown"),
        "sharpe": pl.col("sharpe"),
        "trades": pl.col("trades"),
    }
    digits = {**({sort: 4} if frame[sort].dtype.is_float() else {}), "return %": 2, "dd %": 2, "sharpe": 2}
    while True:
        shown = frame.select(column.alias(name) for name, column in columns.items())
        drawn = table(shown, _WIDE, digits).partition("\n")[2].partition("\n")[0]
        if len(drawn) <= screen_width() or len(columns) <= _KEPT:
            return shown, digits
        columns.popitem()
