"""Faults of what an answer says: each turns the rows or the envelope of a correct answer into wrong ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bt.exchange.answers import TOO_MANY_VISITS, Answer, encode
from bt.exchange.series import MINUTE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Change = Callable[[Answer, random.Random], Answer]
    Rows = list[Any]

_SHORT: Final = 200  # rows
_START, _OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(6)  # where a candle's cells stand
_decode = msgspec.json.decode


def _rows(change: Callable[[Rows, random.Random], Rows]) -> Change:
    """Make a fault of the rows; an answer without rows stays as it is."""

    def changed(answer: Answer, draw: random.Random) -> Answer:
        document = _decode(answer.body)
        rows = document["result"].get("list")
        if not rows:
            return answer
        document["result"]["list"] = change(rows, draw)
        return replace(answer, body=encode(document))

    return changed


def _cells(change: Callable[[list[str], random.Random], Any]) -> Change:
    """Make a fault of one candle, drawn from the page; other rows than candles stay as they are."""

    def changed(rows: Rows, draw: random.Random) -> Rows:
        if isinstance(rows[0], list):
            place = draw.randrange(len(rows))
            rows[place] = change(list(rows[place]), draw)
        return rows

    return _rows(changed)


def _cell(place: int, text: Any) -> Change:
    return _cells(lambda row, _: [*row[:place], text, *row[place + 1 :]])


def _shifted(change: Callable[[int], str]) -> Change:
    return _cells(lambda row, _: [change(int(row[_START])), *row[1:]])


def _document(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Make a fault of the envelope."""
    return lambda answer, _: replace(answer, body=encode(change(_decode(answer.body))))


def _refused(code: int, message: str) -> Change:
    return _document(lambda document: document | {"retCode": code, "retMsg": message, "result": {}})


def _result(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return _document(lambda document: document | {"result": change(document["result"])})


def _shuffled(rows: Rows, draw: random.Random) -> Rows:
    return draw.sample(rows, len(rows))


def _doubled(rows: Rows, draw: random.Random) -> Rows:
    place = draw.randrange(len(rows))
    return [*rows[: place + 1], rows[place], *rows[place + 1 :]]


def _contradicted(rows: Rows, draw: random.Random) -> Rows:
    place = draw.randrange(len(rows))
    if not isinstance(rows[place], list):
        return rows
    return [*rows[: place + 1], _revised(list(rows[place]), draw), *rows[place + 1 :]]


def _holed(rows: Rows, draw: random.Random) -> Rows:
    first = draw.randrange(len(rows))
    return rows[:first] + rows[first + max(len(rows) // 10, 1) :]


def _revised(row: list[str], _draw: random.Random) -> list[str]:
    """Change what was traded; prices stay, so that the candle is sound."""
    return [*row[:_VOLUME], f"{float(row[_VOLUME]) + 1:.3f}", *row[_VOLUME + 1 :]]


def _spread(rows: Rows, _draw: random.Random) -> Rows:
    """Stretch the distances five times, the newest row staying where it is."""
    if not isinstance(rows[0], list):
        return rows
    newest = int(rows[0][_START])
    return [[str(newest - 5 * (newest - int(row[_START]))), *row[1:]] for row in rows]


def _longer(rows: Rows, _draw: random.Random) -> Rows:
    """Give older rows than were asked for."""
    oldest = rows[-1]
    if not isinstance(oldest, list):
        return rows
    width = int(rows[-2][_START]) - int(oldest[_START]) if len(rows) > 1 else MINUTE
    return [*rows, *([str(int(oldest[_START]) - width * back), *[oldest[_OPEN]] * 4, "0", "0"] for back in (1, 2))]


CONTENTS: Final[dict[str, Change]] = {
    "retcode_10000": _refused(10000, "Server Timeout"),
    "retcode_10006": _refused(TOO_MANY_VISITS, "Too many visits!"),
    "retcode_10009": _refused(10009, "The requested region is not served."),
    "retcode_10016": _refused(10016, "Request timeout, please try again later"),
    "retcode_429": _refused(429, "The trading service is experiencing a high server load. Please retry."),
    "retcode_unknown": _refused(99999, "Something new"),
    "symbol_unknown": _refused(10001, "Not supported symbols"),
    "result_missing": _document(lambda document: {"retCode": 0, "retMsg": "OK", "time": document["time"]}),
    "result_null": _document(lambda document: document | {"result": None}),
    "list_missing": _result(lambda result: {key: result[key] for key in result if key != "list"}),
    "empty_result": _result(lambda result: result | {"list": []}),
    "wrong_symbol": _result(lambda result: result | {"symbol": "WRONGUSDT"}),
    "wrong_category": _result(lambda result: result | {"category": "option"}),
    "wrong_time": _document(lambda document: document | {"time": document["time"] - 7_200_000}),
    "duplicate_rows_in_page": _rows(_doubled),
    "contradicting_rows": _rows(_contradicted),
    "out_of_order_rows": _rows(_shuffled),
    "ascending_rows": _rows(lambda rows, _: rows[::-1]),
    "missing_rows": _rows(_holed),
    "limit_smaller": _rows(lambda rows, _: rows[:_SHORT]),
    "limit_larger": _rows(_longer),
    "wrong_interval": _rows(_spread),
    "misaligned_timestamp": _shifted(lambda start: str(start + 7_000)),
    "timestamp_seconds": _shifted(lambda start: str(start // 1000)),
    "timestamp_future": _shifted(lambda start: str(start + 10 * 365 * 1440 * MINUTE)),
    "timestamp_text": _shifted(lambda _: "2024-01-01"),
    "timestamp_number": _cells(lambda row, _: [int(row[_START]), *row[1:]]),
    "negative_price": _cell(_OPEN, "-1"),
    "zero_price": _cell(_LOW, "0"),
    "nan_price": _cell(_CLOSE, "NaN"),
    "empty_price": _cell(_CLOSE, ""),
    "null_price": _cell(_CLOSE, None),
    "inf_string": _cell(_HIGH, "1e400"),
    "localized": _cell(_OPEN, "1,5"),
    "negative_volume": _cell(_VOLUME, "-3"),
    "high_below_low": _cells(lambda row, _: [*row[:_HIGH], row[_LOW], f"{float(row[_HIGH]) * 1.01}", *row[_CLOSE:]]),
    "scientific": _cells(lambda row, _: [row[_START], *(f"{float(cell):.17e}" for cell in row[1:])]),
    "extra_columns": _rows(lambda rows, _: [[*row, "0"] if isinstance(row, list) else row for row in rows]),
    "missing_columns": _cells(lambda row, _: row[:-1]),
    "row_is_text": _cells(lambda row, _: ",".join(row)),
    "revision": _cells(_revised),
}
