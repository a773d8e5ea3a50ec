"""What is owed, by whom and until when, as of any moment: `owed`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from api.cli.looking import BasisChoice
from api.cli.output import JSON_OPTION, note, say, tell
from api.cli.session import opened
from api.cli.viewing import current_views


def add_to(app: typer.Typer) -> None:
    app.command()(owed)


def owed(
    *,
    at: Annotated[str | None, typer.Option(help="At this moment: RFC 3339 with a zone.")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As known at this position.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Any of these: retro-approval, post-implementation-review, …"),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="principal/PRN…, or a role by name: compliance.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="Any of these: open, overdue (both by default), met, met-late, lapsed …"),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Owed by this one: change/CHG0010001.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Rows of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """What was promised and is not done: retro-approvals, reviews, reports, risks to look at again.

    Overdue is what is due before the moment that is asked about, whether or not an entry says so.
    """
    from api.owing import Owing
    from domain.obligations import Kind
    from projections.owed import OWED, OwedFilter, Standing
    from replay.moment import Moment

    wanted = OwedFilter(
        standing=tuple(cast(Standing, one) for one in state or OWED),
        kinds=tuple(cast(Kind, one) for one in kind or ()),
        owner=owner,
        subject=subject,
    )
    with opened() as session, current_views(session) as views:
        owing = Owing(session.ledger, views, session.identity)
        moment = Moment(at, known_at, position, basis)
        found = owing.owed(moment, wanted, limit=limit, cursor=cursor)
    if as_json:
        tell(found)
        return
    say(f"at {found['moment']} ({found['basis']}, position {found['position']})")
    for row in found["items"]:
        say(_line(row))
        settled = row["settled_position"]
        ended = f", settled {row['settled_at']} (position {settled})" if settled else ""
        say(f"      since {row['arose_at']} (position {row['arose_position']}){ended}")
    if found["next"]:
        note(f"There are more: --cursor {found['next']}")


def _line(row: Mapping[str, Any]) -> str:
    about = f" on {', '.join(row['services'])}" if row["services"] else ""
    item = f" {row['item']}" if row["item"] else ""
    owners = " or ".join(row["owners"])
    return (
        f"{row['due_at']}  {row['state']:9} {row['subject']}  {row['kind']}{item}, {owners}{about}"
    )
