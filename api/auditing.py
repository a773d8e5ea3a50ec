"""What auditors ask, as both ways in answer it: the right it takes, the replay, and personal values where they may be seen.

Every answer is JSON-ready, and names the position that it reflects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from api.identity import Identity
from api.periods import positions_between
from api.policies import HandedIn, validated
from api.readings import note
from domain.event import Json
from domain.reading import ReadingKind
from ledger.ledger import Ledger
from ledger.reveal import reveal
from replay.change_authority import change_authority
from replay.delegated import MOST_ACTS, delegated_acts
from replay.emergencies import emergencies
from replay.in_freezes import in_freezes
from replay.late_approvals import late_approvals
from replay.moment import Moment
from replay.period import Answered, Period, period_between
from replay.raci import raci
from replay.role_holders import role_holders
from replay.whatif import Otherwise, Progress, WhatIf, candidate_state, what_if

if TYPE_CHECKING:
    from replay.review_items import Wanted

MOST_CASES: Final = 10_000
Answer = dict[str, Any]
_AUTHORITY: Final = ("grant", "policy", "principal")
"""What an act with its rules and grants is told from, beside the family that it is about."""


@dataclass(frozen=True, slots=True)
class Auditing:
    """Asked by `identity`. Each question raises ScopeMissing or MayNot for who may not read what it is told from."""

    ledger: Ledger
    identity: Identity

    def authority(self, change: str) -> Answer:
        """Who approved the change, with what authority then; was it what was implemented. Raises UnknownSubject."""
        self._reads("change", "model", "deployment", *_AUTHORITY)
        found = self._told(change_authority(self.ledger, change))
        self._noted("authority", found["approvals"], change)
        return found

    def holders(self, role: str, moment: Moment) -> Answer:
        """Who held the role at the moment. Raises UnknownSubject, MomentRefused."""
        self._reads("role", "grant", "principal")
        found = self._told(role_holders(self.ledger, role, moment))
        self._noted("holders", found["holders"], role)
        return found

    def raci(self, moment: Moment, scope: str | None) -> Answer:
        """Who had which part in which activity at the moment. Raises MomentRefused."""
        self._reads("role", "grant", "principal")
        found = self._told(raci(self.ledger, moment, scope))
        self._noted("raci", found["items"])
        return found

    def review_items(
        self, review: str, verdict: Wanted | None, limit: int, cursor: str | None
    ) -> Answer:
        """A page of the review's items, as they stand. Raises UnknownSubject, Malformed."""
        from replay.review_items import review_items  # noqa: PLC0415 - its pages load what other questions need not

        self._reads("review", "grant")
        return self._told(
            review_items(self.ledger, review, verdict=verdict, limit=limit, cursor=cursor)
        )

    def late_approvals(self, start: str | None, end: str | None) -> Answer:
        self._reads("change")
        return self._of_period("late-approvals", late_approvals, start, end)

    def emergencies(self, start: str | None, end: str | None) -> Answer:
        self._reads("change", *_AUTHORITY)
        return self._of_period("emergencies", emergencies, start, end)

    def in_freezes(self, start: str | None, end: str | None) -> Answer:
        self._reads("change", "freeze", *_AUTHORITY)
        return self._of_period("in-freezes", in_freezes, start, end)

    def delegated(self, start: str | None, end: str | None, limit: int = MOST_ACTS) -> Answer:
        """What was recorded on somebody's behalf. `start`, `end`: moments or positions."""
        self._reads("*")
        first, last = positions_between(self.ledger, start, end)
        found = delegated_acts(self.ledger, first, last, limit)
        self._noted("delegated", found.acts)
        return {
            "from": found.start,
            "to": found.end,
            "items": [self._told(act) for act in found.acts],
            "truncated": found.truncated,
        }

    def check(
        self,
        candidate: HandedIn,
        start: str | None,
        end: str | None,
        *,
        limit: int | None = None,
        progress: Progress = lambda done, total: None,  # noqa: ARG005 - a listener need not listen
    ) -> Answer:
        """What the candidate policy would have refused. At most `limit` cases are told, and all are counted.

        Raises Malformed for a candidate that is not valid.
        """
        self._reads("*")
        chosen = validated(candidate)
        found = WhatIf(*positions_between(self.ledger, start, end))
        state = candidate_state(chosen.texts, chosen.thresholds)
        told: list[Answer] = []
        for one in what_if(self.ledger.database, state, found=found, progress=progress):
            if limit is None or len(told) < limit:
                told.append(told_case(one))
        self._noted("check", told)
        return {"otherwise": told, "truncated": len(told) < found.otherwise, **told_counts(found)}

    def _reads(self, *families: str) -> None:
        for family in families:
            self.identity.require(family, "read")

    def _of_period(
        self,
        what: ReadingKind,
        question: Callable[[Ledger, Period], Answered],
        start: str | None,
        end: str | None,
    ) -> Answer:
        found = question(self.ledger, period_between(start, end))
        self._noted(what, found.items)
        items = [self._told(item) for item in found.items]
        return {**found.period.told(), "position": found.position, "items": items}

    def _noted(self, what: ReadingKind, shown: Sized, *about: str) -> None:
        note(self.ledger, self.identity, what, entries=len(shown), about=about)

    def _told(self, found: Any) -> Answer:
        told = self._revealed(asdict(found))
        assert isinstance(told, dict)
        return told

    def _revealed(self, told: Json) -> Json:
        """Reasons are the only personal values in an act, and the commitments are its subject's."""
        if isinstance(told, Mapping):
            shown = {name: self._revealed(value) for name, value in told.items()}
            if told.get("reason"):
                subject = str(told["subject"])
                allowed = self.identity.sees_personal(subject.split("/", 1)[0])
                shown["reason"] = reveal(self.ledger, subject, told["reason"], allowed=allowed)
            return shown
        return [self._revealed(one) for one in told] if isinstance(told, list | tuple) else told


def told_case(one: Otherwise) -> Answer:
    return {
        "position": one.position,
        "time": one.time,
        "subject": one.subject,
        "action": one.action,
        "actor": one.actor,
        "decided": one.decided,
        "decided_by": list(one.decided_by),
        "refused_by": list(one.rules),
    }


def told_counts(found: WhatIf) -> Answer:
    return {
        "from": found.start,
        "to": found.end,
        "asked": found.asked,
        "unknown": found.unknown,
        "by_rule": found.by_rule,
    }
