"""Roles by their names: `role list`, and `grant ask`. What follows a request is ordered by its number."""

from __future__ import annotations

from typing import Annotated, Any

import typer

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
