"""The result of one run on a terminal: a panel of 80 columns that grows rather than cut a number."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from bt.output.tables import printable, screen_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LEFT: Final = 35  # columns
_RIGHT: Final = 38
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NONE: Final = "–"  # noqa: RUF001 - what is undefined

Line = tuple[str, str]


def money(value: float | None, *, signed: bool = False) -> str:
    """Give an amount with two decimals, a dash where undefined."""
    return _NONE if value is None else f"{value:{'+' if signed else ''},.2f}"


def percent(value: float | None, *, signed: bool = False, digits: int = 2) -> str:
    """Give a fraction as a percentage."""
    return _NONE if value is None else f"{100 * value:{'+' if signed else ''},.{digits}f} %"


def ratio(value: float | None, digits: int = 2) -> str:
    """Give a bare number."""
    return _NONE if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"  # adding 0 turns -0 into 0


def run_panel(run: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Draw the panel of one run."""
    returns, risks, trades, costs = run_blocks(run, metrics).items()
    left = [*_block(*returns, _LEFT), *_block(*trades, _LEFT)]
    right = [*_block(*risks, _RIGHT), *_block(*costs, _RIGHT)]
    return _box(title_of(run), f"run {run['run_id']} · saved", left, right)


def run_blocks(run: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, list[Line]]:
    """Give the figures of one run by title, each a label and a text: Return, Risk, Trades, Costs."""
    returns: list[Line] = [
        ("Net profit", money(metrics["net_profit"], signed=True)),
        ("Total return", percent(metrics["total_return"], signed=True)),
        ("CAGR", percent(metrics["cagr"], signed=True)),
        ("Buy & hold", percent(metrics["buy_hold"], signed=True)),
        ("Time in market", percent(metrics["time_in_market"], digits=1)),
    ]
    risks: list[Line] = [
        ("Max drawdown", percent(metrics["max_drawdown"])),
        ("  longest", f"{metrics['longest_drawdown_days']} d"),
        ("Sharpe / Sortino", f"{ratio(metrics['sharpe'])} / {ratio(metrics['sortino'])}"),
        ("Calmar", ratio(metrics["calmar"])),
        ("Worst day", percent(metrics["worst_day"])),
    ]
    trades: list[Line] = [
        ("Trades  long/short", f"{metrics['trades']}  {metrics['longs']}/{metrics['shorts']}"),
        ("Win rate", percent(metrics["win_rate"], digits=1)),
        ("Profit factor", ratio(metrics["profit_factor"])),
        ("Expectancy", f"{money(metrics['expectancy'], signed=True)}  {ratio(metrics['expectancy_r'])} R"),
        ("Avg win / loss", f"{money(metrics['avg_win'], signed=True)} / {money(metrics['avg_loss'])}"),
    ]
    costs: list[Line] = [
        ("Fees", money(metrics["fees"])),
        ("Slippage", money(metrics["slippage"])),
        ("Funding", money(metrics["funding"], signed=bool(metrics["funding"]))),
        ("Costs / gross profit", percent(metrics["costs_to_gross_profit"], digits=1)),
        ("Break-even slippage", _basis_points(metrics["break_even_slippage"])),
    ]
    trades += _liquidations(metrics)
    costs += _envelope(run, metrics)
    return {"Return": returns, "Risk": risks, "Trades": trades, "Costs": costs}


def title_of(run: Mapping[str, Any]) -> str:
    """Say what was tested: strategy, symbols, timeframe, span and currency."""
    count = len(run["symbols"].split(","))
    symbols = run["symbols"] if count == 1 else f"{count} symbols"
    span = f"{run['first_ts']:%Y-%m-%d} → {run['end_ts']:%Y-%m-%d}"
    return printable(f"{run['strategy']} · {symbols} · {run['timeframe']} · {span} · {run['quote']}")


def _liquidations(metrics: Mapping[str, Any]) -> list[Line]:
    """Give a line where there were any."""
    return [("Liquidations", f"{metrics['liquidations']:,}")] if metrics.get("liquidations") else []


def _envelope(run: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[Line]:
    """Give what hangs on the exits that touched stop and target both, where there were any."""
    if run.get("adverse_equity") is None:
        return []
    return [
        ("Ambiguous exits", f"{run['ambiguous']:,}  {percent(metrics['ambiguous_share'], digits=1)}"),
        ("  equity, stop first", money(run["adverse_equity"])),
        ("  equity, target first", money(run["favourable_equity"])),
    ]


def warning_lines(warnings: Sequence[str], width: int | None = None) -> list[str]:
    """Give each warning a mark, and further lines where the screen is narrower."""
    return ["\n".join(wrapped(f"! {warning}", indent=2, width=width)) for warning in warnings]


def wrapped(text: str, *, indent: int = 0, width: int | None = None) -> list[str]:
    """Break a text into lines of the screen's width, all but the first indented."""
    from textwrap import wrap

    return wrap(
        printable(text), width or screen_width(), subsequent_indent=" " * indent, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Draw a curve in one line of at most `width` characters, each the last value of its part."""
    if len(values) < 2:  # noqa: PLR2004 - a point is no curve
        return ""
    count = min(width, len(values))
    chosen = [values[(place + 1) * len(values) // count - 1] for place in range(count)]
    low, high = min(chosen), max(chosen)
    span = (high - low) or 1.0
    return "".join(_BLOCKS[min(int((value - low) / span * len(_BLOCKS)), len(_BLOCKS) - 1)] for value in chosen)


def _basis_points(value: float | None) -> str:
    return _NONE if value is None else f"{10_000 * value:,.1f} bp"


def _block(title: str, lines: list[Line], width: int) -> list[str]:
    drawn = [f"{label}{value.rjust(max(width - len(label), len(value) + 1))}" for label, value in lines]
    return [title, "─" * max(width, *(len(line) for line in drawn)), *drawn]


def _box(title: str, foot: str, left: list[str], right: list[str]) -> str:
    wide_left, wide_right = max(map(len, left)), max(map(len, right))
    inner = max(wide_left + 3 + wide_right, len(title) + 2, len(foot) + 2)
    wide_right = inner - wide_left - 3
    pairs = zip_longest(left, right, fillvalue="")
    rows = [f"│ {one.ljust(wide_left)}   {two.ljust(wide_right)} │" for one, two in pairs]
    return "\n".join([f"╭{f' {title} '.center(inner + 2, '─')}╮", *rows, f"╰{f' {foot} '.center(inner + 2, '─')}╯"])
