"""The random cases reach every rule: what never happens in them is not tested by them."""

from __future__ import annotations

from collections import Counter

from tests.engine.cases import random_case

CASES = 300

# kind and reason of fills that enter, and of fills that leave; how often at least in 300 cases
ENTRIES = {("market", "signal"): 900, ("limit", "signal"): 90, ("stop", "signal"): 90, ("market", "rebalance"): 30}
EXITS = {
    ("market", "signal"): 60,
    ("market", "reverse"): 150,
    ("market", "rebalance"): 5,
    ("market", "time"): 90,
    ("market", "take"): 50,
    ("limit", "take"): 50,
    ("stop", "stop"): 200,
    ("stop", "trail"): 90,
    ("stop", "liquidation"): 40,
    ("market", "end_of_data"): 40,
}
REFUSALS = {
    **dict.fromkeys(("conflict", "gap", "no_short", "slots", "stop_side", "cash", "volume", "min_qty"), 15),
    **dict.fromkeys(("min_notional", "expired", "replaced", "reentry", "no_stop"), 15),
    **dict.fromkeys(("cancelled", "pyramiding"), 5),
}
# what else a case must bring about
TURNS = {
    "drilled exits": 50,
    "drilled pending entries": 30,
    "liquidations of one position": 30,
    "liquidations of an account": 3,
    "adds": 80,
    "pending adds": 10,
    "partial exits": 15,
    "shrunk for want of money": 60,
    "shrunk for want of volume": 60,
    "ambiguous exits": 10,
    "gaps overlapped": 10,
    "payments": 150,
    "payments inside a bar": 20,
    "ruined accounts": 3,
}


def test_random_cases_reach_every_rule() -> None:
    entries, exits, refusals, turns = Counter(), Counter(), Counter(), Counter()
    for seed in range(CASES):
        case = random_case(seed)
        outcome, margin = case.twin(), case.account["margin"]
        traded: set[int] = set()
        for fill in outcome.fills:
            (entries if fill["opens"] else exits)[fill["kind"], fill["reason"]] += 1
            pending, drilled = fill["opens"] and fill["kind"] != "market", fill["minute"] is not None
            turns["drilled pending entries" if fill["opens"] else "drilled exits"] += drilled
            turns["adds"] += fill["opens"] and fill["trade"] in traded
            turns["pending adds"] += pending and fill["trade"] in traded
            turns["liquidations of one position"] += fill["reason"] == "liquidation" and margin == "isolated"
            turns["liquidations of an account"] += fill["reason"] == "liquidation" and margin == "cross"
            turns["gaps overlapped"] += fill["gap_overlap"]
            traded.add(fill["trade"])
        turns["partial exits"] += sum(not fill["opens"] for fill in outcome.fills) - len(
            {fill["trade"] for fill in outcome.fills if not fill["opens"]}
        )
        for row in outcome.rejections:
            refusals[row["reason"]] += 1
            turns["shrunk for want of money"] += row["reason"] == "cash" and row["granted"] > 0
            turns["shrunk for want of volume"] += row["reason"] == "volume" and row["granted"] > 0
        times = {(bar["symbol"], bar["ts"]) for bar in case.bars}
        turns["payments"] += len(outcome.payments)
        turns["payments inside a bar"] += sum((row["symbol"], row["ts"]) not in times for row in outcome.payments)
        turns["ambiguous exits"] += outcome.ambiguous
        turns["ruined accounts"] += outcome.status == "ruined"
    for found, least in ((entries, ENTRIES), (exits, EXITS), (refusals, REFUSALS), (turns, TURNS)):
        assert {name: found[name] for name, times in least.items() if found[name] < times} == {}
    assert set(entries) == set(ENTRIES)
    assert set(exits) - {("market", "ruin")} == set(EXITS)
    assert set(refusals) == set(REFUSALS)
