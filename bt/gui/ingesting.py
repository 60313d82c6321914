"""A small window that asks what to bring from the exchange."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from bt import symbols
from bt.errors import BtError
from bt.gui.rows import Rows
from bt.timeframes import moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bt.gui.theme import Theme


def problems(names: str, first: str, now: datetime) -> dict[str, str]:
    """Say what is wrong with what is asked for, in the words of `bt ingest`."""
    found = {}
    try:
        if not symbols.parse_many(names.replace(",", " ").split()):
            found["ingested"] = "name one or more: BTCUSDT ETHUSDT"
    except BtError as error:
        found["ingested"] = f"{error.what}: {error.cure}"
    try:
        if moment(first, relative_to=now) >= now:
            found["since"] = "must be in the past"
    except BtError as error:
        found["since"] = f"{error.what}: {error.cure}"
    return found


def words(names: str, first: str) -> list[str]:
    """Give the command line, after `bt`."""
    return ["ingest", *names.replace(",", " ").split(), "--from", first]


class Ingesting(tk.Toplevel):
    """The window; `chosen` hears the command line."""

    def __init__(self, parent: tk.Misc, theme: Theme, now: datetime, chosen: Callable[[list[str]], None]) -> None:
        super().__init__(parent)
        self.title("Ingest from Bybit")
        self.configure(background=theme.palette.back)
        self.transient(parent.winfo_toplevel())
        self._now, self._chosen = now, chosen
        frame = ttk.Frame(self, padding=theme.px(16))
        frame.pack(fill="both", expand=True)
        self.rows = Rows(frame, theme, lambda name: self.rows.say_wrong(name, ""))
        self.rows.pack(fill="both")
        self.rows.entry("ingested", "Symbols", hint="BTCUSDT ETHUSDT · spot:BTCUSDT")
        self.rows.entry("since", "From", hint="2024-01-31 · 90d · 2y")
        self.rows.texts["since"].set("1y")
        bar = ttk.Frame(frame)
        bar.pack(anchor="e", pady=(theme.px(12), 0))
        self.close = ttk.Button(bar, text="Close", command=self.destroy)
        self.ingest = ttk.Button(bar, text="Ingest", style="Accent.TButton", command=self._try)
        for button in (self.ingest, self.close):
            button.pack(side="left", padx=(theme.px(6), 0))
        self.bind("<Return>", lambda _event: self._try())
        self.bind("<Escape>", lambda _event: self.destroy())
        self.resizable(width=False, height=False)
        over = parent.winfo_toplevel()
        x, y = over.winfo_rootx() + over.winfo_width() // 3, over.winfo_rooty() + over.winfo_height() // 4
        self.geometry(f"+{x}+{y}")
        self.rows.inputs["ingested"].focus_set()

    def _try(self) -> str:
        names, first = (self.rows.texts[name].get().strip() for name in ("ingested", "since"))
        wrong = problems(names, first, self._now)
        for name in ("ingested", "since"):
            self.rows.say_wrong(name, wrong.get(name, ""))
        if not wrong:
            self.destroy()
            self._chosen(words(names, first))
        return "break"
