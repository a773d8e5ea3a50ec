"""Whatever is ordered, by whomever, under the shipped policy: no human ends in two roles that must be apart.

Everybody holds every role here, some are one human under two principals, and some act for others: all that
stands between them and any order is what separates duties. Who did what is taken down from the orders that
were carried out, without the code that decides it.
"""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any, Final

import pytest

from domain.by_policy import by_policy
from domain.change import change_content_hash
from domain.change_assessment import AssessChange
from domain.change_evidence import LinkCommit
from domain.change_planning import DraftChange
from domain.command import COMMANDS, Case, Command, decide
from domain.errors import CanNot
from domain.event import Event, State
from domain.may import DecisionRequest
from domain.moments import later
from domain.request import request_content_hash
from domain.request_commands import SubmitRequest
from domain.rosters import rosters_of
from ledger.shipped import shipped_texts
from tests.domain.changes import DEPLOYMENT, INCIDENT, OTHERS
from tests.given import ADA, BEN, CLEO, DAN, NOW, SYSTEM, fold_from
from tests.world import rosters_in, with_every_role

ADA_TOO, CLEO_TOO = "principal/PRN0000021", "principal/PRN0000023"
SAME: Final[Mapping[str, str]] = {ADA_TOO: ADA, CLEO_TOO: CLEO}
"""Principal → the first principal of the same human."""
PEOPLE: Final = [ADA, BEN, CLEO, DAN, ADA_TOO, CLEO_TOO]
DELEGATES: Final[Mapping[str, str]] = {ADA: BEN, CLEO_TOO: DAN, DAN: ADA_TOO}
"""Who has delegated every role of theirs, and to whom."""

PERSON: State = {"status": "registered", "kind": "person", "mode": "govern"}
WALKED: Final[Mapping[str, str]] = {
    "change": "change/CHG0010001",
    "request": "request/REQ0010001",
    "grant": "grant/GRT0000001",
    "policy": "policy/POL0000002",
    "model": "model/MOD0000002",
}
EVIDENCE: Final = ("change/CHG1", "change/CHG2", "change/CHG3")
ASKED_FOR = "role/change-reviewer"

BY_ITSELF: Final = frozenset(
    {
        "request:request-approval",
        "request:auto-approve",
        "change:link-commit",
        "change:authorize",
        "change:pre-authorize",
        "change:invalidate-approvals",
        "change:open-pir",
        "change:request-retro-approval",
        "change:lapse-retro-approval",
        "change:lapse-review",
        "grant:detect-conflict",
        "grant:expire",
    }
)
"""Orders that only the system gives."""

APART: Final[Mapping[str, frozenset[tuple[str, str]]]] = {
    "change": frozenset(
        {
            ("approver", "requester"),
            ("approver", "developer"),
            ("approver", "implementer"),
            ("approver", "beneficiary"),
            ("approver", "invoker"),
            ("implementer", "developer"),
            ("reviewer", "implementer"),
            ("reviewer", "invoker"),
            ("cab-chair", "requester"),
        }
    ),
    "request": frozenset(
        {
            ("approver", "requester"),
            ("approver", "beneficiary"),
            ("approver", "fulfiller"),
            ("closer", "fulfiller"),
        }
    ),
    "grant": frozenset(
        {
            ("approver", "holder"),
            ("approver", "requester"),
            ("granter", "holder"),
            ("certifier", "holder"),
        }
    ),
    "policy": frozenset(
        {("drafter", "reviewer"), ("drafter", "publisher"), ("reviewer", "publisher")}
    ),
    "model": frozenset({("proposer", "approver")}),
}
"""Family → pairs of roles of which no human may have both.

Rolling back is not among the roles of a change: what goes wrong anybody entitled undoes at once. Who breaks the
glass may have written the code: that is for the retro-approval to judge.
"""

BESIDE_THE_POINT: Final = frozenset(
    {"comment", "link", "unlink", "record-attachment", "correct-fact", "detect-unauthorized"}
)
"""They give nobody a role."""
KEEPS_ACCESS: Final = ("policies.cedar", "principals.cedar")
"""As much of a policy as may be published: little, so that Cedar reads it fast."""
ENDS: Final = frozenset({"cancelled", "rejected", "retired", "revoked", "rolled_back"})
NO_HASH: Final = "sha256:" + "0" * 64
STEPS = 50
WALKS: Final[Mapping[str, int]] = {
    "change": 200,
    "request": 200,
    "grant": 30,
    "policy": 40,
    "model": 120,
}
"""How many, so that each family takes a few seconds: what a grant rests on is much to look up."""

ROLES: Final[Mapping[str, str]] = {
    "change:draft": "requester",
    "change:grant-approval": "approver",
    "change:grant-retro-approval": "approver",
    "change:start-implementation": "implementer",
    "change:start-emergency-implementation": "implementer",
    "change:complete-implementation": "implementer",
    "change:invoke-break-glass": "invoker",
    "change:complete-pir": "reviewer",
    "change:record-cab-decision": "cab-chair",
    "request:submit": "requester",
    "request:approve": "approver",
    "request:start-fulfilment": "fulfiller",
    "request:fulfil": "fulfiller",
    "request:close": "closer",
    "grant:request": "requester",
    "grant:approve": "approver",
    "grant:activate": "granter",
    "grant:reinstate": "granter",
    "grant:certify": "certifier",
    "policy:draft": "drafter",
    "policy:review": "reviewer",
    "policy:publish": "publisher",
    "model:propose": "proposer",
    "model:approve": "approver",
}
"""The order → the role of whoever gives it."""


@dataclass
class Done:
    """Who has had which role on the subject so far, as humans."""

    humans: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, command: Command, actor: str, on_behalf_of: str | None, state: State) -> None:
        role = ROLES.get(f"{command.family.name}:{command.verb}")
        began = self.humans["invoker"] & {self.human(who) for who in (actor, on_behalf_of) if who}
        if role == "implementer" and began:
            role = "invoker"  # ends what they began, or whoever they act for
        for who in (actor, on_behalf_of):
            self._add(role, who)
        match command.family.name, command:
            case _, LinkCommit(author=author):
                self._add("developer", author)
            case _, DraftChange() | SubmitRequest():
                self._add("beneficiary", command.beneficiary)
            case "grant", _:
                self._add("holder", state.get("holder"))
            case _:
                pass

    def _add(self, role: str | None, who: str | None) -> None:
        if role is not None and who is not None and who != SYSTEM:
            self.humans[role].add(self.human(who))

    @staticmethod
    def human(who: str) -> str:
        return SAME.get(who, who)

    def met(self, family: str) -> list[tuple[str, str, set[str]]]:
        """Pairs that must be apart, with who has both."""
        return [
            (one, other, both)
            for one, other in sorted(APART[family])
            for both in [self.humans[one] & self.humans[other]]
            if both
        ]


def world() -> dict[str, State]:
    delegated = {
        f"grant/{holder.split('/')[1]}-{role}": delegation
        for holder, to in DELEGATES.items()
        for role, delegation in _delegations(holder, to)
    }
    people = {who: {**PERSON, **({"person": SAME[who]} if who in SAME else {})} for who in PEOPLE}
    everything = with_every_role(PEOPLE)
    for grant, delegations in delegated.items():
        everything[grant] = {**everything[grant], "delegations": delegations}
    done = {"status": "closed", "closure_code": "successful", "type": "normal"}
    evidence = {change: {**done, "services": {"mail": True}, "risk": "low"} for change in EVIDENCE}
    system = {SYSTEM: {"status": "registered", "kind": "system", "mode": "govern"}}
    campaign: dict[str, State] = {"review/REV0000001": {"status": "open"}}
    return {**OTHERS, **campaign, **evidence, **people, **system, **everything}


def _delegations(holder: str, to: str) -> Iterator[tuple[str, dict[str, Any]]]:
    whenever = {"to": to, "from": "2000-01-01T00:00:00.000000Z", "until": "2100-01-01T00:00:00Z"}
    for name in (each.rpartition("/")[2] for each in with_every_role([]) if "role/" in each):
        yield name, {"DLG-one": whenever}


WORLD: Final = world()
ROSTERS: Final = rosters_in(WORLD)


@dataclass
class Walk:
    """A subject on its way through whatever is ordered. The same seed walks the same way."""

    family: str
    random: Random
    state: State = field(default_factory=dict)
    now: str = NOW
    done: Done = field(default_factory=Done)
    told: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def step(self) -> None:
        """One order, offered to some of those who might give it, until one of them may."""
        self.now = later(self.now, timedelta(hours=self.random.choice([0, 0, 1, 6])))
        command = self._order()
        if command is None:
            return
        for actor, for_ in self._some_of_whom(command):
            case = self._case(actor, for_)
            events = carried_out(command, case)
            if events:
                self.state = fold_from(self.state, events)
                self.done.note(command, actor, for_, self.state)
                self.told.append(f"{command.verb} by {actor}" + (f" for {for_}" if for_ else ""))
                return

    def _order(self) -> Command | None:
        """Mostly one that leads on from the status; now and then one that ends the walk."""
        possible = [
            command
            for (family, verb), command in COMMANDS.items()
            if family == self.family and verb not in BESIDE_THE_POINT
            if command.yields.takes_place_in(self.state.get("status"))
            if command.creates is not bool(self.state)
        ]
        weights = [1 if c.yields.to_status in ENDS else 8 for c in possible]
        if not possible:
            return None
        (command,) = self.random.choices(possible, weights)
        said: dict[str, Any] = {**command.example, "reason": "Because"}
        fits = self._fits()
        said |= {name: fits[name] for name in command.model_fields.keys() & fits.keys()}
        if command is not AssessChange:
            said.pop("risk", None)
        return command.model_validate({name: told for name, told in said.items() if told})

    def _fits(self) -> dict[str, Any]:
        """What the orders say, where their examples do not fit this world."""
        someone = self.random.choice
        hashes = {"change": change_content_hash, "request": request_content_hash}
        hashed = hashes.get(self.family, _stated_hash)
        return {
            "author": someone(PEOPLE),
            "beneficiary": someone(PEOPLE),
            "holder": someone(PEOPLE),
            "to": someone(PEOPLE),
            "owner": someone(PEOPLE),
            "role": ASKED_FOR,
            "scope": None,
            "type": someone(["normal", "normal", "emergency"]),
            "services": ["mail"],
            "window": {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"},
            "risk": "low",
            "commit": "c0ffee" + "".join(someone("abcdef") for _ in range(8)),
            "incident": INCIDENT,
            "deployment": DEPLOYMENT,
            "members": [someone(PEOPLE)],
            "sampled": True,
            "attendees": [BEN, DAN],
            "votes": {BEN: "for", DAN: "for"},
            "cause": "authority" if self.family == "model" else "approver_role_void",
            "approvals": [*self.state.get("approvals", ())][:1],
            "resolved_conflicts": None,
            "content_hash": hashed(self.state),
            "texts": {name: shipped_texts()[name] for name in KEEPS_ACCESS},
            "thresholds": None,
            "evidence": [*EVIDENCE],
            "max_risk": "low",
            "parameters": None,
            "delegation": next(iter(self.state.get("delegations", {"DLG-none": 1}))),
            "hold_reference": "contract/CON1",
            "valid_until": "2027-03-01T00:00:00Z",
            **dict.fromkeys(("valid_from",), None),
            **dict.fromkeys(("valid_to", "until", "expires_at"), later(self.now, timedelta(9))),
        }

    def _some_of_whom(self, command: Command) -> list[tuple[str, str | None]]:
        if f"{self.family}:{command.verb}" in BY_ITSELF:
            return [(SYSTEM, None)]
        for_others = [(to, holder) for holder, to in DELEGATES.items()]
        everybody: list[tuple[str, str | None]] = [(who, None) for who in PEOPLE] + [*for_others]
        return self.random.sample(everybody, 4)

    def _case(self, actor: str, for_: str | None) -> Case:
        """The rosters of the world are looked up once, not for each order."""
        subject = WALKED[self.family]
        rosters = dict(ROSTERS)
        for name in rosters_of(subject, self.state):
            rosters[name] = [*ROSTERS.get(name, ()), subject]
        return Case(
            subject,
            self.state,
            ChainMap({subject: self.state} if self.state else {}, WORLD),
            actor,
            self.now,
            lambda: str(next(self.ids)),
            rosters,
            on_behalf_of=for_,
        )


def _stated_hash(state: State) -> str:
    return str(state.get("content_hash", NO_HASH))


def carried_out(command: Command, case: Case) -> list[Event]:
    """The subject's own events; none when policy or the state refused."""
    action = f"{command.family.name}:{command.verb}"
    if not by_policy(DecisionRequest(action, command, case)).permit:
        return []
    try:
        return [event for event in decide(command, case) if isinstance(event, Event)]
    except CanNot:
        return []


@pytest.mark.parametrize("family", WALKED)
def test_no_sequence_of_orders_ends_with_one_human_in_two_roles(family: str) -> None:
    seen: set[str] = set()
    for seed in range(WALKS[family]):
        walk = Walk(family, Random(seed))
        for _ in range(STEPS):
            walk.step()

            assert walk.done.met(family) == [], (seed, walk.told)
        seen |= {role for role, humans in walk.done.humans.items() if humans}

    # Else nothing was proved: every role that must be apart was had by somebody.
    assert {role for pair in APART[family] for role in pair} <= seen


def test_the_orders_that_give_a_role_are_orders() -> None:
    assert {tuple(action.split(":")) for action in ROLES} <= COMMANDS.keys()
    named = {role for pairs in APART.values() for pair in pairs for role in pair}
    assert named == {*ROLES.values(), "developer", "beneficiary", "holder"}
