"""What the detectors of deployments have in common: the same look at the changes, each for one kind of breach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.event import State
from domain.reconciliation import Breach, Reconciled, counts, happened_at, reconciled
from replay.detection.detector import Cured, Detector, Look, Shown

TOLD = frozenset(
    event.type_name for event in (DeploymentRecorded, DeploymentFailed, ServiceRestored)
)
CONTROL = ("cobit2019:BAI06.03", "iso27001_2022:A.8.32")


class OfDeployments(Detector):
    """Of each fact about a deployment, whether with it the breach begins to show, or is not there.

    A fact that adds nothing to a breach is none: what was opened or approved for it since stands.
    """

    breach: ClassVar[Breach]
    types = TOLD
    control = CONTROL

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        before, after = self._told(look, look.before), self._told(look, look.after)
        if after is None or self.breach not in after.breaches:
            if look.before:  # whatever was shown of it before
                yield Cured(look.subject)
        elif before is None or self.breach not in before.breaches:
            concerned = (after.change, look.after.get("deployed_by"))
            moment = happened_at(look.after) or look.told.time
            yield Shown(
                about=(look.subject, *(one for one in concerned if one)), happened_at=moment
            )

    def _told(self, look: Look, deployment: State) -> Reconciled | None:
        """None: no change has to stand behind it."""
        if not counts(deployment, look.thresholds):
            return None
        moment = happened_at(deployment) or look.told.time
        return reconciled(deployment, moment, look.estate.changes)
