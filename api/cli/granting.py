"""Roles by their names: `role list`, `grant ask`, and `raci`. What follows a request is ordered by its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from api.cli.looking import BasisChoice
from api.cli.ordering import OnBehalfOf, command_from
from api.cli.output import JSON_OPTION, say, tell, tell_receipts
from api.cli.session import opened

role = typer.Typer(help="The roles that can be granted.", no_args_is_help=True)
grant = typer.Typer(help="Asking for roles.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    role.command("list")(list_roles)
    grant.command("ask")(ask)
    app.add_typer(role, name="role")
    app.add_typer(grant, name="grant")
    app.command()(raci)


def list_roles(as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Every role that can be granted, what it is for, and which others nobody may have with it."""
    from api.roles import roles_in_use

    with opened() as session:
        session.identity.require("role", "read")
        found: list[dict[str, Any]] = [
            {
                "role": subject,
                "name": state["name"],
                "title": state["title"],
                "owner": state["owner"],
                "privileged": state["privileged"],
                "apart_from": sorted(state["conflicts"]),
            }
            for subject, state in roles_in_use(session.ledger)
        ]
    if as_json:
        tell({"roles": found})
        return
    for each in found:
        notes = ["privileged"] if each["privileged"] else []
        notes += [f"apart from {', '.join(each['apart_from'])}"] if each["apart_from"] else []
        told = f" ({'; '.join(notes)})" if notes else ""
        say(f"{each['role']}  {each['name']:<21}{each['title']}{told}")


def ask(
    name: Annotated[str, typer.Argument(metavar="ROLE", help="Its name, as `role list` has it.")],
    *,
    holder: Annotated[
        str | None, typer.Option("--for", help="principal/PRN…; without it, for yourself.")
    ] = None,
    service: Annotated[
        list[str] | None, typer.Option(help="For this service only; as often as needed.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3_650, help="How long; without it, for good.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why. Recorded, as a commitment.")] = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Ask for a role. Somebody else approves it, and it is activated: order grant approve, order grant activate."""
    from datetime import timedelta

    from api.roles import role_named
    from domain.moments import later

    with opened(on_behalf_of=on_behalf_of) as session:
        until = later(session.ledger.now(), timedelta(days=days)) if days else None
        said = {
            "role": role_named(session.ledger, name),
            "holder": holder,
            "scope": service or None,
            "valid_to": until,
            "reason": reason,
        }
        given = {name: value for name, value in said.items() if value is not None}
        done = session.order(command_from("grant", "request", given))
        tell_receipts(done.receipts, as_json=as_json)


def raci(
    *,
    scope: Annotated[
        str | None,
        typer.Option(help="A service, or `*` for everywhere; by default all that grants name."),
    ] = None,
    at: Annotated[str | None, typer.Option(help="At this moment: RFC 3339 with a zone.")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As known at this position.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Who is accountable and responsible for each activity of a role, or was at a moment, and where that is wrong.

    Exactly one human is accountable and at least one responsible, in each scope.
    """
    from api.auditing import Auditing
    from replay.moment import Moment

    with opened() as session:
        moment = Moment(at, known_at, position, basis)
        found = Auditing(session.ledger, session.identity).raci(moment, scope)
    if as_json:
        tell(found)
        return
    say(
        f"At {found['moment']} ({found['basis']}, position {found['position']}): "
        f"{found['violations']} of {len(found['items'])} are not as they should be"
    )
    for one in found["items"]:
        where = "everywhere" if one["scope"] == "*" else one["scope"]
        wrong = f" ({', '.join(one['violations'])})" if one["violations"] else ""
        say(f"{one['activity']}, {where}{wrong}")
        for part in ("accountable", "responsible", "consulted", "informed"):
            if one[part] or part in {"accountable", "responsible"}:
                say(f"      {part}: {_held_by(one[part])}")


def _held_by(parts: Sequence[Mapping[str, Any]]) -> str:
    told = [f"{one['holder']} as {one['role_name']} ({one['grant']})" for one in parts]
    return ", ".join(told) or "nobody"
