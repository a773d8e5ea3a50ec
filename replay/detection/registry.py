"""Every detector that runs. A new one is one line here."""

from __future__ import annotations

from replay.detection.deployment_other_content import DeploymentOtherContent
from replay.detection.deployment_outside_window import DeploymentOutsideWindow
from replay.detection.detector import Detector
from replay.detection.unmatched_deployment import UnmatchedDeployment
from replay.detection.who_may import WhoMay

DETECTORS: tuple[Detector, ...] = (
    WhoMay(),
    UnmatchedDeployment(),
    DeploymentOutsideWindow(),
    DeploymentOtherContent(),
)
