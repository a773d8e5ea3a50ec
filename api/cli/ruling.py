"""Policies: look at them, take one out, hand one in, compare two, and ask what another would have decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.ordering import OnBehalfOf
from api.cli.output import JSON_OPTION, note, plain, progress, say, tell, tell_receipts
from api.cli.session import opened

if TYPE_CHECKING:
    from api.policies import PolicyDifference
    from domain.policy_text import PolicyRule
    from replay.whatif import Otherwise, WhatIf

policy = typer.Typer(help="Policies: show, export, validate, draft, diff.", no_args_is_help=True)

PolicyArgument = Annotated[
    str,
    typer.Argument(help="A .cedar file, a directory of them, policy/POL…, or in-force."),
]


def add_to(app: typer.Typer) -> None:
    app.command()(check)
    policy.command("show")(show)
    policy.command("export")(export)
    policy.command("validate")(validate)
    policy.command("draft")(draft)
    policy.command("diff")(diff)
    app.add_typer(policy, name="policy")


def check(
    *,
    candidate: Annotated[
        str,
        typer.Option("--policy", help="A .cedar file, a directory of them, policy/POL…, in-force."),
    ],
    start: Annotated[
        str | None, typer.Option("--from", help="A moment (RFC 3339) or a position; the first.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="A moment or a position; the head.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """What another policy would have decided otherwise in a period, decision by decision. Writes nothing.

    Each recorded decision and observed fact is put to it with the state and the grants of its moment.
    """
    from api.auditing import told_case, told_counts
    from api.periods import positions_between
    from api.policies import handed_in, validated
    from replay.whatif import WhatIf, candidate_state, what_if

    with opened() as session:
        session.identity.require("*", "read")
        chosen = validated(handed_in(candidate, session.ledger))
        state = candidate_state(chosen.texts, chosen.thresholds)
        found = WhatIf(*positions_between(session.ledger, start, end))
        with progress("decisions") as told:
            cases = what_if(session.ledger.database, state, found=found, progress=told)
            if as_json:
                tell({"otherwise": [told_case(one) for one in cases], **told_counts(found)})
            else:
                for one in cases:
                    _say_case(one)
        session.noted("check", entries=found.otherwise)
    if as_json:
        return
    _say_counts(found)


def show(named: PolicyArgument = "in-force", as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """The rules of a policy, each with its sentence, its controls and where it stands."""
    from api.policies import handed_in
    from domain.policy_text import read_rules

    with opened() as session:
        session.identity.require("policy", "read")
        chosen = handed_in(named, session.ledger)
    rules = read_rules(chosen.texts)
    if as_json:
        told = {"thresholds": chosen.thresholds, "content_hash": chosen.hash}
        tell({"policy": chosen.name, **told, "rules": [_told_rule(rule) for rule in rules]})
        return
    say(f"{chosen.name}: {len(rules)} rules, {chosen.hash}\n")
    for rule in rules:
        say(f"{rule.effect:6}  {rule.id}  ({rule.name}, line {rule.line})")
        say(f"        {rule.sentence}")
        if rule.control:
            say(f"        {rule.control}")
    for name, value in chosen.thresholds.items():
        say(f"{name} = {plain(value)}")


def export(
    named: PolicyArgument,
    directory: Annotated[Path, typer.Argument(help="Made anew; nothing is overwritten.")],
) -> None:
    """Write a policy into a directory, to be changed there and handed in again: its text and thresholds."""
    from api.policies import handed_in, write_policy

    with opened() as session:
        session.identity.require("policy", "read")
        chosen = handed_in(named, session.ledger)
    write_policy(chosen, directory)
    say(
        f"{chosen.name}: {len(chosen.texts)} files of rules, and the thresholds it sets, in {directory}"
    )


def validate(named: PolicyArgument) -> None:
    """Does every rule pass Cedar's validator against this ledger's schema? Exit code 2: no, and why."""
    import domain.catalogue  # noqa: F401 - the schema is made of every family
    from api.policies import handed_in, validated

    chosen = validated(handed_in(named))
    say(f"{chosen.name} is valid: {chosen.hash}")


def draft(
    named: PolicyArgument,
    *,
    title: Annotated[str, typer.Option(help="What it is to be called.")],
    reason: Annotated[str | None, typer.Option(help="Why it is needed.")] = None,
    on_behalf_of: OnBehalfOf = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Record a policy as a draft. Others review and publish it: order policy review, order policy publish."""
    from api.policies import handed_in
    from domain.policy import DraftPolicy

    with opened(on_behalf_of=on_behalf_of) as session:
        chosen = handed_in(named, session.ledger)
        command = DraftPolicy(
            title=title,
            texts=dict(chosen.texts),
            thresholds=dict(chosen.thresholds),
            reason=reason,
        )
        done = session.order(command)
    tell_receipts(done.receipts, as_json=as_json)
    note(f"its content hash, which the review names: {chosen.hash}")


def diff(
    before: PolicyArgument, after: PolicyArgument, as_json: Annotated[bool, JSON_OPTION] = False
) -> None:
    """What two policies say otherwise, rule by rule. Layout and comments do not count."""
    from api.policies import difference, handed_in

    with opened() as session:
        session.identity.require("policy", "read")
        old, new = handed_in(before, session.ledger), handed_in(after, session.ledger)
    found = difference(old, new)
    if as_json:
        tell(_told_difference(found))
    else:
        _say_difference(found)


def _say_case(one: Otherwise) -> None:
    say(f"{one.position}  {one.time}  {one.actor} {one.action} on {one.subject}: {one.decided}")
    say(f"      refused by {', '.join(one.rules)}")


def _say_counts(found: WhatIf) -> None:
    span = f"positions {found.start} to {found.end}"
    say(f"\n{found.otherwise} of {found.asked} decisions otherwise ({span})")
    if found.unknown:
        say(f"{found.unknown} facts do not say enough to ask who might have done them")
    for rule, count in sorted(found.by_rule.items(), key=lambda one: -one[1]):
        say(f"{count:>6}  {rule}")


def _told_rule(rule: PolicyRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "effect": rule.effect,
        "sentence": rule.sentence,
        "control": rule.control.split(),
        "file": rule.name,
        "line": rule.line,
        "actions": sorted(rule.actions) if rule.actions is not None else None,
        "roles": sorted(rule.roles),
    }


def _told_difference(found: PolicyDifference) -> dict[str, Any]:
    return {
        "added": [_told_rule(rule) for rule in found.added],
        "removed": [_told_rule(rule) for rule in found.removed],
        "changed": [
            {"before": _told_rule(old), "after": _told_rule(new)} for old, new in found.changed
        ],
        "thresholds": {name: {"from": a, "to": b} for name, (a, b) in found.thresholds.items()},
    }


def _say_difference(found: PolicyDifference) -> None:
    for mark, rules in (("+", found.added), ("-", found.removed)):
        for rule in rules:
            say(f"{mark} {rule.effect} {rule.id}: {rule.sentence}")
    for old, new in found.changed:
        say(f"~ {new.effect} {new.id}: {new.sentence}")
        if old.sentence != new.sentence:
            say(f"    before: {old.sentence}")
    for name, (before, after) in found.thresholds.items():
        say(f"  {name}: {plain(before)} → {plain(after)}")
