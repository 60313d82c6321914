"""One small market with a run, a sweep and a walk-forward, their reports, and a browser without a network."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bt import Account, Sweep, WalkForward
from bt.cli import run as bt_command
from bt.strategy import load, made
from bt.warehouse import Warehouse
from tests.conftest import once

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
KINDS = ("run", "sweep", "walk")
TESTED: dict[str, Any] = {"symbols": ["ALPHAUSDT", "BETAUSDT"], "timeframe": "15m", "lookahead": 0}


@pytest.fixture(scope="session")
def tested(made_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a workspace with one run of each kind, called by its kind; it is not to be changed."""
    return once(tmp_path_factory, "tested", partial(fill, made_market))


def fill(market: Path, folder: Path) -> None:
    shutil.copytree(market, folder, dirs_exist_ok=True)
    warehouse = Warehouse(folder / "warehouse" / "bt.duckdb")
    strategy = load("ema_cross", folder)
    search = Sweep(search={"fast": "5:20:5", "slow": "30,40"}, min_trades=1)
    risk = Account(sizing="risk", size=0.02)
    made(strategy, {"fast": 5, "slow": 20}).run(warehouse, **TESTED, account=risk, name="run")
    search.run(strategy, warehouse, **TESTED, name="sweep")
    WalkForward(train="6d", test="3d", sweep=search).run(strategy, warehouse, **TESTED, name="walk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind in KINDS:
            assert bt_command(["report", kind, "-q", "-O", f"{kind}.html"]) == 0


@pytest.fixture
def own(tested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the workspace, as the current folder."""
    folder = tmp_path / "workspace"
    shutil.copytree(tested, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")  # while it is open an event loop runs in this thread, where commands begin their own
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
