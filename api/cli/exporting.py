"""`export`: the log in a format that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import JSON_OPTION, note, tell, tell_members
from api.cli.session import opened
from domain.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.exporting import Exporting, Format

STANDARD_OUTPUT = "-"


def add_to(app: typer.Typer) -> None:
    app.command()(export)


def export(
    format_name: Annotated[
        str | None,
        typer.Argument(
            metavar="[FORMAT]",
            help="ocel-json, ocel-sqlite, xes, cloudevents, csv; by default what FILE ends in.",
        ),
    ] = None,
    *,
    output: Annotated[
        str, typer.Option("-o", "--output", help="The file; `.gz` is compressed; `-`: stdout.")
    ],
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="Only subjects of this family; may be given several times."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Recorded from this moment (RFC 3339) on.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Recorded up to this moment.")] = None,
    after: Annotated[int | None, typer.Option(min=0, help="Behind this position.")] = None,
    up_to: Annotated[int | None, typer.Option(min=0, help="Up to this position.")] = None,
    exact_cells: Annotated[
        bool, typer.Option("--exact-cells", help="csv: leave what looks like a formula as it is.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The log, or part of it, for process mining (OCEL 2.0, XES), as CloudEvents or as CSV.

    What becomes what, and what each format loses: docs/exports.md. A file that was there is replaced.
    """
    from api.exporting import Exporting, Period, format_named

    with opened() as session:
        format_ = format_named(format_name, output)
        if output.endswith(".gz") and format_ == "ocel-sqlite":
            raise Malformed("an SQLite database is not compressed: tools open it where it lies")
        asked = Exporting(
            session.ledger, session.identity, family or (), Period(start, end, after, up_to)
        )
        if output == STANDARD_OUTPUT:
            _print(asked.stream(format_, exact_cells=exact_cells))
            return
        asked.write(format_, Path(output), exact_cells=exact_cells)
    told = _told(asked, format_, output)
    if as_json:
        tell(told)
        return
    tell_members(told)
    if not told["events"]:
        note("There are no events in this period of what may be read.")


def _told(asked: Exporting, format_: Format, output: str) -> dict[str, Any]:
    """What the format has no notion of is left out."""
    counts, selection = asked.counts, asked.selection
    told = {
        "format": format_,
        "file": output,
        "after": selection.after,
        "up_to": selection.up_to,
        "events": counts.events,
    }
    if format_ in {"ocel-json", "ocel-sqlite"}:
        told |= {"objects": counts.objects, "relations": counts.relations}
    if format_ == "xes":
        told["traces"] = counts.subjects
    return told


def _print(pieces: Iterator[bytes]) -> None:
    import sys

    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
