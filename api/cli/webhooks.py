"""`webhook`: telling receivers of events. `serve` delivers; these say what, where, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.ordering import OnBehalfOf
from api.cli.output import JSON_OPTION, note, say, tell, tell_members, tell_receipts, told_receipt
from api.cli.session import opened

if TYPE_CHECKING:
    from api.cli.session import Session
    from api.delivering.posting import Poster
    from api.delivering.progress import Progress
    from api.delivering.webhooks import Told
    from domain.command import Command

webhook = typer.Typer(help="Telling receivers of events.", no_args_is_help=True)

Named = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="LDG0000007, as `webhook list` names it.")
]
Url = Annotated[str, typer.Argument(help="Where to: https://hooks.example.com/itsm")]
Because = Annotated[str | None, typer.Option("--reason", help="Why. Recorded, as a commitment.")]
AsJson = Annotated[bool, JSON_OPTION]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


def add_to(app: typer.Typer) -> None:
    webhook.command("add")(add)
    webhook.command("list")(list_webhooks)
    webhook.command("show")(show)
    webhook.command("change")(change)
    webhook.command("rotate")(rotate)
    webhook.command("replay")(replay)
    webhook.command("disable")(disable)
    webhook.command("enable")(enable)
    webhook.command("end")(end)
    webhook.command("deliveries")(deliveries)
    webhook.command("dead-letters")(dead_letters)
    app.add_typer(webhook, name="webhook")


def add(
    url: Url,
    events: Annotated[
        list[str],
        typer.Option(help="A family, an event type or `*`; as often as needed."),
    ],
    *,
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Begin behind this position; without it, with what comes."),
    ] = None,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Tell a receiver of events. What signs them is shown once: the ledger keeps it, and tells it nobody again."""
    from api.delivering.webhooks import register_webhook

    with administering(on_behalf_of) as session:
        done = register_webhook(
            session.ledger,
            session.identity,
            _poster(session),
            url=url,
            events=events,
            after=after,
            reason=reason,
        )
    _tell_secret(done, as_json=as_json)


def list_webhooks(as_json: AsJson = False) -> None:
    """The webhooks that did not end, and how far each has come."""
    from api.delivering.overview import live_webhooks

    with opened() as session, _progress(session) as progress:
        session.identity.require("ledger", "read")
        found = [one.told() for one in live_webhooks(session.ledger, progress)]
    if as_json:
        tell({"webhooks": found})
        return
    for each in found:
        state = (
            "failing" if each["failing_since"] and each["status"] == "active" else each["status"]
        )
        say(
            f"{each['webhook']}  {state:<9}{each['receiver']}  {' '.join(each['events'])}  "
            f"{each['lag']} behind, {each['dead_letters']} dead letters"
        )


def show(number: Named, *, as_json: AsJson = False) -> None:
    """One webhook: where it goes, for whom, and how far it has come."""
    from api.delivering.overview import webhook as standing

    with opened() as session, _progress(session) as progress:
        subject = _known(session, number)
        found = standing(session.ledger, progress, subject)
        members = {**found.told(), "url": session.revealed(subject, found.state.get("url"))}
    if as_json:
        tell(members)
        return
    tell_members(members)


def change(
    number: Named,
    *,
    url: Annotated[str | None, typer.Option(help="Where to from now on.")] = None,
    events: Annotated[
        list[str] | None, typer.Option(help="What it is told instead; as often as needed.")
    ] = None,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Send it elsewhere, or tell it of other events. It tells what you may read from then on."""
    from api.delivering.webhooks import change_webhook

    with administering(on_behalf_of) as session:
        done = change_webhook(
            session.ledger,
            session.identity,
            _poster(session),
            session.named("ledger", number),
            url=url,
            events=events or None,
            reason=reason,
        )
        tell_receipts(done.receipts, as_json=as_json)


def rotate(
    number: Named,
    *,
    overlap_seconds: Annotated[
        int, typer.Option(min=0, help="How long the secret before signs as well.")
    ] = 86_400,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Sign with a new secret, shown once, and for a while with the one before as well."""
    from api.delivering.webhooks import rotate_secret

    with administering(on_behalf_of) as session:
        done = rotate_secret(
            session.ledger,
            session.identity,
            session.named("ledger", number),
            overlap_seconds=overlap_seconds,
            reason=reason,
        )
    _tell_secret(done, as_json=as_json)


def replay(
    number: Named,
    after: Annotated[int, typer.Option(min=0, help="Deliver what came behind this position.")],
    *,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Deliver again what came behind a position, in order, under the ids that it had."""
    from domain.webhook import ReplayWebhook

    _order(number, ReplayWebhook(after=after, reason=reason), on_behalf_of, as_json=as_json)


def disable(
    number: Named,
    *,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Deliver nothing until it is enabled again."""
    from domain.webhook import DisableWebhook

    _order(number, DisableWebhook(reason=reason), on_behalf_of, as_json=as_json)


def enable(
    number: Named,
    *,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Go on delivering where it was."""
    from domain.webhook import EnableWebhook

    _order(number, EnableWebhook(reason=reason), on_behalf_of, as_json=as_json)


def end(
    number: Named,
    *,
    reason: Because = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: AsJson = False,
) -> None:
    """Tell this receiver nothing more, for good. Its secrets are gone."""
    from api.delivering.webhooks import end_webhook
    from domain.webhook import EndWebhook
    from ledger.govern import Order

    with administering(on_behalf_of) as session:
        subject = session.named("ledger", number)
        order = Order(EndWebhook(reason=reason), session.identity.actor, subject)
        done = end_webhook(session.ledger, order)
        tell_receipts(done.receipts, as_json=as_json)


def deliveries(number: Named, *, limit: Limit = 20, as_json: AsJson = False) -> None:
    """The newest tries, the last one first: which event, when, and what came of it."""
    with opened() as session, _progress(session) as progress:
        tries = progress.tries(_known(session, number), limit)
    if as_json:
        tell({"deliveries": [_row(one) for one in tries]})
        return
    for one in tries:
        say(f"{one.at}  {one.position:>9}  try {one.number:<3}{one.outcome}")


def dead_letters(number: Named, *, limit: Limit = 20, as_json: AsJson = False) -> None:
    """The events that were given up. A replay that delivers one takes it off."""
    with opened() as session, _progress(session) as progress:
        letters = progress.dead_letters(_known(session, number), limit)
    if as_json:
        tell({"dead_letters": [_row(one) for one in letters]})
        return
    for one in letters:
        say(f"{one.at}  {one.position:>9}  {one.tries} tries  {one.outcome}")


@contextmanager
def administering(on_behalf_of: str | None) -> Iterator[Session]:
    """Raises ScopeMissing."""
    with opened(on_behalf_of=on_behalf_of) as session:
        session.identity.require("ledger", "administer")
        yield session


@contextmanager
def _progress(session: Session) -> Iterator[Progress]:
    from api.delivering.progress import Progress

    progress = Progress(session.house.settings.resolved_deliveries_url)
    try:
        yield progress
    finally:
        progress.close()


def _poster(session: Session) -> Poster:
    from api.delivering.posting import Poster

    return Poster(session.house.settings.webhook_allow_private)


def _known(session: Session, number: str) -> str:
    """Raises ScopeMissing, MayNot, UnknownSubject."""
    from api.delivering.webhooks import webhook_state

    session.identity.require("ledger", "read")
    subject = session.named("ledger", number)
    webhook_state(session.ledger, subject)
    return subject


def _order(number: str, command: Command, on_behalf_of: str | None, *, as_json: bool) -> None:
    from api.delivering.webhooks import webhook_state

    with opened(on_behalf_of=on_behalf_of) as session:
        subject = session.named("ledger", number)
        webhook_state(session.ledger, subject)
        tell_receipts(session.order(command, subject).receipts, as_json=as_json)


def _tell_secret(done: Told, *, as_json: bool) -> None:
    if as_json:
        tell({"secret": done.secret, **told_receipt(done.receipt)})
        return
    say(done.secret)
    note(f"{done.receipt.subject}; the secret is shown once")


def _row(one: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)
