"""A change that nobody approved but those who asked for it or made it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.humans import humans
from domain.parts import parts_in
from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS, begins


class LoneSelfApproval(Detector):
    """Told when it is implemented: until then somebody else may still approve it."""

    name = "lone-self-approval"
    severity = "high"
    sentence = "What is implemented was approved by somebody who neither asked for it nor made it."
    control = ("iso27001_2022:A.5.3", "soc2_tsc:CC8.1", "sox_itgc:CM-4")
    types = IMPLEMENTS

    def see(self, look: Look) -> Iterator[Shown]:
        if not begins(look):
            return
        parts, case = parts_in("change", look.after), look.case()
        approvers = humans(parts.get("approver", ()), case)
        own = humans(
            parts.get("requester", frozenset()) | parts.get("developer", frozenset()), case
        )
        if approvers and approvers <= own:
            yield Shown(about=(look.subject, *approvers))
