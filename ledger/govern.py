"""Govern: the ledger is the workflow. An order becomes a decision, and the decision becomes events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.command import Case, Command, decide
from domain.correction import CorrectFact
from domain.errors import MayNot, NotTheOwner, StaleVersion, UnknownSubject
from domain.event import Event, State
from domain.may import Decision, DecisionRequest, May
from ledger.entry import Correction, Draft
from ledger.ids import new_uuid7
from ledger.states import UNKNOWN, Loaded
from ledger.taken import Request
from ledger.view import Needs, View

Load = Callable[[str], Loaded]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as authenticated. `token`: the subject of the API token that signed them in, if one did.

    `authtype` is CloudEvents' (Auth Context extension): user, service_account, system …
    """

    principal: str
    authtype: str = "user"
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A command as somebody gives it. `subject` None: the ledger hands out the next number.

    `expected_version` is the client's own precondition (`If-Match`).
    """

    command: Command
    actor: Actor
    subject: str | None = None
    expected_version: int | None = None
    request: Request | None = None
    correlationid: str | None = None
    causationid: str | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision, and the versions of the subjects it rests on."""

    reads: Mapping[str, int]
    events: Sequence[Event]
    decision: Decision
    vacuous: tuple[str, ...]
    now: str
    at: int


@dataclass(slots=True)
class GovernProposal:
    """An order on its way into the log. `rehearse` decides ahead of the lock; `settle` decides again
    if a subject that the decision rests on has moved since.
    """

    order: Order
    may: May
    source: str
    decided: _Decided | None = None
    request: Request | None = field(init=False)

    def __post_init__(self) -> None:
        self.request = self.order.request

    def foresee(self, needs: Needs) -> None:
        order = self.order
        if order.subject is not None:
            needs.subjects.add(order.subject)
        needs.subjects.update((order.actor.principal, *order.command.reads()))

    def rehearse(self, load: Load, now: str, at: int) -> None:
        """Raises LedgerError: then the order is refused in the state that `load` tells."""
        self.decided = self._decide(self.order.subject or _new(self.order.command), load, now, at)

    def settle(self, view: View) -> list[Draft]:
        order = self.order
        subject = order.subject or view.next_number(order.command.family.name)
        decided = self.decided
        if decided is None or any(view.load(s).version != v for s, v in decided.reads.items()):
            decided = self._decide(subject, view.load, view.recordedtime, view.position)
        if order.subject is None:
            view.take_number(subject)
        said, correction = self._said(decided), _correction(order.command)
        return [
            Draft(
                subject,
                type(event),
                event.data(),
                decided.now,
                new_uuid7(),
                self.source,
                said,
                correction=correction,
            )
            for event in decided.events
        ]

    def _decide(self, subject: str, load: Load, now: str, at: int) -> _Decided:
        order, command = self.order, self.order.command
        names = [order.actor.principal, *command.reads()]
        if order.subject is not None:
            names.append(order.subject)
        if order.actor.token is not None:
            names.append(order.actor.token)
        loaded = {name: load(name) for name in dict.fromkeys(names)}
        _check_subject(order, subject, loaded.get(subject, UNKNOWN))
        states: dict[str, State] = {name: found.state for name, found in loaded.items()}
        # What is created has no state yet, whatever its number will be.
        states.setdefault(subject, {})
        _check_token(order.actor, states, now)
        decision = self.may(
            DecisionRequest(
                actor=order.actor.principal,
                action=f"{command.family.name}:{command.verb}",
                command=command,
                subject=subject,
                state=states[subject],
                states=states,
                now=now,
            )
        )
        if not decision.permit:
            raise MayNot(
                f"{order.actor.principal} may not {command.verb} {subject}: {', '.join(decision.rules)}",
                rules=decision.rules,
                policy=decision.policy,
                subject=subject,
            )
        case = Case(subject, states[subject], states, order.actor.principal, now, new_uuid7)
        events = decide(command, case)
        return _Decided(
            {name: found.version for name, found in loaded.items()},
            events,
            decision,
            command.vacuous_guards(case),
            now,
            at,
        )

    def _said(self, decided: _Decided) -> dict[str, str | int]:
        order, decision = self.order, decided.decision
        rules = [*decision.rules, *(f"vacuous:{guard}" for guard in decided.vacuous)]
        said: dict[str, str | int] = {
            "decidedat": decided.at,
            "authtype": order.actor.authtype,
            "authid": order.actor.principal,
            "recordedby": order.actor.principal,
            "policy": decision.policy,
            "decision": "permit",
        }
        if rules:
            said["rules"] = " ".join(rules)
        if order.correlationid:
            said["correlationid"] = order.correlationid
        if order.causationid:
            said["causationid"] = order.causationid
        return said | order.command.attributes()


def _correction(command: Command) -> Correction | None:
    if not isinstance(command, CorrectFact):
        return None
    return Correction(
        command.corrects, command.replacement, command.effectivetime, is_governed=True
    )


def _new(command: Command) -> str:
    """Stands for the subject until the lock is held and its number is known."""
    return f"{command.family.name}/new"


def _check_subject(order: Order, subject: str, loaded: Loaded) -> None:
    # A source is registered under the name it goes by, not under the next number.
    names_itself = order.command.creates and order.command.family.name == "principal"
    if order.subject is not None and not loaded.version and not names_itself:
        raise UnknownSubject(f"{subject} is not known; create it first", subject=subject)
    if order.expected_version is not None and order.expected_version != loaded.version:
        raise StaleVersion(
            f"{subject} is at version {loaded.version}, not {order.expected_version}; read it again",
            subject=subject,
            expected=order.expected_version,
            actual=loaded.version,
        )
    if loaded.owner is not None and not order.command.yields.common:
        raise NotTheOwner(
            f"{subject} is recorded by {loaded.owner}; only common events may be added to it",
            rules=("recorded-by-its-source",),
            subject=subject,
            owner=loaded.owner,
        )


def _check_token(actor: Actor, states: Mapping[str, State], now: str) -> None:
    """A token revoked between sign-in and commit must not slip through."""
    if actor.token is not None and not token_is_live(states[actor.token], now):
        raise MayNot(
            "the API token is revoked or expired", rules=("live-token",), token=actor.token
        )


def token_is_live(state: State, now: str) -> bool:
    """`now`: RFC 3339 text."""
    expires = state.get("expires_at")
    return state.get("status") == "issued" and (expires is None or now < str(expires))
