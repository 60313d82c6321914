"""Which request meets which fault: rules by name, decided by a seed and the question, never by the order of arrival."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint
from bt.exchange.contents import CONTENTS
from bt.exchange.transport import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bt.exchange.answers import Answer

FAULTS: Final[dict[str, Callable[[Answer, random.Random], Answer]]] = {**TRANSPORT, **CONTENTS}
_FORM: Final = re.compile(r"(?P<name>\w+)(?::(?P<share>[\d.]+%?))?(?:@(?P<nth>\d+))?(?:/(?P<symbol>[A-Z0-9-]+))?")
_WHAT_IT_LOOKS_LIKE: Final = "mild, harsh or name[:share][@n-th request][/SYMBOL], such as reset:0.05,429@3"

_PASSING: Final = ("429", "503", "retcode_10006", "retcode_10016", "dropped", "truncated_chunked", "reordered_answers")
_WRONG: Final = (
    *("200_html_as_json", "empty_200", "null_json", "array_json", "nan_json", "duplicate_keys", "deep_nesting"),
    *("truncated_valid_length", "bad_chunk", "gzip_corrupt", "gzip_truncated", "reset", "reset_mid_body", "500"),
    *("garbage_status_line", "slicer", "204", "retcode_10000", "result_missing", "list_missing", "wrong_symbol"),
    *("duplicate_rows_in_page", "out_of_order_rows", "ascending_rows", "missing_rows", "limit_smaller", "nan_price"),
    *("wrong_interval", "misaligned_timestamp", "timestamp_seconds", "timestamp_future", "timestamp_text"),
    *("negative_price", "empty_price", "null_price", "inf_string", "localized", "high_below_low", "missing_columns"),
)
# share of all requests, the faults that share it; none here changes history, ends the service or waits for long
PRESETS: Final = {"mild": (0.03, _PASSING), "harsh": (0.2, (*_PASSING, *_WRONG))}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Say when a fault strikes: the `nth` request of all (from 1), or a share of requests; of one symbol or all."""

    name: str
    share: float = 1.0
    nth: int | None = None
    symbol: str | None = None


class Injector:
    """Decide faults; the same question asked for the n-th time meets the same fate in every order of questions."""

    def __init__(self, rules: Iterable[Rule], seed: int) -> None:
        self._rules = tuple(rules)
        self._seed = seed
        self._requests = 0
        self._asked: dict[str, int] = {}

    def strike(self, question: str, symbol: str) -> tuple[str | None, random.Random]:
        """Count one request, name the fault it meets (None for most), and give the draw that shapes the fault."""
        self._requests += 1
        if not self._rules:
            return None, _UNUSED
        self._asked[question] = self._asked.get(question, 0) + 1
        draw = random.Random(f"{self._seed} {question} {self._asked[question]}")  # noqa: S311 - repeatable, not secret
        where = draw.random()
        for rule in self._rules:
            if rule.symbol not in {None, symbol}:
                continue
            if rule.nth is not None:
                if rule.nth == self._requests:
                    return rule.name, draw
            elif where < rule.share:
                return rule.name, draw
            else:
                where -= rule.share
        return None, draw


def read_rules(text: str | None) -> tuple[Rule, ...]:
    """Read `mild`, `harsh` or `name[:share][@n][/SYMBOL],…`; without a share every request of it is struck."""
    return tuple(rule for part in (text or "").split(",") if part.strip() for rule in _read(part.strip()))


def _read(part: str) -> list[Rule]:
    match = _FORM.fullmatch(part)
    if not match:
        raise BtError(f"not a fault: {part!r}", _WHAT_IT_LOOKS_LIKE)
    name, symbol = match["name"], match["symbol"]
    nth = int(match["nth"]) if match["nth"] else None
    if name in PRESETS:
        total, names = PRESETS[name]
        total = _share(match["share"], part) if match["share"] else total
        return [Rule(name=one, share=total / len(names), nth=nth, symbol=symbol) for one in names]
    if name not in FAULTS:
        raise BtError(f"there is no fault {name!r}", hint(name, [*FAULTS, *PRESETS]))
    return [Rule(name=name, share=_share(match["share"], part), nth=nth, symbol=symbol)]


def _share(text: str | None, part: str) -> float:
    try:
        share = 1.0 if text is None else float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise BtError(f"not a share of requests: {part!r}", _WHAT_IT_LOOKS_LIKE)
    return share


_UNUSED: Final = random.Random(0)  # noqa: S311
