"""The orders that grants take, and what must hold for each. The facts they lead to: `grant.py`.

Who may give them is asked elsewhere, with the parts and circumstances that are told here; what keeps two
roles apart is asked in `separation.py`, and holds for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from domain.command import Case, Command, Events, require
from domain.event import (
    Event,
    Json,
    Moment,
    PersonalText,
    PrincipalId,
    State,
    Subject,
    Text,
)
from domain.grant import (
    DelegationEnded,
    DelegationId,
    GrantCertified,
    RoleDelegated,
    RoleExpired,
    RoleGrantApproved,
    RoleGranted,
    RoleGrantRejected,
    RoleGrantRequested,
    RoleId,
    RoleReinstated,
    RoleRevoked,
    RoleSuspended,
    SodConflictDetected,
    SodExceptionGranted,
    has_ended,
)
from domain.grant_guards import (
    AboutGrant,
    conflicts_of,
    names_of,
    require_end,
    require_in_order,
    require_may_count,
    require_may_hold,
    require_role_in_use,
    require_running,
    role_of,
)
from domain.humans import acted_for
from domain.linking import reads_if_built, require_exists, unknowable
from domain.person import principals_of
from domain.separation import conflicts_with, in_a_circle

Scope = Annotated[frozenset[Text], Field(min_length=1, max_length=200)]


class RequestRoleGrant(AboutGrant, yields=RoleGrantRequested):
    """Ask for a role: for oneself, or for the holder named. What conflicts with it is found at once.

    Without a `scope` (services) it is asked for everywhere, without `valid_to` for good.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "role": "role/ROL0000003",
        "holder": "principal/PRN0000012",
        "scope": ["mail"],
        "valid_to": "2026-05-31T00:00:00Z",
        "reason": "Joins the change authority for the migration",
    }

    asked_of = ("role",)

    role: RoleId
    holder: PrincipalId | None = None
    scope: Scope | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.role, self.holder) if self.holder else (self.role,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        return {**super().parts(case), "subject": frozenset((self.grant(case)["holder"],))}

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled({**data, "scope": data.get("services")})

    def services(self, case: Case) -> Iterable[str]:
        return self.scope or frozenset()

    def grant(self, case: Case) -> State:
        asked: dict[str, Any] = {"holder": self.holder or case.actor, "role": self.role}
        asked["role_name"] = role_of(asked, case).get("name")
        if self.scope:
            asked["services"] = dict.fromkeys(sorted(self.scope), True)
        times = {"valid_from": self.valid_from, "valid_to": self.valid_to}
        return {**asked, **{name: at for name, at in times.items() if at}}

    def decide(self, case: Case) -> Sequence[Event]:
        grant = self.grant(case)
        require_role_in_use(grant, case)
        require_may_hold(grant["holder"], "holder-may-hold-roles", case)
        require_in_order(self.valid_from or case.now, self.valid_to, case)
        requested = self.stating(
            **grant, requested_by=case.actor, **acted_for(case, "requested_for")
        )
        found = conflicts_of(grant, case)
        return [*requested, SodConflictDetected(conflicts=found)] if found else requested


class DetectSodConflict(AboutGrant, yields=SodConflictDetected, verb="detect-conflict"):
    """Record that a grant asked for has come to conflict with a role that its holder got since."""

    def decide(self, case: Case) -> Events:
        found = conflicts_of(case.state, case)
        require(bool(found), "conflict-is-there", "the holder has no role that conflicts", case)
        return self.stating(conflicts=found)


class GrantSodException(AboutGrant, yields=SodExceptionGranted, verb="grant-exception"):
    """Accept the conflicts that were found until `expires_at`, and say what makes up for them."""

    example: ClassVar[Mapping[str, Any]] = {
        "compensating_control": "Every change is read by the night shift",
        "expires_at": "2026-04-01T00:00:00Z",
    }

    compensating_control: PersonalText
    expires_at: Moment

    def decide(self, case: Case) -> Events:
        told = f"an exception expires after now, {case.now}; got {self.expires_at}"
        require(self.expires_at > case.now, "exception-expires-later", told, case)
        return self.stating(
            exception={"by": case.actor, "at": case.now, "expires_at": self.expires_at},
            compensating_control=self.compensating_control,
        )


class RejectRoleGrant(AboutGrant, yields=RoleGrantRejected):
    """Say no."""

    def decide(self, case: Case) -> Events:
        return self.stating(rejected_by=case.actor)


class ApproveRoleGrant(AboutGrant, yields=RoleGrantApproved):
    """Agree that the holder gets the role. Not for the holder, nor for who asked."""

    def decide(self, case: Case) -> Events:
        require_may_count(case.state, case)
        return self.stating(approved_by=case.actor)


class ActivateRoleGrant(AboutGrant, yields=RoleGranted):
    """Give the role, for the time that was asked and approved, or for a shorter one. Not for the holder."""

    example: ClassVar[Mapping[str, Any]] = {"valid_to": "2026-05-31T00:00:00Z"}

    valid_from: Moment | None = None
    valid_to: Moment | None = None

    def grant(self, case: Case) -> State:
        valid_from = self.valid_from or max(case.now, case.state.get("valid_from", case.now))
        valid_to = self.valid_to or case.state.get("valid_to")
        return {**case.state, "valid_from": valid_from, "valid_to": valid_to}

    def decide(self, case: Case) -> Events:
        asked, grant = case.state, self.grant(case)
        valid_from, valid_to = grant["valid_from"], grant["valid_to"]
        require_in_order(valid_from, valid_to, case)
        told = f"a grant does not begin before it is given, {case.now}; got {valid_from}"
        require(valid_from >= case.now, "granted-from-now-on", told, case)
        inside = valid_from >= asked.get("valid_from", valid_from)
        inside = inside and (valid_to is None or valid_to <= asked.get("valid_to", valid_to))
        told = f"it was approved from {asked.get('valid_from')} until {asked.get('valid_to')}"
        require(inside, "granted-inside-the-request", told, case)
        require_end(grant, case)
        require_may_count(grant, case)
        return self.stating(valid_from=valid_from, valid_to=valid_to, granted_by=case.actor)


class DelegateRole(AboutGrant, yields=RoleDelegated, verb="delegate"):
    """Let somebody act in the role on the holder's behalf, for a time inside the grant's own.

    Without `valid_from` from now on. A delegate acts on behalf of the holder, and passes nothing on.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "to": "principal/PRN0000041",
        "until": "2026-03-16T00:00:00Z",
        "reason": "Holiday",
    }

    asked_of = ("to",)

    to: PrincipalId
    valid_from: Moment | None = None
    until: Moment

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        (delegation,) = data["delegations"].values()
        return super().recalled(delegation)

    def reads(self) -> tuple[str, ...]:
        return (self.to,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        parts = super().parts(case)
        return {**parts, "delegate": frozenset((*parts.get("delegate", ()), self.to))}

    def decide(self, case: Case) -> Events:
        grant = case.state
        told = "a delegate has no grant of their own to pass on"
        require(case.on_behalf_of is None, "not-re-delegable", told, case)
        require_role_in_use(grant, case)
        require_running(grant, case)
        require_may_hold(self.to, "delegate-may-hold-roles", case)
        people = principals_of(case, self.to)
        told = f"{self.to} is the holder, or another account of the same person"
        require(grant["holder"] not in people, "delegate-is-another-person", told, case)
        starts = self.valid_from or max(case.now, grant["valid_from"])
        self._require_times(starts, case)
        told = f"{self.to} passes the same role on, and so back to {grant['holder']}"
        circle = in_a_circle(case, grant["role"], self.to, grant["holder"])
        require(not circle, "no-delegation-in-a-circle", told, case)
        found = conflicts_with(case, grant["role"], people)
        told = f"{self.to} has {names_of(found)}, which must be apart from {grant['role_name']}"
        require(not found, "delegate-has-no-conflicting-role", told, case)
        said = {"to": self.to, "from": starts, "until": self.until}
        return self.stating(delegations={f"DLG-{case.new_id()}": said})

    def _require_times(self, starts: str, case: Case) -> None:
        in_order = case.now <= starts < self.until
        told = f"a delegation begins now or later and ends after that; got {starts} to {self.until}"
        require(in_order, "delegation-times-in-order", told, case)
        begins, ends = case.state["valid_from"], case.state.get("valid_to")
        inside = begins <= starts and (ends is None or self.until <= ends)
        told = f"the grant runs from {begins} until {ends}; got {starts} to {self.until}"
        require(inside, "delegation-inside-the-grant", told, case)


class EndDelegation(AboutGrant, yields=DelegationEnded):
    """End a delegation, by its id."""

    example: ClassVar[Mapping[str, Any]] = {
        "delegation": "DLG-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"
    }

    delegation: DelegationId

    def decide(self, case: Case) -> Events:
        known = case.state.get("delegations", {}).get(self.delegation)
        stands = known is not None and "ended_at" not in known
        told = f"{case.subject} has no delegation {self.delegation} that was not ended"
        require(stands, "delegation-stands", told, case)
        ended = {"ended_at": case.now, "ended_by": case.actor}
        return self.stating(delegations={self.delegation: ended})


class CertifyGrant(AboutGrant, yields=GrantCertified, verb="certify"):
    """Confirm, in a review's campaign, that the holder still needs the role. Not for the holder.

    It decides no item of an access review: the review's own `certify` does, and certifies the grant along.
    """

    example: ClassVar[Mapping[str, Any]] = {"campaign": "review/REV0000001"}

    campaign: Subject

    def reads(self) -> tuple[str, ...]:
        return reads_if_built(self.campaign)

    def decide(self, case: Case) -> Events:
        require_exists(self.campaign, "campaign-exists", case)
        require_running(case.state, case)
        seen = {"campaign": self.campaign, "by": case.actor, "at": case.now}
        return self.stating(certified={f"CRT-{case.new_id()}": seen})

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return unknowable(self.campaign, "campaign-exists")


class SuspendRole(AboutGrant, yields=RoleSuspended, verb="suspend"):
    """Stop the grant from counting, for now."""

    def decide(self, case: Case) -> Events:
        return self.stating(suspended_by=case.actor)


class ReinstateRole(AboutGrant, yields=RoleReinstated, verb="reinstate"):
    """Let the grant count again, if nothing that its holder got meanwhile conflicts with it."""

    def decide(self, case: Case) -> Events:
        require_running(case.state, case)
        require_may_count(case.state, case)
        return self.stating(reinstated_by=case.actor)


class RevokeRole(AboutGrant, yields=RoleRevoked, verb="revoke"):
    """Take the role away, and say why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "Moved to another team"}

    def decide(self, case: Case) -> Events:
        return self.stating(revoked_by=case.actor)


class ExpireRole(AboutGrant, yields=RoleExpired, verb="expire"):
    """Record that the grant's time is over."""

    def decide(self, case: Case) -> Events:
        ends = case.state.get("valid_to")
        told = f"the grant runs until {ends or 'it is revoked'}"
        require(has_ended(case.state, case.now), "valid-to-reached", told, case)
        return self.stating()
