"""The window at work: what its buttons start, and what is shown of what they tell."""

from __future__ import annotations

import webbrowser
from dataclasses import replace
from datetime import UTC, datetime
from tkinter import filedialog
from typing import TYPE_CHECKING, Final

from bt.gui import answers, settings
from bt.gui.curve import BUCKETS
from bt.gui.frame import MainFrame
from bt.gui.ingesting import Ingesting
from bt.gui.learning import Learning
from bt.gui.model import problems, shell, words
from bt.gui.results import MOST
from bt.gui.running import Running
from bt.gui.theme import Theme
from bt.gui.work import Work

if TYPE_CHECKING:
    import tkinter as tk
    from collections.abc import Callable
    from pathlib import Path

    from bt.gui.child import Ended
    from bt.gui.model import Command

_OFTEN: Final = 60  # ms between two looks at what was heard
_UNDER_WAY: Final = "Something is under way: what it has stored is kept."
_FILES: Final = [
    ("Excel", "*.xlsx"), ("CSV, trades", "*.csv"), ("JSON, all of it", "*.json"), ("Parquet, trades", "*.parquet"),
]  # fmt: skip


class Window:
    """One window on one workspace; it holds no lock and reads no file but its own settings."""

    def __init__(self, root: tk.Tk, workspace: Path, *, db: str | None = None, scale: float | None = None) -> None:
        self.root, self.workspace, self._db = root, workspace, db
        self._file = settings.file()
        self._remembered, complaint = settings.load(self._file)
        self.theme = Theme(root, scale=scale)
        root.title(f"bt · {workspace.name}")
        self.view = MainFrame(root, self.theme, self)
        self.work = Work(workspace)
        self.running = Running(self.view, self.work)
        offers = {"Load demo data": self._demo, "Ingest…": self.ingest}
        self.learning = Learning(self.view, self.work, db, offers)
        self._closing = self._closed = False
        self._dress(dark=self._remembered.dark)
        if self._remembered.geometry:
            root.geometry(self._remembered.geometry)
        if form := self._remembered.forms.get(str(workspace)):
            self.view.form.fill(form)
        self._bind()
        self.view.working(busy=False)
        self.view.form.rows.inputs["strategy"].focus_set()
        if complaint:
            self.view.notice.say(complaint, alarms=False)
        self.learning.read()
        self._poll()

    def run(self) -> None:
        """Test what is filled in."""
        self._test("run")

    def walk(self) -> None:
        """Walk what is filled in forward."""
        self._test("walk")

    def cancel(self) -> None:
        """Ask what is under way to stop."""
        self.running.cancel()

    def copy(self) -> None:
        """Put the command line that the form means into the clipboard."""
        line = shell(words(self.view.form.form(), self.running.command, self.learning.known, db=self._db))
        self.root.clipboard_clear()
        self.root.clipboard_append(line)
        self.view.say(f"copied: {line}")

    def ingest(self) -> None:
        """Ask what to bring from the exchange, and bring it."""
        now = datetime.now(UTC).replace(tzinfo=None)
        self.asking = Ingesting(self.root, self.theme, now, lambda line: self._start(line, self._brought))

    def switch(self) -> None:
        """Change from light to dark or back."""
        self._dress(dark=not self.theme.dark)

    def report(self) -> None:
        """Write the report of the run that is shown, and open it in the browser."""

        def opened(_ended: Ended) -> None:
            for file in self.running.done.files:
                path = (self.workspace / file).resolve()
                self.view.say(f"report: {path}")
                webbrowser.open(path.as_uri())

        self._start(["report", self.view.results.run_id], opened)

    def export(self) -> None:
        """Write the run that is shown to a file."""
        path = filedialog.asksaveasfilename(
            parent=self.root, filetypes=_FILES, defaultextension=".xlsx", initialdir=self.workspace,
            initialfile=f"{self.view.results.run_id}.xlsx",
        )  # fmt: skip
        if path:  # the dialogue has asked whether to replace it
            line = ["export", self.view.results.run_id, "-O", path, "--force"]
            self._start(line, lambda _ended: self.view.say(f"written: {path}"))

    def refresh(self) -> None:
        """Read anew what the workspace holds."""
        self.learning.again()

    def strategy_chosen(self, name: str) -> None:
        """Read the parameters of a strategy."""
        self.learning.parameters(name)

    def show_run(self, run: str) -> None:
        """Show a stored run."""
        self.view.say(f"reading {run} …")

        def read(text: str) -> None:
            self._show(text)
            self.view.say(f"this is {run}")

        self.learning.ask(["show", run], read)

    def close(self) -> None:
        """Close the window; what is under way is asked about first."""
        if self.work.busy:
            offers = {"Stop it and close": self._stop_and_close}
            self.view.notice.say(_UNDER_WAY, offers)
        else:
            self._end()

    def _test(self, command: Command) -> None:
        if self.work.busy:
            return
        self.running.command = command
        form = self.view.form.form()
        if not self.learning.ready(form):
            self.view.say("still reading the workspace: a moment, please")
            return
        wrong = problems(form, command, self.learning.known)
        self.view.form.say_wrong(wrong)
        if wrong:
            self.view.say("not started: see what is wrong in the form")
            return
        self._remember()
        line = words(form, command, self.learning.known, db=self._db)
        self.running.start([*line, "--format", "json"], lambda ended: self._show(ended.out), told=line)

    def _start(self, line: list[str], then: Callable[[Ended], None]) -> None:
        self.running.start([*line, *(["--db", self._db] if self._db else [])], then)

    def _show(self, text: str) -> None:
        """Show what a run came to, then ask for its curve and its trades."""
        whole, results = answers.whole(text), self.view.results
        run_id = whole["run"]["run_id"]
        results.show(whole)
        self.view.working(busy=self.work.busy)
        if whole.get("metrics"):
            count = whole["metrics"]["trades"]
            curve = f"from equity_curve('{run_id}', {BUCKETS}) order by ts"
            self.learning.ask(["sql", curve], lambda out: results.show_curve(answers.rows(out)))
            many = ["trades", run_id, "--limit", str(MOST)]
            self.learning.ask(many, lambda out: results.show_trades(answers.rows(out), count))
        self.learning.history()

    def _demo(self) -> None:
        self._start(["demo", ".", "--data"], self._brought)

    def _brought(self, _ended: Ended) -> None:
        self.learning.read()
        self.view.say("done: " + ", ".join(f"{count:,} {name}" for name, count in self.running.done.counts.items()))

    def _bind(self) -> None:
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        self.root.bind("<Return>", lambda _event: self.run())
        self.root.bind("<Escape>", lambda _event: self.cancel())
        self.root.bind("<F5>", lambda _event: self.refresh())
        self.root.bind("<Alt-l>", lambda _event: self.switch())  # the button says Light while it is dark

    def _dress(self, *, dark: bool) -> None:
        self.theme.apply(dark=dark)
        self.view.buttons["Dark"].configure(text="Light" if dark else "Dark")

    def _poll(self) -> None:
        try:
            self.work.poll()
            self.running.show()
        except Exception as error:  # noqa: BLE001 - whatever it is, the window lives on
            self.view.notice.say(f"unexpected {type(error).__name__}: {error}; try: bt gui again, and report it")
        finally:
            self._go_on()

    def _go_on(self) -> None:
        if self.view.notice.shown == _UNDER_WAY and not self.work.busy:
            self.view.notice.clear()  # the question is settled
        if self._closing and not self.work.busy:
            self._end()
        if not self._closed:
            self._again = self.root.after(_OFTEN, self._poll)

    def _stop_and_close(self) -> None:
        self._closing = True
        self.cancel()

    def _remember(self) -> None:
        looks = replace(self._remembered, dark=self.theme.dark, geometry=self.root.geometry())
        self._remembered = looks.with_form(self.workspace, self.view.form.form())
        if complaint := settings.save(self._file, self._remembered):
            self.view.results.log.say(f"  nothing will be remembered: {complaint}", "warning")

    def _end(self) -> None:
        self._remember()
        self._closed = True
        self.work.close()
        if hasattr(self, "_again"):
            self.root.after_cancel(self._again)
        self.root.destroy()
