"""The compiled loop is kept where it can be, announced when it must be made, and never taken from another version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOOK = "from bt.kernel import _cache_folder; print(_cache_folder())"


def look(**environment: str) -> subprocess.CompletedProcess[str]:
    base = {key: value for key, value in os.environ.items() if key not in {"NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}}
    return subprocess.run(
        [sys.executable, "-c", LOOK], env=base | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_users_cache_is_used(tmp_path: Path) -> None:
    assert look(XDG_CACHE_HOME=str(tmp_path)).stdout.startswith(str(tmp_path / "bt-warehouse"))
    assert look(NUMBA_CACHE_DIR=str(tmp_path / "n")).stdout.startswith(str(tmp_path / "n"))


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null"])
def test_without_a_home_a_temporary_folder_does(home: str, tmp_path: Path) -> None:
    done = look(HOME=home, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_another_version_has_another_folder(tmp_path: Path) -> None:
    from bt import kernel

    assert kernel._identity("1.0") != kernel._identity("1.1")
