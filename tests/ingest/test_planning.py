"""What is still to be asked for, as tables and as laws over sets of minutes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from bt.ingest.planning import Span, grouped, joined, runs, without

JOINED = {
    "nothing": ([], []),
    "one": ([(3, 5)], [(3, 5)]),
    "one minute": ([(3, 3)], [(3, 3)]),
    "apart": ([(7, 9), (1, 5)], [(1, 5), (7, 9)]),
    "touching": ([(1, 5), (6, 9)], [(1, 9)]),
    "overlapping": ([(1, 5), (4, 9)], [(1, 9)]),
    "inside": ([(1, 9), (4, 5), (10, 10)], [(1, 10)]),
    "twice": ([(1, 5), (1, 5)], [(1, 5)]),
    "empty ones": ([(5, 4), (1, 2), (9, 0)], [(1, 2)]),
    "an empty one among others": ([(1, 9), (5, 2), (12, 14)], [(1, 9), (12, 14)]),
    "before 1970": ([(-3, -1), (0, 2)], [(-3, 2)]),
}
WITHOUT = {
    "nothing known": ([(1, 9)], [], [(1, 9)]),
    "all known": ([(1, 9)], [(0, 10)], []),
    "nothing wanted": ([], [(1, 9)], []),
    "older part known": ([(1, 9)], [(-5, 4)], [(5, 9)]),
    "newer part known": ([(1, 9)], [(6, 12)], [(1, 5)]),
    "middle known": ([(1, 9)], [(4, 6)], [(1, 3), (7, 9)]),
    "only the ends wanted": ([(1, 9)], [(2, 8)], [(1, 1), (9, 9)]),
    "many known": ([(1, 20)], [(3, 4), (6, 6), (30, 40), (-4, 1)], [(2, 2), (5, 5), (7, 20)]),
    "two wanted, one hole in each": ([(1, 5), (10, 15)], [(2, 3), (12, 12)], [(1, 1), (4, 5), (10, 11), (13, 15)]),
    "one known over two wanted": ([(1, 5), (10, 15)], [(4, 11)], [(1, 3), (12, 15)]),
    "from after to": ([(9, 1)], [], []),
}
GROUPS = {
    "none": ([], 3, []),
    "an empty one": ([(5, 4)], 3, []),
    "exactly one": ([(5, 7)], 3, [[(5, 7)]]),
    "one and a rest": ([(5, 8)], 3, [[(5, 7)], [(8, 8)]]),
    "single minutes": ([(5, 7)], 1, [[(5, 5)], [(6, 6)], [(7, 7)]]),
    "two near ones in one question": ([(5, 6), (8, 9)], 5, [[(5, 6), (8, 9)]]),
    "two too far apart": ([(5, 6), (9, 10)], 5, [[(5, 6), (9, 9)], [(10, 10)]]),
    "a long one after a short one": ([(5, 5), (8, 14)], 5, [[(5, 5), (8, 9)], [(10, 14)]]),
    "far away": ([(5, 5), (100, 101)], 5, [[(5, 5)], [(100, 101)]]),
}


def spans(pairs) -> list[Span]:
    return [Span(*pair) for pair in pairs]


def test_joined():
    assert {name: joined(spans(given_)) for name, (given_, _) in JOINED.items()} == {
        name: spans(expected) for name, (_, expected) in JOINED.items()
    }


def test_without():
    assert {name: without(spans(wanted), spans(known)) for name, (wanted, known, _) in WITHOUT.items()} == {
        name: spans(expected) for name, (_, _, expected) in WITHOUT.items()
    }


def test_grouped():
    assert {name: grouped(spans(listed), most) for name, (listed, most, _) in GROUPS.items()} == {
        name: [spans(group) for group in expected] for name, (_, _, expected) in GROUPS.items()
    }


minute = some.integers(-30, 60)
some_span = some.builds(Span, minute, minute)
some_spans = some.lists(some_span, max_size=8)


def minutes(listed) -> list[int]:
    return [minute for span in listed for minute in range(span.first, span.last + 1)]


def well_formed(listed: list[Span]) -> bool:
    """Ascending, none empty, and neither touching nor overlapping."""
    apart = all(late.first > early.last + 1 for early, late in pairwise(listed))
    return apart and all(span.minutes > 0 for span in listed)


@given(some_spans)
def test_joining_keeps_the_minutes(listed):
    found = joined(listed)
    assert minutes(found) == sorted(set(minutes(listed)))
    assert well_formed(found)
    assert joined(found) == found
    assert joined(reversed(listed)) == found


@given(some_spans, some_spans)
def test_what_is_left_is_wanted_and_not_known(wanted, known):
    left = without(wanted, known)
    assert minutes(left) == sorted(set(minutes(wanted)) - set(minutes(known)))
    assert well_formed(left)
    assert without(left, known) == left
    assert without(wanted, [*known, *left]) == []


@given(some_spans, some.integers(1, 20))
def test_questions_cover_all_and_are_as_few_as_possible(listed, most):
    groups = grouped(joined(listed), most)
    assert minutes(span for group in groups for span in group) == minutes(joined(listed))
    assert all(group[-1].last - group[0].first < most for group in groups)
    assert all(well_formed(group) for group in groups)
    begins = [group[0].first for group in groups]
    assert all(late - early >= most for early, late in pairwise(begins))  # else one would have sufficed for both


@given(some.sets(minute))
def test_runs_are_minutes_as_spans(single):
    found = runs(sorted(single))
    assert minutes(found) == sorted(single)
    assert well_formed(found)
