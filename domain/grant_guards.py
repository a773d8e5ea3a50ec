"""What every order about a grant tells a policy, and the guards that several of them ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from domain.command import Case, Command, require
from domain.event import State
from domain.grant import Conflict, exception_stands, has_ended
from domain.moments import from_text
from domain.person import principals_of
from domain.principal import require_registered
from domain.separation import conflicts_with


class AboutGrant(Command):
    """Body of every order about a grant: what a policy may ask of it."""

    def grant(self, case: Case) -> State:
        """The grant as it will be, as far as the order changes who has what, where and until when."""
        return case.state

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """With the owner of the role, as part `role-owner`: that stands in the role's state."""
        owner = role_of(self.grant(case), case).get("owner")
        parts = super().parts(case)
        return {**parts, "role-owner": frozenset((owner,))} if owner else parts

    def circumstances(self, case: Case) -> Iterable[str]:
        grant = self.grant(case)
        if "holder" not in grant:
            return ()
        holder = grant["holder"]
        words = {
            "privileged": role_of(grant, case).get("privileged", False),
            "role-retired": role_of(grant, case).get("status") == "retired",
            "no-end": grant.get("valid_to") is None,
            "ended": has_ended(grant, case.now),
            "own-grant": case.on_behalf_of is None and holder in principals_of(case, case.actor),
            "under-delegation": case.on_behalf_of is not None,
            "holder-not-registered": case.states.get(holder, {}).get("status") != "registered",
            "conflict-open": conflicts_of(grant, case),
            "exception-stands": exception_stands(grant, case.now),
        }
        return [word for word, holds in words.items() if holds]


def role_of(grant: State, case: Case) -> State:
    return case.states.get(grant["role"], {}) if "role" in grant else {}


def conflicts_of(grant: State, case: Case) -> dict[str, Conflict]:
    people = principals_of(case, grant["holder"])
    return conflicts_with(case, grant["role"], people, grant)


def names_of(found: Mapping[str, Conflict]) -> str:
    return ", ".join(sorted(one["role_name"] for one in found.values()))


def require_role_in_use(grant: State, case: Case) -> None:
    in_use = role_of(grant, case).get("status") == "defined"
    require(in_use, "role-is-in-use", f"{grant['role']} is unknown or retired", case)


def require_may_hold(principal: str, rule: str, case: Case) -> None:
    """A principal that is merely named, or a source that only tells what it saw, acts in no role."""
    require_registered(principal, rule, case)
    observes = case.states[principal].get("mode") == "observe"
    require(not observes, rule, f"{principal} is a source that observes", case)


def require_in_order(valid_from: str, valid_to: str | None, case: Case) -> None:
    in_order = valid_to is None or (valid_from < valid_to and case.now < valid_to)
    told = f"a grant ends after now and after it begins; got {valid_from} to {valid_to}"
    require(in_order, "grant-times-in-order", told, case)


def require_running(grant: State, case: Case) -> None:
    told = f"the grant ended on {grant.get('valid_to')}"
    require(not has_ended(grant, case.now), "grant-has-not-ended", told, case)


def require_end(grant: State, case: Case) -> None:
    """A privileged role is held for a time only; and no grant outlives the exception that it rests on."""
    ends = grant["valid_to"]
    if role_of(grant, case).get("privileged"):
        days, begins = case.thresholds.privileged_grant_most_days, grant["valid_from"]
        in_time = ends is not None and _between(begins, ends) <= timedelta(days=days)
        told = f"a privileged role is granted for at most {days} days; say valid_to"
        require(in_time, "privileged-grant-ends", told, case)
    if exception_stands(grant, case.now):
        until = grant["exception"]["expires_at"]
        told = f"its exception expires on {until}: say a valid_to no later than that"
        require(ends is not None and ends <= until, "grant-ends-with-its-exception", told, case)


def _between(begins: str, ends: str) -> timedelta:
    return from_text(ends) - from_text(begins)


def require_may_count(grant: State, case: Case) -> None:
    """What must hold whenever a grant comes nearer to giving its holder the role."""
    require_role_in_use(grant, case)
    require_may_hold(grant["holder"], "holder-may-hold-roles", case)
    found = conflicts_of(grant, case)
    told = (
        f"{grant['holder']} has {names_of(found)}, which must be apart from {grant['role_name']}: "
        "have the conflict detected and an exception granted, or end the other grant"
    )
    require(not found, "no-conflicting-role", told, case)
