"""The orders that access reviews take, and what must hold for each. The facts they lead to: `review.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from domain.command import Case, Command, Events, On, require
from domain.event import Event, Json, Moment, PersonalText, Text
from domain.grant import Certification, GrantCertified, GrantId, RoleId, has_ended
from domain.humans import acted_for, acting, humans
from domain.linking import require_exists
from domain.population import Bounds, bounds_of, population_of
from domain.review import (
    ITEMS_OF_AN_ENTRY,
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
)

MOST_AT_ONCE: Final = 500
_TOLD: Final = 5
"""So many grants an error names; of the others it says how many they are."""

Named = Annotated[frozenset[GrantId], Field(min_length=1, max_length=MOST_AT_ONCE)]


class OpenAccessReview(Command, yields=AccessReviewOpened):
    """Freeze who has which role now, and have each grant of it decided: of one role, of one service, or of all.

    A grant that is suspended is among them; one that was only asked for is not.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "title": "Change authorities, first quarter",
        "role": "role/ROL0000003",
        "due_at": "2126-04-15T00:00:00Z",
    }

    title: PersonalText | None = None
    role: RoleId | None = None
    service: Text | None = None
    due_at: Moment | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.role,) if self.role else ()

    def services(self, case: Case) -> Iterable[str]:
        return (self.service,) if self.service else ()

    def decide(self, case: Case) -> Events:
        if self.role is not None:
            require_exists(self.role, "role-exists", case)
        told = f"a review is due after now, {case.now}; got {self.due_at}"
        require(self.due_at is None or self.due_at > case.now, "due-later", told, case)
        bounds = Bounds(case.census.position, case.now, self.role, self.service)
        population = population_of(bounds, case.census.live_grants(bounds))
        given = {name: value for name, value in self.given().items() if value is not None}
        return self.stating(
            **given, population=population, opened_by=case.actor, **acted_for(case, "opened_for")
        )


class _Decide(Command):
    """Body of deciding items: those of the grants named, all or none of them. Not for their holders."""

    asked_of = ("grants",)

    grants: Named

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        items = data.get("items") or {}
        dues = [item.get("due_at") for item in items.values()]
        return super().recalled(
            {**data, "grants": sorted(items), "due_at": dues[0] if dues else None}
        )

    def reads(self) -> tuple[str, ...]:
        return tuple(self.grants)

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """With the `subject` of each grant, and its `approver`: who has it, and on whose word."""
        states = [case.states.get(grant) or {} for grant in self.grants]
        of_grants = {"subject": "holder", "approver": "approved_by"}
        named = {
            part: frozenset(state[member] for state in states if state.get(member))
            for part, member in of_grants.items()
        }
        return {**super().parts(case), **{part: who for part, who in named.items() if who}}

    def require_decidable(self, case: Case, *verdicts: str) -> None:
        """Raises CanNot: not of the population, held by the reviewer, or decided otherwise than by `verdicts`."""
        population = frozenset(case.census.live_grants(bounds_of(case.state)))
        strangers = self.grants - population
        told = f"not of the population that was frozen: {_names(strangers)}"
        require(not strangers, "grant-is-of-the-population", told, case)
        reviewers = humans(acting(case).values(), case)
        own = [grant for grant in self.grants if humans([_holder(grant, case)], case) & reviewers]
        told = f"nobody reviews what they have themself: {_names(own)}"
        require(not own, "reviewer-is-not-holder", told, case)
        items = case.state.get("items", {})
        decided = [g for g in self.grants if g in items and items[g]["verdict"] not in verdicts]
        told = f"decided already: {_names(decided)}"
        require(not decided, "item-is-undecided", told, case)

    def in_entries(self, item: Mapping[str, Json]) -> Iterator[Event]:
        """The events that give every grant named this item, none of them larger than an entry can be."""
        rest = iter(sorted(self.grants))
        while some := list(islice(rest, ITEMS_OF_AN_ENTRY)):
            yield from self.stating(items=dict.fromkeys(some, item))


class CertifyReviewItems(_Decide, yields=ReviewItemCertified, verb="certify"):
    """Confirm that the holders of these grants still need their roles."""

    example: ClassVar[Mapping[str, Any]] = {"grants": ["grant/GRT0000007", "grant/GRT0000008"]}

    def decide(self, case: Case) -> Events:
        self.require_decidable(case)
        over = [grant for grant in self.grants if not _is_active(grant, case)]
        told = f"they are suspended, or over: reinstate them, or order their revocation. {_names(over)}"
        require(not over, "certified-grant-is-active", told, case)
        seen: Certification = {"campaign": case.subject, "by": case.actor, "at": case.now}
        on_grants = [
            On(grant, GrantCertified(certified={f"CRT-{case.new_id()}": seen}))
            for grant in sorted(self.grants)
        ]
        return [*on_grants, *self.in_entries({"verdict": "certified", **_said(case)})]


class OrderRevocations(_Decide, yields=ReviewItemRevocationOrdered, verb="revoke"):
    """Have these grants revoked by `due_at`. An item that was certified may still be decided so, never the reverse."""

    example: ClassVar[Mapping[str, Any]] = {
        "grants": ["grant/GRT0000009"],
        "due_at": "2126-04-09T00:00:00Z",
    }

    due_at: Moment

    def decide(self, case: Case) -> Events:
        told = f"a revocation is due after now, {case.now}; got {self.due_at}"
        require(self.due_at > case.now, "due-later", told, case)
        self.require_decidable(case, "certified")
        item = {"verdict": "revocation_ordered", **_said(case), "due_at": self.due_at}
        return list(self.in_entries(item))


class CloseAccessReview(Command, yields=AccessReviewClosed):
    """End the review, once every grant of its population has its verdict."""

    def decide(self, case: Case) -> Events:
        bounds = bounds_of(case.state)
        grants = case.census.live_grants(bounds)
        told = f"the log makes the population {population_of(bounds, grants)}"
        frozen = case.state["population"]
        require(population_of(bounds, grants) == frozen, "population-as-frozen", told, case)
        items = case.state.get("items", {})
        undecided = [grant for grant in grants if grant not in items]
        told = f"{len(undecided)} of {len(grants)} items are undecided: {_names(undecided)}"
        require(not undecided, "every-item-decided", told, case)
        verdicts = [item["verdict"] for item in items.values()]
        counts = {name: verdicts.count(name) for name in ("certified", "revocation_ordered")}
        return self.stating(verdicts=counts, closed_by=case.actor, closed_at=case.now)


def _said(case: Case) -> dict[str, Json]:
    return {"by": case.actor, "on_behalf_of": case.on_behalf_of, "at": case.now}


def _holder(grant: str, case: Case) -> str:
    return str(case.states[grant]["holder"])


def _is_active(grant: str, case: Case) -> bool:
    state = case.states[grant]
    return state.get("status") == "active" and not has_ended(state, case.now)


def _names(grants: Iterable[str]) -> str:
    """The first few, and how many more."""
    names = sorted(grants)
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
