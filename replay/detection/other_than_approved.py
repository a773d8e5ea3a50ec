"""An implementation of something else than what was approved."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change import change_content_hash
from domain.event import State
from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS, begins


class OtherThanApproved(Detector):
    """By the content's hash. An approval that states none says nothing about what was approved."""

    name = "other-than-approved"
    severity = "high"
    sentence = "What is implemented is what was approved."
    control = ("soc2_tsc:CC8.1", "sox_itgc:CM-3")
    types = IMPLEMENTS

    def see(self, look: Look) -> Iterator[Shown]:
        if not begins(look):
            return
        approved = _approved_hashes(look.before)
        if approved and change_content_hash(look.before) not in approved:
            yield Shown()


def _approved_hashes(state: State) -> set[str]:
    """Of the authorization, if there was one; else of each approval that states what it approved."""
    if state.get("authorized_hash"):
        return {str(state["authorized_hash"])}
    granted = [
        one for one in state.get("approvals", {}).values() if one.get("verdict") == "granted"
    ]
    stated = {str(one["content_hash"]) for one in granted if one.get("content_hash")}
    return (
        stated if len(stated) == len({str(one.get("content_hash")) for one in granted}) else set()
    )
