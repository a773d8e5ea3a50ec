"""The tree of commands: what there is, each in the file that its name suggests."""

from __future__ import annotations

import typer

from api.cli import (
    archiving,
    auditing,
    estate,
    exporting,
    finding,
    granting,
    importing,
    keeping,
    listing,
    looking,
    mining,
    ordering,
    owing,
    proving,
    restoring,
    reviewing,
    ruling,
    running,
    viewing,
    webhooks,
)
from api.cli.frame import Commands

app = typer.Typer(
    cls=Commands,
    help="The record of IT service management that can be believed without trusting the people who run it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

for room in (
    keeping,
    running,
    importing,
    exporting,
    ordering,
    granting,
    looking,
    estate,
    listing,
    auditing,
    mining,
    finding,
    owing,
    reviewing,
    proving,
    archiving,
    restoring,
    ruling,
    viewing,
    webhooks,
):
    room.add_to(app)
