"""The other engines that a run can be shown to: each a function from a case to an opinion, loaded when it is named."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from bt.verify.case import Case, Opinion


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Another engine: what it is called, which version of it this is, and how it trades a case."""

    name: str
    version: str
    trade: Callable[[Case], Opinion]


_NEEDED: Final = {"backtrader": ("backtrader", "pandas")}  # packages of the extra `verify`
_MODULES: Final = {"backtrader": "bt.verify.backtrader.engine"}


def known() -> tuple[str, ...]:
    """Name the engines."""
    return tuple(_MODULES)


def engine(name: str) -> Engine:
    """Load an engine; refuse one that is unknown or not installed."""
    if name not in _MODULES:
        raise BtError(f"there is no engine {name!r} to verify with", hint(name, _MODULES))
    if any(find_spec(package) is None for package in _NEEDED[name]):
        raise BtError(f"{name} is not installed: it is an extra, under the GPL", "pip install 'bt-warehouse[verify]'")
    return Engine(name=name, version=version(_NEEDED[name][0]), trade=import_module(_MODULES[name]).trade)
