"""The rule set behind the port `may` until policy text in the ledger takes its place: who may give which order.

Each rule has an id, which decisions name, and a sentence for auditors. A rule of `FORBIDDING` that meets
refuses; otherwise a rule of `PERMITTING` has to permit. Where a state does not name the person that a rule
compares with (a source did not say who resolved it), the rule does not meet, and the command lists the guard as
vacuous.

Not asked here, for want of roles, and so open to every registered principal: dispatcher, service desk,
incident manager, compliance, approver, problem manager, risk owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from domain.event import Json
from domain.families import FAMILIES
from domain.incident_commands import ReprioritiseIncident
from domain.may import Decision, DecisionRequest, Rule

POLICY: Final = "built-in@1"


@dataclass(frozen=True, slots=True)
class NamedRule:
    """`on`: the orders it is about, as `family/verb`; empty for every order."""

    id: str
    sentence: str
    meets: Rule
    on: tuple[str, ...] = ()


def built_in(request: DecisionRequest) -> Decision:
    """All rules that refused; or, when none did, all that permitted. Unknown identities are refused."""
    order = type(request.command)
    forbidding, permitting = _rules_about(order.family.name, order.verb)
    refused = tuple(rule.id for rule in forbidding if rule.meets(request))
    if refused:
        return Decision(permit=False, policy=POLICY, rules=refused)
    permitted = tuple(rule.id for rule in permitting if rule.meets(request))
    if permitted:
        return Decision(permit=True, policy=POLICY, rules=permitted)
    return Decision(permit=False, policy=POLICY, rules=(f"no-permit:{request.action}",))


def _actor(request: DecisionRequest, member: str) -> Json:
    return request.states.get(request.actor, {}).get(member)


def _is_system(request: DecisionRequest) -> bool:
    return bool(_actor(request, "kind") == "system")


def _registered(request: DecisionRequest) -> bool:
    return bool(_actor(request, "status") == "registered")


def _acted_as(*members: str) -> Rule:
    """Is the actor named by one of these members of the state?"""
    return lambda request: any(request.state.get(member) == request.actor for member in members)


def _somebody_else_is(member: str) -> Rule:
    """Does the member name somebody, and not the actor?"""
    return lambda request: request.state.get(member) not in {None, request.actor}


def _person(rule: Rule) -> Rule:
    """The rule, from which the system (a timer, an automation) is exempt."""
    return lambda request: not _is_system(request) and rule(request)


def _granted_approval(request: DecisionRequest) -> bool:
    return any(
        approval["by"] == request.actor and approval["verdict"] == "granted"
        for approval in request.state.get("approvals", {}).values()
    )


def _lowers_own_priority(request: DecisionRequest) -> bool:
    command = request.command
    if not isinstance(command, ReprioritiseIncident):
        return False
    return command.lowers(request.state) and _acted_as("prioritised_by", "assigned_to")(request)


IDENTITY: Final = (
    NamedRule(
        "unknown-identity",
        "Whoever the ledger does not know may do nothing.",
        lambda request: not request.states.get(request.actor),
    ),
    NamedRule(
        "referenced-principal",
        "A principal that a source merely named may do nothing until it is registered.",
        lambda request: bool(_actor(request, "status") == "referenced"),
    ),
    NamedRule(
        "deactivated-principal",
        "A deactivated principal may do nothing.",
        lambda request: bool(_actor(request, "status") == "deactivated"),
    ),
    NamedRule(
        "observing-source-may-not-govern",
        "A source that observes states facts; it gives no orders.",
        lambda request: bool(_actor(request, "mode") == "observe"),
    ),
    NamedRule(
        "no-delegation-without-grant",
        "Nobody acts on behalf of another until a grant says so.",
        lambda request: request.on_behalf_of is not None,
    ),
    NamedRule(
        "nobody-deactivates-themself",
        "Deactivating a principal takes another one.",
        lambda request: request.subject == request.actor,
        on=("principal/deactivate",),
    ),
)

SEPARATION: Final = (
    NamedRule(
        "closer-is-not-resolver",
        "Who resolved an incident does not close it, unless it is the system's timer.",
        _person(_acted_as("resolved_by")),
        on=("incident/close",),
    ),
    NamedRule(
        "second-person-lowers-priority",
        "Lowering a priority takes somebody who neither set it nor works on the incident.",
        _lowers_own_priority,
        on=("incident/reprioritise",),
    ),
    NamedRule(
        "approver-is-independent",
        "An approver is neither requester nor beneficiary nor fulfiller.",
        _acted_as("requested_by", "beneficiary", "fulfiller", "fulfilled_by"),
        on=("request/approve",),
    ),
    NamedRule(
        "fulfiller-is-not-approver",
        "Who approved a request does not fulfil it.",
        _granted_approval,
        on=("request/start-fulfilment", "request/fulfil"),
    ),
    NamedRule(
        "closer-is-not-fulfiller",
        "Who fulfilled a request does not close it.",
        _acted_as("fulfilled_by", "fulfiller"),
        on=("request/close",),
    ),
    NamedRule(
        "closer-is-not-problem-owner",
        "The owner of a problem does not close it.",
        _acted_as("owner"),
        on=("problem/close",),
    ),
    NamedRule(
        "risk-acceptor-is-not-problem-owner",
        "The owner of a problem does not accept its risk.",
        _acted_as("owner"),
        on=("problem/accept-risk",),
    ),
)

RESPONSIBILITY: Final = (
    NamedRule(
        "only-the-assignee",
        "Once an incident is assigned to a person, only that person works on it.",
        _somebody_else_is("assigned_to"),
        on=("incident/start-work", "incident/put-on-hold", "incident/resolve"),
    ),
    NamedRule(
        "only-the-assignee-or-the-system",
        "Only the assignee, or the system on the requester's reply, resumes an incident.",
        _person(_somebody_else_is("assigned_to")),
        on=("incident/resume",),
    ),
    NamedRule(
        "only-the-fulfiller",
        "Only who fulfils a request puts it on hold or says that it is fulfilled.",
        _somebody_else_is("fulfiller"),
        on=("request/put-on-hold", "request/fulfil"),
    ),
    NamedRule(
        "only-the-fulfiller-or-the-system",
        "Only the fulfiller, or the system on the requester's reply, resumes a request.",
        _person(_somebody_else_is("fulfiller")),
        on=("request/resume",),
    ),
    NamedRule(
        "only-the-requester",
        "Only the requester says that a request was not fulfilled after all.",
        _somebody_else_is("requested_by"),
        on=("request/reopen",),
    ),
    NamedRule(
        "only-the-requester-or-the-system",
        "Only the requester, or the system's timer, closes a request.",
        _person(_somebody_else_is("requested_by")),
        on=("request/close",),
    ),
    NamedRule(
        "only-the-problem-owner",
        "Only its owner takes a problem from investigation to resolution.",
        _somebody_else_is("owner"),
        on=(
            "problem/identify-root-cause",
            "problem/declare-known-error",
            "problem/request-fix",
            "problem/resolve",
        ),
    ),
    NamedRule(
        "only-the-system",
        "What the system does by itself nobody does by hand.",
        lambda request: not _is_system(request),
        on=(
            "request/request-approval",
            "request/auto-approve",
            "problem/record-fix-failure",
            "problem/expire-risk-acceptance",
        ),
    ),
)

FORBIDDING: Final = (*IDENTITY, *SEPARATION, *RESPONSIBILITY)


def _in(*families: str) -> Rule:
    return lambda request: _registered(request) and type(request.command).family.name in families


PERMITTING: Final = (
    NamedRule(
        "registered-principals-work-on-tickets",
        "Every registered principal may work on tickets.",
        _in(
            *(family.name for family in FAMILIES.values() if family.takes_common_events),
            "freeze",
            "model",
        ),
    ),
    NamedRule(
        "registered-principals-keep-principals",
        "Every registered principal may register, deactivate and reactivate principals.",
        _in("principal"),
    ),
    NamedRule(
        "registered-principals-keep-the-ledger",
        "Every registered principal may give the ledger's own orders; the token's scopes say which.",
        _in("ledger"),
    ),
)


@cache
def _rules_about(family: str, verb: str) -> tuple[tuple[NamedRule, ...], tuple[NamedRule, ...]]:
    """The rules that can meet on this order, forbidding and permitting. There are as many keys as commands."""
    order = f"{family}/{verb}"
    forbidding = tuple(rule for rule in FORBIDDING if not rule.on or order in rule.on)
    return forbidding, tuple(rule for rule in PERMITTING if not rule.on or order in rule.on)
