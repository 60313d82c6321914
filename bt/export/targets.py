"""Where an export goes: what `-O`, `--format` and `--what` come to, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bt.errors import BtError, hint

FORMS: Final = ("csv", "json", "jsonl", "parquet", "xlsx")
STDOUT: Final = "-"
_TEXT: Final = ("csv", "json", "jsonl")  # what a pipe can take
_FILES: Final = (*_TEXT, "parquet")  # what a folder can hold


@dataclass(frozen=True, kw_only=True)
class Target:
    """One file, a folder for files (`path` and no file), or stdout (no `path`), and the format of what is written."""

    path: Path | None
    form: str
    is_folder: bool = False


def target_of(out: str, form: str | None) -> Target:
    """Say where `-O` points: `-` is stdout, a name of a known format a file, one without any a folder.

    Raises BtError on a format that is unknown, contradicted, or cannot go there.
    """
    if form is not None and form not in FORMS:
        raise BtError(f"there is no format {form!r} to export", hint(form, FORMS))
    if out == STDOUT:
        return Target(path=None, form=_allowed(form or "csv", _TEXT, "stdout"))
    if not out.strip() or "\0" in out:
        raise BtError(f"-O {out!a} is no name of a file", "-O out.xlsx, -O out.csv or -O FOLDER/")
    path = Path(out)
    named = path.suffix[1:].lower() in FORMS and not out.endswith(("/", "\\"))
    if not named and (out.endswith(("/", "\\")) or not path.suffix or _is_folder(path)):
        if not _is_folder(path) and path.exists():
            raise BtError(f"{path} is a file", f"name a folder: -O {path.name}-export/")
        return Target(path=path, form=_allowed(form or "csv", _FILES, "a folder"), is_folder=True)
    return Target(path=path, form=_form_of(path, form))


def _form_of(path: Path, form: str | None) -> str:
    """Give the format that a file's name says, or else `--format`."""
    said = path.suffix[1:].lower()
    if said not in FORMS:
        if form is not None:
            return form
        near = hint(said, FORMS) if said else ""
        raise BtError(
            f"{path.name}: .{said} is no format to export ({near})", f".{', .'.join(FORMS)}, or a folder: {path}/"
        )
    if form is not None and form != said:
        raise BtError(f"{path.name} says {said}, --format says {form}", "leave --format out, or change the name")
    return said


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long
        raise BtError(f"cannot write {path}: {error.strerror}", "choose another name") from None


def _allowed(form: str, forms: tuple[str, ...], where: str) -> str:
    if form not in forms:
        raise BtError(f"{form} does not go to {where}", f"--format {', '.join(forms)}, or name a file: -O out.{form}")
    return form
