"""How it is printed where two runs part, and why: as lines for people, as facts for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bt.cli.asking import OutputOptions
    from bt.results.differing import Change, Difference, Reasons

NONE: Final = "–"  # noqa: RUF001 - what is absent
_CALLED: Final = {
    "fills": "fill", "funding_payments": "funding payment", "rejections": "refused order", "equity": "equity row",
    "days": "day", "trials": "trial", "folds": "fold",
}  # fmt: skip
_DIGESTED: Final = ("minutes", "candles")  # of which one row a symbol was hashed


@dataclass(frozen=True)
class Names:
    """How the two that are held together are called in tables."""

    a: str
    b: str


def print_facts(facts: dict[str, Any], asked: OutputOptions) -> None:
    """Print facts as JSON, or the reasons among them as rows."""
    import polars as pl

    from bt.cli.testing import print_whole
    from bt.output import emit

    if asked.form in {"json", "jsonl"}:
        print_whole(facts, asked.form, asked.out)
        return
    rows = [
        {"what": what, "key": each["key"], **{side: text_of(each[side]) for side in "ab"}}
        for what in ("configuration", "data", "versions")
        for each in facts[what]
    ]
    emit(pl.DataFrame(rows, schema=dict.fromkeys(("what", "key", "a", "b"), pl.String)), asked.form, asked.out)


def difference_facts(found: Difference | None) -> dict[str, Any] | None:
    """Give what the JSON holds of the first difference: table, place, and both values of each column that differs."""
    if found is None:
        return None
    both = found.a or {}, found.b or {}
    return {
        "table": found.table,
        "place": found.place,
        **{
            key: row[key]
            for row in both
            for key in ("n", "trade", "fold", "part", "trial", "symbol", "ts")
            if key in row
        },
        "columns": {name: {"a": both[0].get(name), "b": both[1].get(name)} for name in found.columns},
    }


def reason_facts(why: Reasons) -> dict[str, Any]:
    """Give what the JSON holds of the reasons."""
    changes = ("data", "configuration", "versions")
    return {name: [asdict(each) for each in getattr(why, name)] for name in changes} | {
        "code": list(why.code), "remarks": list(why.remarks),
    }  # fmt: skip


def counted_rows(heights: Mapping[str, int]) -> str:
    """Say how many rows of each table were held together."""
    from bt.wording import counted

    said = [counted(height, _CALLED.get(name, name)) for name, height in heights.items() if height]
    return ", ".join(said) if said else "nothing was traded"


def difference_lines(found: Difference | None, names: Names) -> list[str]:
    """Say where the first difference is, with both values of each column that differs."""
    from bt.output import wrapped

    if found is None:
        return []
    row = found.a or found.b or {}
    place = [f"{_CALLED.get(found.table, found.table)} {found.place:,}"]
    place += [f"{key} {row[key]}" for key in ("trade", "fold", "part", "trial") if key in row and key != found.table]
    place += [text_of(row[key]) for key in ("symbol", "ts", "day") if key in row]
    said = f"The first difference: {' · '.join(place)}"
    absent = [name for name, side in ((names.a, found.a), (names.b, found.b)) if side is None]
    if absent:
        values = ", ".join(f"{name} {text_of(value)}" for name, value in row.items() if value is not None)
        return [*wrapped(f"{said}; {absent[0]} has no such row", indent=2), *wrapped(f"  {values}", indent=2), ""]
    rows = [(name, *(text_of((side or {})[name]) for side in (found.a, found.b))) for name in found.columns]
    return [*wrapped(said, indent=2), *rows_drawn(("column", names.a, names.b), rows), ""]


def reason_lines(why: Reasons, names: Names) -> list[str]:
    """Say what differs in configuration, data, code and versions."""
    from bt.output import printable, wrapped

    lines: list[str] = []
    for title, changes in (("configuration", why.configuration), ("data", why.data), ("versions", why.versions)):
        lines += _change_lines(title, changes, names)
    if why.code:
        lines += [f"code: - {names.a}, + {names.b}", *(printable(line.replace("\t", "    ")) for line in why.code), ""]
    return lines + [line for remark in why.remarks for line in wrapped(f"! {remark}", indent=2)]


def _change_lines(title: str, changes: Sequence[Change], names: Names) -> list[str]:
    rows = [
        (each.key, *(_part(each.key, side) if title == "data" else text_of(side) for side in (each.a, each.b)))
        for each in changes
    ]
    return [*rows_drawn((title, names.a, names.b), rows), ""] if rows else []


def rows_drawn(heads: tuple[str, str, str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Draw rows of a name and a text for each side."""
    import polars as pl

    from bt.output import table

    return table(pl.DataFrame(list(rows), schema=list(heads), orient="row")).rstrip().splitlines()


def _part(key: str, value: Any) -> str:
    """Say what was read of a part of the data; of minutes and candles only a digest was."""
    if value is None:
        return NONE
    rows, sign, content = str(value).partition(":")
    return content if key.startswith(_DIGESTED) else f"{int(rows):,} rows, {content}" if sign else str(value)


def text_of(value: Any) -> str:
    """Give a value with all its digits."""
    if value is None:
        return NONE
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return repr(value) if isinstance(value, float) else str(value)
