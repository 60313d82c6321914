from datetime import datetime, timedelta

import pytest

from bt import timeframes
from bt.errors import BtError

NOW = datetime(2026, 3, 1, 12, 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31)),
        ("2024-01-31T12:05", datetime(2024, 1, 31, 12, 5)),
        ("2024-01-31 12:05:06", datetime(2024, 1, 31, 12, 5, 6)),
        ("2024-01-31T12:00+09:00", datetime(2024, 1, 31, 3)),
        ("2024-01-31T12:00Z", datetime(2024, 1, 31, 12)),
        ("90d", NOW - timedelta(days=90)),
        ("2y", NOW - timedelta(days=730)),
        ("12h", NOW - timedelta(hours=12)),
        ("ytd", datetime(2026, 1, 1)),
        ("now", NOW),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert timeframes.moment(text, relative_to=NOW) == expected


@pytest.mark.parametrize(
    "text", ["2024-13-01", "yesterday", "-1", "", "0d", "999999y", "1900-01-01", "2024-01-01'; drop table candles;--"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BtError):
        timeframes.moment(text, relative_to=NOW)


def test_unknown_timeframe_gets_a_hint() -> None:
    with pytest.raises(BtError, match="1m"):
        timeframes.minutes("1M")
    assert timeframes.minutes("1w") == 7 * 24 * 60
