"""What has to be so that an order meets exactly what a case of the policy's table says.

`situation(question, n)` is the order, the one who gives it, and the states that stand when they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from domain.acts import LEDGER
from domain.by_policy import NO_DELEGATION
from domain.cedar import Question
from domain.change import change_content_hash
from domain.command import COMMANDS, Command
from domain.request import request_content_hash
from tests.ways_in.bodies import body_of, standing_for
from tests.ways_in.cast import FAR_AWAY, LONG_AGO, OTHER, THIRD, WINDOW
from tests.ways_in.seats import (
    SEATS,
    YESTERDAY,
    Patch,
    advice_against,
    approval,
    denial,
    developer,
    hashed,
    merged,
    record_id,
)
from tests.ways_in.seats import test as tested_by


@dataclass(frozen=True)
class Situation:
    """`subject`: None where the order creates it. `standing`: states by subject, the actor's own among them.

    `on_behalf_of`: for whom the actor says to act, who has delegated nothing to them.
    """

    actor: str
    roles: tuple[str, ...]
    command: type[Command]
    subject: str | None
    body: Patch
    standing: Mapping[str, Patch]
    on_behalf_of: str | None = None


def situation(question: Question, number: int) -> Situation:
    family, _, verb = question.action.partition(":")
    command = COMMANDS[family, verb]
    made = _Making(question, command, f"WAY{number:05d}")
    return made.situation()


class _Making:
    def __init__(self, question: Question, command: type[Command], name: str) -> None:
        self.question, self.command, self.name = question, command, name
        self.family, self.words = command.family.name, set(question.circumstances)
        self.actor = f"principal/{name}ACTOR"
        self.subject = f"{self.family}/{name}"
        self.standing: dict[str, Patch] = {
            self.actor: {
                "status": question.status,
                "kind": question.kind,
                "mode": question.mode,
            }
        }
        self.state: Patch = standing_for(question.action, name)
        self.body: Patch = body_of(question.action, name)

    def situation(self) -> Situation:
        self._seat()
        self._told()
        if self.family == "change":
            self._of_change()
        by_family: Callable[[], None] | None = getattr(self, f"_of_{self.family}_orders", None)
        if by_family is not None:
            by_family()
        creates = self.command.creates
        if not creates:
            self.standing[self.subject] = merged(
                self.standing.get(self.subject, {}), hashed(self.family, self.state)
            )
        return Situation(
            self.actor,
            tuple(sorted(self.question.roles)),
            self.command,
            None if creates else self.subject,
            self._with_hash(self.body),
            self.standing,
            self._acted_for(),
        )

    def _acted_for(self) -> str | None:
        if NO_DELEGATION not in self.words:
            return None
        holder = f"principal/{self.name}HOLDER"
        self.standing[holder] = {"status": "registered", "kind": "person", "mode": "govern"}
        return holder

    def _seat(self) -> None:
        """Whoever asks in the parts that they have, another in those that others have."""
        for part in self.question.filled:
            who = self.actor if part in self.question.parts else OTHER
            for seat in _seats(self.family, part):
                self.state = merged(self.state, seat(who))

    def _told(self) -> None:
        for word in self.words:
            for patch, body in _TOLD.get(word, ()):
                self.state = merged(self.state, patch)
                self.body = {**self.body, **body}

    def _of_change(self) -> None:
        for word in self.words & _OF_CHANGES.keys():
            self.state = merged(self.state, _OF_CHANGES[word])
        if not self.words & {"untested", "tested-by-developer-only"}:
            self.state = merged(self.state, tested_by(THIRD))
        if "model" in self.state:
            self._its_model()
        if self.words & {"conflicting-window", "overlaps-freeze"}:
            self._in_its_way()

    def _its_model(self) -> None:
        self.standing[self.state["model"]] = {
            "status": "active",
            "version": self.state["model_version"],
            "services": self.state["services"],
            "parameters": {},
            "proposed_by": OTHER,
            "approved_by": THIRD,
            "approved_at": LONG_AGO,
            "valid_until": FAR_AWAY,
            "max_risk": "low",
        }

    def _in_its_way(self) -> None:
        """A freeze over the service, or another change that claims it, at the time of the change."""
        about: Patch = {"services": self.state["services"]}
        if "conflicting-window" in self.words:
            rival = {"status": "scheduled", "window": WINDOW, **about}
            self.standing[f"change/{self.name}-RIVAL"] = rival
        if "overlaps-freeze" in self.words:
            freeze: Patch = {"status": "active", "interval": WINDOW, **about}
            if "freeze-excepted" in self.words:
                said = {"change": self.subject, "verdict": "granted", "at": LONG_AGO}
                freeze["exceptions"] = {record_id("EXC", self.subject): said}
            self.standing[f"freeze/{self.name}-FREEZE"] = freeze
        if self.command.verb == "amend-plan":
            # Only a scheduled change has a place in the calendar that its plan could move.
            self.state["status"], self.body = "scheduled", {"window": WINDOW}

    def _of_model_orders(self) -> None:
        """Two changes by it that failed lately suspend it."""
        if "cause-failures" in self.words:
            failed = {"status": "closed", "closure_code": "failed", "model": self.subject}
            for one in ("A", "B"):
                self.standing[f"change/{self.name}-{one}"] = {**failed, "closed_at": YESTERDAY}

    def _of_ledger_orders(self) -> None:
        """They are about the ledger itself, but for those about a token."""
        if self.command.verb == "revoke-token":
            self.state["principal"] = OTHER
        else:
            self.subject = LEDGER
        if self.command.verb == "erase":
            self.standing[self.body["target"]] = {"status": "new"}

    def _of_grant_orders(self) -> None:
        """Its role is one that only this order is about."""
        role = f"role/{self.name}"
        holder = self.state.get("holder", OTHER)
        owner = self.actor if "role-owner" in self.question.parts else THIRD
        self.standing[role] = {
            "status": "defined",
            "name": self.name.lower(),
            "revision": 1,
            "owner": owner,
            "privileged": "privileged" in self.words,
            "conflicts": {"resolver": True} if self.command.verb == "detect-conflict" else {},
        }
        self.state = {**self.state, "role": role, "role_name": self.name.lower(), "holder": holder}
        if "no-end" in self.words:
            self.state.pop("valid_to", None)
            self.body.pop("valid_to", None)
        if self.command.creates:
            self.body["role"] = role
            self.body["holder"] = self.actor if "subject" in self.question.parts else OTHER

    def _of_review_orders(self) -> None:
        """The grant that is decided is of one who has the part that the policy asks about."""
        if self.command.verb in {"certify", "revoke"}:
            holder = self.actor if "subject" in self.question.parts else OTHER
            self.standing[self.body["grants"][0]] = {
                "status": "active",
                "holder": holder,
                "role": "role/resolver",
                "role_name": "resolver",
                "services": {self.name: True},
                "valid_from": LONG_AGO,
            }

    def _of_freeze_orders(self) -> None:
        """The parts that the policy asks about are parts in the change that asks for an exception."""
        change: Patch = {"status": "scheduled", "type": "normal", "services": {"mail": True}}
        for part in self.question.filled:
            who = self.actor if part in self.question.parts else OTHER
            change = merged(change, SEATS["change"][part](who))
        self.standing[f"change/{self.name}-CHANGE"] = change

    def _of_principal_orders(self) -> None:
        """One's own part is another account of the same human, or the very one that acts."""
        if self.command.creates:
            return
        if "subject" not in self.question.parts:
            return
        if self.command.verb == "reactivate":
            self.state = {**self.state, "person": self.actor}
            return
        if self.command.verb == "identify":
            self.body["person"] = self.actor
            return
        self.subject = self.actor
        self.state = {**self.state, "kind": "person"}

    def _with_hash(self, body: Patch) -> Patch:
        if "content_hash" not in body:
            return body
        state = self.standing.get(self.subject, {})
        if self.family == "policy":
            return {**body, "content_hash": state["content_hash"]}
        told = change_content_hash if self.family == "change" else request_content_hash
        return {**body, "content_hash": told(state)}


def _seats(family: str, part: str) -> Iterator[Callable[[str], Patch]]:
    """Parts of what the order names, not of its subject, are seated where that is made."""
    seat = SEATS.get(family, {}).get(part)
    if seat is not None:
        yield seat


_OF_CHANGES: Mapping[str, Patch] = {
    "author-approved": approval(OTHER),
    "author-implements": {"implementers": {OTHER: True}},
    "quorum-met": approval(THIRD),
    "open-denial": denial(OTHER),
    "cab-advises-against": advice_against(OTHER),
    "author-approved-model": {"requested_by": THIRD},
    "tested-by-developer-only": merged(developer(OTHER), tested_by(OTHER)),
}
"""The circumstance → what is so of the change."""

_TOLD: Mapping[str, tuple[tuple[Patch, Patch], ...]] = {
    "lowers-priority": (({"impact": 1, "urgency": 1, "priority": 1}, {"impact": 3, "urgency": 3}),),
    "assignee-lacks-resolver-role": (({}, {"assigned_to": OTHER}),),
    "independent-assessor-needed": (({}, {"risk": "medium"}),),
    "author-approved": (({}, {"author": OTHER}),),
    "author-implements": (({}, {"author": OTHER}),),
    "type-standard": (({"type": "standard"}, {}),),
    "type-normal": (({"type": "normal"}, {}),),
    "type-emergency": (({"type": "emergency"}, {}),),
    "cause-failures": (({}, {"cause": "failures"}),),
    "cause-expiry": (({"valid_until": LONG_AGO}, {"cause": "expiry"}),),
    "cause-authority": (({}, {"cause": "authority"}),),
    "removes-conflict": (({"conflicts": {"auditor": True}}, {"conflicts": []}),),
    "drops-privileged": (({"privileged": True}, {"privileged": False}),),
    "adds-conflict": (({}, {"conflicts": ["auditor"]}),),
    "observing-source": (
        ({}, {"kind": "source", "mode": "observe", "source_uri": "/sources/of-an-operator"}),
    ),
    "no-end": (({}, {}),),
    "privileged": (({"valid_to": FAR_AWAY}, {}),),
}
"""The circumstance → (what is so of the subject, what the order says)."""
