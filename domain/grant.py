"""Grants: who has which role, since when and until when, on whose word. The orders: `grant_commands.py`.

A grant says for itself when it counts (`authority.py`): that it expired is recorded when a timer runs, and
ended when `valid_to` came. The workflow is `role_grant` in the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, StringConstraints, with_config
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
    Subject,
    Text,
    Word,
)
from domain.parts import has_parts
from domain.rosters import grants_delegated_to, grants_held_by, stands_on

Status = Literal[
    "requested",
    "conflicted",
    "approved",
    "active",
    "suspended",
    "rejected",
    "revoked",
    "expired",
]
LIVE = ("requested", "conflicted", "approved", "active", "suspended")
"""The statuses from which a grant may still come to count."""
DELEGABLE = ("active", "suspended")
"""The statuses in which a delegation stands; that of a suspended grant counts again once it is reinstated."""

RoleId = Annotated[str, StringConstraints(pattern=r"^role/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
GrantId = Annotated[str, StringConstraints(pattern=r"^grant/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
DelegationId = Annotated[str, StringConstraints(pattern=r"^DLG-[A-Za-z0-9._-]{1,64}$")]
CertificationId = Annotated[str, StringConstraints(pattern=r"^CRT-[A-Za-z0-9._-]{1,64}$")]

_EXAMPLE_ID = "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"


@with_config(ConfigDict(extra="forbid", strict=True))
class Conflict(TypedDict):
    """A role that the holder has and must not have with this one.

    `rule`: the role whose list of conflicts says so, and `rule_version` its revision. `grants`: what gives it.
    """

    rule: RoleId
    rule_version: Count
    role_name: Word
    grants: dict[GrantId, Literal[True]]


@with_config(ConfigDict(extra="forbid", strict=True))
class SodException(TypedDict):
    """The conflicts found so far are accepted until `expires_at`. How they are watched stands beside it."""

    by: PrincipalId
    at: Moment
    expires_at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class DelegationEnd(TypedDict):
    ended_at: Moment
    ended_by: PrincipalId


Delegation = TypedDict("Delegation", {"to": PrincipalId, "from": Moment, "until": Moment})
"""In a state, with the members of `DelegationEnd` once it was ended before its time."""


@with_config(ConfigDict(extra="forbid", strict=True))
class Certification(TypedDict):
    """A reviewer of the campaign saw the grant and left it."""

    campaign: Subject
    by: PrincipalId
    at: Moment


class GrantState(TypedDict, total=False):
    status: Status
    holder: str
    role: str
    role_name: str
    services: dict[str, Literal[True]]
    valid_from: str
    valid_to: str
    requested_by: str
    requested_for: str
    conflicts: dict[str, Conflict]
    exception: SodException
    compensating_control: str
    rejected_by: str
    approved_by: str
    granted_by: str
    delegations: dict[str, Delegation]
    certified: dict[str, Certification]
    suspended_by: str
    reinstated_by: str
    revoked_by: str


class RoleGrantRequested(Event, family="grant", source=(), to="requested"):
    """Somebody is to have a role: on these services, or everywhere; for this time, or without an end."""

    example: ClassVar[Mapping[str, Json]] = {
        "holder": "principal/PRN0000012",
        "role": "role/ROL0000003",
        "role_name": "change-authority",
        "services": {"mail": True},
        "valid_from": "2026-03-02T09:30:00.000000Z",
        "valid_to": "2026-05-31T00:00:00.000000Z",
        "requested_by": "principal/PRN0000031",
    }

    holder: Principal
    role: RoleId
    role_name: Word
    services: dict[Text, Literal[True]] | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    requested_by: Principal
    requested_for: Principal | None = None


class SodConflictDetected(Event, family="grant", source=("requested",), to="conflicted"):
    """Its holder, under whichever account, has a role that must be apart from this one.

    An exception that was granted before knew less, and holds no longer.
    """

    asserts: ClassVar[Mapping[str, Json]] = {"exception": None, "compensating_control": None}
    example: ClassVar[Mapping[str, Json]] = {
        "conflicts": {
            "role/ROL0000005": {
                "rule": "role/ROL0000003",
                "rule_version": 2,
                "role_name": "developer",
                "grants": {"grant/GRT0000002": True},
            }
        }
    }

    conflicts: dict[RoleId, Conflict]


class SodExceptionGranted(Event, family="grant", source=("conflicted",), to="requested"):
    """The conflicts found are accepted for a time, because something else makes up for them."""

    example: ClassVar[Mapping[str, Json]] = {
        "exception": {
            "by": "principal/PRN0000040",
            "at": "2026-03-02T10:00:00.000000Z",
            "expires_at": "2026-04-01T00:00:00.000000Z",
        },
        "compensating_control": "Every change is read by the night shift",
    }

    exception: SodException
    compensating_control: PersonalText


class RoleGrantRejected(Event, family="grant", source=("requested", "conflicted"), to="rejected"):
    """The holder does not get the role."""

    example: ClassVar[Mapping[str, Json]] = {"rejected_by": "principal/PRN0000012"}

    rejected_by: Principal


class RoleGrantApproved(Event, family="grant", source=("requested",), to="approved"):
    """The role's owner agrees. It does not count until it is activated."""

    example: ClassVar[Mapping[str, Json]] = {"approved_by": "principal/PRN0000012"}

    approved_by: Principal


class RoleGranted(Event, family="grant", source=("approved",), to="active"):
    """The holder has the role, from `valid_from` until just before `valid_to`."""

    example: ClassVar[Mapping[str, Json]] = {
        "valid_from": "2026-03-02T10:30:00.000000Z",
        "valid_to": "2026-05-31T00:00:00.000000Z",
        "granted_by": "principal/PRN0000002",
    }

    valid_from: Moment
    valid_to: Moment | None
    granted_by: Principal


class RoleDelegated(Event, family="grant", source=("active",)):
    """Somebody may act in the role on the holder's behalf, from `from` until just before `until`."""

    example: ClassVar[Mapping[str, Json]] = {
        "delegations": {
            f"DLG-{_EXAMPLE_ID}": {
                "to": "principal/PRN0000041",
                "from": "2026-03-09T00:00:00.000000Z",
                "until": "2026-03-16T00:00:00.000000Z",
            }
        }
    }

    delegations: dict[DelegationId, Delegation]


class DelegationEnded(Event, family="grant", source=("active",)):
    """The delegate may not act in the role any more, or the record says that its time is over."""

    example: ClassVar[Mapping[str, Json]] = {
        "delegations": {
            f"DLG-{_EXAMPLE_ID}": {
                "ended_at": "2026-03-12T08:00:00.000000Z",
                "ended_by": "principal/PRN0000012",
            }
        }
    }

    delegations: dict[DelegationId, DelegationEnd]


class GrantCertified(Event, family="grant", source=("active",)):
    """A reviewer saw that the holder still needs the role."""

    example: ClassVar[Mapping[str, Json]] = {
        "certified": {
            f"CRT-{_EXAMPLE_ID}": {
                "campaign": "review/REV0000001",
                "by": "principal/PRN0000040",
                "at": "2026-04-01T09:00:00.000000Z",
            }
        }
    }

    certified: dict[CertificationId, Certification]


class RoleSuspended(Event, family="grant", source=("active",), to="suspended"):
    """The grant does not count until it is reinstated."""

    example: ClassVar[Mapping[str, Json]] = {"suspended_by": "principal/PRN0000012"}

    suspended_by: Principal


class RoleReinstated(Event, family="grant", source=("suspended",), to="active"):
    """The grant counts again, and so do the delegations that nobody ended."""

    asserts: ClassVar[Mapping[str, Json]] = {"suspended_by": None}
    example: ClassVar[Mapping[str, Json]] = {"reinstated_by": "principal/PRN0000012"}

    reinstated_by: Principal


class RoleRevoked(Event, family="grant", source=("active", "suspended"), to="revoked"):
    """The holder has the role no longer."""

    example: ClassVar[Mapping[str, Json]] = {"revoked_by": "principal/PRN0000012"}

    revoked_by: Principal


class RoleExpired(Event, family="grant", source=("active", "suspended"), to="expired"):
    """The record of what `valid_to` had brought about already."""


def has_ended(grant: State, now: str) -> bool:
    """Has its time run out, recorded or not? One that was only asked for ends in the same way."""
    valid_to = grant.get("valid_to")
    return valid_to is not None and bool(valid_to <= now)


def exception_stands(grant: State, now: str) -> bool:
    return bool(now < grant.get("exception", {}).get("expires_at", ""))


def is_open(delegation: Mapping[str, Json], now: str) -> bool:
    """May it still be acted under, now or later?"""
    return "ended_at" not in delegation and bool(now < delegation["until"])


@stands_on("grant")
def _rosters(_subject: str, state: State) -> Iterable[str]:
    status = state.get("status")
    if status in LIVE:
        yield grants_held_by(state["holder"])
    if status in DELEGABLE:
        for one in state.get("delegations", {}).values():
            if "ended_at" not in one:
                yield grants_delegated_to(one["to"])


def _parts(state: State) -> Mapping[str, Iterable[Json]]:
    delegations = state.get("delegations", {}).values()
    return {
        "subject": [state.get("holder")],
        "requester": [state.get("requested_by"), state.get("requested_for")],
        "excepter": [state.get("exception", {}).get("by")],
        "approver": [state.get("approved_by")],
        "granter": [state.get("granted_by")],
        "delegate": [one["to"] for one in delegations if "ended_at" not in one],
        "certifier": [one["by"] for one in state.get("certified", {}).values()],
        "suspender": [state.get("suspended_by")],
    }


has_parts("grant", _parts, lambda state: state.get("services", {}))
