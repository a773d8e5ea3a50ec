"""Giving orders: `order` for every command there is, and the few that have a word of their own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.output import JSON_OPTION, say, tell, tell_members, tell_receipts, told_receipt
from api.cli.session import Session, opened
from domain.errors import Malformed

if TYPE_CHECKING:
    from domain.command import Command

token = typer.Typer(help="API tokens: issue, list, revoke.", no_args_is_help=True)
hold = typer.Typer(help="Legal holds, which forbid erasure.", no_args_is_help=True)

OnBehalfOf = Annotated[
    str | None,
    typer.Option(help="principal/PRN0000012, who delegated the role to you. Both are recorded."),
]
Reason = Annotated[str, typer.Option(help="Why. Recorded, as a commitment.")]


BY_ITS_OWN_COMMAND: Final = {
    ("ledger", "rotate-key"): "key rotate",
    ("ledger", "register-webhook"): "webhook add",
    ("ledger", "change-webhook"): "webhook change",
    ("ledger", "rotate-webhook-secret"): "webhook rotate",
    ("ledger", "end-webhook"): "webhook end",
    ("ledger", "erase"): "erase",
    ("ledger", "issue-token"): "token issue",
}
"""Orders that need more than their words: a key that nobody holds would sign nothing, and the ledger not open; what
was said to be erased could be read until the next start; a token whose secret nobody was told signs nobody in.
"""


def add_to(app: typer.Typer) -> None:
    app.command()(order)
    app.command()(erase)
    token.command("issue")(issue)
    token.command("list")(list_tokens)
    token.command("revoke")(revoke)
    app.add_typer(token, name="token")
    hold.command("place")(place_hold)
    hold.command("lift")(lift_hold)
    app.add_typer(hold, name="hold")


def order(
    family: Annotated[str, typer.Argument(help="incident, request, problem, principal …")],
    command: Annotated[
        str | None, typer.Argument(help="assign, resolve, close …; without it: what there is.")
    ] = None,
    subject: Annotated[
        str | None, typer.Argument(help="INC0010001. A command that creates takes none.")
    ] = None,
    *,
    data: Annotated[
        str, typer.Option(help="The command's members as a JSON object; `-` reads standard input.")
    ] = "{}",
    reason: Annotated[str | None, typer.Option(help="Why; the same as a member of --data.")] = None,
    if_version: Annotated[
        int | None, typer.Option(help="Refuse unless the subject stands at this version.")
    ] = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Give any command from the shell: order incident assign INC0010001 --data '{…}'."""
    import domain.catalogue  # noqa: F401 - registers every command

    if command is None:
        _list_commands(family, as_json=as_json)
        return
    if (family, command) in BY_ITS_OWN_COMMAND:
        instead = BY_ITS_OWN_COMMAND[family, command]
        raise Malformed(f"{family} {command} is given by `itsm-ledger {instead}`", command=command)
    said = _json_object(sys.stdin.read() if data == "-" else data)
    if reason is not None:
        said["reason"] = reason
    given = command_from(family, command, said)
    named = _subject(family, subject, creates=given.creates)
    with opened(on_behalf_of=on_behalf_of) as session:
        done = session.order(given, named, expected_version=if_version)
        tell_receipts(done.receipts, as_json=as_json)


def erase(
    subject: Annotated[str, typer.Argument(help="principal/PRN0000012, or a ticket.")],
    reason: Reason,
    *,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Destroy the key of a person's or subject's personal values, and with it every copy of them."""
    from domain.acts import LEDGER, DestroySubjectKey
    from domain.families import split_subject
    from ledger.erase import erase as destroy
    from ledger.govern import Order

    split_subject(subject)
    with opened(on_behalf_of=on_behalf_of) as session:
        session.identity.require("ledger", "administer")
        command = DestroySubjectKey(target=subject, reason=reason)
        done = destroy(session.ledger, Order(command, session.identity.actor, LEDGER))
        tell_receipts(done.receipts, as_json=as_json)


def issue(
    principal: Annotated[str, typer.Argument(help="Whom it signs in, e.g. principal/PRN0000002.")],
    scope: Annotated[
        list[str], typer.Option(help="`family:read`, `*:append` …, `personal`; as often as needed.")
    ],
    expires: Annotated[
        str | None, typer.Option(help="RFC 3339 with a zone; by default it does not expire.")
    ] = None,
    *,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Issue an API token. It is shown once; the ledger keeps its hash."""
    from api.tokens import issue_token
    from domain.moments import canonical_time

    with opened(on_behalf_of=on_behalf_of) as session:
        session.identity.require("ledger", "administer")
        made = issue_token(
            session.ledger,
            session.identity.actor,
            principal=principal,
            scopes=scope,
            expires_at=canonical_time(expires) if expires else None,
        )
    if as_json:
        tell({"token": made.token, **told_receipt(made.receipt)})
        return
    say(made.token)


def list_tokens(as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Every token there has been: whom it signs in, its scopes, whether it still does."""
    from ledger.genesis import FIRST_TOKEN

    with opened() as session:
        session.identity.require("ledger", "administer")
        found = [
            {
                "token": subject,
                "principal": state["principal"],
                "scopes": sorted(state["scopes"]),
                "status": state["status"],
                "expires_at": state.get("expires_at"),
            }
            for subject, state in _ledger_subjects(session, first=FIRST_TOKEN)
            if "token_hash" in state
        ]
    if as_json:
        tell({"tokens": found})
        return
    for each in found:
        tell_members(each)
        say("")


def revoke(
    subject: Annotated[str, typer.Argument(help="ledger/LDG0000004, as `token list` names it.")],
    reason: Reason,
    *,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Revoke a token: from now on it signs nobody in."""
    from domain.acts import RevokeToken

    with opened(on_behalf_of=on_behalf_of) as session:
        done = session.order(RevokeToken(reason=reason), _subject("ledger", subject, creates=False))
        tell_receipts(done.receipts, as_json=as_json)


def place_hold(
    subject: Annotated[str, typer.Argument(help="What must not be erased.")],
    reason: Reason,
    *,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Place a legal hold: the subject's key must not be destroyed until it is lifted."""
    from domain.acts import LEDGER, PlaceLegalHold
    from domain.families import split_subject

    split_subject(subject)
    with opened(on_behalf_of=on_behalf_of) as session:
        done = session.order(PlaceLegalHold(target=subject, reason=reason), LEDGER)
        placed = session.ledger.entry(done.receipts[0].position).data["holds"]
    named = next(iter(placed))
    if as_json:
        tell({"hold": named, "receipts": [told_receipt(done.receipts[0])]})
        return
    say(named)


def lift_hold(
    named: Annotated[
        str, typer.Argument(metavar="HOLD", help="HLD-…, as `hold place` printed it.")
    ],
    reason: Reason,
    *,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Let a hold go."""
    from domain.acts import LEDGER, LiftLegalHold

    with opened(on_behalf_of=on_behalf_of) as session:
        done = session.order(LiftLegalHold(hold=named, reason=reason), LEDGER)
        tell_receipts(done.receipts, as_json=as_json)


def _ledger_subjects(session: Session, *, first: str) -> list[tuple[str, dict[str, Any]]]:
    """The ledger's own subjects from `first` on. Their numbers have no gaps, so the first unknown ends it."""
    from domain.errors import UnknownSubject
    from domain.families import FAMILIES, human_number

    family = FAMILIES["ledger"]
    ordinal = int(first.split("/")[1].removeprefix(family.prefix))
    found: list[tuple[str, dict[str, Any]]] = []
    while True:
        subject = f"ledger/{human_number(family, ordinal)}"
        try:
            found.append((subject, dict(session.ledger.subject(subject).state)))
        except UnknownSubject:
            return found
        ordinal += 1


def _list_commands(family: str, *, as_json: bool) -> None:
    from domain.command import COMMANDS
    from domain.families import FAMILIES

    if family not in FAMILIES:
        raise Malformed(f"expected one of {', '.join(FAMILIES)}, got {family!r}", family=family)
    found = {
        verb: {"what": (kind.__doc__ or "").splitlines()[0], "example": dict(kind.example)}
        for (name, verb), kind in sorted(COMMANDS.items())
        if name == family and (name, verb) not in BY_ITS_OWN_COMMAND
    }
    if as_json:
        tell(found)
        return
    tell_members({verb: about["what"] for verb, about in found.items()})


def command_from(family: str, verb: str, said: dict[str, Any]) -> Command:
    """Raises Malformed, naming each wrong member and never its value."""
    from pydantic import ValidationError

    from domain.command import command_class
    from domain.event import told

    kind = command_class(family, verb)
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        raise Malformed(f"{family} {verb}: {told(error)}", family=family, command=verb) from None


def _json_object(text: str) -> dict[str, Any]:
    import orjson

    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"--data is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise Malformed(f"--data is a JSON object such as {{}}, got {type(said).__name__}")
    return said


def _subject(family: str, named: str | None, *, creates: bool) -> str | None:
    """`INC0010001` or `incident/INC0010001`. Raises Malformed."""
    from domain.families import split_subject, subject_id

    if creates and named is not None and family != "principal":
        raise Malformed(f"the ledger hands out the number; leave out {named}")
    if named is None:
        if not creates:
            raise Malformed(f"name the {family} that the command is about", family=family)
        return None
    if "/" not in named:
        return subject_id(family, named)
    found, _ = split_subject(named)
    if found.name != family:
        raise Malformed(f"{named} is no {family}", subject=named)
    return named
