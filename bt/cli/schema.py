"""The command schema: what relations there are, what they mean, what they are made of, their SQL for other engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt.cli import shared
from bt.cli.asking import OutputOptions, taking
from bt.errors import BtError, ExitCode, hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bt.warehouse.catalogue import Relation
    from bt.warehouse.definitions import Definition


@taking(OutputOptions)
def schema(
    asked: OutputOptions,
    relation: Annotated[str | None, typer.Argument(help="Only this one, in full.", metavar="[RELATION]")] = None,
    columns: Annotated[bool, typer.Option("--columns", help="A row for every column of every relation.")] = False,
    lineage: Annotated[bool, typer.Option("--lineage", help="What it reads, and what each column is made of.")] = False,
    dialect: Annotated[
        str | None, typer.Option(help="Its SELECT for clickhouse, postgres or spark.", metavar="ENGINE")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="Of a macro: timeframe=1h.", metavar="K=V")
    ] = None,
) -> int:
    """Show the tables, views and macros: what one row is, each column's type and meaning (md: a data dictionary)."""
    call = asked.session()
    if param and not (relation and dialect):
        raise BtError("-p fills the arguments of a macro", "bt schema ema --dialect spark -p timeframe=1h -p n=20")
    if lineage and (dialect or not relation):
        raise BtError("--lineage is of one relation, without --dialect", "bt schema gaps --lineage")
    known = _definitions(call)
    if lineage and relation:
        _print_lineage(relation, known, asked.form, asked.out)
    elif dialect and relation:
        _print_translation(relation, param or [], known, dialect, asked.out)
    elif dialect:
        _print_survivors(dialect, known, asked.form, asked.out)
    else:
        _print_relations(_catalogue(call, known, named=asked.db is not None), relation, columns, asked.form, asked.out)
    return ExitCode.OK


def _definitions(call: shared.Session) -> dict[str, Definition]:
    """Read bt's own files and the workspace's."""
    from bt import assets
    from bt.warehouse.definitions import definitions
    from bt.warehouse.schema import sql_files

    return definitions(sql_files([assets.folder("sql"), *call.sql_folders()]))


def _catalogue(call: shared.Session, known: Mapping[str, Definition], *, named: bool) -> dict[str, Relation]:
    """Describe the warehouse; without one, what a new one would hold."""
    from bt.warehouse import Warehouse
    from bt.warehouse.catalogue import catalogue

    path = Path(call.settings.db)
    if named or path.exists():
        warehouse = call.warehouse()
    else:
        call.narrator.say(f"there is no warehouse at {path}: this is what a new one holds")
        warehouse = Warehouse(":memory:", sql=call.sql_folders())
    with warehouse.read() as connection:
        return catalogue(connection, known)


def _print_relations(found: Mapping[str, Relation], name: str | None, columns: bool, form: str, out: Any) -> None:
    import polars as pl

    from bt.cli import dictionary
    from bt.output import emit, write
    from bt.output.tables import screen_width

    if name is not None and name not in found:
        raise BtError(f"there is no relation {name!r}", hint(name, found))
    chosen = [found[name]] if name is not None else list(found.values())
    if form == "md":
        write(dictionary.section(chosen[0]) if name is not None else dictionary.dictionary(chosen), out)
    elif form == "table" and not columns:
        width = screen_width()
        write(dictionary.described(chosen[0], width) if name is not None else dictionary.listed(chosen, width), out)
    elif columns or name is not None:
        rows = [
            {"relation": each.name, "column": column.name, "type": column.type, "meaning": column.comment}
            for each in chosen
            for column in each.columns
        ]
        emit(pl.DataFrame(rows, schema=dict.fromkeys(("relation", "column", "type", "meaning"), pl.String)), form, out)
    else:
        rows = [
            {"relation": each.name, "layer": each.layer, "kind": each.kind, "call": each.call, "row": each.row}
            for each in chosen
        ]
        emit(pl.DataFrame(rows), form, out)


def _print_lineage(name: str, known: Mapping[str, Definition], form: str, out: Any) -> None:
    from bt.cli import dictionary
    from bt.output import emit, write
    from bt.output.tables import screen_width
    from bt.warehouse.lineage import lineage

    found = lineage(name, known)
    if form == "table":
        write(dictionary.traced(found, screen_width()), out)
        return
    import polars as pl

    emit(
        pl.DataFrame(
            dictionary.lineage_rows(found),
            schema=dict.fromkeys(("relation", "column", "reads", "source"), pl.String),
        ),
        form,
        out,
    )


def _print_translation(name: str, param: list[str], known: Mapping[str, Definition], engine: str, out: Any) -> None:
    from bt.cli.asking import pairs
    from bt.output import write
    from bt.warehouse import scratch
    from bt.warehouse.dialects import transpiled

    with scratch() as connection:
        answer = transpiled(name, pairs(param), known, connection, engines=[engine])[engine]
    if isinstance(answer, BtError):
        raise answer
    write(answer, out)


def _print_survivors(engine: str, known: Mapping[str, Definition], form: str, out: Any) -> None:
    import polars as pl

    from bt.cli import dictionary
    from bt.output import emit, write
    from bt.output.tables import screen_width
    from bt.warehouse import scratch
    from bt.warehouse.dialects import survivors

    with scratch() as connection:
        told = survivors(known, connection, engines=[engine])
    rows = [(name, reasons[engine] or "yes") for name, reasons in told.items()]
    if form == "table":
        write("\n".join(dictionary.columned(("relation", engine), rows, screen_width())) + "\n", out)
    else:
        emit(pl.DataFrame(rows, schema=["relation", engine], orient="row"), form, out)
