"""A display of its own for each process of tests, a small market, and a window that real events drive."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 60.0  # s that a test waits for the window, on a busy machine


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Start Xvfb on a display that is free; without it these tests are skipped, but never in CI."""
    if shutil.which("Xvfb") is None:
        if os.environ.get("CI") or os.environ.get("BT_REQUIRE_GUI"):
            pytest.fail("the tests of the window need Xvfb: .ci/run installs it")
        pytest.skip("no Xvfb here: apt install xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait()


class Driver:
    """Somebody at the window: looks, types, clicks, waits until something is so."""

    def __init__(self, root, window) -> None:
        self.root, self.window, self.view = root, window, window.view

    def until(self, so: Callable[[], object], what: str = "") -> None:
        """Let the window live until something is so."""
        end = time.monotonic() + LONGEST
        while not so():
            self.root.update()
            assert time.monotonic() < end, f"never so: {what}; {self.status!r}, {self.notice!r}, {self.log}"
            time.sleep(0.01)
        self.root.update()

    def settle(self) -> None:
        """Wait until everything that was asked is answered."""
        self.until(lambda: self.window.work.idle, "idle")

    def click(self, widget) -> None:
        """Press and let go in the middle of a widget."""
        self.root.update()
        x, y = widget.winfo_width() // 2, widget.winfo_height() // 2
        self.click_at(widget, x, y)

    def click_at(self, widget, x: int, y: int, times: int = 1) -> None:
        widget.event_generate("<Enter>", x=x, y=y)
        widget.event_generate("<Motion>", x=x, y=y)
        for _ in range(times):
            widget.event_generate("<ButtonPress-1>", x=x, y=y)
            widget.event_generate("<ButtonRelease-1>", x=x, y=y)
        self.root.update()

    def press(self, name: str) -> None:
        """Click a button by what stands on it."""
        buttons = self.view.buttons | self.view.notice.buttons | self.view.form.spans
        self.click(buttons[name])

    def key(self, name: str) -> None:
        """Press a key where the keyboard is."""
        self.root.focus_force()
        target = self.root.focus_get() or self.root
        target.event_generate(f"<{name}>")
        self.root.update()

    def type(self, name: str, text: str) -> None:
        """Go to a field, replace what is in it."""
        widget = self.view.form.rows.inputs[name]
        widget.focus_force()
        self.root.update()
        widget.event_generate("<<SelectAll>>")
        widget.event_generate("<Key-BackSpace>")
        for letter in text:
            widget.event_generate("<Key>", keysym=KEYS.get(letter, letter))
        self.root.update()
        assert self.text(name) == text

    def choose(self, name: str, word: str) -> None:
        """Choose from a list that falls out of a field, by its keys."""
        widget = self.view.form.rows.inputs[name]
        widget.focus_force()
        self.root.update()
        for _ in widget.cget("values"):
            if widget.get() == word:
                break
            before = widget.get()
            widget.event_generate("<Key-Down>")
            self.root.update()
            fallen = f"{widget}.popdown"
            if self.root.tk.call("winfo", "exists", fallen):
                values = list(map(str, widget.cget("values")))
                listed = f"{fallen}.f.l"
                self.root.tk.call("focus", "-force", listed)
                self.root.update()
                steps = values.index(word) - (values.index(before) if before in values else 0)
                for _ in range(abs(steps)):
                    self.root.tk.call("event", "generate", listed, "<Key-Down>" if steps > 0 else "<Key-Up>")
                self.root.tk.call("event", "generate", listed, "<Key-Return>")
                self.root.update()
                break
        assert widget.get() == word

    def toggle(self, symbol: str) -> None:
        """Click a symbol in the list."""
        tree = self.view.form.symbols.tree
        self.view.form.see(tree)
        self.root.update()
        x, y, width, height = tree.bbox(symbol, "symbol")
        self.click_at(tree, x + width // 2, y + height // 2)

    def text(self, name: str) -> str:
        return str(self.view.form.rows.texts[name].get())

    def wrong(self, name: str) -> str:
        """Give what is said beside a field, if it is on the screen."""
        label = self.view.form.rows.wrongs[name]
        return str(label.cget("text")) if label.winfo_ismapped() else ""

    @property
    def status(self) -> str:
        return str(self.view.status.cget("text"))

    @property
    def notice(self) -> str:
        return str(self.view.notice.shown)

    @property
    def log(self) -> str:
        return str(self.view.results.log.text.get("1.0", "end"))


KEYS = {".": "period", "-": "minus", ":": "colon", ",": "comma", "%": "percent", " ": "space", "_": "underscore"}


@pytest.fixture
def opened(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Driver]]:
    """Open windows on workspaces, with settings of their own; they are closed in the end."""
    import tkinter as tk

    from bt.gui.window import Window

    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for variable in [name for name in os.environ if name.startswith("BT_")]:
        monkeypatch.delenv(variable)
    drivers = []

    def opening(workspace: Path, *, settled: bool = True, **more) -> Driver:
        root = tk.Tk()
        driver = Driver(root, Window(root, workspace, **more))
        drivers.append(driver)
        root.update()
        if settled:
            driver.settle()
        return driver

    yield opening
    for driver in drivers:
        if not closed(driver):
            driver.window.work.close()
            driver.root.destroy()


def closed(driver: Driver) -> bool:
    import tkinter as tk

    try:
        return not driver.root.winfo_exists()
    except tk.TclError:
        return True


def remembered(tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "config" / "bt" / "window.json").read_text(encoding="utf-8"))
    return found
