"""What other engines said of a run: one row for each, the latest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.results.read import Results
    from bt.warehouse import Warehouse

_PARSED: Final = ("profile", "first_difference", "complaints", "rules")  # columns that hold JSON


def keep(warehouse: Warehouse, row: Mapping[str, Any]) -> None:
    """Store an engine's opinion of a run in place of an earlier one; `row`: the columns of `verifications`."""
    given = {name: _as_stored(name, value) for name, value in row.items()}
    marks = ", ".join(f"${name} as {name}" for name in given)
    key = {"run_id": given["run_id"], "engine": given["engine"]}
    with warehouse.write() as connection:
        connection.execute("delete from verifications where run_id = $run_id and engine = $engine", key)
        connection.execute(
            f"insert into verifications by name select {marks}, now() at time zone 'UTC' as created_ts", given
        )


def of(results: Results) -> list[dict[str, Any]]:
    """Give what is stored of a run's verifications, JSON read, by engine."""
    rows = results.sql("select * exclude (run_id) from verifications where run_id = $run order by engine").to_dicts()
    return [{name: _read(name, value) for name, value in row.items()} for row in rows]


def sentence(row: Mapping[str, Any]) -> str:
    """Say in a sentence what another engine came to; `row`: of `verifications`, JSON read."""
    whom = f"{row['engine']} {row['version']}"
    held = f"within {row['tolerance']:g} of each number"
    equity = f"equity at {counted(row['bars'], 'bar')}, at most {row['equity_gap']:.1e} of it apart"
    if row["matches"]:
        return f"{whom}: every entry and exit matches ({counted(row['trades'], 'trade')}, {held}); {equity}"
    if row["differences"]:
        return f"{whom}: {row['differences']:,} of {counted(row['trades'], 'trade')} differ ({held}); {equity}"
    return f"{whom}: {counted(row['trades'], 'trade')} match ({held}), but not all else does; {equity}"


def _as_stored(name: str, value: Any) -> Any:
    if name not in _PARSED or value is None:
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_moment)


def _moment(value: Any) -> str:
    """Give a time as JSON holds it elsewhere."""
    return str(value.isoformat())


def _read(name: str, value: Any) -> Any:
    return json.loads(value) if name in _PARSED and value is not None else value
