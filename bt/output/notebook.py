"""The result of one run in a notebook: plain HTML with drawn curves, no script, whatever colours the page has."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from bt.output.panel import thinned
from bt.output.tables import cells, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from bt.output.panel import Line

_WIDTH, _HEIGHT = 640, 120  # of a curve, in pixels
_POINTS: Final = 400  # of a curve at most
_CELL: Final = "text-align:{side};padding:2px 10px;white-space:nowrap"
_LEFT, _RIGHT = _CELL.format(side="left"), _CELL.format(side="right")


def blocks_html(title: str, blocks: Mapping[str, Sequence[Line]]) -> str:
    """Give a title and the blocks side by side, each a table of labels and texts."""
    tables = "".join(
        f"<table style='margin:0 1em 0 0'><caption style='{_LEFT};font-weight:bold'>{_shown(name)}</caption>"
        f"{''.join(_row(line) for line in lines)}</table>"
        for name, lines in blocks.items()
    )
    return f"<h4>{_shown(title)}</h4><div style='display:flex;flex-wrap:wrap;align-items:flex-start'>{tables}</div>"


def rows_html(frame: pl.DataFrame, digits: Mapping[str, int] | None = None) -> str:
    """Give a table of the rows, numbers right; `digits` fixes decimals."""
    columns = {name: cells(frame[name], (digits or {}).get(name)) for name in frame.columns}
    style = {name: _RIGHT if frame.schema[name].is_numeric() else _LEFT for name in columns}
    head = "".join(f"<th style='{style[name]}'>{_shown(name)}</th>" for name in columns)
    rows = (
        "".join(f"<td style='{style[name]}'>{_shown(values[row])}</td>" for name, values in columns.items())
        for row in range(frame.height)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table style='margin:0.5em 0'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def curve_html(label: str, values: Sequence[float], ends: tuple[str, str], *, colour: str, filled: bool = False) -> str:
    """Draw a curve over time with its lowest and highest value; `ends` say when it begins and ends."""
    chosen = thinned(values, _POINTS)
    if not chosen:
        return ""
    count = len(chosen)
    low, high = min(chosen), max(chosen)
    span = (high - low) or 1.0
    points = " ".join(
        f"{place * _WIDTH / (count - 1):.1f},{(high - value) / span * _HEIGHT:.1f}"
        for place, value in enumerate(chosen)
    )
    area = f"<polygon points='0,0 {points} {_WIDTH},0' fill='{colour}' fill-opacity='0.2'/>" if filled else ""
    words = f"{label} from {ends[0]} to {ends[1]}: lowest {low:,.6g}, highest {high:,.6g}, last {chosen[-1]:,.6g}"
    box = f"viewBox='0 -2 {_WIDTH} {_HEIGHT + 4}' width='{_WIDTH}' style='max-width:100%'"
    line = f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.5'/>"
    drawn = f"<svg role='img' aria-label='{_shown(words)}' {box}>{area}{line}</svg>"
    return f"<figure style='margin:0.5em 0'>{drawn}<figcaption>{_shown(words)}</figcaption></figure>"


def words_html(text: str) -> str:
    """Give a paragraph."""
    return f"<p style='margin:0.3em 0'>{_shown(text)}</p>"


def _row(line: Line) -> str:
    label, text = line
    head = f"<th style='{_LEFT};font-weight:normal'>{_shown(label.strip())}</th>"
    return f"<tr>{head}<td style='{_RIGHT}'>{_shown(text)}</td></tr>"


def _shown(text: str) -> str:
    return escape(printable(text), quote=True)
