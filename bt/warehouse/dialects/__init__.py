"""The market layer in the SQL of another engine, for teams that outgrow one machine: exactly, or not at all.

Each engine has a rule for every construct that means the same there, rewritten where its name or its habits differ
(whole quotients, decimals, nulls of outer joins, frames of `lag`); a construct without a rule is refused by its name.
Sums and averages may be added up in another order there, so that the last bits of a float may differ, and with them
what divides one such rest by another, as a band's %b does where a market stands still.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import duckdb
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from bt.errors import BtError, hint
from bt.warehouse.definitions import defined
from bt.warehouse.dialects import clickhouse, postgres, spark
from bt.warehouse.dialects.portable import portable
from bt.warehouse.dialects.shared import NoEqual, check, construct, shared_rules
from bt.warehouse.expansion import expanded, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bt.warehouse.definitions import Definition

ENGINES: Final = {"clickhouse": clickhouse.own_rules, "postgres": postgres.own_rules, "spark": spark.own_rules}
_TIMES: Final = {
    "clickhouse": "ts is DateTime64(6, 'UTC')",
    "postgres": "ts is timestamp",
    "spark": "ts is timestamp_ntz, spark.sql.session.timeZone is UTC",
}
_EXAMPLES: Final = {"timeframe": "1h"}
LAYERS: Final = ("2_market", "3_indicators")  # what follows them is about runs, which stay in the warehouse


class NotPortableError(BtError):
    """A relation has something in it that another engine has no equal for: the `reason`."""

    def __init__(self, name: str, engine: str, reason: str) -> None:
        super().__init__(
            f"{name} has no equal in {engine}: {reason}",
            "write it by hand there, or copy its rows: bt sql -O, bt export",
        )
        self.reason = reason


def transpiled(
    name: str,
    arguments: Mapping[str, str],
    known: Mapping[str, Definition],
    connection: duckdb.DuckDBPyConnection,
    *,
    engines: Sequence[str] = tuple(ENGINES),
) -> dict[str, str | NotPortableError]:
    """Write the SELECT of a view, or of a macro with these arguments, over stored tables, as each engine reads it.

    Where one has no equal, its error is given instead. `connection` computes constants and may be of an empty
    database. Raise BtError for an unknown engine, relation or argument.
    """
    _check(name, known, engines)
    try:
        query = portable(expanded(name, {key: _value(text) for key, text in arguments.items()}, known), connection)
    except duckdb.Error as error:
        problem = str(error).splitlines()[0]
        raise BtError(f"{name} cannot be computed with these arguments: {problem}", f"bt schema {name}") from None
    query = annotate_types(query, schema=tables(known), dialect="duckdb")
    written = ", ".join(f"{key} = {text}" for key, text in arguments.items())
    heading = f"-- {name}{' with ' + written if written else ''}, over the tables of a bt warehouse"
    return {engine: _written(name, query.copy(), engine, heading) for engine in engines}


def survivors(
    known: Mapping[str, Definition], connection: duckdb.DuckDBPyConnection, *, engines: Sequence[str] = tuple(ENGINES)
) -> dict[str, dict[str, str | None]]:
    """Say of each relation of rows of the market layer, and each engine, why it has no equal; None = it has one."""
    found: dict[str, dict[str, str | None]] = {}
    for name, definition in known.items():
        if definition.layer in LAYERS and definition.kind in {"view", "macro table"}:
            needed = {key: _EXAMPLES.get(key, "1") for key, default in definition.parameters.items() if not default}
            told = transpiled(name, needed, known, connection, engines=engines)
            found[name] = {
                engine: answer.reason if isinstance(answer, NotPortableError) else None
                for engine, answer in told.items()
            }
    return found


def _written(name: str, query: Any, engine: str, heading: str) -> str | NotPortableError:
    try:
        sql: str = _translated(query, engine).sql(dialect=engine, pretty=True)
    except NoEqual as error:
        return NotPortableError(name, engine, str(error))
    return f"{heading}; {_TIMES[engine]}\n{sql}\n"


def _check(name: str, known: Mapping[str, Definition], engines: Sequence[str]) -> None:
    for engine in engines:
        if engine not in ENGINES:
            raise BtError(f"there is no translation for {engine!r}", hint(engine, ENGINES))
    definition = defined(name, known)
    if definition.layer not in LAYERS:
        raise BtError(f"{name} is not of the market layer", f"only relations of {' and '.join(LAYERS)} are translated")


def _value(text: str) -> exp.Expr:
    is_number = re.fullmatch(r"-?\d+(\.\d+)?", text)
    return exp.Literal.number(text) if is_number else exp.Literal.string(text)


def _translated(query: Any, engine: str) -> Any:
    """Apply the engine's rules from the leaves up, once it is known that there is one for everything."""
    rules = shared_rules() | ENGINES[engine]()
    nodes = list(query.walk())
    for node in nodes:
        check(node, rules)
    for node in reversed(nodes):
        parent, key, place = node.parent, node.arg_key, node.index
        new = rules[construct(node)](node)
        if new is not node and parent is not None:
            parent.set(key, new, place)
        query = new if node is query else query
    return query
