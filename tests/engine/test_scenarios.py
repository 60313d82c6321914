"""The scenarios on which engines disagree, as a table: long and short, adverse and favourable.

Hourly bars, numbered from 0; the signal is known at the close of bar 2, the entry fills at 100 at the open of bar 3,
the stop is 95, the target 110. In scenario J the stop is 94, and leverage 20 liquidates before it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from tests.engine.scenes import FLAT, Ohlc, alone, each_engine, exits, mirrored, reflected, told, told_fills

Exit: TypeAlias = tuple[int, float, str]

BOTH: Ohlc = (100.0, 112.0, 94.0, 101.0)

# name: bars 3 and 4, exit where the stop comes first, exit where the target comes first
SCENARIOS: dict[str, tuple[list[Ohlc], Exit, Exit]] = {
    "A both levels in one bar": ([FLAT, BOTH], (4, 95, "stop"), (4, 110, "take")),
    "A both levels, red": ([FLAT, (100, 112, 94, 95)], (4, 95, "stop"), (4, 110, "take")),
    "B gap through the stop, trades back": ([FLAT, (90, 97, 88, 92)], (4, 90, "stop"), (4, 90, "stop")),
    "B gap through the stop, on to the target": ([FLAT, (90, 115, 88, 92)], (4, 90, "stop"), (4, 90, "stop")),
    "C gap through the target": ([FLAT, (115, 118, 112, 116)], (4, 115, "take"), (4, 115, "take")),
    "C gap through the target, on to the stop": ([FLAT, (115, 118, 80, 116)], (4, 115, "take"), (4, 115, "take")),
    "D stop in the entry bar": ([(100, 101, 94, 99), FLAT], (3, 95, "stop"), (3, 95, "stop")),
    "D target in the entry bar": ([(100, 111, 99, 99), FLAT], (3, 110, "take"), (3, 110, "take")),
    "E both in the entry bar": ([BOTH, FLAT], (3, 95, "stop"), (3, 110, "take")),
    "F low equal to the stop": ([FLAT, (100, 101, 95, 99)], (4, 95, "stop"), (4, 95, "stop")),
    "F open equal to the stop": ([FLAT, (95, 101, 94, 99)], (4, 95, "stop"), (4, 95, "stop")),
    "G high equal to the target": ([FLAT, (100, 110, 99, 99)], (4, 110, "take"), (4, 110, "take")),
    "G open equal to the target": ([FLAT, (110, 112, 99, 99)], (4, 110, "take"), (4, 110, "take")),
    "H never touched": ([FLAT, FLAT], (5, 102, "end_of_data"), (5, 102, "end_of_data")),
    "I exit signal before the stop": ([FLAT, (97, 98, 94, 95)], (4, 97, "signal"), (4, 97, "signal")),
    "I exit signal at an open beyond the stop": ([FLAT, (90, 98, 88, 95)], (4, 90, "signal"), (4, 90, "signal")),
    "I exit signal at an open beyond the target": ([FLAT, (115, 118, 88, 95)], (4, 115, "signal"), (4, 115, "signal")),
}
END: Ohlc = (100.0, 103.0, 99.0, 102.0)

LEVELS = {
    "prices": {"stop_price": 95.0, "take_price": 110.0},
    "distances": {"stop_distance": 5.0, "take_distance": 10.0},
    "fractions": {},  # of the fill, from Execution; a known tick, as 100 * (1 + 0.1) is not 110 in doubles
}
FRACTIONS = {"stop": 0.05, "take": 0.1}
TICK = {"tick_size": 0.1}


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, side: str, levels: str) -> None:
    bars, adverse, favourable = SCENARIOS[name]
    for intrabar, (place, price, reason) in (("adverse", adverse), ("favourable", favourable)):
        entry = {f"enter_{side}": True, **_placed(LEVELS[levels], side)}
        signals = {2: entry, 3: {f"exit_{side}": True}} if name.startswith("I ") else {2: entry}
        execution, rules = {"intrabar": intrabar}, {}
        if levels == "fractions":
            execution, rules = execution | FRACTIONS, TICK
        market = [mirrored(bar, side) for bar in (FLAT, FLAT, FLAT, *bars, END)]
        case = alone(market, signals, execution=execution, rules=rules)
        assert exits(case) == [(place, reflected(price, side), reason)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_only_an_exit_from_a_bar_with_both_levels_is_ambiguous(name: str) -> None:
    bars, adverse, favourable = SCENARIOS[name]
    signals = {2: {"enter_long": True, **LEVELS["prices"]}, 3: {"exit_long": name.startswith("I ")}}
    simulation = alone([FLAT, FLAT, FLAT, *bars, END], signals).simulate()  # intrabar "auto": adverse
    assert simulation.fills["ambiguous"].to_list() == [False, adverse != favourable]
    assert simulation.ambiguous == (adverse != favourable)
    assert simulation.fills["price"][1] == adverse[1]


def _placed(levels: dict[str, Any], side: str) -> dict[str, Any]:
    return {name: reflected(value, side) if name.endswith("_price") else value for name, value in levels.items()}


@each_engine
@pytest.mark.parametrize("side", ["long", "short"])
def test_scenario_j_liquidation_before_the_stop(side: str, engine: str) -> None:
    market = [mirrored(bar, side) for bar in (FLAT, FLAT, FLAT, FLAT, (99.0, 99.0, 93.0, 95.0), END)]
    signals = {2: {f"enter_{side}": True, "stop_price": reflected(94.0, side)}}
    outcome = told(alone(market, signals, account={"leverage": 20.0}, rules=TICK), engine)
    expected = [(4, reflected(95.5, side), "stop", "liquidation")]
    assert told_fills(outcome, "hour", "price", "kind", "reason")[1:] == expected
