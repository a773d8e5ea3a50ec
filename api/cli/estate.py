"""The whole estate: `state` at a moment, `counts` over time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.cli.answering import (
    DiscloseOption,
    ProofOption,
    choice_of,
    named,
    prove_differences,
    prove_states,
    require_proof,
)
from api.cli.looking import BasisChoice, say_fields
from api.cli.output import JSON_OPTION, note, plain, say, tell
from api.cli.session import Session, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.estates import Estates
    from replay.moment import Moment

SHOWN_MEMBERS = ("status", "priority", "assignment_group")

Step = Literal["hour", "day", "week", "month"]
Families = Annotated[
    list[str] | None, typer.Option("--family", help="incident, change …; as often as needed.")
]
Where = Annotated[
    str | None,
    typer.Option(
        help="As `priority <= 2 and status in (new, assigned)`; see docs/time-machine.md."
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command()(state)
    app.command()(counts)


def state(
    *,
    at: Annotated[str | None, typer.Option(help="As of this moment: RFC 3339 with a zone.")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="With --at: by what was known at this moment.")
    ] = None,
    position: Annotated[int | None, typer.Option(help="As of this position of the ledger.")] = None,
    basis: Annotated[
        BasisChoice | None, typer.Option(help="By default effect with --at, else known.")
    ] = None,
    family: Families = None,
    where: Where = None,
    personal: Annotated[
        bool, typer.Option(help="With personal values, for who may see them.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A file ending in .parquet, .csv or .jsonl."),
    ] = None,
    proof: ProofOption = None,
    disclose: DiscloseOption = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Every subject's state: now, or as the whole estate stood at any past moment.

    With --json each subject is a JSON object on a line of its own.
    """
    import sys

    from api.estate_files import format_of, json_lines, write_estate
    from replay.moment import Moment

    if output is not None:
        format_of(output)  # before anything is read
    if proof is None:
        require_proof(disclose)
    moment = Moment(at, known_at, position, basis)
    with opened() as session:
        found = estates_of(session).states(moment, family or (), where, personal=personal)
        told: list[str] = []
        found = replace(found, rows=named(found.rows, told))
        if output is not None:
            written = write_estate(output, found)
            note(f"{output}: {written} subjects, {told_moment(found.label)}")
        elif as_json:
            for line in json_lines(found):
                sys.stdout.buffer.write(line)
        else:
            say(f"{found.count} subjects, {told_moment(found.label)}")
            for row in found.rows:
                say(_line(row))
        if proof is not None:
            choice = choice_of(family or (), where)
            prove_states(
                session, told, (moment, found.label), proof, disclose=disclose, chosen_by=choice
            )


def counts(
    *,
    start: Annotated[str, typer.Option("--from", help="The first moment: RFC 3339 with a zone.")],
    end: Annotated[
        str | None, typer.Option("--to", help="Up to this moment; by default now.")
    ] = None,
    every: Annotated[Step, typer.Option(help="How far apart the moments are.")] = "day",
    by: Annotated[
        list[str] | None,
        typer.Option(help="Of a state, or `family`; up to three. By default status."),
    ] = None,
    basis: Annotated[BasisChoice, typer.Option(help="By default effect.")] = "effect",
    known_at: Annotated[
        str | None, typer.Option(help="With effect: by what was known at this moment.")
    ] = None,
    family: Families = None,
    where: Where = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """How many subjects there were in each state over time. One line for each moment, one column for each value."""
    with opened() as session:
        found = estates_of(session).counts(
            start,
            end or session.ledger.now(),
            every,
            by or ["status"],
            basis=basis,
            known_at=known_at,
            families=family or (),
            where=where,
        )
    if as_json:
        tell(found)
        return
    names = [" ".join(map(_word, one["values"].values())) for one in found["series"]]
    say("\t".join(["moment", *names]))
    for at, moment in enumerate(found["moments"]):
        say("\t".join([moment, *(str(one["counts"][at]) for one in found["series"])]))


def diff_of_estate(
    before: Moment,
    after: Moment,
    families: Sequence[str],
    proof: Path | None,
    *,
    disclose: bool,
    as_json: bool,
) -> None:
    """Each subject that differs, as soon as it is found."""
    if proof is None:
        require_proof(disclose)
    with opened() as session:
        first, last, found = estates_of(session).differences(before, after, families)
        told: list[str] = []
        found = named(found, told)
        if as_json:
            for one in found:
                tell({"from": first, "to": last, **one})
        else:
            say(f"from {told_moment(first)}\n  to {told_moment(last)}")
            for one in found:
                _say_difference(one)
        if proof is not None:
            moments = ((before, first), (after, last))
            choice = choice_of(families, None, "differing")
            prove_differences(session, told, *moments, proof, disclose=disclose, chosen_by=choice)


def _say_difference(one: dict[str, Any]) -> None:
    versions = f"version {one['version_before']} → {one['version_after']}"
    why = ", ".join(f"{each['position']} {each['why']}" for each in one["entries"])
    say(f"\n{one['subject']}  {one['became']}  {versions}  (entries {why})")
    say_fields(one["fields"], "      ")


def _word(value: object) -> str:
    return "(none)" if value is None else plain(value)


def estates_of(session: Session) -> Estates:
    from api.estates import Estates, time_machine

    machine = time_machine(session.ledger, session.house.settings.archive)
    return Estates(session.ledger, session.identity, machine)


def told_moment(label: dict[str, Any]) -> str:
    """`in effect at … as known at … (position 1841)`."""
    if label["basis"] == "effect":
        told = f"in effect at {label['at']}, as known at {label['known_at']}"
    else:
        told = f"as known at {label['at']}" if label["at"] else "as known"
    return f"{told} (position {label['position']})"


def _line(row: dict[str, Any]) -> str:
    members = (row["state"].get(name) for name in SHOWN_MEMBERS)
    shown = "  ".join(plain(value) for value in members if value is not None)
    return f"{row['subject']}  version {row['version']}  {shown}"
