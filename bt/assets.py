"""Where the files that travel with bt live: in the checkout's top folders, or inside the installed package."""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Give the folder `sql`, `reports` or `strategies` that this bt came with."""
    installed = _PACKAGE / "_assets" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
