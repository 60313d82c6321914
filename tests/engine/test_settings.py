"""Settings are refused where they are written, by name: absurd numbers, wrong types, unknown words and fields."""

from __future__ import annotations

from typing import Any

import pytest

import bt

NAN, INF = float("nan"), float("inf")
HUGE = 10**400

# name of the setting: values that are refused
SETTINGS: dict[type, dict[str, list[Any]]] = {
    bt.Account: {
        "cash": [0, -1.0, NAN, INF, 1e16, "10", None, True, HUGE],
        "sizing": ["kelly", "Risk", None, []],
        "size": [0, -0.01, NAN, "1%", None, 1.5],
        "leverage": [0, -1, NAN, INF, "1", None, True, 200],  # at 200 the maintenance margin is all there is
        "max_positions": [0, -1, 1.5, True, "3", HUGE],
        "margin": ["Isolated", "portfolio", None, []],
        "mmr": [-0.001, 1, NAN, "0.5%", None],
    },
    bt.Costs: {
        "taker": [-0.001, 0.11, NAN, INF, "0.1%", True],
        "maker": [-0.001, 0.5, NAN, "0"],
        "slippage": [-0.001, 1, NAN, None, "1"],
        "slippage_ticks": [-1, 1_001, NAN, INF, "1", None],
        "funding": ["yes", 1, None],
    },
    bt.Execution: {
        "intrabar": ["walk", "ADVERSE", None, []],
        "take_fill": ["Limit", None, {}],
        "stop": [0, -0.01, 1.0, 1.5, NAN, "2%", True],
        "take": [0, -0.01, INF, "2%"],
        "trail": [0, -0.01, 1.0, NAN],
        "max_bars": [0, -1, 1.0, True, "5", HUGE],
        "pyramiding": [-1, 1.5, True, "1", None],
        "rebalance_band": [-0.01, NAN, INF, "5%", None],
        "max_volume_share": [0, -0.1, 1.5, NAN, "10%"],
        "level_delay": [-1, 0.5, True, None],
        "close_at_end": ["no", None],
    },
}

CHOICES = {
    f"{kind.__name__}({name}={value!r})".replace(str(HUGE), "HUGE"): (kind, name, value)
    for kind, fields in SETTINGS.items()
    for name, values in fields.items()
    for value in values
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_bad_setting_is_refused(choice: str) -> None:
    kind, name, value = CHOICES[choice]
    with pytest.raises(bt.BtError, match=name):
        kind(**{name: value})


def test_a_profile_sets_what_it_must_and_takes_the_rest() -> None:
    assert bt.Execution.profile("vectorbt", stop=0.02) == bt.Execution(level_delay=1, stop=0.02)
    limits = bt.Execution(level_delay=1, stop=0.02, intrabar="adverse", take_fill="limit")
    assert bt.Execution.profile("backtrader", stop=0.02) == limits
    with pytest.raises(bt.BtError, match="profile"):
        bt.Execution.profile("backtrade")


@pytest.mark.parametrize("kind", SETTINGS)
def test_an_unknown_setting_is_named(kind: type) -> None:
    with pytest.raises((TypeError, bt.BtError), match="pyramid"):
        kind(pyramid=3)
