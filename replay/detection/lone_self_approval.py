"""A change that nobody approved but those who asked for it or made it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change import change_content_hash
from domain.event import State
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
        approvers = humans(_approvers(look.after), case)
        own = humans(
            parts.get("requester", frozenset()) | parts.get("developer", frozenset()), case
        )
        if approvers and approvers <= own:
            yield Shown(about=(look.subject, *approvers))


def _approvers(state: State) -> set[str]:
    """Of the content as it stands. Where nobody stated what was approved, it is taken for this."""
    current = change_content_hash(state)
    return {
        str(person)
        for one in (state.get("approvals") or {}).values()
        if one.get("verdict") == "granted" and not one.get("void")
        if one.get("content_hash", current) == current
        for person in (one.get("by"), one.get("on_behalf_of"))
        if person
    }
