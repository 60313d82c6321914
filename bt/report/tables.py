"""Rows of a report as HTML that is read without a script: tables, cards, pairs, and maps of coloured cells."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

from bt.report import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from bt.report.definitions import Section

_SIGNED: Final = ("signed", "gain")
_SHADES: Final = 6  # to either side of the middle
_USUAL: Final = 0.88  # share of the cells within the darkest shade
_MOST_ACROSS: Final = 60
_TALL: Final = 40  # rows from which a table scrolls by itself
_WRAPPED: Final = 44  # characters of a cell that is broken into lines


def shown(value: object) -> str:
    """Escape any text for HTML, between tags and inside quotes."""
    return escape(cells.text(value), quote=True)


def named(column: str) -> str:
    """Give a column's heading."""
    return shown(column.replace("_", " "))


def table(section: Section, frame: pl.DataFrame) -> str:
    """Give a table of the rows; a row of trades says which trade it is, and can be chosen."""
    names = [name for name in frame.columns if name not in section.hidden]
    written = cells.columns(section, frame, names)
    classes = {name: "n" if frame[name].dtype.is_numeric() else "t" for name in names}
    for name, kind in frame.schema.items():
        if name in classes and (kind.is_temporal() or section.formats.get(name) in {"minute", "date"}):
            classes[name] = "n"
    for name in names:
        longest = max(map(len, written[name]), default=0)
        classes[name] += " long" if classes[name] == "t" and longest > _WRAPPED else ""
    head = "".join(f'<th scope="col" class="{classes[name]}">{named(name)}</th>' for name in names)
    signed = {name for name in names if section.formats.get(name) in _SIGNED}
    trades = frame["trade"].to_list() if section.chart == "trades" else None
    rows = []
    for place in range(frame.height):
        line = "".join(_cell(written[name][place], classes[name], name in signed) for name in names)
        rows.append(_row(line, trades[place] if trades else None))
    tall = " tall" if frame.height > _TALL else ""
    content = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return _scrolled(section, f"<table>{content}</table>", tall)


def cards(section: Section, frame: pl.DataFrame) -> str:
    """Give one card for each row: label, value, and a note where there is one."""
    values = cells.columns(section, frame, ["value"])["value"]
    notes = frame["note"].to_list() if "note" in frame.columns else [None] * frame.height
    units = frame["unit"].to_list() if "unit" in frame.columns else [""] * frame.height
    made = []
    for label, value, note, unit in zip(frame["label"].to_list(), values, notes, units, strict=True):
        kind = _sign(value) if unit in _SIGNED else ""
        under = f"<small>{shown(note)}</small>" if note else ""
        made.append(f'<div><dt>{shown(label)}</dt><dd class="{kind}">{shown(value)}{under}</dd></div>')
    return f'<dl class="cards">{"".join(made)}</dl>'


def facts(section: Section, frame: pl.DataFrame) -> str:
    """Give pairs of label and value; what has no value is left out."""
    values = cells.columns(section, frame, ["value"])["value"]
    pairs = [
        f"<div><dt>{shown(label)}</dt><dd>{shown(value)}</dd></div>"
        for label, value in zip(frame["label"].to_list(), values, strict=True)
        if value not in {"", cells.NONE}
    ]
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def words(frame: pl.DataFrame) -> str:
    """Give a paragraph for each row of the first column."""
    return "".join(f'<p class="words">{shown(text)}</p>' for text in frame.to_series(0).to_list() if text)


def code(frame: pl.DataFrame) -> str:
    """Give the first cell as it is, folded."""
    text = str(frame.row(0)[0] or "")
    lines = f"{text.count(chr(10)) + 1:,} lines"
    return f"<details><summary>{lines}</summary><pre><code>{shown(text)}</code></pre></details>"


def heatmap(section: Section, frame: pl.DataFrame) -> str:
    """Give a table whose cells are coloured by their value, and that is read as a table."""
    x, y, value = (section.parts[part] for part in ("x", "y", "value"))
    across = list(dict.fromkeys(map(str, frame[x].to_list())))
    down = list(dict.fromkeys(map(str, frame[y].to_list())))
    if len(across) > _MOST_ACROSS:
        return f'<p class="none">{len(across):,} columns are too many to show, {_MOST_ACROSS} at most.</p>'
    texts = cells.columns(section, frame, [value])[value]
    places = zip(map(str, frame[y].to_list()), map(str, frame[x].to_list()), strict=True)
    filled = dict(zip(places, zip(frame[value].to_list(), texts, strict=True), strict=True))
    shade = _shading([number for number, _ in filled.values()], signed=section.formats.get(value) in _SIGNED)
    head = "".join(f'<th scope="col">{shown(each)}</th>' for each in across)
    rows = []
    for label in down:
        line = ""
        for each in across:
            number, text = filled.get((label, each), (None, ""))
            line += f'<td class="n {shade(number)}">{shown(text)}</td>'
        rows.append(f'<tr><th scope="row">{shown(label)}</th>{line}</tr>')
    content = f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return _scrolled(section, f'<table class="map">{content}</table>')


def _scrolled(section: Section, content: str, more: str = "") -> str:
    label = shown(section.title)
    return f'<div class="scroll{more}" role="region" aria-label="{label}" tabindex="0">{content}</div>'


def _shading(numbers: list[Any], *, signed: bool) -> Callable[[Any], str]:
    """Give a function from a value to the class of its shade.

    Gains and what lies on both sides of 0 are shaded from 0, all else from its least extreme value; few outliers do
    not pale the rest.
    """
    known = sorted(float(number) for number in numbers if number is not None and math.isfinite(number)) or [0.0]
    middle = 0.0 if signed or known[0] < 0 < known[-1] else known[0] if known[0] >= 0 else known[-1]
    distances = sorted(abs(number - middle) for number in known)
    reach = distances[int(_USUAL * (len(distances) - 1))] or distances[-1] or 1.0

    def shade(number: Any) -> str:
        if number is None or not math.isfinite(number):
            return ""
        step = max(-_SHADES, min(_SHADES, round((float(number) - middle) / reach * _SHADES)))
        return f"up{step}" if step > 0 else f"dn{-step}" if step < 0 else ""

    return shade


def _row(line: str, trade: Any) -> str:
    return f"<tr>{line}</tr>" if trade is None else f'<tr data-trade="{int(trade)}">{line}</tr>'


def _cell(text: str, kind: str, signed: bool) -> str:
    return f'<td class="{kind}{" " + _sign(text) if signed else ""}">{shown(text)}</td>'


def _sign(text: str) -> str:
    return (
        "neg" if text.startswith("-") else "pos" if text.startswith("+") and any(c in "123456789" for c in text) else ""
    )
