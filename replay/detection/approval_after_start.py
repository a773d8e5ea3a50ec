"""An approval that came when the change was being implemented already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.change_approval import ApprovalGranted
from domain.event import Json
from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS, began_at, begins


class ApprovalAfterStart(Detector):
    """By the moments that are stated: an approval that nobody dated is not taken for a late one."""

    name = "approval-after-start"
    severity = "high"
    sentence = "A change is approved before its implementation begins."
    control = ("soc2_tsc:CC8.1", "sox_itgc:CM-3")
    types = IMPLEMENTS | {ApprovalGranted.type_name}

    def see(self, look: Look) -> Iterator[Shown]:
        if look.told.type in IMPLEMENTS:
            late = _granted_after(look.after, began_at(look)) if begins(look) else []
        else:
            began = look.before.get("started_at") or look.before.get("implemented_at")
            new = look.told.data.get("approvals") or {}
            late = _granted_after({"approvals": new}, began) if began else []
        if late:
            people = {str(one["by"]) for one in late if one.get("by")}
            happened = min(str(one["at"]) for one in late)
            yield Shown(about=(look.subject, *people), happened_at=happened)


def _granted_after(state: Mapping[str, Json], began: str) -> list[Mapping[str, Json]]:
    approvals = (state.get("approvals") or {}).values()
    granted = [
        one for one in approvals if one and one.get("verdict") == "granted" and not one.get("void")
    ]
    return [one for one in granted if one.get("at") and one["at"] > began]
