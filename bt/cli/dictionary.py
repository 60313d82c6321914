"""How relations, their columns and where they come from are written: on a screen, as Markdown, as rows."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from bt.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bt.warehouse.catalogue import Column, Relation
    from bt.warehouse.lineage import Lineage

_INDENT: Final = "  "
_NAMES: Final = 20  # columns for a name, beyond which its text begins on the next line
_LEAST: Final = 24  # columns that a wrapped text gets, however narrow the screen
_PREFACE: Final = """# What a warehouse holds

Every table, view and macro of the DuckDB file, as any client sees them: `bt schema` lists the same, `bt schema NAME`
shows one of them, `bt schema NAME --lineage` where its columns come from, `bt schema NAME --dialect clickhouse` (or
`spark`, `postgres`) its SELECT for that engine. This file is made by `bt schema --format md`; its words are the
comments of the files beside it.
"""


def listed(relations: Iterable[Relation], width: int) -> str:
    """Draw a list of relations, layer by layer, each with what one row of it is."""
    lines: list[str] = []
    for layer, members in groupby(relations, key=lambda each: each.layer):
        lines += [layer or "made by hand", "─" * len(layer or "made by hand")]
        for relation in members:
            lines += _beside(printable(relation.call), printable(relation.row), width)
        lines.append("")
    return "\n".join(lines)


def described(relation: Relation, width: int) -> str:
    """Draw one relation: what its file says of it, then its columns."""
    lines = [f"{printable(relation.call)} · {relation.kind} · {relation.layer or 'made by hand'}"]
    for line in relation.header:
        lines += wrap(printable(line), max(width, _LEAST), subsequent_indent=_INDENT, **_WHOLE_WORDS) or [""]
    rows = [(column.name, column.type, column.comment) for column in relation.columns]
    return (
        "\n".join([*lines, "", *(columned(("column", "type", "meaning"), rows, width) if rows else ())]).rstrip() + "\n"
    )


_WHOLE_WORDS: Final[Any] = {"break_long_words": False, "break_on_hyphens": False}


def columned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Draw rows under a heading; the last column goes on in further lines where the screen is narrower."""
    widths = [max(len(printable(row[place])) for row in [head, *rows]) for place in range(len(head) - 1)]
    before = sum(widths) + len(_INDENT) * len(widths)
    room = max(width - before, _LEAST)

    def drawn(row: tuple[str, ...]) -> list[str]:
        cells = [printable(text).ljust(space) for text, space in zip(row[:-1], widths, strict=True)]
        told = wrap(printable(row[-1]), room, **_WHOLE_WORDS) or [""]
        first = _INDENT.join([*cells, told[0]]).rstrip()
        return [first, *(" " * before + line for line in told[1:])]

    body = [line for row in rows for line in drawn(row)]
    heading = drawn(head)[0]
    return [heading, "─" * min(max(map(len, [heading, *body])), max(width, before + _LEAST)), *body]


def _beside(name: str, text: str, width: int) -> list[str]:
    room = max(width - _NAMES - 2 * len(_INDENT), _LEAST)
    told = wrap(text, room, **_WHOLE_WORDS) or [""]
    margin = " " * (_NAMES + 2 * len(_INDENT))
    if len(name) > _NAMES:
        return [_INDENT + name, *(margin + line for line in told)]
    return [f"{_INDENT}{name:<{_NAMES}}{_INDENT}{told[0]}".rstrip(), *(margin + line for line in told[1:])]


def dictionary(relations: Sequence[Relation]) -> str:
    """Write the data dictionary: every relation with its columns, those of another one named once."""
    seen: dict[tuple[Column, ...], str] = {}
    parts = [_PREFACE]
    for layer, members in groupby(relations, key=lambda each: each.layer):
        parts.append(f"## {layer or 'Made by hand'}\n")
        for relation in members:
            parts.append(section(relation, seen))
            seen.setdefault(relation.columns, relation.name)
    return "\n".join(parts)


def section(relation: Relation, seen: Mapping[tuple[Column, ...], str] | None = None) -> str:
    """Write one relation in Markdown; `seen` names relations whose columns were written before."""
    same = (seen or {}).get(relation.columns)
    bars = len(relation.columns) - len(relation.outputs)
    base = next(
        (name for columns, name in (seen or {}).items() if relation.outputs and columns == relation.columns[:bars]),
        None,
    )
    lines = [f"### {relation.call}\n", f"{relation.kind.capitalize()}; {relation.row}\n"]
    lines += _further(relation.header[1:])
    if same and relation.columns:
        lines.append(f"Columns: those of `{same}`.\n")
    elif relation.columns:
        shown = relation.columns[bars:] if base else relation.columns
        lines += [f"Columns of `{base}`, and:\n"] if base else []
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        lines += [f"| {each.name} | {each.type} | {_cell(each.comment)} |" for each in shown]
        lines.append("")
    return "\n".join(lines)


def _further(header: Sequence[str]) -> list[str]:
    """Write the lines after the first: a list, then paragraphs after an empty line."""
    lines = list(header)
    end = lines.index("") if "" in lines else len(lines)
    told = [f"- {line}" for line in lines[:end]]
    prose = [" ".join(group) for filled, group in groupby(lines[end:], key=bool) if filled]
    return [*told, *([""] if told else []), *(f"{text}\n" for text in prose)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def tree(lineage: Lineage) -> list[str]:
    """Draw what a relation reads, down to tables; what was drawn before is not opened again."""
    drawn: set[str] = set()

    def below(name: str, margin: str) -> Iterator[str]:
        drawn.add(name)
        children = lineage.reads[name]
        for place, child in enumerate(children):
            last = place == len(children) - 1
            again = child in drawn and bool(lineage.reads[child])
            yield f"{margin}{'└── ' if last else '├── '}{child}{' …' if again else ''}"
            if not again:
                yield from below(child, margin + ("    " if last else "│   "))

    return [lineage.name, *below(lineage.name, "")]


def traced(lineage: Lineage, width: int) -> str:
    """Draw a lineage: the tree of relations, then for each column the table columns it is made of."""
    rows = [(name, ", ".join(map(".".join, sources)) or "a constant") for name, sources in lineage.columns.items()]
    return (
        "\n".join([*tree(lineage), "", *(columned(("column", "made of"), rows, width) if rows else ())]).rstrip() + "\n"
    )


def lineage_rows(lineage: Lineage) -> list[dict[str, str | None]]:
    """Give a lineage as rows: first what each relation reads (no column), then each column's sources."""
    rows: list[dict[str, str | None]] = [
        {"relation": name, "column": None, "reads": read, "source": None}
        for name, reads in lineage.reads.items()
        for read in reads
    ]
    for column, sources in lineage.columns.items():
        rows += [
            {"relation": lineage.name, "column": column, "reads": table, "source": source}
            for table, source in sources or ((None, None),)
        ]
    return rows
