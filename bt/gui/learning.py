"""What the window knows of its workspace, asked of `bt` bit by bit, and what is said where it cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bt.gui import answers
from bt.gui.running import sentence
from bt.gui.work import Question
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bt.gui.frame import MainFrame
    from bt.gui.model import Form
    from bt.gui.work import Work
    from bt.output.events import Error

_NO_WAREHOUSE: Final = "there is no warehouse"
_NO_DATA: Final = (
    "There are no candles here yet. Load a made-up market to look around, 180 days of three symbols, "
    "or ingest real ones from Bybit."
)


class Learning:
    """Ask, and show what is `known` as it comes; `offers` are what can be done about an empty warehouse."""

    def __init__(self, view: MainFrame, work: Work, db: str | None, offers: Mapping[str, Callable[[], None]]) -> None:
        self._view, self._work, self._db, self._offers = view, work, db, offers
        self.known = answers.Known()
        self._asked: set[str] = set()  # strategies whose parameters are not known yet
        self._old = True  # the history that is shown
        view.results.bind("<<NotebookTabChanged>>", lambda _event: self.history() if self._old else None)

    def ready(self, form: Form) -> bool:
        """Say whether enough is known to judge what is filled in."""
        return self.known.coverage is not None and bool(self.known.strategies) and form.strategy not in self._asked

    def read(self) -> None:
        """Read what the workspace holds, in place of whatever else was asked."""
        self._work.forget()
        self._asked.clear()
        self._view.say("reading the workspace …")
        self.ask(["strategies"], self._listed)
        self.ask(["data"], self._covered, self._no_data)
        self.ask(["config"], lambda text: self._learn(settings=answers.settings(text)))
        self.history()

    def again(self) -> None:
        """Read it anew."""
        self._view.notice.clear()
        self.read()

    def history(self) -> None:
        """Read the runs that are stored, if they are looked at; else when they are."""
        results = self._view.results
        self._old = True
        if results.select() != str(results.history):  # type: ignore[no-untyped-call]
            return
        self._old = False

        def shown(text: str) -> None:
            rows = answers.rows(text)
            note = f"{counted(len(rows), 'run')}, the newest first; double click or Return shows one"
            results.history.show(rows, note)

        self.ask(["runs"], shown, lambda _error: None)  # what is wrong is said of the candles

    def parameters(self, strategy: str) -> None:
        """Read the parameters of a strategy."""
        if strategy in self._asked:
            return
        self._asked.add(strategy)

        def learnt(text: str) -> None:
            self._asked.discard(strategy)
            self._learn(parameters={**self.known.parameters, strategy: answers.parameters(text)})

        def broken(error: Error) -> None:
            self._asked.discard(strategy)
            self._learn(parameters={**self.known.parameters, strategy: ()})
            self._view.form.say_wrong({"strategy": sentence(error)})

        self.ask(["strategies", strategy], learnt, broken)

    def ask(self, line: list[str], then: Callable[[str], None], failed: Callable[[Error], None] | None = None) -> None:
        """Ask a command for its JSON; what is wrong is said above the form, where `failed` does not say it."""

        def complain(error: Error) -> None:
            self._view.notice.say(sentence(error), {"Try again": self.again})

        place = ["--db", self._db] if self._db and line[0] != "strategies" else []
        self._work.ask(Question(words=[*line, "--format", "json", *place], then=then, failed=failed or complain))

    def _listed(self, text: str) -> None:
        """Learn the strategies; the parameters of the one that is chosen stay until they are read anew."""
        chosen = self._view.form.rows.texts["strategy"].get()
        kept = {name: found for name, found in self.known.parameters.items() if name == chosen}
        self._learn(strategies=answers.strategies(text), parameters=kept)
        if chosen in kept and chosen in self.known.strategies:
            self.parameters(chosen)

    def _learn(self, **found: Any) -> None:
        self.known = replace(self.known, **found)
        self._view.form.learn(self.known)

    def _covered(self, text: str) -> None:
        self._learn(coverage=answers.coverage(text))
        self._view.say(f"{counted(len(self.known.coverage or ()), 'symbol')} with candles")
        if not self.known.coverage:
            self._offer_data()

    def _no_data(self, error: Error) -> None:
        if error.what.startswith(_NO_WAREHOUSE):
            self._learn(coverage=())
            self._offer_data()
        else:
            self._view.say("")
            self._view.notice.say(sentence(error), {"Try again": self.again})

    def _offer_data(self) -> None:
        self._view.say("no candles yet")
        self._view.notice.say(_NO_DATA, self._offers, alarms=False)
