"""Lines of a strategy's source that look ahead at first sight: where to look first once its columns are seen to."""

from __future__ import annotations

import ast


def suspicious(source: str) -> list[tuple[int, str]]:
    """List line and call: shift(-1), backward fill, reversal, centred windows, forward as-of joins."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    found = ((call.lineno, _ahead(call.func.attr, call)) for call in calls)  # type: ignore[attr-defined]
    return sorted((line, what) for line, what in found if what)


def _ahead(method: str, call: ast.Call) -> str:
    given: dict[str, object] = {
        key.arg: _constant(key.value) for key in call.keywords if key.arg and _constant(key.value) is not None
    }
    first, second = ([_constant(argument) for argument in call.args] + [None, None])[:2]
    if method in {"shift", "diff", "pct_change"}:
        steps = given.get("n", given.get("periods", first))
        if isinstance(steps, int) and steps < 0:
            return f"{method}({steps})"
    if method == "backward_fill" or (method == "fill_null" and "backward" in {given.get("strategy"), second}):
        return "a backward fill"
    if method == "reverse":
        return "reverse()"
    if method.startswith("rolling") and given.get("center") is True:
        return f"{method}(center=True)"
    if method == "join_asof" and given.get("strategy") in {"forward", "nearest"}:
        return f"join_asof(strategy={given['strategy']!r})"
    return ""


def _constant(node: ast.expr) -> object:
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        return None
    return value
