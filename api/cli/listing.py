"""Registers and the calendar, as the read models tell them now: `list changes`, `list grants`, `calendar`, `deployments`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from api.cli.output import JSON_OPTION, note, say, tell
from api.cli.session import Session, opened
from api.cli.viewing import current_views
from domain.errors import Malformed

if TYPE_CHECKING:
    from projections.projection import Answer

listing = typer.Typer(help="Registers: changes, grants.", no_args_is_help=True)

Several = list[str]
AnyOf = typer.Option(help="Any of these; as often as needed.")
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="Rows of a page.")]
Cursor = Annotated[str | None, typer.Option(help="Where the page before ended.")]
FromOption = typer.Option("--from", help="RFC 3339 with a zone, inclusive.")
ToOption = typer.Option("--to", help="RFC 3339 with a zone, exclusive.")


def add_to(app: typer.Typer) -> None:
    listing.command("changes")(changes)
    listing.command("grants")(grants)
    app.add_typer(listing, name="list")
    app.command()(calendar)
    app.command()(deployments)


def changes(
    *,
    status: Annotated[Several | None, AnyOf] = None,
    type_: Annotated[Several | None, typer.Option("--type", help="Any of these.")] = None,
    risk: Annotated[Several | None, AnyOf] = None,
    service: Annotated[str | None, typer.Option(help="It is about this one.")] = None,
    requester: Annotated[str | None, typer.Option(help="principal/PRN…")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Its window has not ended by this moment.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Its window begins before this moment.")
    ] = None,
    emergency: Annotated[
        bool | None, typer.Option("--emergency/--no-emergency", help="By its type.")
    ] = None,
    open_retro_approval: Annotated[
        bool, typer.Option("--open-retro-approval", help="One is asked for, and undecided.")
    ] = False,
    sort: Annotated[
        str, typer.Option(help="updated, opened, number or window_start; - descends.")
    ] = "-updated",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The change register: what stands where, in which window, on whose request."""
    from domain.moments import canonical_time
    from projections.changes import ChangeFilter, find_changes

    wanted = ChangeFilter(
        status=status or (),
        type=type_ or (),
        risk=risk or (),
        service=service,
        requester=requester,
        emergency=emergency,
        open_retro_approval=open_retro_approval or None,
        window_from=canonical_time(start) if start else None,
        window_to=canonical_time(end) if end else None,
    )
    with opened() as session, current_views(session) as views:
        found = find_changes(views, wanted, sort=sort, limit=limit, cursor=cursor)
        tell_page(session, found, _change_line, as_json=as_json)


def grants(
    *,
    status: Annotated[Several | None, AnyOf] = None,
    holder: Annotated[str | None, typer.Option(help="principal/PRN…")] = None,
    role: Annotated[str | None, typer.Option(help="By its name: change-authority.")] = None,
    counts: Annotated[
        bool | None,
        typer.Option("--counts/--counts-not", help="Those that give the role now; all others."),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="updated, opened, number or valid_to; - descends.")
    ] = "-updated",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The register of grants. With --counts: who has which role now, by the times that the grants name."""
    from projections.grants import GrantFilter, find_grants

    with opened() as session, current_views(session) as views:
        wanted = GrantFilter(
            status=status or (),
            holder=holder,
            role_name=role,
            counts_at=None if counts is None else session.ledger.now(),
            counts=bool(counts),
        )
        found = find_grants(views, wanted, sort=sort, limit=limit, cursor=cursor)
        tell_page(session, found, _grant_line, as_json=as_json)


def calendar(
    *,
    start: Annotated[str, FromOption],
    end: Annotated[str, ToOption],
    service: Annotated[
        str | None, typer.Option(help="What is about it, with freezes of every service.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The change calendar: windows of changes and freezes of a period, and what is in each other's way."""
    from domain.moments import canonical_time
    from projections.calendar import calendar_between

    span = canonical_time(start), canonical_time(end)
    with opened() as session, current_views(session) as views:
        found = calendar_between(views, *span, service=service)
        rows = _revealed(session, found)
    if as_json:
        tell({"position": found.position, "items": rows})
        return
    for row in rows:
        say(f"{row['start']}  {row['end'] or '(goes on)':27}  {row['subject']}  {row['status']}")
        say(f"      {', '.join(row['services']) or 'no service'}: {row['title'] or '(no title)'}")
        for other in row["overlaps"]:
            say(f"      {_overlap_line(other)}")


def deployments(
    *,
    verdict: Annotated[
        Several | None,
        typer.Option(help="matched, unmatched, outside or other-content; as often as needed."),
    ] = None,
    status: Annotated[Several | None, AnyOf] = None,
    service: Annotated[str | None, typer.Option(help="What was deployed.")] = None,
    environment: Annotated[
        Several | None, typer.Option(help="Any of these, or one that is not told.")
    ] = None,
    change: Annotated[str | None, typer.Option(help="change/CHG…: named, or found.")] = None,
    start: Annotated[str | None, FromOption] = None,
    end: Annotated[str | None, ToOption] = None,
    sort: Annotated[
        str, typer.Option(help="happened_at, updated or number; - descends.")
    ] = "-happened_at",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """What was deployed, which change stands behind it, and what is wrong with it."""
    from domain.deployment import Status
    from domain.moments import canonical_time
    from domain.reconciliation import checked_verdict
    from projections.deployments import DeploymentFilter, find_deployments

    check_words("status", status, get_args(Status))
    wanted = DeploymentFilter(
        verdict=[checked_verdict(one) for one in verdict or ()],
        status=status or (),
        service=service,
        environments=environment or None,
        change=change,
        since=canonical_time(start) if start else None,
        until=canonical_time(end) if end else None,
    )
    with opened() as session, current_views(session) as views:
        found = find_deployments(views, wanted, sort=sort, limit=limit, cursor=cursor)
        tell_page(session, found, _deployment_line, as_json=as_json)


def check_words(option: str, given: Several | None, known: tuple[str, ...]) -> None:
    """A word that nothing has would find nothing, and look as if there was nothing. Raises Malformed."""
    for word in given or ():
        if word not in known:
            told = f"expected --{option} to be one of {', '.join(known)}; got {word!r}"
            raise Malformed(told, option=option)


def tell_page(session: Session, found: Answer, line: Any, *, as_json: bool) -> None:
    rows = _revealed(session, found)
    if as_json:
        tell({"position": found.position, "items": rows, "next": found.next_cursor})
        return
    for row in rows:
        say(line(row))
    if found.next_cursor:
        note(f"There are more: --cursor {found.next_cursor}")


def _revealed(session: Session, found: Answer) -> list[Any]:
    plain = [{str(name): value for name, value in row.items()} for row in found.rows]
    return [session.revealed(str(row["subject"]), row) for row in plain]


def _change_line(row: Mapping[str, Any]) -> str:
    window = f"{row['window_start']} to {row['window_end']}" if row["window_start"] else "no window"
    kind = " ".join(filter(None, (row["risk"] and f"{row['risk']}-risk", row["type"])))
    retro = f", retro-approval {row['retro_approval']}" if row["retro_approval"] else ""
    due = f" (due {row['retro_due_at']})" if row["retro_approval"] == "requested" else ""
    title = row["title"] or "(no title)"
    return (
        f"{row['number']}  {row['status']}, {kind or 'unknown type'}, {window}{retro}{due}: {title}"
    )


def _deployment_line(row: Mapping[str, Any]) -> str:
    where = f"{row['service'] or '(no service)'} in {row['environment'] or '(not told where)'}"
    by = f" by {row['found_by']}: {row['change']}" if row["change"] else ""
    wrong = "".join(f"\n      {told}" for told in row["breaches"].values())
    verdict = row["verdict"] or "not deployed"
    return f"{row['number']}  {row['happened_at']}  {where}, {row['status']}, {verdict}{by}{wrong}"


def _grant_line(row: Mapping[str, Any]) -> str:
    until = f"until {row['valid_to']}" if row["valid_to"] else "without end"
    about = "" if row["services"] is None else f" on {', '.join(row['services'])}"
    span = f"from {row['valid_from']} {until}" if row["valid_from"] else "not in force yet"
    return f"{row['number']}  {row['holder']} {row['role_name']}{about}, {row['status']}, {span}"


def _overlap_line(other: Mapping[str, Any]) -> str:
    shared = ", ".join((*other["services"], *other["configuration_items"]))
    if other["kind"] == "freeze" or "excepted" in other:
        settled = "excepted" if other["excepted"] else "not excepted"
    else:
        settled = "resolved" if other["resolved"] else "not resolved"
    return f"overlaps {other['subject']} on {shared}: {settled}"
