"""A deployment that no authorized change stands behind."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change_retro_approval import RetroApprovalGranted
from domain.change_review import ChangeClosed
from replay.detection.detector import Cured, Look, Shown
from replay.detection.reconciling import TOLD, OfDeployments


class UnmatchedDeployment(OfDeployments):
    """It ends when the change that was opened for the deployment is approved afterwards, or closed."""

    name = "unmatched-deployment"
    severity = "high"
    breach = "unmatched"
    sentence = "What is deployed belongs to a change that was authorized by then."
    types = TOLD | {RetroApprovalGranted.type_name, ChangeClosed.type_name}

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        if look.family != "change":
            yield from super().see(look)
        elif look.after.get("deployment"):
            yield Cured(str(look.after["deployment"]))
