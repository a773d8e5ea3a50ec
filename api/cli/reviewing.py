"""Access reviews: `review open`, `items`, `certify`, `revoke`, `close`, `list`, `show`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from api.cli.listing import AnyOf, Cursor, Limit, Several, check_words, tell_page
from api.cli.ordering import OnBehalfOf, command_from
from api.cli.output import JSON_OPTION, note, say, tell, tell_members, tell_receipts
from api.cli.session import Session, opened
from api.cli.viewing import current_views

if TYPE_CHECKING:
    from ledger.view import Receipt

review = typer.Typer(
    help="Access reviews: open, items, certify, revoke, close, list, show.", no_args_is_help=True
)

ReviewArgument = Annotated[str, typer.Argument(metavar="REVIEW", help="REV0000001")]
GrantsArgument = Annotated[
    list[str], typer.Argument(metavar="GRANTS…", help="GRT0000007 …; `-` reads them from a pipe.")
]
Why = Annotated[str | None, typer.Option(help="Why. Recorded, as a commitment.")]
Json = Annotated[bool, JSON_OPTION]


Verdict = Literal["certified", "revocation_ordered", "undecided"]


def add_to(app: typer.Typer) -> None:
    review.command("open")(open_review)
    review.command("items")(items)
    review.command("certify")(certify)
    review.command("revoke")(revoke)
    review.command("close")(close)
    review.command("list")(list_reviews)
    review.command("show")(show)
    app.add_typer(review, name="review")


def open_review(
    *,
    role: Annotated[
        str | None, typer.Option(help="Grants of this role only, by its name or number.")
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="Grants that reach this service only.")
    ] = None,
    due: Annotated[str | None, typer.Option(help="RFC 3339 with a zone: to be closed by.")] = None,
    title: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Json = False,
) -> None:
    """Freeze who has which role now: every grant, or those of a role or a service, is to be decided."""
    with opened(on_behalf_of=on_behalf_of) as session:
        said = {
            "role": _role(session, role) if role else None,
            "service": service,
            "due_at": due,
            "title": title,
        }
        done = session.order(command_from("review", "open", _given(said)))
        tell_receipts(done.receipts, as_json=as_json)


def items(
    number: ReviewArgument,
    *,
    verdict: Annotated[Verdict | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Each grant of the frozen population, with its verdict and how far an ordered revocation has come."""
    from api.auditing import Auditing

    with opened() as session:
        found = Auditing(session.ledger, session.identity).review_items(
            session.named("review", number), verdict, limit, cursor
        )
    if as_json:
        tell(found)
        return
    say(
        f"{found['review']}, {found['status']}: {found['counted']} items, {found['undecided']} undecided"
    )
    for item in found["items"]:
        say(_item_line(item))
    if found["next"]:
        note(f"There are more: --cursor {found['next']}")


def certify(
    number: ReviewArgument,
    grants: GrantsArgument,
    *,
    reason: Why = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Json = False,
) -> None:
    """Confirm that the holders of these grants still need their roles. Not your own."""
    _decide("certify", number, grants, {"reason": reason}, on_behalf_of, as_json=as_json)


def revoke(
    number: ReviewArgument,
    grants: GrantsArgument,
    *,
    due: Annotated[str, typer.Option(help="RFC 3339 with a zone: to be revoked by.")],
    reason: Why = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Json = False,
) -> None:
    """Order that these grants are revoked by a day. `order grant revoke` does it."""
    said = {"due_at": due, "reason": reason}
    _decide("revoke", number, grants, said, on_behalf_of, as_json=as_json)


def close(
    number: ReviewArgument, *, on_behalf_of: OnBehalfOf = None, as_json: Json = False
) -> None:
    """End the review. Refused while an item is undecided."""
    with opened(on_behalf_of=on_behalf_of) as session:
        done = session.order(command_from("review", "close", {}), session.named("review", number))
        tell_receipts(done.receipts, as_json=as_json)


def list_reviews(
    *,
    status: Annotated[Several | None, AnyOf] = None,
    role: Annotated[str | None, typer.Option(help="By its name or number.")] = None,
    service: Annotated[str | None, typer.Option(help="Of this service.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Open, and due before now.")] = False,
    sort: Annotated[
        str, typer.Option(help="updated, opened, number or due_at; - descends.")
    ] = "-updated",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """The register of access reviews."""
    from domain.review import Status
    from projections.reviews import ReviewFilter, find_reviews

    check_words("status", status, get_args(Status))
    with opened() as session, current_views(session) as views:
        session.identity.require("review", "read")
        wanted = ReviewFilter(
            status=status or (),
            role=_role(session, role) if role else None,
            service=service,
            overdue_at=session.ledger.now() if overdue else None,
        )
        found = find_reviews(views, wanted, sort=sort, limit=limit, cursor=cursor)
        tell_page(session, found, _review_line, as_json=as_json)


def show(number: ReviewArgument, as_json: Json = False) -> None:
    """A review without its items: what it is about, and how many are decided."""
    with opened() as session:
        subject = session.named("review", number)
        session.reads(subject)
        found = session.ledger.subject(subject)
        state = {name: value for name, value in found.state.items() if name != "items"}
        decided = len(found.state.get("items", {}))
        told = {
            "subject": subject,
            "version": found.version,
            "position": found.position,
            "undecided": found.state["population"]["count"] - decided,
            "state": session.revealed(subject, state),
        }
    if as_json:
        tell(told)
        return
    tell_members({name: value for name, value in told.items() if name != "state"} | told["state"])


def _decide(
    verb: str,
    number: str,
    grants: Sequence[str],
    said: Mapping[str, Any],
    on_behalf_of: str | None,
    *,
    as_json: bool,
) -> None:
    """As many orders as it takes; each is carried out wholly or not at all, and the first refusal ends it."""
    receipts: list[Receipt] = []
    with opened(on_behalf_of=on_behalf_of) as session:
        subject = session.named("review", number)
        try:
            for some in _portions(session, sys.stdin.read().split() if "-" in grants else grants):
                command = command_from("review", verb, {**_given(said), "grants": some})
                receipts += session.order(command, subject).receipts
        finally:
            if receipts:
                tell_receipts(receipts, as_json=as_json)


def _portions(session: Session, grants: Sequence[str]) -> Iterator[list[str]]:
    from domain.review_commands import MOST_AT_ONCE

    named = list(dict.fromkeys(session.named("grant", grant) for grant in grants))
    # Of none at all one portion: the order itself says that it needs some.
    for at in range(0, max(len(named), 1), MOST_AT_ONCE):
        yield named[at : at + MOST_AT_ONCE]


def _role(session: Session, text: str) -> str:
    from api.roles import role_named

    is_number = text.startswith(("role/", "ROL"))
    return session.named("role", text) if is_number else role_named(session.ledger, text)


def _given(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _item_line(item: Mapping[str, Any]) -> str:
    about = "" if item["services"] is None else f" on {', '.join(item['services'])}"
    told = item["verdict"] or "undecided"
    by = f" by {item['by']}" if item["by"] else ""
    due = f", due {item['due_at']}: {item['revocation']}" if item["revocation"] else ""
    return f"{item['grant']}  {item['holder']} {item['role_name']}{about}: {told}{by}{due}"


def _review_line(row: Mapping[str, Any]) -> str:
    bounds = [f"{name} {row[name]}" for name in ("role", "service") if row[name]]
    due = f", due {row['due_at']}" if row["due_at"] else ""
    title = f": {row['title']}" if row["title"] else ""
    return (
        f"{row['number']}  {row['status']}, {' and '.join(bounds) or 'every grant'}, "
        f"{row['undecided']} of {row['items']} undecided{due}{title}"
    )
