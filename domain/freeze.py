"""Change freezes: an interval in which some services are left alone, and the changes that are excepted.

The workflow is `change_freeze` in the recommended state machines. A freeze counts while its interval runs,
whether or not a timer has said that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.command import Case, Command, require
from domain.event import (
    MOMENT,
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    State,
    Text,
)
from domain.linking import ChangeId, require_exists
from domain.parts import has_parts, parts_in
from domain.rosters import FREEZES, stands_on
from domain.sets import NameSet, members, only_one, set_of
from domain.windows import OrderedWindow, Span, StatedWindow, Window, overlap

Status = Literal["active", "lifted", "expired"]
ExceptionId = Annotated[str, StringConstraints(pattern=r"^EXC-[A-Za-z0-9._-]{1,64}$")]
ALL_SERVICES: Final = "*"
"""In place of a service's name: the freeze is about every service."""
_EXAMPLE_EXCEPTION = "EXC-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"


@with_config(ConfigDict(extra="forbid", strict=True))
class FreezeException(TypedDict, total=False):
    """One verdict of the freeze's owner on one change."""

    change: ChangeId
    verdict: Literal["granted", "denied"]
    by: PrincipalId
    at: Moment


Exceptions = Annotated[dict[ExceptionId, FreezeException], MOMENT]


class FreezeState(TypedDict, total=False):
    status: Status
    title: str
    services: dict[str, bool]
    interval: Window
    declared_by: str
    exceptions: dict[ExceptionId, FreezeException]
    lifted_by: str
    lifted_at: str


class FreezeDeclared(Event, family="freeze", source=(), to="active"):
    """From start to end nothing is changed on these services (`*`: on any), unless it is excepted."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Year-end closing",
        "services": {"erp": True, "data-warehouse": True},
        "interval": {
            "start": "2026-12-21T00:00:00.000000Z",
            "end": "2027-01-05T00:00:00.000000Z",
        },
        "declared_by": "principal/PRN0000004",
    }

    title: PersonalText | None = None
    services: NameSet | None = None
    interval: StatedWindow | None = None
    declared_by: Principal | None = None


class FreezeExceptionGranted(Event, family="freeze", source=("active",)):
    """The owner lets one change happen all the same."""

    example: ClassVar[Mapping[str, Json]] = {
        "exceptions": {
            _EXAMPLE_EXCEPTION: {
                "change": "change/CHG0010042",
                "verdict": "granted",
                "by": "principal/PRN0000004",
                "at": "2026-12-20T10:00:00.000000Z",
            }
        }
    }

    exceptions: Exceptions | None = None


class FreezeExceptionDenied(Event, family="freeze", source=("active",)):
    """The owner does not let the change happen. An exception that was granted before ends."""

    example: ClassVar[Mapping[str, Json]] = {
        "exceptions": {
            _EXAMPLE_EXCEPTION: {
                "change": "change/CHG0010042",
                "verdict": "denied",
                "by": "principal/PRN0000004",
                "at": "2026-12-20T10:00:00.000000Z",
            }
        }
    }

    exceptions: Exceptions | None = None


class FreezeLifted(Event, family="freeze", source=("active",), to="lifted"):
    """It is over before its time."""

    example: ClassVar[Mapping[str, Json]] = {
        "lifted_by": "principal/PRN0000004",
        "lifted_at": "2026-12-29T09:00:00.000000Z",
    }

    lifted_by: Principal | None = None
    lifted_at: Moment | None = None


class FreezeExpired(Event, family="freeze", source=("active",), to="expired"):
    """Its interval has passed."""


class DeclareFreeze(Command, yields=FreezeDeclared):
    """Leave the services alone for an interval, and say why. `*` stands for every service."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {
        "services": ["erp", "data-warehouse"],
        "interval": {"start": "2026-12-21T00:00:00Z", "end": "2027-01-05T00:00:00Z"},
        "reason": "Year-end closing",
    }

    title: PersonalText | None = None
    named_services: list[Text] = Field(min_length=1, alias="services")
    interval: OrderedWindow

    asked_of = ("named_services",)

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled({**data, "named_services": sorted(members(data.get("services")))})

    def services(self, case: Case) -> Iterable[str]:
        return self.named_services

    def decide(self, case: Case) -> Sequence[Event]:
        told = f"the interval ends after now, {case.now}; got {self.interval['end']}"
        require(self.interval["end"] > case.now, "freeze-ends-in-future", told, case)
        title = {"title": self.title} if self.title else {}
        return self.stating(
            **title,
            services=set_of(self.named_services),
            interval=self.interval,
            declared_by=case.actor,
        )


class _Except(Command):
    """Body of granting and denying. Parts are those of the change as well: its `requester`, `implementer` …"""

    asked_of = ("change",)
    verdict: ClassVar[Literal["granted", "denied"]]

    change: ChangeId

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled(only_one(data.get("exceptions"))[1])

    def reads(self) -> tuple[str, ...]:
        return (self.change,)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """Of the freeze, `owner`; of the change, all that its own orders have (`domain/change.py`)."""
        return {**parts_in("change", case.states.get(self.change, {})), **super().parts(case)}

    def decide(self, case: Case) -> Sequence[Event]:
        require_exists(self.change, "change-exists", case)
        verdict = {
            "change": self.change,
            "verdict": self.verdict,
            "by": case.actor,
            "at": case.now,
        }
        return self.stating(exceptions={f"EXC-{case.new_id()}": verdict})


class GrantFreezeException(_Except, yields=FreezeExceptionGranted, verb="grant-exception"):
    """Let one change happen in spite of the freeze. Not for its requester or implementer."""

    verdict = "granted"
    example: ClassVar[Mapping[str, Any]] = {"change": "change/CHG0010042"}


class DenyFreezeException(_Except, yields=FreezeExceptionDenied, verb="deny-exception"):
    """Do not let the change happen. Ends an exception that it had."""

    verdict = "denied"
    example: ClassVar[Mapping[str, Any]] = {"change": "change/CHG0010042"}


class LiftFreeze(Command, yields=FreezeLifted):
    """End it before its time."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(lifted_by=case.actor, lifted_at=case.now)


class ExpireFreeze(Command, yields=FreezeExpired):
    """Record that its interval has passed. For the system's timer."""

    def decide(self, case: Case) -> Sequence[Event]:
        end = case.state["interval"]["end"]
        require(end <= case.now, "interval-passed", f"the freeze stands until {end}", case)
        return self.stating()


has_parts(
    "freeze",
    lambda state: {"owner": [state.get("declared_by")]},
    lambda state: members(state.get("services")),
)


@stands_on("freeze")
def _rosters(_subject: str, state: State) -> Iterator[str]:
    if state.get("status") == "active":
        yield FREEZES


def freezes_over(services: Iterable[str], window: Span, case: Case) -> dict[str, State]:
    """The active freezes of any of the services whose interval overlaps the window, by id."""
    about = {*services, ALL_SERVICES}
    standing = {freeze: case.states.get(freeze, {}) for freeze in case.rosters.get(FREEZES, ())}
    return {
        freeze: state
        for freeze, state in standing.items()
        if about & members(state.get("services")) and overlap(state["interval"], window)
    }


def excepts(freeze: State, change: str) -> bool:
    """Is the owner's latest word on the change that it may happen? Of two at one moment the denial holds."""
    verdicts = [
        (str(one.get("at", "")), one.get("verdict") == "denied")
        for one in freeze.get("exceptions", {}).values()
        if one.get("change") == change
    ]
    return bool(verdicts) and not max(verdicts)[1]
