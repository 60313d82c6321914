"""The window: a form over the command line; it knows and does what child processes of `bt` tell and do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bt.errors import BtError

if TYPE_CHECKING:
    from pathlib import Path


def open_window(workspace: Path, *, db: str | None = None, scale: float | None = None) -> None:
    """Open the window on a workspace and return when it is closed; refuse where there is no Tk or no display."""
    try:
        import tkinter as tk
    except ImportError:
        raise BtError(
            "this Python has no tkinter", "Debian, Ubuntu: apt install python3-tk; else a Python built with Tk"
        ) from None
    from bt.gui.window import Window

    try:
        root = tk.Tk(className="bt")
    except tk.TclError as error:
        raise BtError(
            f"no window can be opened: {error}",
            "start it on a desktop, or over ssh -X; without one all is in bt --help",
        ) from None
    Window(root, workspace, db=db, scale=scale)
    root.mainloop()
