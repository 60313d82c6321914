"""Proposals by TPE: good ones, new ones, allowed ones, and the same whoever is told first."""

import random
import sys

import pytest

from bt import BtError
from bt.sweep.expressions import checked
from bt.sweep.tpe import Proposer
from tests.sweep.examples import PARAMETERS, space

pytest.importorskip("optuna", reason="the extra optuna is not installed")

SPACE = space(fast="1:100", slow="1:100", short="true,false")
FAST_BELOW_SLOW = checked("fast < slow", PARAMETERS, what="constraint")


def worth(candidate):
    """Be best at fast 30, slow 70, short; undefined on a stripe."""
    params = candidate.params
    if params["slow"] % 7 == 0:
        return None
    return -abs(params["fast"] - 30) - abs(params["slow"] - 70) / 2 - 20 * (not params.get("short", True))


def swept(proposer, trials, *, at_once=99, order=None):
    """Ask for some at once, tell in some order, until there are as many trials."""
    proposed, waiting = [], []
    while len(proposed) < trials:
        waiting += (asked := proposer.ask(min(at_once, trials - len(proposed))))
        proposed += asked
        if not waiting:
            break
        if order:
            order.shuffle(waiting)
        while waiting and (not asked or order is None or order.random() < 0.7):
            told = waiting.pop()
            proposer.tell(told, worth(told))
    for told in waiting:
        proposer.tell(told, worth(told))
    return [each.places for each in proposed]


@pytest.mark.parametrize("constraint", [None, FAST_BELOW_SLOW], ids=["free", "constrained"])
def test_it_finds_what_random_does_not_and_nothing_twice(constraint):
    best = []
    for seed in range(2):
        places = swept(Proposer(SPACE, seed=seed, constraint=constraint), 80)
        assert len(places) == len(set(places)) == 80
        sets = [SPACE.at(each) for each in places]
        assert constraint is None or all(each.params["fast"] < each.params["slow"] for each in sets)
        worths = [value for each in sets if (value := worth(each)) is not None]
        best.append(max(worths))
        assert sorted(worths[-40:])[20] > sorted(worths[:12])[6]
    assert min(best) > -5  # 80 random sets come within 7.5 (constrained: 5) in one sweep of two


@pytest.mark.parametrize("at_once", [1, 3])
def test_neither_workers_nor_their_order_change_the_proposals(at_once):
    plain = swept(Proposer(SPACE, seed=5), 48)
    assert swept(Proposer(SPACE, seed=5), 48, at_once=at_once, order=random.Random(at_once)) == plain


@pytest.mark.parametrize("stored", [5, 24, 29])
def test_told_what_was_stored_it_goes_on_where_it_stood(stored):
    plain = swept(Proposer(SPACE, seed=2, constraint=FAST_BELOW_SLOW), 40)
    kept = [SPACE.at(places) for places in plain[:stored]]
    if stored % 8:  # the last batch was cut off: any of it may have been finished
        kept[-(stored % 8) :] = [SPACE.at(places) for places in plain[stored // 8 * 8 + 1 : stored + 1]]
    resumed = Proposer(SPACE, seed=2, constraint=FAST_BELOW_SLOW)
    for candidate in kept:
        resumed.tell(candidate, worth(candidate))
    done = {each.places for each in kept}
    assert swept(resumed, 40 - stored) == [places for places in plain if places not in done]


def test_a_batch_waits_for_its_last_value():
    proposer = Proposer(SPACE, batch=4)
    first = proposer.ask(3) + proposer.ask(3)
    assert (len(first), proposer.ask(1)) == (4, [])
    for candidate in first[:3]:
        proposer.tell(candidate, 1.0)
    assert proposer.ask(1) == []
    proposer.tell(first[3], None)
    assert len(proposer.ask(9)) == 4
    with pytest.raises(BtError, match="not one that is proposed now"):
        proposer.tell(first[0], 1.0)


@pytest.mark.parametrize(("constraint", "expected"), [(None, 15), (FAST_BELOW_SLOW, 6)], ids=["free", "constrained"])
def test_a_small_space_is_gone_through_once(constraint, expected):
    small = space(fast="10:50:10", slow="20,30,40", mode="calm")
    proposer = Proposer(small, constraint=constraint)
    assert len(set(swept(proposer, 40))) == expected
    assert (proposer.exhausted, proposer.ask(1)) == (True, [])


def test_a_larger_space_is_gone_through_once_too():
    proposer = Proposer(space(fast="1:6", slow="10,7,50", mode="a,b"))
    assert len(swept(proposer, 99)) == 36
    assert proposer.exhausted


def test_values_that_say_nothing_are_survived():
    proposer = Proposer(SPACE, seed=1)
    for value in (None, float("nan"), float("inf"), 3.0):
        for candidate in [*proposer.ask(8), *proposer.ask(8)]:
            proposer.tell(candidate, value)
    assert len(proposer.ask(8)) == 8


def test_a_constraint_that_leaves_nothing():
    nothing = checked("fast > 1000", PARAMETERS, what="constraint")
    with pytest.raises(BtError, match="leaves none of the 100 sets"):
        Proposer(space(fast="1:10", slow="1:10"), constraint=nothing)


def test_without_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BtError, match=r"pip install 'bt-warehouse\[optuna\]'"):
        Proposer(SPACE)
