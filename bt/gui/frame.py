"""What the window is made of: buttons above, the form on the left, results on the right, how it stands below."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Protocol

from bt.gui.form import FormView
from bt.gui.notice import Notice
from bt.gui.results import Results

if TYPE_CHECKING:
    from bt.gui.theme import Theme

_WIDE, _HIGH, _LEAST_WIDE, _LEAST_HIGH = 1240, 820, 760, 480  # pixels at the usual size


class Calls(Protocol):
    """What the buttons do."""

    def run(self) -> None: ...  # noqa: D102 - named by their buttons
    def walk(self) -> None: ...  # noqa: D102
    def cancel(self) -> None: ...  # noqa: D102
    def copy(self) -> None: ...  # noqa: D102
    def ingest(self) -> None: ...  # noqa: D102
    def refresh(self) -> None: ...  # noqa: D102
    def switch(self) -> None: ...  # noqa: D102
    def report(self) -> None: ...  # noqa: D102
    def export(self) -> None: ...  # noqa: D102
    def strategy_chosen(self, name: str) -> None: ...  # noqa: D102
    def show_run(self, run: str) -> None: ...  # noqa: D102


class MainFrame(ttk.Frame):
    """The widgets; `buttons` are by what stands on them."""

    def __init__(self, root: tk.Tk, theme: Theme, calls: Calls) -> None:
        super().__init__(root)
        self._theme, self._calls = theme, calls
        px = theme.px
        self.buttons: dict[str, ttk.Button] = {}
        self.pack(fill="both", expand=True)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        self._tools().grid(row=0, column=0, sticky="ew", padx=px(12), pady=px(10))
        self.notice = Notice(self, theme)
        self.notice.grid(row=1, column=0, sticky="ew")
        self.notice.grid_remove()
        panes = ttk.PanedWindow(self, orient="horizontal")
        panes.grid(row=2, column=0, sticky="nsew")
        self.form = FormView(panes, theme, calls.strategy_chosen)
        self.results = Results(panes, theme, calls.show_run)
        panes.add(self.form, weight=0)
        panes.add(self.results, weight=1)
        self._foot().grid(row=3, column=0, sticky="ew", padx=px(12), pady=px(8))
        wide, high = root.winfo_screenwidth(), root.winfo_screenheight()
        root.geometry(f"{min(px(_WIDE), wide)}x{min(px(_HIGH), high)}")
        root.minsize(min(px(_LEAST_WIDE), wide), min(px(_LEAST_HIGH), high))

    def working(self, *, busy: bool) -> None:
        """Offer what can be done while something is under way, or while nothing is."""
        for name, button in self.buttons.items():
            if name == "Cancel":
                button.state(["!disabled" if busy else "disabled"])
            elif name in {"Run", "Walk-forward", "Ingest…", "Open report", "Export…"}:
                here = not busy and (name not in {"Open report", "Export…"} or bool(self.results.run_id))
                button.state(["!disabled" if here else "disabled"])

    def say(self, text: str) -> None:
        """Say in one line how it stands."""
        self.status.configure(text=text)

    def advance(self, share: float | None) -> None:
        """Move the bar to a share of its length; where that is not known it goes to and fro."""
        if share is None:
            if str(self.bar.cget("mode")) != "indeterminate":
                self.bar.configure(mode="indeterminate")
                self.bar.start(40)
            return
        if str(self.bar.cget("mode")) != "determinate":
            self.bar.stop()
            self.bar.configure(mode="determinate")
        self.bar.configure(value=100 * share)

    def _tools(self) -> ttk.Frame:
        tools, calls = ttk.Frame(self), self._calls
        for name, call, underlined in (
            ("Run", calls.run, 0), ("Walk-forward", calls.walk, 0), ("Cancel", calls.cancel, 0),
            ("Copy command", calls.copy, 3), ("Ingest…", calls.ingest, 0), ("Refresh", calls.refresh, 2),
        ):  # fmt: skip
            self._button(tools, name, call, underlined)
        self._button(tools, "Dark", calls.switch, 0, side="right")
        self._button(tools, "Export…", calls.export, 0, side="right")
        self._button(tools, "Open report", calls.report, 0, side="right")
        return tools

    def _button(self, parent: tk.Misc, name: str, call: object, underlined: int, side: str = "left") -> None:
        style = "Accent.TButton" if name == "Run" else "TButton"
        button = ttk.Button(parent, text=name, command=call, underline=underlined, style=style)  # type: ignore[arg-type]
        gap = self._theme.px(6)
        button.pack(side=side, padx=(0, gap) if side == "left" else (gap, 0))  # type: ignore[arg-type]
        button.bind("<Return>", lambda _event: (button.invoke(), "break")[1])
        letter = name[underlined].lower()
        self.winfo_toplevel().bind(f"<Alt-{letter}>", lambda _event: (button.invoke(), "break")[1])
        self.buttons[name] = button

    def _foot(self) -> ttk.Frame:
        foot = ttk.Frame(self)
        self.status = ttk.Label(foot, text="", anchor="w")
        self.elapsed = ttk.Label(foot, text="", style="Muted.TLabel", anchor="e")
        self.bar = ttk.Progressbar(foot, length=self._theme.px(260), maximum=100)
        self.bar.pack(side="right")  # what is packed last is cut first
        self.elapsed.pack(side="right", padx=self._theme.px(10))
        self.status.pack(side="left", fill="x", expand=True)
        return foot
