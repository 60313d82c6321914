"""A bar that says what is the matter and offers what can be done about it."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bt.gui.theme import Theme


class Notice(tk.Frame):
    """Shown by `say`, gone by `clear`; `buttons` are those of the last offer, by what stands on them.

    It stays until what was offered is begun, which takes it away, or nobody wants to see it any more.
    """

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        px = theme.px
        super().__init__(parent, padx=px(12), pady=px(8))
        self._theme, self._alarms, self._place = theme, False, dict[str, str]()
        self.text = tk.Label(self, anchor="w", justify="left", font=theme.fonts["body"])
        self.text.pack(side="left", fill="x", expand=True)
        self._bar = tk.Frame(self)
        self._bar.pack(side="right")
        self.buttons: dict[str, ttk.Button] = {}
        self.bind("<Configure>", self._wrap)
        self.winfo_toplevel().bind("<<Dressed>>", lambda _event: self._dress(), add=True)

    def say(self, text: str, offers: Mapping[str, Callable[[], None]] | None = None, *, alarms: bool = True) -> None:
        """Say something, with what can be done about it; what is done takes the notice away."""
        for button in self.buttons.values():
            button.destroy()
        self.buttons = {}
        for name, call in {**(offers or {}), "Later" if offers else "Close": self.clear}.items():
            button = ttk.Button(self._bar, text=name, command=call)
            button.bind("<Return>", lambda event: (event.widget.invoke(), "break")[1])
            button.pack(side="left", padx=(self._theme.px(6), 0))
            self.buttons[name] = button
        self.text.configure(text=text)
        self._alarms = alarms
        self._dress()
        self.grid()

    def clear(self) -> None:
        """Take the notice away."""
        self.grid_remove()

    @property
    def shown(self) -> str:
        """Give what is said now; nothing if nothing is."""
        return str(self.text.cget("text")) if self.winfo_manager() else ""

    def _dress(self) -> None:
        colours = self._theme.palette
        back = colours.alarm if self._alarms else colours.notice
        for widget in (self, self._bar, self.text):
            widget.configure(background=back)
        self.text.configure(foreground=colours.fore)

    def _wrap(self, event: tk.Event[tk.Misc]) -> None:
        room = event.width - self._bar.winfo_reqwidth() - self._theme.px(40)
        self.text.configure(wraplength=max(room, self._theme.px(120)))
