"""`findings`: what is broken now, or was at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from api.cli.listing import AnyOf, Cursor, Limit, Several, check_words
from api.cli.looking import BasisChoice
from api.cli.output import JSON_OPTION, note, say, tell
from api.cli.session import opened
from api.cli.viewing import examined_views

if TYPE_CHECKING:
    from projections.findings import FindingFilter
    from replay.moment import Moment


def add_to(app: typer.Typer) -> None:
    app.command()(findings)


def findings(
    *,
    rule: Annotated[Several | None, AnyOf] = None,
    severity: Annotated[
        Several | None, typer.Option(help="critical, high, medium, low; as often as needed.")
    ] = None,
    state: Annotated[
        Several | None,
        typer.Option(
            help="raised, acknowledged, remediated, risk_accepted, dismissed; as often as needed."
        ),
    ] = None,
    about: Annotated[str | None, typer.Option(help="A subject that it names.")] = None,
    at: Annotated[
        str | None, typer.Option(help="As they stood at this moment: RFC 3339 with a zone.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As known at this position.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    sort: Annotated[
        str, typer.Option(help="updated, raised, number, severity, happened_at; - descends.")
    ] = "-updated",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Rules that the record shows to be broken. What is seen only now is raised first, unless a moment is asked for."""
    from domain.finding import Status
    from domain.thresholds import Severity
    from projections.findings import FindingFilter
    from replay.moment import Moment

    check_words("severity", severity, get_args(Severity))
    check_words("state", state, get_args(Status))
    wanted = FindingFilter(rule or (), severity or (), state or (), about)
    moment = Moment(at, known_at, position, basis)
    if moment != Moment():
        _tell_then(wanted, moment, limit, as_json=as_json)
        return
    from projections.findings import find_findings

    with opened() as session, examined_views(session) as views:
        session.identity.require("finding", "read")
        found = find_findings(views, wanted, sort=sort, limit=limit, cursor=cursor)
        rows = [
            session.revealed(str(row["subject"]), {str(name): value for name, value in row.items()})
            for row in found.rows
        ]
    if as_json:
        tell({"position": found.position, "items": rows, "next": found.next_cursor})
        return
    for row in rows:
        say(_line(row))
    if found.next_cursor:
        note(f"There are more: --cursor {found.next_cursor}")


def _tell_then(wanted: FindingFilter, moment: Moment, limit: int, *, as_json: bool) -> None:
    from api.findings import findings_then

    with opened() as session:
        told = findings_then(session.ledger, session.identity, wanted, moment, limit)
    if as_json:
        tell(told)
        return
    for one in told["items"]:
        say(_line(one))
    if told["truncated"]:
        note("There are more: ask for a rule, or raise --limit")


def _line(row: Mapping[str, Any]) -> str:
    number = row["subject"].partition("/")[2]
    often = f", seen {row['count']} times" if row["count"] > 1 else ""
    about = ", ".join(row["about"])
    return (
        f"{number}  {row['severity']}, {row['status']}: {row['rule']}{often}\n"
        f"      The rule: {row['sentence']}\n"
        f"      {about}; happened {row['happened_at']}, position {row['first_position']}"
    )
