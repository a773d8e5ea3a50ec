"""An entry as somebody's act: who, for whom, by which rules of which policy, on which grants as they stood then.

The grants, the roles and the policy are told as the ledger knew them just before the entry, and whether each
grant counted is asked again, by the function that asked it at the decision. Nothing is taken from read models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from domain.authority import is_delegated_now
from domain.event import Json, State
from domain.grant import RoleGrantApproved, RoleGranted
from domain.parts import services_in
from domain.policy_text import PolicyRule, read_rules
from domain.sets import members
from replay.before import Before, Step

VACUOUS = "vacuous:"


@dataclass(frozen=True, slots=True)
class RuleThen:
    """A rule that decided, as the policy of then spells it. All but `id` are None where no text is held."""

    id: str
    effect: str | None = None
    sentence: str | None = None
    control: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DelegationThen:
    """`named`: the entry names the grant, so the permission rested on it."""

    grant: str
    role_name: str
    delegation: str
    to: str
    since: str
    until: str
    named: bool


@dataclass(frozen=True, slots=True)
class GrantThen:
    """A grant that an entry names, as it stood just before it; `position`, `version`: its last entry by then.

    `services` None: for everything. `counted`: it gave the role to whoever acted, at that moment and for those
    services. `approved_position`, `granted_position`: where that was recorded.
    """

    grant: str
    position: int
    version: int
    status: str | None
    holder: str | None
    role: str | None
    role_name: str | None
    services: tuple[str, ...] | None
    valid_from: str | None
    valid_to: str | None
    requested_by: str | None
    approved_by: str | None
    approved_position: int | None
    granted_by: str | None
    granted_position: int | None
    counted: bool


@dataclass(frozen=True, slots=True)
class Act:
    """`decision`: permit, observed or genesis. What a source observed names no policy and no grants: by which
    authority it was done is then unknown here.
    """

    position: int
    subject: str
    version: int
    type: str
    time: str
    recordedtime: str
    decision: str | None
    by: str | None
    on_behalf_of: str | None
    recorded_by: str | None
    policy: str | None
    rules: tuple[RuleThen, ...]
    grants: tuple[GrantThen, ...]
    delegations: tuple[DelegationThen, ...]
    reason: str | None


def act_of(before: Before, step: Step) -> Act:
    """Raises CorruptEntry."""
    said = step.said
    named = said.grants.split()
    return Act(
        position=step.position,
        subject=said.subject,
        version=said.subjectversion,
        type=said.type,
        time=said.time,
        recordedtime=said.recordedtime,
        decision=said.decision,
        by=said.authid,
        on_behalf_of=said.onbehalfof,
        recorded_by=said.recordedby,
        policy=said.policy,
        rules=_rules_then(before, said.policy, said.rules.split(), step.position),
        grants=tuple(_grants_then(before, step, named)),
        delegations=tuple(_delegations_then(before, step, named)),
        reason=said.reason,
    )


def _grants_then(before: Before, step: Step, named: list[str]) -> Iterable[GrantThen]:
    family = step.said.subject.split("/", 1)[0]
    # An order may be about services that it states itself: what a plan is to be about, what a freeze stops.
    services = services_in(family, step.before) | services_in(family, step.after)
    roles = before.authority(step, named, services).roles
    counting = {grant for grants in roles.values() for grant in grants}
    for grant in named:
        last = before.last_step(grant, step.position)
        if last is not None:
            yield _grant_then(before, grant, last, counted=grant in counting)


def _grant_then(before: Before, grant: str, last: Step, *, counted: bool) -> GrantThen:
    state = last.after
    services = state.get("services")
    return GrantThen(
        grant=grant,
        position=last.position,
        version=last.said.subjectversion,
        status=state.get("status"),
        holder=state.get("holder"),
        role=state.get("role"),
        role_name=state.get("role_name"),
        services=None if services is None else tuple(sorted(members(services))),
        valid_from=state.get("valid_from"),
        valid_to=state.get("valid_to"),
        requested_by=state.get("requested_by"),
        approved_by=state.get("approved_by"),
        approved_position=_latest(before, grant, RoleGrantApproved.type_name, last.position),
        granted_by=state.get("granted_by"),
        granted_position=_latest(before, grant, RoleGranted.type_name, last.position),
        counted=counted,
    )


def _latest(before: Before, subject: str, type_name: str, up_to: int) -> int | None:
    at = [
        step.position
        for step in before.steps(subject)
        if step.said.type == type_name and step.position <= up_to
    ]
    return at[-1] if at else None


def _delegations_then(before: Before, step: Step, named: list[str]) -> Iterable[DelegationThen]:
    """All that let the actor act for the other then, whether or not a rule asked for a role."""
    said = step.said
    if said.onbehalfof is None or said.authid is None:
        return
    delegates = before.people([said.authid], step.position)
    for grant in before.grants_of(said.onbehalfof):
        state = before.state(grant, step.position)
        for name, one in _delegations(state).items():
            if one["to"] in delegates and is_delegated_now(one, said.time):
                role, is_named = str(state.get("role_name")), grant in named
                span = one["from"], one["until"]
                yield DelegationThen(grant, role, name, one["to"], *span, is_named)


def _delegations(state: State) -> Mapping[str, Mapping[str, Json]]:
    if state.get("status") != "active":
        return {}
    found: Mapping[str, Mapping[str, Json]] = state.get("delegations") or {}
    return found


def _rules_then(
    before: Before, policy: str | None, ids: Iterable[str], position: int
) -> tuple[RuleThen, ...]:
    texts = before.state((policy or "").partition("@")[0], position).get("texts") or {}
    known = _rules_of(tuple(texts.items()))
    return tuple(_rule_then(id_, known.get(id_)) for id_ in ids)


def _rule_then(id_: str, rule: PolicyRule | None) -> RuleThen:
    if rule is None:
        return RuleThen(id_, "vacuous" if id_.startswith(VACUOUS) else None)
    return RuleThen(id_, rule.effect, rule.sentence, tuple(rule.control.split()))


@lru_cache(maxsize=16)
def _rules_of(texts: tuple[tuple[str, str], ...]) -> Mapping[str, PolicyRule]:
    """Rules by id. A policy that is held was read before it was held, and its text never changes."""
    return {rule.id: rule for rule in read_rules(dict(texts))}
