"""Principals: who acts. Entries name people by these ids only; names stand in commitments.

Several principals may be one human, which they say by `person` (`person.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from pydantic import StringConstraints

from domain.command import Case, Command, Events, require
from domain.event import Event, PersonalText, Principal, PrincipalId, State, Text
from domain.person import principals_of
from domain.rosters import same_person_as, stands_on
from domain.separation import conflicts_with, roles_had_by

Kind = Literal["person", "service", "source", "system"]
Mode = Literal["govern", "observe"]
SourceUri = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._-]{1,120}$")]


class PrincipalState(TypedDict, total=False):
    status: Literal["referenced", "registered", "deactivated"]
    kind: Kind
    mode: Mode
    name: str
    source_uri: str
    person: str


class PrincipalReferenced(Event, family="principal", source=(), to="referenced"):
    """An observing source named somebody. No sign-in, no grants; recorded by the ledger itself."""

    example: ClassVar[dict[str, Any]] = {"name": "Updated by 21", "known_to": "/sources/servicenow"}

    name: PersonalText
    known_to: Text
    kind: Kind = "person"


class PrincipalRegistered(Event, family="principal", source=("referenced",), to="registered"):
    """Somebody, or something, that may sign in. Creates the principal, or registers a referenced one."""

    example: ClassVar[dict[str, Any]] = {"kind": "person", "name": "Ada Lovelace", "mode": "govern"}

    kind: Kind
    name: PersonalText
    mode: Mode = "govern"
    source_uri: SourceUri | None = None

    @classmethod
    def takes_place_in(cls, status: str | None) -> bool:
        return status in (None, "referenced")


class PrincipalDeactivated(Event, family="principal", source=("registered",), to="deactivated"):
    """From this moment on the principal may do nothing. What it did stays."""


class PrincipalReactivated(Event, family="principal", source=("deactivated",), to="registered"):
    """The principal may act again."""


class PrincipalIdentified(Event, family="principal", source=("registered",)):
    """It is the same human as another principal: an administrator's account, an API account of one person.

    From here on duties that must be apart are apart for both together. `person` is the human's first principal.
    """

    example: ClassVar[dict[str, Any]] = {"person": "principal/PRN0000012"}

    person: Principal


@stands_on("principal")
def _rosters(_subject: str, state: State) -> Iterable[str]:
    person = state.get("person")
    return (same_person_as(person),) if person else ()


class RegisterPrincipal(Command, yields=PrincipalRegistered):
    """Register a person, a service, or a source. The mode of a source is decided here, not per request."""

    creates = True
    example: ClassVar[dict[str, Any]] = {"kind": "person", "name": "Ada Lovelace"}

    kind: Kind
    name: PersonalText
    mode: Mode = "govern"
    source_uri: SourceUri | None = None

    def circumstances(self, case: Case) -> Iterable[str]:
        """`observing-source`: what is registered only states facts; it can hold no role."""
        observes = self.kind == "source" and self.mode == "observe"
        return ("observing-source",) if observes else ()

    def given(self) -> dict[str, Any]:
        said = {"kind": self.kind, "name": self.name, "mode": self.mode}
        return {**said, "source_uri": self.source_uri} if self.source_uri else said


class AboutPrincipal(Command):
    """Body of the orders about a principal that is there: its part in them is `subject`."""

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        return {"subject": frozenset((case.subject,))}


class DeactivatePrincipal(AboutPrincipal, yields=PrincipalDeactivated):
    """Stop a principal from acting."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Left the company"}


class ReactivatePrincipal(AboutPrincipal, yields=PrincipalReactivated):
    """Let a deactivated principal act again."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Returned from leave"}


class IdentifyPrincipal(AboutPrincipal, yields=PrincipalIdentified):
    """Say that this principal is the same human as `person`, that human's first principal. Once, and for good.

    Where the two have roles that must be apart, one of them goes first.
    """

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {
        "person": "principal/PRN0000012",
        "reason": "Administrator's account of the same employee",
    }

    person: PrincipalId

    def reads(self) -> tuple[str, ...]:
        return (self.person,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        return {"subject": frozenset((case.subject, self.person))}

    def decide(self, case: Case) -> Events:
        first = case.states.get(self.person, {})
        require(self.person != case.subject, "identified-as-another", "it is the same one", case)
        known = case.state.get("person")
        require(known is None, "identified-once", f"{case.subject} belongs to {known}", case)
        require_registered(self.person, "person-is-registered", case)
        humans = case.state.get("kind") == first.get("kind") == "person"
        require(humans, "only-persons-are-identified", "both have to be of kind person", case)
        told = f"{self.person} belongs to {first.get('person')}; name that one"
        require("person" not in first, "names-the-first-principal", told, case)
        others = case.rosters.get(same_person_as(case.subject), ())
        told = f"{', '.join(others)} name {case.subject} as their person; identify these instead"
        require(not others, "names-the-first-principal", told, case)
        self._require_duties_apart(case)
        return super().decide(case)

    def _require_duties_apart(self, case: Case) -> None:
        people = principals_of(case, self.person)
        for had in roles_had_by(case, (case.subject,)):
            found = conflicts_with(case, had.role, people, had.state if had.is_own else {})
            names = ", ".join(sorted(one["role_name"] for one in found.values()))
            told = f"one human would have {had.state['role_name']} and {names}: end one grant first"
            require(not found, "no-conflicting-role", told, case)


def require_registered(principal: str, rule: str, case: Case) -> None:
    """Raise CanNot by `rule` unless `principal`, which the command reads, is somebody who may act."""
    registered = case.states.get(principal, {}).get("status") == "registered"
    require(registered, rule, f"{principal} is not a registered principal", case)
