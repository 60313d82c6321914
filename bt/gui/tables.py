"""Rows in columns that a click on their heads sorts."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from tkinter import ttk
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bt.gui.theme import Theme

NONE = "–"  # noqa: RUF001 - what is undefined


class Column(NamedTuple):
    """A column: the key of its values in a row, its head, its width at the usual size, and how a value is written."""

    name: str
    title: str
    width: int
    text: Callable[[Any], str] = str
    number: bool = False


class Table(ttk.Frame):
    """The rows, sorted by whichever head was clicked last; `opened` hears the row of a double click or Return."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, columns: Sequence[Column] = (), *,
        opened: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.theme, self._opened = theme, opened
        self.rows: list[dict[str, Any]] = []
        self._columns: tuple[Column, ...] = ()
        self._sorted: tuple[str, bool] | None = None  # by which column, and whether the highest is first
        self.note = ttk.Label(self, style="Muted.TLabel")
        self.note.pack(side="bottom", anchor="w", padx=theme.px(6), pady=theme.px(3))
        self.tree = ttk.Treeview(self, show="headings", selectmode="browse")
        along = ttk.Scrollbar(self, orient="vertical", command=self.tree.yview)
        across = ttk.Scrollbar(self, orient="horizontal", command=self.tree.xview)
        self.tree.configure(yscrollcommand=along.set, xscrollcommand=across.set)
        along.pack(side="right", fill="y")
        across.pack(side="bottom", fill="x")
        self.tree.pack(side="left", fill="both", expand=True)
        for event in ("<Double-1>", "<Return>"):
            self.tree.bind(event, self._open)
        self.lay(columns)

    def lay(self, columns: Sequence[Column]) -> None:
        """Take other columns; the rows go."""
        self._columns, self._sorted, self.rows = tuple(columns), None, []
        self.tree.delete(*self.tree.get_children())
        self.tree.configure(columns=[each.name for each in columns])
        for each in columns:
            anchor: Literal["e", "w"] = "e" if each.number else "w"
            self.tree.heading(each.name, text=f" {each.title} ", anchor=anchor, command=partial(self.sort, each.name))
            width = self.theme.px(each.width)
            self.tree.column(each.name, width=width, minwidth=width, anchor=anchor, stretch=True)

    def show(self, rows: list[dict[str, Any]], note: str = "") -> None:
        """Show other rows, in the order in which they come."""
        self.rows, self._sorted = rows, None
        self.note.configure(text=note)
        self._draw()

    def sort(self, name: str) -> None:
        """Sort by a column; by the same one again, the other way round. What is undefined comes last."""
        down = self._sorted == (name, False)
        self._sorted = (name, down)
        have = [row for row in self.rows if row.get(name) is not None]
        have.sort(key=lambda row: row[name], reverse=down)
        self.rows = have + [row for row in self.rows if row.get(name) is None]
        self._draw()

    def _draw(self) -> None:
        for each in self._columns:
            mark = "" if not self._sorted or self._sorted[0] != each.name else " ▾" if self._sorted[1] else " ▴"
            self.tree.heading(each.name, text=f" {each.title}{mark} ")
        self.tree.delete(*self.tree.get_children())
        longest = [""] * len(self._columns)
        for place, row in enumerate(self.rows):
            values = [NONE if row.get(each.name) is None else each.text(row[each.name]) for each in self._columns]
            self.tree.insert("", "end", iid=str(place), values=values)
            longest = [max(pair, key=len) for pair in zip(longest, values, strict=True)]
        for each, text in zip(self._columns, longest, strict=True):  # no number is ever cut
            width = max(self.theme.px(each.width), self.theme.fonts["body"].measure(text) + self.theme.px(14))
            self.tree.column(each.name, width=width, minwidth=width)

    def _open(self, _event: tk.Event[tk.Misc]) -> str | None:
        selected = self.tree.selection()
        if self._opened and selected:
            self._opened(self.rows[int(selected[0])])
            return "break"
        return None
