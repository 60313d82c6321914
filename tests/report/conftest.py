"""One small market with a run, a sweep and a walk-forward, their reports, and a browser without a network."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bt.cli import run as bt_command

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
TESTED = ("ema_cross", "-s", "ALPHAUSDT,BETAUSDT", "-t", "15m", "-q")
SEARCHED = ("-p", "fast=5:20:5", "-p", "slow=30,40", "--min-trades", "1")
COMMANDS = {
    "run": ["run", *TESTED, "-p", "fast=5", "-p", "slow=20", "--name", "run", "--risk", "2%"],
    "sweep": ["sweep", *TESTED, *SEARCHED, "--name", "sweep"],
    "walk": ["walk", *TESTED, *SEARCHED, "--train", "6d", "--test", "3d", "--name", "walk"],
}


@pytest.fixture(scope="session")
def tested(made_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a workspace with one run of each kind, called by its kind; it is not to be changed."""
    folder = tmp_path_factory.mktemp("tested") / "workspace"
    shutil.copytree(made_market, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in COMMANDS.values():
            assert bt_command([*command, "-O", str(folder / f"{command[0]}.txt")]) == 0
        for kind in COMMANDS:
            assert bt_command(["report", kind, "-q", "-O", f"{kind}.html"]) == 0
    return folder


@pytest.fixture
def own(tested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the workspace, as the current folder."""
    folder = tmp_path / "workspace"
    shutil.copytree(tested, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give Debian's Chromium; without it these tests have nothing to look with."""
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield opened
        opened.close()


@dataclass
class Seen:
    """A page that was opened, and what it did that nobody asked for."""

    page: Any
    odd: list[str] = field(default_factory=list)

    @property
    def charts(self) -> str:
        return str(self.page.evaluate("document.documentElement.dataset.charts"))

    def watch(self) -> None:
        self.page.on("console", lambda said: self.odd.append(said.text) if said.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.odd.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.odd.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on(
            "request",
            lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else self.odd.append(asked.url),
        )


@pytest.fixture
def look(browser: Any) -> Iterator[Any]:
    """Give a function that opens a file and waits until all its charts are drawn."""
    contexts = []

    def opened(path: Path, *, scripts: bool = True, **more: Any) -> Seen:
        context = browser.new_context(offline=True, java_script_enabled=scripts, **more)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.watch()
        seen.page.goto(path.resolve().as_uri())
        if scripts:
            seen.page.locator("html[data-charts]").wait_for(state="attached", timeout=60_000)
        return seen

    yield opened
    for context in contexts:
        context.close()
