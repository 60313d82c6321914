"""A frame that is scrolled where it is taller than its room, and follows the keyboard."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bt.gui.theme import Theme

_STEP: Final = 3  # units of a turn of the wheel


class Scrolled(ttk.Frame):
    """Put what is to be scrolled into `inner`."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent)
        self.theme = theme
        self._canvas = tk.Canvas(self, highlightthickness=0, takefocus=0)
        bar = ttk.Scrollbar(self, orient="vertical", command=self._canvas.yview)
        self._canvas.configure(yscrollcommand=bar.set, yscrollincrement=theme.px(12))
        bar.pack(side="right", fill="y")
        self._canvas.pack(side="left", fill="both", expand=True)
        self.inner = ttk.Frame(self._canvas, padding=(theme.px(12), 0, theme.px(8), theme.px(12)))
        self._held = self._canvas.create_window(0, 0, anchor="nw", window=self.inner)
        self.inner.bind("<Configure>", lambda _event: self._fit())
        self._canvas.bind("<Configure>", lambda event: self._canvas.itemconfigure(self._held, width=event.width))
        top = self.winfo_toplevel()
        for event, step in (("<<WheelUp>>", -_STEP), ("<<WheelDown>>", _STEP)):
            top.bind(event, lambda _event, step=step: self._canvas.yview_scroll(step, "units"), add=True)  # type: ignore[misc]
        top.bind("<<Dressed>>", lambda _event: self.dress(), add=True)
        self._follows: set[str] = set()

    def dress(self) -> None:
        """Take the colours of the theme."""
        self._canvas.configure(background=self.theme.palette.back)

    def follow_focus(self) -> None:
        """Bring whatever inside gets the keyboard into sight; call it again when more is put in."""
        waiting: list[tk.Misc] = [self.inner]
        while waiting:
            widget = waiting.pop()
            waiting += widget.winfo_children()
            if str(widget) not in self._follows:
                self._follows.add(str(widget))
                if isinstance(widget, ttk.Entry | ttk.Button | ttk.Treeview):  # others would get the keyboard by it
                    widget.bind("<FocusIn>", lambda event: self.see(event.widget), add=True)
                if not isinstance(widget, ttk.Combobox | ttk.Treeview):
                    widget.bind("<Button-4>", lambda _event: self._canvas.yview_scroll(-_STEP, "units"), add=True)
                    widget.bind("<Button-5>", lambda _event: self._canvas.yview_scroll(_STEP, "units"), add=True)

    def see(self, widget: tk.Misc) -> None:
        """Scroll so far that a widget inside is seen."""
        self.update_idletasks()
        top = widget.winfo_rooty() - self.inner.winfo_rooty()
        height, room = self.inner.winfo_height(), self._canvas.winfo_height()
        seen = self._canvas.canvasy(0)
        if top < seen:
            self._canvas.yview_moveto(max(top - self.theme.px(30), 0) / height)
        elif top + widget.winfo_height() + self.theme.px(30) > seen + room:
            self._canvas.yview_moveto((top + widget.winfo_height() + self.theme.px(30) - room) / height)

    def _fit(self) -> None:
        self._canvas.configure(scrollregion=(0, 0, 0, self.inner.winfo_reqheight()), width=self.inner.winfo_reqwidth())
