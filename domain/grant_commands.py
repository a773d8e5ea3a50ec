"""The orders that grants take, and what must hold for each. The facts they lead to: `grant.py`.

Who may give them is asked elsewhere, with the parts and circumstances that are told here; what keeps two
roles apart is asked in `separation.py`, and holds for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from domain.command import Case, Command, Events, require
from domain.event import (
    Event,
    Moment,
    PersonalText,
    PrincipalId,
    State,
    Subject,
    Text,
)
from domain.grant import (
    Conflict,
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
    exception_stands,
    has_ended,
)
from domain.linking import reads_if_built, require_exists, unknowable
from domain.moments import later
from domain.person import principals_of
from domain.principal import require_registered
from domain.separation import conflicts_with, in_a_circle

Scope = Annotated[frozenset[Text], Field(min_length=1, max_length=200)]


class _AboutGrant(Command):
    """Body of every order about a grant: what a policy may ask of it."""

    def grant(self, case: Case) -> State:
        """The grant as it will be, as far as the order changes who has what, where and until when."""
        return case.state

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """With the owner of the role, as part `role-owner`: that stands in the role's state."""
        owner = _role(self.grant(case), case).get("owner")
        parts = super().parts(case)
        return {**parts, "role-owner": frozenset((owner,))} if owner else parts

    def circumstances(self, case: Case) -> Iterable[str]:
        grant = self.grant(case)
        if "holder" not in grant:
            return ()
        holder = grant["holder"]
        words = {
            "privileged": _role(grant, case).get("privileged", False),
            "role-retired": _role(grant, case).get("status") == "retired",
            "no-end": grant.get("valid_to") is None,
            "ended": has_ended(grant, case.now),
            "own-grant": case.on_behalf_of is None and holder in principals_of(case, case.actor),
            "under-delegation": case.on_behalf_of is not None,
            "holder-not-registered": case.states.get(holder, {}).get("status") != "registered",
            "conflict-open": _conflicts(grant, case),
            "exception-stands": exception_stands(grant, case.now),
        }
        return [word for word, holds in words.items() if holds]


class RequestRoleGrant(_AboutGrant, yields=RoleGrantRequested):
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

    role: RoleId
    holder: PrincipalId | None = None
    scope: Scope | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.role, self.holder) if self.holder else (self.role,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        return {**super().parts(case), "subject": frozenset((self.grant(case)["holder"],))}

    def services(self, case: Case) -> Iterable[str]:
        return self.scope or frozenset()

    def grant(self, case: Case) -> State:
        asked: dict[str, Any] = {"holder": self.holder or case.actor, "role": self.role}
        asked["role_name"] = _role(asked, case).get("name")
        if self.scope:
            asked["services"] = dict.fromkeys(sorted(self.scope), True)
        times = {"valid_from": self.valid_from, "valid_to": self.valid_to}
        return {**asked, **{name: at for name, at in times.items() if at}}

    def decide(self, case: Case) -> Sequence[Event]:
        grant = self.grant(case)
        _require_role_in_use(grant, case)
        _require_may_hold(grant["holder"], "holder-may-hold-roles", case)
        _require_in_order(self.valid_from or case.now, self.valid_to, case)
        requested = self.stating(**grant, requested_by=case.actor)
        found = _conflicts(grant, case)
        return [*requested, SodConflictDetected(conflicts=found)] if found else requested


class DetectSodConflict(_AboutGrant, yields=SodConflictDetected, verb="detect-conflict"):
    """Record that a grant asked for has come to conflict with a role that its holder got since."""

    def decide(self, case: Case) -> Events:
        found = _conflicts(case.state, case)
        require(bool(found), "conflict-is-there", "the holder has no role that conflicts", case)
        return self.stating(conflicts=found)


class GrantSodException(_AboutGrant, yields=SodExceptionGranted, verb="grant-exception"):
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


class RejectRoleGrant(_AboutGrant, yields=RoleGrantRejected):
    """Say no."""

    def decide(self, case: Case) -> Events:
        return self.stating(rejected_by=case.actor)


class ApproveRoleGrant(_AboutGrant, yields=RoleGrantApproved):
    """Agree that the holder gets the role. Not for the holder, nor for who asked."""

    def decide(self, case: Case) -> Events:
        _require_may_count(case.state, case)
        return self.stating(approved_by=case.actor)


class ActivateRoleGrant(_AboutGrant, yields=RoleGranted):
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
        _require_in_order(valid_from, valid_to, case)
        told = f"a grant does not begin before it is given, {case.now}; got {valid_from}"
        require(valid_from >= case.now, "granted-from-now-on", told, case)
        inside = valid_from >= asked.get("valid_from", valid_from)
        inside = inside and (valid_to is None or valid_to <= asked.get("valid_to", valid_to))
        told = f"it was approved from {asked.get('valid_from')} until {asked.get('valid_to')}"
        require(inside, "granted-inside-the-request", told, case)
        _require_end(grant, case)
        _require_may_count(grant, case)
        return self.stating(valid_from=valid_from, valid_to=valid_to, granted_by=case.actor)


class DelegateRole(_AboutGrant, yields=RoleDelegated, verb="delegate"):
    """Let somebody act in the role on the holder's behalf, for a time inside the grant's own.

    Without `valid_from` from now on. A delegate acts on behalf of the holder, and passes nothing on.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "to": "principal/PRN0000041",
        "until": "2026-03-16T00:00:00Z",
        "reason": "Holiday",
    }

    to: PrincipalId
    valid_from: Moment | None = None
    until: Moment

    def reads(self) -> tuple[str, ...]:
        return (self.to,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        parts = super().parts(case)
        return {**parts, "delegate": frozenset((*parts.get("delegate", ()), self.to))}

    def decide(self, case: Case) -> Events:
        grant = case.state
        told = "a delegate has no grant of their own to pass on"
        require(case.on_behalf_of is None, "not-re-delegable", told, case)
        _require_role_in_use(grant, case)
        _require_running(grant, case)
        _require_may_hold(self.to, "delegate-may-hold-roles", case)
        people = principals_of(case, self.to)
        told = f"{self.to} is the holder, or another account of the same person"
        require(grant["holder"] not in people, "delegate-is-another-person", told, case)
        starts = self.valid_from or max(case.now, grant["valid_from"])
        self._require_times(starts, case)
        told = f"{self.to} passes the same role on, and so back to {grant['holder']}"
        circle = in_a_circle(case, grant["role"], self.to, grant["holder"])
        require(not circle, "no-delegation-in-a-circle", told, case)
        found = conflicts_with(case, grant["role"], people)
        told = f"{self.to} has {_names(found)}, which must be apart from {grant['role_name']}"
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


class EndDelegation(_AboutGrant, yields=DelegationEnded):
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


class CertifyGrant(_AboutGrant, yields=GrantCertified, verb="certify"):
    """Confirm, in a review's campaign, that the holder still needs the role. Not for the holder."""

    example: ClassVar[Mapping[str, Any]] = {"campaign": "review/REV0000001"}

    campaign: Subject

    def reads(self) -> tuple[str, ...]:
        return reads_if_built(self.campaign)

    def decide(self, case: Case) -> Events:
        require_exists(self.campaign, "campaign-exists", case)
        _require_running(case.state, case)
        seen = {"campaign": self.campaign, "by": case.actor, "at": case.now}
        return self.stating(certified={f"CRT-{case.new_id()}": seen})

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return unknowable(self.campaign, "campaign-exists")


class SuspendRole(_AboutGrant, yields=RoleSuspended, verb="suspend"):
    """Stop the grant from counting, for now."""

    def decide(self, case: Case) -> Events:
        return self.stating(suspended_by=case.actor)


class ReinstateRole(_AboutGrant, yields=RoleReinstated, verb="reinstate"):
    """Let the grant count again, if nothing that its holder got meanwhile conflicts with it."""

    def decide(self, case: Case) -> Events:
        _require_running(case.state, case)
        _require_may_count(case.state, case)
        return self.stating(reinstated_by=case.actor)


class RevokeRole(_AboutGrant, yields=RoleRevoked, verb="revoke"):
    """Take the role away, and say why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "Moved to another team"}

    def decide(self, case: Case) -> Events:
        return self.stating(revoked_by=case.actor)


class ExpireRole(_AboutGrant, yields=RoleExpired, verb="expire"):
    """Record that the grant's time is over."""

    def decide(self, case: Case) -> Events:
        ends = case.state.get("valid_to")
        told = f"the grant runs until {ends or 'it is revoked'}"
        require(has_ended(case.state, case.now), "valid-to-reached", told, case)
        return self.stating()


def _role(grant: State, case: Case) -> State:
    return case.states.get(grant["role"], {}) if "role" in grant else {}


def _conflicts(grant: State, case: Case) -> dict[str, Conflict]:
    people = principals_of(case, grant["holder"])
    return conflicts_with(case, grant["role"], people, grant)


def _names(found: Mapping[str, Conflict]) -> str:
    return ", ".join(sorted(one["role_name"] for one in found.values()))


def _require_role_in_use(grant: State, case: Case) -> None:
    in_use = _role(grant, case).get("status") == "defined"
    require(in_use, "role-is-in-use", f"{grant['role']} is unknown or retired", case)


def _require_may_hold(principal: str, rule: str, case: Case) -> None:
    """A principal that is merely named, or a source that only tells what it saw, acts in no role."""
    require_registered(principal, rule, case)
    observes = case.states[principal].get("mode") == "observe"
    require(not observes, rule, f"{principal} is a source that observes", case)


def _require_in_order(valid_from: str, valid_to: str | None, case: Case) -> None:
    in_order = valid_to is None or (valid_from < valid_to and case.now < valid_to)
    told = f"a grant ends after now and after it begins; got {valid_from} to {valid_to}"
    require(in_order, "grant-times-in-order", told, case)


def _require_running(grant: State, case: Case) -> None:
    told = f"the grant ended on {grant.get('valid_to')}"
    require(not has_ended(grant, case.now), "grant-has-not-ended", told, case)


def _require_end(grant: State, case: Case) -> None:
    """A privileged role is held for a time only; and no grant outlives the exception that it rests on."""
    ends = grant["valid_to"]
    if _role(grant, case).get("privileged"):
        days = case.thresholds.privileged_grant_most_days
        in_time = ends is not None and ends <= later(grant["valid_from"], timedelta(days=days))
        told = f"a privileged role is granted for at most {days} days; say valid_to"
        require(in_time, "privileged-grant-ends", told, case)
    if exception_stands(grant, case.now):
        until = grant["exception"]["expires_at"]
        told = f"its exception expires on {until}: say a valid_to no later than that"
        require(ends is not None and ends <= until, "grant-ends-with-its-exception", told, case)


def _require_may_count(grant: State, case: Case) -> None:
    """What must hold whenever a grant comes nearer to giving its holder the role."""
    _require_role_in_use(grant, case)
    _require_may_hold(grant["holder"], "holder-may-hold-roles", case)
    found = _conflicts(grant, case)
    told = (
        f"{grant['holder']} has {_names(found)}, which must be apart from {grant['role_name']}: "
        "have the conflict detected and an exception granted, or end the other grant"
    )
    require(not found, "no-conflicting-role", told, case)
