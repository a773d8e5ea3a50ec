"""What auditors ask, from the log itself: `authority`, `holders`, `delegated`, and `changes late-approvals` …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.looking import BasisChoice
from api.cli.output import JSON_OPTION, note, say, tell
from api.cli.session import Session, opened
from domain.errors import Malformed

if TYPE_CHECKING:
    from api.auditing import Auditing

changes = typer.Typer(
    help="Changes of a period: late-approvals, emergencies, in-freezes.", no_args_is_help=True
)

Row = Mapping[str, Any]
Start = Annotated[str | None, typer.Option("--from", help="RFC 3339, inclusive; the beginning.")]
End = Annotated[str | None, typer.Option("--to", help="RFC 3339, exclusive; open.")]
Json = Annotated[bool, JSON_OPTION]


def add_to(app: typer.Typer) -> None:
    app.command()(authority)
    app.command()(holders)
    app.command()(delegated)
    changes.command("late-approvals")(late_approvals)
    changes.command("emergencies")(emergencies)
    changes.command("in-freezes")(in_freezes)
    app.add_typer(changes, name="changes")


def authority(
    change: Annotated[str, typer.Argument(help="CHG0010001")], as_json: Json = False
) -> None:
    """Who approved a change with what authority then, and was what was approved what was implemented?

    Each approval with the deciding rules of the policy of then, the grants it rested on as they stood at that
    position, and what the approver had to do with the change.
    """
    with opened() as session:
        found = _asking(session).authority(session.named("change", change))
    if as_json:
        tell(found)
        return
    say(
        f"{found['subject']}, version {found['version']}, {found['status']} (position {found['position']})"
    )
    for approval in found["approvals"]:
        say(
            f"\n{approval['approval']}: {approval['verdict']}{' (void)' if approval['void'] else ''}"
        )
        _say_approval(approval)
    for one in found["retro_approvals"]:
        say(f"\nretro-approval: {one['outcome']}, due {one['due_at']}")
        if one["decision"]:
            _say_approval(one["decision"])
    for one in found["authorizations"]:
        by = f"by {one['model']} version {one['model_version']}" if one["model"] else "by quorum"
        say(f"\nauthorized {by} at {one['at']} (position {one['position']})")
        if one["model_approval"]:
            _say_act(one["model_approval"])
    _say_content(found)


def holders(
    role: Annotated[str, typer.Argument(help="By name, change-authority; or ROL0000003.")],
    *,
    at: Annotated[str | None, typer.Option(help="At this moment: RFC 3339 with a zone.")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As known at this position.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Who holds a role, or held it at a moment, by which grant and on whose word.

    A grant counts by the times it names, whether or not a timer has run.
    """
    from replay.moment import Moment

    with opened() as session:
        asking = _asking(session)
        found = asking.holders(_role(session, role), Moment(at, known_at, position, basis))
    if as_json:
        tell(found)
        return
    say(
        f"{found['role']} {found['role_name']} at {found['moment']} ({found['basis']}, position {found['position']})"
    )
    for one in found["holders"]:
        until = f"until {one['valid_to']}" if one["valid_to"] else "without end"
        about = "" if one["services"] is None else f" on {', '.join(one['services'])}"
        places = ", ".join(map(str, one["positions"]))
        say(f"{one['holder']}{about} by {one['grant']} from {one['valid_from']} {until}")
        say(
            f"      approved by {one['approved_by']}, granted by {one['granted_by']} (positions {places})"
        )
        for delegate in one["delegates"]:
            say(f"      delegated to {delegate['to']} until {delegate['until']}")


def delegated(
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="A moment (RFC 3339) or a position; the first.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="A moment or a position; the head.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 1_000,
    as_json: Json = False,
) -> None:
    """What was done on somebody's behalf, with the grant and the delegation that let it happen."""
    with opened() as session:
        found = _asking(session).delegated(start, end, limit)
    if as_json:
        tell(found)
        return
    for act in found["items"]:
        say(f"{act['position']}  {act['type']} on {act['subject']}")
        _say_act(act)
    if found["truncated"]:
        note(f"There are more: --from {found['items'][-1]['position'] + 1}")


def late_approvals(*, start: Start = None, end: End = None, as_json: Json = False) -> None:
    """Approvals that came, or were recorded, after the implementation began, or that nobody dated."""
    with opened() as session:
        found = _asking(session).late_approvals(start, end)
    if as_json:
        tell(found)
        return
    for one in found["items"]:
        began = "" if one["began_exact"] else "by then at the latest: "
        say(f"{one['change']}  {one['approval']} by {one['by']}: {', '.join(one['why'])}")
        say(f"      approved {one['at'] or 'undated'} (position {one['position']})")
        say(f"      began {began}{one['began_at']} (position {one['began_position']})")


def emergencies(*, start: Start = None, end: End = None, as_json: Json = False) -> None:
    """Emergency changes and broken glasses, and whether somebody approved them afterwards, in time."""
    with opened() as session:
        found = _asking(session).emergencies(start, end)
    if as_json:
        tell(found)
        return
    for one in found["items"]:
        due = f", due {one['due_at']}" if one["outcome"] in {"open", "overdue"} else ""
        say(f"{one['change']}  {one['status']}: retro-approval {one['outcome']}{due}")
        say(
            f"      began {one['began_at'] or 'not yet'} (position {one['began_position'] or one['position']})"
        )
        if one["break_glass"]:
            say("      break-glass")
            _say_act(one["break_glass"])
        for each in one["retro_approvals"]:
            if each["decision_position"]:
                by = f" by {each['by']}" if each["by"] else ""
                say(
                    f"      {each['outcome']}{by} at {each['at']} (position {each['decision_position']})"
                )


def in_freezes(*, start: Start = None, end: End = None, as_json: Json = False) -> None:
    """Changes planned or implemented inside a freeze, and on whose exception."""
    with opened() as session:
        found = _asking(session).in_freezes(start, end)
    if as_json:
        tell(found)
        return
    for one in found["items"]:
        span = f"{one['span']['start']} to {one['span']['end']}"
        what = " and ".join(name for name in ("window", "implementation") if one[name])
        say(f"{one['change']}  {what} in {one['freeze']} ({span}) on {', '.join(one['services'])}")
        exception = one["exception"]
        if exception is None:
            say(f"      no exception (freeze at position {one['freeze_position']})")
        else:
            say(
                f"      {exception['id']} {exception['verdict']} by {exception['by']} at {exception['at']}"
            )
            _say_act(exception["act"])


def _asking(session: Session) -> Auditing:
    from api.auditing import Auditing

    return Auditing(session.ledger, session.identity)


def _role(session: Session, text: str) -> str:
    """By its number, or by the name of a role in use. Raises Malformed for a name that is none."""
    from domain.families import FAMILIES
    from domain.rosters import ROLES

    if "/" in text or text.startswith(FAMILIES["role"].prefix):
        return session.named("role", text)
    session.identity.require("role", "read")
    names = {
        str(session.ledger.subject(role).state["name"]): role
        for role in session.ledger.roster(ROLES).members
    }
    if text not in names:
        raise Malformed(f"there is no role {text!r} in use; there are {', '.join(sorted(names))}")
    return names[text]


def _say_approval(approval: Row) -> None:
    _say_act(approval["act"])
    dated = approval["at"] or "undated"
    then = _word(approval["of_content_then"], "the content that stood", "not what stood")
    implemented = _word(
        approval["of_content_implemented"], "implemented", "not implemented as such"
    )
    say(
        f"      dated {dated}, of {approval['content_hash'] or 'an unknown content'}: {then}; {implemented}"
    )
    conflicting = ", ".join(approval["conflicting_parts"])
    since = ", ".join(approval["conflicting_parts_since"])
    say(
        f"      {f'also {conflicting} of the change' if conflicting else 'independent of the change'}"
    )
    if since:
        say(f"      since then also {since} of it")


def _word(holds: bool | None, yes: str, no: str) -> str:
    return f"{yes}: not known" if holds is None else yes if holds else no


def _say_act(act: Row) -> None:
    for_ = f" on behalf of {act['on_behalf_of']}" if act["on_behalf_of"] else ""
    said = f", said by {act['recorded_by']}" if act["recorded_by"] != act["by"] else ""
    say(
        f"      {act['by']}{for_} at {act['time']} (position {act['position']}, {act['decision']}{said})"
    )
    for grant in act["grants"]:
        until = f"until {grant['valid_to']}" if grant["valid_to"] else "without end"
        counted = "" if grant["counted"] else ", which did not count"
        say(
            f"      as {grant['role_name']} by {grant['grant']}: {grant['status']} {until}{counted}"
        )
        say(f"         granted by {grant['granted_by']} (position {grant['granted_position']})")
    for one in act["delegations"]:
        say(f"      delegated by {one['grant']} {one['delegation']} until {one['until']}")
    for rule in act["rules"]:
        say(f"      {act['policy']} {rule['id']}: {rule['sentence'] or '(no text is held)'}")
    if act["reason"]:
        say(f"      reason: {act['reason']}")


def _say_content(found: Row) -> None:
    content = found["content"]
    say(f"\ncontent that was approved and content that was implemented: {content['verdict']}")
    for one in content["stages"]:
        same = {True: "same", False: "another", None: "not comparable"}[one["same"]]
        say(
            f"      {one['stage']} {one['content_hash'] or '(none stated)'}: {same} (position {one['position']})"
        )
