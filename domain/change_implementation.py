"""Implementing a change: scheduled, started (in the window, in an emergency, or by breaking glass), done, undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from domain.change import Verification
from domain.change_authorization import require_authorized, verdict_words
from domain.change_conflicts import conflict_words, freeze_words
from domain.change_evidence import tested_words
from domain.change_order import ChangeOrder
from domain.change_retro_approval import retro_approval_requested
from domain.change_review import review_due, review_reasons
from domain.command import Case, Command, require
from domain.common import Link, LinkId, TicketEvent
from domain.event import Event, Json, Moment, Principal, State, Subject
from domain.hold import linked_subjects
from domain.humans import all_acting
from domain.incident import OPEN
from domain.linking import ChangeId, IncidentId, require_exists
from domain.moments import later
from domain.sets import NameSet, PeopleSet, members, replacing

_EXAMPLE_START: Mapping[str, Json] = {
    "implementers": {"principal/PRN0000031": True},
    "started_at": "2026-03-07T20:02:00.000000Z",
}


class ChangeScheduled(TicketEvent, family="change", source=("authorized",), to="scheduled"):
    """It has its time. Conflicts with other changes that were resolved are named."""

    example: ClassVar[Mapping[str, Json]] = {
        "scheduled_by": "principal/PRN0000004",
        "scheduled_at": "2026-03-04T12:00:00.000000Z",
        "resolved_conflicts": {"change/CHG0010041": True},
    }

    scheduled_by: Principal | None = None
    scheduled_at: Moment | None = None
    resolved_conflicts: NameSet | None = None


class _Started(TicketEvent):
    implementers: PeopleSet | None = None
    started_at: Moment | None = None


class ImplementationStarted(_Started, family="change", source=("scheduled",), to="implementing"):
    """Somebody who neither approved nor developed it began, in its window."""

    example: ClassVar[Mapping[str, Json]] = _EXAMPLE_START


class EmergencyImplementationStarted(
    _Started, family="change", source=("authorized",), to="implementing"
):
    """It could not wait for a schedule: an incident that is linked says why."""

    example: ClassVar[Mapping[str, Json]] = {
        **_EXAMPLE_START,
        "emergency_incident": "incident/INC0010077",
    }

    emergency_incident: Subject | None = None


class BreakGlassInvoked(
    _Started,
    family="change",
    source=("draft", "assessing", "awaiting_authorization"),
    to="implementing",
):
    """It could not wait for an authorization either. A retro-approval is asked for in the same breath."""

    example: ClassVar[Mapping[str, Json]] = {
        **_EXAMPLE_START,
        "break_glass_by": "principal/PRN0000031",
        "break_glass_at": "2026-03-07T20:02:00.000000Z",
        "emergency_incident": "incident/INC0010077",
        "links": {
            "LNK-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10": {
                "to": "incident/INC0010077",
                "relation": "incident",
            }
        },
    }

    break_glass_by: Principal | None = None
    break_glass_for: Principal | None = None
    break_glass_at: Moment | None = None
    emergency_incident: Subject | None = None
    links: dict[LinkId, Link] | None = None


class ImplementationCompleted(
    TicketEvent, family="change", source=("implementing",), to="implemented"
):
    """It is done, and whether the verification passed. Where a review is mandatory: from when
    on it is held (`review_opens_at`), and by when it is to be completed (`review_due_at`).
    """

    example: ClassVar[Mapping[str, Json]] = {
        "verification": "passed",
        "implementers": {"principal/PRN0000031": True},
        "implemented_by": "principal/PRN0000031",
        "implemented_at": "2026-03-07T21:10:00.000000Z",
        "review_opens_at": "2026-03-08T21:10:00.000000Z",
        "review_due_at": "2026-03-21T21:10:00.000000Z",
    }

    verification: Verification | None = None
    implementers: PeopleSet | None = None
    implemented_by: Principal | None = None
    implemented_at: Moment | None = None
    review_opens_at: Moment | None = None
    review_due_at: Moment | None = None


class ChangeRolledBack(
    TicketEvent, family="change", source=("implementing", "implemented"), to="rolled_back"
):
    """It was undone, and why. What was rolled back is reviewed."""

    example: ClassVar[Mapping[str, Json]] = {
        "implementers": {"principal/PRN0000031": True},
        "rolled_back_by": "principal/PRN0000031",
        "rolled_back_at": "2026-03-07T21:30:00.000000Z",
        "review_due_at": "2026-03-21T21:10:00.000000Z",
    }

    implementers: PeopleSet | None = None
    rolled_back_by: Principal | None = None
    rolled_back_at: Moment | None = None
    review_due_at: Moment | None = None


class ScheduleChange(ChangeOrder, yields=ChangeScheduled):
    """Give it its planned time. Name the changes whose conflict with it is resolved, and say in the reason how."""

    example: ClassVar[Mapping[str, Any]] = {
        "resolved_conflicts": ["change/CHG0010041"],
        "reason": "They agreed to work one after the other",
    }

    resolved_conflicts: tuple[ChangeId, ...] = ()

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        resolved = tuple(sorted(members(data.get("resolved_conflicts"))))
        return super().recalled({**data, "resolved_conflicts": resolved})

    def reads(self) -> tuple[str, ...]:
        return self.resolved_conflicts

    def words(self, case: Case) -> Iterator[str]:
        """`overlaps-freeze`, `freeze-excepted`, `conflicting-window`."""
        window = case.state.get("window")
        yield from freeze_words(case.state, window, case)
        yield from conflict_words(case.state, window, self.resolved_conflicts, case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        planned = bool(case.state.get("window"))
        require(planned, "window-planned", "amend the plan first: it has no window", case)
        require_authorized(case)
        for change in self.resolved_conflicts:
            require_exists(change, "resolved-change-exists", case)
        told = "say in the reason how the conflicts were resolved"
        silent = bool(self.resolved_conflicts) and not self.reason
        require(not silent, "resolution-has-reason", told, case)
        return self.stating(
            scheduled_by=case.actor,
            scheduled_at=case.now,
            resolved_conflicts=replacing(
                case.state.get("resolved_conflicts"), self.resolved_conflicts
            ),
        )


class StartImplementation(ChangeOrder, yields=ImplementationStarted):
    """Begin, in the window, what was authorized. Not for who approved it."""

    def words(self, case: Case) -> Iterator[str]:
        """`untested`, `tested-by-developer-only`; `overlaps-freeze`, `freeze-excepted` (a freeze may have been
        declared since); for other than standard changes `quorum-met`, `open-denial`, `cab-advises-against`.
        """
        yield from tested_words(case)
        yield from freeze_words(case.state, case.state.get("window"), case)
        if case.state.get("type") != "standard":
            yield from verdict_words(case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        window = case.state.get("window")
        now_inside = window is not None and window["start"] <= case.now < window["end"]
        require(now_inside, "now-in-window", f"it is {case.now}; the window is {window}", case)
        require_authorized(case)
        return self.stating(**_started(case))


class StartEmergencyImplementation(ChangeOrder, yields=EmergencyImplementationStarted):
    """Begin at once what was authorized as an emergency change, for a linked incident that is open."""

    types = ("emergency",)

    def words(self, case: Case) -> Iterator[str]:
        """`untested`, `tested-by-developer-only`; `overlaps-freeze`, `freeze-excepted` (now); `quorum-met`,
        `open-denial`, `cab-advises-against`.
        """
        yield from tested_words(case)
        yield from freeze_words(case.state, _now(case), case)
        yield from verdict_words(case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        linked = linked_subjects(case.state)
        urgent = sorted(one for one in linked if is_emergency(case.states.get(one, {})))
        told = "link the open major or security incident first"
        require(bool(urgent), "open-major-incident", told, case)
        require_authorized(case)
        return self.stating(**_started(case), emergency_incident=urgent[0])


class InvokeBreakGlass(ChangeOrder, yields=BreakGlassInvoked):
    """Begin at once what nobody authorized, for an open major or security incident, and say why.

    A retro-approval is due in two business days, or as many as the policy says.
    """

    types = ("emergency",)
    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {
        "incident": "incident/INC0010077",
        "reason": "Nobody of the emergency board answers, and every branch is offline",
    }

    incident: IncidentId

    def reads(self) -> tuple[str, ...]:
        return (self.incident,)

    def words(self, case: Case) -> Iterator[str]:
        """`overlaps-freeze`, `freeze-excepted` (now)."""
        return freeze_words(case.state, _now(case), case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        urgent = is_emergency(case.states.get(self.incident, {}))
        told = f"{self.incident} is not an open major or security incident"
        require(urgent, "open-major-incident", told, case)
        known = self.incident in linked_subjects(case.state)
        link = {f"LNK-{case.new_id()}": {"to": self.incident, "relation": "incident"}}
        invoked = self.stating(
            **_started(case),
            **({} if known else {"links": link}),
            **({"break_glass_for": case.on_behalf_of} if case.on_behalf_of else {}),
            break_glass_by=case.actor,
            break_glass_at=case.now,
            emergency_incident=self.incident,
        )
        return [*invoked, retro_approval_requested(case)]


class CompleteImplementation(ChangeOrder, yields=ImplementationCompleted):
    """Say that it is done, and whether the verification passed."""

    example: ClassVar[Mapping[str, Any]] = {"verification": "passed"}

    verification: Verification

    def carried_out(self, case: Case) -> Sequence[Event]:
        opens = later(case.now, timedelta(days=case.thresholds.review_opens_days))
        is_reviewed = review_reasons(
            {**case.state, "verification": self.verification}, case.thresholds
        )
        review = {"review_opens_at": opens, "review_due_at": review_due(case)}
        return self.stating(
            verification=self.verification,
            implementers=all_acting(case),
            implemented_by=case.actor,
            implemented_at=case.now,
            **(review if is_reviewed else {}),
        )


class RollBackChange(ChangeOrder, yields=ChangeRolledBack, verb="roll-back"):
    """Undo it, and say why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "Two of three nodes do not come up"}

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(
            implementers=all_acting(case),
            rolled_back_by=case.actor,
            rolled_back_at=case.now,
            review_due_at=review_due(case),
        )


def is_emergency(incident: State) -> bool:
    """Is it an open incident that is major, or about security?"""
    serious = bool(incident.get("major")) or incident.get("category") == "security"
    return serious and incident.get("status") in OPEN


def _started(case: Case) -> dict[str, Any]:
    return {"implementers": all_acting(case), "started_at": case.now}


def _now(case: Case) -> dict[str, str]:
    """The shortest window there is."""
    return {"start": case.now, "end": later(case.now, timedelta(microseconds=1))}
