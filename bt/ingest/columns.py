"""Which column of a file is which of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint
from bt.ingest.kinds import CANDLES, FUNDING, KINDS
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bt.ingest.kinds import Kind

_FREQTRADE_FUNDING: Final = re.compile(r".*-funding_rate\.(feather|json|json\.gz)", re.DOTALL)
_LISTED: Final = 16  # columns that a message names


def choose(file: str, header: Sequence[str], kind: Kind, mapped: Mapping[str, str]) -> dict[str, int]:
    """Find the place of each of our columns in a file's header; a missing or ambiguous one is refused by name."""
    check_mapped(kind, mapped)
    places = {ours: _mapped(file, header, ours, theirs) for ours, theirs in mapped.items()}
    for ours, spellings in kind.names.items():
        found = [place for place, name in enumerate(header) if squeezed(name) in spellings]
        if ours in places or not found:
            continue
        own = [place for place in found if header[place].strip().lower() == ours]
        found = own or [place for place in found if place not in places.values()]
        if len(found) > 1:
            raise BtError(
                f"{file}: each of the columns {_listed([header[place] for place in found])} could be {ours}",
                f"say which it is: --map {ours}={shown(header[found[0]])}",
            )
        if found:
            places[ours] = found[0]
    missing = [ours for ours in ("ts", *kind.required) if ours not in places]
    if missing:
        cure = f"name {'it' if len(missing) == 1 else 'them'}: --map {','.join(f'{ours}=COLUMN' for ours in missing)}"
        raise BtError(
            f"{file}: no column for {', '.join(missing)}; its columns are {_listed(header)}", _other(header) or cure
        )
    return places


def check_mapped(kind: Kind, mapped: Mapping[str, str]) -> None:
    """Refuse a mapping of a column that we do not have."""
    for ours in mapped:
        if ours not in kind.names:
            raise BtError(f"--map {shown(ours)}=…: {kind.table} have no such column", hint(ours, kind.names))


def rate_in_open(file: str, header: Sequence[str], kind: Kind) -> dict[str, str]:
    """Give the column of the rate in a file that freqtrade names one of funding: it keeps it as `open` of a candle.

    Under any other name such a file could be candles, so nothing is guessed; as candles it is refused.
    """
    if not _FREQTRADE_FUNDING.fullmatch(file) or "open" not in header:
        return {}
    if kind is not FUNDING:
        raise BtError(
            f"{shown(file)} holds funding rates, by its name (freqtrade keeps them in the column open)",
            "--kind funding",
        )
    return {"rate": "open"}


def kind_of(file: str, header: Sequence[str], mapped: Mapping[str, str]) -> Kind:
    """Say what a file holds by its name and columns: candles, unless they are all that funding needs."""
    if _FREQTRADE_FUNDING.fullmatch(file):
        return FUNDING
    fitting = _fitting({squeezed(name) for name in header}, mapped)
    return FUNDING if fitting == [FUNDING] else CANDLES


def squeezed(name: str) -> str:
    """Give a column name without case and separators: `Open Time`, `open_time` and `openTime` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _other(header: Sequence[str]) -> str:
    """Say which kind of file it is, if its columns are all that one needs."""
    fitting = _fitting({squeezed(name) for name in header}, {})
    return f"these are {fitting[0].table}: --kind {fitting[0].table}" if fitting else ""


def _fitting(names: set[str], mapped: Mapping[str, str]) -> list[Kind]:
    """Give the kinds of which all that is required is among these squeezed names, or mapped."""
    return [
        kind
        for kind in KINDS.values()
        if all(ours in mapped or names & set(kind.names[ours]) for ours in ("ts", *kind.required))
    ]


def _mapped(file: str, header: Sequence[str], ours: str, theirs: str) -> int:
    if theirs not in header:
        raise BtError(f"--map {ours}={shown(theirs)}: {file} has no such column", f"its columns are {_listed(header)}")
    return list(header).index(theirs)


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(shown(name) for name in names[:_LISTED])
    return f"{listed} and {len(names) - _LISTED} more" if len(names) > _LISTED else listed
