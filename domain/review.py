"""Access reviews: whether those who have a role still need it, asked of every grant of one moment. The orders:
`review_commands.py`.

A review freezes its population when it is opened (`population.py`): position, moment, count and hash. The
workflow is `access_review` in the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.event import (
    Count,
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    State,
    Text,
)
from domain.grant import DELEGABLE, GrantId, RoleId, has_ended
from domain.parts import has_parts
from domain.population import Population

Status = Literal["open", "closed"]
Verdict = Literal["certified", "revocation_ordered"]
RevocationStatus = Literal["ordered", "overdue", "done"]
ITEMS_OF_AN_ENTRY: Final = 80
"""So many items are decided in one entry: with the longest ids that there can be they fill 44 of its 64 KiB."""


@with_config(ConfigDict(extra="forbid", strict=True))
class CertifiedItem(TypedDict):
    """`on_behalf_of`: for whom the reviewer acted, `null` for themself."""

    verdict: Literal["certified"]
    by: PrincipalId
    on_behalf_of: PrincipalId | None
    at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class RevocationItem(TypedDict):
    """`due_at`: until when the grant is to be revoked."""

    verdict: Literal["revocation_ordered"]
    by: PrincipalId
    on_behalf_of: PrincipalId | None
    at: Moment
    due_at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class Verdicts(TypedDict):
    """How many items ended with which verdict."""

    certified: Count
    revocation_ordered: Count


class ReviewState(TypedDict, total=False):
    status: Status
    title: str
    role: str
    service: str
    due_at: str
    population: Population
    opened_by: str
    opened_for: str
    items: dict[str, CertifiedItem | RevocationItem]
    verdicts: Verdicts
    closed_by: str
    closed_at: str


class AccessReviewOpened(Event, family="review", source=(), to="open"):
    """These grants are to be looked at: those of one role, those that reach one service, or all."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Change authorities, first quarter",
        "role": "role/ROL0000003",
        "due_at": "2026-04-15T00:00:00.000000Z",
        "population": {
            "position": 1841,
            "at": "2026-04-01T09:00:00.000000Z",
            "count": 2,
            "hash": "sha256:" + "5c" * 32,
        },
        "opened_by": "principal/PRN0000040",
    }

    title: PersonalText | None = None
    role: RoleId | None = None
    service: Text | None = None
    due_at: Moment | None = None
    population: Population
    opened_by: Principal
    opened_for: Principal | None = None


class ReviewItemCertified(Event, family="review", source=("open",)):
    """The holders of these grants still need their roles. Each grant that counts says so itself, too."""

    example: ClassVar[Mapping[str, Json]] = {
        "items": {
            "grant/GRT0000007": {
                "verdict": "certified",
                "by": "principal/PRN0000041",
                "on_behalf_of": None,
                "at": "2026-04-02T10:00:00.000000Z",
            }
        }
    }

    items: dict[GrantId, CertifiedItem]


class ReviewItemRevocationOrdered(Event, family="review", source=("open",)):
    """These grants are to be revoked by a day. The order is open until they give nobody anything any more."""

    example: ClassVar[Mapping[str, Json]] = {
        "items": {
            "grant/GRT0000009": {
                "verdict": "revocation_ordered",
                "by": "principal/PRN0000041",
                "on_behalf_of": None,
                "at": "2026-04-02T10:05:00.000000Z",
                "due_at": "2026-04-09T00:00:00.000000Z",
            }
        }
    }

    items: dict[GrantId, RevocationItem]


class AccessReviewClosed(Event, family="review", source=("open",), to="closed"):
    """Every grant of the population has its verdict. Revocations that were ordered stay owed."""

    example: ClassVar[Mapping[str, Json]] = {
        "verdicts": {"certified": 1, "revocation_ordered": 1},
        "closed_by": "principal/PRN0000040",
        "closed_at": "2026-04-14T16:00:00.000000Z",
    }

    verdicts: Verdicts
    closed_by: Principal
    closed_at: Moment


def revocation_status(item: Mapping[str, Json], grant: State, now: str) -> RevocationStatus | None:
    """How far an ordered revocation has come, by the grant's own state; None for an item that orders none.

    Done is what was meant: that the grant was revoked, has expired, or has ended by its `valid_to`, recorded or not.
    """
    if item.get("verdict") != "revocation_ordered":
        return None
    if grant.get("status") not in DELEGABLE or has_ended(grant, now):
        return "done"
    return "overdue" if item["due_at"] < now else "ordered"


has_parts(
    "review",
    lambda state: {"opener": [state.get("opened_by"), state.get("opened_for")]},
    lambda state: [state["service"]] if "service" in state else [],
)
