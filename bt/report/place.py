"""Where a report lies: its file's name, the script beside it, and whose report a file is."""

from __future__ import annotations

import re
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bt.errors import BtError
from bt.output import require_free, written_whole

MARK: Final = '<meta name="bt-run" content="{}">'
_HEAD: Final = 4_096  # bytes of a report within which its mark stands
_LONGEST: Final = 80  # characters of a file's name
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows
_VERSION: Final = re.compile(rb"plotly\.js v(\d+\.\d+\.\d+)")
_END: Final = re.compile(r"</(?=script)", re.IGNORECASE)


def file_name(run_id: str) -> str:
    """Give the name of a run's report: letters, digits, dots, dashes; never hidden, an option, or a device."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id)[:_LONGEST].lstrip(".-") or "report"
    return f"{f'run-{safe}' if _RESERVED.fullmatch(safe) else safe}.html"


def belongs_to(path: Path, run_id: str) -> bool:
    """Say whether a file is a report of this run, which a newer one may replace."""
    try:
        with path.open("rb") as file:
            return MARK.format(escape(run_id, quote=True)).encode() in file.read(_HEAD)
    except OSError:
        return False


def plotly() -> tuple[str, bytes]:
    """Give the name and the text of plotly's script, from its package, without importing that."""
    spec = find_spec("plotly")
    places = [Path(place) / "package_data" / "plotly.min.js" for place in (spec.submodule_search_locations or ())] \
        if spec else []  # fmt: skip
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise BtError("the package plotly is not installed, or has no script", "pip install plotly")
    content = found.read_bytes()
    version = _VERSION.search(content[:_HEAD])
    return f"plotly-{version[1].decode() if version else '0'}.min.js", content


def script_beside(folder: Path) -> str:
    """Write plotly's script into a folder, once for all reports there; give its name."""
    name, content = plotly()
    path = folder / name
    if (
        path.is_file()
        and not path.is_symlink()
        and path.stat().st_size == len(content)
        and path.read_bytes() == content
    ):
        return name
    require_free(path)
    with written_whole(path) as file:
        file.write(content)
    return name


def script_inlined() -> str:
    """Give plotly's script as text that cannot end its element."""
    return _END.sub(r"<\\/", plotly()[1].decode("utf-8"))
