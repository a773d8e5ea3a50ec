"""Principals: who acts. Entries name people by these ids only; names stand in commitments."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypedDict

from pydantic import StringConstraints

from domain.command import Case, Command, require
from domain.event import Event, PersonalText, Text

Kind = Literal["person", "service", "source", "system"]
Mode = Literal["govern", "observe"]
SourceUri = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._-]{1,120}$")]


class PrincipalState(TypedDict, total=False):
    status: Literal["referenced", "registered", "deactivated"]
    kind: Kind
    mode: Mode
    name: str
    source_uri: str


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


class RegisterPrincipal(Command, yields=PrincipalRegistered):
    """Register a person, a service, or a source. The mode of a source is decided here, not per request."""

    creates = True
    example: ClassVar[dict[str, Any]] = {"kind": "person", "name": "Ada Lovelace"}

    kind: Kind
    name: PersonalText
    mode: Mode = "govern"
    source_uri: SourceUri | None = None

    def given(self) -> dict[str, Any]:
        said = {"kind": self.kind, "name": self.name, "mode": self.mode}
        return {**said, "source_uri": self.source_uri} if self.source_uri else said


class DeactivatePrincipal(Command, yields=PrincipalDeactivated):
    """Stop a principal from acting."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Left the company"}


class ReactivatePrincipal(Command, yields=PrincipalReactivated):
    """Let a deactivated principal act again."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Returned from leave"}


def require_registered(principal: str, rule: str, case: Case) -> None:
    """Raise CanNot by `rule` unless `principal`, which the command reads, is somebody who may act."""
    registered = case.states.get(principal, {}).get("status") == "registered"
    require(registered, rule, f"{principal} is not a registered principal", case)
