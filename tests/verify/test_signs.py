"""What a rule explains of two trades, and what it does not: each of its signs has bounds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bt.verify.signs import Facts, Pair, by_volume, drilled, in_the_entry_bar, refused_while_held, taken

AT = datetime(2024, 1, 1)
HOUR = timedelta(hours=1)
OURS = {
    "symbol": "A", "side": "long", "qty": 2.0, "entry_ts": AT, "entry_price": 100.0, "exit_ts": AT, "fees": 0.4,
    "exit_price": 98.0, "exit_reason": "stop", "funding": 0.0, "pnl": -4.4, "trade": 7, "entry_kind": "market",
    "bars": 0, "entries": 1, "low": 97.0, "high": 103.0,
}  # fmt: skip
LATER = {"exit_ts": AT + 5 * HOUR, "exit_price": 105.0, "exit_reason": "signal", "bars": 5, "low": 104.0, "high": 106.0}
TAKE = {"exit_price": 103.0, "exit_reason": "take"}
FACTS = Facts(
    minutes=frozenset({7}), ambiguous=frozenset(), adds=frozenset(), refused={("A", "volume"): [AT + HOUR]},
    unfit=frozenset(), ticks={}, slippage=0.001, delay=0,
)  # fmt: skip


def pair(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> Pair:
    both = [None if each is None else OURS | each for each in (ours, theirs)]
    return Pair(ours=both[0], theirs=both[1], facts=FACTS, before=AT - HOUR)


# name: the sign, the trade with the rule, without it, whether it explains what sets them apart
SIGNS: dict[str, tuple[Any, dict[str, Any] | None, dict[str, Any] | None, bool]] = {
    "a stop in the entry bar": (in_the_entry_bar, {}, LATER, True),
    "slipped out of that bar": (in_the_entry_bar, {"exit_price": 96.91}, LATER, True),
    "far better than that bar": (in_the_entry_bar, {"exit_price": 103.3}, LATER, False),
    "far worse": (in_the_entry_bar, {"exit_price": 96.8}, LATER, False),
    "another price of the entry": (in_the_entry_bar, {"entry_price": 99.0}, LATER, False),
    "an entry that the other lacks": (in_the_entry_bar, {}, None, False),
    "a target that slips": (taken, TAKE | {"exit_price": 102.9}, TAKE, True),
    "a target whose fee alone differs": (taken, TAKE | {"fees": 0.9}, TAKE, True),
    "a target beyond the slippage": (taken, TAKE | {"exit_price": 105.0}, TAKE, False),
    "a target at another time": (taken, TAKE, TAKE | {"exit_ts": AT + HOUR}, False),
    "a target of another entry": (taken, TAKE | {"entry_price": 99.0}, TAKE, False),
    "a target that is a stop there": (taken, TAKE, TAKE | {"exit_reason": "stop"}, False),
    "a minute decides": (drilled, {}, TAKE, True),
    "a price that no minute had": (drilled, {"exit_price": 104.0}, TAKE, False),
    "its quantity alone": (drilled, {}, {"qty": 1.0, "fees": 0.2, "pnl": -2.2}, False),
    "funding as the quantity": (drilled, {"funding": 1.0}, {"qty": 1.0, "funding": 0.5}, False),
    "funding at a minute's price": (drilled, {"funding": 1.0}, {"qty": 1.0, "funding": 0.6}, True),
    "a trade without minutes": (drilled, {"trade": 8}, TAKE, False),
    "bounded while held": (by_volume, LATER, LATER | {"qty": 3.0}, True),
    "bounded after it": (by_volume, {}, {"qty": 3.0}, False),
    "an add bounded": (refused_while_held("volume"), LATER, LATER | {"qty": 3.0}, True),
    "another reason": (refused_while_held("gap"), LATER, LATER | {"qty": 3.0}, False),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_explains(name: str) -> None:
    sign, ours, theirs, explains = SIGNS[name]
    assert sign(pair(ours, theirs)) == explains
