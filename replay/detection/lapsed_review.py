"""A post-implementation review that nobody completed in time."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change_review import PirCompleted, ReviewLapsed
from domain.sets import members
from replay.detection.detector import Cured, Detector, Look, Shown


class LapsedReview(Detector):
    """Time alone makes no entry: the system's own says that the due date has passed. The review itself heals it."""

    name = "lapsed-review"
    severity = "medium"
    sentence = "What went wrong, or might have, is reviewed afterwards, in time."
    control = ("itil4:change-enablement", "soc2_tsc:CC8.1")
    types = frozenset({ReviewLapsed.type_name, PirCompleted.type_name})

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        if look.told.type == ReviewLapsed.type_name:
            named = sorted(members(look.after.get("review_members")))
            yield Shown(about=(look.subject, *named))
        elif "review_lapsed_at" in look.before:
            yield Cured(look.subject)
