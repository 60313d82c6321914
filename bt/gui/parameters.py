"""The parameters of the chosen strategy: what a run takes, and what a walk-forward tries."""

from __future__ import annotations

from tkinter import ttk
from typing import TYPE_CHECKING

from bt.gui.model import RUN, TRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bt.gui.answers import Parameter
    from bt.gui.rows import Rows
    from bt.gui.theme import Theme


class Parameters(ttk.Frame):
    """A line for each parameter, with its default filled in; what was typed is kept while others are shown."""

    def __init__(self, rows: Rows, theme: Theme) -> None:
        super().__init__(rows)
        self._rows, self._theme, self._strategy = rows, theme, ""
        self._shown: tuple[Parameter, ...] = ()
        self._kept: dict[str, dict[str, Mapping[str, str]]] = {}  # by strategy, then by RUN and TRIED
        self.grid(row=rows.next(), column=0, columnspan=3, sticky="ew", pady=theme.px(4))
        self.columnconfigure((1, 2), weight=1, uniform="texts", minsize=theme.px(90))

    def keep(self, strategy: str, params: Mapping[str, str], tried: Mapping[str, str]) -> None:
        """Fill in texts of a strategy, now or when its lines are made."""
        self._kept[strategy] = {RUN: params, TRIED: tried}
        self._fill()

    def texts(self, prefix: str) -> dict[str, str]:
        """Give what is filled in, by parameter."""
        if not self._shown:
            return dict(self._kept.get(self._strategy, {}).get(prefix, {}))
        return {each.name: self._rows.texts[f"{prefix}{each.name}"].get().strip() for each in self._shown}

    def show(self, strategy: str, parameters: Iterable[Parameter]) -> None:
        """Show the lines of another strategy."""
        found = tuple(parameters)
        if strategy == self._strategy and found == self._shown:
            return
        self._keep_typed()
        for each in self._shown:
            for prefix in (RUN, TRIED):
                for known in (self._rows.texts, self._rows.inputs, self._rows.wrongs):
                    known.pop(f"{prefix}{each.name}", None)
        for child in self.winfo_children():
            child.destroy()
        self._strategy, self._shown = strategy, found
        if found:
            self._head()
        for place, each in enumerate(found):
            self._line(2 * place + 1, each)
        self._fill()

    def _head(self) -> None:
        for column, text in enumerate(("Parameter", "in a run", "tried in a walk-forward")):
            label = ttk.Label(self, text=text, style="Muted.TLabel")
            label.grid(row=0, column=column, sticky="w", padx=(0, self._theme.px(6)))

    def _line(self, row: int, parameter: Parameter) -> None:
        px, words = self._theme.px, ("true", "false") if parameter.kind is bool else ()
        named = ttk.Label(self, text=parameter.name, wraplength=px(140))
        named.grid(row=row, column=0, sticky="w", padx=(0, px(8)))
        for column, prefix in enumerate((RUN, TRIED), 1):
            name = f"{prefix}{parameter.name}"
            many = prefix == TRIED
            made = self._rows.made(self, name, words=words, width=9, only=not many)
            self._rows.texts[name].set(parameter.search if many else parameter.default)
            made.grid(row=row, column=column, sticky="ew", padx=(0, px(4)), pady=px(2))
            label = self._rows.wrongs[name] = ttk.Label(self, style="Wrong.TLabel", wraplength=px(360))
            label.grid(row=row + 1, column=0, columnspan=3, sticky="w")
            label.grid_remove()

    def _keep_typed(self) -> None:
        """Keep what is not as the strategy had it; the rest is as it will have it."""
        if self._shown:
            typed = {prefix: self.texts(prefix) for prefix in (RUN, TRIED)}
            for each in self._shown:
                for prefix, usual in ((RUN, each.default), (TRIED, each.search)):
                    if typed[prefix][each.name] == usual:
                        del typed[prefix][each.name]
            self._kept[self._strategy] = {**typed}

    def _fill(self) -> None:
        if not self._shown:
            return
        for prefix, texts in self._kept.pop(self._strategy, {}).items():
            for name, text in texts.items():
                if f"{prefix}{name}" in self._rows.texts:
                    self._rows.texts[f"{prefix}{name}"].set(text)
