"""Equity above drawdown, drawn on a canvas as wide as there is room."""

from __future__ import annotations

import tkinter as tk
from datetime import datetime
from itertools import pairwise
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from bt.gui.theme import Theme

BUCKETS: Final = 600
_LOWER: Final = 0.28  # of the height is the drawdown's
_TICKS: Final = 4
_LEAST: Final = 60  # pixels; on less nothing is drawn


class Point(NamedTuple):
    """What happened in a bucket of the span."""

    ts: datetime
    equities: tuple[float, ...]  # first, lowest, highest, last, in the order of time
    drawdown: float  # fraction ≤ 0


class Area(NamedTuple):
    """A part of the canvas, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def points(rows: list[dict[str, Any]]) -> list[Point]:
    """Read the rows of `equity_curve`."""
    found = []
    for row in rows:
        timed = [(row[f"{name}_ts"], row[f"{name}_equity"]) for name in ("first", "low", "high", "last")]
        equities = tuple(equity for _, equity in sorted(timed, key=lambda each: each[0]))
        found.append(Point(datetime.fromisoformat(row["first_ts"]), equities, row["drawdown"] or 0.0))
    return found


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Give round values between two, about so many."""
    span = (high - low) or abs(high) or 1.0
    rough = span / count
    power = 10.0 ** floor(log10(rough))
    step = next((each * power for each in (1, 2, 5) if each * power >= rough), 10 * power)
    return [step * each for each in range(ceil(low / step), floor(high / step) + 1)]


class Curve(tk.Canvas):
    """The canvas; it draws itself anew when its size, its colours or its points change."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, highlightthickness=0, height=theme.px(150), width=theme.px(300), takefocus=0)
        self._theme, self._points = theme, list[Point]()
        self.bind("<Configure>", lambda _event: self.draw())
        self.bind("<Motion>", self._point_at)
        self.bind("<Leave>", lambda _event: self.delete("hover"))

    def show(self, found: list[Point]) -> None:
        """Draw other points."""
        self._points = found
        self.draw()

    def draw(self) -> None:
        """Draw what there is."""
        self.delete("all")
        self.configure(background=self._theme.palette.back)
        upper, lower = self._areas()
        if len(self._points) < 2 or min(upper.right - upper.left, upper.bottom - upper.top) < _LEAST / 2:  # noqa: PLR2004
            return
        values = [value for point in self._points for value in point.equities]
        self._frame(upper, (min(values), max(values)), "Equity", "{:,.0f}")
        self._frame(lower, (100 * min(point.drawdown for point in self._points), 0.0), "Drawdown, %", "{:.3g}")
        self._dates(lower)
        self._equity(upper, min(values), max(values))
        self._drawdown(lower)

    def _areas(self) -> tuple[Area, Area]:
        px, width, height = self._theme.px, self.winfo_width(), self.winfo_height()
        left, right, top, bottom = px(64), width - px(10), px(20), height - px(22)
        split = round(bottom - _LOWER * (bottom - top))
        return Area(left, top, right, split - px(14)), Area(left, split + px(6), right, bottom)

    def _x(self, area: Area, place: float) -> float:
        return area.left + (area.right - area.left) * place / (len(self._points) - 1)

    def _frame(self, area: Area, bounds: tuple[float, float], title: str, form: str) -> None:
        """Draw lines at round values, and say what they are."""
        colours, small = self._theme.palette, self._theme.fonts["small"]
        room = max((area.bottom - area.top) // (2 * small.metrics("linespace")), 1)
        for value in ticks(*bounds, count=min(room, _TICKS)):
            y = _y(area, *bounds, value)
            self.create_line(area.left, y, area.right, y, fill=colours.line)
            self.create_text(
                area.left - self._theme.px(6), y, anchor="e", text=form.format(value + 0.0), font=small,
                fill=colours.muted,
            )  # fmt: skip
        self.create_text(
            area.left, area.top - self._theme.px(3), anchor="sw", text=title, font=small, fill=colours.fore
        )

    def _dates(self, area: Area) -> None:
        small, px = self._theme.fonts["small"], self._theme.px
        room = max((area.right - area.left) // (1.5 * small.measure("2024-01-01") + px(20)), 1)  # ends are not centred
        count = len(self._points)
        for number in range(int(room) + 1):
            place = min(round(number * (count - 1) / room), count - 1)
            anchor: Literal["nw", "ne", "n"] = "nw" if number == 0 else "ne" if number == room else "n"
            self.create_text(
                self._x(area, place), area.bottom + px(4), anchor=anchor, font=small,
                text=f"{self._points[place].ts:%Y-%m-%d}", fill=self._theme.palette.muted,
            )  # fmt: skip

    def _equity(self, area: Area, low: float, high: float) -> None:
        line: list[float] = []
        for place, point in enumerate(self._points):
            for number, value in enumerate(point.equities):
                line += [self._x(area, min(place + number / 4, len(self._points) - 1)), _y(area, low, high, value)]
        self.create_line(*line, fill=self._theme.palette.accent, width=max(self._theme.px(1.5), 1), tags="equity")

    def _drawdown(self, area: Area) -> None:
        low = min(point.drawdown for point in self._points)
        line: list[float] = []
        for place, point in enumerate(self._points):
            line += [self._x(area, place), _y(area, low, 0.0, point.drawdown)]
        colours = self._theme.palette
        self.create_polygon(area.left, area.top, *line, area.right, area.top, fill=colours.fill, tags="drawdown")
        for (x, y), (to_x, to_y) in pairwise(zip(line[::2], line[1::2], strict=True)):
            self.create_line(x, y, to_x, to_y, fill=colours.bad)

    def _point_at(self, event: tk.Event[tk.Misc]) -> None:
        """Say what was where the mouse is."""
        self.delete("hover")
        upper, lower = self._areas()
        if len(self._points) < 2 or not upper.left <= event.x <= upper.right:  # noqa: PLR2004
            return
        place = round((event.x - upper.left) / (upper.right - upper.left) * (len(self._points) - 1))
        point, colours = self._points[place], self._theme.palette
        x = self._x(upper, place)
        self.create_line(x, upper.top, x, lower.bottom, fill=colours.muted, dash=(2, 2), tags="hover")
        self.create_text(
            upper.right, upper.top - self._theme.px(3), anchor="se", tags="hover", font=self._theme.fonts["small"],
            fill=colours.fore,
            text=f"{point.ts:%Y-%m-%d %H:%M}   {point.equities[-1]:,.2f}   {100 * point.drawdown:.2f} %",
        )  # fmt: skip


def _y(area: Area, low: float, high: float, value: float) -> float:
    return area.bottom - (value - low) / ((high - low) or 1.0) * (area.bottom - area.top)
