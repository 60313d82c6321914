"""What the window remembers from one day to the next, in the user's folder of settings."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError
from bt.gui.model import Form
from bt.output import written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST: Final = 50  # workspaces


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What is remembered: how the window looks, and what was filled in in each workspace, the last one last."""

    dark: bool = False
    geometry: str = ""
    forms: Mapping[str, Form] = field(default_factory=dict)

    def with_form(self, workspace: Path, form: Form) -> Remembered:
        """Remember what is filled in in a workspace; those that were left longest ago are forgotten."""
        others = {name: each for name, each in self.forms.items() if name != str(workspace)}
        kept = [*others.items(), (str(workspace), form)][-_MOST:]
        return replace(self, forms=dict(kept))


def file(environment: Mapping[str, str] | None = None) -> Path:
    """Give where it is kept: `bt/window.json` in the user's folder of settings."""
    found = os.environ if environment is None else environment
    own = found.get("XDG_CONFIG_HOME") or found.get("APPDATA")
    return (Path(own) if own else Path(found.get("HOME") or Path.home()) / ".config") / "bt" / "window.json"


def load(path: Path) -> tuple[Remembered, str]:
    """Read what is remembered, and say what is wrong with it: then nothing is."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        forms = {name: _form(each) for name, each in given["forms"].items()}
        return Remembered(dark=bool(given["dark"]), geometry=str(given["geometry"]), forms=forms), ""
    except FileNotFoundError:
        return Remembered(), ""
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return Remembered(), f"{path} cannot be read, so nothing is remembered of last time: {error or type(error)}"


def save(path: Path, remembered: Remembered) -> str:
    """Write what is to be remembered; say why it cannot be."""
    forms = {name: asdict(each) for name, each in remembered.forms.items()}
    text = json.dumps({"dark": remembered.dark, "geometry": remembered.geometry, "forms": forms}, indent=1)
    try:
        with written_whole(path) as opened:
            opened.write(text.encode())
    except BtError as error:
        return error.what
    return ""


def _form(given: dict[str, Any]) -> Form:
    """Read a form; what is no text is refused, what is not known any more is left out."""
    read = {each.name: given[each.name] for each in fields(Form) if each.name in given}
    for name, value in read.items():
        texts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in texts):
            raise TypeError(f"{name} is no text")
    return Form(**{**read, "symbols": tuple(read.get("symbols", ()))})
