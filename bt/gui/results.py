"""What a run came to: its figures in the terminal's order, equity and drawdown, symbols, folds and trades."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Any, Final

from bt.gui import columns
from bt.gui.curve import Curve, points
from bt.gui.tables import Table
from bt.output.panel import run_blocks, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bt.gui.theme import Theme

MOST: Final = 500  # trades that are listed
_PLACES: Final = {"Return": (0, 0), "Risk": (0, 1), "Trades": (1, 0), "Costs": (1, 1)}  # as in the terminal
_SIGNED: Final = {"Net profit", "Total return", "CAGR", "Buy & hold"}
_GIVEN: Final = "Choose a strategy and symbols, then press Run. What came out is shown here."


class Results(ttk.Notebook):
    """The tabs; `opened` hears which run of the history is to be shown."""

    def __init__(self, parent: tk.Misc, theme: Theme, opened: Callable[[str], None]) -> None:
        super().__init__(parent)
        self.theme = theme
        self.run_id = ""
        page = self.page = ttk.Frame(self, padding=theme.px(12))
        self.title_label = ttk.Label(page, text=_GIVEN, style="Value.TLabel", wraplength=theme.px(600))
        self.title_label.pack(anchor="w")
        self.said = ttk.Label(page, style="Muted.TLabel", wraplength=theme.px(700), justify="left")
        self.said.pack(anchor="w", fill="x")
        self.figures = ttk.Frame(page)
        self.figures.pack(fill="x", pady=theme.px(6))
        self.warned = ttk.Label(page, style="Muted.TLabel", justify="left")
        self.warned.pack(side="bottom", anchor="w", fill="x")
        self.curve = Curve(page, theme)
        self.curve.pack(fill="both", expand=True)
        page.bind("<Configure>", self._wrap)
        self.symbols = Table(self, theme, columns.SYMBOLS)
        self.folds = Table(self, theme, columns.FOLDS)
        self.trades = Table(self, theme, columns.TRADES)
        self.history = Table(self, theme, columns.RUNS, opened=lambda row: opened(row["run"]))
        self.log = _Log(self, theme)
        for widget, name in (
            (page, "Result"), (self.symbols, "Symbols"), (self.folds, "Folds"), (self.trades, "Trades"),
            (self.history, "History"), (self.log, "Log"),
        ):  # fmt: skip
            self.add(widget, text=name)
        self.hide(self.folds)
        self.winfo_toplevel().bind("<<Dressed>>", lambda _event: self.dress(), add=True)

    def dress(self) -> None:
        """Take the colours of the theme."""
        self.curve.draw()
        self.log.dress()

    def show(self, whole: Mapping[str, Any]) -> None:
        """Show a run, a walk-forward's stitched run, or the best sets of a sweep."""
        run, metrics = whole["run"], whole.get("metrics")
        self.run_id = run["run_id"]
        self.title_label.configure(text=title_of(run), style="Title.TLabel")
        self.said.configure(text="\n".join(_said(whole)))
        self.warned.configure(text="\n".join(f"! {warning}" for warning in run["warnings"]))
        self._show_figures(run_blocks(run, metrics) if metrics else {})
        self.symbols.show(whole.get("by_symbol", []))
        self._show_sets(whole)
        self.curve.show([])
        self.trades.show([])
        self.select(str(self.page))  # type: ignore[no-untyped-call]

    def show_curve(self, rows: list[dict[str, Any]]) -> None:
        """Draw equity and drawdown of the run that is shown."""
        self.curve.show(points(rows))

    def show_trades(self, rows: list[dict[str, Any]], count: int) -> None:
        """List the trades of the run that is shown, `count` in all."""
        note = f"{len(rows):,} of {count:,} trades; Export… writes all" if count > len(rows) else f"{count:,} trades"
        self.trades.show(rows, note)

    def _show_sets(self, whole: Mapping[str, Any]) -> None:
        if "folds" in whole or "top" in whole:
            walked = "folds" in whole
            self.folds.lay(columns.FOLDS if walked else columns.SETS)
            self.folds.show(whole["folds"] if walked else whole["top"])
            self.add(self.folds, text="Folds" if walked else "Best sets")
        else:
            self.hide(self.folds)

    def _show_figures(self, blocks: Mapping[str, list[tuple[str, str]]]) -> None:
        for child in self.figures.winfo_children():
            child.destroy()
        px = self.theme.px
        for title, lines in blocks.items():
            row, column = _PLACES[title]
            frame = ttk.Frame(self.figures)
            frame.grid(row=row, column=column, sticky="new", padx=(0 if column == 0 else px(28), 0))
            self.figures.columnconfigure(column, weight=1, uniform="blocks")
            frame.columnconfigure(0, weight=1)
            ttk.Label(frame, text=title, style="Head.TLabel").grid(row=0, column=0, sticky="w", pady=(px(4), px(1)))
            for place, (label, text) in enumerate(lines, 1):
                ttk.Label(frame, text=label.strip() if label[:1] != " " else f"   {label.strip()}").grid(
                    row=place, column=0, sticky="w", pady=px(1)
                )
                value = ttk.Label(frame, text=text, style=_style(label, text))
                value.grid(row=place, column=1, sticky="e", padx=(px(12), 0))

    def _wrap(self, event: tk.Event[tk.Misc]) -> None:
        width = max(event.width - self.theme.px(30), 100)
        for label in (self.said, self.warned, self.title_label):
            label.configure(wraplength=width)


class _Log(ttk.Frame):
    """What was said, line by line; nothing can be typed into it, all can be copied."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self.text = tk.Text(self, wrap="word", font=theme.fonts["mono"], state="disabled", borderwidth=0, height=5)
        bar = ttk.Scrollbar(self, orient="vertical", command=self.text.yview)
        self.text.configure(yscrollcommand=bar.set, padx=theme.px(8), pady=theme.px(8), highlightthickness=0)
        bar.pack(side="right", fill="y")
        self.text.pack(fill="both", expand=True)

    def dress(self) -> None:
        """Take the colours of the theme."""
        colours = self._theme.palette
        self.text.configure(background=colours.field, foreground=colours.fore, insertbackground=colours.fore)
        for tag, colour in (("command", colours.accent), ("warning", colours.bad), ("error", colours.bad)):
            self.text.tag_configure(tag, foreground=colour)

    def say(self, line: str, tag: str = "") -> None:
        """Add a line."""
        self.text.configure(state="normal")
        self.text.insert("end", f"{line}\n", tag)
        self.text.configure(state="disabled")
        self.text.see("end")


def _said(whole: Mapping[str, Any]) -> list[str]:
    """Say what it is: its id, its parameters, and how a search is judged."""
    run, verdict = whole["run"], whole.get("verdict")
    params = " ".join(f"{name}={value}" for name, value in (run.get("params") or {}).items())
    kind = columns.KINDS.get(run["kind"], run["kind"])
    lines = [" · ".join(part for part in (f"{kind} {run['run_id']}", run.get("name") or "", params) if part)]
    return [*lines, f"Verdict: {verdict['sentence']}"] if verdict else lines


def _style(label: str, text: str) -> str:
    if label not in _SIGNED:
        return "Value.TLabel"
    return "Good.TLabel" if text.startswith("+") else "Bad.TLabel" if text.startswith("-") else "Value.TLabel"
