"""The limit per address with its ban, and the limit per second, on a clock that the test turns."""

from __future__ import annotations

import pytest

from tests.exchange.conftest import NOW, Ask

ADDRESS = {
    "within the window": ([0, 1, 2, 3, 5.0, 6.0], [200] * 6),
    "one too many": ([0, 1, 2, 3, 4], [200] * 4 + [403]),
    "banned for ten minutes, asking does not lengthen it": (
        [0, 0, 0, 0, 1, 300, 600.9, 601],
        [200] * 4 + [403, 403, 403, 200],
    ),
}


@pytest.mark.parametrize(("ticks", "statuses"), ADDRESS.values(), ids=ADDRESS)
def test_the_limit_of_an_address(ask: Ask, ticks: list[float], statuses: list[int]) -> None:
    replies = ask(*["time"] * len(ticks), ticks=ticks, requests=4)
    assert [reply.status for reply in replies] == statuses
    assert all(b"access too frequent" in reply.body for reply in replies if reply.status == 403)


def test_the_real_limit(ask: Ask) -> None:
    replies = ask(*["time"] * 601)
    assert [reply.status for reply in replies] == [200] * 600 + [403]


def test_the_limit_of_a_second(ask: Ask) -> None:
    replies = ask(*["time"] * 4, ticks=[0, 0.2, 0.4, 1.0], per_second=2)
    assert [reply.document["retCode"] for reply in replies] == [0, 0, 10006, 0]
    assert [reply.headers["X-Bapi-Limit-Status"] for reply in replies] == ["1", "0", "0", "0"]
    assert [int(reply.headers["X-Bapi-Limit-Reset-Timestamp"]) - NOW for reply in replies] == [0, 800, 600, 200]


def test_the_headers_can_be_missing_even_on_a_10006(ask: Ask) -> None:
    _, reply = ask("time", "time", faults="headers_missing", per_second=1)
    assert reply.document["retCode"] == 10006
    assert not [name for name in reply.headers if name.startswith("X-Bapi")]
