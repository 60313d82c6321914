"""The form: strategy and parameters, symbols with coverage, span, money, costs, and how to walk forward."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from bt import config, timeframes
from bt.gui.answers import Known
from bt.gui.fields import SECTIONS, SPANS
from bt.gui.model import RUN, TRIED, Form, moment_text, preset, sizing_of, usual_size
from bt.gui.parameters import Parameters
from bt.gui.rows import Rows
from bt.gui.scrolling import Scrolled
from bt.gui.symbols import SymbolList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bt.gui.fields import Field
    from bt.gui.theme import Theme


class FormView(Scrolled):
    """What is filled in, on the screen; `chosen` is called with a strategy whose parameters are not known yet."""

    def __init__(self, parent: tk.Misc, theme: Theme, chosen: Callable[[str], None]) -> None:
        super().__init__(parent, theme)
        self._chosen, self._known = chosen, Known()
        self.rows = rows = Rows(self.inner, theme, self._changed)
        rows.pack(fill="x", expand=True)
        rows.entry("strategy", "Strategy", words=("",), wide=True)
        self.headline = self._wide("Muted.TLabel")
        self.parameters = Parameters(rows, theme)
        rows.head("Data")
        rows.entry("timeframe", "Timeframe", words=tuple(timeframes.MINUTES))
        self.symbols = SymbolList(rows, theme, lambda: self._changed("symbols"))
        self.symbols.grid(row=rows.next(), column=0, columnspan=3, sticky="ew", pady=theme.px(4))
        rows.inputs["symbols"] = self.symbols.tree
        rows.wrong("symbols")
        self._spans()
        rows.entry("first", "From", hint="2024-01-31 · 90d · UTC")
        rows.entry("end", "To", hint="exclusive")
        self.covered = self._wide("Muted.TLabel")
        for title, fields in SECTIONS.items():
            rows.head(title)
            for field in fields:
                rows.entry(field.name, field.label, hint=field.hint, words=("", *field.words) if field.words else ())
        self.follow_focus()

    def learn(self, known: Known) -> None:
        """Show what is known now: names to choose from, defaults, coverage."""
        self._known = known
        strategy = self.rows.inputs["strategy"]
        assert isinstance(strategy, ttk.Combobox)  # noqa: S101 - for the type checker
        strategy.configure(values=tuple(known.strategies))
        if not self.rows.texts["strategy"].get() and known.strategies:
            self.rows.texts["strategy"].set(next(iter(known.strategies)))
        self.symbols.show(known.coverage or ())
        if not self.symbols.chosen() and known.coverage:
            self.symbols.choose([known.coverage[0].symbol])
        for field in (field for fields in SECTIONS.values() for field in fields):
            if default := _default(field, known.settings):
                self.rows.hints[field.name].configure(text=f"default {default}")
        for name, setting in (("first", "from"), ("end", "to")):
            if default := known.settings.get(setting, ""):
                self.rows.hints[name].configure(text=f"default {default}")
        self._say_size()
        if not self.rows.texts["timeframe"].get() and known.settings:
            self.rows.texts["timeframe"].set(known.settings["timeframe"])
        self._strategy_changed()
        self._say_coverage()

    def form(self) -> Form:
        """Give what is filled in."""
        texts = {name: text.get().strip() for name, text in self.rows.texts.items()}
        own = {"strategy", "timeframe", "first", "end"}
        return Form(
            **{name: texts[name] for name in own},
            symbols=self.symbols.chosen(),
            values={field.name: texts[field.name] for fields in SECTIONS.values() for field in fields},
            params=self.parameters.texts(RUN),
            tried=self.parameters.texts(TRIED),
        )

    def fill(self, form: Form) -> None:
        """Fill in what a form says."""
        for name in ("strategy", "timeframe", "first", "end"):
            self.rows.texts[name].set(getattr(form, name))
        for name, text in form.values.items():
            if name in self.rows.texts:
                self.rows.texts[name].set(text)
        self.parameters.keep(form.strategy, form.params, form.tried)
        self.symbols.choose(form.symbols)

    def say_wrong(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong beside each field, and go to the first."""
        for name in self.rows.wrongs:
            self.rows.say_wrong(name, problems.get(name, ""))
        for name in self.rows.inputs:
            if name in problems:
                self.rows.inputs[name].focus_set()
                self.see(self.rows.inputs[name])
                return

    def _wide(self, style: str) -> ttk.Label:
        label = ttk.Label(self.rows, style=style, wraplength=self.theme.px(380))
        label.grid(row=self.rows.next(), column=0, columnspan=3, sticky="w")
        return label

    def _spans(self) -> None:
        row, px = self.rows.next(), self.theme.px
        ttk.Label(self.rows, text="Span").grid(row=row, column=0, sticky="w")
        bar = ttk.Frame(self.rows)
        bar.grid(row=row, column=1, columnspan=2, sticky="ew", pady=px(2))
        self.spans = {}
        for place, name in enumerate(SPANS):
            button = ttk.Button(bar, text=name, width=4, command=lambda name=name: self._preset(name))  # type: ignore[misc]
            button.grid(row=0, column=place, sticky="ew", padx=(0, px(3)))
            bar.columnconfigure(place, weight=1)
            self.spans[name] = button

    def _preset(self, name: str) -> None:
        first, end = preset(name, self._known.span(self.symbols.chosen()), self._known.settings)
        self.rows.texts["first"].set(first)
        self.rows.texts["end"].set(end)

    def _changed(self, name: str) -> None:
        if name in self.rows.wrongs:
            self.rows.say_wrong(name, "")
        if name == "strategy":
            self._strategy_changed()
        if name == "symbols":
            self._say_coverage()
        if name == "sizing":
            self._say_size()

    def _strategy_changed(self) -> None:
        name = self.rows.texts["strategy"].get()
        self.headline.configure(text=self._known.strategies.get(name, ""))
        found = self._known.parameters.get(name)
        if found is None and name in self._known.strategies:
            self._chosen(name)
        self.parameters.show(name, found or ())
        self.follow_focus()

    def _say_size(self) -> None:
        if not self._known.settings:
            return
        chosen = self.rows.texts["sizing"].get()
        usual = usual_size(chosen, self._known.settings)
        share = sizing_of(chosen, self._known.settings) in {"risk", "equity"}
        text = f"default {_number(usual, share=share)}" if usual else "10%" if share else "500"
        self.rows.hints["size"].configure(text=text)

    def _say_coverage(self) -> None:
        covered = self._known.span(self.symbols.chosen())
        said = f"candles from {moment_text(covered[0])} to {moment_text(covered[1])}" if covered else ""
        self.covered.configure(text=said)


def _default(field: Field, settings: Mapping[str, str]) -> str:
    """Give what `bt config` has for a field, as it would be typed."""
    text = settings.get(field.name, "")
    if text in {"", "None"} or field.walk or field.name == "size":  # which hangs on the sizing
        return ""
    if field.name == "funding":
        return "on" if text == "True" else "off"
    try:
        return _number(text, share=field.read is config.fraction)
    except ValueError:
        return text


def _number(text: str, *, share: bool) -> str:
    return f"{100 * float(text):g}%" if share else f"{float(text):,.10g}"
