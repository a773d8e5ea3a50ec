"""Planning a change: drafted, and amended as long as it is not under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from domain.change import (
    ChangeType,
    ContentEvent,
    Parameters,
    ParameterValue,
    after,
    services_of,
)
from domain.change_authorization import ApprovalsInvalidated
from domain.change_conflicts import conflict_words, freeze_words
from domain.change_order import ChangeOrder
from domain.command import Case, Command, Events, require
from domain.event import (
    Count,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    State,
    Subject,
    Text,
    Word,
)
from domain.humans import acted_for
from domain.linking import require_exists
from domain.sets import NameSet, PeopleSet, members, replacing, set_of
from domain.thresholds import Risk
from domain.windows import OrderedWindow, StatedWindow, inside

_SETS = {"named_services": "services", "configuration_items": "configuration_items"}
_EXAMPLE_HASH = "sha256:" + "5e" * 32
_EXAMPLE_PLAN: Mapping[str, Json] = {
    "title": "Move the mail queue to its own volume",
    "services": {"mail": True},
    "implementation_plan": "Stop the relay, move the queue, start the relay",
    "test_plan": "Send 1,000 messages through staging",
    "back_out_plan": "Mount the old volume",
    "window": {"start": "2026-03-07T20:00:00.000000Z", "end": "2026-03-07T22:00:00.000000Z"},
    "content_hash": _EXAMPLE_HASH,
}


class _PlanEvent(ContentEvent):
    """The members of a plan. `content_hash`: over the content as it stands with this event."""

    title: PersonalText | None = None
    description: PersonalText | None = None
    services: NameSet | None = None
    configuration_items: NameSet | None = None
    implementation_plan: PersonalText | None = None
    test_plan: PersonalText | None = None
    back_out_plan: PersonalText | None = None
    window: StatedWindow | None = None
    model: Subject | None = None
    model_version: Count | None = None
    parameters: Parameters | None = None
    risk: Risk | None = None


class ChangeDrafted(_PlanEvent, family="change", source=(), to="draft"):
    """Somebody wants something to be changed. A standard change names its model and the version of it."""

    example: ClassVar[Mapping[str, Json]] = {
        "type": "normal",
        **_EXAMPLE_PLAN,
        "requested_by": "principal/PRN0000012",
        "requested_at": "2026-03-02T09:00:00.000000Z",
        "revision": 1,
    }

    type: ChangeType | None = None
    requested_by: Principal | None = None
    requested_for: Principal | None = None
    requested_at: Moment | None = None
    beneficiary: Principal | None = None
    interests: PeopleSet | None = None
    assignment_group: Text | None = None
    revision: Count | None = None


class ChangePlanAmended(
    _PlanEvent,
    family="change",
    source=("draft", "assessing", "awaiting_authorization", "authorized", "scheduled"),
):
    """The plan is another. Approvals that carry another content hash than this one stop counting."""

    example: ClassVar[Mapping[str, Json]] = {
        "back_out_plan": "Mount the old volume and replay the journal",
        "services": {"mail": True, "archive": None},
        "content_hash": "sha256:" + "6f" * 32,
    }


class _Plan(ChangeOrder):
    """The fields of a plan, as draft and amend take them. Lists are sets; their order says nothing."""

    description: PersonalText | None = None
    named_services: list[Text] | None = Field(None, alias="services")
    configuration_items: list[Text] | None = None
    implementation_plan: PersonalText | None = None
    test_plan: PersonalText | None = None
    back_out_plan: PersonalText | None = None
    window: OrderedWindow | None = None
    model: Subject | None = None
    model_version: Count | None = None
    parameters: dict[Word, ParameterValue] | None = None
    risk: Risk | None = None

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled({**data, "named_services": sorted(members(data.get("services")))})

    def reads(self) -> tuple[str, ...]:
        return (self.model,) if self.model else ()

    def services(self, case: Case) -> Iterable[str]:
        """Those it is about, and those it would be about."""
        return services_of(case.state) | frozenset(self.named_services or ())

    def planned(self, state: State, case: Case) -> dict[str, Any]:
        """The given fields as members, each set whole: what is not named is gone from it."""
        if self.model:
            require_exists(self.model, "model-exists", case)
        given = self.given()
        for field, member in _SETS.items():
            if field in given:
                given[member] = replacing(state.get(member), given.pop(field))
        if "parameters" in given:
            gone = state.get("parameters", {}).keys() - given["parameters"].keys()
            given["parameters"] = {**dict.fromkeys(sorted(gone), None), **given["parameters"]}
        return given


class DraftChange(_Plan, yields=ChangeDrafted):
    """Say what is to be changed. `risk` is for standard changes: of others an assessor judges it."""

    example: ClassVar[Mapping[str, Any]] = {
        "type": "normal",
        "title": "Move the mail queue to its own volume",
        "services": ["mail"],
        "implementation_plan": "Stop the relay, move the queue, start the relay",
        "test_plan": "Send 1,000 messages through staging",
        "back_out_plan": "Mount the old volume",
        "window": {"start": "2026-03-07T20:00:00Z", "end": "2026-03-07T22:00:00Z"},
    }

    type: ChangeType
    title: PersonalText
    beneficiary: PrincipalId | None = None
    interested: list[PrincipalId] | None = None
    assignment_group: Text | None = None

    def reads(self) -> tuple[str, ...]:
        named = (self.beneficiary, *(self.interested or ()))
        return (*super().reads(), *filter(None, named))

    def state_asked(self, case: Case) -> State:
        return {"type": self.type, "risk": self.risk}

    def carried_out(self, case: Case) -> Events:
        if self.beneficiary:
            require_exists(self.beneficiary, "beneficiary-exists", case)
        for person in self.interested or ():
            require_exists(person, "interested-person-exists", case)
        standard = self.type == "standard"
        modelled = self.model is not None and self.model_version is not None
        told = "a standard change names its model and the version; others have none"
        require(modelled if standard else not self.model, "standard-has-model", told, case)
        assessed = "an assessor judges the risk of a normal or emergency change"
        require(standard or self.risk is None, "risk-is-assessed", assessed, case)
        planned = self.planned({}, case)
        interested = planned.pop("interested", None)
        # Whoever asks on behalf of somebody asks for their benefit, unless the order says otherwise.
        beneficiary = self.beneficiary or case.on_behalf_of
        return self.stating(
            **{
                **planned,
                **({"interests": set_of(interested)} if interested else {}),
                **({"beneficiary": beneficiary} if beneficiary else {}),
                "requested_by": case.actor,
                **acted_for(case, "requested_for"),
                "requested_at": case.now,
                "revision": 1,
            }
        )


class AmendChangePlan(_Plan, yields=ChangePlanAmended):
    """Change the plan; what is left out stays. After authorization that voids it, unless the window alone
    moves, and stays inside the approved one.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "back_out_plan": "Mount the old volume and replay the journal"
    }

    title: PersonalText | None = None

    @model_validator(mode="after")
    def _amends_something(self) -> Self:
        if not self.given():
            raise ValueError("say what the plan is to be")
        return self

    def words(self, case: Case) -> Iterator[str]:
        """Of a scheduled change whose window moves: `overlaps-freeze`, `freeze-excepted`, `conflicting-window`."""
        if case.status == "scheduled" and self.window:
            resolved = case.state.get("resolved_conflicts", ())
            yield from freeze_words(case.state, self.window, case)
            yield from conflict_words(case.state, self.window, resolved, case)

    def carried_out(self, case: Case) -> Events:
        standard = case.state.get("type") == "standard"
        told = "only a standard change has a model, and a risk that its requester says"
        names_model = self.model or self.model_version is not None or self.risk
        require(standard or not names_model, "standard-has-model", told, case)
        planned = self.planned(case.state, case)
        amended = self.stating(**planned)
        authorized = case.status in {"authorized", "scheduled"}
        cause = _what_changed(case.state, planned) if authorized else None
        return [*amended, ApprovalsInvalidated(invalidation=cause)] if cause else amended


def _what_changed(state: State, planned: Mapping[str, Json]) -> str | None:
    """Why approvals of `state` do not hold for the plan: `content_changed`, `window_moved`, or nothing.

    Free text counts as changed: the state holds commitments, which tell nothing about what stands in them.
    """
    amended = after(state, planned)
    others = [name for name in planned if name != "window"]
    if any(amended.get(name) != state.get(name) for name in others):
        return "content_changed"
    window, approved = amended.get("window"), state.get("approved_window")
    stays = window == state.get("window") or (window and approved and inside(window, approved))
    return None if stays else "window_moved"
