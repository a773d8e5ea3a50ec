"""A priority lowered by whoever set it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.incident import IncidentReprioritised
from domain.person import human_of
from replay.detection.detector import Detector, Look, Shown
from replay.estate import Told


class PriorityLoweredAlone(Detector):
    """Who set it is told by the entry that stated it last. 1 is the highest priority."""

    name = "priority-lowered-alone"
    severity = "medium"
    sentence = "Lowering a priority takes somebody else than whoever set it."
    control = ("iso27001_2022:A.5.3",)
    types = frozenset({IncidentReprioritised.type_name})

    def see(self, look: Look) -> Iterator[Shown]:
        before, now = look.before.get("priority"), look.told.data.get("priority")
        actor = look.told.authid
        if not (before and now and actor) or now <= before:
            return
        setter = _setter(look.estate.told(look.subject))
        if setter is not None and human_of(look.case(), setter) == human_of(look.case(), actor):
            yield Shown(about=(look.subject, actor))


def _setter(told: list[Told]) -> str | None:
    stating = [one.authid for one in told if one.data.get("priority") is not None]
    return stating[-1] if stating else None
