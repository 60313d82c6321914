"""Rows of the form: a label, what is filled in, a hint, and below it what is wrong."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.gui.theme import Theme


class Rows(ttk.Frame):
    """A column of rows; `inputs`, `texts`, `hints` and `wrongs` are by the name of the field."""

    def __init__(self, parent: tk.Misc, theme: Theme, changed: Callable[[str], None]) -> None:
        super().__init__(parent)
        self.theme, self._changed, self._place = theme, changed, 0
        self.inputs: dict[str, tk.Widget] = {}
        self.texts: dict[str, tk.StringVar] = {}
        self.hints: dict[str, ttk.Label] = {}
        self.wrongs: dict[str, ttk.Label] = {}
        self.columnconfigure(2, weight=1)

    def head(self, title: str) -> None:
        """Begin a section."""
        px = self.theme.px
        label = ttk.Label(self, text=title, style="Head.TLabel")
        label.grid(row=self.next(), column=0, columnspan=3, sticky="w", pady=(px(14), px(4)))

    def next(self) -> int:
        """Give the next free row."""
        self._place += 1
        return self._place

    def entry(self, name: str, label: str, *, hint: str = "", words: tuple[str, ...] = (), wide: bool = False) -> None:
        """Add a field to type into, or to choose one of some words from."""
        row, px = self.next(), self.theme.px
        ttk.Label(self, text=label).grid(row=row, column=0, sticky="w", padx=(0, px(8)), pady=px(2))
        made = self.made(self, name, words=words)
        made.grid(row=row, column=1, columnspan=2 if wide else 1, sticky="ew", pady=px(2))
        if wide:
            self.wrong(name, column=1)
            return
        self.hints[name] = ttk.Label(self, text=hint, style="Muted.TLabel")
        self.hints[name].grid(row=row, column=2, sticky="w", padx=(px(8), 0))
        self.wrong(name, column=1)

    def made(
        self, parent: tk.Misc, name: str, *, words: tuple[str, ...] = (), width: int = 13, only: bool = True
    ) -> ttk.Entry:
        """Make what is typed into, without placing it."""
        text = self.texts[name] = tk.StringVar(self)
        if words:
            made: ttk.Entry = ttk.Combobox(
                parent, textvariable=text, values=words, width=width, state="readonly" if only else "normal"
            )
            for wheel in ("<Button-4>", "<Button-5>", "<MouseWheel>"):  # scrolls the form and changes nothing
                made.bind(wheel, self._pass_on)
        else:
            made = ttk.Entry(parent, textvariable=text, width=width)
        made.configure(font=self.theme.fonts["body"])
        made.bind("<Control-a>", self._select_all)
        text.trace_add("write", lambda *_: self._changed(name))
        self.inputs[name] = made
        return made

    def wrong(self, name: str, *, column: int = 0) -> None:
        """Add the place where it is said what is wrong with a field."""
        label = self.wrongs[name] = ttk.Label(self, style="Wrong.TLabel", wraplength=self.theme.px(300))
        label.grid(row=self.next(), column=column, columnspan=3 - column, sticky="w", pady=(0, self.theme.px(4)))
        label.grid_remove()

    def say_wrong(self, name: str, text: str) -> None:
        """Say what is wrong with a field, or that nothing is."""
        label = self.wrongs[name]
        label.configure(text=f"✗ {text}" if text else "")
        if text:
            label.grid()
        else:
            label.grid_remove()

    @staticmethod
    def _select_all(event: tk.Event[tk.Misc]) -> str:
        event.widget.event_generate("<<SelectAll>>")
        return "break"

    @staticmethod
    def _pass_on(event: tk.Event[tk.Misc]) -> str:
        up = event.num == 4 or event.delta > 0  # noqa: PLR2004 - the number of the wheel's button
        event.widget.winfo_toplevel().event_generate("<<WheelUp>>" if up else "<<WheelDown>>")
        return "break"
