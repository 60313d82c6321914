"""What an expression may be made of: nodes on a white list, columns that are there, numbers where numbers belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlglot
from sqlglot import TokenType, exp

from bt.errors import BtError, hint
from bt.wording import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

LONGEST: Final = 2000  # characters
_DEEPEST: Final = 100  # levels of the tree
_LOGIC: Final = (exp.And, exp.Or, exp.Not)
_ORDERED: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
_EQUAL: Final = (exp.EQ, exp.NEQ, exp.In)
_TESTS: Final = (*_EQUAL, exp.Is, *_ORDERED)
_NUMBERS: Final = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Pow, exp.Exp, exp.Ln, exp.Log, exp.Sqrt),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Cast),
)
_VALUES: Final = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.DataType)
_ALLOWED: Final = frozenset({*_LOGIC, *_TESTS, *_NUMBERS, *_VALUES, exp.Paren, exp.Case, exp.If})
_PARTS: Final = frozenset({"this", "expression", "expressions", "ifs", "default", "true", "false", "low", "high", "to"})
_PARTS_OF: Final[dict[type[exp.Expr], set[str]]] = {exp.Round: {"this", "decimals"}, exp.Case: {"ifs", "default"}}
_CAST_TO: Final = frozenset({exp.DType.DOUBLE, exp.DType.INT, exp.DType.BIGINT})
_WHOLE: Final = frozenset({TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER})  # tokens that are no words
_CASE: Final = frozenset({"case", "when", "then", "else", "end"})
_FUNCTIONS: Final = "abs, sqrt, ln, log, exp, pow, round, floor, ceil, sign, greatest, least, coalesce, nullif"
OFFER: Final = f"write numbers, columns, + - * / %, comparisons, and, or, not, between, in, case, {_FUNCTIONS}"
_INSTEAD: Final = {"max": "greatest", "min": "least"}


def parsed(text: str, columns: Collection[str]) -> exp.Expr:
    """Parse one expression, each of its columns spelled as in `columns`; raise BtError for anything else.

    A word that is a column's name is that column, whatever it means in SQL; of the words of `case … end` only where
    the expression could not be read otherwise.
    """
    if len(text) > LONGEST:
        raise BtError(f"it has {len(text):,} characters", f"write at most {LONGEST:,}")
    known = _spellings(columns)
    try:
        try:
            tree = _tree(text, known.keys() - _CASE)
        except sqlglot.ParseError:
            tree = _tree(text, known)
    except sqlglot.errors.SqlglotError as error:
        raise BtError(f"it cannot be read{_place(error)}", OFFER) from None
    if tree is None:
        raise BtError("it is not one expression", OFFER)
    for column in tree.find_all(exp.Column):
        column.this.set("this", known.get(column.name.lower(), column.name))
    return exp.paren(tree, copy=False)


def require_known(tree: exp.Expr, columns: Collection[str]) -> None:
    """Refuse every node that is not on the list, and every column that is not there."""
    for node in tree.walk():
        parts = {key for key, value in node.args.items() if isinstance(value, exp.Expr | list) and value}
        fine = type(node) in _ALLOWED and parts <= _PARTS_OF.get(type(node), _PARTS)
        if isinstance(node, exp.DataType):
            fine = node.this in _CAST_TO and not parts
        if not fine:
            raise _refusal(node)
        if node.depth > _DEEPEST:
            raise RecursionError
        if isinstance(node, exp.Column) and node.name not in columns:
            raise _unknown(node, columns)


def require_kinds(tree: exp.Expr, *, condition: bool) -> None:
    """Refuse a condition where a number is wanted and the other way round, as far as can be seen without types."""
    if not tree.find(exp.Column):
        raise BtError("it names no column", "it would be the same for every parameter set")
    if condition and _kind(tree) != "condition":
        raise BtError("it is not a condition", "compare something: sharpe > 1, fast < slow, short = true")
    if not condition and _kind(tree) not in {"number", "unknown"}:
        raise BtError(f"it is a {_kind(tree)}", "an objective is a number; write the condition as --where")
    for node in tree.walk():
        for operand, kind in _wanted(node):
            if _kind(operand) not in {kind, "unknown"}:
                raise BtError(
                    f"{shown(operand.sql('duckdb'))} is a {_kind(operand)}, where a {kind} is wanted",
                    "write case when … then 1 else 0 end for the number of a condition",
                )


def wanted_of(column: exp.Expr) -> str:
    """Give what a column is wanted as where it stands: number, condition or text; `` = whatever it is."""
    place = column
    while isinstance(place.parent, exp.Paren) and place.parent.parent:
        place = place.parent
    return next((kind for operand, kind in _wanted(place.parent or place) if operand is place), "")


def _tree(text: str, names: Collection[str]) -> exp.Expr | None:
    """Parse with every word in `names` as an identifier, unless it is called; None = not one expression."""
    dialect = sqlglot.Dialect.get_or_raise("duckdb")
    tokens = dialect.tokenize(text)
    _require_plain(tokens)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        called = following is not None and following.token_type == TokenType.L_PAREN
        if token.token_type not in _WHOLE and token.text.lower() in names and not called:
            token.token_type = TokenType.IDENTIFIER
    trees = dialect.parser().parse(tokens, text)
    return trees[0] if len(trees) == 1 else None


def _spellings(columns: Collection[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for name in columns:
        if known.setdefault(name.lower(), name) != name:
            raise BtError(f"{name!r} and {known[name.lower()]!r} differ in capitals only", "SQL cannot tell them apart")
    return known


def _require_plain(tokens: Sequence[Any]) -> None:
    if not tokens:
        raise BtError("it is empty", OFFER)
    if any(token.comments for token in tokens):
        raise BtError("it holds a comment", "-- and /* begin one in SQL: write - (-1) for the negative of a negative")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise BtError("it is more than one expression", "write one, without ;")


def _place(error: Exception) -> str:
    found = getattr(error, "errors", None) or [{}]
    return f" at character {found[0]['col']}" if found[0].get("col") else ""


def _refusal(node: exp.Expr) -> BtError:
    if isinstance(node, exp.Max | exp.Min):
        return BtError(f"{node.key} is over many rows", f"of two values: {_INSTEAD[node.key]}(a, b)")
    if isinstance(node, exp.Func) and type(node) not in _ALLOWED:
        name = node.name if isinstance(node, exp.Anonymous) else node.meta.get("name") or node.sql_name()
        return BtError(f"{shown(name.lower())}() may not stand in it", OFFER)
    return BtError(f"{shown(node.sql('duckdb', comments=False))} may not stand in it", OFFER)


def _unknown(column: exp.Expr, columns: Collection[str]) -> BtError:
    name = shown(column.name)
    letters = "" if name.isascii() else f" (written {column.name[:20]!a})"
    start = column.this.meta.get("start")
    where = "" if start is None else f" at character {start + 1}"
    return BtError(f"there is no column {name!r}{letters}{where}", hint(name.lower(), columns))


def _wanted(node: exp.Expr) -> Iterator[tuple[exp.Expr, str]]:
    """Give the operands of a node whose kind is not free, and what each may be."""
    if isinstance(node, _LOGIC):
        yield from ((each, "condition") for each in node.iter_expressions())
    elif isinstance(node, exp.Is):
        yield node.expression, "condition"
        if isinstance(node.expression, exp.Boolean):
            yield node.this, "condition"
    elif isinstance(node, _EQUAL):
        kinds = [kind for each in node.iter_expressions() if (kind := _kind(each)) != "unknown"]
        yield from ((each, kinds[0]) for each in node.iter_expressions() if kinds)
    elif isinstance(node, exp.If):
        yield node.this, "condition"
        yield from ((each, "number") for key in ("true", "false") if (each := node.args.get(key)))
    elif isinstance(node, exp.Case) and node.args.get("default"):
        yield node.args["default"], "number"
    elif isinstance(node, (*_NUMBERS, *_ORDERED)):
        yield from ((each, "number") for each in node.iter_expressions() if not isinstance(each, exp.DataType))


def _kind(node: exp.Expr) -> str:
    node = node.unnest()
    if isinstance(node, exp.Column | exp.Null):
        return "unknown"
    if isinstance(node, (*_LOGIC, *_TESTS, exp.Boolean)):
        return "condition"
    return "text" if node.is_string else "number"
