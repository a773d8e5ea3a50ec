"""The findings of a moment, as both ways in answer them."""

from __future__ import annotations

from typing import Any

from api.identity import Identity
from api.readings import note
from domain.event import State
from ledger.ledger import Ledger
from projections.findings import FindingFilter
from replay.findings import findings_at
from replay.moment import Moment


def findings_then(
    ledger: Ledger, identity: Identity, wanted: FindingFilter, moment: Moment, limit: int
) -> dict[str, Any]:
    """As they stood, in the order of what first showed them. `truncated`: there are more than `limit`;
    there is no next page of a moment.

    Raises ScopeMissing or MayNot for who may not read findings, MomentRefused, BeyondHead, Malformed for a time without
    zone.
    """
    identity.require("finding", "read")
    then = findings_at(ledger, moment)
    found = [
        {"subject": subject, "number": subject.partition("/")[2], **state}
        for subject, state in then.found.items()
        if _is_wanted(state, wanted)
    ]
    note(ledger, identity, "past-state", entries=min(len(found), limit))
    found.sort(key=lambda one: (one["first_position"], one["subject"]))
    return {
        "basis": then.basis,
        "at": then.at,
        "known_at": then.known_at,
        "position": then.position,
        "items": [_told(one) for one in found[:limit]],
        "truncated": len(found) > limit,
        "next": None,
    }


def _is_wanted(state: State, wanted: FindingFilter) -> bool:
    said = (
        (wanted.rule, state["rule"]),
        (wanted.severity, state["severity"]),
        (wanted.status, state["status"]),
    )
    named = wanted.about is None or wanted.about in state["about"]
    return named and all(not any_of or value in any_of for any_of, value in said)


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """As the register tells it: sets as lists."""
    return {**state, "about": sorted(state["about"]), "controls": sorted(state["controls"])}
