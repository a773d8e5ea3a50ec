"""Govern: the ledger is the workflow. An order becomes a decision, and the decision becomes events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.acting_for import check_acting_for
from domain.acts import LEDGER
from domain.command import Case, Command, On, decide
from domain.correction import CorrectFact
from domain.errors import CanNot, MayNot, NotTheOwner, Refused, StaleVersion, UnknownSubject
from domain.event import EVENT_TYPES, Event, State
from domain.follow_ups import follow_ups, has_follow_ups
from domain.identity import is_erased
from domain.may import Decision, DecisionRequest, May
from domain.policy_schema import action_of
from domain.population import Census
from domain.timers import Timer, has_timers, timers_of
from ledger.case import Knows, Looks, Rosters, States
from ledger.entry import Correction, Draft
from ledger.ids import new_uuid7
from ledger.refusals import Attempt, attempt_of
from ledger.states import UNKNOWN, Loaded
from ledger.taken import Request
from ledger.view import SYSTEM, Needs, Receipt, View


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as authenticated. `token`: the subject of the API token that signed them in, if one did.
    `link`: the linked identity that did instead, as an id of the principal's state.

    `authtype` is CloudEvents' (Auth Context extension): user, service_account, system …
    `on_behalf_of`: whose delegated roles they act in.
    """

    principal: str
    authtype: str = "user"
    token: str | None = None
    on_behalf_of: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A command as somebody gives it. `subject` None: the ledger hands out the next number.

    `expected_version` is the client's own precondition (`If-Match`). `due`: of a timer of the system, when it
    was due, RFC 3339 text; the order is decided and recorded as of then.
    """

    command: Command
    actor: Actor
    subject: str | None = None
    expected_version: int | None = None
    request: Request | None = None
    correlationid: str | None = None
    causationid: str | None = None
    due: str | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision, and the versions of the subjects and rosters it rests on."""

    states: Mapping[str, int]
    rosters: Mapping[str, int]
    events: Sequence[Event | On]
    decision: Decision
    vacuous: tuple[str, ...]
    now: str
    at: int

    def still_stands(self, looks: Looks) -> bool:
        return all(
            looks.load(name).version == version for name, version in self.states.items()
        ) and all(looks.roster(name).version == version for name, version in self.rosters.items())


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

    def attempt(self, error: Refused, at: str) -> Attempt | None:
        order = self.order
        if order.due is not None and not isinstance(error, MayNot):
            return None  # another process was faster, or somebody stopped the clock
        action = action_of(order.command.family.name, order.command.verb)
        subject = order.subject or _new(order.command)
        attempt = attempt_of(order.actor.principal, action, subject, error, at)
        return attempt._replace(on_behalf_of=order.actor.on_behalf_of)

    def foresee(self, needs: Needs) -> None:
        order = self.order
        if order.subject is not None:
            needs.subjects.add(order.subject)
        needs.subjects.update((order.actor.principal, *order.command.reads()))
        if order.actor.on_behalf_of is not None:
            needs.subjects.add(order.actor.on_behalf_of)

    def rehearse(self, looks: Knows, now: str, at: int) -> None:
        """Raises LedgerError: then the order is refused in the state that `looks` tells."""
        self.decided = self._decide(self.order.subject or _new(self.order.command), looks, now, at)

    def settle(self, view: View) -> list[Draft]:
        order = self.order
        subject = order.subject or view.next_number(order.command.family.name)
        decided = self.decided
        if decided is None or not decided.still_stands(view):
            decided = self._decide(subject, view, view.recordedtime, view.position)
        _check_entry(order, subject, view)
        if order.subject is None:
            view.take_number(subject)
        said, correction = self._said(decided), _correction(order.command)
        drafts: list[Draft] = []
        for one in decided.events:
            event = one.event if isinstance(one, On) else one
            drafts.append(
                Draft(
                    one.subject if isinstance(one, On) else subject,
                    type(event),
                    event.data(),
                    decided.now,
                    new_uuid7(),
                    self.source,
                    # What follows from the same order names the first event of it.
                    {**said, "causationid": drafts[0].id} if drafts else said,
                    correction=correction,
                    derives=event.derives,
                )
            )
        return drafts

    def comes_after(self, view: View) -> Iterator[GovernProposal]:
        """The timers of its subject that are due: whatever is ordered now finds what time has made of it."""
        order = self.order
        if order.subject is None or order.due is not None:
            return
        if not has_timers(order.command.family.name):
            return
        for timer in due_timers(order.subject, view.load(order.subject), view.recordedtime):
            yield GovernProposal(timer_order(order.subject, timer), self.may, self.source)

    def follow_ups(self, view: View, receipts: Sequence[Receipt]) -> Iterator[GovernProposal]:
        """What the system orders now that these are taken, each in the case that the one before it left."""
        for receipt in receipts:
            event = EVENT_TYPES[receipt.type]
            if not has_follow_ups(event):
                continue
            states, rosters, census = States(view), Rosters(view), view.census()
            case = self._case(receipt.subject, states, rosters, view.recordedtime, census=census)
            for command, subject in follow_ups(event, case):
                order = Order(
                    command,
                    Actor(SYSTEM, "system"),
                    subject,
                    correlationid=self.order.correlationid,
                    causationid=receipt.id,
                )
                yield GovernProposal(order, self.may, self.source)

    def _case(
        self,
        subject: str,
        states: States,
        rosters: Rosters,
        now: str,
        *,
        census: Census,
        version: int = 0,
    ) -> Case:
        actor = self.order.actor
        return Case(
            subject,
            states[subject],
            states,
            actor.principal,
            now,
            new_uuid7,
            rosters,
            version,
            actor.on_behalf_of,
            census,
        )

    def _decide(self, subject: str, looks: Knows, now: str, at: int) -> _Decided:
        order, command, actor = self.order, self.order.command, self.order.actor
        if order.due is not None:
            _check_due(order, now)
            now = order.due
        states, rosters = States(looks), Rosters(looks)
        if order.subject is None:
            # What is created has no state yet, whatever its number will be.
            states.put(subject, {})
            loaded = UNKNOWN
        else:
            loaded = states.take(subject)
        _check_subject(order, subject, loaded)
        check_sign_in(actor, states.__getitem__, now)
        case = self._case(
            subject, states, rosters, now, census=looks.census(), version=loaded.version
        )
        check_acting_for(case)
        decision = self.may(
            DecisionRequest(action_of(command.family.name, command.verb), command, case)
        )
        if not decision.permit:
            raise MayNot(
                f"{actor.principal} may not {command.verb} {subject}: {', '.join(decision.rules)}",
                rules=decision.rules,
                policy=decision.policy,
                subject=subject,
            )
        events = decide(command, case)
        for one in events:
            if isinstance(one, On):
                _check_place(one, states)
        return _Decided(
            states.versions,
            rosters.versions,
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
        if decision.grants:
            said["grants"] = " ".join(decision.grants)
        if order.actor.on_behalf_of:
            said["onbehalfof"] = order.actor.on_behalf_of
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


def due_timers(subject: str, loaded: Loaded, now: str) -> Iterator[Timer]:
    """What the system is to order of the subject by `now`; of what a source recorded, nothing."""
    if loaded.owner is None:
        yield from (timer for timer in timers_of(subject, loaded.state) if timer.due <= now)


def timer_order(subject: str, timer: Timer) -> Order:
    return Order(timer.command, Actor(SYSTEM, "system"), subject, due=timer.due)


def _check_due(order: Order, now: str) -> None:
    if order.due is not None and order.due > now:
        raise CanNot(
            f"{order.command.verb} of {order.subject} is due at {order.due}, which is not reached",
            rules=("due",),
            subject=order.subject,
        )


def _check_entry(order: Order, subject: str, view: View) -> None:
    """Raises CanNot: the order names an entry that the log does not have."""
    named = order.command.names_entry()
    if named is not None and view.entry_at(named) is None:
        raise CanNot(
            f"there is no entry at position {named}; the log ends at {view.position}",
            rules=("names-an-entry",),
            subject=subject,
        )


def _check_place(one: On, states: Mapping[str, State]) -> None:
    """Raises CanNot: another subject moved to where the command can no longer reach."""
    status = states[one.subject].get("status")
    if not one.event.takes_place_in(status):
        raise CanNot(
            f"{one.subject} is {status}; {one.event.type_name} does not take place there",
            rules=("transition",),
            subject=one.subject,
            status=status,
        )


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


def check_sign_in(actor: Actor, state_of: Callable[[str], State], now: str) -> None:
    """A token revoked or an identity unlinked between sign-in and commit must not slip through.

    Raises MayNot.
    """
    if actor.token is not None and not token_is_live(state_of(actor.token), now):
        raise MayNot(
            "the API token is revoked or expired", rules=("live-token",), token=actor.token
        )
    if actor.link is None:
        return
    principal = actor.principal
    is_linked = actor.link in state_of(principal).get("identities", {})
    if not is_linked or is_erased(principal, {LEDGER: state_of(LEDGER)}):
        raise MayNot("the identity is no longer linked", rules=("linked-identity",))


def token_is_live(state: State, now: str) -> bool:
    """`now`: RFC 3339 text."""
    expires = state.get("expires_at")
    return state.get("status") == "issued" and (expires is None or now < str(expires))
