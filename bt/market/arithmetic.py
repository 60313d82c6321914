"""Numbers as SQL and headers write them: read without a database, written so that DuckDB reads the same number."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Number = int | float

_FADED: Final = 40.0  # what weighs less than e to the power of minus this is left out, as in block_bars.sql


def fading_bars(keep: Number) -> int:
    """Count the bars a fading sum hangs on, this one included: a power of 2, 1 for keep = 0; ValueError from 1 on."""
    if keep >= 1:
        raise ValueError(f"what keeps {keep} never fades")
    bars = 1
    while keep > 0 and bars * -math.log(keep) < _FADED:
        bars *= 2
    return bars


_OPERATIONS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "sqrt": math.sqrt,
    "greatest": max,
    "least": min,
    "fading_bars": fading_bars,
}
WORDS: Final = "+ - * /, " + ", ".join(f"{name}()" for name in _FUNCTIONS)


def evaluated(text: str, names: Mapping[str, Number]) -> Number:
    """Compute an expression of numbers, names, + - * / and a few functions; SyntaxError where it is something else."""

    def value(node: ast.expr) -> Number:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
                return _OPERATIONS[type(operation)](value(left), value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.Call(func=ast.Name(id=name), args=[_, *_], keywords=[]) if name.lower() in _FUNCTIONS:
                return _FUNCTIONS[name.lower()](*(value(argument) for argument in node.args))
        raise SyntaxError

    return value(ast.parse(text, mode="eval").body)


def constant(text: str) -> Number | None:
    """Compute an expression without names; None where it is none."""
    try:
        return evaluated(text, {})
    except (SyntaxError, ArithmeticError, ValueError, TypeError):
        return None


def literal(number: Number) -> str:
    """Write a number so that DuckDB reads it back exactly: a DOUBLE, not a DECIMAL, where it has a point."""
    written = repr(number)
    return written if isinstance(number, int) or "e" in written else f"{written}e0"
