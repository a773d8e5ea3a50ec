"""When one subject may name another: what the ledger can know must exist in it, the rest is listed as vacuous."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from domain.command import Case, require
from domain.families import FAMILIES

IncidentId = Annotated[
    str, StringConstraints(pattern=r"^incident/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")
]
ChangeId = Annotated[str, StringConstraints(pattern=r"^change/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]

Relation = Literal[
    "caused_by", "change", "duplicate_of", "incident", "problem", "related", "supplier_ticket"
]

OUTSIDE_RELATIONS = frozenset({"related", "supplier_ticket"})
"""The relations whose other end may be a number that only another system knows."""


def reads_if_built(subject: str | None) -> tuple[str, ...]:
    """`subject`, where the ledger has its family and so can say whether it exists."""
    return (subject,) if subject and subject.partition("/")[0] in FAMILIES else ()


def unknowable(subject: str | None, guard: str) -> tuple[str, ...]:
    """`guard`, where it names a subject of a family that is not built yet, or another system's number."""
    return (guard,) if subject and not reads_if_built(subject) else ()


def require_exists(subject: str, rule: str, case: Case) -> None:
    """Raise CanNot by `rule` when the ledger has the family of `subject` but no event of it."""
    exists = not reads_if_built(subject) or bool(case.states.get(subject))
    require(exists, rule, f"the ledger knows no {subject}", case)


def require_linkable(to: str, relation: str, case: Case) -> None:
    """A subject of a built family exists; any other end is a subject id, or an outside number."""
    named = "/" in to or relation in OUTSIDE_RELATIONS
    require(named, "link-names-a-subject", f"{relation} needs a subject id, got {to!r}", case)
    require(to != case.subject, "link-to-another", "a ticket is not linked to itself", case)
    require_exists(to, "linked-subject-exists", case)
