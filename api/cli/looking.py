"""Looking at subjects and at the feed: `show`, `history`, `diff`, `events`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.cli.answering import (
    DiscloseOption,
    ProofOption,
    proven_difference,
    proven_state,
    require_proof,
)
from api.cli.output import JSON_OPTION, plain, say, tell, tell_members
from api.cli.session import Session, opened
from domain.errors import Malformed

if TYPE_CHECKING:
    from ledger.entry import Entry
    from replay.as_of import AsOf
    from replay.moment import Moment

PAGE_ENTRIES = 500
FOLLOW_SECONDS = 1.0

SubjectArgument = Annotated[str, typer.Argument(help="incident/INC0010001")]


BasisChoice = Literal["known", "effect"]
"""What the ledger said at that moment, or what was so at that moment as it is known since."""


def add_to(app: typer.Typer) -> None:
    app.command()(show)
    app.command()(history)
    app.command()(diff)
    app.command()(events)


def show(
    subject: SubjectArgument,
    *,
    at: Annotated[str | None, typer.Option(help="As of this moment: RFC 3339 with a zone.")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As of this position of the ledger.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    proof: ProofOption = None,
    disclose: DiscloseOption = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The state of a subject: now, or as it stood at any past moment."""
    from replay.as_of import subject_as_of
    from replay.moment import Moment

    with opened() as session:
        session.reads(subject)
        moment = Moment(at, known_at, position, basis)
        if proof is not None:
            found = proven_state(session, subject, moment, proof, disclose=disclose)
        else:
            require_proof(disclose)
            found = subject_as_of(
                session.ledger,
                subject,
                at=at,
                known_at=known_at,
                position=position,
                basis=basis,
            )
        told = _told_as_of(session, found)
        if at is not None or known_at is not None or position is not None:
            session.noted("past-state", about=(subject,))
    if as_json:
        tell(told)
        return
    say(_heading(told))
    tell_members(told["state"])


def history(subject: SubjectArgument, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Every event of a subject: who, when, why, by which rules, and what it changed."""
    from replay.history import as_json as step_as_json
    from replay.history import history as steps_of

    with opened() as session:
        session.reads(subject)
        steps = [step_as_json(step) for step in steps_of(session.ledger, subject)]
        steps = session.revealed(subject, steps)
        session.noted("history", entries=len(steps), about=(subject,))
    if as_json:
        tell({"subject": subject, "events": steps})
        return
    for step in steps:
        _say_step(step)


def diff(
    subject: Annotated[
        str | None, typer.Argument(help="incident/INC0010001; without it the whole estate.")
    ] = None,
    *,
    start: Annotated[str, typer.Option("--from", help="A moment (RFC 3339), or a position.")],
    end: Annotated[
        str | None, typer.Option("--to", help="A moment or a position; by default now.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="What was known of this moment: then --from and --to are when it was."),
    ] = None,
    basis: Annotated[BasisChoice | None, typer.Option(help="For both moments.")] = None,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Of the estate: these families only.")
    ] = None,
    proof: ProofOption = None,
    disclose: DiscloseOption = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """What became of a subject between two moments, field by field, and which entries did it.

    Without a subject: who was added, changed, finished or gone in the whole estate; with --json each on a line.
    """
    from replay.moment import two_moments

    before, after = two_moments(start, end, basis, at)
    if subject is None:
        from api.cli.estate import diff_of_estate

        diff_of_estate(before, after, family or (), proof, disclose=disclose, as_json=as_json)
        return
    if family:
        raise Malformed("--family is for the whole estate: leave out the subject")
    _diff_of_subject(subject, before, after, proof, disclose=disclose, as_json=as_json)


def _diff_of_subject(
    subject: str,
    before: Moment,
    after: Moment,
    proof: Path | None,
    *,
    disclose: bool,
    as_json: bool,
) -> None:
    from replay.diff import difference

    with opened() as session:
        session.reads(subject)
        if proof is not None:
            found = proven_difference(session, subject, before, after, proof, disclose=disclose)
        else:
            require_proof(disclose)
            found = difference(session.ledger, subject, before, after)
        fields = [
            {
                "field": field.path,
                "from": field.before,
                "to": field.after,
                "positions": list(field.positions),
            }
            for field in found.fields
        ]
        told = {
            "subject": subject,
            "from": _told_moment(found.before),
            "to": _told_moment(found.after),
            "fields": session.revealed(subject, fields),
        }
        session.noted("past-state", entries=len(fields), about=(subject,))
    if as_json:
        tell(told)
        return
    say_fields(told["fields"])


def say_fields(fields: Sequence[dict[str, Any]], indent: str = "") -> None:
    for field in fields:
        positions = ", ".join(map(str, field["positions"]))
        change = f"{plain(field['from'])} → {plain(field['to'])}"
        say(f"{indent}{field['field']}: {change}  (by {positions})")


def events(
    *,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this position.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")
    ] = False,
) -> None:
    """The entries in order, each a CloudEvent on a line of its own (JSON Lines), as stored."""
    from api.readings import note_entries

    with opened() as session:
        session.identity.require("*", "read")
        while True:
            page = session.ledger.entries(after, PAGE_ENTRIES)
            note_entries(session.ledger, session.identity, page)
            _tell_entries(page)
            if page:
                after = page[-1].position
            elif follow:
                session.ledger.record_reads()  # whoever follows for days is not recorded in the end only
                session.ledger.database.wait_for_append(FOLLOW_SECONDS)
            else:
                return


def _tell_entries(page: Sequence[Entry]) -> None:
    import sys

    for entry in page:
        sys.stdout.write(entry.raw.decode() + "\n")
    # Whoever follows wants to see an entry when it is there, not when a buffer is full.
    sys.stdout.flush()


def _told_as_of(session: Session, found: AsOf) -> dict[str, Any]:
    return {
        "subject": found.subject,
        **_told_moment(found),
        "state": session.revealed(found.subject, dict(found.state)),
    }


def _told_moment(found: AsOf) -> dict[str, Any]:
    return {
        "version": found.version,
        "position": found.position,
        "basis": found.basis,
        "at": found.at,
        "known_at": found.known_at,
    }


def _heading(told: dict[str, Any]) -> str:
    """`incident/INC0010001, version 7, in effect at … as known at … (position 1841)`."""
    parts = [f"{told['subject']}, version {told['version']}"]
    if told["basis"] == "effect":
        parts.append(f"in effect at {told['at']}, as known at {told['known_at']}")
    else:
        parts.append(f"as known at {told['at']}" if told["at"] else "as known")
    return f"{', '.join(parts)} (position {told['position']})\n"


def _say_step(step: dict[str, Any]) -> None:
    rules = f", by {' '.join(step['rules'])}" if step.get("rules") else ""
    who = str(step.get("authid"))
    who += f" for {step['onbehalfof']}" if "onbehalfof" in step else ""
    who += f" with {' '.join(step['grants'])}" if step.get("grants") else ""
    under = f" of {step['policy']}" if "policy" in step else ""
    say(f"{step['version']:>4}  {step['time']}  {step['type']}")
    say(f"      position {step['position']}, {who}, {step.get('decision')}{rules}{under}")
    for said in ("reason", "comment"):
        if said in step:
            say(f"      {said}: {step[said]}")
    for path, change in step["changes"].items():
        say(f"      {path}: {plain(change['from'])} → {plain(change['to'])}")
