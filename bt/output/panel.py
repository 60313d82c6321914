"""The result of one run on a terminal: a panel of 80 columns that grows rather than cut a number."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from bt.output.tables import printable, screen_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LEFT: Final = 35  # columns
_RIGHT: Final = 38
_BETWEEN: Final = 3
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NONE: Final = "–"  # noqa: RUF001 - what is undefined

Line = tuple[str, str]


def money(value: float | None, *, signed: bool = False) -> str:
    """Give an amount with two decimals, a dash where undefined."""
    return _NONE if value is None else f"{_rounded(value, 2):{'+' if signed else ''},.2f}"


def percent(value: float | None, *, signed: bool = False, digits: int = 2) -> str:
    """Give a fraction as a percentage."""
    return _NONE if value is None else f"{_rounded(100 * value, digits):{'+' if signed else ''},.{digits}f} %"


def ratio(value: float | None, digits: int = 2) -> str:
    """Give a bare number."""
    return _NONE if value is None else f"{_rounded(value, digits):,.{digits}f}"


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # adding 0 turns -0 into 0


def run_panel(run: Mapping[str, Any], metrics: Mapping[str, Any], width: int | None = None) -> str:
    """Draw the panel of one run; its blocks one below the other where the screen has no room for two abreast."""
    returns, risks, trades, costs = run_blocks(run, metrics).items()
    title, foot = title_of(run), f"run {run['run_id']} · saved"
    drawn = _box(title, foot, _column([returns, trades], _LEFT), _column([risks, costs], _RIGHT))
    if _cells(drawn.partition("\n")[0]) <= (width or screen_width()):
        return drawn
    return _box(title, foot, _column([returns, risks, trades, costs], max(_LEFT, _cells(title), _cells(foot))), [])


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
        ("  longest", f"{metrics['longest_drawdown_days']:,} d"),
        ("Sharpe / Sortino", f"{ratio(metrics['sharpe'])} / {ratio(metrics['sortino'])}"),
        ("Calmar", ratio(metrics["calmar"])),
        ("Worst day", percent(metrics["worst_day"])),
    ]
    trades: list[Line] = [
        ("Trades  long/short", f"{metrics['trades']:,}  {metrics['longs']:,}/{metrics['shorts']:,}"),
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
    span = " → ".join(
        f"{moment:%Y-%m-%d}" if moment.hour == moment.minute == 0 else f"{moment:%Y-%m-%d %H:%M}"
        for moment in (run["first_ts"], run["end_ts"])
    )
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


def thinned(values: Sequence[float], most: int) -> list[float]:
    """Give at most so many values of a curve, each the last one of its part; none of a point, which is no curve."""
    if len(values) < 2:  # noqa: PLR2004
        return []
    count = min(most, len(values))
    return [values[(place + 1) * len(values) // count - 1] for place in range(count)]


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Draw a curve in one line of at most `width` characters, each the last value of its part."""
    chosen = thinned(values, width)
    if not chosen:
        return ""
    low, span = min(chosen), (max(chosen) - min(chosen)) or 1.0
    return "".join(_BLOCKS[min(int((value - low) / span * len(_BLOCKS)), len(_BLOCKS) - 1)] for value in chosen)


def _basis_points(value: float | None) -> str:
    return _NONE if value is None else f"{10_000 * value:,.1f} bp"


def _column(blocks: Sequence[tuple[str, list[Line]]], least: int) -> list[str]:
    """Draw blocks below each other, as wide as the widest of all their lines."""
    width = max(least, *(len(label) + 1 + len(value) for _, lines in blocks for label, value in lines))
    drawn = []
    for title, lines in blocks:
        drawn += [title, "─" * width, *(f"{label}{value.rjust(width - len(label))}" for label, value in lines)]
    return drawn


def _box(title: str, foot: str, left: list[str], right: list[str]) -> str:
    """Draw a box around one or two columns; a title that is wider than they are widens it."""
    wide_left, wide_right = max(map(len, left)), max(map(len, right), default=-_BETWEEN)
    inner = max(wide_left + _BETWEEN + wide_right, _cells(title) + 2, _cells(foot) + 2)
    gap = " " * _BETWEEN if right else ""
    pairs = zip_longest(left, right, fillvalue="")
    rows = [f"│ {f'{one.ljust(wide_left)}{gap}{two}'.ljust(inner)} │" for one, two in pairs]
    return "\n".join([f"╭{_centred(title, inner + 2)}╮", *rows, f"╰{_centred(foot, inner + 2)}╯"])


def _centred(text: str, width: int) -> str:
    """Put a text, which may have letters of two columns, into the middle of a line."""
    space = width - _cells(text) - 2
    return f"{'─' * (space // 2)} {text} {'─' * (space - space // 2)}"


def _cells(text: str) -> int:
    """Give how many columns a text takes: some letters take two."""
    from rich.cells import cell_len

    return cell_len(text)
