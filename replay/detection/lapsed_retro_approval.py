"""A retro-approval that nobody gave in time, or that was denied."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change_retro_approval import (
    RetroApprovalDenied,
    RetroApprovalGranted,
    RetroApprovalLapsed,
)
from replay.detection.detector import Cured, Detector, Look, Shown


class LapsedRetroApproval(Detector):
    """What was done without approval, and not approved afterwards either."""

    name = "lapsed-retro-approval"
    severity = "high"
    sentence = "What is implemented in an emergency is approved afterwards, in time."
    control = ("itil4:change-enablement", "soc2_tsc:CC8.1", "sox_itgc:CM-3")
    types = frozenset(
        {
            RetroApprovalLapsed.type_name,
            RetroApprovalDenied.type_name,
            RetroApprovalGranted.type_name,
        }
    )

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        if look.told.type == RetroApprovalGranted.type_name:
            yield Cured(look.subject)
            return
        people = [look.after.get(member) for member in ("break_glass_by", "implemented_by")]
        yield Shown(about=(look.subject, *(one for one in people if one)))
