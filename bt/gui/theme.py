"""How the window looks: light or dark, at the size of the screen, with sv-ttk where it is installed."""

from __future__ import annotations

import os
import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Final, Literal

_POINTS: Final = 96 / 72  # pixels a point at the usual size
_LARGEST: Final = 4.0
_FAMILIES: Final = ("Segoe UI", "Inter", "Cantarell", "Noto Sans", "DejaVu Sans", "Liberation Sans", "Helvetica")
_SIZES: Final = {"body": 13, "strong": 13, "small": 11, "title": 15}  # pixels at the usual size


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of what is drawn by hand; what is good or bad is also said in signs or words."""

    back: str
    fore: str
    muted: str
    line: str
    accent: str
    good: str
    bad: str
    field: str
    notice: str
    alarm: str
    fill: str


LIGHT: Final = Palette(
    back="#fafafa", fore="#1c1c1c", muted="#5f6368", line="#d8d8d8", accent="#005fb8", good="#0b6e3a", bad="#b3261e",
    field="#ffffff", notice="#e5f0fb", alarm="#fde7e5", fill="#f2cdca",
)  # fmt: skip
DARK: Final = Palette(
    back="#1c1c1c", fore="#fafafa", muted="#a6a6a6", line="#3c3c3c", accent="#57c8ff", good="#6fd195", bad="#ff9c94",
    field="#262626", notice="#15344a", alarm="#4a201d", fill="#5a2b28",
)  # fmt: skip


class Theme:
    """The look of one window, which can be changed while it is open."""

    def __init__(self, root: tk.Tk, *, scale: float | None = None) -> None:
        self.root = root
        self.scale = scale or _scale_of(root)
        root.tk.call("tk", "scaling", self.scale * _POINTS)
        family = next((name for name in _FAMILIES if name in font.families(root)), "TkDefaultFont")
        self.fonts = {
            name: font.Font(root, family=family, size=-self.px(size), weight=_weight(name))
            for name, size in _SIZES.items()
        }
        self.fonts["mono"] = font.Font(root, family="DejaVu Sans Mono", size=-self.px(12))
        self.palette = LIGHT
        self.dark = False

    def px(self, pixels: float) -> int:
        """Give a length at this screen's size."""
        return round(pixels * self.scale)

    def apply(self, *, dark: bool) -> None:
        """Dress the window, as far as ttk does it; who draws by hand hears `<<Dressed>>`."""
        self.dark, self.palette = dark, DARK if dark else LIGHT
        style = ttk.Style(self.root)
        if not self._with_sun_valley(dark=dark):
            style.theme_use("clam")
            self._clam(style)
        self._fonts_everywhere(style)
        self.root.configure(background=self.palette.back)
        self.root.event_generate("<<Dressed>>")

    def _with_sun_valley(self, *, dark: bool) -> bool:
        try:
            import sv_ttk
        except ImportError:
            return False
        self.root.tk.eval("proc ::tk_setPalette args {}")  # it would paint over the colours of single widgets
        sv_ttk.set_theme("dark" if dark else "light", self.root)
        for name in ("Body", "BodyStrong", "Caption"):
            own = {"Body": "body", "BodyStrong": "strong", "Caption": "small"}[name]
            actual = self.fonts[own].actual()
            font.nametofont(f"SunValley{name}Font", self.root).configure(
                family=actual["family"], size=self.fonts[own].cget("size"), weight=_weight(own)
            )
        return True

    def _fonts_everywhere(self, style: ttk.Style) -> None:
        colours, body = self.palette, self.fonts["body"]
        for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont", "TkHeadingFont"):
            font.nametofont(name, self.root).configure(family=body.actual()["family"], size=body.cget("size"))
        style.configure(".", font=body)
        style.configure("Treeview", rowheight=body.metrics("linespace") + self.px(6), font=body)
        style.configure("Heading", font=self.fonts["small"])
        self._room(style)
        for name, colour, face in (
            ("Muted", colours.muted, "small"), ("Wrong", colours.bad, "small"), ("Title", colours.fore, "title"),
            ("Head", colours.fore, "strong"), ("Value", colours.fore, "body"), ("Good", colours.good, "body"),
            ("Bad", colours.bad, "body"),
        ):  # fmt: skip
            style.configure(f"{name}.TLabel", foreground=colour, font=self.fonts[face])
        self._lists(self.root)

    def _room(self, style: ttk.Style) -> None:
        """Leave as much room around texts as their size asks for."""
        more = self.px(1) - 1
        for name in ("TButton", "Accent.TButton"):
            style.configure(name, padding=(8 + 4 * more, 2 + 3 * more, 8 + 4 * more, 3 + 3 * more))
        style.configure("TEntry", padding=(6 + 2 * more, 1 + 3 * more, 4, 2 + 3 * more))
        style.configure("TCombobox", padding=(6 + 2 * more, 1 + 3 * more, 0, 2 + 3 * more))
        style.configure("Heading", padding=(0, 3 * more))
        if more:
            style.configure("TNotebook.Tab", padding=(4 * more, 3 * more))

    def _lists(self, widget: tk.Misc) -> None:
        """Dress the lists that fall out of boxes, those to come and those that are there already."""
        colours = {
            "background": self.palette.field, "foreground": self.palette.fore,
            "selectBackground": self.palette.accent, "selectForeground": self.palette.back,
        }  # fmt: skip
        self.root.option_add("*TCombobox*Listbox.font", self.fonts["body"])
        for name, colour in colours.items():
            self.root.option_add(f"*TCombobox*Listbox.{name}", colour)
        waiting = [widget]
        while waiting:
            each = waiting.pop()
            waiting += each.winfo_children()
            fallen = f"{each}.popdown.f.l"
            if isinstance(each, ttk.Combobox) and self.root.tk.call("winfo", "exists", fallen):
                for name, colour in colours.items():
                    self.root.tk.call(fallen, "configure", f"-{name.lower()}", colour)

    def _clam(self, style: ttk.Style) -> None:
        colours = self.palette
        style.configure(
            ".", background=colours.back, foreground=colours.fore, fieldbackground=colours.field,
            bordercolor=colours.line, lightcolor=colours.back, darkcolor=colours.back, troughcolor=colours.line,
            insertcolor=colours.fore, arrowcolor=colours.fore, selectbackground=colours.accent,
            selectforeground=colours.back,
        )  # fmt: skip
        style.map(".", foreground=[("disabled", colours.muted)])
        style.configure("TButton", background=colours.field, padding=self.px(5))
        style.map("TButton", background=[("active", colours.line)])
        style.configure("Accent.TButton", background=colours.accent, foreground=colours.back)
        style.map("Accent.TButton", background=[("disabled", colours.line), ("active", colours.fore)])
        style.configure("Treeview", background=colours.field, foreground=colours.fore, fieldbackground=colours.field)
        style.map("Treeview", background=[("selected", colours.accent)], foreground=[("selected", colours.back)])
        style.configure("TNotebook.Tab", background=colours.line, padding=(self.px(12), self.px(4)))
        style.map("TNotebook.Tab", background=[("selected", colours.back)], foreground=[("selected", colours.accent)])
        style.configure("TScrollbar", background=colours.muted, troughcolor=colours.back, gripcount=0)
        style.map("TScrollbar", background=[("disabled", colours.back), ("active", colours.accent)])
        style.configure("TProgressbar", background=colours.accent)
        style.map("TCombobox", fieldbackground=[("readonly", colours.field)], foreground=[("readonly", colours.fore)])


def _weight(name: str) -> Literal["normal", "bold"]:
    return "bold" if name in {"strong", "title"} else "normal"


def _scale_of(root: tk.Tk) -> float:
    """Take the desktop's word for how large things are, else the screen's."""
    told = os.environ.get("GDK_SCALE", "")
    said = float(told) if told.replace(".", "", 1).isdigit() and float(told) else 0.0
    seen = round(4 * root.winfo_fpixels("1i") / 96) / 4  # in quarters: screens are not measured that well
    return min(max(said, seen, 1.0), _LARGEST)
