"""What other engines said of a run: one row for each, the latest."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bt.results.read import Results
    from bt.warehouse import Warehouse

_PARSED: Final = ("profile", "first_difference", "complaints", "rules")  # columns that hold JSON
_DELETE: Final = "delete from verifications where run_id = $run_id and engine = $engine"


def keep(warehouse: Warehouse, row: Mapping[str, Any]) -> None:
    """Store an engine's opinion of a run in place of an earlier one; `row`: the columns of `verifications`."""
    given = {name: _as_stored(name, value) for name, value in row.items()}
    marks = ", ".join(f"${name} as {name}" for name in given)
    with warehouse.write() as connection:
        connection.execute(_DELETE, {"run_id": given["run_id"], "engine": given["engine"]})
        connection.execute(
            f"insert into verifications by name select {marks}, now() at time zone 'UTC' as created_ts", given
        )


def drop(warehouse: Warehouse, run_id: str, engine: str) -> None:
    """Forget what an engine said of a run, if it said anything."""
    with warehouse.write() as connection:
        connection.execute(_DELETE, {"run_id": run_id, "engine": engine})


def of(results: Results) -> list[dict[str, Any]]:
    """Give what is stored of a run's verifications, JSON read, by engine."""
    rows = results.sql("select * exclude (run_id) from verifications where run_id = $run order by engine").to_dicts()
    return [{name: _read(name, value) for name, value in row.items()} for row in rows]


def sentence(row: Mapping[str, Any]) -> str:
    """Say in a sentence what another engine came to; `row`: of `verifications`, JSON read."""
    whom = f"{row['engine']} {row['version']}"
    held = f"within {row['tolerance']:g} of each number, pnl of the value traded"
    equity = f"equity at {counted(row['bars'], 'bar')}, at most {row['equity_gap']:.1e} of it apart"
    trades = counted(row["trades"], "trade")
    if row["matches"] and not row["trades"]:
        said = f"nothing was traded under the rules that both have; {equity}"
    elif row["matches"]:
        said = f"every entry and exit matches under the rules that both have ({trades}, {held}); {equity}"
    elif row["differences"]:
        said = f"{row['differences']:,} of {trades} differ under the rules that both have ({held}); {equity}"
    else:
        said = f"{trades} match under the rules that both have ({held}), but not all else does; {equity}"
    return f"{whom}: " + "; ".join([said, *_apart(row)])


def _apart(row: Mapping[str, Any]) -> Iterator[str]:
    """Say what sets the run itself apart from the rules that both have."""
    changed = sum(rule["changed"] for rule in row["rules"])
    if changed:
        yield f"{counted(changed, 'trade')} of the run changed by rules"
    if row["unexplained"]:
        yield f"{counted(row['unexplained'], 'trade')} of the run not explained"


def _as_stored(name: str, value: Any) -> Any:
    if name not in _PARSED or value is None:
        return value
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=_moment)


def _finite(value: Any) -> Any:
    """Give what JSON can hold: nothing where a number is none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _moment(value: Any) -> str:
    """Give a time as JSON holds it elsewhere."""
    return str(value.isoformat())


def _read(name: str, value: Any) -> Any:
    return json.loads(value) if name in _PARSED and value is not None else value
