"""What tells skill from luck, on a terminal: each figure with what it is held against, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bt.output.panel import money, percent, ratio, wrapped
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RULES: Final = (  # all of them hold, or a walk-forward has not passed
    "out_of_sample_profit", "efficiency", "profitable_folds", "best_fold_share", "out_of_sample_drawdown",
)  # fmt: skip
LUCK: Final = ("sharpe", "t_statistic", "deflated_sharpe", "overfitting_probability", "plateau")
DRIFT: Final = ("rank_correlation", "parameter_drift")
_MARKS: Final = {True: "✓", False: "✗", None: " "}

Row = dict[str, Any]


def _interval(row: Row, _others: Mapping[str, Row]) -> str:
    return f"95 % interval {ratio(row['low'])} to {ratio(row['high'])}"


def _deflated(row: Row, others: Mapping[str, Row]) -> str:
    attempts = others["attempts"]
    tried = counted(round(attempts["value"] or 1), "attempt")
    effective = f" ({ratio(row['high'])} of {ratio(attempts['low'], 0)} effective)" if row["high"] is not None else ""
    return f"best of {tried}{effective}; 0.95 or more"


def _noise(row: Row, _others: Mapping[str, Row]) -> str:
    if row["low"] is None:
        return "PBO; what pure noise gives is not known here"
    return f"PBO; on pure noise {ratio(row['low'])} to {ratio(row['high'])}"


_SHOWN: Final[dict[str, tuple[str, Callable[..., str], str | Callable[[Row, Mapping[str, Row]], str]]]] = {
    "out_of_sample_profit": ("Out-of-sample profit", lambda value: money(value, signed=True), "above 0"),
    "efficiency": ("Efficiency", ratio, "of the in-sample growth; 0.50 or more"),
    "profitable_folds": ("Profitable folds", lambda value: percent(value, digits=1), "half of them or more"),
    "best_fold_share": ("Best fold's share", lambda value: percent(value, digits=1), "of the profit; below half"),
    "out_of_sample_drawdown": ("Max drawdown", percent, "no deeper than -40 %"),
    "sharpe": ("Sharpe ratio", ratio, _interval),
    "t_statistic": ("t-statistic", ratio, "of the mean daily return; 2 or more"),
    "deflated_sharpe": ("Deflated Sharpe", ratio, _deflated),
    "overfitting_probability": ("Overfitting", ratio, _noise),
    "plateau": ("Plateau", ratio, "neighbours' objective / the chosen set's"),
    "rank_correlation": ("Rank correlation", ratio, "of in-sample with out-of-sample; above 0"),
    "parameter_drift": ("Parameter drift", ratio, "of the searched range, from fold to fold"),
}


def figure_lines(
    figures: Sequence[Row], names: Sequence[str], width: int | None = None, *, marked: bool = True
) -> list[str]:
    """Draw some rows of `overfitting`: ✓ or ✗ where one is held against something, name, value, and what it is.

    Where nothing was chosen there is nothing to approve of, and no row is `marked`.
    """
    known = {row["figure"]: row for row in figures}
    rows = [(known[name], *_SHOWN[name]) for name in names if name in known]
    values = [write(row["value"]) for row, _, write, _ in rows]
    labels = max((len(label) for _, label, _, _ in rows), default=0)
    room = max(map(len, values), default=0)
    lines = []
    for (row, label, _, words), value in zip(rows, values, strict=True):
        note = row["reason"] or (words if isinstance(words, str) else words(row, known))
        text = f"{_MARKS[row['holds'] if marked else None]} {label.ljust(labels)}  {value.rjust(room)}  {note}"
        lines += wrapped(text, indent=labels + room + 6, width=width)
    return lines


def verdict_lines(sentence: str, width: int | None = None) -> list[str]:
    """Draw the verdict."""
    return wrapped(f"Verdict: {sentence}", indent=2, width=width)
