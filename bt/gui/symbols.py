"""The list of symbols with what candles there are of each: any of them can be chosen, by mouse or keyboard."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bt.gui.answers import Coverage
    from bt.gui.theme import Theme

_LINES: Final = 4
_COLUMNS: Final[tuple[tuple[str, str, int, Literal["w", "e"]], ...]] = (
    ("symbol", "Symbol", 130, "w"),
    ("first", "First", 84, "w"),
    ("end", "Last", 84, "w"),
    ("complete", "Complete", 74, "e"),
)
_MARKS: Final = {True: "☑", False: "☐"}


class SymbolList(ttk.Frame):
    """A line for each symbol; a click or the space bar chooses it or leaves it out."""

    def __init__(self, parent: tk.Misc, theme: Theme, changed: Callable[[], None]) -> None:
        super().__init__(parent)
        self._changed, self._covered = changed, dict[str, "Coverage"]()
        self._chosen: set[str] = set()
        self.tree = ttk.Treeview(
            self, columns=[each[0] for each in _COLUMNS], show="headings", height=_LINES, selectmode="browse"
        )
        for name, title, width, anchor in _COLUMNS:
            self.tree.heading(name, text=f" {title} ", anchor=anchor)
            self.tree.column(name, width=theme.px(width), minwidth=theme.px(50), anchor=anchor)
        bar = ttk.Scrollbar(self, orient="vertical", command=self.tree.yview)
        self.tree.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.tree.pack(side="left", fill="both", expand=True)
        self.tree.bind("<ButtonRelease-1>", self._clicked)
        self.tree.bind("<space>", lambda _event: self._toggle(self.tree.focus()))

    def show(self, covered: Iterable[Coverage]) -> None:
        """Show what there is now; what was chosen stays so."""
        self._covered = {one.symbol: one for one in covered}
        self.tree.delete(*self.tree.get_children())
        for one in self._covered.values():
            values = (self._text(one.symbol), f"{one.first:%Y-%m-%d}", f"{one.end:%Y-%m-%d}", f"{one.complete:.4g} %")
            self.tree.insert("", "end", iid=one.symbol, values=values)
        if self._covered:
            self.tree.focus(next(iter(self._covered)))

    def chosen(self) -> tuple[str, ...]:
        """Give the chosen symbols, in the order of the list."""
        return tuple(name for name in self._covered if name in self._chosen) or tuple(
            sorted(self._chosen if not self._covered else ())
        )

    def choose(self, names: Iterable[str]) -> None:
        """Choose these and no others."""
        self._chosen = set(names)
        for name in self._covered:
            self.tree.set(name, "symbol", self._text(name))
        self._changed()

    def _text(self, name: str) -> str:
        return f"{_MARKS[name in self._chosen]} {name}"

    def _clicked(self, event: tk.Event[ttk.Treeview]) -> None:
        if self.tree.identify_region(event.x, event.y) == "cell":
            self._toggle(self.tree.identify_row(event.y))

    def _toggle(self, name: str) -> str:
        if name in self._covered:
            self.choose(self._chosen ^ {name})
        return "break"
