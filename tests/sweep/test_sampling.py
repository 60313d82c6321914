"""Which sets are tried: all distinct, all allowed, the same every time, and never more than can be waited for."""

from collections import Counter
from itertools import islice
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bt import BtError
from bt.sweep.expressions import checked
from bt.sweep.sampling import candidates, count
from tests.sweep.examples import PARAMETERS, space

SMALL = space(fast="10:50:10", slow="20,30,40")
HUGE = space(fast="1:1000000", slow="1:1000000")
SAMPLERS = ("grid", "random", "lhs")


def allowing(text):
    return checked(text, PARAMETERS, what="constraint")


def sets(given_space, sampler, trials, *, seed=0, constraint=None, warn=None):
    limited = allowing(constraint) if constraint else None
    found = candidates(given_space, sampler, trials=trials, seed=seed, constraint=limited, warn=warn)
    return [tuple(each.params.values()) for each in found]


def test_the_grid_is_in_order():
    assert sets(SMALL, "grid", 4) == [(10, 20), (10, 30), (10, 40), (20, 20)]
    assert len(sets(SMALL, "grid", None)) == 15
    assert sets(SMALL, "grid", 4, constraint="fast > slow") == [(30, 20), (40, 20), (40, 30), (50, 20)]


# Drawn once and written down: another machine or version must give the same.
GOLDEN = {
    ("random", 0): [(265097, 104316), (551880, 287633), (135790, 485983), (465427, 355427), (738281, 484875)],
    ("random", 7): [(787067, 310256), (925606, 832541), (787599, 671746), (953155, 397924), (227688, 806828)],
    ("lhs", 0): [(717346, 602066), (43242, 90794), (468141, 562784), (358593, 389731), (916433, 964758)],
}


@pytest.mark.parametrize(("sampler", "seed"), GOLDEN)
def test_the_same_seed_is_the_same_everywhere(sampler, seed):
    assert sets(HUGE, sampler, 5, seed=seed) == GOLDEN[sampler, seed]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("constraint", [None, "fast < slow"])
def test_all_of_a_space_when_asked_for_as_many(sampler, constraint):
    allowed = sets(SMALL, "grid", None, constraint=constraint)
    for trials in (15, 1000):
        found = sets(SMALL, sampler, trials, constraint=constraint)
        assert sorted(found) == allowed
        assert sets(SMALL, sampler, trials, constraint=constraint) == found


@settings(max_examples=20, deadline=None)
@given(
    some.sampled_from(SAMPLERS), some.integers(1, 40), some.integers(1, 40), some.integers(1, 60), some.integers(0, 9),
    some.sampled_from([None, "fast < slow", "(fast + slow) % 3 = 0"]),
)  # fmt: skip
def test_sets_are_distinct_allowed_and_as_many_as_there_can_be(sampler, fast, slow, trials, seed, constraint):
    given_space = space(fast=range(fast), slow=range(slow))
    allowed = [
        pair
        for pair in ((a, b) for a in range(fast) for b in range(slow))
        if constraint is None or (pair[0] < pair[1] if "<" in constraint else sum(pair) % 3 == 0)
    ]
    limited = allowing(constraint) if constraint else None
    assert count(given_space, trials=trials, constraint=limited) == min(trials, len(allowed))
    if not allowed:
        with pytest.raises(BtError, match="leaves none"):
            sets(given_space, sampler, trials, seed=seed, constraint=constraint)
        return
    found = sets(given_space, sampler, trials, seed=seed, constraint=constraint)
    assert len(found) == len(set(found)) == min(trials, len(allowed))
    assert set(found) <= set(allowed)


def test_seeds_differ_and_cover_everything():
    firsts = Counter(sets(SMALL, "random", 1, seed=seed)[0] for seed in range(1500))
    assert len(firsts) == 15
    assert all(60 <= times <= 140 for times in firsts.values())  # 100 expected, ± 4 standard deviations
    halves = [mean(each[0] for each in sets(HUGE, "random", 400, seed=seed)) for seed in range(5)]
    assert all(abs(half - 500_000) < 60_000 for half in halves)  # ± 4 standard deviations
    assert len(set(halves)) == 5


@pytest.mark.parametrize(("length", "trials"), [(5, 5), (5, 20), (4, 12), (10, 10), (1, 7)])
def test_a_hypercube_uses_each_value_alike(length, trials):
    cube = space(fast=range(length), slow="1:1000000")
    found = sets(cube, "lhs", trials, seed=3)
    assert set(Counter(fast for fast, _ in found).values()) == {trials // length}
    assert sorted((slow - 1) * trials // 1_000_000 for _, slow in found) == list(range(trials))  # one in each stratum


def test_a_hypercube_that_a_constraint_thins_out_is_filled_up_evenly():
    cube = space(fast="1:1000", slow="1:1000")
    found = sets(cube, "lhs", 200, seed=1, constraint="fast < slow")
    assert len(set(found)) == 200
    thirds = Counter(fast * 3 // 1001 for fast, _ in found)  # a triangle: 5 : 3 : 1
    assert [round(thirds[third] / 200 * 9) for third in range(3)] == [5, 3, 1]


REFUSED = {
    "an unknown sampler": ((SMALL, "radnom", 5), "unknown sampler 'radnom'", "did you mean 'random'"),
    "tpe, which asks as it goes": ((SMALL, "tpe", 5), "unknown sampler 'tpe'", ""),
    "a large grid without trials": ((HUGE, "grid", None), "1,000,000,000,000 sets", "--trials 500 --sampler random"),
    "random without trials": ((SMALL, "random", None), "needs a number of trials", "--trials 15"),
    "lhs without trials": ((HUGE, "lhs", None), "1,000,000,000,000 sets", "--trials"),
    "no trials": ((SMALL, "grid", 0), "0 trials", "--trials 1"),
    "fewer than none": ((SMALL, "random", -3), "-3 trials", "--trials 1"),
    "a cube that cannot be held": ((HUGE, "lhs", 10**7), "too many for lhs", "--sampler random"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_the_first_set(name):
    (given_space, sampler, trials), what, cure = REFUSED[name]
    with pytest.raises(BtError) as error:
        candidates(given_space, sampler, trials=trials)
    assert what in error.value.what
    assert cure in error.value.cure


def test_a_grid_of_any_size_is_begun_at_once():
    assert sets(HUGE, "grid", 3) == [(1, 1), (1, 2), (1, 3)]
    many = candidates(HUGE, "grid", trials=10**12)
    assert [each.places for each in islice(many, 2)] == [(0, 0), (0, 1)]
    assert count(HUGE, trials=None) == 10**12
    assert count(HUGE, trials=500) == 500
    assert count(HUGE, trials=500, constraint=allowing("fast < slow")) is None


def test_fewer_sets_than_asked_for_are_told():
    said = []
    assert len(sets(SMALL, "random", 12, constraint="fast < slow", warn=said.append)) == 6
    assert said == ["constraint 'fast < slow' leaves 6 sets of the 12 asked for"]
    assert len(sets(SMALL, "grid", None, constraint="fast < slow", warn=said.append)) == 6
    assert len(sets(SMALL, "lhs", 6, constraint="fast < slow", warn=said.append)) == 6
    assert len(said) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_constraint_that_refuses_a_huge_space_ends(sampler):
    with pytest.raises(BtError, match="leaves none of 100,000 sets looked at"):
        sets(HUGE, sampler, 5, constraint="fast > 2000000")
