"""What may be written for the values of a parameter, what it means, and what is refused."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bt import BaseStrategy, BtError
from bt.sweep.space import described, space_of
from tests.sweep.examples import Every, Silent, space

READ: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "a range with its end": ({"fast": "5:30:5"}, {"fast": [5, 10, 15, 20, 25, 30]}),
    "a step that misses the end": ({"fast": "5:32:5"}, {"fast": [5, 10, 15, 20, 25, 30]}),
    "a step beyond the end": ({"fast": "5:30:50"}, {"fast": [5]}),
    "a whole range without a step": ({"fast": "3:6"}, {"fast": [3, 4, 5, 6]}),
    "one number twice": ({"fast": "5:5"}, {"fast": [5]}),
    "below zero": ({"fast": "-4:4:4"}, {"fast": [-4, 0, 4]}),
    "spaces": ({"fast": " 5 : 15 : 5 "}, {"fast": [5, 10, 15]}),
    "decimals": ({"stop": "0.1:0.5:0.1"}, {"stop": [0.1, 0.2, 0.3, 0.4, 0.5]}),
    "decimals to a thousandth": ({"stop": "1:1.005:0.001"}, {"stop": [1.0, 1.001, 1.002, 1.003, 1.004, 1.005]}),
    "small decimals": ({"stop": "1e-7:3e-7:1e-7"}, {"stop": [1e-7, 2e-7, 3e-7]}),
    "whole numbers of a float": ({"stop": "1:3:1"}, {"stop": [1.0, 2.0, 3.0]}),
    "a list": ({"slow": "10,20,50"}, {"slow": [10, 20, 50]}),
    "a list in its own order": ({"slow": "50, 10"}, {"slow": [50, 10]}),
    "one value": ({"slow": "20"}, {"slow": [20]}),
    "text": ({"mode": "calm,wild"}, {"mode": ["calm", "wild"]}),
    "text with colons": ({"mode": "a:b,c"}, {"mode": ["a:b", "c"]}),
    "truth": ({"short": "true,no"}, {"short": [True, False]}),
    "a Python range": ({"fast": range(10, 60, 10)}, {"fast": [10, 20, 30, 40, 50]}),
    "a Python range of a float": ({"stop": range(1, 4)}, {"stop": [1.0, 2.0, 3.0]}),
    "a Python list": ({"stop": [1, 2.5]}, {"stop": [1.0, 2.5]}),
    "an array": ({"fast": np.array([3, 4])}, {"fast": [3, 4]}),
    "a Python value": ({"short": True}, {"short": [True]}),
    "in the order of the fields": ({"slow": "1,2", "fast": "3"}, {"fast": [3], "slow": [1, 2]}),
}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown parameter": ({"fsat": "1,2"}, "no parameter 'fsat'", "did you mean 'fast'"),
    "an empty text": ({"fast": ""}, "leaves a value out", "fast=10,20,50"),
    "an empty list": ({"fast": []}, "no values to try", "fast"),
    "an empty range": ({"fast": range(5, 5)}, "no values to try", "fast"),
    "a float for a whole number": ({"fast": "1.5,2"}, "fast=1.5 is not a whole number", "fast=20"),
    "a float in a whole range": ({"fast": "5:30:0.5"}, "0.5 is not a whole number", "fast=20"),
    "a word for a number": ({"stop": "1,wide"}, "stop=wide is not a number", "stop=1.5"),
    "a range with a gap": ({"fast": "5::5"}, "fast=5::5 leaves a value out", "fast=10:50:10"),
    "four parts": ({"fast": "5:10:1:2"}, "not first:last:step", "fast=5:30:5"),
    "a list with a gap": ({"fast": "5,,6"}, "fast=5,,6 leaves a value out", ""),
    "a range among a list": ({"fast": "1,5:30:5"}, "fast=1,5 is not a whole number", ""),
    "decimals without a step": ({"stop": "0.1:0.5"}, "not first:last:step", "stop=0.5:2:0.5"),
    "a step of zero": ({"fast": "5:30:0"}, "not a rising range", "fast=5:30:1"),
    "backwards": ({"fast": "30:5:5"}, "not a rising range", "fast=5:30:5"),
    "a falling step": ({"fast": "30:5:-5"}, "not a rising range", "fast=5:30:5"),
    "a falling Python range": ({"fast": range(30, 0, -10)}, "not a rising range", "fast=10:30:10"),
    "a step that no double tells": ({"stop": "9007199254740000:9007199254740991:0.1"}, "too large to tell apart", ""),
    "not finite": ({"stop": "nan"}, "not a number", ""),
    "endless": ({"stop": "0:inf:1"}, "not a number", ""),
    "the same twice": ({"fast": "10,20,10"}, "fast names 10 twice", "once"),
    "the same after fitting": ({"stop": [1, 1.0]}, "stop names 1.0 twice", "once"),
    "truth twice": ({"short": "true,yes"}, "short names True twice", "once"),
    "a set": ({"fast": {1, 2}}, "no list of values", "list"),
    "a mapping": ({"fast": {"from": 1}}, "no list of values", "list"),
    "a generator": ({"fast": iter([1])}, "no list of values", "list"),
    "a range of text": ({"mode": range(10**12)}, "no list of values", "list"),
}


@pytest.mark.parametrize("name", READ)
def test_read(name):
    given_, expected = READ[name]
    found = space(**given_)
    assert [(key, list(values)) for key, values in found.values.items()] == list(expected.items())
    assert [type(value) for values in found.values.values() for value in values] == [
        type(value) for values in expected.values() for value in values
    ]
    assert set(found.values) | set(found.defaults) == {"fast", "slow", "stop", "short", "mode"}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    given_, what, cure = REFUSED[name]
    with pytest.raises(BtError) as error:
        space(**given_)
    assert what in error.value.what
    assert cure in error.value.cure


def test_what_is_not_given_is_the_strategys_own_search():
    found = space_of(Every, {"slow": "7", "stop": "1,2"})
    assert {key: list(values) for key, values in found.values.items()} == {
        "fast": [10, 20, 30, 40, 50], "slow": [7], "stop": [1.0, 2.0],
    }  # fmt: skip
    assert found.defaults == {"short": False, "mode": "calm"}


def test_a_wrong_search_is_said_to_be_the_strategys():
    @dataclass(kw_only=True)
    class Wrong(Silent):
        search: ClassVar[Any] = {"fast": [1.5]}

    with pytest.raises(BtError, match=r"search of \w+: parameter fast=1.5 is not a whole number"):
        space_of(Wrong, {})
    assert space_of(Wrong, {"fast": "2"}).size == 1


def test_nothing_to_search_says_how():
    with pytest.raises(BtError, match=r"does not say what to search\n.*-p fast=10,20,50"):
        space_of(Silent, {})

    class Bare(BaseStrategy):
        def signals(self, market: Any) -> Any:
            raise NotImplementedError

    with pytest.raises(BtError, match="it has no parameters"):
        space_of(Bare, {})


def test_the_last_parameter_changes_first():
    found = space(fast="1,2", slow="10:30:10")
    assert [(dict(each.params), each.places) for each in (found[0], found[1], found[3], found[5])] == [
        ({"fast": 1, "slow": 10}, (0, 0)),
        ({"fast": 1, "slow": 20}, (0, 1)),
        ({"fast": 2, "slow": 10}, (1, 0)),
        ({"fast": 2, "slow": 30}, (1, 2)),
    ]
    assert (found.size, found.at((1, 2))) == (6, found[5])
    for number in (-1, 6):
        with pytest.raises(IndexError):
            found[number]


def test_billions_are_named_not_written():
    found = space(fast="1:1000000", slow="1:1000000", stop="0.000001:1:0.000001")
    assert found.size == 10**18
    assert found[10**18 - 1].params == {"fast": 10**6, "slow": 10**6, "stop": 1.0}
    assert found[123_456_789_012_345_678].places == (123_456, 789_012, 345_678)
    assert found.values["stop"][-1] == 1.0
    assert found.values["stop"][299_999:300_001] == [0.3, 0.300001]


def test_it_is_described():
    found = space_of(Every, {"stop": "0.5:2:0.5", "mode": "calm"})
    assert json.loads(json.dumps(described(found))) == {
        "fast": {"first": 10, "last": 50, "step": 10},
        "slow": [100, 150, 200],
        "stop": {"first": 0.5, "last": 2.0, "step": 0.5},
        "mode": ["calm"],
    }
    assert str(found) == (
        "fast 10…50 step 10 (5) × slow 100, 150, 200 (3) × stop 0.5…2.0 step 0.5 (4) × mode calm = 60 sets"
    )
    assert str(space(fast="3", slow=",".join(map(str, range(1, 40))))) == "fast 3 × slow 1, 2, 3, …, 39 (39) = 39 sets"


@settings(deadline=None)
@given(some.lists(some.integers(1, 9), min_size=2, max_size=2), some.data())
def test_a_number_and_its_set_are_one_to_one(lengths, data):
    found = space(fast=range(lengths[0]), slow=range(lengths[1]))
    assert len({found[number].places for number in range(found.size)}) == found.size
    number = data.draw(some.integers(0, found.size - 1))
    assert found[number].places == divmod(number, lengths[1])


@settings(deadline=None)
@given(some.integers(-(10**6), 10**6), some.integers(1, 10**4), some.integers(0, 50), some.integers(0, 6))
def test_every_stepped_number_is_the_decimal_that_was_meant(first, step, steps, digits):
    def written(number: int) -> str:
        return f"{number}e-{digits}"

    text = f"{written(first)}:{written(first + steps * step)}:{written(step)}"
    values = space(stop=text).values["stop"]
    assert list(values) == [float(written(first + place * step)) for place in range(steps + 1)]
