"""`import`: another system's log, by a mapping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import JSON_OPTION, note, progress, tell, tell_members
from api.cli.session import opened

if TYPE_CHECKING:
    from api.importing.result import ImportResult

REASONS_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    file: Annotated[
        str, typer.Argument(help="CSV, JSON Lines or XES, plain or gzip; `-` is standard input.")
    ],
    *,
    mapping: Annotated[
        str,
        typer.Option(
            help="reviewed-changes, servicenow-incidents, status-page, vinst-problems, "
            "or a YAML file: docs/import-mappings.md."
        ),
    ],
    strict: Annotated[bool, typer.Option("--strict", help="End at the first bad row.")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Where bad rows are kept; by default FILE.rejects.jsonl.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Record another system's log as observed facts. The same file again adds nothing.

    Bad rows are counted, told by line and kept; they stop nothing without --strict. An import that was
    interrupted goes on where it stopped when it is run again.
    """
    from api.importing.faults import Stopped
    from api.importing.run import run_import

    with opened() as session:
        session.identity.require("*", "append")
        # A source that is not registered yet is registered by whoever imports it.
        session.identity.require("ledger", "administer")
        try:
            with progress("Importing") as bar:
                done = run_import(
                    session.house,
                    file,
                    mapping,
                    session.identity.actor,
                    strict=strict,
                    rejects=rejects,
                    progress=lambda _, read, total: bar(read, total),
                )
        except Stopped as stop:
            _tell(stop.result, as_json=as_json)
            raise
    _tell(done, as_json=as_json)


def _tell(done: ImportResult, *, as_json: bool) -> None:
    """Rows = recorded + merged + skipped + rejected, always."""
    if as_json:
        tell(done.as_dict())
    else:
        tell_members(done.as_dict())
    for reason, rows in done.reasons.most_common(REASONS_SHOWN):
        note(f"  {rows} rows: {reason}")
    for line, reason in done.bad_lines:
        note(f"  line {line}: {reason}")
    if done.rejects_file is not None:
        note(f"Bad rows are kept in {done.rejects_file}")
